//! Jobs that a scheduler of the cluster's own starts and ends. What it did is told after it happened: each
//! node is metered from the instant at which it did change, unless something later is known of it.

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::Instant;

use super::State;
use super::running::occupy;
use crate::event::{Gone, Placing};
use crate::fleet::{Claim, JobSlot, User};
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
        self.charge(slot, true);
        let user = if at.guest { User::Guest } else { User::Holder };
        let gpus_per_node = self.fleet.partition(at.partition).role.gpus_per_node;
        // Scrubbing is the node's own affair, before a job begins: nothing is left here to be scrubbed.
        self.fleet.change(&at.whole, since, |node| occupy(node, user, None, gpus_per_node));
        let job = self.jobs.get_mut(slot);
        let end = job.expected_end(since);
        job.expected_end = end;
        job.started.get_or_insert(since);
        job.starts += 1;
        job.state = JobState::Running { at: at.clone(), since };
        for (node, gpus) in at.parts() {
            let one = NodeRanges::from_range(node, node + 1);
            self.fleet.change(&one, since, |node| occupy(node, user, None, node.used + gpus));
            self.share(at, node, |shared| shared.residents.push((slot, gpus, end)));
        }
        self.book_release(at, end, at.whole.count(), true);
        if at.guest {
            self.fleet.partition_mut(at.partition).guests.push(slot);
        }
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
