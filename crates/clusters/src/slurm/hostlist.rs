//! Slurm's lists of hosts: `n[1-3,07-09],gpu-[1-2]-[1-8]x`, expanded and compressed. Zero padding is kept: `n07` is not `n7`.

use std::collections::BTreeMap;

/// Most hosts that a list may stand for: a bound against lists that are short to write and huge to read.
pub const HOSTS_MAX: usize = 262_144;

/// Longest text that is read as a list.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Most digits of a number in brackets.
const DIGITS_MAX: usize = 9;

/// What is wrong with a list of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a list of hosts at byte {at}: expected {expected}")]
pub struct HostlistError {
    /// Where, in bytes of the text.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// The hosts that `text` stands for, in its order. An empty text, `(null)` and `None assigned` stand for none.
///
/// # Errors
/// With the place, if brackets or ranges are not well-formed, or if it stands for more than [`HOSTS_MAX`] hosts.
pub fn expand(text: &str) -> Result<Vec<String>, HostlistError> {
    if matches!(text, "" | "(null)" | "None assigned") {
        return Ok(Vec::new());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(fault(TEXT_BYTES_MAX, "a shorter list"));
    }
    let mut hosts = Vec::new();
    for (at, word) in words(text) {
        expand_word(word, at, &mut hosts)?;
    }
    Ok(hosts)
}

/// The list that stands for `hosts`, as short as ranges over the last number in each name make it. Sorted by what surrounds that
/// number, then by the number; a host that occurs twice is written once.
pub fn compress<S: AsRef<str>>(hosts: &[S]) -> String {
    let mut groups: BTreeMap<(&str, &str, usize), Vec<u32>> = BTreeMap::new();
    let mut bare: Vec<&str> = Vec::new();
    for host in hosts.iter().map(AsRef::as_ref) {
        match numbered(host) {
            Some((prefix, suffix, width, number)) => {
                groups.entry((prefix, suffix, width)).or_default().push(number);
            }
            None => bare.push(host),
        }
    }
    bare.sort_unstable();
    bare.dedup();
    let mut parts: Vec<String> = bare.into_iter().map(str::to_owned).collect();
    for ((prefix, suffix, width), mut numbers) in groups {
        numbers.sort_unstable();
        numbers.dedup();
        let ranges = ranges(&numbers, width);
        match numbers.as_slice() {
            [_] => parts.push(format!("{prefix}{ranges}{suffix}")),
            _ => parts.push(format!("{prefix}[{ranges}]{suffix}")),
        }
    }
    parts.join(",")
}

/// A host name cut at its last number: what is before, what is after, digits if padded (else 0), the number.
fn numbered(host: &str) -> Option<(&str, &str, usize, u32)> {
    let end = host.rfind(|c: char| c.is_ascii_digit())? + 1;
    let digits = host[..end].bytes().rev().take_while(u8::is_ascii_digit).count();
    let start = end - digits.min(DIGITS_MAX);
    let number = host[start..end].parse().ok()?;
    let padded = end - start > 1 && host.as_bytes()[start] == b'0';
    Some((&host[..start], &host[end..], if padded { end - start } else { 0 }, number))
}

fn ranges(numbers: &[u32], width: usize) -> String {
    let mut text = String::new();
    let mut rest = numbers;
    while let Some(&first) = rest.first() {
        // Numbers of unequal width but no padding may share a range: 9-10 expands to 9 and 10.
        let run = rest.iter().zip(first..).take_while(|(number, next)| **number == *next).count();
        let last = rest[run - 1];
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&format!("{first:0width$}"));
        if last > first {
            text.push_str(&format!("-{last:0width$}"));
        }
        rest = &rest[run..];
    }
    text
}

/// The parts between commas that stand outside brackets, with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut depth = 0_usize;
    let mut at = 0;
    text.split(move |c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(move |word| {
        let start = at;
        at += word.len() + 1;
        (start, word)
    })
}

/// Appends the hosts of one part.
fn expand_word(word: &str, at: usize, hosts: &mut Vec<String>) -> Result<(), HostlistError> {
    let mut names = vec![String::new()];
    let mut place = 0;
    while place < word.len() {
        let rest = &word[place..];
        let open = rest.find('[').unwrap_or(rest.len());
        let plain = &rest[..open];
        check_plain(plain, at + place)?;
        names.iter_mut().for_each(|name| name.push_str(plain));
        place += open;
        if open == rest.len() {
            break;
        }
        let close = rest.find(']').ok_or_else(|| fault(at + place, "`]` that closes `[`"))?;
        let numbers = bracket(&rest[open + 1..close], at + place + 1)?;
        if names.len().saturating_mul(numbers.len()) + hosts.len() > HOSTS_MAX {
            return Err(fault(at + place, "at most 262144 hosts"));
        }
        names = names
            .iter()
            .flat_map(|name| numbers.iter().map(move |number| format!("{name}{number}")))
            .collect();
        place += close - open + 1;
    }
    if word.is_empty() {
        return Err(fault(at, "the name of a host"));
    }
    if names.len() + hosts.len() > HOSTS_MAX {
        return Err(fault(at, "at most 262144 hosts"));
    }
    hosts.append(&mut names);
    Ok(())
}

fn check_plain(plain: &str, at: usize) -> Result<(), HostlistError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match plain.find(|c: char| !allowed(c)) {
        Some(index) => Err(fault(at + index, "letters, digits, `-`, `_`, `.` or `[`")),
        None => Ok(()),
    }
}

/// The numbers of a bracket group, padded as they are written.
fn bracket(text: &str, at: usize) -> Result<Vec<String>, HostlistError> {
    let mut numbers = Vec::new();
    let mut place = at;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (low, high) = (number(first, place)?, number(last, place)?);
        if high < low {
            return Err(fault(place, "a range that goes up"));
        }
        if (high - low) as usize + numbers.len() >= HOSTS_MAX {
            return Err(fault(place, "at most 262144 hosts"));
        }
        let width = first.len();
        numbers.extend((low..=high).map(|number| format!("{number:0width$}")));
        place += part.len() + 1;
    }
    Ok(numbers)
}

fn number(text: &str, at: usize) -> Result<u32, HostlistError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = || text.parse().ok();
    (digits && text.len() <= DIGITS_MAX)
        .then(read)
        .flatten()
        .ok_or_else(|| fault(at, "a number of at most nine digits"))
}

const fn fault(at: usize, expected: &'static str) -> HostlistError {
    HostlistError { at, expected }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> Vec<String> {
        expand(text).expect("well-formed")
    }

    #[test]
    fn expands_ranges_and_keeps_padding() {
        assert_eq!(expanded("n[1-3,07-09],x"), ["n1", "n2", "n3", "n07", "n08", "n09", "x"]);
        assert_eq!(expanded("g-[1-2]-[1-2]x"), ["g-1-1x", "g-1-2x", "g-2-1x", "g-2-2x"]);
        assert_eq!(expanded("n[9-10]"), ["n9", "n10"]);
        assert!(expanded("(null)").is_empty() && expanded("").is_empty());
    }

    #[test]
    fn compresses_what_it_expands() {
        let check = |text: &str| assert_eq!(compress(&expanded(text)), text);
        check("n[1-3,9-11]");
        check("n[07-09]");
        check("n7");
        check("login,g-1-[1-8]x,g-2-[1-8]x");
        assert_eq!(compress(&["n2", "n1", "n2"]), "n[1-2]");
        assert_eq!(compress::<&str>(&[]), "");
    }

    #[test]
    fn padded_and_plain_numbers_stay_apart() {
        assert_eq!(compress(&["n9", "n09", "n10"]), "n[9-10],n09");
        assert_eq!(compress(&["n099", "n100"]), "n[100],n[099]".replace(['[', ']'], ""));
    }

    #[test]
    fn refuses_with_the_place() {
        let check = |text: &str, at: usize| {
            assert_eq!(expand(text).expect_err("refused").at, at, "{text}");
        };
        check("n[1-3", 1);
        check("n[3-1]", 2);
        check("n[1-x]", 2);
        check("a,,b", 2);
        check("a b", 1);
        check("n]", 1);
        check("n[0-999999]", 2);
        check("n[1-1000][1-1000]", 9);
        check("n[1,[2]]", 4);
        check("n[12345678901]", 2);
    }

    proptest! {
        #[test]
        fn round_trip(names in prop::collection::btree_set("[a-c]{1,2}(-?[0-9]{1,4}){0,2}[x.]?", 0..40)) {
            let names: Vec<String> = names.into_iter().collect();
            let mut back = expand(&compress(&names)).expect("what was compressed is well-formed");
            back.sort();
            prop_assert_eq!(back, names);
        }

        #[test]
        fn never_panics(text in "[a-z0-9\\[\\],\\- ]{0,40}") {
            let _ = expand(&text);
        }
    }
}
