//! How quantities are written in JSON and CSV: money and ratios as decimal strings, days ISO 8601,
//! instants RFC 3339 in UTC.

use leasehold_units::{Day, Instant, Money, Ratio};
use serde::Serializer;

/// Digits after the point of a ratio that has no end, such as a share of a third.
const DIGITS: u32 = 6;

/// Digits after the point of an escalation factor.
const FACTOR_DIGITS: u32 = 12;

/// An amount as a decimal string with the currency's digits.
pub fn money<S: Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// A civil day.
pub fn day<S: Serializer>(day: &Day, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// A civil day or null.
pub fn maybe_day<S: Serializer>(day: &Option<Day>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_none(),
    }
}

/// An instant, RFC 3339 in UTC.
pub fn instant<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// An instant or null.
pub fn maybe_instant<S: Serializer>(
    at: &Option<Instant>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

/// A share of one as a decimal string.
pub fn share<S: Serializer>(share: &Ratio, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&fraction(*share))
}

/// An escalation factor as a decimal string.
pub fn factor<S: Serializer>(factor: &Ratio, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&decimal(*factor, FACTOR_DIGITS))
}

/// Whether a factor changes nothing.
pub fn is_one(factor: &Ratio) -> bool {
    *factor == Ratio::ONE
}

/// A share of one as a plain decimal, rounded half-even where it has no end: `0.5`, `0.333333`.
pub fn fraction(share: Ratio) -> String {
    decimal(share, DIGITS)
}

/// A number that is not negative, rounded half-even to `digits`, without zeros at its end. It is
/// divided digit by digit: a factor may have more of them than a product has room for.
fn decimal(number: Ratio, digits: u32) -> String {
    let whole = number.floor();
    let mut rest = Ratio::new(number.numerator() % number.denominator(), number.denominator());
    let mut part = 0;
    for _ in 0..digits {
        let ten = Ratio::new(rest.numerator() * 10, rest.denominator());
        part = part * 10 + ten.floor();
        rest = Ratio::new(ten.numerator() % ten.denominator(), ten.denominator());
    }
    let scale = 10_i128.pow(digits);
    let rounded = Ratio::whole(whole * scale + part).plus(rest).round_half_even();
    let (whole, part) = (rounded / scale, rounded % scale);
    let text = format!("{whole}.{part:0width$}", width = digits as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share of one in percent, for reading: `50 %`.
pub fn percent(share: Ratio) -> String {
    let hundredths = share.times(Ratio::whole(10_000)).round_half_even();
    let digits = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_where_they_end() {
        let cases = [
            (1, 1, "1", "100 %"),
            (0, 1, "0", "0 %"),
            (1, 2, "0.5", "50 %"),
            (9, 10, "0.9", "90 %"),
            (1, 3, "0.333333", "33.33 %"),
            (1, 40, "0.025", "2.5 %"),
        ];
        for (numerator, denominator, decimal, read) in cases {
            let share = Ratio::new(numerator, denominator);
            assert_eq!((fraction(share).as_str(), percent(share).as_str()), (decimal, read));
        }
    }

    #[test]
    fn factors_of_many_digits_are_rounded_half_even() {
        let three_percent = Ratio::new(103_i128.pow(17), 100_i128.pow(17));
        assert_eq!(decimal(three_percent, 12), "1.652847632272");
        assert_eq!(decimal(Ratio::new(999_999_999, 1_000_000_000), 6), "1");
        assert_eq!(
            (decimal(Ratio::new(5, 2), 0), decimal(Ratio::new(25, 100), 1)),
            ("2".into(), "0.2".into())
        );
    }
}
