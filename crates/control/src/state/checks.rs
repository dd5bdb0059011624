//! The named invariants that are checked at every instant, and at every step and invoice.

use leasehold_ledger::AuditFinding;
use leasehold_units::Watts;

use super::State;
use crate::invariants::Invariant;

/// A part of the books is gone over every so many settled instants.
const BOOKS_EVERY: u64 = 64;
/// So many documents at once,
const DOCUMENTS_AT_ONCE: usize = 1;
/// and so many entries of the journal.
const ENTRIES_AT_ONCE: usize = 64;

impl State {
    /// Checks what must hold whenever an instant is settled.
    pub fn check_instant(&mut self) {
        let gauge: u64 = self.fleet.gauge_total().iter().sum();
        let installed = self.installed_gpus;
        self.require(Invariant::Conservation, gauge == installed, || {
            format!("{gauge} GPUs are in some state, {installed} are installed")
        });
        let (it, limit) = (Watts::new(self.fleet.it_watts()), self.limit);
        let pue = self.site.pue;
        self.require(Invariant::Power, self.site.carries(it, limit), || {
            format!("{it} W are drawn at a PUE of {pue}, {limit} W may be at the facility")
        });
        let partitions = self.fleet.partitions().iter();
        let blind = partitions.clone().all(|p| p.claimable + p.taken == p.serving);
        self.require(Invariant::Confidentiality, blind, || {
            "what a holder is offered depends on who borrows from it".into()
        });
        let ready = self.ready_claims.is_empty();
        self.require(Invariant::Guarantee, ready, || "a job with ready nodes did not start".into());
        self.go_over_books();
    }

    /// Checks that lease number `lease` holds no more than it is granted.
    pub(super) fn check_holding(&mut self, lease: u16) {
        let entry = &self.contracts.leases[usize::from(lease)];
        let step = entry.step_on(entry.terms().time_zone.day_of(self.now));
        let granted = |pool: usize| step.map_or(0, |step| step.per_pool[pool]);
        let ids = entry.partitions.iter().enumerate();
        let over = ids
            .map(|(pool, id)| (pool, self.fleet.partition(*id).members, granted(pool)))
            .find(|(_, held, granted)| held > granted);
        self.require(Invariant::NoOversell, over.is_none(), || {
            format!("lease {lease} holds more than it is granted (pool, nodes, granted): {over:?}")
        });
    }

    /// Checks what is new in the books, the documents that it concerns, and all balances.
    pub(super) fn check_books(&mut self) {
        let found = self.audit.check_new(self.books.bookkeeping(), &self.books.invoices);
        self.judge_books(found);
    }

    /// Checks that what was just decided to be issued is what the books derive: there were `others`
    /// documents before that they do not.
    pub(crate) fn check_issued(&mut self, others: usize) {
        let other = self.books.others.get(others).map(ToString::to_string);
        self.require(Invariant::ExactMoney, other.is_none(), || other.unwrap_or_default());
    }

    /// Goes over a part of the books again, every so many instants: all of them in turn.
    fn go_over_books(&mut self) {
        self.settled += 1;
        if self.settled.is_multiple_of(BOOKS_EVERY) && !self.books.invoices.is_empty() {
            let part = (DOCUMENTS_AT_ONCE, ENTRIES_AT_ONCE);
            let found = self.audit.go_on(self.books.bookkeeping(), &self.books.invoices, part);
            self.judge_books(found);
        }
    }

    /// Goes over all of the books, from the first document on.
    pub fn check_all_books(&mut self) {
        let found = self.audit.check_all(self.books.bookkeeping(), &self.books.invoices);
        self.judge_books(found);
    }

    fn judge_books(&mut self, found: Result<(), AuditFinding>) {
        let changed = matches!(
            found,
            Err(AuditFinding::DocumentChanged { .. } | AuditFinding::EntriesChanged)
        );
        let what = || found.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.require(Invariant::ExactMoney, found.is_ok() || changed, what);
        self.require(Invariant::ClosedIsClosed, !changed, what);
    }

    /// What two states that should be the same differ in, if anything.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let checks = [
            ("time", self.now == other.now),
            ("nodes", self.fleet.nodes() == other.fleet.nodes()),
            ("gauges", self.fleet.gauge_total() == other.fleet.gauge_total()),
            ("power", self.fleet.it_watts() == other.fleet.it_watts()),
            ("jobs", self.jobs == other.jobs && self.placing == other.placing),
            ("parties", self.parties == other.parties),
            ("agenda", self.contracts.agenda() == other.contracts.agenda()),
            ("leases", self.contracts.leases == other.contracts.leases),
            ("quotes", self.contracts.holds == other.contracts.holds),
            ("outages", self.contracts.outages == other.contracts.outages),
            ("biller", self.books.biller == other.books.biller),
            ("partitions", self.fleet.is_sorted_like(&other.fleet)),
            ("claims", self.ready_claims == other.ready_claims && self.bereft == other.bereft),
            ("clocks", self.promises == other.promises && self.backing_off == other.backing_off),
            ("substitutes", self.substitutes == other.substitutes),
            ("faults of tenants", self.at_fault == other.at_fault),
            ("turnovers", self.scrubs == other.scrubs),
            ("shared nodes", self.shared == other.shared),
            ("envelope", self.limit == other.limit),
            ("invoices", self.books.invoices == other.books.invoices),
            ("documents made otherwise", self.books.others == other.books.others),
            ("receivables", self.books.receivables() == other.books.receivables()),
            ("journal", self.books.journal() == other.books.journal()),
            ("meters", self.books.meter.totals() == other.books.meter.totals()),
            ("what bills rest on", self.books.bases == other.books.bases),
            ("deliveries", self.contracts.deliveries().eq(other.contracts.deliveries())),
            ("breaches", self.books.breaches == other.books.breaches),
        ];
        checks.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}
