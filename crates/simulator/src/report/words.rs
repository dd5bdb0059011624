//! Numbers as people read them.

use leasehold_units::{Instant, Money, Zone};

/// Months, shortened.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `1,234,567`.
pub fn grouped(number: u128) -> String {
    leasehold_units::grouped(&number.to_string())
}

/// `1,250,000,000.00`, with a true minus sign where it is negative.
pub fn money(amount: Money) -> String {
    leasehold_units::grouped(&amount.to_string()).replace('-', "−")
}

/// `292.3` for 292,276,391 W, in a column of megawatts.
pub fn megawatts(watts: u64) -> String {
    let tenths = (watts + 50_000) / 100_000;
    format!("{}.{}", grouped(u128::from(tenths / 10)), tenths % 10)
}

/// `292.3 MW`, `300 MW`, or `240 kW` on a small site.
pub fn watts(watts: u64) -> String {
    let (unit, name) = if watts < 1_000_000 { (1_000, "kW") } else { (1_000_000, "MW") };
    let tenths = (watts + unit / 20) / (unit / 10);
    let whole = grouped(u128::from(tenths / 10));
    match tenths % 10 {
        0 => format!("{whole} {name}"),
        tenth => format!("{whole}.{tenth} {name}"),
    }
}

/// `51.3 %`; what is there but rounds to nothing is `< 0.1 %`, and what lacks something is never
/// said to be all.
pub fn share(part: u128, whole: u128) -> String {
    let mille = (part * 2000 / whole.max(1)).div_ceil(2);
    if mille == 0 && part > 0 {
        return "< 0.1 %".into();
    }
    if mille == 1000 && part < whole {
        return "> 99.9 %".into();
    }
    format!("{}.{} %", mille / 10, mille % 10)
}

/// `90 s`, `10 min`, `2 min 46 s`, `1 h 30 min`.
pub fn length(seconds: u64) -> String {
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if said.is_empty() { "0 s".into() } else { said.join(" ") }
}

/// The civil day and time of day in `zone`, such as `2026-07-15 14:00`.
pub fn local(at: Instant, zone: &Zone) -> String {
    format!("{} {}", zone.day_of(at), clock(at, zone))
}

/// The time of day in `zone`, such as `14:00`.
pub fn clock(at: Instant, zone: &Zone) -> String {
    let (hour, minute) = zone.clock(at);
    format!("{hour:02}:{minute:02}")
}

/// A mean as a whole number, for a label.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "means are not negative"
)]
pub fn rounded(value: f64) -> u128 {
    value.round() as u128
}

/// `1.25 bn`, `500 M`, `40 k`: a round amount of whole currency units for an axis.
pub fn amount_short(units: u128) -> String {
    let scales = [(1_000_000_000, " bn"), (1_000_000, " M"), (1_000, " k")];
    let Some((scale, name)) = scales.into_iter().find(|(scale, _)| units >= *scale) else {
        return units.to_string();
    };
    let hundredths = units % scale * 100 / scale;
    let part = format!(".{hundredths:02}");
    format!("{}{}{name}", grouped(units / scale), part.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(220_208), "220,208");
        assert_eq!(grouped(7), "7");
        assert_eq!(megawatts(292_276_391), "292.3");
        let powers = [0, 240_000, 999_960, 1_000_000, 292_276_391, 300_000_000].map(watts);
        assert_eq!(powers.join("; "), "0 kW; 240 kW; 1,000 kW; 1 MW; 292.3 MW; 300 MW");
        assert_eq!(share(11_236, 11_237), "> 99.9 %");
        assert_eq!(share(1, 2), "50.0 %");
        assert_eq!(share(1, 1_000_000), "< 0.1 %");
        assert_eq!(length(166), "2 min 46 s");
        assert_eq!(length(0), "0 s");
        let short = [0, 999, 1_500, 40_000, 500_000_000, 1_250_000_000].map(amount_short);
        assert_eq!(short.join("; "), "0; 999; 1.5 k; 40 k; 500 M; 1.25 bn");
        let usd = leasehold_units::Currency::from_code("USD").expect("a currency");
        assert_eq!(money(Money::from_minor(-12_345_678, usd)), "−123,456.78");
    }

    #[test]
    fn the_time_of_day_is_the_one_that_clocks_show() {
        let zone = Zone::named("America/Chicago").expect("a zone");
        let at = |text| Instant::from_rfc3339(text).expect("an instant");
        // Clocks went forward at 2:00 on this day.
        assert_eq!(local(at("2026-03-08T07:59:00Z"), &zone), "2026-03-08 01:59");
        assert_eq!(local(at("2026-03-08T08:00:00Z"), &zone), "2026-03-08 03:00");
        assert_eq!(local(at("2026-07-15T19:00:00Z"), &zone), "2026-07-15 14:00");
        // They went back at 2:00 on this one, and showed 1:30 twice.
        assert_eq!(local(at("2026-11-01T06:30:00Z"), &zone), "2026-11-01 01:30");
        assert_eq!(local(at("2026-11-01T07:30:00Z"), &zone), "2026-11-01 01:30");
        assert_eq!(local(at("2026-11-02T05:59:00Z"), &zone), "2026-11-01 23:59");
    }
}
