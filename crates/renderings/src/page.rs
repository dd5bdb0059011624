//! The sheet as one self-contained page: it loads nothing, has no script, and prints.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::sheet::{Entry, Group, IS_A_RENDERING, Note, NoteStyle, Sheet, Sum, SumKind};
use crate::sums::Block;

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded and nothing run, whatever a document says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The sheet as a page in HTML.
pub fn page(sheet: &Sheet) -> String {
    let body = html! {
        main {
            (header(sheet))
            (table(sheet))
            section.proof {
                h2 { "What it rests on" }
                dl { @for (name, value) in &sheet.basis { div { dt { (name) } dd { (value) } } } }
            }
            footer.proof {
                h2 { (IS_A_RENDERING) }
                dl { @for (name, value) in &sheet.about { div { dt { (name) } dd { (value) } } } }
            }
        }
    };
    document(sheet, &body).into_string()
}

fn document(sheet: &Sheet, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (sheet.name()) }
                style { (PreEscaped(STYLE)) (PreEscaped(running_head(sheet))) }
            }
            body { (body) }
        }
    }
}

/// Title, number and place of every printed page but the first, which has them large.
fn running_head(sheet: &Sheet) -> String {
    let name = style_text(&sheet.name());
    format!(
        "@page{{@top-left{{content:\"{name}\"}}\
         @bottom-right{{content:\"Page \" counter(page) \" of \" counter(pages)}}}}\
         @page:first{{@top-left{{content:none}}}}"
    )
}

/// `text` inside quotes of a style sheet: what is not a letter, a digit or a plain sign is escaped.
fn style_text(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
    let write = |c: char| if is_plain(c) { c.into() } else { format!("\\{:x} ", u32::from(c)) };
    text.chars().map(write).collect()
}

fn header(sheet: &Sheet) -> Markup {
    let (amount, meaning, when) = &sheet.headline;
    html! {
        header {
            div.name {
                p.kicker { (sheet.title) }
                h1 { (sheet.number) }
                @if let Some(relation) = &sheet.relation { p.relation { (relation) } }
            }
            p.headline { span { (meaning) } strong { (amount) } span { (when) } }
            dl.facts { @for (name, value) in &sheet.facts { div { dt { (name) } dd { (value) } } } }
        }
    }
}

fn table(sheet: &Sheet) -> Markup {
    html! {
        table {
            thead { tr {
                th.place scope="col" { "No." }
                th scope="col" { "Description" }
                th.amount scope="col" { (sheet.currency) }
            } }
            @for block in &sheet.blocks {
                @match block { Block::Group(group) => (self::group(group)), Block::Sum(sum) => (self::sum(sum)) }
            }
        }
    }
}

fn group(group: &Group) -> Markup {
    html! {
        tbody {
            tr.title { th colspan="3" scope="rowgroup" { (group.title) } }
            @for entry in &group.entries { (self::entry(entry)) }
            @if let Some(sum) = &group.sum {
                tr.part { td {} td { (group.title) } td.amount { (sum) } }
            }
        }
    }
}

fn entry(entry: &Entry) -> Markup {
    html! {
        tr.line { td.place { (entry.place) } td { (entry.description) } td.amount { (entry.amount) } }
        @for note in &entry.notes { (self::note(note)) }
    }
}

/// A row of its own, so that long small print breaks between pages.
fn note(note: &Note) -> Markup {
    let depth = note.depth.min(8);
    html! {
        tr.note {
            td {}
            td colspan="2" style={ "--depth:" (depth) } {
                @match note.style {
                    NoteStyle::Words => (note.text),
                    NoteStyle::Formula => code { (note.text) },
                }
            }
        }
    }
}

fn sum(sum: &Sum) -> Markup {
    let class = match sum.kind {
        SumKind::SubTotal => "sum",
        SumKind::Total => "sum total",
    };
    html! {
        tbody class=(class) {
            tr { td {} th scope="row" { (sum.label) } td.amount { (sum.amount) } }
        }
    }
}
