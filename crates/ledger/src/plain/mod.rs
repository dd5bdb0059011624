//! The journal as plain text: for hledger, ledger-cli and beancount, and as rows.

mod beancount;
mod hledger;
mod ledger_cli;
mod rows;

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use leasehold_units::Currency;

use crate::{Journal, Posting, Transaction};

pub use beancount::{beancount_accounts, to_beancount};
pub use hledger::to_hledger;
pub use ledger_cli::to_ledger;
pub use rows::{JOURNAL_COLUMNS, JournalRow, RowError, entries_of, to_csv};

impl Journal {
    /// The journal in hledger's format; see [`to_hledger`].
    pub fn to_hledger(&self) -> String {
        to_hledger(self.transactions())
    }
}

/// In order of days; entries of one day stay in the order in which they were made.
fn by_day(entries: &[Transaction]) -> Vec<&Transaction> {
    let mut sorted: Vec<&Transaction> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.date);
    sorted
}

fn postings(entries: &[Transaction]) -> impl Iterator<Item = &Posting> {
    entries.iter().flat_map(|entry| &entry.postings)
}

fn currencies(entries: &[Transaction]) -> BTreeMap<&'static str, Currency> {
    let units = postings(entries).map(|posting| posting.amount.currency());
    units.map(|currency| (currency.code(), currency)).collect()
}

/// Accounts, amounts and codes of an entry's postings in columns, each with what `note` says of it.
fn write_postings(
    text: &mut String,
    entry: &Transaction,
    name: &dyn Fn(&str) -> String,
    note: &dyn Fn(&Posting) -> String,
) {
    let names: Vec<String> = entry.postings.iter().map(|posting| name(&posting.account)).collect();
    let amounts = entry.postings.iter().map(|posting| posting.amount.to_string().len());
    let amount_width = amounts.max().unwrap_or_default();
    let account_width = names.iter().map(String::len).max().unwrap_or_default();
    for (posting, account) in entry.postings.iter().zip(&names) {
        let (amount, note) = (posting.amount, note(posting));
        let code = amount.currency();
        write_line(
            text,
            format_args!("    {account:account_width$}  {amount:>amount_width$} {code}{note}"),
        );
    }
}

fn write_line(text: &mut String, line: fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a string does not fail");
    text.push('\n');
}

/// hledger and ledger-cli start a comment at a semicolon, and hledger splits payee from note at a
/// bar.
fn one_line(description: &str) -> String {
    description.replace([';', '|', '\n'], ",")
}

/// An amount that shows how many digits the currency has. A decimal mark is wanted in it even
/// where no digit follows.
fn sample(currency: Currency) -> String {
    let digits = currency.digits() as usize;
    format!("1000.{}", "0".repeat(digits))
}
