//! The format of ledger-cli, with every account, commodity and tag declared.

use std::collections::BTreeSet;

use super::{by_day, currencies, one_line, postings, sample, write_line, write_postings};
use crate::Transaction;

/// `entries` in the format of ledger-cli, in order of days. Lease, tenant and due day are metadata.
pub fn to_ledger(entries: &[Transaction]) -> String {
    let mut text = String::new();
    for (code, currency) in currencies(entries) {
        write_line(&mut text, format_args!("commodity {code}"));
        // It takes a mark without a digit behind it for a part of the code.
        let sample = sample(currency);
        write_line(&mut text, format_args!("    format {} {code}", sample.trim_end_matches('.')));
    }
    for tag in ["Lease", "Tenant", "Due", "Document"] {
        write_line(&mut text, format_args!("tag {tag}"));
    }
    let accounts: BTreeSet<&str> =
        postings(entries).map(|posting| posting.account.as_str()).collect();
    for account in accounts {
        write_line(&mut text, format_args!("account {account}"));
    }
    for entry in by_day(entries) {
        text.push('\n');
        write_entry(&mut text, entry);
    }
    text
}

fn write_entry(text: &mut String, entry: &Transaction) {
    let code = entry.document.as_ref().map(|number| format!("({number}) ")).unwrap_or_default();
    let description = one_line(&entry.description);
    write_line(text, format_args!("{} * {code}{description}", entry.date));
    if let Some(lease) = &entry.lease {
        write_line(text, format_args!("    ; Lease: {lease}"));
    }
    write_line(text, format_args!("    ; Tenant: {}", entry.tenant));
    if let Some(due) = entry.due {
        write_line(text, format_args!("    ; Due: {due}"));
    }
    write_postings(text, entry, &str::to_owned, &|posting| {
        let other = posting.document.as_ref();
        other.map(|number| format!("  ; Document: {number}")).unwrap_or_default()
    });
}
