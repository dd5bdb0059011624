//! EASY backfilling, as [`leasehold_scheduler::backfill`] has it.

use leasehold_scheduler::backfill::{EasyPass, QueueTree, Releases};

use super::engine::{Discipline, Waiting};

/// The queue, what runs, and the pass that was made last.
#[derive(Debug, Default)]
pub(super) struct Easy {
    queue: QueueTree,
    releases: Releases,
    /// None once something was released that the pass did not know of.
    pass: Option<EasyPass>,
}

impl Discipline for Easy {
    fn arrive(&mut self, job: Waiting, _now: i64) {
        self.queue.push(job.size, job.request, job.handle);
    }

    fn complete(&mut self, estimated_end: i64, size: u32, _now: i64) {
        self.releases.remove(estimated_end, size);
        self.pass = None;
    }

    fn next(&mut self, now: i64, free: u32) -> Option<Waiting> {
        let pass = self.pass.get_or_insert_with(|| EasyPass::new(now));
        pass.continue_at(now);
        let job = pass.next(&self.queue, &self.releases, free)?;
        self.queue.remove(job.seq);
        self.releases.insert(now + job.request, job.size);
        Some(Waiting { handle: job.handle, size: job.size, request: job.request })
    }
}
