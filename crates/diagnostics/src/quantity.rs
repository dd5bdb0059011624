//! Texts that are quantities: `"8.4 kW"`, `"10 min"`, `"99.5%"`, `"4096 GPU"`.

use leasehold_units::{Ratio, Seconds, Watts};

/// A number and its unit, one space apart at most, the unit as one of `units` with its factor. The
/// product is exact.
pub fn with_unit(text: &str, units: &[(&str, i128)]) -> Option<(Ratio, usize)> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let place = units.iter().position(|(name, _)| *name == unit)?;
    let number = decimal(number)?;
    Some((number.times(Ratio::whole(units[place].1)), place))
}

/// A plain decimal.
pub fn decimal(text: &str) -> Option<Ratio> {
    Ratio::from_decimal(text).ok()
}

/// A share such as `99.5%`, as 0 to 1 for 0 to 100.
pub fn percent(text: &str) -> Option<Ratio> {
    let number = text.strip_suffix('%')?;
    let number = number.strip_suffix(' ').unwrap_or(number);
    Some(decimal(number)?.over(Ratio::whole(100)))
}

/// Power in whole watts.
pub fn watts(text: &str) -> Option<Watts> {
    let units = [("W", 1), ("kW", 1_000), ("MW", 1_000_000), ("GW", 1_000_000_000)];
    let (watts, _) = with_unit(text, &units)?;
    let whole = (watts.denominator() == 1).then_some(watts.numerator())?;
    u64::try_from(whole).ok().map(Watts::new)
}

/// A length of time in whole seconds.
pub fn seconds(text: &str) -> Option<Seconds> {
    let units = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];
    let (seconds, _) = with_unit(text, &units)?;
    let whole = (seconds.denominator() == 1).then_some(seconds.numerator())?;
    u64::try_from(whole).ok().map(Seconds::new)
}
