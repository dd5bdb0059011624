//! The journal as plain text that hledger reads, with every account and commodity declared.

use std::collections::BTreeMap;
use std::fmt::Write;

use leasehold_units::Currency;

use crate::{Journal, Transaction};

impl Journal {
    /// The journal in hledger's format, in order of days; entries of one day stay in the order in
    /// which they were made.
    pub fn to_hledger(&self) -> String {
        let mut text = String::new();
        self.write_declarations(&mut text);
        let mut entries: Vec<&Transaction> = self.transactions().iter().collect();
        entries.sort_by_key(|entry| entry.date);
        for entry in entries {
            text.push('\n');
            write_entry(&mut text, entry);
        }
        text
    }

    fn write_declarations(&self, text: &mut String) {
        let mut commodities: BTreeMap<&str, Currency> = BTreeMap::new();
        let mut accounts: BTreeMap<&str, &str> = BTreeMap::new();
        for posting in self.transactions().iter().flat_map(|entry| &entry.postings) {
            let currency = posting.amount.currency();
            commodities.insert(currency.code(), currency);
            accounts.insert(&posting.account, account_type(&posting.account));
        }
        for (code, currency) in commodities {
            write_line(text, format_args!("commodity {} {code}", sample(currency)));
        }
        for (account, kind) in accounts {
            write_line(text, format_args!("account {account}  ; type: {kind}"));
        }
    }
}

fn write_entry(text: &mut String, entry: &Transaction) {
    let code = entry.invoice.as_ref().map(|number| format!("({number}) ")).unwrap_or_default();
    write_line(text, format_args!("{} * {code}{}", entry.date, plain(&entry.description)));
    let of = |width: fn(&crate::Posting) -> usize| {
        entry.postings.iter().map(width).max().unwrap_or_default()
    };
    let account_width = of(|posting| posting.account.len());
    let amount_width = of(|posting| posting.amount.to_string().len());
    for posting in &entry.postings {
        let (account, amount) = (&posting.account, posting.amount);
        let code = amount.currency();
        let line = format_args!("    {account:account_width$}  {amount:>amount_width$} {code}");
        write_line(text, line);
    }
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a string does not fail");
    text.push('\n');
}

/// hledger starts a comment at a semicolon, and splits payee from note at a bar.
fn plain(description: &str) -> String {
    description.replace([';', '|', '\n'], ",")
}

fn account_type(account: &str) -> &'static str {
    match account.split(':').next() {
        Some("assets") => "A",
        Some("liabilities") => "L",
        _ => "R",
    }
}

/// An amount that shows how many digits the currency has. hledger wants a decimal mark in it
/// even where no digit follows.
fn sample(currency: Currency) -> String {
    let digits = currency.digits() as usize;
    format!("1000.{}", "0".repeat(digits))
}
