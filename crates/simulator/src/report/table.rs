//! Tables that turn into a list of cards where there is little room.

use maud::{Markup, html};

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    name: &'static str,
    style: &'static str,
}

/// A column of words.
pub const fn words(name: &'static str) -> Column {
    Column { name, style: "" }
}

/// A column of days or instants, which stay on one line.
pub const fn times(name: &'static str) -> Column {
    Column { name, style: "nowrap" }
}

/// A column of numbers.
pub const fn numbers(name: &'static str) -> Column {
    Column { name, style: "n" }
}

/// Rows under columns; `sums`, if any, is the row that closes it.
pub fn table(columns: &[Column], rows: Vec<Vec<Markup>>, sums: Option<Vec<Markup>>) -> Markup {
    html! {
        // What is wider than the page scrolls by itself and leaves the page as it is.
        div.scroll { table {
            thead { tr { @for column in columns { th scope="col" class=(column.style) { (column.name) } } } }
            tbody { @for row in &rows { (cells(columns, row)) } }
            @if let Some(sums) = &sums { tfoot { (cells(columns, sums)) } }
        } }
    }
}

fn cells(columns: &[Column], row: &[Markup]) -> Markup {
    html! {
        tr { @for (column, cell) in columns.iter().zip(row) {
            td class=(column.style) data-name=(column.name) { (cell) }
        } }
    }
}

/// A cell of text.
pub fn cell(text: impl maud::Render) -> Markup {
    html! { (text) }
}
