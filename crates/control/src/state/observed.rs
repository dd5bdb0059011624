//! Jobs that a scheduler of the cluster's own starts and ends. What it did is told after it happened: each
//! node is metered from the instant at which it did change, unless something later is known of it.

use leasehold_units::Instant;

use super::State;
use crate::event::{Gone, Placing};
use crate::fleet::{Claim, JobSlot};
use crate::job::{Allocation, JobState};

impl State {
    /// Takes up that a waiting job runs at `at` since `since`, wherever nodes were kept for it.
    pub(super) fn find(&mut self, slot: JobSlot, at: &Allocation, since: Instant) {
        let asked = self.jobs.get(slot).asked;
        self.meter_reclaim(slot, at, asked.map_or(since, |asked| asked.max(since)));
        self.stop_clock(slot);
        match self.jobs.get(slot).state {
            JobState::Claiming { .. } => {
                let nodes = self.take_claim(slot).nodes();
                self.fleet.change(&nodes, self.now, |node| node.claim = Claim::Free);
            }
            JobState::Parked => {
                let job = self.jobs.get(slot);
                let (party, place) = (usize::from(job.spec.party), job.place);
                self.parties[party].queue.parked.remove(&place);
            }
            _ => self.dequeue(slot),
        }
        self.place(slot);
        // Scrubbing is the node's own affair, before a job begins: nothing is left here to be scrubbed.
        self.run(slot, at, since, None);
    }

    /// Takes up that a job is gone from its nodes since `at`.
    pub(super) fn go(&mut self, slot: JobSlot, at: Instant, how: Gone) {
        self.leave_at(slot, at);
        match how {
            Gone::Over => self.finish(slot),
            Gone::Vacated => {
                self.back_off(slot);
                self.enqueue(slot);
            }
            Gone::Stopped => self.enqueue(slot),
        }
    }

    /// Whether the state machine itself says when jobs start.
    pub fn places(&self) -> bool {
        self.placing == Placing::Here
    }
}
