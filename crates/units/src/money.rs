//! Money in whole minor units of one ISO 4217 currency.

use std::fmt;

use crate::Ratio;

/// An ISO 4217 currency with a defined minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// An amount in the minor unit of a currency (cents, yen, fils). May be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i128,
    currency: Currency,
}

/// Codes that the crate still lists and ISO 4217, as published on 2026-01-01, does not, each with
/// the code that took its place.
const WITHDRAWN: [(&str, &str); 5] =
    [("BGN", "EUR"), ("CUC", "CUP"), ("HRK", "EUR"), ("SLL", "SLE"), ("ZWL", "ZWG")];

/// Why a text is not an amount or a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an alphabetic code in force, or one without a minor unit (gold, test codes).
    #[error("{0:?} is not a currency of ISO 4217 with a minor unit")]
    UnknownCurrency(String),
    /// A code that ISO 4217 has withdrawn.
    #[error("{code:?} is withdrawn from ISO 4217; {successor} took its place")]
    WithdrawnCurrency {
        /// The refused code.
        code: String,
        /// What took its place.
        successor: &'static str,
    },
    /// Not a plain decimal.
    #[error("{0:?} is not an amount: expected a decimal such as \"1250000000.00\"")]
    NotAnAmount(String),
    /// More digits after the point than the currency has.
    #[error("{text:?} has more digits after the point than {currency} has ({digits})")]
    TooManyDigits {
        /// The refused text.
        text: String,
        /// The currency's code.
        currency: Currency,
        /// How many it has.
        digits: u32,
    },
}

impl Currency {
    /// The currency with the alphabetic code `code`.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(code.into());
        if let Some((_, successor)) = WITHDRAWN.iter().find(|(old, _)| *old == code) {
            return Err(MoneyError::WithdrawnCurrency { code: code.into(), successor });
        }
        let currency = iso_currency::Currency::from_code(code).ok_or_else(unknown)?;
        currency.exponent().ok_or_else(unknown)?;
        Ok(Self(currency))
    }

    /// The alphabetic code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the point: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn digits(self) -> u32 {
        u32::from(self.0.exponent().expect("checked when it was made"))
    }
}

impl Money {
    /// `minor` minor units of `currency`.
    pub const fn from_minor(minor: i128, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a decimal such as `1250000000.00`. Fewer digits than the currency has are allowed,
    /// more are refused rather than rounded.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let exact = Ratio::from_decimal(text).map_err(|_| MoneyError::NotAnAmount(text.into()))?;
        let written = text.split_once('.').map_or(0, |(_, part)| part.len());
        if written > currency.digits() as usize {
            return Err(MoneyError::TooManyDigits {
                text: text.into(),
                currency,
                digits: currency.digits(),
            });
        }
        let minor = exact.times(Ratio::whole(10_i128.pow(currency.digits())));
        Ok(Self { minor: minor.numerator(), currency })
    }

    /// Reads what `Display` writes: a decimal that may have a minus sign before it.
    pub fn from_signed_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        match text.strip_prefix('-') {
            Some(size) => Self::from_decimal(size, currency).map(Self::negated),
            None => Self::from_decimal(text, currency),
        }
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i128 {
        self.minor
    }

    /// Its currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Panics
    /// If the currencies differ or the sum leaves 128 bits.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        assert_eq!(self.currency, other.currency, "amounts of two currencies added");
        let minor = self.minor.checked_add(other.minor).expect("amount leaves 128 bits");
        Self { minor, currency: self.currency }
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    /// The same amount owed the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { minor: -self.minor, currency: self.currency }
    }

    /// The amount as an exact number of minor units.
    pub const fn exact(self) -> Ratio {
        Ratio::whole(self.minor)
    }

    /// `minor_units`, rounded half to even, as money.
    pub fn rounded_half_even(minor_units: Ratio, currency: Currency) -> Self {
        Self { minor: minor_units.round_half_even(), currency }
    }
}

impl fmt::Display for Money {
    /// A plain decimal with the currency's digits and without its code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let scale = 10_u128.pow(self.currency.digits());
        let (whole, part) = (self.minor.unsigned_abs() / scale, self.minor.unsigned_abs() % scale);
        let text = if digits == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{part:0digits$}")
        };
        f.pad(&text)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
