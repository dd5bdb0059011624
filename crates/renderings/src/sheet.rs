//! What stands on a rendering, whatever its form.

use leasehold_ledger::{Sealed, UsageDigest};
use sha2::{Digest as _, Sha256};

use crate::derivation::intervals;
use crate::sums::{Block, blocks};
use crate::words::{counted, digest, money, shown};

/// Whether the seal was looked at before the document was rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealCheck {
    /// It was, against the landlord's key, and it fits.
    Fits,
    /// It was not.
    NotChecked,
}

/// A document as people read it. Every text is safe to show: what would act on a screen is written
/// out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// `Invoice` or `Credit note`.
    pub title: &'static str,
    /// The document's number.
    pub number: String,
    /// Which document it corrects or stands in for.
    pub relation: Option<String>,
    /// What is to be done: pay so much by then.
    pub headline: (String, &'static str, String),
    /// Who, for what, when: names and values.
    pub facts: Vec<(&'static str, String)>,
    /// Code of the currency of every amount.
    pub currency: String,
    /// Lines and sums, from top to bottom.
    pub blocks: Vec<Block>,
    /// What the lines rest on.
    pub basis: Vec<(String, String)>,
    /// What this is a rendering of, and how to check that.
    pub about: Vec<(&'static str, String)>,
    /// The document itself.
    pub json: String,
    /// The name of its file.
    pub file: String,
}

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Of which month, or of what kind.
    pub title: String,
    /// In the order of the document.
    pub entries: Vec<Entry>,
    /// What they add up to, where that says something new.
    pub sum: Option<String>,
}

/// One line of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the document, from 1.
    pub place: usize,
    /// What it is for.
    pub description: String,
    /// With thousands separators and the currency's digits.
    pub amount: String,
    /// How it follows, in small print.
    pub notes: Vec<Note>,
}

/// A line of small print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How far it is indented.
    pub depth: usize,
    /// How it is set.
    pub style: NoteStyle,
    /// What it says.
    pub text: String,
}

/// How small print is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteStyle {
    /// As words.
    Words,
    /// As code.
    Formula,
}

/// A row that adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// What it is the sum of.
    pub label: String,
    /// With thousands separators and the currency's digits.
    pub amount: String,
    /// How much weight it has.
    pub kind: SumKind,
}

/// What a sum is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumKind {
    /// On the way.
    SubTotal,
    /// The last one.
    Total,
}

impl Sheet {
    /// The sheet of `sealed`, whose amounts must follow from their formulas (see
    /// [`leasehold_ledger::Invoice::check`]): they are shown as results of them.
    pub fn of(sealed: &Sealed, check: SealCheck) -> Self {
        let invoice = &sealed.invoice;
        let number = shown(&invoice.number);
        let title = if invoice.is_credit_note() { "Credit note" } else { "Invoice" };
        Self {
            title,
            relation: relation(sealed),
            headline: headline(sealed),
            facts: vec![
                ("From", invoice.landlord.to_string()),
                ("To", invoice.tenant.to_string()),
                ("Lease", invoice.lease.to_string()),
                ("Issued", invoice.issued.to_string()),
                ("Due", invoice.due.to_string()),
                ("Currency", invoice.currency.to_string()),
            ],
            currency: invoice.currency.to_string(),
            blocks: blocks(invoice),
            basis: basis(sealed),
            about: about(sealed, check),
            json: sealed.to_json(),
            file: file_name(&invoice.number),
            number,
        }
    }

    /// Title and number.
    pub fn name(&self) -> String {
        format!("{} {}", self.title, self.number)
    }
}

fn relation(sealed: &Sealed) -> Option<String> {
    let corrects = sealed.invoice.corrects.as_deref();
    let replaces = sealed.invoice.replaces.as_deref();
    match (corrects, replaces) {
        (Some(number), _) => Some(format!("Corrects {}", shown(number))),
        (None, Some(number)) => Some(format!("Replaces {}", shown(number))),
        (None, None) => None,
    }
}

/// What the total means, the total, and by when.
fn headline(sealed: &Sealed) -> (String, &'static str, String) {
    let invoice = &sealed.invoice;
    let amount = |total| format!("{} {}", invoice.currency, money(total));
    match invoice.total.minor() {
        0 => (amount(invoice.total), "Nothing to pay", String::new()),
        1.. => (amount(invoice.total), "To pay", format!("by {}", invoice.due)),
        _ => (
            amount(invoice.total.negated()),
            "Credited",
            format!("to {}", shown(invoice.tenant.as_str())),
        ),
    }
}

fn basis(sealed: &Sealed) -> Vec<(String, String)> {
    let invoice = &sealed.invoice;
    let sha = |sha256| format!("SHA-256 {}", digest(sha256));
    let mut basis: Vec<(String, String)> = invoice
        .terms
        .iter()
        .map(|terms| (format!("Terms, version {}", terms.version), sha(&terms.sha256)))
        .collect();
    let facts = counted(invoice.record.facts, "fact");
    basis.push((format!("Record of the lease, {facts}"), sha(&invoice.record.sha256)));
    let mut usages: Vec<UsageDigest> = Vec::new();
    for line in &invoice.lines {
        let due = line.derivation.due_lines.iter().filter_map(|due| due.derivation.usage);
        for usage in line.derivation.usage.into_iter().chain(due) {
            if !usages.contains(&usage) {
                usages.push(usage);
            }
        }
    }
    basis.extend(usages.iter().map(|usage| ("Evidence".to_owned(), intervals(usage))));
    basis
}

fn about(sealed: &Sealed, check: SealCheck) -> Vec<(&'static str, String)> {
    let invoice = &sealed.invoice;
    let file = file_name(&invoice.number);
    let sha256: [u8; 32] = Sha256::digest(sealed.to_json().as_bytes()).into();
    let (landlord, lease) = (&invoice.landlord, &invoice.lease);
    let command = format!(
        "leasehold invoice verify {file} --key {landlord}.public.pem --evidence evidence/{lease}"
    );
    let seal = match check {
        SealCheck::Fits => "checked when this was rendered: the document is what this key sealed",
        SealCheck::NotChecked => "not checked when this was rendered",
    };
    vec![
        ("Document", format!("{file}, SHA-256 {}", digest(&sha256))),
        ("Sealed with", format!("Ed25519 key {}", sealed.key)),
        ("Seal", seal.to_owned()),
        ("To verify", command),
    ]
}

/// What is said of every rendering.
pub const IS_A_RENDERING: &str =
    "The JSON is the document; this is a rendering of it. Where they differ, the JSON counts.";

/// The file that a document is kept in; a number may hold what no file name should.
fn file_name(number: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    number.chars().map(kept).collect::<String>() + ".json"
}
