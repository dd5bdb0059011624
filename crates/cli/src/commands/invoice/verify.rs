//! `invoice verify`: what a tenant finds out by itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leasehold_ledger::{PublicKey, Rederivation, Sealed};
use leasehold_units::{Day, Month};
use serde::Serialize;

use super::open;
use crate::arguments::{self, Common};
use crate::evidence;
use crate::failure::Failure;
use crate::keys;
use crate::output::{self, Align, Printable, Rows, counted, grouped, money};

/// What was found of an invoice that holds.
#[derive(Debug, Serialize)]
struct Verified {
    number: String,
    landlord: String,
    tenant: String,
    lease: String,
    issued: String,
    currency: String,
    total: String,
    sealed_by: String,
    lines: usize,
    evidence: Option<Derived>,
    #[serde(skip)]
    total_grouped: String,
}

/// What an invoice was derived again from.
#[derive(Debug, Serialize)]
struct Derived {
    terms: usize,
    facts: usize,
    months: usize,
    intervals: u64,
    earlier_documents: usize,
}

/// Checks an invoice.
pub fn run(asked: &arguments::Verify, common: &Common) -> Result<(), Failure> {
    let key = keys::public(&asked.key)?;
    let sealed = open(&asked.invoice, &key)?;
    let evidence =
        asked.evidence.as_ref().map(|folder| derive(&sealed, folder, &key)).transpose()?;
    let invoice = &sealed.invoice;
    let verified = Verified {
        number: invoice.number.clone(),
        landlord: invoice.landlord.to_string(),
        tenant: invoice.tenant.to_string(),
        lease: invoice.lease.to_string(),
        issued: invoice.issued.to_string(),
        currency: invoice.currency.to_string(),
        total: invoice.total.to_string(),
        sealed_by: sealed.key.to_string(),
        lines: invoice.lines.len(),
        evidence,
        total_grouped: money(invoice.total),
    };
    output::print(&verified, common)
}

/// Derives `sealed` again from what lies in `folder`, and what was issued before it on the way.
fn derive(sealed: &Sealed, folder: &Path, key: &PublicKey) -> Result<Derived, Failure> {
    let terms = evidence::terms(folder)?;
    let record = evidence::record(&folder.join("record.jsonl"))?;
    let count = terms.len();
    let at =
        |path: &Path, error: String| Failure::impossible(format!("{}: {error}", path.display()));
    let mut again =
        Rederivation::new(terms, record).map_err(|error| at(folder, error.to_string()))?;
    let earlier = documents_before(sealed, folder, key)?;
    let documents = earlier.iter().map(|(_, document)| document).chain([sealed]);
    let lines = documents.flat_map(|document| &document.invoice.lines);
    let months: BTreeSet<Month> =
        lines.filter_map(|line| line.derivation.usage).map(|usage| usage.month).collect();
    for month in months {
        evidence::read_usage(&mut again, &folder.join(format!("usage-{month}.csv")), month)?;
    }
    for (path, document) in &earlier {
        let checked = again.check(&document.invoice);
        checked.map_err(|error| at(path, error.to_string()))?;
    }
    let number = Path::new(&sealed.invoice.number);
    again.check(&sealed.invoice).map_err(|error| at(number, error.to_string()))?;
    Ok(Derived {
        terms: count,
        facts: again.facts_heard(),
        months: again.usage().count(),
        intervals: again.usage().map(|usage| usage.intervals).sum(),
        earlier_documents: earlier.len(),
    })
}

/// The documents that were issued before `sealed`, in order.
fn documents_before(
    sealed: &Sealed,
    folder: &Path,
    key: &PublicKey,
) -> Result<Vec<(PathBuf, Sealed)>, Failure> {
    let folder = folder.join("documents");
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for path in evidence::listing(&folder)?
        .into_iter()
        .filter(|path| path.extension() == Some("json".as_ref()))
    {
        let document = open(&path, key)?;
        if place(&document) < place(sealed) {
            found.push((path, document));
        }
    }
    found.sort_by(|a, b| place(&a.1).cmp(&place(&b.1)));
    Ok(found)
}

/// Documents of a landlord count up.
fn place(document: &Sealed) -> (Day, &str) {
    (document.invoice.issued, &document.invoice.number)
}

impl Printable for Verified {
    fn table(&self) -> String {
        let lines = counted(self.lines, "line");
        let follow = if self.lines == 1 { "follows" } else { "follow" };
        let mut text = format!(
            "{}, issued {} by {} to {} for {}: {} {}\n\
             seal: it is what {} sealed\n\
             amounts: {lines} {follow} from their formulas, and they add up to the total\n",
            self.number,
            self.issued,
            self.landlord,
            self.tenant,
            self.lease,
            self.currency,
            self.total_grouped,
            self.sealed_by,
        );
        match &self.evidence {
            None => text.push_str("evidence: not looked at; `--evidence DIR` derives it again\n"),
            Some(derived) => {
                text.push_str(&format!(
                    "evidence: derived again from {} of the terms, {} and {} service intervals in {}, \
                     after {} issued before it\n",
                    counted(derived.terms, "version"),
                    counted(derived.facts, "fact"),
                    grouped(derived.intervals),
                    counted(derived.months, "month"),
                    counted(derived.earlier_documents, "document"),
                ));
            }
        }
        text
    }

    fn csv(&self) -> String {
        let mut rows = Rows::new(&[
            ("number", Align::Left),
            ("total", Align::Right),
            ("currency", Align::Left),
            ("sealed_by", Align::Left),
            ("derived_again", Align::Left),
        ]);
        rows.push(vec![
            self.number.clone(),
            self.total.clone(),
            self.currency.clone(),
            self.sealed_by.clone(),
            self.evidence.is_some().to_string(),
        ]);
        rows.to_csv()
    }
}
