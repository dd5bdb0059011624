//! Jobs to come: from a trace, or drawn from named distributions by seed. One at a time, never a
//! list of all.

mod profiles;
mod synthetic;
mod traced;

use std::path::PathBuf;

use leasehold_units::Instant;

pub use profiles::{PROFILES, Profile, profile};
pub use synthetic::{Synthetic, SyntheticPlan};
pub use traced::{Traced, TracedPlan};

use crate::trace::TraceError;

/// A job to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadJob {
    /// Its number in the workload.
    pub number: u64,
    /// When it is submitted.
    pub submit: Instant,
    /// GPUs of the gang.
    pub gpus: u32,
    /// Seconds that it really runs.
    pub run_seconds: u32,
    /// Seconds that it asks for.
    pub request_seconds: u32,
    /// Seconds that it may take to leave its nodes.
    pub vacate_seconds: u32,
    /// Seconds that it really takes.
    pub vacate_actual_seconds: u32,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: u32,
    /// Skus that it can run on, a bit each in the order of the site file.
    pub skus: u32,
}

/// How the jobs of a workload behave when their nodes are wanted back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manners {
    /// Seconds that they may take to leave; they really take 1 to so many.
    pub vacate_seconds: u32,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: u32,
    /// Percent of the real run that they ask for, where nothing else says.
    pub request_percent: u32,
    /// Skus that they can run on.
    pub skus: u32,
}

/// A workload that could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The trace is bad.
    #[error("{path}: {error}")]
    Trace {
        /// Which trace.
        path: PathBuf,
        /// What is wrong with it.
        error: TraceError,
    },
}

impl Manners {
    fn job(&self, random: &mut crate::random::Random) -> (u32, u32) {
        let actual = 1 + random.below(u64::from(self.vacate_seconds.max(1)));
        (self.vacate_seconds, u32::try_from(actual).expect("no longer than declared"))
    }

    fn request(&self, run_seconds: u32) -> u32 {
        let request = u64::from(run_seconds) * u64::from(self.request_percent) / 100;
        u32::try_from(request).unwrap_or(u32::MAX).max(run_seconds)
    }
}
