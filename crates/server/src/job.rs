//! What a party says of a job beyond what the scheduler needs, and what became of its runs.

use std::collections::BTreeMap;

use leasehold_clusters::slurm::watch::JobName;
use leasehold_units::Instant;
use serde::{Deserialize, Serialize};

/// A job as its party describes it. Only its party ever sees this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDescription {
    /// A name for people; no path is ever made of it.
    pub name: String,
    /// Who submitted it, by the name of the principal.
    pub user: String,
    /// The same by its stable name, as in the audit.
    pub by: String,
    /// The account of the party that is charged.
    pub account: String,
    /// What is run.
    pub work: Work,
    /// Variables of its environment beyond those that the agent sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Where it starts; its scratch directory if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Its number with a scheduler of the cluster's own, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_job: Option<JobName>,
}

/// How the name of whoever submitted a job begins that was submitted to the cluster's own scheduler.
pub const BY_SLURM: &str = "slurm:";

impl JobDescription {
    /// Whether it was submitted over the API.
    pub fn is_of_api(&self) -> bool {
        !self.by.starts_with(BY_SLURM)
    }
}

/// What a job runs on the first of its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A program with its arguments; no shell sees them.
    Command(Vec<String>),
    /// A script, run by the interpreter that its first line names.
    Script {
        /// The text.
        text: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl Default for Work {
    fn default() -> Self {
        Self::Command(Vec::new())
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this status; 0 is success.
    Code(i32),
    /// By a signal that nobody here sent.
    Signal(i32),
    /// It ran longer than it had asked for.
    TimeLimit,
    /// It was told to leave, and left or was killed at its deadline.
    Vacated {
        /// Whether it had to be killed.
        killed: bool,
    },
    /// It was stopped at once.
    Stopped,
    /// Its host went down with it.
    LostWithHost,
    /// It never ran.
    NotStarted {
        /// Why.
        reason: String,
    },
}

impl Exit {
    /// Whether the work was done.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

/// A job that is waiting, running or leaving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveJob {
    /// Its place in the job table; none between its description and its submission.
    pub slot: Option<u32>,
    /// What its party says of it.
    pub description: JobDescription,
    /// GPUs of its gang.
    pub gpus: u32,
    /// How often it was told to leave.
    pub evictions: u32,
    /// When it was submitted.
    pub submitted: Instant,
    /// When it first started.
    pub first_started: Option<Instant>,
    /// When its latest run started, while it runs.
    pub running_since: Option<Instant>,
    /// Whether the latest run is on nodes of a tenant.
    pub borrows: bool,
    /// GPU-seconds of earlier runs on nodes of its party.
    pub used_gpu_seconds: u64,
    /// GPU-seconds of earlier runs on nodes of tenants.
    pub borrowed_gpu_seconds: u64,
    /// Joules of runs that are over and were measured.
    #[serde(default)]
    pub measured_joules: Option<u64>,
    /// How its latest run ended, if the plant told.
    pub exit: Option<Exit>,
    /// Whether its party withdrew it.
    pub cancelled: bool,
    /// How often it started.
    pub starts: u32,
    /// Its GPUs on the node that it shares, a bit each, while it runs.
    pub gpu_mask: u64,
}

impl LiveJob {
    /// A job that is about to be submitted.
    pub fn new(description: JobDescription, submitted: Instant) -> Self {
        Self {
            slot: None,
            description,
            gpus: 0,
            evictions: 0,
            submitted,
            first_started: None,
            running_since: None,
            borrows: false,
            used_gpu_seconds: 0,
            borrowed_gpu_seconds: 0,
            measured_joules: None,
            exit: None,
            cancelled: false,
            starts: 0,
            gpu_mask: 0,
        }
    }

    /// Takes up how a run ended, and the energy that was measured of it, if any was.
    pub fn note_end(&mut self, exit: Exit, joules: Option<u64>) {
        self.exit = Some(exit);
        if let Some(joules) = joules {
            let before = self.measured_joules.unwrap_or(0);
            self.measured_joules = Some(before.saturating_add(joules));
        }
    }

    /// Adds what the latest run used, which is over at `at`.
    pub fn close_run(&mut self, at: Instant) {
        let Some(since) = self.running_since.take() else { return };
        let used = at.since(since).get() * u64::from(self.gpus);
        if self.borrows {
            self.borrowed_gpu_seconds += used;
        } else {
            self.used_gpu_seconds += used;
        }
    }
}

impl EndedJob {
    /// What is kept of `job`, which was over at `ended`.
    pub fn new(number: u64, job: LiveJob, ended: Instant, cancelled: bool) -> Self {
        Self {
            number,
            description: job.description,
            gpus: job.gpus,
            submitted: job.submitted,
            started: job.first_started,
            ended,
            evictions: job.evictions,
            used_gpu_seconds: job.used_gpu_seconds,
            borrowed_gpu_seconds: job.borrowed_gpu_seconds,
            measured_joules: job.measured_joules,
            exit: job.exit,
            cancelled,
            starts: job.starts,
        }
    }
}

/// A job that is over, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedJob {
    /// The party's number for it.
    pub number: u64,
    /// What its party says of it.
    pub description: JobDescription,
    /// GPUs of its gang.
    pub gpus: u32,
    /// When it was submitted.
    pub submitted: Instant,
    /// When it first started; none if it was cancelled before.
    pub started: Option<Instant>,
    /// When it was over.
    pub ended: Instant,
    /// How often it was told to leave.
    pub evictions: u32,
    /// GPU-seconds on nodes of its party.
    pub used_gpu_seconds: u64,
    /// GPU-seconds on nodes of tenants.
    pub borrowed_gpu_seconds: u64,
    /// Joules of runs that were measured; none where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_joules: Option<u64>,
    /// How its last run ended, if the plant told.
    pub exit: Option<Exit>,
    /// Whether its party withdrew it.
    pub cancelled: bool,
    /// How often it started.
    pub starts: u32,
}
