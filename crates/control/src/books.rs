//! Meters, invoices, the journal, and the record of promises that were not kept.

use leasehold_lease::{ShortDays, Terms};
use leasehold_ledger::{
    AccountFact, AccountRefusal, BilledLease, Biller, BillingBasis, Bookkeeping, Fact, Invoice,
    Journal, LeaseIndex, Meter, PeriodReadings, Receivables, ReclaimOutcome, Request,
    ServiceInterval, UsageInterval,
};
use leasehold_site::Site;
use leasehold_units::{Day, Instant, Money, Month, PartyId, Shape};
use serde::{Deserialize, Serialize};

use crate::event::PowerStep;
use crate::invariants::Breach;
use crate::state::LeaseEntry;

/// A reclaim that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reclaim {
    /// Number of the lease.
    pub lease: u16,
    /// When the tenant's job could have its nodes.
    pub asked: Instant,
    /// The block that the job asked for.
    pub within: Shape,
    /// When nodes were kept for it, for the last time.
    pub decided: Instant,
    /// When the last borrower was gone from them.
    pub vacated: Instant,
    /// When they were clean.
    pub answered: Instant,
    /// Whether that was within the bound.
    pub missed: bool,
}

/// What is to be written into the file that proves what a lease was given in a month, behind what is
/// there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceChunk {
    /// Which lease.
    pub lease: LeaseIndex,
    /// Which month.
    pub month: Month,
    /// The lines.
    pub text: String,
}

/// A document that was issued otherwise than this version of the program would issue it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherDocument {
    /// Its number.
    pub number: String,
    /// What it comes to.
    pub stated: Money,
    /// What the one that is derived now comes to; nothing where none is due.
    pub derived: Option<Money>,
}

impl std::fmt::Display for OtherDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, stated, derived } = self;
        write!(f, "document {number} was issued over {stated}; this version ")?;
        match derived {
            Some(derived) if derived == stated => f.write_str("derives another over as much"),
            Some(derived) => write!(f, "derives {derived}"),
            None => f.write_str("derives none"),
        }
    }
}

/// Meters, invoices, the journal, and the record of promises that were not kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Books {
    /// Adds up usage of the site.
    pub meter: Meter,
    /// What the bills of each lease rest on, by its number.
    pub bases: Vec<BillingBasis>,
    /// Knows what was billed.
    pub biller: Biller,
    /// What became of the documents, and double entry behind them.
    bookkeeping: Bookkeeping,
    /// Issued invoices and credit notes, in order.
    pub invoices: Vec<Invoice>,
    /// Those that this version of the program makes otherwise, in order: none of its own.
    #[serde(default)]
    pub others: Vec<OtherDocument>,
    /// Promises that were not kept, in order.
    pub breaches: Vec<Breach>,
    /// Steps down and up the ladder of power, in order.
    pub power_steps: Vec<PowerStep>,
    /// Answered reclaims since they were last taken.
    pub reclaims: Vec<Reclaim>,
    /// Evidence since it was last taken.
    pub evidence: Vec<EvidenceChunk>,
}

/// How a biller is asked for a document.
type Issue =
    fn(&mut Biller, Day, &BilledLease<'_>, &dyn Fn(Month) -> PeriodReadings) -> Option<Invoice>;

impl Books {
    /// Empty books for `site` from `from` on.
    pub fn new(site: &Site, from: Instant) -> Self {
        Self {
            meter: Meter::new(site, from),
            bases: Vec::new(),
            biller: Biller::new(),
            bookkeeping: Bookkeeping::new(),
            invoices: Vec::new(),
            others: Vec::new(),
            breaches: Vec::new(),
            power_steps: Vec::new(),
            reclaims: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Takes up a lease at `now`; leases come in the order of their numbers.
    pub fn open_lease(&mut self, site: &Site, entry: &LeaseEntry, now: Instant) {
        self.bases.push(BillingBasis::new(site, &entry.lease, now));
    }

    /// Adds usage.
    pub fn meter(&mut self, usage: &UsageInterval) {
        self.meter.add(usage);
    }

    /// Adds what a lease was given, and writes it down.
    pub fn serve(&mut self, row: &ServiceInterval, site: &Site) {
        let (month, line) = self.bases[usize::from(row.lease.0)].add(row, site);
        match self.evidence.last_mut() {
            Some(last) if last.lease == row.lease && last.month == month => last.text += line,
            _ => {
                let text = line.to_owned();
                self.evidence.push(EvidenceChunk { lease: row.lease, month, text });
            }
        }
    }

    /// Records that a later version of the terms of lease number `lease` was signed.
    pub fn amend(&mut self, lease: u16, at: Instant, terms: &Terms) {
        self.bases[usize::from(lease)].sign(at, terms);
    }

    /// Records what happened to lease number `lease` at `at`.
    pub fn record(&mut self, lease: u16, at: Instant, fact: Fact) {
        self.bases[usize::from(lease)].record(at, fact);
    }

    /// The days of lease number `lease` on which the fixed fee follows what was delivered, as settled.
    pub fn short_days(&self, lease: u16) -> &[ShortDays] {
        self.bases[usize::from(lease)].meter().short_days()
    }

    /// Records at `now` an answered reclaim. One whose bound had passed was recorded then.
    pub fn reclaimed(&mut self, reclaim: Reclaim, now: Instant) {
        if !reclaim.missed {
            let outcome = ReclaimOutcome::WithinBound;
            let fact = Fact::Reclaimed { asked: reclaim.asked, outcome };
            self.record(reclaim.lease, now, fact);
        }
        self.reclaims.push(reclaim);
    }

    /// Records a promise that was not kept.
    pub fn breach(&mut self, breach: Breach) {
        self.breaches.push(breach);
    }

    /// The invoice of lease number `number` on `day`, if one is due; nothing is recorded.
    pub fn draft(&self, number: u16, entry: &LeaseEntry, day: Day) -> Option<Invoice> {
        self.draft_with(&mut self.biller.clone(), Biller::issue_on, number, entry, day)
    }

    /// Takes down that lease number `number` was looked at on `day`: what is due then and comes to nothing needs no
    /// document.
    pub fn looked_at(&mut self, number: u16, entry: &LeaseEntry, day: Day) {
        let mut biller = self.biller.clone();
        if self.draft_with(&mut biller, Biller::issue_on, number, entry, day).is_none() {
            self.biller = biller;
        }
    }

    /// Takes down an issued invoice as it is. One that these books would not give is noted in
    /// `others`: an earlier version billed otherwise, and what was issued stands.
    pub fn issue(&mut self, number: u16, entry: &LeaseEntry, invoice: &Invoice, now: Instant) {
        let mut biller = std::mem::take(&mut self.biller);
        let again =
            self.draft_with(&mut biller, Biller::issue_again_on, number, entry, invoice.issued);
        self.biller = biller;
        if again.as_ref() != Some(invoice) {
            self.follow(invoice, again.map(|again| again.total));
        }
        self.bookkeeping.issue(invoice);
        self.invoices.push(invoice.clone());
        self.note_receivables(now);
    }

    /// Goes on from the number of a document that these books would not give.
    fn follow(&mut self, document: &Invoice, derived: Option<Money>) {
        self.biller.follow(document);
        let (number, stated) = (document.number.clone(), document.total);
        self.others.push(OtherDocument { number, stated, derived });
    }

    fn note_receivables(&mut self, now: Instant) {
        for basis in &mut self.bases {
            basis.note_receivables(now, self.bookkeeping.receivables());
        }
    }

    /// Double entry behind the documents.
    pub const fn journal(&self) -> &Journal {
        self.bookkeeping.journal()
    }

    /// What tenants owe.
    pub const fn receivables(&self) -> &Receivables {
        self.bookkeeping.receivables()
    }

    /// What `request` comes to on the landlord's day `today`; nothing where it was asked before.
    /// Nothing is recorded.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn weigh(
        &self,
        request: &Request,
        today: Day,
    ) -> Result<Option<AccountFact>, AccountRefusal> {
        let mut biller = self.biller.clone();
        let mut numbers = |landlord: &PartyId, day| biller.take_number(landlord, day);
        self.bookkeeping.weigh(request, today, &self.invoices, &mut numbers)
    }

    /// Records what [`Books::weigh`] gave. A document of it that has not the number that is next is
    /// noted in `others`.
    pub fn book(&mut self, fact: &AccountFact, now: Instant) {
        self.bookkeeping.apply(fact);
        self.note_receivables(now);
        for document in documents(fact) {
            let next = self.biller.take_number(&document.landlord, document.issued);
            if next != document.number {
                self.follow(document, Some(document.total));
            }
            self.invoices.push(document.clone());
        }
    }

    /// Journal and documents, for whoever goes over them.
    pub const fn bookkeeping(&self) -> &Bookkeeping {
        &self.bookkeeping
    }

    /// Recognises what was earned up to and including `day`.
    pub fn recognise_through(&mut self, day: Day) {
        self.bookkeeping.recognise_through(day);
    }

    fn draft_with(
        &self,
        biller: &mut Biller,
        issue: Issue,
        number: u16,
        entry: &LeaseEntry,
        day: Day,
    ) -> Option<Invoice> {
        let lease = &entry.lease;
        let periods = lease.fee_periods();
        let basis = &self.bases[usize::from(number)];
        let billed = BilledLease::new(lease, &periods, basis.open_documents());
        // An invoice is issued as its day begins, when all that ran was closed.
        let until = lease.latest().time_zone.start_of(day);
        let readings = |month: Month| -> PeriodReadings { basis.readings(month, until) };
        let mut invoice = issue(biller, day, &billed, &readings)?;
        invoice.record = basis.record_digest();
        Some(invoice)
    }
}

/// The documents that a fact issues, in order.
pub fn documents(fact: &AccountFact) -> Vec<&Invoice> {
    match fact {
        AccountFact::Resolved { credit, .. } => credit.iter().collect(),
        AccountFact::Corrected { credit, replacement } => vec![credit, replacement],
        AccountFact::Paid(_) | AccountFact::Disputed(_) | AccountFact::Closed { .. } => Vec::new(),
    }
}
