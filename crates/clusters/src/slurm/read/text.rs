//! Rows of fields, pairs of `Key=value`, instants and lengths as Slurm prints them.

use std::str::FromStr;

use leasehold_units::{Instant, Seconds};

use crate::slurm::error::Unreadable;
use crate::slurm::hostlist;

/// Between fields of what is asked for: a control character that no name has.
pub(super) const UNIT: char = '\u{1f}';

/// What a line is read from: the command, for errors, and the number of the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) command: &'a str,
    pub(super) line: usize,
}

/// One line, cut into fields.
pub(super) struct Row<'a> {
    place: Place<'a>,
    names: &'static [&'static str],
    fields: Vec<&'a str>,
}

impl Place<'_> {
    /// An error about `field` here.
    pub(super) fn fault(
        self,
        field: &'static str,
        found: &str,
        expected: &'static str,
    ) -> Unreadable {
        let found = found.chars().take(120).collect();
        Unreadable { command: self.command.into(), line: self.line, field, found, expected }
    }
}

/// The rows of `text`: one field for each of `names`, separated by `separator`; the last takes the rest of its line.
pub(super) fn rows<'a>(
    command: &'a str,
    text: &'a str,
    separator: char,
    names: &'static [&'static str],
) -> impl Iterator<Item = Result<Row<'a>, Unreadable>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(move |(index, line)| {
        let place = Place { command, line: index + 1 };
        let fields: Vec<&str> = line.splitn(names.len(), separator).collect();
        if fields.len() == names.len() {
            Ok(Row { place, names, fields })
        } else {
            Err(place.fault(names[fields.len().min(names.len() - 1)], line, "a field"))
        }
    })
}

impl<'a> Row<'a> {
    /// The field, without blanks around it.
    pub(super) fn text(&self, index: usize) -> &'a str {
        self.fields[index].trim()
    }

    /// The field, unless it is empty or one of Slurm's words for nothing.
    pub(super) fn some(&self, index: usize) -> Option<&'a str> {
        Some(self.text(index)).filter(|text| !is_nothing(text))
    }

    /// An error about the field.
    pub(super) fn fault(&self, index: usize, expected: &'static str) -> Unreadable {
        self.place.fault(self.names[index], self.fields[index], expected)
    }

    /// A number.
    pub(super) fn number<T: FromStr>(
        &self,
        index: usize,
        expected: &'static str,
    ) -> Result<T, Unreadable> {
        self.text(index).parse().map_err(|_| self.fault(index, expected))
    }

    /// An instant that may be absent.
    pub(super) fn instant(&self, index: usize) -> Result<Option<Instant>, Unreadable> {
        instant(self.text(index)).ok_or_else(|| self.fault(index, INSTANT))
    }

    /// An instant.
    pub(super) fn needed_instant(&self, index: usize) -> Result<Instant, Unreadable> {
        self.instant(index)?.ok_or_else(|| self.fault(index, INSTANT))
    }

    /// A list of hosts, expanded.
    pub(super) fn hosts(&self, index: usize) -> Result<Vec<String>, Unreadable> {
        hostlist::expand(self.text(index)).map_err(|error| self.fault(index, error.expected))
    }

    /// Joules among the TRES, if any were measured.
    pub(super) fn joules(&self, index: usize) -> Result<Option<u64>, Unreadable> {
        joules(self.text(index)).ok_or_else(|| self.fault(index, TRES))
    }

    /// GPUs among the TRES.
    pub(super) fn gpus(&self, index: usize) -> Result<u32, Unreadable> {
        gpus(self.text(index)).ok_or_else(|| self.fault(index, TRES))
    }
}

/// What an instant looks like.
pub(super) const INSTANT: &str = "seconds since 1970, or a word such as Unknown";

/// What TRES look like.
pub(super) const TRES: &str = "TRES such as `cpu=8,gres/gpu=8`";

/// Whether Slurm means nothing by it.
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "(null)" | "N/A" | "n/a" | "None" | "Unknown" | "none")
}

/// An instant: none inside where Slurm says that there is none, none outside where it is none.
pub(super) fn instant(text: &str) -> Option<Option<Instant>> {
    if is_nothing(text) {
        return Some(None);
    }
    if let Ok(count) = text.parse::<i64>() {
        return (count >= 0).then_some((count > 0).then(|| Instant::from_unix(count)));
    }
    // Programs that know no SLURM_TIME_FORMAT print the zone that they run in, which is UTC.
    Instant::from_rfc3339(&format!("{text}Z")).map(Some)
}

/// A limit such as `1-12:00:00`, `30:00` or `UNLIMITED`: none inside where there is none, none outside where it is no limit.
pub(super) fn limit(text: &str) -> Option<Option<Seconds>> {
    if is_nothing(text) || matches!(text, "UNLIMITED" | "NOT_SET" | "Partition_Limit" | "INFINITE")
    {
        return Some(None);
    }
    length(text).map(Some)
}

/// `[days-]hours:minutes:seconds` or `minutes:seconds`.
pub(super) fn length(text: &str) -> Option<Seconds> {
    let (days, clock) = text.split_once('-').unwrap_or(("0", text));
    let days: u64 = days.parse().ok()?;
    let mut seconds = 0_u64;
    let mut parts = 0;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        parts += 1;
    }
    let whole = days.checked_mul(86_400)?.checked_add(seconds)?;
    matches!(parts, 2 | 3).then_some(Seconds::new(whole))
}

/// GPUs of TRES such as `cpu=8,gres/gpu=8`. Where only kinds are counted (`gres/gpu:h100=8`), their sum; where both are, the
/// count without a kind has them all.
pub(super) fn gpus(tres: &str) -> Option<u32> {
    if is_nothing(tres) {
        return Some(0);
    }
    let (mut plain, mut kinds) = (None, 0_u32);
    for part in tres.split(',') {
        let (name, count) = part.split_once('=')?;
        if name == "gres/gpu" {
            plain = Some(count.parse().ok()?);
        } else if name.starts_with("gres/gpu:") {
            kinds = kinds.checked_add(count.parse().ok()?)?;
        }
    }
    Some(plain.unwrap_or(kinds))
}

/// Joules among TRES such as `cpu=8,energy=3600,gres/gpu=8`: none inside where there are none, none outside where it is no number.
pub(super) fn joules(tres: &str) -> Option<Option<u64>> {
    let told = tres.split(',').find_map(|part| part.strip_prefix("energy="));
    told.map_or(Some(None), |count| count.parse().ok().map(measured))
}

/// Joules that somebody measured: 0 says that nobody does, and the two highest numbers are Slurm's words for none.
pub(super) const fn measured(joules: u64) -> Option<u64> {
    match joules {
        0 | 0xffff_ffff_ffff_fffe.. => None,
        some => Some(some),
    }
}

/// GPUs of gres such as `gpu:8`, `gpu:h100:8(S:0-1)`, `gpu:4,gpu:a:4` or `gpu:8(IDX:0-7)`.
pub(super) fn gres_gpus(gres: &str) -> Option<u32> {
    if is_nothing(gres) {
        return Some(0);
    }
    let mut sum = 0_u32;
    for part in outside_parentheses(gres) {
        let (name, rest) = part.split_once(':').unwrap_or((part, "1"));
        if name != "gpu" {
            continue;
        }
        let count = rest.split('(').next().unwrap_or_default().rsplit(':').next()?;
        sum = sum.checked_add(count.parse().ok()?)?;
    }
    Some(sum)
}

/// Parts between commas, those inside parentheses left alone.
fn outside_parentheses(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// The value of ` key=` in a line of pairs, up to the next blank.
pub(super) fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = after(line, key)?;
    Some(rest.split(' ').next().unwrap_or_default())
}

/// What follows ` key=` in a line of pairs, to the end of the line.
pub(super) fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let starts = line.match_indices(key).find(|(at, _)| {
        let before = at.checked_sub(1).map(|index| line.as_bytes()[index]);
        let end = at + key.len();
        before.is_none_or(|byte| byte == b' ') && line.as_bytes().get(end) == Some(&b'=')
    });
    starts.map(|(at, _)| &line[at + key.len() + 1..])
}

/// Words between commas, in order; none where Slurm says that there is nothing.
pub(super) fn list(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|word| !is_nothing(word))
        .map(str::to_owned)
        .collect();
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_words_for_none() {
        assert_eq!(instant("1795872974"), Some(Some(Instant::from_unix(1_795_872_974))));
        assert_eq!(instant("2026-11-28T13:45:26"), Some(Some(Instant::from_unix(1_795_873_526))));
        for nothing in ["Unknown", "None", "N/A", "", "0"] {
            assert_eq!(instant(nothing), Some(None), "{nothing}");
        }
        for odd in ["-5", "soon", "13:45"] {
            assert_eq!(instant(odd), None, "{odd}");
        }
    }

    #[test]
    fn limits() {
        let seconds = |text| limit(text).map(|limit| limit.map(Seconds::get));
        assert_eq!(seconds("1:00:00"), Some(Some(3_600)));
        assert_eq!(seconds("30:00"), Some(Some(1_800)));
        assert_eq!(seconds("364-23:59:00"), Some(Some(31_535_940)));
        assert_eq!(seconds("UNLIMITED"), Some(None));
        assert_eq!(seconds("30"), None);
        assert_eq!(seconds("x-1:00"), None);
    }

    #[test]
    fn gpus_of_tres_and_gres() {
        assert_eq!(gpus("cpu=2,mem=2000000M,node=2,billing=2,gres/gpu=8"), Some(8));
        assert_eq!(gpus("cpu=2,gres/gpu:a100=4,gres/gpu:h100=2"), Some(6));
        assert_eq!(gpus("gres/gpu=6,gres/gpu:a100=6"), Some(6));
        assert_eq!(gpus("cpu=2"), Some(0));
        assert_eq!(gpus(""), Some(0));
        assert_eq!(gpus("cpu"), None);
        assert_eq!(gres_gpus("gpu:8"), Some(8));
        assert_eq!(gres_gpus("gpu:h100:8(S:0-1)"), Some(8));
        assert_eq!(gres_gpus("gpu:h100:4(IDX:0,2-4),gpu:a:1(IDX:5),nic:2"), Some(5));
        assert_eq!(gres_gpus("(null)"), Some(0));
        assert_eq!(gres_gpus("gpu:many"), None);
    }

    #[test]
    fn joules_of_tres() {
        assert_eq!(joules("cpu=1,energy=10000,node=2,gres/gpu=16"), Some(Some(10_000)));
        let none = ["", "cpu=1", "energy=0", "energy=18446744073709551614", "(null)"];
        none.iter().for_each(|tres| assert_eq!(joules(tres), Some(None), "{tres}"));
        assert_eq!(joules("cpu=1,energy=much"), None);
    }

    #[test]
    fn values_in_a_line_of_pairs() {
        let line = "NodeName=n1 OS=Linux 6.1 #1 SMP  State=MIXED Reason=a b=c [root@1]";
        assert_eq!(value(line, "NodeName"), Some("n1"));
        assert_eq!(value(line, "State"), Some("MIXED"));
        assert_eq!(value(line, "Name"), None);
        assert_eq!(after(line, "Reason"), Some("a b=c [root@1]"));
    }
}
