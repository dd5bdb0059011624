//! Where Slurm has another length of a run on record than the books: that is said, run by run, and never lost in a sum.

use std::collections::VecDeque;

use leasehold_clusters::slurm::watch::{EndedRun, JobName};
use leasehold_units::Instant;

/// The latest that are kept. All are logged, and what is on record of the last hour is compared again after a start.
const KEPT: usize = 200;

/// A run that is over and is booked otherwise than Slurm has it on record, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookDifference {
    /// Which job.
    pub job: JobName,
    /// Its account.
    pub account: String,
    /// When it started, in Slurm.
    pub since: Instant,
    /// When it ended, in Slurm.
    pub until: Instant,
    /// Until when it is booked; none if it is not booked at all.
    pub booked_until: Option<Instant>,
    /// Its GPUs.
    pub gpus: u32,
    /// Why.
    pub why: String,
}

impl BookDifference {
    /// What came of `ended`, if that differs from what is booked of it.
    pub fn of(ended: &EndedRun, booked_until: Option<Instant>, why: &str) -> Option<Self> {
        let run = &ended.run;
        let found = Self {
            job: run.name,
            account: run.account.clone(),
            since: run.since,
            until: ended.at,
            booked_until,
            gpus: run.nodes.iter().map(|(_, gpus)| gpus).sum(),
            why: why.to_owned(),
        };
        (found.recorded_gpu_seconds() != found.booked_gpu_seconds()).then_some(found)
    }

    /// GPU-seconds that Slurm has on record.
    pub fn recorded_gpu_seconds(&self) -> u64 {
        self.until.since(self.since).get() * u64::from(self.gpus)
    }

    /// GPU-seconds that are booked.
    pub fn booked_gpu_seconds(&self) -> u64 {
        self.booked_until.map_or(0, |until| until.since(self.since).get() * u64::from(self.gpus))
    }
}

/// The latest differences, each run once.
#[derive(Debug, Default)]
pub struct Differing {
    runs: VecDeque<BookDifference>,
}

impl Differing {
    /// Takes one up and says it in the log.
    pub fn note(&mut self, found: BookDifference) {
        if self.runs.contains(&found) {
            return;
        }
        tracing::warn!(
            job = %found.job, account = found.account, since = %found.since, until = %found.until,
            recorded_gpu_seconds = found.recorded_gpu_seconds(),
            booked_gpu_seconds = found.booked_gpu_seconds(),
            why = found.why, "a run is booked otherwise than Slurm has it on record"
        );
        self.runs.retain(|known| (known.job, known.since) != (found.job, found.since));
        self.runs.push_back(found);
        if self.runs.len() > KEPT {
            self.runs.pop_front();
        }
    }

    /// The latest, oldest first.
    pub fn latest(&self) -> impl Iterator<Item = &BookDifference> {
        self.runs.iter()
    }
}
