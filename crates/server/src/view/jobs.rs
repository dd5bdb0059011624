//! Jobs as their party sees them.

use std::ops::Bound;

use leasehold_control::{JobState as Doing, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::job::{EndedJob, Exit, JobDescription, LiveJob, Work};
use crate::registry::Registry;

/// Nodes of a job that are named one by one; of more only the first are.
const NODES_NAMED: usize = 64;

/// What a job is doing.
///
/// Whether nodes are being cleared for it is not told: that would tell who was on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its nodes.
    Waiting,
    /// It runs.
    Running,
    /// It was told to leave its nodes.
    Leaving,
    /// It did what it had to do.
    Completed,
    /// It ended with an error, or ran too long.
    Failed,
    /// Its party withdrew it.
    Cancelled,
}

/// Whose command lines the reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Of every job of the party.
    All,
    /// Of the jobs that this principal submitted.
    Of(String),
    /// Of none.
    None,
}

impl Content {
    fn covers(&self, description: &JobDescription) -> bool {
        match self {
            Self::All => true,
            Self::Of(who) => *who == description.by,
            Self::None => false,
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JobView {
    /// The party's number for it.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Who submitted it.
    pub user: String,
    /// The account that is charged.
    pub account: String,
    /// What it is doing.
    pub state: JobState,
    /// Why it waits; empty if it does not.
    pub reason: String,
    /// GPUs of its gang.
    pub gpus: u32,
    /// Its nodes while it runs; the first 64 of many.
    pub nodes: Vec<String>,
    /// When it was submitted.
    pub submitted: String,
    /// When it first started.
    pub started: Option<String>,
    /// When it was over.
    pub ended: Option<String>,
    /// Longest run that it asks for, in seconds.
    pub time_limit_seconds: Option<u32>,
    /// How often it was told to leave.
    pub evictions: u32,
    /// Whether it runs on nodes that a tenant holds.
    pub borrows: bool,
    /// GPU-seconds of runs that are over, on nodes of its party.
    pub used_gpu_seconds: u64,
    /// GPU-seconds of runs that are over, on nodes of tenants.
    pub borrowed_gpu_seconds: u64,
    /// Energy of runs that are over, in joules, where the cluster measured some; not what is billed.
    pub measured_joules: Option<u64>,
    /// How its last run ended.
    pub exit: Option<ExitView>,
    /// What it runs; empty for whoever may not read what somebody else runs.
    pub command: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExitView {
    /// Its exit status, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// In words.
    pub what: String,
}

/// Jobs that are over, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndedJobs {
    /// The jobs.
    pub jobs: Vec<JobView>,
}

/// The jobs of a party with a number larger than `after` that are not over, in order of their numbers.
pub fn jobs<'a>(
    state: &'a State,
    registry: &'a Registry,
    party: &str,
    content: &'a Content,
    after: u64,
) -> impl Iterator<Item = JobView> + use<'a> {
    let book = registry.party(party).into_iter();
    let later = (Bound::Excluded(after), Bound::Unbounded);
    let jobs = book.flat_map(move |book| book.jobs.range(later));
    jobs.filter_map(|(number, live)| job(state, *number, live, content))
}

/// A job that is not over.
pub fn job(state: &State, number: u64, live: &LiveJob, content: &Content) -> Option<JobView> {
    let job = state.jobs.find(live.slot?)?;
    let (doing, reason) = match &job.state {
        Doing::Queued | Doing::Claiming { .. } => (JobState::Waiting, "for nodes of its party"),
        Doing::Parked => (JobState::Waiting, "larger than what its party has now"),
        Doing::Running { .. } => (JobState::Running, ""),
        Doing::Leaving { .. } => (JobState::Leaving, ""),
    };
    let at = match &job.state {
        Doing::Running { at, .. } | Doing::Leaving { at, .. } => Some(at),
        _ => None,
    };
    let nodes = at.map_or_else(Vec::new, |at| {
        let all = at.whole.iter().chain(at.parts().map(|(node, _)| node));
        all.take(NODES_NAMED).map(|node| state.site.node_name(node)).collect()
    });
    Some(JobView {
        number,
        name: live.description.name.clone(),
        user: live.description.user.clone(),
        account: live.description.account.clone(),
        state: doing,
        reason: reason.into(),
        gpus: job.spec.gpus,
        nodes,
        submitted: live.submitted.to_string(),
        started: live.first_started.map(|at| at.to_string()),
        ended: None,
        time_limit_seconds: Some(job.spec.request_seconds),
        evictions: live.evictions,
        borrows: live.running_since.is_some() && live.borrows,
        used_gpu_seconds: live.used_gpu_seconds,
        borrowed_gpu_seconds: live.borrowed_gpu_seconds,
        measured_joules: live.measured_joules,
        exit: live.exit.as_ref().map(exit),
        command: command(&live.description, content),
    })
}

/// A job that is over.
pub fn ended_job(job: &EndedJob, content: &Content) -> JobView {
    let state = match &job.exit {
        _ if job.cancelled => JobState::Cancelled,
        Some(exit) if !exit.is_success() => JobState::Failed,
        _ => JobState::Completed,
    };
    JobView {
        number: job.number,
        name: job.description.name.clone(),
        user: job.description.user.clone(),
        account: job.description.account.clone(),
        state,
        reason: String::new(),
        gpus: job.gpus,
        nodes: Vec::new(),
        submitted: job.submitted.to_string(),
        started: job.started.map(|at| at.to_string()),
        ended: Some(job.ended.to_string()),
        time_limit_seconds: None,
        evictions: job.evictions,
        borrows: false,
        used_gpu_seconds: job.used_gpu_seconds,
        borrowed_gpu_seconds: job.borrowed_gpu_seconds,
        measured_joules: job.measured_joules,
        exit: job.exit.as_ref().map(exit),
        command: command(&job.description, content),
    }
}

fn exit(exit: &Exit) -> ExitView {
    let (code, signal, what) = match exit {
        Exit::Code(code) => (Some(*code), None, format!("exit status {code}")),
        Exit::Signal(signal) => (None, Some(*signal), format!("ended by signal {signal}")),
        Exit::TimeLimit => (None, None, "ran longer than it had asked for, and was killed".into()),
        Exit::Vacated { killed: false } => (None, None, "left its nodes when told to".into()),
        Exit::Vacated { killed: true } => {
            (None, None, "was killed at its deadline to leave".into())
        }
        Exit::Stopped => (None, None, "was stopped".into()),
        Exit::LostWithHost => (None, None, "was lost with its host".into()),
        Exit::NotStarted { reason } => (None, None, format!("did not start: {reason}")),
    };
    ExitView { code, signal, what }
}

fn command(description: &JobDescription, content: &Content) -> Vec<String> {
    match &description.work {
        _ if !content.covers(description) => Vec::new(),
        Work::Command(argv) => argv.clone(),
        Work::Script { arguments, .. } => {
            std::iter::once("(script)".to_owned()).chain(arguments.iter().cloned()).collect()
        }
    }
}
