//! What befell the nodes that were kept for tenants' waiting jobs, where a reclaim is late.

use std::collections::BTreeMap;

use leasehold_control::{Event, JobSlot, LANDLORD, State};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Shape};

/// A reclaim whose bound passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// When.
    pub at: Instant,
    /// Number of the lease.
    pub lease: u16,
    /// When the job could have had its nodes.
    pub asked: Instant,
    /// The block that it asked for.
    pub within: Shape,
    /// Whether it lost nodes that were kept for it.
    pub lost: bool,
    /// Whether a node that was kept for it could not come clean in its time.
    pub unclean: bool,
}

/// The tenants' jobs that wait for nodes, and what befell these.
#[derive(Debug, Default)]
pub struct Waits {
    waiting: BTreeMap<JobSlot, Wait>,
    /// When each node was last found unable to come clean in its time.
    unclean: BTreeMap<u32, Instant>,
    /// Reclaims whose bound passed since they were last taken.
    pub missed: Vec<Missed>,
}

#[derive(Debug, Default)]
struct Wait {
    /// Nodes that were kept for it, since its clock began.
    kept: Vec<NodeRanges>,
    lost: bool,
}

impl Waits {
    /// Notes that `node` cannot come clean in its time.
    pub fn note_unclean(&mut self, node: u32, now: Instant) {
        self.unclean.insert(node, now);
    }

    /// Follows the jobs that wait.
    pub fn observe(&mut self, now: Instant, event: &Event, state: &State) {
        match event {
            Event::NodesClaimed { job, at }
                if !at.guest && state.jobs.get(*job).spec.party != LANDLORD =>
            {
                let wait = self.waiting.entry(*job).or_default();
                wait.kept.push(at.nodes());
            }
            Event::ClaimDropped { job } => {
                if let Some(wait) = self.waiting.get_mut(job) {
                    wait.lost = true;
                }
            }
            Event::JobStarted { job, .. }
            | Event::JobOvertaken { job }
            | Event::JobCancelled { job }
            | Event::ReclaimLapsed { job } => {
                self.waiting.remove(job);
            }
            Event::ReclaimMissed { job, lease } => {
                let missed = self.weigh(*job, *lease, now, state);
                self.missed.push(missed);
            }
            _ => {}
        }
    }

    fn weigh(&self, slot: JobSlot, lease: u16, at: Instant, state: &State) -> Missed {
        let job = state.jobs.get(slot);
        let asked = job.asked.expect("its clock runs");
        let wait = self.waiting.get(&slot);
        let kept = wait.iter().flat_map(|wait| &wait.kept).flat_map(NodeRanges::iter);
        let unclean = |node: u32| self.unclean.get(&node).is_some_and(|last| asked <= *last);
        Missed {
            at,
            lease,
            asked,
            within: job.spec.within,
            lost: wait.is_some_and(|wait| wait.lost),
            unclean: kept.into_iter().any(unclean),
        }
    }
}
