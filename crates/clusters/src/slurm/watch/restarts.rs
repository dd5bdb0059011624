//! Runs that no look showed: a job that began and was put back in between shows only that it was put back once more.

use std::collections::BTreeMap;

use leasehold_units::Instant;

use super::{JobName, RECORD_PATIENCE, RunEnd};
use crate::slurm::read::SlurmJob;

/// How often jobs were put back, and which of their runs are still to be looked up.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// By job, as of the last look; none before the first one, since what was before that is read from the record as a whole.
    known: Option<BTreeMap<JobName, u32>>,
    owed: BTreeMap<JobName, Owed>,
}

/// Runs of a job that were put back and of which the end was not told.
#[derive(Debug, Clone, Copy)]
struct Owed {
    runs: u32,
    since: Instant,
}

impl Restarts {
    /// Takes up a look that began at `at`.
    pub(super) fn note(&mut self, at: Instant, jobs: &[SlurmJob]) {
        self.owed.retain(|_, owed| owed.since.after(RECORD_PATIENCE) > at);
        let now = jobs.iter().map(|job| (JobName::new(job.id, job.array), job.restarts));
        let Some(before) = self.known.replace(now.clone().collect()) else { return };
        for (name, restarts) in now {
            let runs = restarts.saturating_sub(before.get(&name).copied().unwrap_or(0));
            if runs > 0 {
                let owed = self.owed.entry(name).or_insert(Owed { runs: 0, since: at });
                *owed = Owed { runs: owed.runs.saturating_add(runs), since: at };
            }
        }
    }

    /// Notes that the end of a run was told.
    pub(super) fn note_told(&mut self, name: JobName, end: &RunEnd) {
        let may_be_it = matches!(end, RunEnd::PutBack | RunEnd::NodeFailed | RunEnd::Unknown);
        if let Some(owed) = self.owed.get_mut(&name).filter(|_| may_be_it) {
            owed.runs -= 1;
            if owed.runs == 0 {
                self.owed.remove(&name);
            }
        }
    }

    /// Jobs of which runs are to be looked up.
    pub(super) fn owed(&self) -> impl Iterator<Item = JobName> {
        self.owed.keys().copied()
    }
}
