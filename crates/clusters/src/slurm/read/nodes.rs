//! Nodes as slurmctld sees them.

use leasehold_units::Instant;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmNode {
    /// Its name.
    pub name: String,
    /// The base state.
    pub base: NodeBase,
    /// What is true besides, in Slurm's words in capital letters and in order: `DRAIN`, `NOT_RESPONDING`, `CLOUD`, `RESERVED`.
    pub flags: Vec<String>,
    /// GPUs that it is configured with.
    pub gpus: u32,
    /// GPUs that jobs have.
    pub gpus_used: u32,
    /// Why it is down or drained, if somebody said.
    pub reason: Option<NodeReason>,
    /// When it was booted, if it ever answered.
    pub booted: Option<Instant>,
}

/// Why a node does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReason {
    /// The text.
    pub text: String,
    /// Who set it; `slurm` or the name of SlurmUser where Slurm did so itself.
    pub user: String,
    /// When.
    pub at: Option<Instant>,
}

/// Base state of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeBase {
    /// Has no job.
    Idle,
    /// Has jobs and room.
    Mixed,
    /// Is full.
    Allocated,
    /// Does not serve.
    Down,
    /// Slurm does not know yet.
    Unknown,
    /// Another word of Slurm's, in capital letters.
    Other(String),
}

/// What a node is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeCondition {
    /// Takes work.
    Able,
    /// Takes no new work since somebody said so; jobs on it go on.
    Drained,
    /// Does not work, from that instant if it is known.
    Failed(Option<Instant>),
}
