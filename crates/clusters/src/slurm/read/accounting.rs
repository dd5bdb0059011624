//! What slurmdbd has on record: runs of jobs, also of those that were put back and ran again, and downtimes of nodes.

use leasehold_units::Instant;

use super::jobs::{ArrayTask, JobState};

/// One run of one job: from a start to an end. A job that was put back into the queue has several, with one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Slurm's numeric id.
    pub id: u32,
    /// Which task of which array, if it is one.
    pub array: Option<ArrayTask>,
    /// Account.
    pub account: String,
    /// User name.
    pub user: String,
    /// QOS.
    pub qos: String,
    /// How it stands or ended.
    pub state: JobState,
    /// The numeric user who cancelled it, if somebody did.
    pub cancelled_by: Option<u32>,
    /// When this run's job was submitted or put back.
    pub submit: Instant,
    /// From when it could start.
    pub eligible: Option<Instant>,
    /// When it started; none if it never did.
    pub start: Option<Instant>,
    /// When it ended; none while it runs or waits.
    pub end: Option<Instant>,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// GPUs that it had, all nodes together.
    pub gpus: u32,
    /// Exit code and signal.
    pub exit: (u32, u32),
    /// Joules, where the cluster measures any.
    pub joules: Option<u64>,
    /// Slurm's word for why.
    pub reason: String,
    /// The reservation it ran in.
    pub reservation: Option<String>,
}

/// A stretch in which a node did not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDowntime {
    /// The node.
    pub node: String,
    /// Since when.
    pub from: Instant,
    /// Until when; none if it still lasts.
    pub until: Option<Instant>,
    /// Slurm's state, such as `DOWN*` or `DRAIN`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub user: String,
}
