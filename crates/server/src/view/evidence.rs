//! What a tenant derives its bills again from, file by file as `invoice verify --evidence` takes it.

use std::collections::BTreeSet;

use leasehold_control::{LeaseEntry, State};
use leasehold_ledger::{Invoice, PublicKey};
use leasehold_units::Month;
use serde::Serialize;
use utoipa::ToSchema;

use crate::core::evidence_stream;

/// The evidence of a lease: what it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EvidenceView {
    /// Which lease.
    pub lease: String,
    /// Who rents.
    pub tenant: String,
    /// Names of its files: each version of the terms, the record, and the service intervals of every month that
    /// a document rests on.
    pub files: Vec<String>,
    /// Numbers of the documents of the lease, in the order of issue.
    pub documents: Vec<String>,
    /// Who issues the documents.
    pub landlord: String,
    /// What their seals are checked with, in PEM. Whoever does not trust this server compares it with what the
    /// landlord handed over.
    pub public_key: String,
}

/// A file of the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceFile {
    /// Its whole text.
    Text(String),
    /// Kept beside the log, in this stream.
    Kept(String),
}

/// The name of the file that says what happened to a lease.
const RECORD: &str = "record.jsonl";

/// What the evidence of `entry` consists of.
pub fn evidence(state: &State, entry: &LeaseEntry, key: &PublicKey) -> EvidenceView {
    let terms = entry.lease.versions.iter().map(|terms| terms_file(terms.version));
    let files = terms.chain([RECORD.to_owned()]);
    let files = files.chain(months(state, entry).into_iter().map(usage_file));
    let own = own_documents(state, entry);
    EvidenceView {
        lease: entry.terms().id.to_string(),
        tenant: entry.terms().tenant.to_string(),
        files: files.collect(),
        documents: own.map(|invoice| invoice.number.clone()).collect(),
        landlord: entry.terms().landlord.to_string(),
        public_key: key.to_pem(),
    }
}

/// The file of `entry`, number `number`, that is named `name`.
pub fn evidence_file(
    state: &State,
    number: usize,
    entry: &LeaseEntry,
    name: &str,
) -> Option<EvidenceFile> {
    if name == RECORD {
        return Some(EvidenceFile::Text(state.books.bases[number].facts().to_lines()));
    }
    let signed = entry.lease.versions.iter().find(|terms| terms_file(terms.version) == name);
    if let Some(terms) = signed {
        return Some(EvidenceFile::Text(terms.text.to_string()));
    }
    let month = months(state, entry).into_iter().find(|month| usage_file(*month) == name)?;
    let stream = evidence_stream(entry.terms().id.as_str(), &month.to_string());
    Some(EvidenceFile::Kept(stream))
}

/// The months that documents of the lease rest on. What is written of them is whole: the documents name its
/// digest. A running month is not: how far it is written would tell what the site does.
fn months(state: &State, entry: &LeaseEntry) -> BTreeSet<Month> {
    let lines = own_documents(state, entry).flat_map(|invoice| &invoice.lines);
    lines.filter_map(|line| line.derivation.usage).map(|usage| usage.month).collect()
}

fn own_documents<'a>(state: &'a State, entry: &'a LeaseEntry) -> impl Iterator<Item = &'a Invoice> {
    let lease = &entry.terms().id;
    state.books.invoices.iter().filter(move |invoice| invoice.lease == *lease)
}

fn terms_file(version: u32) -> String {
    format!("terms-{version}.toml")
}

fn usage_file(month: Month) -> String {
    format!("usage-{month}.csv")
}
