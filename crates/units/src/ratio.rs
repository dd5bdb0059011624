//! Exact rational numbers, for fee factors, proration, PUE and prices.

use std::cmp::Ordering;
use std::fmt;

/// An exact rational, always in lowest terms with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

/// Why a text is not an exact decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a decimal number of at most 18 digits on either side of the point")]
pub struct RatioError {
    /// The refused text.
    pub text: String,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// The whole.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator / denominator`, reduced.
    ///
    /// # Panics
    /// If the denominator is zero.
    pub fn new(numerator: i128, denominator: i128) -> Self {
        assert!(denominator != 0, "ratio with denominator zero");
        Self::checked_new(numerator, denominator).expect("ratio leaves 128 bits")
    }

    /// `numerator / denominator`, reduced; nothing where the denominator is zero or either is the
    /// least number of 128 bits, whose opposite has 129.
    pub fn checked_new(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 || numerator == i128::MIN || denominator == i128::MIN {
            return None;
        }
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        if divisor == 1 && denominator > 0 {
            return Some(Self { numerator, denominator });
        }
        let divisor = i128::try_from(divisor).expect("divisor fits") * denominator.signum();
        Some(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// The whole number `count`.
    pub const fn whole(count: i128) -> Self {
        Self { numerator: count, denominator: 1 }
    }

    /// Reads a plain decimal such as `1.2`, `0.062` or `50`; no sign, no exponent.
    pub fn from_decimal(text: &str) -> Result<Self, RatioError> {
        let error = || RatioError { text: text.into() };
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str| (1..=18).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(error());
        }
        let scale = 10_i128.pow(u32::try_from(part.len()).expect("at most 18"));
        let whole: i128 = whole.parse().map_err(|_| error())?;
        let part: i128 = part.parse().map_err(|_| error())?;
        Ok(Self::new(whole * scale + part, scale))
    }

    /// The number above the line.
    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// The number below the line, at least 1.
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    /// The sum, over the least common denominator.
    ///
    /// # Panics
    /// If a term leaves 128 bits even so.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.checked_plus(other).expect("ratio leaves 128 bits")
    }

    /// The sum, or nothing where a term leaves 128 bits even over the least common denominator.
    pub fn checked_plus(self, other: Self) -> Option<Self> {
        let shared = gcd(self.denominator.unsigned_abs(), other.denominator.unsigned_abs());
        let shared = i128::try_from(shared).expect("it divides a denominator");
        let (stretch, other_stretch) = (other.denominator / shared, self.denominator / shared);
        let left = self.numerator.checked_mul(stretch)?;
        let right = other.numerator.checked_mul(other_stretch)?;
        Self::checked_new(left.checked_add(right)?, self.denominator.checked_mul(stretch)?)
    }

    /// The difference; may be negative.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    /// The same below zero, or above it again.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { numerator: -self.numerator, denominator: self.denominator }
    }

    /// The product, reduced across before it is multiplied out.
    ///
    /// # Panics
    /// If it leaves 128 bits even so.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        self.checked_times(other).expect("ratio leaves 128 bits")
    }

    /// The product, or nothing where it leaves 128 bits even reduced across.
    pub fn checked_times(self, other: Self) -> Option<Self> {
        let left = Self::checked_new(self.numerator, other.denominator)?;
        let right = Self::checked_new(other.numerator, self.denominator)?;
        let numerator = left.numerator.checked_mul(right.numerator)?;
        Self::checked_new(numerator, left.denominator.checked_mul(right.denominator)?)
    }

    /// The quotient.
    ///
    /// # Panics
    /// If `other` is zero.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        self.times(Self::new(other.denominator, other.numerator))
    }

    /// The quotient, or nothing where `other` is zero or a term leaves 128 bits.
    pub fn checked_over(self, other: Self) -> Option<Self> {
        self.checked_times(Self::checked_new(other.denominator, other.numerator)?)
    }

    /// The nearest whole number; of two equally near, the even one.
    pub fn round_half_even(self) -> i128 {
        let floor = self.floor();
        let rest = self.numerator - floor * self.denominator;
        match (rest * 2).cmp(&self.denominator) {
            Ordering::Less => floor,
            Ordering::Greater => floor + 1,
            Ordering::Equal => floor + (floor & 1),
        }
    }

    /// The nearest whole number, of two equally near the even one, as a ratio; nothing where finding
    /// it leaves 128 bits.
    pub fn checked_round_half_even(self) -> Option<Self> {
        self.denominator.checked_mul(2)?;
        self.numerator.checked_abs()?.checked_add(self.denominator)?;
        Some(Self::whole(self.round_half_even()))
    }

    /// The largest whole number that is not above it.
    pub const fn floor(self) -> i128 {
        self.numerator.div_euclid(self.denominator)
    }
}

/// Compares what two ratios of one floor have beyond it, without multiplying them out: of two
/// parts of a whole, the one that goes into it the fewer times is the larger.
fn compare_rests(a: Ratio, b: Ratio) -> Ordering {
    let rest = |ratio: Ratio| ratio.numerator.rem_euclid(ratio.denominator);
    match (rest(a), rest(b)) {
        (0, 0) => Ordering::Equal,
        (0, _) => Ordering::Less,
        (_, 0) => Ordering::Greater,
        (x, y) => Ratio::new(b.denominator, y).cmp(&Ratio::new(a.denominator, x)),
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        // Mostly both are small, and a division of 64 bits costs a fraction of one of 128.
        if let (Ok(small_a), Ok(small_b)) = (u64::try_from(a), u64::try_from(b)) {
            return u128::from(small_gcd(small_a, small_b)).max(1);
        }
        (a, b) = (b, a % b);
    }
    a.max(1)
}

const fn small_gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = self.numerator.checked_mul(other.denominator);
        let right = other.numerator.checked_mul(self.denominator);
        match (left, right) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.floor().cmp(&other.floor()).then_with(|| compare_rests(*self, *other)),
        }
    }
}

impl fmt::Display for Ratio {
    /// As `n` or `n/d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == 1 {
            write!(f, "{}", self.numerator)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}
