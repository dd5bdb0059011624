//! What tenants owe: a fold of what happened to documents after they were issued.
//!
//! A document is issued, paid in parts or whole, disputed in parts; a credit note is set off
//! against what it corrects, else against the tenant's oldest due documents. Money that no document
//! takes stays on account and goes to the next one. Documents themselves are never touched here.

use std::collections::BTreeMap;

use leasehold_lease::Side;
use leasehold_units::{Currency, Day, LeaseId, Money, PartyId};
use serde::{Deserialize, Serialize};

use crate::{Balances, Invoice, chart};

/// Money from a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The tenant's or the bank's name for it, one of the tenant's; the same again changes nothing.
    pub id: String,
    /// Who paid.
    pub tenant: PartyId,
    /// The day on which the money was there.
    pub day: Day,
    /// How much; above zero.
    pub amount: Money,
    /// Numbers of the documents that it is for, in order; empty: the oldest due ones.
    pub documents: Vec<String>,
}

/// A tenant does not accept a part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Its name among the tenant's disputes; the same again changes nothing.
    pub id: String,
    /// The tenant who disputes.
    pub tenant: PartyId,
    /// Number of the document.
    pub document: String,
    /// The day on which it was raised.
    pub day: Day,
    /// How much of the document; above zero.
    pub amount: Money,
}

/// A dispute ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The tenant who disputes.
    pub tenant: PartyId,
    /// Which of its disputes.
    pub dispute: String,
    /// The day on which it ended.
    pub day: Day,
    /// Who was right: for the landlord the amount is owed again, for the tenant it is credited.
    pub favour: Side,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentState {
    /// Not issued.
    Draft,
    /// All of it is open.
    Issued,
    /// Some of it was paid or set off.
    PartlyPaid,
    /// Nothing of it is open.
    Paid,
    /// Some of it is disputed.
    Disputed,
}

/// What is known of an issued document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receivable {
    /// Who owes, or is owed where it is a credit note.
    pub tenant: PartyId,
    /// For which lease.
    pub lease: LeaseId,
    /// Day of issue.
    pub issued: Day,
    /// Day by which it is to be paid.
    pub due: Day,
    /// Negative: a credit note.
    pub total: Money,
    /// What is not paid or set off, disputed parts included; of a credit note, what is not used up,
    /// negative.
    pub open: Money,
    /// The part of it that is disputed.
    pub disputed: Money,
    /// The document that it gives back.
    pub corrects: Option<String>,
    /// The document in whose place it was issued.
    pub replaces: Option<String>,
    /// The document that was issued in its place.
    pub replaced_by: Option<String>,
    changes: BTreeMap<Day, Money>,
}

/// A dispute, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeRecord {
    /// As it was raised.
    pub dispute: Dispute,
    /// How it ended; nothing while it is open.
    pub resolution: Option<Resolution>,
}

/// An amount that moved between what is owed, disputed, on account and paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// What moved.
    pub kind: MovementKind,
    /// When.
    pub day: Day,
    /// Whose.
    pub tenant: PartyId,
    /// Lease of the document, where there is one.
    pub lease: Option<LeaseId>,
    /// The document that it concerns, where there is one.
    pub document: Option<String>,
    /// Above zero.
    pub amount: Money,
}

/// What moved, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MovementKind {
    /// A payment came in: for the document, or on account where there is none.
    Received {
        /// Which payment.
        payment: String,
    },
    /// Money that was on account pays the document.
    Drawn,
    /// A credit note pays the document.
    SetOff {
        /// Number of the credit note.
        credit: String,
    },
    /// A part of the document is disputed.
    Disputed {
        /// Which dispute.
        dispute: String,
    },
    /// It is no longer.
    Resolved {
        /// Which dispute.
        dispute: String,
    },
}

/// All documents, payments and disputes. Changed by facts that were weighed before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receivables {
    documents: BTreeMap<String, Receivable>,
    payments: BTreeMap<(PartyId, String), Payment>,
    disputes: BTreeMap<(PartyId, String), DisputeRecord>,
    #[serde(with = "on_account")]
    on_account: BTreeMap<(PartyId, &'static str), Money>,
}

impl Receivable {
    fn of(invoice: &Invoice) -> Self {
        Self {
            tenant: invoice.tenant.clone(),
            lease: invoice.lease.clone(),
            issued: invoice.issued,
            due: invoice.due,
            total: invoice.total,
            open: invoice.total,
            disputed: Money::zero(invoice.currency),
            corrects: invoice.corrects.clone(),
            replaces: invoice.replaces.clone(),
            replaced_by: None,
            changes: BTreeMap::from([(invoice.issued, invoice.total)]),
        }
    }

    /// What may be paid or set off: what is open and not disputed.
    pub fn payable(&self) -> Money {
        self.open.minus(self.disputed)
    }

    /// Where it stands.
    pub fn state(&self) -> DocumentState {
        if self.disputed.minor() != 0 {
            DocumentState::Disputed
        } else if self.open.minor() == 0 {
            DocumentState::Paid
        } else if self.open == self.total {
            DocumentState::Issued
        } else {
            DocumentState::PartlyPaid
        }
    }

    /// What was open of it, disputed parts included, from each day on; in order of days.
    pub fn open_history(&self) -> Vec<(Day, Money)> {
        let mut open = Money::zero(self.total.currency());
        let mut history = Vec::new();
        for (day, change) in &self.changes {
            open = open.plus(*change);
            history.push((*day, open));
        }
        history
    }

    fn change(&mut self, day: Day, by: Money) {
        self.open = self.open.plus(by);
        let change = self.changes.entry(day).or_insert(Money::zero(by.currency()));
        *change = change.plus(by);
    }
}

impl Receivables {
    /// What is known of the document of this number, once it is issued.
    pub fn document(&self, number: &str) -> Option<&Receivable> {
        self.documents.get(number)
    }

    /// Every issued document with its number, in order of numbers.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &Receivable)> {
        self.documents.iter().map(|(number, document)| (number.as_str(), document))
    }

    /// Where the document of this number stands; a draft is not known here.
    pub fn state(&self, number: &str) -> DocumentState {
        self.document(number).map_or(DocumentState::Draft, Receivable::state)
    }

    /// The tenant's payment of this name.
    pub fn payment(&self, tenant: &PartyId, id: &str) -> Option<&Payment> {
        self.payments.get(&(tenant.clone(), id.to_owned()))
    }

    /// The tenant's dispute of this name.
    pub fn dispute_of(&self, tenant: &PartyId, id: &str) -> Option<&DisputeRecord> {
        self.disputes.get(&(tenant.clone(), id.to_owned()))
    }

    /// What `tenant` has on account.
    pub fn on_account(&self, tenant: &PartyId, currency: Currency) -> Money {
        let found = self.on_account.get(&(tenant.clone(), currency.code()));
        found.copied().unwrap_or(Money::zero(currency))
    }

    /// What tenants have on account.
    pub(crate) fn held_on_account(&self) -> impl Iterator<Item = (&PartyId, Money)> {
        self.on_account.iter().map(|((tenant, _), held)| (tenant, *held))
    }

    /// What the documents say that the journal has on each account of a tenant, by currency code.
    pub fn owed_by_account(&self) -> Balances {
        let mut owed = Balances::new();
        let mut add = |account, amount: Money| {
            let key = (account, amount.currency().code());
            let sum = owed.entry(key).or_insert(Money::zero(amount.currency()));
            *sum = sum.plus(amount);
        };
        for document in self.documents.values() {
            add(chart::receivable(&document.tenant), document.payable());
            add(chart::disputed(&document.tenant), document.disputed);
        }
        for ((tenant, _), held) in &self.on_account {
            add(chart::on_account(tenant), held.negated());
        }
        owed
    }

    /// A document was issued. What the tenant has to its credit pays it.
    pub fn issue(&mut self, invoice: &Invoice) -> Vec<Movement> {
        let mut moved = self.add(invoice);
        self.settle(&invoice.tenant, invoice.currency, invoice.issued, &mut moved);
        moved
    }

    /// Money came in. The same payment again moves nothing.
    pub fn pay(&mut self, payment: &Payment) -> Vec<Movement> {
        let mut moved = Vec::new();
        let key = (payment.tenant.clone(), payment.id.clone());
        if self.payments.contains_key(&key) {
            return moved;
        }
        self.payments.insert(key, payment.clone());
        let mut rest = payment.amount;
        let named = payment.documents.iter().cloned();
        let all = match payment.documents.is_empty() {
            true => self.payable_by(&payment.tenant, payment.amount.currency(), payment.day),
            false => named.collect(),
        };
        let reason = MovementKind::Received { payment: payment.id.clone() };
        for number in all {
            let paid = self.reduce(&number, rest, payment.day, reason.clone());
            rest = paid.as_ref().map_or(rest, |paid| rest.minus(paid.amount));
            moved.extend(paid);
        }
        if rest.minor() > 0 {
            self.add_on_account(&payment.tenant, rest);
            moved.push(Movement {
                kind: reason,
                day: payment.day,
                tenant: payment.tenant.clone(),
                lease: None,
                document: None,
                amount: rest,
            });
        }
        self.settle(&payment.tenant, payment.amount.currency(), payment.day, &mut moved);
        moved
    }

    /// A part of a document is disputed. The same dispute again moves nothing.
    ///
    /// # Panics
    /// If there is no such document.
    pub fn dispute(&mut self, dispute: &Dispute) -> Option<Movement> {
        let record = DisputeRecord { dispute: dispute.clone(), resolution: None };
        let key = (dispute.tenant.clone(), dispute.id.clone());
        if self.disputes.contains_key(&key) {
            return None;
        }
        self.disputes.insert(key, record);
        let document = self.known(&dispute.document);
        document.disputed = document.disputed.plus(dispute.amount);
        Some(Movement {
            kind: MovementKind::Disputed { dispute: dispute.id.clone() },
            day: dispute.day,
            tenant: document.tenant.clone(),
            lease: Some(document.lease.clone()),
            document: Some(dispute.document.clone()),
            amount: dispute.amount,
        })
    }

    /// A dispute ended; where the tenant was right, with the credit note for it.
    ///
    /// # Panics
    /// If there is no such open dispute.
    pub fn resolve(&mut self, resolution: &Resolution, credit: Option<&Invoice>) -> Vec<Movement> {
        let key = (resolution.tenant.clone(), resolution.dispute.clone());
        let record = self.disputes.get_mut(&key).expect("a dispute that was raised");
        assert!(record.resolution.is_none(), "a dispute ends once");
        record.resolution = Some(resolution.clone());
        let dispute = record.dispute.clone();
        let document = self.known(&dispute.document);
        document.disputed = document.disputed.minus(dispute.amount);
        let (tenant, currency) = (document.tenant.clone(), document.total.currency());
        let mut moved = vec![Movement {
            kind: MovementKind::Resolved { dispute: dispute.id },
            day: resolution.day,
            tenant: tenant.clone(),
            lease: Some(document.lease.clone()),
            document: Some(dispute.document),
            amount: dispute.amount,
        }];
        moved.extend(credit.map(|credit| self.add(credit)).into_iter().flatten());
        self.settle(&tenant, currency, resolution.day, &mut moved);
        moved
    }

    /// A document was given back whole and another issued in its place: what was paid of the first
    /// goes to the second.
    pub fn correct(&mut self, credit: &Invoice, replacement: &Invoice) -> Vec<Movement> {
        let mut moved = self.add(credit);
        moved.extend(self.add(replacement));
        moved.extend(self.set_off(&credit.number, &replacement.number, credit.issued));
        if let Some(old) = &replacement.replaces {
            self.known(old).replaced_by = Some(replacement.number.clone());
        }
        self.settle(&credit.tenant, credit.currency, credit.issued, &mut moved);
        moved
    }

    /// Adds a document; a credit note goes first to what it corrects.
    fn add(&mut self, invoice: &Invoice) -> Vec<Movement> {
        let taken = self.documents.insert(invoice.number.clone(), Receivable::of(invoice));
        assert!(taken.is_none(), "{} was issued twice", invoice.number);
        let corrected = invoice.corrects.as_ref();
        let moved = corrected.map(|old| self.set_off(&invoice.number, old, invoice.issued));
        moved.into_iter().flatten().collect()
    }

    /// Sets off the tenant's credit notes, oldest first, and then its money on account, against
    /// what it may pay.
    fn settle(&mut self, tenant: &PartyId, unit: Currency, day: Day, moved: &mut Vec<Movement>) {
        for number in self.payable_by(tenant, unit, Day::MAX) {
            for credit in self.credits_of(tenant, unit) {
                moved.extend(self.set_off(&credit, &number, day));
            }
            let held = self.on_account(tenant, unit);
            let drawn = self.reduce(&number, held, day, MovementKind::Drawn);
            if let Some(drawn) = &drawn {
                self.add_on_account(tenant, drawn.amount.negated());
            }
            moved.extend(drawn);
        }
    }

    fn set_off(&mut self, credit: &str, document: &str, day: Day) -> Option<Movement> {
        let left = self.document(credit)?.open.negated();
        let kind = MovementKind::SetOff { credit: credit.to_owned() };
        let moved = self.reduce(document, left, day, kind)?;
        self.known(credit).change(moved.day, moved.amount);
        Some(moved)
    }

    /// Pays up to `most` of a document, not before it was issued.
    fn reduce(
        &mut self,
        number: &str,
        most: Money,
        day: Day,
        kind: MovementKind,
    ) -> Option<Movement> {
        let document = self.known(number);
        let payable = document.payable();
        let amount = if most.minor() < payable.minor() { most } else { payable };
        if amount.minor() <= 0 {
            return None;
        }
        let day = day.max(document.issued);
        document.change(day, amount.negated());
        Some(Movement {
            kind,
            day,
            tenant: document.tenant.clone(),
            lease: Some(document.lease.clone()),
            document: Some(number.to_owned()),
            amount,
        })
    }

    /// What the tenant may pay of documents that were issued by `day`, the oldest due first.
    fn payable_by(&self, tenant: &PartyId, currency: Currency, day: Day) -> Vec<String> {
        let owed = self.of(tenant, currency).filter(|(_, document)| document.payable().minor() > 0);
        let mut owed: Vec<(Day, &String)> = owed
            .filter(|(_, document)| document.issued <= day)
            .map(|(number, document)| (document.due, number))
            .collect();
        owed.sort();
        owed.into_iter().map(|(_, number)| number.clone()).collect()
    }

    /// Credit notes that are not used up, the oldest first.
    fn credits_of(&self, tenant: &PartyId, currency: Currency) -> Vec<String> {
        let left = self.of(tenant, currency).filter(|(_, document)| document.open.minor() < 0);
        let mut left: Vec<(Day, &String)> =
            left.map(|(number, document)| (document.issued, number)).collect();
        left.sort();
        left.into_iter().map(|(_, number)| number.clone()).collect()
    }

    fn of<'a>(
        &'a self,
        tenant: &'a PartyId,
        currency: Currency,
    ) -> impl Iterator<Item = (&'a String, &'a Receivable)> {
        let mine = move |document: &Receivable| {
            document.tenant == *tenant && document.total.currency() == currency
        };
        self.documents.iter().filter(move |(_, document)| mine(document))
    }

    fn add_on_account(&mut self, tenant: &PartyId, amount: Money) {
        let key = (tenant.clone(), amount.currency().code());
        let held = self.on_account.entry(key).or_insert(Money::zero(amount.currency()));
        *held = held.plus(amount);
    }

    fn known(&mut self, number: &str) -> &mut Receivable {
        self.documents.get_mut(number).expect("a document that was issued")
    }
}

/// What is on account as a list: an amount knows its currency.
mod on_account {
    use std::collections::BTreeMap;

    use leasehold_units::{Money, PartyId};
    use serde::{Deserialize, Deserializer, Serializer};

    type Held = BTreeMap<(PartyId, &'static str), Money>;

    pub fn serialize<S: Serializer>(held: &Held, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(held.iter().map(|((tenant, _), money)| (tenant, money)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Held, D::Error> {
        let held = Vec::<(PartyId, Money)>::deserialize(from)?.into_iter();
        Ok(held.map(|(tenant, money)| ((tenant, money.currency().code()), money)).collect())
    }
}
