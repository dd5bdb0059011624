//! Receivables and journal together: what may be asked of them, and what follows.
//!
//! A request is weighed against them and becomes a fact or a refusal; facts are folded into both at
//! once, so that what is open of the documents is always what the journal says.

use leasehold_lease::Side;
use leasehold_units::{Currency, Day, Money, PartyId};
use serde::{Deserialize, Serialize};

use crate::correction::{self, Correction};
use crate::receivables::{DisputeRecord, Movement, Receivable};
use crate::{Dispute, Invoice, Journal, Payment, Receivables, Resolution, chart};

/// What somebody wants of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A payment came in.
    Pay(Payment),
    /// A tenant disputes a part of a document.
    Dispute(Dispute),
    /// A dispute ended.
    Resolve(Resolution),
    /// An issued document is wrong.
    Correct(Correction),
    /// All days up to and including one are closed.
    Close {
        /// The last of them.
        through: Day,
    },
}

/// What happened to the books after a document was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "it is boxed where it is kept")]
pub enum AccountFact {
    /// A payment came in.
    Paid(Payment),
    /// A part of a document is disputed.
    Disputed(Dispute),
    /// A dispute ended.
    Resolved {
        /// Which, and for whom.
        resolution: Resolution,
        /// The credit note, where the tenant was right.
        credit: Option<Invoice>,
    },
    /// A document was given back whole and issued again.
    Corrected {
        /// The credit note.
        credit: Invoice,
        /// The document in the place of the wrong one.
        replacement: Invoice,
    },
    /// Days were closed.
    Closed {
        /// The last of them.
        through: Day,
    },
}

/// Why a request was refused. Nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// No such document; one of another tenant is none.
    #[error("document-is-known: there is no document {document} of this tenant")]
    UnknownDocument {
        /// The number that was named.
        document: String,
    },
    /// More than is open.
    #[error(
        "within-what-is-open: {asked} {currency} is more than the {open} {currency} that are open and not disputed"
    )]
    MoreThanOpen {
        /// What was named.
        asked: Money,
        /// What is open and not disputed.
        open: Money,
        /// Of both.
        currency: Currency,
    },
    /// An amount in another currency than the document's.
    #[error("same-currency: {document} is in {expected}, not in {found}")]
    OtherCurrency {
        /// The document.
        document: String,
        /// Its currency.
        expected: Currency,
        /// That of the amount.
        found: Currency,
    },
    /// Nothing, or less.
    #[error("amount-is-positive: {amount} is no amount to pay or dispute")]
    NotPositive {
        /// What was named.
        amount: Money,
    },
    /// A day in closed books.
    #[error("period-is-open: {day} is closed, as is every day through {closed}")]
    PeriodClosed {
        /// What was named.
        day: Day,
        /// The last closed day.
        closed: Day,
    },
    /// A day that has not come, or to be closed, is not over.
    #[error("day-has-come: {day} is still to come or not over; it is {today}")]
    FutureDay {
        /// What was named.
        day: Day,
        /// The day of the landlord.
        today: Day,
    },
    /// A day before the document's.
    #[error("after-the-issue: {document} was issued on {issued}, after {day}")]
    BeforeIssue {
        /// The document.
        document: String,
        /// Its day.
        issued: Day,
        /// What was named.
        day: Day,
    },
    /// One name for two things.
    #[error("one-name-one-thing: {id} is the name of another one")]
    NameTaken {
        /// The name.
        id: String,
    },
    /// No such dispute.
    #[error("dispute-is-known: there is no dispute {dispute}")]
    UnknownDispute {
        /// What was named.
        dispute: String,
    },
    /// A dispute that ended, otherwise.
    #[error("dispute-is-open: {dispute} was resolved on {day}")]
    DisputeEnded {
        /// Which.
        dispute: String,
        /// When.
        day: Day,
    },
    /// A document that was corrected, or is about to be while it is disputed.
    #[error("corrects-once: {document} {why}")]
    NotCorrectable {
        /// Which.
        document: String,
        /// What stands in the way.
        why: String,
    },
    /// A line that the document does not have.
    #[error("line-is-known: {document} has {lines} lines, none of number {line}")]
    UnknownLine {
        /// Which.
        document: String,
        /// How many it has.
        lines: usize,
        /// What was named, counted from 1.
        line: usize,
    },
}

/// Gives out the number of the next document of a landlord on a day.
pub type Numbers<'a> = &'a mut dyn FnMut(&PartyId, Day) -> String;

/// Receivables and the journal behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookkeeping {
    receivables: Receivables,
    journal: Journal,
}

impl Bookkeeping {
    /// Without a document.
    pub fn new() -> Self {
        Self::default()
    }

    /// What tenants owe.
    pub const fn receivables(&self) -> &Receivables {
        &self.receivables
    }

    /// The journal.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What `request` comes to: a fact, or nothing where it was asked before. `today` is the
    /// landlord's day, `issued` are all documents, and a number is taken only for a document that
    /// the fact has.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn weigh(
        &self,
        request: &Request,
        today: Day,
        issued: &[Invoice],
        numbers: Numbers<'_>,
    ) -> Result<Option<AccountFact>, AccountRefusal> {
        match request {
            Request::Pay(payment) => self.weigh_payment(payment, today),
            Request::Dispute(dispute) => self.weigh_dispute(dispute, today),
            Request::Resolve(resolution) => {
                self.weigh_resolution(resolution, today, issued, numbers)
            }
            Request::Correct(wish) => self.weigh_correction(wish, today, issued, numbers).map(Some),
            Request::Close { through } if *through >= today => {
                Err(AccountRefusal::FutureDay { day: *through, today })
            }
            Request::Close { through } => {
                let fresh = self.journal.closed_through() < Some(*through);
                Ok(fresh.then_some(AccountFact::Closed { through: *through }))
            }
        }
    }

    /// A document that was billed is issued.
    pub fn issue(&mut self, invoice: &Invoice) {
        self.journal.record(invoice);
        let moved = self.receivables.issue(invoice);
        self.enter(&moved);
    }

    /// Folds a fact in.
    ///
    /// # Panics
    /// If it does not follow from what happened before.
    pub fn apply(&mut self, fact: &AccountFact) {
        match fact {
            AccountFact::Paid(payment) => {
                let moved = self.receivables.pay(payment);
                self.enter(&moved);
            }
            AccountFact::Disputed(dispute) => {
                let moved = self.receivables.dispute(dispute);
                self.enter(moved.as_slice());
            }
            AccountFact::Resolved { resolution, credit } => {
                credit.iter().for_each(|credit| self.journal.record(credit));
                let moved = self.receivables.resolve(resolution, credit.as_ref());
                self.enter(&moved);
            }
            AccountFact::Corrected { credit, replacement } => {
                self.journal.record(credit);
                self.journal.record(replacement);
                let moved = self.receivables.correct(credit, replacement);
                self.enter(&moved);
            }
            AccountFact::Closed { through } => self.journal.close(*through),
        }
    }

    /// Recognises what was earned up to and including `day`.
    pub fn recognise_through(&mut self, day: Day) {
        self.journal.recognise_through(day);
    }

    /// The first account of a tenant on which journal and documents disagree: its name, what the
    /// journal has, and what is open of the documents or on account. There is none; whoever keeps
    /// the books checks it.
    pub fn open_unlike_journal(&self) -> Option<(String, Money, Money)> {
        let mut owed = self.receivables.owed_by_account();
        let mut posted = self.journal.balances();
        posted.retain(|(account, _), _| chart::is_of_tenant(account));
        for key in posted.keys() {
            let zero = Money::zero(posted[key].currency());
            owed.entry(key.clone()).or_insert(zero);
        }
        let posted = |key| posted.get(key).copied();
        owed.iter().find_map(|(key, owed)| {
            let posted = posted(key).unwrap_or(Money::zero(owed.currency()));
            (posted != *owed).then(|| (key.0.clone(), posted, *owed))
        })
    }

    fn enter(&mut self, moved: &[Movement]) {
        for movement in moved {
            self.journal.enter_movement(movement);
        }
    }

    fn weigh_payment(
        &self,
        payment: &Payment,
        today: Day,
    ) -> Result<Option<AccountFact>, AccountRefusal> {
        if let Some(known) = self.receivables.payment(&payment.tenant, &payment.id) {
            return once(known == payment, &payment.id);
        }
        positive(payment.amount)?;
        self.day_is_open(payment.day, today)?;
        let mut open = Money::zero(payment.amount.currency());
        for (place, number) in payment.documents.iter().enumerate() {
            let document = self.document(number, &payment.tenant, payment.day)?;
            same_currency(number, document, payment.amount)?;
            if !payment.documents[..place].contains(number) {
                open = open.plus(at_least_nothing(document.payable()));
            }
        }
        if !payment.documents.is_empty() {
            within(payment.amount, open)?;
        }
        Ok(Some(AccountFact::Paid(payment.clone())))
    }

    fn weigh_dispute(
        &self,
        dispute: &Dispute,
        today: Day,
    ) -> Result<Option<AccountFact>, AccountRefusal> {
        if let Some(known) = self.receivables.dispute_of(&dispute.tenant, &dispute.id) {
            return once(known.dispute == *dispute, &dispute.id);
        }
        positive(dispute.amount)?;
        self.day_is_open(dispute.day, today)?;
        let document = self.document(&dispute.document, &dispute.tenant, dispute.day)?;
        same_currency(&dispute.document, document, dispute.amount)?;
        within(dispute.amount, document.payable())?;
        Ok(Some(AccountFact::Disputed(dispute.clone())))
    }

    fn weigh_resolution(
        &self,
        resolution: &Resolution,
        today: Day,
        issued: &[Invoice],
        numbers: Numbers<'_>,
    ) -> Result<Option<AccountFact>, AccountRefusal> {
        let name = &resolution.dispute;
        let unknown = || AccountRefusal::UnknownDispute { dispute: name.clone() };
        let record = self.receivables.dispute_of(&resolution.tenant, name).ok_or_else(unknown)?;
        let DisputeRecord { dispute, resolution: known } = record;
        match known {
            Some(known) if known == resolution => return Ok(None),
            Some(Resolution { day, .. }) => {
                return Err(AccountRefusal::DisputeEnded { dispute: name.clone(), day: *day });
            }
            None => {}
        }
        self.day_is_open(resolution.day, today)?;
        if resolution.day < dispute.day {
            let (document, issued) = (dispute.id.clone(), dispute.day);
            return Err(AccountRefusal::BeforeIssue { document, issued, day: resolution.day });
        }
        let credit = (resolution.favour == Side::Tenant).then(|| {
            let disputed = find(issued, &dispute.document);
            let number = numbers(&disputed.landlord, today);
            correction::dispute_credit(disputed, number, today, dispute.amount)
        });
        Ok(Some(AccountFact::Resolved { resolution: resolution.clone(), credit }))
    }

    fn weigh_correction(
        &self,
        wish: &Correction,
        today: Day,
        issued: &[Invoice],
        numbers: Numbers<'_>,
    ) -> Result<AccountFact, AccountRefusal> {
        let number = &wish.document;
        let unknown = || AccountRefusal::UnknownDocument { document: number.clone() };
        let document = self.receivables.document(number).ok_or_else(unknown)?;
        after_issue(number, document, today)?;
        if let Some(why) = self.not_correctable(number, document) {
            return Err(AccountRefusal::NotCorrectable { document: number.clone(), why });
        }
        let wrong = find(issued, number);
        for (line, amount) in &wish.amounts {
            if *line >= wrong.lines.len() {
                let (lines, line) = (wrong.lines.len(), line + 1);
                return Err(AccountRefusal::UnknownLine { document: number.clone(), lines, line });
            }
            same_currency(number, document, *amount)?;
        }
        let first = numbers(&wrong.landlord, today);
        let credit = correction::credit_note(wrong, first, today, &wish.reason);
        let second = numbers(&wrong.landlord, today);
        let replacement = correction::replacement(wrong, second, today, wish);
        if replacement.total.minor() < 0 {
            let why = "would become less than nothing".to_owned();
            return Err(AccountRefusal::NotCorrectable { document: number.clone(), why });
        }
        Ok(AccountFact::Corrected { credit, replacement })
    }

    /// What stands in the way of giving all of the document back.
    fn not_correctable(&self, number: &str, document: &Receivable) -> Option<String> {
        let credited = self
            .receivables
            .documents()
            .find(|(_, other)| other.corrects.as_deref() == Some(number));
        if let Some(next) = &document.replaced_by {
            return Some(format!("was replaced by {next}; correct that one"));
        }
        if document.total.minor() <= 0 {
            return Some("asks for nothing; only what asks for an amount is given back".to_owned());
        }
        if document.disputed.minor() != 0 {
            return Some("is disputed; resolve that first".to_owned());
        }
        credited.map(|(credit, _)| format!("was given back in part by {credit}"))
    }

    fn day_is_open(&self, day: Day, today: Day) -> Result<(), AccountRefusal> {
        match self.journal.closed_through() {
            Some(closed) if day <= closed => Err(AccountRefusal::PeriodClosed { day, closed }),
            _ if day > today => Err(AccountRefusal::FutureDay { day, today }),
            _ => Ok(()),
        }
    }

    fn document(
        &self,
        number: &str,
        tenant: &PartyId,
        day: Day,
    ) -> Result<&Receivable, AccountRefusal> {
        let found = self.receivables.document(number).filter(|known| known.tenant == *tenant);
        let unknown = || AccountRefusal::UnknownDocument { document: number.to_owned() };
        let document = found.ok_or_else(unknown)?;
        after_issue(number, document, day)?;
        Ok(document)
    }
}

/// A credit note has nothing to pay.
fn at_least_nothing(amount: Money) -> Money {
    if amount.minor() > 0 { amount } else { Money::zero(amount.currency()) }
}

fn once(same: bool, id: &str) -> Result<Option<AccountFact>, AccountRefusal> {
    if same { Ok(None) } else { Err(AccountRefusal::NameTaken { id: id.to_owned() }) }
}

fn positive(amount: Money) -> Result<(), AccountRefusal> {
    if amount.minor() > 0 { Ok(()) } else { Err(AccountRefusal::NotPositive { amount }) }
}

fn within(asked: Money, open: Money) -> Result<(), AccountRefusal> {
    if asked.minor() <= open.minor() {
        return Ok(());
    }
    Err(AccountRefusal::MoreThanOpen { asked, open, currency: asked.currency() })
}

fn same_currency(number: &str, document: &Receivable, amount: Money) -> Result<(), AccountRefusal> {
    let (expected, found) = (document.total.currency(), amount.currency());
    if expected == found {
        return Ok(());
    }
    Err(AccountRefusal::OtherCurrency { document: number.to_owned(), expected, found })
}

fn after_issue(number: &str, document: &Receivable, day: Day) -> Result<(), AccountRefusal> {
    let issued = document.issued;
    if issued <= day {
        return Ok(());
    }
    Err(AccountRefusal::BeforeIssue { document: number.to_owned(), issued, day })
}

fn find<'a>(issued: &'a [Invoice], number: &str) -> &'a Invoice {
    let found = issued.iter().find(|invoice| invoice.number == number);
    found.expect("a receivable has its document")
}
