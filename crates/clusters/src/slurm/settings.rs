//! The file `slurm.toml`: how a site's names and Slurm's go together.

use std::path::PathBuf;

use leasehold_units::{PartyId, PoolId, Seconds};

/// What slurm.toml says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Slurm's name of the cluster; absent: whichever answers.
    pub cluster: Option<String>,
    /// Directory of Slurm's commands; absent: wherever PATH finds them.
    pub binaries: Option<PathBuf>,
    /// Names of nodes that differ from the site's.
    pub pools: Vec<PoolNodes>,
    /// What is said of parties.
    pub parties: Vec<PartyNames>,
    /// Who pushes the landlord's jobs out.
    pub preemption: Preemption,
    /// How often Slurm is asked.
    pub poll: Seconds,
}

/// Slurm's names of a pool's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolNodes {
    /// The pool.
    pub id: PoolId,
    /// One name a node, in the order of the site's node numbers.
    pub nodes: Vec<String>,
}

/// Slurm's names of a party's accounts and users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyNames {
    /// The party.
    pub id: PartyId,
    /// Accounts that exist, are the party's, and are used but never changed. Empty: one is made that is named as the party.
    pub accounts: Vec<String>,
    /// Users who may use the account that is made.
    pub users: Vec<String>,
}

/// Who makes borrowers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preemption {
    /// Leasehold chooses whom and tells Slurm to put exactly those back.
    Leasehold,
    /// Slurm's own, by QOS.
    Slurm,
}
