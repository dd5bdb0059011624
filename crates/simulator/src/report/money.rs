//! Invoices with their lines and derivations, what they come to, and the balances of the journal.

use std::collections::BTreeMap;

use leasehold_ledger::{DocumentState, Invoice, Line, Receivable};
use leasehold_units::Money;
use maud::{Markup, html};

use super::table::{cell, numbers, table, times, words};
use super::words::{grouped, money};
use crate::engine::Outcome;

/// All invoices, each to be opened, and the journal behind them.
pub fn section(outcome: &Outcome) -> Markup {
    let invoices = &outcome.state.books.invoices;
    if invoices.is_empty() {
        return html! { p { "None fell due." } };
    }
    html! {
        p.soft { "Open one to see its lines and how each amount follows from terms and usage." }
        div.invoices {
            @for one in invoices { (invoice(one, outcome)) }
            @for (currency, total) in totals(outcome) {
                p.total { span { (grouped(invoices.len() as u128)) @if invoices.len() == 1 { " document" } @else { " documents" } " in all" }
                    span.amount { (currency) " " (money(total)) } }
            }
        }
        (balances(outcome))
    }
}

/// What invoices come to, by currency.
pub fn totals(outcome: &Outcome) -> BTreeMap<&'static str, Money> {
    let mut totals: BTreeMap<&'static str, Money> = BTreeMap::new();
    for invoice in &outcome.state.books.invoices {
        let total = totals.entry(invoice.currency.code()).or_insert(Money::zero(invoice.currency));
        *total = total.plus(invoice.total);
    }
    totals
}

fn invoice(invoice: &Invoice, outcome: &Outcome) -> Markup {
    html! {
        details.invoice {
            summary {
                span.number { (invoice.number) }
                span.who { (invoice.tenant) }
                span.when { (dates(invoice)) ", " (standing(invoice, outcome)) }
                span.amount { (invoice.currency) " " (money(invoice.total)) }
            }
            (lines(invoice))
        }
    }
}

fn dates(invoice: &Invoice) -> String {
    match invoice.is_credit_note() {
        true => format!("credit note of {}", invoice.issued),
        false => format!("issued {}, due {}", invoice.issued, invoice.due),
    }
}

/// What became of it within the run.
fn standing(invoice: &Invoice, outcome: &Outcome) -> &'static str {
    let known = outcome.state.books.receivables().document(&invoice.number);
    match (known.map(Receivable::state), invoice.is_credit_note()) {
        (None | Some(DocumentState::Draft), _) => "draft",
        (Some(DocumentState::Issued), _) => "open",
        (Some(DocumentState::PartlyPaid), false) => "partly paid",
        (Some(DocumentState::Paid), false) => "paid",
        (Some(DocumentState::PartlyPaid), true) => "partly set off",
        (Some(DocumentState::Paid), true) => "set off",
        (Some(DocumentState::Disputed), _) => "disputed",
    }
}

fn lines(invoice: &Invoice) -> Markup {
    let columns = [words("for"), times("service"), words("derived by"), numbers("amount")];
    let row = |line: &Line| {
        vec![
            cell(line.description.as_str()),
            html! { (line.start) " to" br; (line.end) },
            derivation(line),
            cell(money(line.amount)),
        ]
    };
    let sums = vec![cell("total"), cell(""), cell(""), cell(money(invoice.total))];
    table(&columns, invoice.lines.iter().map(row).collect(), Some(sums))
}

fn derivation(line: &Line) -> Markup {
    html! {
        code { (line.derivation.formula) }
        dl.inputs {
            @for (name, value) in &line.derivation.inputs { div { dt { (name) } dd { (value) } } }
            @if let Some(usage) = &line.derivation.usage {
                div { dt { "service intervals" } dd { (grouped(u128::from(usage.intervals))) " of " (usage.month) } }
            }
            div { dt { "terms" } dd { "version " (line.derivation.terms_version) } }
        }
    }
}

fn balances(outcome: &Outcome) -> Markup {
    let balances = outcome.state.books.journal().balances();
    let mut sums: BTreeMap<&'static str, Money> = BTreeMap::new();
    for ((_, currency), balance) in &balances {
        let sum = sums.entry(currency).or_insert(Money::zero(balance.currency()));
        *sum = sum.plus(*balance);
    }
    let rows = balances.iter().map(|((account, currency), balance)| {
        vec![
            html! { code.account { (soft_breaks(account)) } },
            cell(format!("{currency} {}", money(*balance))),
        ]
    });
    let sums: Vec<String> =
        sums.iter().map(|(currency, sum)| format!("{currency} {}", money(*sum))).collect();
    let close = vec![cell("sum of all accounts"), cell(sums.join(", "))];
    html! {
        h3 { "Balances of the journal" span.unit { "debits less credits" } }
        (table(&[words("account"), numbers("balance")], rows.collect(), Some(close)))
    }
}

/// An account may break after its colons.
fn soft_breaks(account: &str) -> Markup {
    html! { @for (index, level) in account.split(':').enumerate() {
        @if index > 0 { ":" wbr; }
        (level)
    } }
}
