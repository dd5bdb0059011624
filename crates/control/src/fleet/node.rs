//! What is known of one node, and what follows from it.

use leasehold_ledger::GpuState;
use serde::{Deserialize, Serialize};

/// Number of a job in the job table; reused after the job is gone.
pub type JobSlot = u32;

/// Number of a partition: a pool's nodes under one holder.
pub type PartitionId = u16;

/// Number of a party; 0 is the landlord.
pub type Party = u16;

/// The landlord's number among the parties.
pub const LANDLORD: Party = 0;

/// What nodes stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// The landlord's own.
    Own,
    /// Set aside for failures: nobody works there.
    Reserve,
    /// What a lease grants, by its number.
    Lease(u16),
}

impl Holding {
    /// The lease, if it is one's.
    pub const fn lease(self) -> Option<u16> {
        match self {
            Self::Lease(lease) => Some(lease),
            Self::Own | Self::Reserve => None,
        }
    }
}

/// Whether a node can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Not built yet, or retired.
    OutOfService,
    /// Healthy.
    Up,
    /// Being scrubbed and checked.
    Turnover,
    /// Failed.
    Down,
    /// Out for maintenance, as planned.
    Maintained,
    /// Switched off because the envelope cannot feed it.
    Curtailed,
}

/// Whose jobs run on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// Nobody's.
    Nobody,
    /// Those of the party that holds it.
    Holder,
    /// The landlord's, on a node that a tenant holds.
    Guest,
}

/// For which job a node is kept until the job can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// For none.
    Free,
    /// For a job of the party that holds it.
    Holder(JobSlot),
    /// For a borrower.
    Guest(JobSlot),
}

/// One node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    /// The partition it is in.
    pub partition: PartitionId,
    /// Whether it can work.
    pub condition: Condition,
    /// Whose jobs run on it.
    pub user: User,
    /// For which job it is kept.
    pub claim: Claim,
    /// The party whose work ran here since the last turnover.
    pub soil: Option<Party>,
    /// GPUs that jobs run on.
    pub used: u8,
    /// Takes no new work: it is about to change hands or lose its power.
    pub draining: bool,
}

/// Where a partition keeps a node that it could place work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Not placeable.
    Off,
    /// Idle, scrubbed.
    Clean,
    /// Idle, last used by its holder.
    HolderSoiled,
    /// Idle, last used by the landlord while a tenant holds it.
    GuestSoiled,
    /// Idle, last used by a party that neither holds nor borrows it.
    ForeignSoiled,
    /// In turnover, or kept for a borrower that has not started: the holder may call it back.
    Recallable,
    /// Under the holder's jobs, with this many GPUs free.
    HolderPart(u8),
    /// Under borrowers, with this many GPUs free.
    GuestPart(u8),
}

impl Node {
    /// A node before its pool is in service.
    pub const fn out_of_service(partition: PartitionId) -> Self {
        Self {
            partition,
            condition: Condition::OutOfService,
            user: User::Nobody,
            claim: Claim::Free,
            soil: None,
            used: 0,
            draining: false,
        }
    }

    /// Where its partition, held by `holder`, keeps it.
    pub fn shelf(&self, holder: Party, gpus_per_node: u8) -> Shelf {
        if self.draining || !matches!(self.condition, Condition::Up | Condition::Turnover) {
            return Shelf::Off;
        }
        if matches!(self.claim, Claim::Holder(_)) {
            return Shelf::Off;
        }
        match self.user {
            User::Nobody => self.idle_shelf(holder),
            User::Holder if self.used < gpus_per_node => {
                Shelf::HolderPart(gpus_per_node - self.used)
            }
            User::Guest if self.used < gpus_per_node => Shelf::GuestPart(gpus_per_node - self.used),
            User::Holder | User::Guest => Shelf::Off,
        }
    }

    fn idle_shelf(&self, holder: Party) -> Shelf {
        if self.condition == Condition::Turnover || self.claim != Claim::Free {
            return Shelf::Recallable;
        }
        match self.soil {
            None => Shelf::Clean,
            Some(party) if party == holder => Shelf::HolderSoiled,
            Some(LANDLORD) => Shelf::GuestSoiled,
            Some(_) => Shelf::ForeignSoiled,
        }
    }

    /// Whether it is up or in turnover, and takes work.
    pub fn serves(&self) -> bool {
        !self.draining && matches!(self.condition, Condition::Up | Condition::Turnover)
    }

    /// Whether its holder could have it, borrowers or not.
    pub fn claimable(&self) -> bool {
        self.serves() && self.user != User::Holder && !matches!(self.claim, Claim::Holder(_))
    }

    /// Whether it takes work and the holder uses it or is about to.
    pub fn taken(&self) -> bool {
        self.serves() && (self.user == User::Holder || matches!(self.claim, Claim::Holder(_)))
    }

    /// Whether `party` may start on it at once.
    pub fn ready_for(&self, party: Party) -> bool {
        self.condition == Condition::Up
            && self.user == User::Nobody
            && self.soil.is_none_or(|soil| soil == party)
    }

    /// The states its GPUs are in: the first with the count of GPUs in it, the rest in the second.
    pub fn states(&self, leased: bool, gpus_per_node: u8) -> NodeStates {
        let idle = if leased { GpuState::IdleLeased } else { GpuState::IdleUnleased };
        let whole = |state| NodeStates { busy: state, busy_gpus: gpus_per_node, idle };
        match self.condition {
            Condition::OutOfService => {
                NodeStates { busy: idle, busy_gpus: 0, idle: GpuState::Down }
            }
            Condition::Turnover => whole(GpuState::Turnover),
            Condition::Down | Condition::Maintained => whole(GpuState::Down),
            Condition::Curtailed => whole(GpuState::Curtailed),
            Condition::Up => match self.user {
                User::Nobody => whole(idle),
                User::Holder if leased => {
                    NodeStates { busy: GpuState::Used, busy_gpus: self.used, idle }
                }
                User::Holder => NodeStates { busy: GpuState::Own, busy_gpus: self.used, idle },
                User::Guest => NodeStates { busy: GpuState::Borrowed, busy_gpus: self.used, idle },
            },
        }
    }
}

/// How a node's GPUs divide over states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStates {
    /// The state of the first `busy_gpus`.
    pub busy: GpuState,
    /// How many are in it.
    pub busy_gpus: u8,
    /// The state of the rest.
    pub idle: GpuState,
}
