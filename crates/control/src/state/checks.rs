//! The named invariants that are checked at every instant, and at every step and invoice.

use std::hash::{DefaultHasher, Hash, Hasher};

use leasehold_units::{Money, Ratio, Watts};

use super::State;
use crate::invariants::Invariant;

impl State {
    /// Checks what must hold whenever an instant is settled.
    pub fn check_instant(&mut self) {
        let gauge: u64 = self.fleet.gauge_total().iter().sum();
        let installed = self.installed_gpus;
        self.require(Invariant::Conservation, gauge == installed, || {
            format!("{gauge} GPUs are in some state, {installed} are installed")
        });
        let drawn = self.site.facility(Watts::new(self.fleet.it_watts()));
        let limit = self.limit;
        self.require(Invariant::Power, drawn <= Ratio::whole(i128::from(limit.get())), || {
            format!("{drawn} W are drawn, {limit} W may be")
        });
        let partitions = self.fleet.partitions().iter();
        let blind = partitions.clone().all(|p| p.claimable + p.taken == p.serving);
        self.require(Invariant::Confidentiality, blind, || {
            "what a holder is offered depends on who borrows from it".into()
        });
        let ready = self.ready_claims.is_empty();
        self.require(Invariant::Guarantee, ready, || "a job with ready nodes did not start".into());
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

    /// Checks the documents issued last and the postings, that what is open of all documents is
    /// what the journal says, and that no earlier document changed.
    pub(super) fn check_books(&mut self) {
        let entered = self.books.journal().transactions();
        let balanced =
            entered[self.entries_checked..].iter().all(leasehold_ledger::Transaction::is_balanced);
        self.entries_checked = entered.len();
        self.require(Invariant::ExactMoney, balanced, || "an entry does not balance".into());
        for index in self.sealed.len()..self.books.invoices.len() {
            let invoice = &self.books.invoices[index];
            let lines = invoice.lines.iter().map(|line| line.amount);
            let sum = lines.fold(Money::zero(invoice.currency), Money::plus);
            let (number, total) = (invoice.number.clone(), invoice.total);
            let seal = seal(invoice);
            self.require(Invariant::ExactMoney, sum == total, || {
                format!("the lines of {number} add up to {sum}, its total is {total}")
            });
            self.sealed.push(seal);
        }
        let unequal = self.books.open_unlike_journal();
        self.require(Invariant::ExactMoney, unequal.is_none(), || {
            format!("what is open of the documents is not what the journal says: {unequal:?}")
        });
        let same = self.books.invoices.iter().map(seal).eq(self.sealed.iter().copied());
        self.require(Invariant::ClosedIsClosed, same, || "an issued document changed".into());
    }

    /// What two states that should be the same differ in, if anything.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let checks = [
            ("time", self.now == other.now),
            ("nodes", self.fleet.nodes() == other.fleet.nodes()),
            ("gauges", self.fleet.gauge_total() == other.fleet.gauge_total()),
            ("power", self.fleet.it_watts() == other.fleet.it_watts()),
            ("jobs", self.jobs == other.jobs),
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

fn seal(invoice: &leasehold_ledger::Invoice) -> u64 {
    let mut hasher = DefaultHasher::new();
    invoice.to_json().hash(&mut hasher);
    hasher.finish()
}
