//! What is wanted, in words of leases, and what that makes in words of Slurm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use leasehold_units::{LeaseId, PartyId, PoolId, Seconds};

use super::hostlist;
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
    /// Users to be associated with accounts that are made: (account, user), in order.
    pub associations: BTreeSet<(String, String)>,
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
    /// QOS whose jobs it may push out, in order.
    pub preempt: Vec<String>,
    /// `requeue` where Slurm pushes its jobs out, else `cluster`: what the cluster says.
    pub preempt_mode: &'static str,
}

/// A reservation that Leasehold makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// On what ground; the landlord's own is made before leases, since a job is drawn into the one that was made first.
    pub ground: Ground,
    /// Its nodes.
    pub nodes: BTreeSet<String>,
    /// Accounts that may use it; none: nobody but root, and no job is drawn into it.
    pub accounts: BTreeSet<String>,
}

/// Something that is not as the lease would allow, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The object or party concerned.
    pub about: String,
    /// What and why.
    pub text: String,
}

/// What all names begin with that Leasehold makes, accounts apart. In 22.05 a reservation has no comment and nothing else that
/// could carry a mark.
pub const PREFIX: &str = "leasehold_";

/// The mark of accounts: what stands in their organization.
pub const ORGANIZATION: &str = "leasehold";

impl Ground {
    /// Its reservation on a pool. Names of leases and pools have no `@` and no `+`, so no two grounds share a name.
    pub fn reservation(&self, pool: &PoolId) -> String {
        match self {
            Self::Lease(lease) => format!("{PREFIX}{lease}@{pool}"),
            Self::Own => format!("{PREFIX}own+{pool}"),
            Self::Reserve => format!("{PREFIX}reserve+{pool}"),
        }
    }

    /// The order in which reservations are made.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Own => 0,
            Self::Lease(_) => 1,
            Self::Reserve => 2,
        }
    }
}

impl Reservation {
    /// Its flags in Slurm's words, in order.
    pub fn flags(&self) -> &'static [&'static str] {
        if self.accounts.is_empty() { &["IGNORE_JOBS"] } else { &["IGNORE_JOBS", "MAGNETIC"] }
    }

    /// Users who may use it: root where nobody else may, since Slurm wants somebody named.
    pub fn users(&self) -> &'static str {
        if self.accounts.is_empty() { "root" } else { "" }
    }
}

impl fmt::Display for Desired {
    /// A line for each object, sorted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, qos) in &self.qos {
            let gpus = qos.gpus.map_or("unlimited".to_owned(), |gpus| gpus.to_string());
            write!(f, "qos {name}: gpus {gpus}, priority {}", qos.priority)?;
            if !qos.preempt.is_empty() {
                write!(f, ", preempts {}", qos.preempt.join(","))?;
            }
            writeln!(f, ", preempt mode {}", qos.preempt_mode)?;
        }
        for (name, account) in &self.accounts {
            writeln!(f, "account {name}: of party {}, qos {}", account.party, account.qos)?;
        }
        for (name, party) in &self.used_accounts {
            writeln!(f, "account {name}: of party {party}, used as it is")?;
        }
        for (account, user) in &self.associations {
            writeln!(f, "user {user} in {account}")?;
        }
        for (name, reservation) in &self.reservations {
            let nodes: Vec<&String> = reservation.nodes.iter().collect();
            let accounts: Vec<&str> = reservation.accounts.iter().map(String::as_str).collect();
            write!(f, "reservation {name}: nodes {}", hostlist::compress(&nodes))?;
            match accounts.as_slice() {
                [] => writeln!(f, ", for nobody")?,
                accounts => writeln!(f, ", accounts {}", accounts.join(","))?,
            }
        }
        for note in &self.notes {
            writeln!(f, "note {}: {}", note.about, note.text)?;
        }
        Ok(())
    }
}
