//! Conservative backfilling, as [`leasehold_scheduler::backfill`] has it.

use leasehold_scheduler::backfill::Reservations;

use super::engine::{Discipline, Waiting};

/// The queue with its reservations.
#[derive(Debug)]
pub(super) struct Conservative(Reservations);

impl Conservative {
    pub(super) fn new(nodes: u32) -> Self {
        // Time begins with the first event, whenever that is.
        Self(Reservations::new(i64::MIN, nodes))
    }
}

impl Discipline for Conservative {
    fn arrive(&mut self, job: Waiting, now: i64) {
        let start = self.0.arrive(now, job.size, job.request, job.handle);
        assert!(start.is_some(), "a job is no larger than the cluster");
    }

    fn complete(&mut self, estimated_end: i64, size: u32, now: i64) {
        self.0.complete(now, estimated_end, size);
    }

    fn completed(&mut self, now: i64) {
        self.0.compress(now);
    }

    fn next(&mut self, now: i64, _free: u32) -> Option<Waiting> {
        let job = self.0.start(now)?;
        Some(Waiting { handle: job.handle, size: job.size, request: job.request })
    }

    fn promised(&mut self) -> Option<i64> {
        self.0.next_start()
    }
}
