//! The sheet as plain text, for a terminal or a letter.

use crate::sheet::{Entry, Group, IS_A_RENDERING, Sheet, Sum, SumKind};
use crate::sums::Block;
use crate::words::wrapped;

/// Columns of a line; a word that is longer than them is broken.
const WIDTH: usize = 88;

/// Columns of a line's number and the blank behind it.
const PLACE: usize = 4;

/// The sheet as text, with a line break at its end.
pub fn text(sheet: &Sheet) -> String {
    let mut out = Text { lines: Vec::new(), amount: amount_width(sheet) };
    out.heading(sheet);
    for block in &sheet.blocks {
        match block {
            Block::Group(group) => out.group(group),
            Block::Sum(sum) => out.sum(sum),
        }
    }
    out.pairs("Rests on", &sheet.basis);
    let about: Vec<(String, String)> =
        sheet.about.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    out.pairs(IS_A_RENDERING, &about);
    out.lines.join("\n") + "\n"
}

/// Columns of the widest amount.
fn amount_width(sheet: &Sheet) -> usize {
    let widest = |block: &Block| match block {
        Block::Group(group) => {
            let amounts = group.entries.iter().map(|entry| &entry.amount).chain(&group.sum);
            amounts.map(String::len).max().unwrap_or(0)
        }
        Block::Sum(sum) => sum.amount.len(),
    };
    sheet.blocks.iter().map(widest).max().unwrap_or(0).max(sheet.currency.len())
}

struct Text {
    lines: Vec<String>,
    /// Columns of the amounts.
    amount: usize,
}

impl Text {
    fn heading(&mut self, sheet: &Sheet) {
        let (amount, meaning, when) = &sheet.headline;
        self.lines.push(sheet.name());
        self.lines.extend(sheet.relation.clone());
        self.lines.push(format!("{meaning}: {amount} {when}").trim_end().to_owned());
        self.lines.push(String::new());
        for (name, value) in &sheet.facts {
            self.lines.push(format!("{name:<10}{value}"));
        }
        self.lines.push(String::new());
        self.row("", "", &sheet.currency);
        self.rule('─');
    }

    fn group(&mut self, group: &Group) {
        self.lines.push(group.title.clone());
        for entry in &group.entries {
            self.entry(entry);
        }
        if let Some(sum) = &group.sum {
            self.row("", &group.title, sum);
        }
        self.lines.push(String::new());
    }

    fn entry(&mut self, entry: &Entry) {
        let place = format!("{:>2}", entry.place);
        self.row(&place, &entry.description, &entry.amount);
        for note in &entry.notes {
            let indent = PLACE + 2 + 2 * note.depth.min(8);
            for line in wrapped(&note.text, WIDTH - indent, |text| text.chars().count()) {
                self.lines.push(format!("{:indent$}{line}", ""));
            }
        }
    }

    fn sum(&mut self, sum: &Sum) {
        if sum.kind == SumKind::Total {
            self.rule('─');
        }
        self.row("", &sum.label, &sum.amount);
        if sum.kind == SumKind::SubTotal {
            self.lines.push(String::new());
        } else {
            self.rule('═');
        }
    }

    /// A label with an amount behind its last line.
    fn row(&mut self, place: &str, label: &str, amount: &str) {
        let (room, width) = (WIDTH - PLACE - 2 - self.amount.min(WIDTH / 2), self.amount);
        let mut lines = wrapped(label, room, |text| text.chars().count());
        let last = lines.pop().unwrap_or_default();
        let mut place = place;
        for line in lines {
            self.lines.push(format!("{place:<PLACE$}{line}"));
            place = "";
        }
        self.lines.push(format!("{place:<PLACE$}{last:<room$}  {amount:>width$}"));
    }

    fn rule(&mut self, sign: char) {
        self.lines.push(sign.to_string().repeat(WIDTH));
    }

    fn pairs(&mut self, title: &str, pairs: &[(String, String)]) {
        self.lines.extend([String::new(), title.to_owned()]);
        let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in pairs {
            self.lines.push(format!("{:PLACE$}{name:<width$}  {value}", ""));
        }
    }
}
