//! beancount's format, with every account and commodity declared.

use std::collections::{BTreeMap, BTreeSet};

use super::{by_day, currencies, postings, write_line, write_postings};
use crate::Transaction;

/// `entries` in beancount's format, in order of days. Numbers of documents are links, lease,
/// tenant and due day metadata. Accounts are called as [`beancount_accounts`] says.
pub fn to_beancount(entries: &[Transaction]) -> String {
    let mut text = String::from("option \"name_income\" \"Revenue\"\n");
    let names = beancount_accounts(entries);
    if let Some(first) = entries.iter().map(|entry| entry.date).min() {
        for (code, _) in currencies(entries) {
            write_line(&mut text, format_args!("{first} commodity {code}"));
        }
        for name in names.values() {
            write_line(&mut text, format_args!("{first} open {name}"));
        }
    }
    for entry in by_day(entries) {
        text.push('\n');
        write_entry(&mut text, entry, &names);
    }
    text
}

/// What the accounts that `entries` post to are called in beancount, which allows letters, digits
/// and dashes, and a capital or a digit first. Where two would be called the same, a number tells
/// them apart.
pub fn beancount_accounts(entries: &[Transaction]) -> BTreeMap<String, String> {
    let accounts: BTreeSet<&str> =
        postings(entries).map(|posting| posting.account.as_str()).collect();
    let mut taken = BTreeSet::new();
    let mut names = BTreeMap::new();
    for account in accounts {
        let plain = written(account);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let name = std::iter::once(plain.clone())
            .chain(numbered)
            .find(|name| taken.insert(name.clone()))
            .expect("there is always a next number");
        names.insert(account.to_owned(), name);
    }
    names
}

fn write_entry(text: &mut String, entry: &Transaction, names: &BTreeMap<String, String>) {
    let others = entry.postings.iter().filter_map(|posting| posting.document.as_ref());
    let links: BTreeSet<&String> = entry.document.iter().chain(others).collect();
    let links: String = links.into_iter().map(|number| format!(" ^{number}")).collect();
    let description = entry.description.replace('\\', "\\\\").replace('"', "\\\"");
    write_line(text, format_args!("{} * \"{description}\"{links}", entry.date));
    if let Some(lease) = &entry.lease {
        write_line(text, format_args!("    lease: \"{lease}\""));
    }
    write_line(text, format_args!("    tenant: \"{}\"", entry.tenant));
    if let Some(due) = entry.due {
        write_line(text, format_args!("    due: {due}"));
    }
    write_postings(text, entry, &|account| names[account].clone(), &|_| String::new());
}

fn written(account: &str) -> String {
    // A contra account has to stand under what it is contrary to.
    let account = account
        .strip_prefix("contra-revenue:")
        .map(|rest| format!("revenue:contra:{rest}"))
        .unwrap_or_else(|| account.to_owned());
    let levels: Vec<String> = account.split(':').map(level).collect();
    levels.join(":")
}

fn level(name: &str) -> String {
    let mut written = name.replace(['_', '.'], "-");
    if let Some(first) = written.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    written
}
