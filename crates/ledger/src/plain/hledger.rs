//! hledger's format, with every account and commodity declared.

use std::collections::BTreeMap;

use super::{by_day, currencies, one_line, postings, sample, write_line, write_postings};
use crate::Transaction;
use crate::chart::{self, AccountKind};

/// `entries` in hledger's format, in order of days. Lease, tenant and due day are tags.
pub fn to_hledger(entries: &[Transaction]) -> String {
    let mut text = String::new();
    for (code, currency) in currencies(entries) {
        write_line(&mut text, format_args!("commodity {} {code}", sample(currency)));
    }
    let accounts: BTreeMap<&str, &str> = postings(entries)
        .map(|posting| (posting.account.as_str(), account_type(&posting.account)))
        .collect();
    for (account, kind) in accounts {
        write_line(&mut text, format_args!("account {account}  ; type: {kind}"));
    }
    for entry in by_day(entries) {
        text.push('\n');
        write_entry(&mut text, entry);
    }
    text
}

fn write_entry(text: &mut String, entry: &Transaction) {
    let code = entry.document.as_ref().map(|number| format!("({number}) ")).unwrap_or_default();
    let mut tags: Vec<String> = entry.lease.iter().map(|lease| format!("lease:{lease}")).collect();
    tags.push(format!("tenant:{}", entry.tenant));
    tags.extend(entry.due.iter().map(|due| format!("due:{due}")));
    let description = one_line(&entry.description);
    write_line(text, format_args!("{} * {code}{description}", entry.date));
    write_line(text, format_args!("    ; {}", tags.join(", ")));
    write_postings(text, entry, &str::to_owned, &|posting| {
        let other = posting.document.as_ref();
        other.map(|number| format!("  ; document:{number}")).unwrap_or_default()
    });
}

fn account_type(account: &str) -> &'static str {
    match chart::kind(account) {
        AccountKind::Asset => "A",
        AccountKind::Liability => "L",
        AccountKind::Revenue => "R",
    }
}
