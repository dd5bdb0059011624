//! What became of the runs of jobs between two looks at Slurm.
//!
//! A look shows what waits and what runs. A run that is no longer there is looked up: slurmctld knows for a
//! while when a job ended, and slurmdbd has every run of every job, also of those that were put back. So no
//! run is lost by a look that was missed, and none is told twice.

mod restarts;

use std::collections::{BTreeMap, BTreeSet};

use leasehold_units::{Instant, Seconds};
use serde::{Deserialize, Serialize};

use super::read::{ArrayTask, JobState, NodeGpus, Run, SlurmJob, SlurmNode};
use restarts::Restarts;

/// How long the record is waited for. After that a run counts as ended when it was first missed.
pub const RECORD_PATIENCE: Seconds = Seconds::new(120);

/// The same while slurmdbd does not answer. Who waits for the nodes cannot wait for a record.
pub const OUTAGE_PATIENCE: Seconds = Seconds::new(10);

/// So long it is remembered that a run was told of.
const TOLD_KEPT: Seconds = Seconds::new(3_600);

/// A job by the name that it keeps: a task of an array is named by the array, since its number comes when it starts. Logs have it in
/// this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobName {
    /// The number, or that of the array.
    pub job: u32,
    /// Which task of the array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
}

impl JobName {
    /// The name of a job with that number, which may be a task of an array.
    pub fn new(id: u32, array: Option<ArrayTask>) -> Self {
        array.map_or(Self { job: id, task: None }, |array| Self {
            job: array.job,
            task: Some(array.task),
        })
    }
}

impl std::fmt::Display for JobName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.task {
            Some(task) => write!(f, "{}_{task}", self.job),
            None => write!(f, "{}", self.job),
        }
    }
}

/// A job from a start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRun {
    /// Which job.
    pub name: JobName,
    /// Its account.
    pub account: String,
    /// Its user.
    pub user: String,
    /// When it started.
    pub since: Instant,
    /// Its nodes, with its GPUs on each.
    pub nodes: Vec<(String, u32)>,
    /// The longest that it may run.
    pub limit: Option<Seconds>,
}

/// A job that could start if there were nodes for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingJob {
    /// Which.
    pub name: JobName,
    /// Its account.
    pub account: String,
    /// Its user.
    pub user: String,
    /// Nodes that it asks for at least.
    pub nodes: u32,
    /// GPUs that it asks for.
    pub gpus: u32,
    /// The longest that it may run.
    pub limit: Option<Seconds>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// With an exit code and a signal, each 0 if there was none.
    Exited {
        /// The code.
        code: u32,
        /// The signal.
        signal: u32,
    },
    /// By its time limit.
    TimedOut,
    /// Cancelled by somebody.
    Cancelled,
    /// A node under it failed.
    NodeFailed,
    /// It was put back, to make room or by hand.
    PutBack,
    /// Nobody knows.
    Unknown,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRun {
    /// Which.
    pub run: SeenRun,
    /// When it ended.
    pub at: Instant,
    /// How.
    pub end: RunEnd,
    /// Whether the job is queued or runs again.
    pub comes_back: bool,
    /// Whether that is Slurm's word: otherwise it is when the run was first missed.
    pub is_recorded: bool,
    /// Joules that it used, where the cluster measures any.
    pub joules: Option<u64>,
}

/// What a look at Slurm came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// When the look began: all that happened before is in it.
    pub at: Instant,
    /// Jobs that could start if there were nodes.
    pub waiting: Vec<WaitingJob>,
    /// Jobs that wait for something else.
    pub held: BTreeSet<JobName>,
    /// Jobs that are being started, ended or put back.
    pub moving: BTreeSet<JobName>,
    /// What runs.
    pub running: Vec<SeenRun>,
    /// Runs that are over, each told once.
    pub ended: Vec<EndedRun>,
    /// Jobs that were cancelled without ever having started, as the record has it, and when.
    pub withdrawn: Vec<(JobName, Instant)>,
    /// Runs that are over, of which it is not known when yet.
    pub unresolved: BTreeSet<JobName>,
    /// The nodes.
    pub nodes: Vec<SlurmNode>,
}

/// Follows runs from look to look.
#[derive(Debug, Default)]
pub struct Watch {
    running: BTreeMap<JobName, Watched>,
    /// Runs of which the end was told.
    told: BTreeMap<(JobName, Instant), Told>,
    /// GPUs on each node of gangs that are not the same on all.
    uneven: BTreeMap<(JobName, Instant), Vec<(String, u32)>>,
    /// How often jobs were put back.
    restarts: Restarts,
}

/// That the end of a run was told.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// When.
    at: Instant,
    /// Whether it was Slurm's word. If not, that is told once more.
    is_recorded: bool,
}

#[derive(Debug, Clone)]
struct Watched {
    run: SeenRun,
    /// Since when it is not there.
    missed: Option<Instant>,
}

/// A look of which some runs have to be looked up.
#[derive(Debug)]
pub struct Look {
    sighting: Sighting,
    /// All jobs that are not over.
    living: BTreeSet<JobName>,
    /// Jobs of which the record has to be asked.
    to_look_up: BTreeSet<JobName>,
}

impl Watch {
    /// Follows what is known to run, as after a start.
    pub fn adopt(&mut self, runs: impl IntoIterator<Item = SeenRun>) {
        self.restarts = Restarts::default();
        self.running =
            runs.into_iter().map(|run| (run.name, Watched { run, missed: None })).collect();
    }

    /// Jobs of `jobs` that run on a part of several nodes and of which it is not known on which part of each.
    pub fn uneven(
        &self,
        jobs: &[SlurmJob],
        gpus_per_node: impl Fn(&str) -> u32,
    ) -> Vec<(u32, JobName)> {
        let runs = jobs.iter().filter(|job| is_running(job));
        let parted = runs.filter(|job| {
            let whole: u32 = job.nodes.iter().map(|node| gpus_per_node(node)).sum();
            job.nodes.len() > 1 && job.gpus > 0 && job.gpus < whole
        });
        let named = parted.map(|job| (job.id, JobName::new(job.id, job.array), job.start));
        let unknown = named.filter(|(_, name, start)| {
            start.is_some_and(|start| !self.uneven.contains_key(&(*name, start)))
        });
        unknown.map(|(id, name, _)| (id, name)).collect()
    }

    /// Takes up how a gang's GPUs are divided.
    pub fn divide(&mut self, name: JobName, jobs: &[SlurmJob], divided: &[NodeGpus]) {
        let job = jobs.iter().find(|job| JobName::new(job.id, job.array) == name);
        if let Some(start) = job.and_then(|job| job.start) {
            let each = divided
                .iter()
                .flat_map(|some| some.nodes.iter().map(move |node| (node.clone(), some.gpus)));
            self.uneven.insert((name, start), each.collect());
        }
    }

    /// Takes up a look that began at `at`.
    pub fn look(&mut self, at: Instant, jobs: &[SlurmJob], nodes: Vec<SlurmNode>) -> Look {
        let mut sighting = Sighting {
            at,
            waiting: Vec::new(),
            held: BTreeSet::new(),
            moving: BTreeSet::new(),
            running: Vec::new(),
            ended: Vec::new(),
            withdrawn: Vec::new(),
            unresolved: BTreeSet::new(),
            nodes,
        };
        let mut living = BTreeSet::new();
        let mut seen = BTreeMap::new();
        for job in jobs {
            let name = JobName::new(job.id, job.array);
            if !job.state.is_over() {
                living.insert(name);
            }
            match &job.state {
                _ if is_running(job) => {
                    let run = self.run_of(job);
                    seen.insert(name, run.since);
                    sighting.running.push(run);
                }
                JobState::Pending if waits_for_nodes(job, at) => {
                    sighting.waiting.push(waiting(job));
                }
                // One that was put back may not start again for a moment.
                JobState::Pending if job.reason != "BeginTime" => {
                    sighting.held.insert(name);
                }
                JobState::Pending | JobState::Configuring | JobState::Completing => {
                    sighting.moving.insert(name);
                }
                _ => {}
            }
        }
        self.restarts.note(at, jobs);
        let mut look = Look { sighting, living, to_look_up: BTreeSet::new() };
        for job in jobs.iter().filter(|job| job.state.is_over()) {
            self.tell_ended(job, &mut look);
        }
        self.miss(at, &seen, &mut look);
        for run in &look.sighting.running {
            self.running.insert(run.name, Watched { run: run.clone(), missed: None });
        }
        self.told.retain(|_, told| told.at.after(TOLD_KEPT) > at);
        look.to_look_up = self.restarts.owed().collect();
        look.to_look_up.extend(&look.sighting.unresolved);
        look
    }

    /// Notes which runs are not there any more.
    fn miss(&mut self, at: Instant, seen: &BTreeMap<JobName, Instant>, look: &mut Look) {
        let gone: Vec<JobName> = self
            .running
            .iter()
            .filter(|(name, watched)| seen.get(name) != Some(&watched.run.since))
            .map(|(name, _)| *name)
            .collect();
        for name in gone {
            if let Some(watched) = self.running.get_mut(&name) {
                watched.missed.get_or_insert(at);
                look.sighting.unresolved.insert(name);
            }
        }
        // What runs again is followed once it is known what became of the run before.
        let unresolved = &look.sighting.unresolved;
        let again = |run: &SeenRun| unresolved.contains(&run.name);
        let (waits, runs) = std::mem::take(&mut look.sighting.running).into_iter().partition(again);
        look.sighting.running = runs;
        look.sighting.moving.extend(Vec::into_iter(waits).map(|run: SeenRun| run.name));
    }

    /// Tells of a job that slurmctld knows to be over.
    fn tell_ended(&mut self, job: &SlurmJob, look: &mut Look) {
        let (Some(_), Some(end)) = (job.start, job.end) else { return };
        if job.nodes.is_empty() || end > look.sighting.at {
            return;
        }
        let run = self.run_of(job);
        let Some(ending) = end_of(&job.state, (0, 0)) else { return };
        let comes_back = comes_back(&ending, run.name, look);
        let joules = job.joules;
        let ended = EndedRun { run, at: end, end: ending, comes_back, is_recorded: true, joules };
        self.tell(ended, look);
    }

    fn tell(&mut self, ended: EndedRun, look: &mut Look) {
        let EndedRun { run, .. } = &ended;
        if self.running.get(&run.name).is_some_and(|watched| watched.run.since == run.since) {
            self.running.remove(&run.name);
            self.uneven.remove(&(run.name, run.since));
        }
        let told = Told { at: look.sighting.at, is_recorded: ended.is_recorded };
        let before = self.told.insert((run.name, run.since), told);
        if before.is_none() {
            self.restarts.note_told(run.name, &ended.end);
        }
        if before.is_none_or(|before| !before.is_recorded && told.is_recorded) {
            look.sighting.ended.push(ended);
        }
    }

    /// Takes up what slurmdbd has of the runs that are missed, or of all runs of a time; `asked`: whether it was asked at all.
    pub fn resolve(
        &mut self,
        mut look: Look,
        rows: &[Run],
        gpus_per_node: impl Fn(&str) -> u32,
    ) -> Sighting {
        self.take_rows(&mut look, rows, gpus_per_node);
        self.finish(look, RECORD_PATIENCE)
    }

    /// Goes on without a record, while slurmdbd does not answer.
    pub fn resolve_without(&mut self, look: Look) -> Sighting {
        self.finish(look, OUTAGE_PATIENCE)
    }

    fn take_rows(&mut self, look: &mut Look, rows: &[Run], gpus_per_node: impl Fn(&str) -> u32) {
        let mut rows: Vec<&Run> = rows.iter().collect();
        rows.sort_by_key(|row| row.start);
        for row in rows {
            let name = JobName::new(row.id, row.array);
            // The record says that it started when it was cancelled, on no node.
            if let (JobState::Cancelled, true, Some(at)) =
                (&row.state, row.nodes.is_empty(), row.end)
            {
                look.sighting.withdrawn.push((name, at));
            }
            let (Some(since), Some(at)) = (self.start_of(row, name), row.end) else { continue };
            let Some(end) = end_of(&row.state, row.exit) else { continue };
            if row.nodes.is_empty() || at > look.sighting.at {
                continue;
            }
            let known = self.running.get(&name).filter(|watched| watched.run.since == since);
            let run = known.map_or_else(
                || SeenRun {
                    name,
                    account: row.account.clone(),
                    user: row.user.clone(),
                    since,
                    nodes: evenly(&row.nodes, row.gpus, &gpus_per_node),
                    limit: None,
                },
                |watched| watched.run.clone(),
            );
            let comes_back = comes_back(&end, name, look);
            let joules = row.joules;
            self.tell(EndedRun { run, at, end, comes_back, is_recorded: true, joules }, look);
        }
    }

    fn finish(&mut self, mut look: Look, patience: Seconds) -> Sighting {
        self.give_up(&mut look, patience);
        let gone: Vec<JobName> = look.sighting.unresolved.iter().copied().collect();
        look.sighting.unresolved = gone
            .into_iter()
            .filter(|name| self.running.get(name).is_some_and(|watched| watched.missed.is_some()))
            .collect();
        look.sighting
    }

    /// When the run of a row began. A job that is put back seconds after its start is on record without one, as if it
    /// had never begun, but with its nodes and its end: that it ran was seen.
    fn start_of(&self, row: &Run, name: JobName) -> Option<Instant> {
        row.start.or_else(|| {
            let missed = self.running.get(&name).filter(|watched| watched.missed.is_some())?;
            let since = missed.run.since;
            let nodes = missed.run.nodes.iter().map(|(node, _)| node);
            let same = row.submit <= since && row.end.is_some_and(|end| since <= end);
            (same && nodes.eq(&row.nodes)).then_some(since)
        })
    }

    /// Ends runs of which nothing is on record for too long: when they were first missed, or when another one began on
    /// their nodes, if that was before.
    fn give_up(&mut self, look: &mut Look, patience: Seconds) {
        let at = look.sighting.at;
        let lost = |watched: &Watched| watched.missed.filter(|missed| missed.after(patience) <= at);
        let given_up: Vec<(SeenRun, Instant)> = self
            .running
            .values()
            .filter_map(|watched| Some((watched.run.clone(), lost(watched)?)))
            .collect();
        for (run, missed) in given_up {
            let over = look.sighting.ended.iter().map(|ended| &ended.run);
            let others = self.running.values().map(|watched| &watched.run).chain(over);
            let next = others.filter(|other| other.since > run.since && share_a_node(other, &run));
            let at = next.map(|other| other.since).fold(missed, Instant::min);
            let end = RunEnd::Unknown;
            let comes_back = comes_back(&end, run.name, look);
            let ended = EndedRun { run, at, end, comes_back, is_recorded: false, joules: None };
            self.tell(ended, look);
        }
    }

    fn run_of(&self, job: &SlurmJob) -> SeenRun {
        let name = JobName::new(job.id, job.array);
        let since = job.start.unwrap_or(job.submit);
        let divided = self.uneven.get(&(name, since));
        let count = u32::try_from(job.nodes.len()).unwrap_or(u32::MAX).max(1);
        let nodes = divided.cloned().unwrap_or_else(|| {
            job.nodes.iter().map(|node| (node.clone(), job.gpus / count)).collect()
        });
        let (account, user) = (job.account.clone(), job.user.clone());
        SeenRun { name, account, user, since, nodes, limit: job.limit }
    }
}

impl Look {
    /// Jobs of which the record has to be asked.
    pub const fn to_look_up(&self) -> &BTreeSet<JobName> {
        &self.to_look_up
    }
}

/// Whether a job that left its nodes so is queued again.
fn comes_back(end: &RunEnd, name: JobName, look: &Look) -> bool {
    let may = matches!(end, RunEnd::PutBack | RunEnd::NodeFailed | RunEnd::Unknown);
    may && look.living.contains(&name)
}

fn share_a_node(one: &SeenRun, other: &SeenRun) -> bool {
    one.nodes.iter().any(|(node, _)| other.nodes.iter().any(|(shared, _)| shared == node))
}

fn is_running(job: &SlurmJob) -> bool {
    matches!(job.state, JobState::Running | JobState::Suspended)
        && job.start.is_some()
        && !job.nodes.is_empty()
}

/// Whether a job waits for nothing but nodes. Slurm's words for that: none yet, it is its turn but there is no
/// room, others go first, or what it needs is reserved or out of service.
fn waits_for_nodes(job: &SlurmJob, at: Instant) -> bool {
    const WORDS: [&str; 6] = [
        "None",
        "Resources",
        "Priority",
        "ReqNodeNotAvail",
        "Reservation",
        "Nodes_required_for_job",
    ];
    let word = job.reason.split([',', ' ', '(']).next().unwrap_or_default();
    (word.is_empty() || WORDS.contains(&word)) && job.eligible.is_none_or(|from| from <= at)
}

fn waiting(job: &SlurmJob) -> WaitingJob {
    WaitingJob {
        name: JobName::new(job.id, job.array),
        account: job.account.clone(),
        user: job.user.clone(),
        nodes: job.node_count.max(1),
        gpus: job.gpus,
        limit: job.limit,
    }
}

/// GPUs of a gang, as many on each node as there is room for while they last: the record has no more.
fn evenly(nodes: &[String], gpus: u32, gpus_per_node: impl Fn(&str) -> u32) -> Vec<(String, u32)> {
    let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX).max(1);
    if gpus.is_multiple_of(count) {
        return nodes.iter().map(|node| (node.clone(), gpus / count)).collect();
    }
    let mut left = gpus;
    let mut take = |node: &String| {
        let here = left.min(gpus_per_node(node));
        left -= here;
        (node.clone(), here)
    };
    nodes.iter().map(&mut take).filter(|(_, gpus)| *gpus > 0).collect()
}

/// How a run in that state ended; none if it has not.
fn end_of(state: &JobState, (code, signal): (u32, u32)) -> Option<RunEnd> {
    Some(match state {
        JobState::Completed | JobState::Completing => RunEnd::Exited { code, signal },
        JobState::Failed => {
            RunEnd::Exited { code: if signal == 0 { code.max(1) } else { code }, signal }
        }
        JobState::TimedOut => RunEnd::TimedOut,
        JobState::Cancelled => RunEnd::Cancelled,
        JobState::NodeFailed => RunEnd::NodeFailed,
        JobState::Preempted | JobState::Requeued => RunEnd::PutBack,
        JobState::Other(_) => RunEnd::Unknown,
        JobState::Pending | JobState::Configuring | JobState::Running | JobState::Suspended => {
            return None;
        }
    })
}
