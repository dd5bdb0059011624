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

/// Units of power, in watts.
const WATT_UNITS: [(&str, i128); 4] =
    [("W", 1), ("kW", 1_000), ("MW", 1_000_000), ("GW", 1_000_000_000)];

/// Power in whole watts.
pub fn watts(text: &str) -> Option<Watts> {
    let (watts, _) = with_unit(text, &WATT_UNITS)?;
    let whole = (watts.denominator() == 1).then_some(watts.numerator())?;
    u64::try_from(whole).ok().map(Watts::new)
}

/// A power as a file would have it, in the largest unit of which it is a whole number.
pub fn spelled_watts(power: Watts) -> String {
    let count = i128::from(power.get());
    let fits = |(_, factor): &&(&str, i128)| count != 0 && count % factor == 0;
    let (unit, factor) = WATT_UNITS.iter().rfind(fits).unwrap_or(&WATT_UNITS[0]);
    format!("{} {unit}", count / factor)
}

/// A length of time in whole seconds.
pub fn seconds(text: &str) -> Option<Seconds> {
    let units = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];
    let (seconds, _) = with_unit(text, &units)?;
    let whole = (seconds.denominator() == 1).then_some(seconds.numerator())?;
    u64::try_from(whole).ok().map(Seconds::new)
}
