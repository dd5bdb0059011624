//! Usage intervals: what a run of nodes was doing, for whom, from when until when.

use leasehold_units::{GpuSeconds, Interval};
use serde::{Deserialize, Serialize};

/// What a GPU is doing. At every instant each GPU of the site is in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum GpuState {
    /// Runs a job of the tenant whose holding it stands in.
    Used,
    /// Runs a job of the landlord in a tenant's holding.
    Borrowed,
    /// Stands in a holding and runs nothing.
    IdleLeased,
    /// Runs a job of the landlord outside every holding.
    Own,
    /// Stands outside every holding and runs nothing.
    IdleUnleased,
    /// Is scrubbed and checked between two parties.
    Turnover,
    /// Is broken or under repair.
    Down,
    /// Is switched off because the envelope cannot feed it.
    Curtailed,
}

/// A party's place in the run's list of parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartyIndex(pub u16);

/// A lease's place in the run's list of leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseIndex(pub u16);

/// GPUs of consecutive nodes that were in one state, for one party, through one stretch of time.
///
/// A node that several jobs share, or that a job fills in part, has one row for each of its
/// parts. Every GPU-second of the site is in exactly one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageInterval {
    /// Number of the first node in the site.
    pub first_node: u32,
    /// Consecutive nodes, at least 1.
    pub nodes: u32,
    /// GPUs in this state on each of these nodes; at most what the node has.
    pub gpus_per_node: u32,
    /// What they were doing.
    pub state: GpuState,
    /// Whose job it was, where a job ran.
    pub party: Option<PartyIndex>,
    /// In whose holding the nodes stood, where they stood in one.
    pub lease: Option<LeaseIndex>,
    /// When.
    pub interval: Interval,
}

/// GPU-seconds in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTotals([GpuSeconds; 8]);

impl GpuState {
    /// All states, in the order of their index.
    pub const ALL: [Self; 8] = [
        Self::Used,
        Self::Borrowed,
        Self::IdleLeased,
        Self::Own,
        Self::IdleUnleased,
        Self::Turnover,
        Self::Down,
        Self::Curtailed,
    ];

    /// Its place in [`GpuState::ALL`], 0 to 7.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Borrowed => "borrowed",
            Self::IdleLeased => "idle_leased",
            Self::Own => "own",
            Self::IdleUnleased => "idle_unleased",
            Self::Turnover => "turnover",
            Self::Down => "down",
            Self::Curtailed => "curtailed",
        }
    }
}

impl UsageInterval {
    /// GPUs in the row.
    pub fn gpus(&self) -> u64 {
        u64::from(self.nodes) * u64::from(self.gpus_per_node)
    }

    /// GPU-seconds in the row.
    pub fn gpu_seconds(&self) -> GpuSeconds {
        GpuSeconds::new(u128::from(self.gpus()) * u128::from(self.interval.length().get()))
    }
}

impl StateTotals {
    /// GPU-seconds in `state`.
    pub const fn of(&self, state: GpuState) -> GpuSeconds {
        self.0[state.index()]
    }

    /// Adds `more` to `state`.
    pub fn add(&mut self, state: GpuState, more: GpuSeconds) {
        let total = &mut self.0[state.index()];
        *total = total.plus(more);
    }

    /// GPU-seconds in all states.
    pub fn sum(&self) -> GpuSeconds {
        self.0.iter().copied().sum()
    }

    /// Each state with its GPU-seconds, in the order of [`GpuState::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (GpuState, GpuSeconds)> {
        GpuState::ALL.into_iter().zip(self.0)
    }
}
