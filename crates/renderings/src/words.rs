//! How names, numbers and digests are written for reading.

use leasehold_units::Money;
pub use leasehold_units::grouped;

/// Hexadecimal digits of a digest that are shown: enough to tell two apart at a glance; the whole
/// is in the document.
const DIGEST_DIGITS: usize = 12;

/// `text` with what would act on the reader's screen instead of being read (control characters,
/// changes of the writing direction) written out, so that no document shows another amount than it
/// has.
pub fn shown(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut shown = String::new();
    for c in text.chars() {
        if acts(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// An amount with the currency's digits and thousands separators, without its currency.
pub fn money(amount: Money) -> String {
    grouped(&amount.to_string())
}

/// A sentence of the document, with thousands separators in its decimals. Whole numbers stay: they
/// may be years or part of a name.
pub fn sentence(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let (number, stop) = number.strip_suffix('.').map_or((number, ""), |n| (n, "."));
        let alone = !before.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
            && !after.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
        let is_decimal = number.bytes().filter(|byte| *byte == b'.').count() == 1;
        let number = if alone && is_decimal { grouped(number) } else { number.to_owned() };
        written.extend([before, number.as_str(), stop]);
        rest = after;
    }
    shown(&(written + rest))
}

/// The beginning of a digest.
pub fn digest(bytes: &[u8; 32]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}…", &digits[..DIGEST_DIGITS])
}

/// `count` of `noun`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(&count.to_string()), if count == 1 { "" } else { "s" })
}

/// `text` in lines of at most `width` by the measure `wide`, broken at blanks, and inside a word only
/// where the word alone is wider. Never empty.
pub fn wrapped<W: PartialOrd>(text: &str, width: W, wide: impl Fn(&str) -> W) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if wide(&longer) <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if wide(&line) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.into()));
            }
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimals_that_stand_alone_are_grouped() {
        let cases = [
            (
                "Minimum of 320000.00 for 2026-05-20: -317906.92 left.",
                "Minimum of 320,000.00 for 2026-05-20: -317906.92 left.",
            ),
            (
                "Interest on owner-2026-000001, 1234567 of",
                "Interest on owner-2026-000001, 1234567 of",
            ),
            ("version 1.2.34567 of x12345.67", "version 1.2.34567 of x12345.67"),
            ("8.25% of 12345.67.", "8.25% of 12,345.67."),
        ];
        for (plain, expected) in cases {
            assert_eq!(sentence(plain), expected);
        }
        assert_eq!(
            ["-1234567.891", "1000", "7/3", "", "x"].map(grouped).join(" "),
            "-1,234,567.891 1,000 7/3  x"
        );
    }

    #[test]
    fn what_would_act_on_a_screen_is_written_out() {
        assert_eq!(shown("a\u{1b}[2Jb\u{202e}00.1\n"), r"a\u{1b}[2Jb\u{202e}00.1\u{a}");
        assert_eq!(shown("Zürich 中"), "Zürich 中");
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_anywhere() {
        let lines = wrapped("an abcdefghij of words", 5, |text| text.chars().count());
        assert_eq!(lines, ["an", "abcde", "fghij", "of", "words"]);
        assert_eq!(wrapped("", 5, str::len), [""]);
    }
}
