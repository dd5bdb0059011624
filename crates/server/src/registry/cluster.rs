//! Jobs that have a number with a scheduler of the cluster's own, and which of their runs are booked already.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_clusters::slurm::watch::JobName;
use leasehold_units::{Instant, Seconds};
use serde::{Deserialize, Serialize};

/// So long it is known that a run was booked. A cluster that was out of reach for longer is read again
/// from no earlier.
const RUNS_KNOWN: Seconds = Seconds::new(2 * 86_400);

/// A run by the cluster's number of its job and the instant at which it started there.
pub type RunKey = (JobName, Instant);

/// How a run that is booked ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedEnd {
    /// When.
    pub at: Instant,
    /// Whether that was decided here, and not told by the cluster.
    pub is_decided: bool,
}

/// Jobs that have a number with a scheduler of the cluster's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterJobs {
    /// The party and its number for each that is not over, by the cluster's number.
    jobs: BTreeMap<JobName, (String, u64)>,
    /// Runs that are booked from their start to their end.
    booked: BTreeMap<RunKey, BookedEnd>,
    /// The same by when they were booked, the oldest first.
    ages: BTreeSet<(Instant, RunKey)>,
}

impl ClusterJobs {
    /// The party of a job that is not over, and the party's number for it.
    pub fn find(&self, cluster_job: JobName) -> Option<(&str, u64)> {
        self.jobs.get(&cluster_job).map(|(party, number)| (party.as_str(), *number))
    }

    /// All that are not over, by the cluster's number.
    pub fn iter(&self) -> impl Iterator<Item = (JobName, &str, u64)> {
        self.jobs.iter().map(|(job, (party, number))| (*job, party.as_str(), *number))
    }

    /// Whether nothing was ever booked, or not for a long time.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.booked.is_empty()
    }

    /// Whether a run is booked from its start to its end.
    pub fn is_booked(&self, run: RunKey) -> bool {
        self.booked.contains_key(&run)
    }

    /// How a run ended that is booked from its start to its end.
    pub fn booked_end(&self, run: RunKey) -> Option<BookedEnd> {
        self.booked.get(&run).copied()
    }

    pub(super) fn describe(&mut self, cluster_job: JobName, party: &str, number: u64) {
        self.jobs.insert(cluster_job, (party.to_owned(), number));
    }

    pub(super) fn book(&mut self, run: RunKey, end: BookedEnd, now: Instant) {
        self.booked.insert(run, end);
        self.ages.insert((now, run));
        while let Some((at, run)) =
            self.ages.first().copied().filter(|(at, _)| at.after(RUNS_KNOWN) < now)
        {
            self.ages.remove(&(at, run));
            self.booked.remove(&run);
        }
    }

    pub(super) fn end(&mut self, cluster_job: JobName, party: &str, number: u64) {
        if self.find(cluster_job) == Some((party, number)) {
            self.jobs.remove(&cluster_job);
        }
    }
}
