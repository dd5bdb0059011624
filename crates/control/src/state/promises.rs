//! The clocks of reclaims: which bound each runs against, and what is recorded when it has passed.

use leasehold_ledger::{Fact, ReclaimOutcome};
use leasehold_units::{Instant, Seconds};

use super::State;
use crate::fleet::{JobSlot, LANDLORD};
use crate::job::{Allocation, Job};

/// The first instant at which an answer to `job` is late.
fn late_from(job: &Job) -> Option<Instant> {
    let (_, bound) = job.promised?;
    Some(job.asked?.after(bound).after(Seconds::new(1)))
}

impl State {
    /// A waiting job whose bound has passed at `now` and of which that is not recorded yet.
    pub fn bound_passed(&self, now: Instant) -> Option<JobSlot> {
        self.promises.first().filter(|(at, _)| *at <= now).map(|(_, slot)| *slot)
    }

    /// Lets the clock of `slot` run against the bound of the lease whose nodes `at` are kept for it.
    pub(super) fn promise(&mut self, slot: JobSlot, at: &Allocation) {
        self.forget(slot);
        let lease = self.fleet.partition(at.partition).role.lease().filter(|_| !at.guest);
        let bound = |lease: u16| {
            let bound = self.contracts.leases[usize::from(lease)].reclaim_bound()?;
            Some((lease, bound))
        };
        let promised = lease.and_then(bound);
        let job = self.jobs.get_mut(slot);
        job.promised = promised;
        if let Some(late) = late_from(job).filter(|_| !job.missed) {
            self.promises.insert((late, slot));
        }
    }

    /// Records that the bound of a job that still waits has passed, with the credit that follows.
    pub(super) fn miss(&mut self, slot: JobSlot, lease: u16) {
        self.forget(slot);
        let job = self.jobs.get_mut(slot);
        job.missed = true;
        let asked = job.asked.expect("its clock runs");
        let fact = Fact::Reclaimed { asked, outcome: ReclaimOutcome::Missed };
        self.books.record(lease, self.now, fact);
        if self.bereft.contains(&slot) {
            // What it waits for may be lent again.
            self.stir(LANDLORD);
        }
    }

    /// Ends the clock of `slot`, whatever came of it.
    pub(super) fn stop_clock(&mut self, slot: JobSlot) {
        self.forget(slot);
        let job = self.jobs.get_mut(slot);
        (job.asked, job.promised, job.missed) = (None, None, false);
    }

    fn forget(&mut self, slot: JobSlot) {
        if let Some(late) = late_from(self.jobs.get(slot)) {
            self.promises.remove(&(late, slot));
        }
    }
}
