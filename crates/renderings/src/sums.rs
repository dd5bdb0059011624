//! Which lines belong together, and what they add up to.

use leasehold_ledger::{Invoice, Line, LineKind, Revenue, TaxPart, month_name};
use leasehold_units::{Money, Month};

use crate::derivation::notes;
use crate::sheet::{Entry, Group, Sum, SumKind};
use crate::words::{money, sentence, shown};

/// A part of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Lines.
    Group(Group),
    /// A sum of what stands above it.
    Sum(Sum),
}

/// Where a line stands: what it is charged for, then taxes, then what is drawn from prepayments, each
/// under a heading. The order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Service { first: (i16, i8), last: (i16, i8) },
    Interest,
    Prepayment,
    Deposit,
    Tax,
    Drawn,
}

/// Lines, sub-totals and the total of `invoice`.
pub fn blocks(invoice: &Invoice) -> Vec<Block> {
    let mut places: Vec<Place> = invoice.lines.iter().map(place).collect();
    places.sort_unstable();
    places.dedup();
    let group = |place: &Place| Block::Group(group(invoice, *place, places.len()));
    let (charged, after): (Vec<Place>, Vec<Place>) =
        places.iter().copied().partition(|place| *place < Place::Tax);
    let (taxes, drawn): (Vec<Place>, Vec<Place>) =
        after.into_iter().partition(|place| *place == Place::Tax);

    let mut blocks: Vec<Block> = charged.iter().map(group).collect();
    let contained = contained(invoice);
    let inside = sum(invoice, contained.iter().map(|(_, amount)| *amount));
    let charged = sum_of(invoice, |line| place(line) < Place::Tax);
    let is_taxed = !taxes.is_empty() || !contained.is_empty();
    if is_taxed {
        blocks.push(sub_total("Sub-total before tax", charged.minus(inside)));
    }
    for (name, amount) in &contained {
        blocks.push(sub_total(&format!("{name}, contained in the amounts above"), *amount));
    }
    blocks.extend(taxes.iter().map(group));
    if !drawn.is_empty() {
        let label = if is_taxed { "Sub-total with tax" } else { "Sub-total" };
        blocks.push(sub_total(label, sum_of(invoice, |line| place(line) < Place::Drawn)));
    }
    blocks.extend(drawn.iter().map(group));
    let label = if invoice.is_credit_note() { "Total credited" } else { "Total to pay" };
    let (label, amount) = (label.to_owned(), money(invoice.total));
    blocks.push(Block::Sum(Sum { label, amount, kind: SumKind::Total }));
    blocks
}

fn place(line: &Line) -> Place {
    match (line.revenue, line.kind) {
        (Revenue::Tax, _) => Place::Tax,
        (Revenue::Prepayments, LineKind::Prepayment) => Place::Prepayment,
        (Revenue::Prepayments, _) => Place::Drawn,
        (Revenue::Deposits, _) => Place::Deposit,
        (Revenue::Interest, _) => Place::Interest,
        (Revenue::Fixed | Revenue::Usage | Revenue::Credits, _) => {
            let month = |day| Month::of(day);
            let (first, last) = (month(line.start), month(line.end));
            Place::Service { first: (first.year, first.month), last: (last.year, last.month) }
        }
    }
}

fn title(place: Place) -> String {
    let name = |(year, month)| month_name(Month { year, month });
    match place {
        Place::Service { first, last } if first == last => format!("Service of {}", name(first)),
        Place::Service { first, last } => format!("Service of {} to {}", name(first), name(last)),
        Place::Interest => "Interest on late payments".to_owned(),
        Place::Prepayment => "Prepayments".to_owned(),
        Place::Deposit => "Deposit".to_owned(),
        Place::Tax => "Taxes".to_owned(),
        Place::Drawn => "Drawn from prepayments".to_owned(),
    }
}

/// The lines at `place`, of so many places that have lines. A sum of one line, or of all lines, would
/// say nothing new.
fn group(invoice: &Invoice, at: Place, places: usize) -> Group {
    let here = |line: &Line| place(line) == at;
    let lines = invoice.lines.iter().enumerate().filter(|(_, line)| here(line));
    let entries: Vec<Entry> = lines.map(|(index, line)| entry(invoice, index, line)).collect();
    let says_more = entries.len() > 1 && places > 1;
    let sum = says_more.then(|| money(sum_of(invoice, here)));
    Group { title: title(at), entries, sum }
}

fn entry(invoice: &Invoice, index: usize, line: &Line) -> Entry {
    let inside = contained_parts(invoice).filter(|part| part.line == index);
    Entry {
        place: index + 1,
        description: sentence(&line.description),
        amount: money(line.amount),
        notes: notes(line, &inside.collect::<Vec<_>>()),
    }
}

/// Taxes inside prices, by name in the order in which they come.
fn contained(invoice: &Invoice) -> Vec<(String, Money)> {
    let mut sums: Vec<(String, Money)> = Vec::new();
    for part in contained_parts(invoice) {
        let name = shown(part.name.as_str());
        match sums.iter_mut().find(|(other, _)| *other == name) {
            Some((_, sum)) => *sum = sum.plus(part.amount),
            None => sums.push((name, part.amount)),
        }
    }
    sums
}

/// The parts of lines that are not wholly tax.
fn contained_parts(invoice: &Invoice) -> impl Iterator<Item = &TaxPart> {
    let is_tax = |part: &TaxPart| invoice.lines[part.line].revenue == Revenue::Tax;
    invoice.taxes.iter().filter(move |part| !is_tax(part))
}

fn sum_of(invoice: &Invoice, counts: impl Fn(&Line) -> bool) -> Money {
    sum(invoice, invoice.lines.iter().filter(|line| counts(line)).map(|line| line.amount))
}

fn sum(invoice: &Invoice, amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::zero(invoice.currency), Money::plus)
}

fn sub_total(label: &str, amount: Money) -> Block {
    let (label, amount) = (label.to_owned(), money(amount));
    Block::Sum(Sum { label, amount, kind: SumKind::SubTotal })
}
