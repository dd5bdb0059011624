//! From what was seen of Slurm to what the state machine is told: each run from its start to its end, at the
//! instants that Slurm names, once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use leasehold_clusters::slurm::read::{NodeCondition, SlurmNode};
use leasehold_clusters::slurm::settings::Preemption;
use leasehold_clusters::slurm::watch::{EndedRun, JobName, RunEnd, SeenRun, Sighting, WaitingJob};
use leasehold_control::{
    Allocation, Condition, Gone, Holding, Input, Job, JobSlot, JobSpec, JobState, LANDLORD,
    NotBooked, Party, State, User, can_book,
};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds, Shape};

use super::super::{Seen, SeenJob};
use super::differing::{BookDifference, Differing};
use super::leaving;
use super::names::Names;
use crate::job::{BY_SLURM, Exit, JobDescription, LiveJob, Work};
use crate::log::Fact;
use crate::registry::Registry;

/// A job without a limit is expected to run so long.
const NO_LIMIT_SECONDS: u32 = 365 * 86_400;

/// Seconds between checkpoints of a job of which nothing is known: it never keeps any.
const NO_CHECKPOINT: u32 = u32::MAX;

/// A run that cannot be booked is stopped when it has been so for this long: what is known of the nodes may
/// only have lagged.
const TROUBLE_PATIENCE: Seconds = Seconds::new(10);

/// A node that failed is out once it is known when the runs on it ended, and no later than this: slurmdbd hears of that
/// up to 5 s after.
const END_PATIENCE: Seconds = Seconds::new(10);

/// Something that happened at an instant.
#[derive(Debug)]
enum Edge {
    Ended(EndedRun),
    Started {
        run: SeenRun,
        /// Its job was submitted for it.
        is_known: bool,
        /// It was over at the instant at which it began.
        is_short: bool,
    },
    Waits {
        job: WaitingJob,
        is_known: bool,
    },
    /// A job was cancelled that had not started.
    Withdrawn(JobName),
    /// All of a look was told: what is not in it is not there any more.
    Whole(Box<Sighting>),
}

impl Edge {
    /// What goes first of what happened at one instant: nodes are left before they are taken, and a run of no length
    /// is over before another begins.
    fn rank(&self) -> u8 {
        match self {
            Self::Ended(ended) if ended.at > ended.run.since => 0,
            Self::Started { is_short: true, .. } => 1,
            Self::Ended(_) => 2,
            Self::Started { .. } => 3,
            Self::Withdrawn(_) => 4,
            Self::Waits { .. } => 5,
            Self::Whole(_) => 6,
        }
    }
}

/// A run that goes on without being booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when that is known.
    pub since: Instant,
    /// Why.
    pub why: String,
    /// Whether it is stopped where leases are enforced.
    pub is_stopped: bool,
}

/// From what was seen to what is told.
pub struct Booking {
    names: Names,
    /// As Slurm enforces it on the nodes.
    pub kill_wait: Seconds,
    /// Who makes borrowers leave.
    pub preemption: Preemption,
    /// By the instant at which each happened.
    edges: VecDeque<(Instant, Edge)>,
    /// Runs that are not booked.
    troubles: BTreeMap<(JobName, Instant), Trouble>,
    /// Those of which that was said.
    complained: BTreeSet<(JobName, Instant)>,
    /// Runs that are booked otherwise than Slurm has them on record.
    differing: Differing,
    /// Nodes that failed while it is not known when the runs on them ended, and since when.
    failing: BTreeMap<u32, Instant>,
    /// Runs of which it is not known when they ended, as of the latest look.
    unresolved: BTreeSet<JobName>,
    /// Runs that are over and cannot be booked before it is known when another one ended that was there before.
    held_back: Vec<EndedRun>,
    /// Jobs that have to leave their nodes.
    pub to_leave: BTreeSet<JobName>,
    /// Jobs that were submitted here and may start.
    to_release: Vec<JobName>,
    /// Jobs that were withdrawn here.
    to_cancel: Vec<JobName>,
    /// Jobs that were let start: whoever holds one back after that has his reasons.
    released: BTreeSet<JobName>,
    /// When Slurm took jobs that were submitted here: a look that began before does not show them.
    submitted: BTreeMap<JobName, Instant>,
}

impl Booking {
    /// With nothing seen yet.
    pub fn new(names: Names, kill_wait: Seconds) -> Self {
        Self {
            names,
            kill_wait,
            preemption: Preemption::Leasehold,
            edges: VecDeque::new(),
            troubles: BTreeMap::new(),
            complained: BTreeSet::new(),
            differing: Differing::default(),
            failing: BTreeMap::new(),
            unresolved: BTreeSet::new(),
            held_back: Vec::new(),
            to_leave: BTreeSet::new(),
            to_release: Vec::new(),
            to_cancel: Vec::new(),
            released: BTreeSet::new(),
            submitted: BTreeMap::new(),
        }
    }

    /// What a site's nodes and parties are called.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// Runs that are not booked.
    pub const fn troubles(&self) -> &BTreeMap<(JobName, Instant), Trouble> {
        &self.troubles
    }

    /// Runs that are over and booked otherwise than Slurm has them on record, the latest.
    pub fn differing(&self) -> Vec<BookDifference> {
        self.differing.latest().cloned().collect()
    }

    /// Notes that Slurm took a job at `at` that was submitted here.
    pub fn note_submitted(&mut self, name: JobName, at: Instant) {
        self.submitted.insert(name, at);
    }

    /// Jobs that may start, and jobs that were withdrawn, since the last call.
    pub fn take_told(&mut self) -> (Vec<JobName>, Vec<JobName>) {
        (std::mem::take(&mut self.to_release), std::mem::take(&mut self.to_cancel))
    }

    /// Forgets what was seen and not told.
    pub fn forget(&mut self) {
        self.edges.clear();
        self.held_back.clear();
    }

    /// When the first thing happened that was not told yet.
    pub fn next(&self) -> Option<Instant> {
        self.edges.front().map(|(at, _)| *at)
    }

    /// Takes up a look, behind those before.
    pub fn take(&mut self, sighting: Sighting) {
        let mut edges: Vec<(Instant, Edge)> = Vec::new();
        self.unresolved.clone_from(&sighting.unresolved);
        let held_back = std::mem::take(&mut self.held_back);
        for ended in held_back.iter().chain(&sighting.ended) {
            let (run, is_short) = (ended.run.clone(), ended.at <= ended.run.since);
            edges.push((run.since, Edge::Started { run, is_known: false, is_short }));
            edges.push((ended.at.max(ended.run.since), Edge::Ended(ended.clone())));
        }
        for run in &sighting.running {
            let run = run.clone();
            edges.push((run.since, Edge::Started { run, is_known: false, is_short: false }));
        }
        for (name, at) in &sighting.withdrawn {
            edges.push((*at, Edge::Withdrawn(*name)));
        }
        for job in &sighting.waiting {
            edges.push((sighting.at, Edge::Waits { job: job.clone(), is_known: false }));
        }
        // Nothing of a look happened after it, whatever another clock says.
        let until = sighting.at;
        for (at, _) in &mut edges {
            *at = (*at).min(until);
        }
        edges.sort_by_key(|(at, edge)| (*at, edge.rank()));
        edges.push((until, Edge::Whole(Box::new(sighting))));
        self.edges.extend(edges);
    }

    /// The next thing up to `now`, with all that belongs to it.
    pub fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen> {
        while self.edges.front().is_some_and(|(at, _)| *at <= now) {
            let Some((at, edge)) = self.edges.pop_front() else { break };
            let seen = match edge {
                Edge::Ended(ended) => self.ended(&ended, state, registry),
                Edge::Started { run, is_known, .. } => {
                    self.started(at, run, is_known, state, registry)
                }
                Edge::Waits { job, is_known } => self.waits(at, job, is_known, state, registry),
                Edge::Withdrawn(name) => withdrawn(name, state, registry),
                Edge::Whole(sighting) => self.whole(&sighting, state, registry),
            };
            if !seen.is_empty() {
                return seen;
            }
        }
        Vec::new()
    }

    fn started(
        &mut self,
        at: Instant,
        run: SeenRun,
        is_known: bool,
        state: &State,
        registry: &Registry,
    ) -> Vec<Seen> {
        let (name, since) = (run.name, run.since);
        if registry.cluster().is_booked((name, since)) {
            return Vec::new();
        }
        let Some(party) = self.names.party(&run.account, state) else {
            return self.of_a_stranger(&run, state.now);
        };
        let Some(live) = find(name, registry) else {
            if is_known {
                return self.trouble(&run, state.now, "the job was refused".to_owned(), false);
            }
            let gpus = run.nodes.iter().map(|(_, gpus)| gpus).sum();
            if gpus == 0 {
                return self.trouble(&run, state.now, NotBooked::NoGpus.to_string(), false);
            }
            let job = self.job(party, gpus, (run.name, &run.user, &run.account), run.limit);
            let again = Edge::Started { run, is_known: true, is_short: false };
            self.edges.push_front((at, again));
            return vec![Seen::Job(Box::new(job))];
        };
        let Some((slot, job)) = in_table(live, state) else { return Vec::new() };
        if matches!(job.state, JobState::Running { .. } | JobState::Leaving { .. }) {
            // Another run of it is not told to have ended: the next look says more.
            return Vec::new();
        }
        match self.allocation(party, &run, state) {
            Ok(at) => {
                self.troubles.remove(&(run.name, since));
                vec![Seen::Input(Input::Found { job: slot, at, since })]
            }
            Err((why, is_stopped)) => self.trouble(&run, state.now, why, is_stopped),
        }
    }

    /// A run that is no party's: it is left alone, and said where it is on nodes of the site.
    fn of_a_stranger(&mut self, run: &SeenRun, now: Instant) -> Vec<Seen> {
        if !run.nodes.iter().any(|(node, _)| self.names.number(node).is_some()) {
            return Vec::new();
        }
        let why = format!("account {} is no party's: name it in slurm.toml", run.account);
        self.trouble(run, now, why, false)
    }

    fn trouble(&mut self, run: &SeenRun, now: Instant, why: String, is_stopped: bool) -> Vec<Seen> {
        let known = self.troubles.entry((run.name, run.since));
        let known = known.or_insert_with(|| Trouble { since: now, why: String::new(), is_stopped });
        (known.why, known.is_stopped) = (why, is_stopped);
        Vec::new()
    }

    /// Where a run is, in the site's words.
    fn allocation(
        &self,
        party: Party,
        run: &SeenRun,
        state: &State,
    ) -> Result<Allocation, (String, bool)> {
        let mut nodes = Vec::new();
        for (name, gpus) in run.nodes.iter().filter(|(_, gpus)| *gpus > 0) {
            let number = self.names.number(name);
            let number =
                number.ok_or_else(|| (format!("node {name} is not of this site"), false))?;
            nodes.push((number, *gpus));
        }
        nodes.sort_unstable();
        let (first, _) = *nodes.first().ok_or_else(|| (NotBooked::NoGpus.to_string(), false))?;
        let partition = state.fleet.node(first).partition;
        let role = &state.fleet.partition(partition).role;
        let per_node = u32::from(role.gpus_per_node);
        let guest = party == LANDLORD && matches!(role.holding, Holding::Lease(_));
        let whole = nodes.iter().filter(|(_, gpus)| *gpus == per_node).map(|(node, _)| *node);
        let mut parts = nodes
            .iter()
            .filter(|(_, gpus)| *gpus != per_node)
            .map(|(node, gpus)| (*node, u8::try_from(*gpus).unwrap_or(u8::MAX)));
        let at = Allocation {
            partition,
            guest,
            whole: NodeRanges::from_nodes(whole),
            part: parts.next(),
            also: parts.collect(),
        };
        can_book(state, party, &at).map_err(|why| {
            let apart = matches!(why, NotBooked::NotHeld { .. } | NotBooked::NotAlone { .. });
            (self.in_words(&why), apart)
        })?;
        Ok(at)
    }

    fn in_words(&self, why: &NotBooked) -> String {
        let (NotBooked::NotHeld { node }
        | NotBooked::Out { node, .. }
        | NotBooked::NotAlone { node }
        | NotBooked::Overfull { node }) = why
        else {
            return why.to_string();
        };
        format!("{}: {why}", self.names.node(*node))
    }

    /// The job of a run, if the books have it as running.
    fn booked_job<'a>(
        &self,
        run: &SeenRun,
        state: &'a State,
        registry: &'a Registry,
    ) -> Option<(&'a LiveJob, JobSlot, &'a Job)> {
        let live = find(run.name, registry)?;
        let (slot, job) = in_table(live, state)?;
        let runs = matches!(job.state, JobState::Running { .. } | JobState::Leaving { .. });
        (runs && live.running_since == Some(run.since)).then_some((live, slot, job))
    }

    /// Says where a run that is over, and not running in the books, is booked otherwise than it is on record.
    fn compare(&mut self, ended: &EndedRun, state: &State, registry: &Registry) {
        let run = &ended.run;
        let end = registry.cluster().booked_end((run.name, run.since));
        let until = end.map(|end| end.at);
        let trouble = self.troubles.get(&(run.name, run.since));
        let why = match (trouble, until) {
            (_, Some(_)) if end.is_some_and(|end| end.is_decided) => {
                "it was stopped here, since its nodes were no longer its party's or out of service"
                    .to_owned()
            }
            (_, Some(_)) => "Slurm had another end of it, or none on record, at first".to_owned(),
            (Some(trouble), None) => trouble.why.clone(),
            (None, None) if self.names.party(&run.account, state).is_some() => {
                "another run of its job is booked at that time".to_owned()
            }
            // Nobody's, elsewhere.
            (None, None) => return,
        };
        if let Some(found) = BookDifference::of(ended, until, &why) {
            self.differing.note(found);
        }
    }

    fn ended(&mut self, ended: &EndedRun, state: &State, registry: &Registry) -> Vec<Seen> {
        let name = ended.run.name;
        let Some((live, slot, job)) = self.booked_job(&ended.run, state, registry) else {
            let is_booked = registry.cluster().is_booked((name, ended.run.since));
            if !is_booked && self.may_be_free(&ended.run, &self.unresolved, state, registry) {
                self.held_back.push(ended.clone());
            } else {
                self.compare(ended, state, registry);
            }
            return Vec::new();
        };
        if !ended.is_recorded {
            tracing::warn!(
                job = %ended.run.name, at = %ended.at,
                "no record of the end of a run: it counts as over when it was first missed"
            );
        }
        let told = matches!(job.state, JobState::Leaving { .. });
        let how = match ended.comes_back {
            true if told => Gone::Vacated,
            true => Gone::Stopped,
            false => Gone::Over,
        };
        let (party, number) = registry.cluster().find(name).expect("it was just found");
        let party = party.to_owned();
        let mut seen = Vec::new();
        if ended.end == RunEnd::Cancelled && !live.cancelled {
            seen.push(Seen::Fact(Fact::JobWithdrawn { party: party.clone(), number }));
        }
        let exit = exit_of(&ended.end, told);
        let (start, measured_joules) = (live.starts, ended.joules);
        seen.push(Seen::Fact(Fact::RunEnded { party, number, start, exit, measured_joules }));
        seen.push(Seen::Input(Input::Gone { job: slot, at: ended.at, how }));
        seen
    }

    /// A job of a tenant that waits for nodes. What the landlord's wait for is nobody's to clear.
    fn waits(
        &mut self,
        at: Instant,
        job: WaitingJob,
        is_known: bool,
        state: &State,
        registry: &Registry,
    ) -> Vec<Seen> {
        let party = self.names.party(&job.account, state).filter(|party| *party != LANDLORD);
        let Some(party) = party.filter(|_| job.gpus > 0 && !is_known) else { return Vec::new() };
        if find(job.name, registry).is_some() {
            return Vec::new();
        }
        // A gang that takes a part of each of several nodes needs that many nodes.
        let per_node = state.fleet.pools.iter().map(|pool| u32::from(pool.gpus_per_node)).max();
        let gpus = match (job.nodes, per_node) {
            (nodes, Some(per_node)) if nodes > 1 => job.gpus.max(nodes.saturating_mul(per_node)),
            _ => job.gpus,
        };
        let submitted = self.job(party, gpus, (job.name, &job.user, &job.account), job.limit);
        self.edges.push_front((at, Edge::Waits { job, is_known: true }));
        vec![Seen::Job(Box::new(submitted))]
    }

    fn job(
        &self,
        party: Party,
        gpus: u32,
        (name, user, account): (JobName, &str, &str),
        limit: Option<Seconds>,
    ) -> SeenJob {
        let seconds = |seconds: Seconds| u32::try_from(seconds.get()).unwrap_or(u32::MAX);
        let description = JobDescription {
            name: name.to_string(),
            user: user.to_owned(),
            by: format!("{BY_SLURM}{user}"),
            account: account.to_owned(),
            work: Work::default(),
            cluster_job: Some(name),
            ..JobDescription::default()
        };
        let spec = JobSpec {
            number: 0,
            party,
            gpus,
            request_seconds: limit.map_or(NO_LIMIT_SECONDS, seconds),
            vacate_seconds: seconds(self.kill_wait),
            checkpoint_seconds: NO_CHECKPOINT,
            pools: u64::MAX,
            within: Shape::Node,
            priority: 0,
            account: 0,
        };
        SeenJob { description, spec }
    }

    /// What a look as a whole says: nodes that failed or came back, jobs that are gone, runs that must end.
    fn whole(&mut self, sighting: &Sighting, state: &State, registry: &Registry) -> Vec<Seen> {
        let running: BTreeMap<JobName, Instant> =
            sighting.running.iter().map(|run| (run.name, run.since)).collect();
        let waiting: BTreeSet<JobName> = sighting.waiting.iter().map(|job| job.name).collect();
        self.troubles.retain(|(name, since), _| running.get(name) == Some(since));
        self.complained.retain(|(name, since)| running.get(name) == Some(since));
        self.to_leave.clear();
        for ((name, since), trouble) in &self.troubles {
            // Until then it may be that the end of what was there before is not on record yet.
            if trouble.since.after(TROUBLE_PATIENCE) > sighting.at {
                continue;
            }
            if self.complained.insert((*name, *since)) {
                tracing::warn!(job = %name, why = trouble.why, "a run is not booked");
            }
            let run = sighting.running.iter().find(|run| run.name == *name);
            let waits =
                run.is_some_and(|run| self.may_be_free(run, &sighting.unresolved, state, registry));
            if trouble.is_stopped && !waits {
                self.to_leave.insert(*name);
            }
        }
        let busy = self.busy(sighting, state, registry);
        let mut seen = self.nodes(sighting, &busy, state);
        self.submitted.retain(|_, at| *at >= sighting.at);
        for (name, ..) in registry.cluster().iter() {
            let Some(live) = find(name, registry) else { continue };
            let Some((slot, job)) = in_table(live, state) else { continue };
            let runs = running.get(&name).copied();
            let held = sighting.held.contains(&name);
            let there = runs.is_some()
                || waiting.contains(&name)
                || sighting.moving.contains(&name)
                || sighting.unresolved.contains(&name)
                || self.submitted.contains_key(&name);
            if live.cancelled && (there || held) {
                self.to_cancel.push(name);
            } else if held && live.description.is_of_api() && self.released.insert(name) {
                self.to_release.push(name);
                continue;
            }
            if leaving::is_due(job, state, self.preemption, sighting.at)
                && runs.is_some()
                && runs == live.running_since
            {
                self.to_leave.insert(name);
            }
            if matches!(job.state, JobState::Running { .. } | JobState::Leaving { .. }) {
                continue;
            }
            // A run of which the end was decided here, and that goes on. One of which Slurm told the end is left to it: a
            // slurmctld that was killed takes up what it had written last.
            let over = |since| registry.cluster().booked_end((name, since));
            if runs.and_then(over).is_some_and(|end| end.is_decided) {
                self.to_leave.insert(name);
            }
            let stays = there || (held && job.spec.party == LANDLORD);
            if !stays {
                tracing::debug!(%name, "a job that waited is withdrawn");
                seen.push(Seen::Input(Input::Cancel { job: slot }));
            }
        }
        seen
    }

    /// Whether a run is on nodes of another one of which it is not on record yet when it ended: then what is in its way
    /// may only be here, and not on the nodes.
    fn may_be_free(
        &self,
        run: &SeenRun,
        unresolved: &BTreeSet<JobName>,
        state: &State,
        registry: &Registry,
    ) -> bool {
        let nodes: BTreeSet<u32> =
            run.nodes.iter().filter_map(|(node, _)| self.names.number(node)).collect();
        let gone = unresolved.iter().filter(|name| **name != run.name);
        gone.flat_map(|gone| nodes_of(*gone, state, registry)).any(|node| nodes.contains(&node))
    }

    /// Nodes of runs that are not over as far as is known: they go on, or it is not on record yet when they ended.
    fn busy(&self, sighting: &Sighting, state: &State, registry: &Registry) -> BTreeSet<u32> {
        let gone = sighting.unresolved.iter();
        let running = sighting.running.iter().flat_map(|run| &run.nodes);
        gone.flat_map(|name| nodes_of(*name, state, registry))
            .chain(running.filter_map(|(node, _)| self.names.number(node)))
            .collect()
    }

    /// Whether a node that failed is not out yet: what ran there is to be booked to its end first.
    fn is_ending(&mut self, number: u32, at: Instant, busy: &BTreeSet<u32>) -> bool {
        if !busy.contains(&number) {
            self.failing.remove(&number);
            return false;
        }
        self.failing.entry(number).or_insert(at).after(END_PATIENCE) > at
    }

    /// Nodes that failed or came back since.
    fn nodes(&mut self, sighting: &Sighting, busy: &BTreeSet<u32>, state: &State) -> Vec<Seen> {
        if sighting.nodes.is_empty() {
            return Vec::new();
        }
        let known: BTreeMap<&str, &SlurmNode> =
            sighting.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
        let (mut down, mut up) = (Vec::new(), Vec::new());
        for (number, node) in (0..).zip(state.fleet.nodes()) {
            let condition = known.get(self.names.node(number)).map(|node| node.condition());
            let able = match condition {
                Some(NodeCondition::Able) => true,
                // Slurm has just started: what was known stands until it knows.
                Some(NodeCondition::Undecided) => continue,
                // What still runs there goes on; then it is out.
                Some(NodeCondition::Drained) => node.user != User::Nobody,
                Some(NodeCondition::Failed(_)) | None => false,
            };
            if able {
                self.failing.remove(&number);
            }
            match node.condition {
                Condition::Up | Condition::Turnover
                    if !able && !self.is_ending(number, sighting.at, busy) =>
                {
                    down.push(number);
                }
                Condition::Down if able => up.push(number),
                _ => {}
            }
        }
        let mut seen = Vec::new();
        if !down.is_empty() {
            seen.push(Seen::Input(Input::NodesDown(NodeRanges::from_nodes(down))));
        }
        if !up.is_empty() {
            seen.push(Seen::Input(Input::NodesUp(NodeRanges::from_nodes(up))));
        }
        seen
    }
}

/// A job was cancelled that had not started: what is kept for it is free from then on.
fn withdrawn(name: JobName, state: &State, registry: &Registry) -> Vec<Seen> {
    let live = find(name, registry);
    let Some((slot, job)) = live.and_then(|live| in_table(live, state)) else { return Vec::new() };
    let waits =
        matches!(job.state, JobState::Queued | JobState::Parked | JobState::Claiming { .. });
    if waits { vec![Seen::Input(Input::Cancel { job: slot })] } else { Vec::new() }
}

/// Nodes that a job has in the books.
fn nodes_of(name: JobName, state: &State, registry: &Registry) -> Vec<u32> {
    let live = find(name, registry);
    let job = live.and_then(|live| in_table(live, state)).map(|(_, job)| &job.state);
    let (Some(JobState::Running { at, .. }) | Some(JobState::Leaving { at, .. })) = job else {
        return Vec::new();
    };
    at.whole.iter().chain(at.parts().map(|(node, _)| node)).collect()
}

fn find(name: JobName, registry: &Registry) -> Option<&LiveJob> {
    let (party, number) = registry.cluster().find(name)?;
    registry.job(party, number)
}

fn in_table<'a>(live: &LiveJob, state: &'a State) -> Option<(JobSlot, &'a Job)> {
    let slot = live.slot?;
    Some((slot, state.jobs.find(slot)?))
}

fn exit_of(end: &RunEnd, told: bool) -> Exit {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    match end {
        RunEnd::Exited { signal: 0, code } => Exit::Code(number(*code)),
        RunEnd::Exited { signal, .. } => Exit::Signal(number(*signal)),
        RunEnd::TimedOut => Exit::TimeLimit,
        RunEnd::NodeFailed => Exit::LostWithHost,
        RunEnd::PutBack if told => Exit::Vacated { killed: false },
        RunEnd::PutBack | RunEnd::Cancelled | RunEnd::Unknown => Exit::Stopped,
    }
}
