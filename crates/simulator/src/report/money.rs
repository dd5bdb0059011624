//! Invoices with their lines and derivations.

use leasehold_ledger::Invoice;
use maud::{Markup, html};

use super::words::money;
use crate::engine::Outcome;

/// All invoices, each to be opened.
pub fn section(outcome: &Outcome) -> Markup {
    let invoices = &outcome.state.books.invoices;
    if invoices.is_empty() {
        return html! { p { "None fell due." } };
    }
    html! { @for one in invoices { (invoice(one)) } }
}

fn invoice(invoice: &Invoice) -> Markup {
    html! {
        details.invoice {
            summary {
                span.number { (invoice.number) }
                span.who { (invoice.tenant) }
                span.when { "issued " (invoice.issued) ", due " (invoice.due) }
                span.amount { (invoice.currency) " " (money(invoice.total)) }
            }
            div.scroll { table {
                thead { tr { th { "for" } th { "days" } th { "how" } th.n { (invoice.currency) } } }
                tbody { @for line in &invoice.lines { tr {
                    td { (line.description) }
                    td.nowrap { (line.start) " – " (line.end) }
                    td.how {
                        code { (line.derivation.formula) }
                        @for (name, value) in &line.derivation.inputs {
                            br; span.input { (name) " = " (value) }
                        }
                    }
                    td.n { (money(line.amount)) }
                } } }
                tfoot { tr { td colspan="3" { "Total" } td.n { (money(invoice.total)) } } }
            } }
        }
    }
}
