//! A cluster with a scheduler of its own, as those see it who run the site.

use serde::Serialize;
use utoipa::ToSchema;

use crate::plant::{BookDifference, Drift, SlurmStatus};

/// How the cluster stands to the leases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClusterView {
    /// `slurm`, or `own` where the control plane places the jobs itself; all else is empty then.
    pub cluster: String,
    /// `enforced`, `observed`, or `placed` where the control plane places the jobs itself.
    pub leases: String,
    /// When the last look that came in began.
    pub seen: Option<String>,
    /// Why the last look failed, and what to do.
    pub unseen: Option<String>,
    /// Why it could not be held to the leases, and what to do.
    pub unheld: Option<String>,
    /// When it was compared with the leases.
    pub compared: Option<String>,
    /// What was not as they have it or is left alone, a line each.
    pub difference: Vec<String>,
    /// How many objects were not as they have it.
    pub differences: u64,
    /// Objects that were found changed by hand, since the start of this server.
    pub drifted: u64,
    /// The latest of them, oldest first.
    pub drifts: Vec<DriftView>,
    /// What of the cluster's configuration does not go with leases or is good to know, and what they allow and it
    /// cannot give.
    pub concerns: Vec<String>,
    /// Calls that were made to mend it, since the start of this server.
    pub calls: u64,
    /// Jobs that were told to leave, since the start of this server.
    pub told_to_leave: u64,
    /// Runs that go on without being booked.
    pub not_booked: Vec<NotBookedView>,
    /// How many.
    pub troubles: u64,
    /// Runs that are over and booked otherwise than the cluster has them on record: the latest, oldest first, since the
    /// start of this server, which reads the record of the hour before.
    pub booked_otherwise: Vec<BookedOtherwiseView>,
}

/// An object that somebody changed by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DriftView {
    /// Which object.
    pub object: String,
    /// What of it: each field as it was found and as it should be.
    pub what: String,
    /// When that was found.
    pub found: String,
    /// When it was seen to be as it should be again; null until then.
    pub mended: Option<String>,
}

impl From<Drift> for DriftView {
    fn from(drift: Drift) -> Self {
        Self {
            object: drift.object.to_string(),
            what: drift.what,
            found: drift.found.to_string(),
            mended: drift.mended.map(|at| at.to_string()),
        }
    }
}

/// A run that is over and booked otherwise than the cluster has it on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BookedOtherwiseView {
    /// The cluster's number for the job.
    pub job: String,
    /// Its account.
    pub account: String,
    /// When it started there.
    pub since: String,
    /// When it ended there.
    pub until: String,
    /// GPU-seconds of the run as the cluster has it on record.
    pub recorded_gpu_seconds: u64,
    /// GPU-seconds that are booked.
    pub booked_gpu_seconds: u64,
    /// Why they differ.
    pub why: String,
}

impl From<BookDifference> for BookedOtherwiseView {
    fn from(found: BookDifference) -> Self {
        Self {
            recorded_gpu_seconds: found.recorded_gpu_seconds(),
            booked_gpu_seconds: found.booked_gpu_seconds(),
            job: found.job.to_string(),
            account: found.account,
            since: found.since.to_string(),
            until: found.until.to_string(),
            why: found.why,
        }
    }
}

/// A run that goes on without being booked: its nodes count as idle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotBookedView {
    /// The cluster's number for the job.
    pub job: String,
    /// Since when.
    pub since: String,
    /// Why.
    pub why: String,
    /// Whether it is stopped where leases are enforced.
    pub is_stopped: bool,
}

/// How the cluster stands.
pub fn cluster(status: Option<&SlurmStatus>) -> ClusterView {
    let now = status.map(SlurmStatus::now).unwrap_or_default();
    let not_booked: Vec<NotBookedView> = now
        .not_booked
        .into_iter()
        .map(|(job, trouble)| NotBookedView {
            job: job.to_string(),
            since: trouble.since.to_string(),
            why: trouble.why,
            is_stopped: trouble.is_stopped,
        })
        .collect();
    ClusterView {
        cluster: if status.is_some() { "slurm" } else { "own" }.into(),
        leases: match status {
            None => "placed",
            Some(status) if status.enforces => "enforced",
            Some(_) => "observed",
        }
        .into(),
        seen: status.and_then(SlurmStatus::seen).map(|at| at.to_string()),
        unseen: now.unseen,
        unheld: now.unheld,
        compared: now.compared.map(|at| at.to_string()),
        differences: now.differences as u64,
        drifted: now.drifted,
        drifts: now.drifts.into_iter().map(Into::into).collect(),
        concerns: now.concerns.into_iter().chain(now.notes).collect(),
        difference: now.difference,
        calls: now.calls,
        told_to_leave: now.told_to_leave,
        troubles: not_booked.len() as u64,
        not_booked,
        booked_otherwise: now.differing.into_iter().map(Into::into).collect(),
    }
}
