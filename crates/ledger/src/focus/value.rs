//! What stands in a cell of a FOCUS dataset, and how it is written.

use std::fmt;

use leasehold_units::{Instant, Money, Ratio};

/// Digits after the point that every number is kept to.
pub const SCALE: u32 = 18;

/// A column of a dataset whose rows are `R`.
pub struct Column<R> {
    /// Its identifier in the specification; `x_` before one of ours.
    pub name: &'static str,
    /// Of what its values are.
    pub kind: ColumnKind,
    /// What a row has there.
    pub value: fn(&R) -> Cell<'_>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Texts.
    Text,
    /// Instants, written in UTC.
    Time,
    /// Numbers.
    Decimal,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// None.
    Null,
    /// A text; never empty.
    Text(&'a str),
    /// An instant.
    Time(Instant),
    /// A number.
    Decimal(Decimal),
}

/// A decimal number with at most [`SCALE`] digits after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    /// How many units of the last digit.
    scaled: i128,
    /// Digits after the point that are written even where they are zero, at least 1: readers take
    /// a number without a point for one of another type.
    digits: u32,
}

impl<'a> Cell<'a> {
    /// A text that may be missing.
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// A number that may be missing.
    pub fn decimal(decimal: Option<Decimal>) -> Self {
        decimal.map_or(Self::Null, Self::Decimal)
    }
}

impl fmt::Display for Cell<'_> {
    /// As CSV has it: nothing for none, instants in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Time(at) => at.fmt(f),
            Self::Decimal(decimal) => decimal.fmt(f),
        }
    }
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { scaled: 0, digits: 1 };

    /// An amount, exactly, with the digits of its currency. `None` beyond 20 digits before the point.
    pub fn of_money(money: Money) -> Option<Self> {
        let digits = money.currency().digits();
        let scaled = money.minor().checked_mul(10_i128.pow(SCALE.checked_sub(digits)?))?;
        Some(Self { scaled, digits: digits.max(1) })
    }

    /// `ratio`, rounded half to even. `None` beyond 20 digits before the point.
    pub fn rounded_half_even(ratio: Ratio) -> Option<Self> {
        let denominator = ratio.denominator();
        let mut scaled = ratio.floor();
        let mut rest = ratio.numerator() - scaled * denominator;
        for _ in 0..SCALE {
            rest = rest.checked_mul(10)?;
            scaled = scaled.checked_mul(10)?.checked_add(rest / denominator)?;
            rest %= denominator;
        }
        let last = Ratio::checked_new(rest, denominator)?.checked_round_half_even()?;
        let is_half = rest.checked_mul(2)? == denominator;
        let up = if is_half { scaled & 1 } else { last.floor() };
        Some(Self { scaled: scaled.checked_add(up)?, digits: 1 })
    }

    /// How many units of the digit number [`SCALE`] after the point.
    pub const fn scaled(self) -> i128 {
        self.scaled
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u128.pow(SCALE);
        let sign = if self.scaled < 0 { "-" } else { "" };
        let (whole, part) = (self.scaled.unsigned_abs() / one, self.scaled.unsigned_abs() % one);
        let part = format!("{part:0width$}", width = SCALE as usize);
        let shown = part.trim_end_matches('0').len().max(self.digits as usize);
        write!(f, "{sign}{whole}.{}", &part[..shown])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasehold_units::Currency;

    #[test]
    fn numbers_always_have_a_point_and_no_digit_too_many() {
        let money = |minor, code| {
            let currency = Currency::from_code(code).expect("a currency");
            Decimal::of_money(Money::from_minor(minor, currency)).expect("it fits").to_string()
        };
        assert_eq!(money(-123_450, "USD"), "-1234.50");
        assert_eq!(money(7, "JPY"), "7.0");
        assert_eq!(money(1, "BHD"), "0.001");
        let quotient = |above, below| {
            let decimal = Decimal::rounded_half_even(Ratio::new(above, below));
            decimal.expect("it fits").to_string()
        };
        assert_eq!(quotient(1, 4), "0.25");
        assert_eq!(quotient(-2, 3), "-0.666666666666666667");
        assert_eq!(quotient(12, 1), "12.0");
        let half = 2 * 10_i128.pow(SCALE);
        assert_eq!(
            (quotient(1, half), quotient(3, half)),
            ("0.0".into(), "0.000000000000000002".into())
        );
        assert_eq!(
            (quotient(-1, half), quotient(-3, half)),
            ("0.0".into(), "-0.000000000000000002".into())
        );
    }

    #[test]
    fn what_does_not_fit_is_no_number() {
        assert_eq!(Decimal::rounded_half_even(Ratio::whole(10_i128.pow(21))), None);
    }
}
