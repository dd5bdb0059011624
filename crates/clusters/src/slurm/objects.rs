//! What is wanted, in words of leases, and what that makes in words of Slurm.

use std::collections::BTreeMap;

use leasehold_units::{Instant, LeaseId, PartyId, PoolId, Seconds};

use super::settings::Preemption;

/// What Slurm is to hold to, in words of leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Slurm's name of the cluster.
    pub cluster: String,
    /// The party that owns the site.
    pub landlord: PartyId,
    /// All parties that may run jobs, the landlord too.
    pub parties: Vec<WantedParty>,
    /// Every node of the site in exactly one.
    pub holdings: Vec<WantedHolding>,
    /// Who makes borrowers leave.
    pub preemption: Preemption,
    /// From being asked to end to being killed, as the nodes enforce it.
    pub kill_wait: Seconds,
    /// The present.
    pub now: Instant,
}

/// A party and its names in Slurm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedParty {
    /// The party.
    pub id: PartyId,
    /// Accounts that exist and are used as they are. Empty: one is made that is named as the party.
    pub accounts: Vec<String>,
    /// Users of the account that is made.
    pub users: Vec<String>,
}

/// Nodes of one pool that one party holds on one ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedHolding {
    /// On what ground.
    pub ground: Ground,
    /// The pool.
    pub pool: PoolId,
    /// Who holds them: the landlord for its own and for the reserve.
    pub holder: PartyId,
    /// Slurm's names of the nodes.
    pub nodes: Vec<String>,
    /// GPUs that the holder is entitled to here.
    pub gpus: u64,
    /// On what terms the landlord may borrow what is idle; none: it may not.
    pub lending: Option<Lending>,
}

/// Why nodes are held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// A lease.
    Lease(LeaseId),
    /// No lease holds them: the landlord's own.
    Own,
    /// Set aside for failures: nobody runs there.
    Reserve,
}

/// What bounds lending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lending {
    /// From the request to a clean node, as the lease promises it.
    pub reclaim_bound: Seconds,
    /// Scrub and health check between two parties.
    pub turnover: Seconds,
}

/// The objects that Slurm is to have, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Slurm's name of the cluster.
    pub cluster: String,
    /// Accounts to be made, by name.
    pub accounts: BTreeMap<String, Account>,
    /// Accounts that must exist and are not changed, with the party.
    pub used_accounts: BTreeMap<String, PartyId>,
    /// Users to be associated with accounts that are made: (account, user).
    pub associations: Vec<(String, String)>,
    /// QOS, by name.
    pub qos: BTreeMap<String, Qos>,
    /// Reservations, by name.
    pub reservations: BTreeMap<String, Reservation>,
    /// What could not be had, for people.
    pub notes: Vec<Note>,
}

/// An account that Leasehold makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub party: PartyId,
    /// The QOS of its jobs.
    pub qos: String,
}

/// A QOS that Leasehold makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qos {
    /// Whose.
    pub party: PartyId,
    /// GPUs that its jobs may have together; none for the landlord.
    pub gpus: Option<u64>,
    /// Priority.
    pub priority: u32,
    /// QOS whose jobs it may push out.
    pub preempt: Vec<String>,
    /// `requeue` where Slurm pushes its jobs out, else `cluster`.
    pub preempt_mode: &'static str,
}

/// A reservation that Leasehold makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its nodes, in order.
    pub nodes: Vec<String>,
    /// Accounts that may use it, in order; empty: nobody but root.
    pub accounts: Vec<String>,
    /// Whether jobs that name no reservation are drawn into it.
    pub magnetic: bool,
}

/// Something that is not as the lease would allow, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The reservation concerned.
    pub reservation: String,
    /// What and why.
    pub text: String,
}
