//! Lengths of time as people write them: `90s`, `10m`, `1h30m`, `2d`, and Slurm's `HH:MM:SS`.

const EXPECTED: &str = "expected a length of time such as 90s, 10m, 1h30m, 2d or HH:MM:SS";

/// A length of time in whole seconds, at least one.
///
/// # Errors
/// Where it is none; a number without a unit is refused, as some would mean minutes and others seconds.
pub fn parse(text: &str) -> Result<u32, String> {
    let seconds = if text.contains(':') { clock(text) } else { units(text) };
    let seconds =
        seconds.filter(|seconds| *seconds > 0).and_then(|seconds| u32::try_from(seconds).ok());
    seconds.ok_or_else(|| {
        if text.parse::<u64>().is_ok() {
            return format!("{EXPECTED}; say the unit: {text}s or {text}m");
        }
        EXPECTED.into()
    })
}

/// `1h30m`: each unit once, the larger ones first.
fn units(text: &str) -> Option<u64> {
    let (mut rest, mut total, mut below) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = match &after[..end] {
            "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return None,
        };
        if unit >= below {
            return None;
        }
        (below, rest) = (unit, &after[end..]);
        total = total.checked_add(count.checked_mul(unit)?)?;
    }
    Some(total)
}

/// `HH:MM:SS`, `MM:SS`, and with days before: `D-HH:MM:SS`.
fn clock(text: &str) -> Option<u64> {
    let (days, time) = text
        .split_once('-')
        .map_or(Some((0, text)), |(days, time)| Some((days.parse().ok()?, time)))?;
    let parts: Vec<u64> = time.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (hours, minutes, seconds),
        [minutes, seconds] if days == 0 => (0, minutes, seconds),
        _ => return None,
    };
    let small = seconds < 60 && (minutes < 60 || parts.len() == 2);
    let whole: u64 = days;
    let total = whole.checked_mul(86_400)?.checked_add(hours.checked_mul(3_600)?)?;
    small.then_some(total.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `seconds` for reading: `1h30m`.
pub fn spelled(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let text: String = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_both_forms() {
        let cases = [
            ("90s", 90),
            ("10m", 600),
            ("10min", 600),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("01:30:00", 5_400),
            ("90:00", 5_400),
            ("1-00:00:01", 86_401),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "",
            "10",
            "0s",
            "1m1h",
            "1h1h",
            "1:60",
            "1:2:3:4",
            "1-5",
            "-5s",
            "+1:00",
            "h",
            "1x",
            "99999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("10").expect_err("no unit").contains("10s or 10m"));
    }

    #[test]
    fn lengths_of_time_are_spelled_as_they_are_read() {
        for seconds in [1, 60, 90, 3_600, 5_400, 86_400, 90_061] {
            assert_eq!(parse(&spelled(seconds)), Ok(u32::try_from(seconds).expect("small")));
        }
    }
}
