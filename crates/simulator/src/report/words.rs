//! Numbers as people read them.

use leasehold_units::{Instant, Money, Zone};

/// `1,234,567`.
pub fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1,250,000,000.00`, with a true minus sign where it is negative.
pub fn money(amount: Money) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("−", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = grouped(whole.parse().expect("an amount is a number"));
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// `292.3` for 292,276,391 W.
pub fn megawatts(watts: u64) -> String {
    let tenths = (watts + 50_000) / 100_000;
    format!("{}.{}", grouped(u128::from(tenths / 10)), tenths % 10)
}

/// `51.3 %`; what is there but rounds to nothing is `< 0.1 %`.
pub fn share(part: u128, whole: u128) -> String {
    let mille = (part * 2000 / whole.max(1)).div_ceil(2);
    if mille == 0 && part > 0 {
        return "< 0.1 %".into();
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
    let day = zone.day_of(at);
    let seconds = at.since(zone.start_of(day)).get();
    format!("{day} {:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(220_208), "220,208");
        assert_eq!(grouped(7), "7");
        assert_eq!(megawatts(292_276_391), "292.3");
        assert_eq!(share(1, 2), "50.0 %");
        assert_eq!(share(1, 1_000_000), "< 0.1 %");
        assert_eq!(length(166), "2 min 46 s");
        assert_eq!(length(0), "0 s");
        let usd = leasehold_units::Currency::from_code("USD").expect("a currency");
        assert_eq!(money(Money::from_minor(-12_345_678, usd)), "−123,456.78");
    }
}
