//! What a tenant was given, as it sees it: service intervals, what they add up to, and the file
//! that proves it.
//!
//! Whether idle nodes were lent meanwhile does not show here, and does not move an amount: a tenant
//! pays, and reads, what it would if nobody had borrowed from it (invariant 9).

mod evidence;
mod meter;

use leasehold_units::{GpuSeconds, Interval};

pub use evidence::{EvidenceError, EvidenceLine, EvidenceReader, ServiceLog, UsageDigest};
pub use meter::{LeaseMeter, ReclaimOutcome, SkuRating};

use crate::LeaseIndex;

/// What a GPU of a holding is doing, as its tenant sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ServiceState {
    /// Runs a job of the tenant.
    Used,
    /// Stands ready: runs nothing of the tenant's, whoever borrows it.
    Idle,
    /// Is broken or under repair.
    Down,
    /// Is switched off because the envelope cannot feed it.
    Curtailed,
}

/// GPUs of consecutive nodes of a holding that were in one state through one stretch of time.
///
/// Every GPU-second of a holding is in exactly one row. A row ends where the tenant can see that it
/// does, and at the end of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceInterval {
    /// In whose holding.
    pub lease: LeaseIndex,
    /// Index of the pool in the site.
    pub pool: u16,
    /// Number of the first node in the site.
    pub first_node: u32,
    /// Consecutive nodes of the pool, at least 1.
    pub nodes: u32,
    /// GPUs in this state on each of these nodes; at most what the node has.
    pub gpus_per_node: u32,
    /// What they were doing.
    pub state: ServiceState,
    /// When.
    pub interval: Interval,
}

impl ServiceState {
    /// All states, in the order of their index.
    pub const ALL: [Self; 4] = [Self::Used, Self::Idle, Self::Down, Self::Curtailed];

    /// Its place in [`ServiceState::ALL`], 0 to 3.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Idle => "idle",
            Self::Down => "down",
            Self::Curtailed => "curtailed",
        }
    }
}

impl ServiceInterval {
    /// GPUs in the row.
    pub fn gpus(&self) -> u64 {
        u64::from(self.nodes) * u64::from(self.gpus_per_node)
    }

    /// GPU-seconds in the row.
    pub fn gpu_seconds(&self) -> GpuSeconds {
        GpuSeconds::new(u128::from(self.gpus()) * u128::from(self.interval.length().get()))
    }
}
