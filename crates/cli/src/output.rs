//! Printing: data to stdout as a table, JSON or CSV, narration to stderr.

use std::io::{ErrorKind, Write as _};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};
use leasehold_units::Money;
use serde::Serialize;

use crate::arguments::{Common, Format};
use crate::failure::Failure;

/// Rows under a header, printable as a table or as CSV.
pub struct Rows {
    headers: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

/// How a column lines up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Rows {
    /// No rows yet, under these headers.
    pub fn new(headers: &[(&'static str, Align)]) -> Self {
        Self { headers: headers.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it does not have one cell a header.
    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.headers.len(), "a row has one cell a header");
        self.rows.push(row);
    }

    /// Aligned under a ruled header, for reading.
    pub fn to_table(&self) -> String {
        let mut table = Table::new();
        // Two spaces between columns, one rule under the header, nothing else.
        let rule = LineStyle::none().fill('─');
        table.load_style(comfy_table::presets::NOTHING.header_separator(rule));
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.headers.iter().map(|(name, _)| *name));
        for row in &self.rows {
            table.add_row(row);
        }
        let last = self.headers.len() - 1;
        for (index, column) in table.column_iter_mut().enumerate() {
            let (_, align) = self.headers[index];
            column.set_padding((0, if index == last { 0 } else { 2 }));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// One header line, one line a row.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let headers = self.headers.iter().map(|(name, _)| *name);
        writer.write_record(headers).expect("writing to memory does not fail");
        for row in &self.rows {
            writer.write_record(row).expect("every row is as long as the header");
        }
        let bytes = writer.into_inner().expect("writing to memory does not fail");
        String::from_utf8(bytes).expect("made of text")
    }
}

/// What a command prints, in each of its forms.
pub trait Printable: Serialize {
    /// For reading.
    fn table(&self) -> String;
    /// For spreadsheets.
    fn csv(&self) -> String;
}

/// Prints `data` on stdout in the format that was asked for.
pub fn print(data: &impl Printable, common: &Common) -> Result<(), Failure> {
    let text = match common.output {
        Format::Table | Format::Wide => data.table(),
        Format::Csv => data.csv(),
        Format::Json => json(data),
        Format::Yaml => yaml(data),
    };
    stdout(text.as_bytes())
}

/// Indented JSON with a line break at the end.
pub fn json(data: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(data).expect("plain structs with text keys");
    text + "\n"
}

/// YAML with a line break at the end.
pub fn yaml(data: &impl Serialize) -> String {
    let mut text = serde_saphyr::to_string(data).expect("plain structs with text keys");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A line on stderr, whatever was asked for.
pub fn error_line(line: &str) {
    // What nobody can read is not worth failing for.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Writes to stdout. A reader that has gone, such as `head`, is no failure.
pub fn stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Stdout(error)),
        _ => Ok(()),
    }
}

/// A line on stderr, unless quiet was asked for.
pub fn narrate(common: &Common, line: &str) {
    if !common.quiet {
        // Narration that nobody can read is not worth failing for.
        let _ = writeln!(anstream::stderr().lock(), "{line}");
    }
}

/// `count` with a comma between thousands.
pub fn grouped(count: impl ToString) -> String {
    leasehold_units::grouped(&count.to_string())
}

/// `noun` or its plural, after the number.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// An amount for reading, with thousands separators and without its currency.
pub fn money(amount: Money) -> String {
    grouped(decimal(amount))
}

/// An amount as a plain decimal with the currency's digits.
pub fn decimal(amount: Money) -> String {
    amount.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted_left_of_the_point() {
        let cases = [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.891", "-1,234,567.891"),
            ("45312500000.00", "45,312,500,000.00"),
        ];
        for (plain, expected) in cases {
            assert_eq!(grouped(plain), expected);
        }
    }

    #[test]
    fn numbers_line_up_on_the_right() {
        let mut rows = Rows::new(&[("day", Align::Left), ("gpus", Align::Right)]);
        rows.push(vec!["2026-05-01".into(), "8".into()]);
        rows.push(vec!["2026-07-01".into(), "220,208".into()]);
        insta::assert_snapshot!(rows.to_table(), @r#"
        day            gpus
        ───────────────────
        2026-05-01        8
        2026-07-01  220,208
        "#);
        assert_eq!(rows.to_csv(), "day,gpus\n2026-05-01,8\n2026-07-01,\"220,208\"\n");
    }
}
