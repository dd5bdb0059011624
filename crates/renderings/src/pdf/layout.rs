//! How the sheet is laid out on paper.

use super::Paper;
use super::flow::{Flow, Look, MARGIN, Page};
use super::fonts::Font;
use crate::sheet::{Entry, Group, IS_A_RENDERING, Note, NoteStyle, Sheet, Sum, SumKind};
use crate::sums::Block;

const BODY: Look = Look { font: Font::Plain, size: 9.5, gray: 0.08 };
const STRONG: Look = Look { font: Font::Bold, size: 9.5, gray: 0.08 };
const SOFT: Look = Look { font: Font::Plain, size: 8.0, gray: 0.35 };
const SMALL: Look = Look { font: Font::Plain, size: 7.5, gray: 0.35 };
const CODE: Look = Look { font: Font::Code, size: 7.0, gray: 0.15 };
const TITLE: Look = Look { font: Font::Bold, size: 18.0, gray: 0.08 };
const LARGE: Look = Look { font: Font::Bold, size: 14.0, gray: 0.08 };
const TOTAL: Look = Look { font: Font::Bold, size: 12.0, gray: 0.08 };

/// Where descriptions begin, right of the numbers of lines.
const TEXT: f32 = MARGIN + 26.0;
/// Blank between a description and its amount.
const GAP: f32 = 18.0;
/// What names in lists take.
const NAMES: f32 = 150.0;

/// The pages of `sheet`.
pub fn pages(sheet: &Sheet, paper: Paper) -> Vec<Page> {
    let head = |flow: &mut Flow<'_>| table_head(flow, &sheet.currency);
    let mut flow = Flow::new(paper, sheet.name());
    heading(&mut flow, sheet);
    head(&mut flow);
    flow.table_head = Some(&head);
    for (block, place) in sheet.blocks.iter().zip(1..) {
        match block {
            Block::Group(group) => {
                self::group(&mut flow, group, sum_height(sheet.blocks.get(place)))
            }
            Block::Sum(sum) => self::sum(&mut flow, sum),
        }
    }
    flow.table_head = None;
    flow.space(14.0);
    list(&mut flow, "What it rests on", sheet.basis.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    flow.space(10.0);
    list(&mut flow, IS_A_RENDERING, sheet.about.iter().map(|(n, v)| (*n, v.as_str())));
    let attached = "The document itself is attached to this file.";
    flow.paragraph(MARGIN, flow.right(), SMALL, attached);
    flow.numbered()
}

fn heading(flow: &mut Flow<'_>, sheet: &Sheet) {
    let (amount, meaning, when) = &sheet.headline;
    let right = flow.right();
    let top = flow.y;
    for (look, text) in [(SOFT, *meaning), (LARGE, amount.as_str()), (SOFT, when.as_str())] {
        flow.y -= look.leading();
        flow.right_aligned(right, look, text);
    }
    let bottom = flow.y;
    flow.y = top;
    let until = right - LARGE.font.width(amount, LARGE.size) - GAP;
    flow.paragraph(MARGIN, until, STRONG, sheet.title);
    flow.paragraph(MARGIN, until, TITLE, &sheet.number);
    if let Some(relation) = &sheet.relation {
        flow.paragraph(MARGIN, until, BODY, relation);
    }
    flow.y = flow.y.min(bottom);
    facts(flow, sheet);
}

/// Three facts a row.
fn facts(flow: &mut Flow<'_>, sheet: &Sheet) {
    flow.rule(14.0, 0.5, 0.75);
    flow.space(4.0);
    let column = (flow.right() - MARGIN) / 3.0;
    for row in sheet.facts.chunks(3) {
        let top = flow.y;
        let mut bottom = top;
        let mut x = MARGIN;
        for (name, value) in row {
            flow.y = top;
            flow.paragraph(x, x + column - GAP, SOFT, name);
            flow.paragraph(x, x + column - GAP, STRONG, value);
            bottom = bottom.min(flow.y);
            x += column;
        }
        flow.y = bottom - 5.0;
    }
    flow.rule(5.0, 0.5, 0.75);
    flow.space(16.0);
}

fn table_head(flow: &mut Flow<'_>, currency: &str) {
    flow.y -= SOFT.leading();
    let (y, right) = (flow.y, flow.right());
    flow.put(MARGIN, y, SOFT, "No.");
    flow.put(TEXT, y, SOFT, "Description");
    flow.right_aligned(right, SOFT, currency);
    flow.rule(5.0, 0.8, 0.1);
    flow.space(3.0);
}

/// A group whose last entry stands on one page with the sum below it, which is so high.
fn group(flow: &mut Flow<'_>, group: &Group, below: f32) {
    let first = group.entries.first().map_or(0.0, |entry| entry_height(flow, entry));
    let title = STRONG.leading() + 10.0;
    flow.need((title + first).min(flow.room() / 2.0));
    flow.space(8.0);
    flow.paragraph(MARGIN, flow.right(), STRONG, &group.title);
    flow.space(2.0);
    let own = if group.sum.is_some() { SOFT.leading() + 2.0 } else { 0.0 };
    for (entry, left) in group.entries.iter().zip((0..group.entries.len()).rev()) {
        self::entry(flow, entry, if left == 0 { own + below } else { 0.0 });
    }
    if let Some(sum) = &group.sum {
        row(flow, SOFT, &group.title, sum);
        flow.space(2.0);
    }
}

/// An entry stays together, and with what is so high `below` it, unless it is longer than half a
/// page.
fn entry(flow: &mut Flow<'_>, entry: &Entry, below: f32) {
    let height = entry_height(flow, entry) + below;
    let first = BODY.leading() + 3.0 * SMALL.leading();
    flow.need(if height < flow.room() / 2.0 { height } else { first });
    flow.put(MARGIN, flow.y - BODY.leading(), SOFT, &entry.place.to_string());
    row(flow, BODY, &entry.description, &entry.amount);
    for note in &entry.notes {
        let (x, look) = set(note);
        flow.paragraph(x, flow.right(), look, &note.text);
    }
    flow.space(6.0);
}

fn entry_height(flow: &Flow<'_>, entry: &Entry) -> f32 {
    let room = flow.right() - BODY.font.width(&entry.amount, BODY.size) - GAP - TEXT;
    let notes = entry.notes.iter().map(|note| {
        let (x, look) = set(note);
        look.height(&note.text, flow.right() - x)
    });
    BODY.height(&entry.description, room) + notes.sum::<f32>() + 6.0
}

/// Where small print begins and how it looks.
fn set(note: &Note) -> (f32, Look) {
    let look = match note.style {
        NoteStyle::Words => SMALL,
        NoteStyle::Formula => CODE,
    };
    (TEXT + 12.0 * note.depth.min(8) as f32, look)
}

/// A label with its amount on its last line.
fn row(flow: &mut Flow<'_>, look: Look, label: &str, amount: &str) {
    let right = flow.right();
    let until = right - look.font.width(amount, look.size) - GAP;
    flow.paragraph(TEXT, until, look, label);
    flow.right_aligned(right, look, amount);
}

fn sum(flow: &mut Flow<'_>, sum: &Sum) {
    flow.need(height_of(sum.kind));
    match sum.kind {
        SumKind::SubTotal => {
            flow.space(6.0);
            row(flow, STRONG, &sum.label, &sum.amount);
            flow.space(2.0);
        }
        SumKind::Total => {
            flow.rule(10.0, 0.8, 0.1);
            flow.space(4.0);
            row(flow, TOTAL, &sum.label, &sum.amount);
            flow.rule(8.0, 0.8, 0.1);
            flow.rule(2.0, 0.8, 0.1);
        }
    }
}

/// The height of `block` where it is a sum.
fn sum_height(block: Option<&Block>) -> f32 {
    match block {
        Some(Block::Sum(sum)) => height_of(sum.kind),
        Some(Block::Group(_)) | None => 0.0,
    }
}

fn height_of(kind: SumKind) -> f32 {
    match kind {
        SumKind::SubTotal => STRONG.leading() + 8.0,
        SumKind::Total => TOTAL.leading() + 24.0,
    }
}

fn list<'a>(flow: &mut Flow<'_>, title: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    let pairs: Vec<_> = pairs.collect();
    let right = flow.right();
    let height = |(_, value): &(&str, &str)| CODE.height(value, right - MARGIN - NAMES) + 1.0;
    let whole = SOFT.leading() + 3.0 + pairs.iter().map(height).sum::<f32>();
    flow.need(whole.min(flow.room() / 2.0));
    flow.paragraph(MARGIN, right, Look { font: Font::Bold, ..SOFT }, title);
    flow.space(2.0);
    for (name, value) in pairs {
        flow.need(CODE.height(value, right - MARGIN - NAMES));
        let y = flow.y - CODE.leading();
        flow.put(MARGIN, y, SMALL, name);
        flow.paragraph(MARGIN + NAMES, right, CODE, value);
        flow.space(1.0);
    }
}
