//! Jobs that slurmctld knows: waiting, running, and ended within `MinJobAge`.

use leasehold_units::{Instant, Seconds};

/// A job, or one task of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmJob {
    /// Slurm's numeric id. Tasks of an array that have not started share the id of the array; once started each has its own.
    pub id: u32,
    /// Which task of which array, if it is one.
    pub array: Option<ArrayTask>,
    /// Account, as Slurm's database has it: in lower case.
    pub account: String,
    /// User name.
    pub user: String,
    /// QOS.
    pub qos: String,
    /// Partition of Slurm; several with commas while it waits.
    pub partition: String,
    /// State.
    pub state: JobState,
    /// Why it waits or how it ended, in Slurm's word, such as `Resources`, `JobHeldUser`, `Dependency`.
    pub reason: String,
    /// Nodes that it has, in Slurm's order; none while it waits.
    pub nodes: Vec<String>,
    /// How many nodes it has, or asks for at least.
    pub node_count: u32,
    /// GPUs that it has on all nodes together, or asks for.
    pub gpus: u32,
    /// When it was submitted.
    pub submit: Instant,
    /// From when it may start; none while it depends on another or is held.
    pub eligible: Option<Instant>,
    /// When it started; while it waits, when Slurm expects it to, if it does.
    pub start: Option<Instant>,
    /// When it ended; while it runs, when its limit ends.
    pub end: Option<Instant>,
    /// The longest that it may run; none if unlimited or not set.
    pub limit: Option<Seconds>,
    /// How often it was started anew.
    pub restarts: u32,
    /// The reservation that it asked for, or runs in where that is magnetic.
    pub reservation: Option<String>,
    /// When it was told to leave, if it was.
    pub preempted: Option<Instant>,
}

/// A task of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArrayTask {
    /// The id of the array.
    pub job: u32,
    /// The number of the task.
    pub task: u32,
}

/// State of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Waits.
    Pending,
    /// Has nodes that are being made ready.
    Configuring,
    /// Runs.
    Running,
    /// Stopped for a while, keeps its nodes.
    Suspended,
    /// Is being told to end.
    Completing,
    /// Ended with exit code 0.
    Completed,
    /// Cancelled by its user or an admin.
    Cancelled,
    /// Ended with another exit code.
    Failed,
    /// Ended by its limit.
    TimedOut,
    /// Lost a node.
    NodeFailed,
    /// Told to leave for another job.
    Preempted,
    /// Put back into the queue.
    Requeued,
    /// Another word of Slurm's, in capital letters.
    Other(String),
}

impl JobState {
    /// Whether the job has its nodes to itself in this state: also while it is being told to end.
    pub const fn has_nodes(&self) -> bool {
        matches!(self, Self::Configuring | Self::Running | Self::Suspended | Self::Completing)
    }

    /// Whether it is over for good.
    pub const fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Completed
                | Self::Cancelled
                | Self::Failed
                | Self::TimedOut
                | Self::NodeFailed
                | Self::Preempted
        )
    }
}
