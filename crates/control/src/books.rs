//! Meters, invoices, the journal, and the record of promises that were not kept.

use leasehold_lease::{Lease, Meter as Metered};
use leasehold_ledger::{
    BilledLease, Biller, Invoice, Journal, LeaseIndex, Meter, OverMetering, PeriodReadings,
    ReclaimOutcome, UsageInterval,
};
use leasehold_site::Site;
use leasehold_units::{Day, Gpus, Instant, Month, Shape};

use crate::event::PowerStep;
use crate::invariants::Breach;
use crate::state::LeaseEntry;

/// A reclaim that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Meters, invoices, the journal, and the record of promises that were not kept.
#[derive(Debug, Clone)]
pub struct Books {
    /// Adds up usage.
    pub meter: Meter,
    /// Knows what was billed.
    pub biller: Biller,
    /// Double entry behind the invoices.
    pub journal: Journal,
    /// Issued invoices, in order.
    pub invoices: Vec<Invoice>,
    /// Promises that were not kept, in order.
    pub breaches: Vec<Breach>,
    /// Steps down and up the ladder of power, in order.
    pub power_steps: Vec<PowerStep>,
    /// Answered reclaims since they were last taken.
    pub reclaims: Vec<Reclaim>,
}

impl Books {
    /// Empty books for `site` from `from` on.
    pub fn new(site: &Site, from: Instant) -> Self {
        Self {
            meter: Meter::new(site, from),
            biller: Biller::new(),
            journal: Journal::new(),
            invoices: Vec::new(),
            breaches: Vec::new(),
            power_steps: Vec::new(),
            reclaims: Vec::new(),
        }
    }

    /// Takes up a lease; leases come in the order of their numbers.
    pub fn open_lease(&mut self, entry: &LeaseEntry) {
        let terms = entry.terms();
        let priced = terms.fee.usage.iter().any(|fee| fee.meter == Metered::GpuHoursOver);
        let over = if priced { OverMetering::On } else { OverMetering::Off };
        self.meter.add_lease(&terms.time_zone, over);
    }

    /// Adds usage.
    pub fn meter(&mut self, usage: &UsageInterval) {
        self.meter.add(usage);
    }

    /// Records a step of an entitlement.
    pub fn entitle(&mut self, lease: u16, from: Instant, gpus: u64) {
        self.meter.entitle(LeaseIndex(lease), from, Gpus::new(gpus));
    }

    /// Records an answered reclaim.
    pub fn reclaimed(&mut self, reclaim: Reclaim) {
        let outcome =
            if reclaim.missed { ReclaimOutcome::Missed } else { ReclaimOutcome::WithinBound };
        self.meter.reclaimed(LeaseIndex(reclaim.lease), reclaim.asked, outcome);
        self.reclaims.push(reclaim);
    }

    /// Records a promise that was not kept.
    pub fn breach(&mut self, breach: Breach) {
        self.breaches.push(breach);
    }

    /// The invoice of lease number `lease` on `day`, if one is due; nothing is recorded.
    pub fn draft(&self, number: u16, lease: &Lease, day: Day) -> Option<Invoice> {
        self.draft_with(&mut self.biller.clone(), number, lease, day)
    }

    /// Issues the invoice that [`Books::draft`] gave.
    ///
    /// # Panics
    /// If the books give another invoice than was decided on.
    pub fn issue(&mut self, number: u16, lease: &Lease, invoice: &Invoice) {
        let mut biller = std::mem::take(&mut self.biller);
        let again = self.draft_with(&mut biller, number, lease, invoice.issued);
        self.biller = biller;
        assert_eq!(again.as_ref(), Some(invoice), "the books derive another invoice");
        self.journal.record(invoice);
        self.invoices.push(invoice.clone());
    }

    fn draft_with(
        &self,
        biller: &mut Biller,
        number: u16,
        lease: &Lease,
        day: Day,
    ) -> Option<Invoice> {
        let periods = lease.fee_periods();
        let billed = BilledLease { versions: &lease.versions, periods: &periods };
        let readings =
            |month: Month| -> PeriodReadings { self.meter.readings(LeaseIndex(number), month) };
        biller.issue_on(day, &billed, &readings)
    }
}
