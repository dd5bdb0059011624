//! What happens in a run whether or not it can be refused, and who makes it up as the run goes on.

use leasehold_control::{Input, State};
use leasehold_units::{Instant, PartyId, Shape};

use crate::workload::WorkloadJob;

/// Something that happens, whether or not it can be refused.
#[derive(Debug, Clone)]
pub struct Deed {
    /// When.
    pub at: Instant,
    /// What.
    pub act: Act,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Act {
    /// A party submits a job.
    Submit {
        /// Which party.
        party: PartyId,
        /// The job.
        job: WorkloadJob,
        /// Its priority.
        priority: i16,
        /// The block that it asks for.
        within: Shape,
    },
    /// A party withdraws a job, if that is not over.
    Cancel {
        /// The submitter's number for it; that of the first of its jobs in the table.
        number: u64,
    },
    /// Anything else.
    Input(Input),
    /// The next turnover of a node does not come to an end.
    StickTurnover(u32),
    /// Nothing but another look.
    Look,
}

/// Sees the state after every instant, and says what happens next.
pub trait Watcher {
    /// What happens later than `now`, in any order; in what instants to look again among it.
    fn watch(&mut self, now: Instant, state: &State) -> Vec<Deed>;
}
