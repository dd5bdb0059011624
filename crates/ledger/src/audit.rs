//! Whether the books are what they were: documents that were issued, and the journal behind them.
//!
//! What is new or touched is checked at once, and the balances of all accounts with it. All of it is
//! gone over again in turn, a little at a time, so that the cost of a document does not grow with the
//! number of documents before it; and as a whole when somebody asks.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_units::Money;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::document::{hex, unhex};
use crate::{Balances, Bookkeeping, Invoice, Transaction, chart};

/// Goes over the books.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Audit {
    /// Of each document, by its place, taken when it was issued.
    seals: Vec<Seal>,
    /// Where each document is, by its number: those that were looked at.
    #[serde(skip)]
    places: BTreeMap<String, usize>,
    /// Entries of the journal that were looked at.
    #[serde(skip)]
    entries: usize,
    /// What these entries add up to, on the accounts of tenants.
    #[serde(skip)]
    posted: Balances,
    /// What each document that was looked at says of those accounts, and what all say together.
    #[serde(skip)]
    said: BTreeMap<String, [(String, Money); 2]>,
    #[serde(skip)]
    owed: Balances,
    /// How far the going over again is.
    #[serde(skip)]
    round: Round,
}

/// The SHA-256 of a document's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seal([u8; 32]);

/// How far the going over again is.
#[derive(Debug, Clone, Default)]
struct Round {
    documents: usize,
    entries: usize,
    posted: Balances,
}

/// What is wrong with the books.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFinding {
    /// An entry whose postings do not add up to nothing.
    #[error("entry {place} of the journal does not balance")]
    Unbalanced {
        /// Its place, from 0.
        place: usize,
    },
    /// A document whose lines are not its total.
    #[error("the lines of {number} add up to {sum}, its total is {total}")]
    Total {
        /// Its number.
        number: String,
        /// What the lines add up to.
        sum: Money,
        /// What it says.
        total: Money,
    },
    /// An account of a tenant on which journal and documents disagree.
    #[error("{account}: the journal has {posted}, the documents have {owed}")]
    Open {
        /// Which.
        account: String,
        /// What the journal has.
        posted: Money,
        /// What the documents have.
        owed: Money,
    },
    /// Entries that add up to something else than when they were entered.
    #[error("entries of the journal changed after they were entered")]
    EntriesChanged,
    /// A document that is not what was issued.
    #[error("document {number} changed after it was issued")]
    DocumentChanged {
        /// Its number.
        number: String,
    },
}

impl Audit {
    /// Checks everything that is new since the last call: documents, entries, the documents that these
    /// concern, and the balance of every account of a tenant.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_new(
        &mut self,
        books: &Bookkeeping,
        issued: &[Invoice],
    ) -> Result<(), AuditFinding> {
        let known = self.places.len();
        for (place, document) in (known..).zip(&issued[known..]) {
            self.take_up(place, document)?;
        }
        let entered = books.journal().transactions();
        let mut touched: BTreeSet<&str> = BTreeSet::new();
        for (place, entry) in (self.entries..).zip(&entered[self.entries..]) {
            balanced(place, entry)?;
            add_entry(&mut self.posted, entry);
            let postings = entry.postings.iter().filter_map(|posting| posting.document.as_deref());
            touched.extend(entry.document.as_deref().into_iter().chain(postings));
        }
        self.entries = entered.len();
        for number in touched {
            self.read_again(number, books);
            if let Some(place) = self.places.get(number) {
                self.check_document(*place, &issued[*place])?;
            }
        }
        let mut owed = self.owed.clone();
        for (tenant, held) in books.receivables().held_on_account() {
            add(&mut owed, chart::on_account(tenant), held.negated());
        }
        agree(&self.posted, &owed)
    }

    /// Goes over up to so many `documents` and `entries` again, where it stopped the last time. Whenever
    /// it is through with all documents, what all of them say is added up afresh; whenever it is through
    /// with all entries, these are compared with what they came to when they were entered.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn go_on(
        &mut self,
        books: &Bookkeeping,
        issued: &[Invoice],
        (documents, entries): (usize, usize),
    ) -> Result<(), AuditFinding> {
        if self.places.len() < self.seals.len() {
            // It was stored and restored: what it remembers besides the seals is worked out again.
            self.check_new(books, issued)?;
        }
        let until = self.places.len().min(self.round.documents.saturating_add(documents));
        let from = self.round.documents;
        for (place, document) in (from..).zip(&issued[from..until]) {
            self.check_document(place, document)?;
        }
        self.round.documents = until;
        if until == self.places.len() {
            self.round.documents = 0;
            agree(&self.posted, &books.receivables().owed_by_account())?;
        }
        let entered = books.journal().transactions();
        let until = self.entries.min(self.round.entries.saturating_add(entries));
        for (place, entry) in (self.round.entries..).zip(&entered[self.round.entries..until]) {
            balanced(place, entry)?;
            add_entry(&mut self.round.posted, entry);
        }
        self.round.entries = until;
        if until < self.entries {
            return Ok(());
        }
        self.round.entries = 0;
        let again = std::mem::take(&mut self.round.posted);
        if agree(&again, &self.posted).is_ok() { Ok(()) } else { Err(AuditFinding::EntriesChanged) }
    }

    /// Goes over everything, from the first document and the first entry on.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_all(&self, books: &Bookkeeping, issued: &[Invoice]) -> Result<(), AuditFinding> {
        let mut whole = Self { seals: self.seals.clone(), ..Self::default() };
        whole.check_new(books, issued)?;
        whole.go_on(books, issued, (usize::MAX, usize::MAX))?;
        if self.entries == whole.entries && agree(&self.posted, &whole.posted).is_err() {
            return Err(AuditFinding::EntriesChanged);
        }
        Ok(())
    }

    /// Looks at a document for the first time: seals it, unless it was sealed before it was stored.
    fn take_up(&mut self, place: usize, document: &Invoice) -> Result<(), AuditFinding> {
        let lines = document.lines.iter().map(|line| line.amount);
        let sum = lines.fold(Money::zero(document.currency), Money::plus);
        let (number, total) = (document.number.clone(), document.total);
        if sum != total {
            return Err(AuditFinding::Total { number, sum, total });
        }
        if place == self.seals.len() {
            self.seals.push(Seal::of(document));
        }
        self.places.insert(number, place);
        self.check_document(place, document)
    }

    fn check_document(&self, place: usize, document: &Invoice) -> Result<(), AuditFinding> {
        if self.seals[place] == Seal::of(document) {
            return Ok(());
        }
        Err(AuditFinding::DocumentChanged { number: document.number.clone() })
    }

    /// Takes what the document of this number says of the accounts in the place of what it said before.
    fn read_again(&mut self, number: &str, books: &Bookkeeping) {
        let Some(document) = books.receivables().document(number) else { return };
        let says = [
            (chart::receivable(&document.tenant), document.payable()),
            (chart::disputed(&document.tenant), document.disputed),
        ];
        for (account, amount) in &says {
            add(&mut self.owed, account.clone(), *amount);
        }
        let before = self.said.insert(number.to_owned(), says);
        for (account, amount) in before.into_iter().flatten() {
            add(&mut self.owed, account, amount.negated());
        }
    }
}

impl Seal {
    fn of(document: &Invoice) -> Self {
        Self(Sha256::digest(document.to_json().as_bytes()).into())
    }
}

/// In hexadecimal digits.
impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let seal = unhex(&text).map(Self);
        seal.ok_or_else(|| de::Error::custom(format_args!("{text:?} is no SHA-256")))
    }
}

fn balanced(place: usize, entry: &Transaction) -> Result<(), AuditFinding> {
    if entry.is_balanced() { Ok(()) } else { Err(AuditFinding::Unbalanced { place }) }
}

fn add_entry(balances: &mut Balances, entry: &Transaction) {
    let of_tenants = entry.postings.iter().filter(|posting| chart::is_of_tenant(&posting.account));
    for posting in of_tenants {
        add(balances, posting.account.clone(), posting.amount);
    }
}

fn add(balances: &mut Balances, account: String, amount: Money) {
    let zero = Money::zero(amount.currency());
    let sum = balances.entry((account, amount.currency().code())).or_insert(zero);
    *sum = sum.plus(amount);
}

/// Whether both have the same on every account; one that is not there has nothing.
fn agree(posted: &Balances, owed: &Balances) -> Result<(), AuditFinding> {
    for key in posted.keys().chain(owed.keys()) {
        let (mine, theirs) = (posted.get(key), owed.get(key));
        let Some(zero) = mine.or(theirs).map(|money| Money::zero(money.currency())) else {
            continue;
        };
        let (posted, owed) = (mine.copied().unwrap_or(zero), theirs.copied().unwrap_or(zero));
        if posted != owed {
            return Err(AuditFinding::Open { account: key.0.clone(), posted, owed });
        }
    }
    Ok(())
}
