//! How quantities are written on an invoice.

use leasehold_lease::Meter;
use leasehold_units::{Day, Month, Ratio};

/// `ratio` as an exact decimal where there is one of at most 18 digits, else as `n/d`.
pub(crate) fn decimal(ratio: Ratio) -> String {
    (0..=18)
        .find_map(|digits| {
            let scaled = ratio.times(Ratio::whole(10_i128.pow(digits)));
            (scaled.denominator() == 1).then(|| with_point(scaled.numerator(), digits))
        })
        .unwrap_or_else(|| ratio.to_string())
}

/// `ratio` as an exact percentage.
pub(crate) fn percent(ratio: Ratio) -> String {
    format!("{}%", decimal(ratio.times(Ratio::whole(100))))
}

/// `ratio` as a percentage with four digits, cut off rather than rounded: what falls short of a
/// promise must not read as if it met it.
pub(crate) fn percent_cut(ratio: Ratio) -> String {
    format!("{}%", with_point(ratio.times(Ratio::whole(1_000_000)).floor(), 4))
}

/// `quantity` to so many digits after the point, for reading.
pub(crate) fn rounded(quantity: Ratio, digits: u32) -> String {
    with_point(quantity.times(Ratio::whole(10_i128.pow(digits))).round_half_even(), digits)
}

/// `scaled` with its last `digits` digits after the point.
fn with_point(scaled: i128, digits: u32) -> String {
    let scale = 10_u128.pow(digits);
    let sign = if scaled < 0 { "-" } else { "" };
    let (whole, part) = (scaled.unsigned_abs() / scale, scaled.unsigned_abs() % scale);
    match digits {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{part:0width$}", width = digits as usize),
    }
}

/// A month in words: `May 2026`.
pub fn month_name(month: Month) -> String {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let index = usize::try_from(month.month - 1).expect("months are counted from 1");
    format!("{} {}", NAMES[index], month.year)
}

/// A stretch of days of one month, in words: `20 to 31 May 2026`, or `May 2026` where it is the
/// whole of it.
pub(crate) fn span_name(start: Day, end: Day) -> String {
    let month = Month::of(start);
    let name = month_name(month);
    if start == month.first_day() && end == month.last_day() {
        name
    } else if start == end {
        format!("{} {name}", start.day())
    } else {
        format!("{} to {} {name}", start.day(), end.day())
    }
}

/// A meter's name in files.
pub(crate) const fn meter_key(meter: Meter) -> &'static str {
    match meter {
        Meter::Energy => "energy",
        Meter::GpuHoursUsed => "gpu_hours_used",
        Meter::GpuHoursHeld => "gpu_hours_held",
        Meter::GpuHoursOver => "gpu_hours_over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_fractions() {
        let written = [(62, 1000), (1, 3), (-5, 4), (7, 1), (0, 1), (-1, 8)];
        let texts = written.map(|(above, below)| decimal(Ratio::new(above, below))).join(" ");
        assert_eq!(texts, "0.062 1/3 -1.25 7 0 -0.125");
        assert_eq!(percent(Ratio::new(995, 1000)), "99.5%");
    }

    #[test]
    fn a_share_just_below_a_promise_does_not_read_as_if_it_met_it() {
        assert_eq!(percent_cut(Ratio::new(994_999_999, 1_000_000_000)), "99.4999%");
        assert_eq!(percent_cut(Ratio::ONE), "100.0000%");
    }

    #[test]
    fn days_read_like_a_calendar() {
        let day = |day| Day::constant(2026, 5, day);
        assert_eq!(span_name(day(1), day(31)), "May 2026");
        assert_eq!(span_name(day(20), day(31)), "20 to 31 May 2026");
        assert_eq!(span_name(day(3), day(3)), "3 May 2026");
    }
}
