//! The machine itself: what is decided becomes orders to its agent, what the agent reports becomes
//! observations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Monotonic};

use leasehold_clusters::local::{
    self, Command, Limits, LocalCluster, Node, NodeShare, Order, Program, Report, Run, RunId,
    Spawn, Turnover,
};
use leasehold_control::{Allocation, Condition, Event, Gone, Input, JobSlot, JobState, State};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds};

use super::{Logs, Plant, RunName, Seen, Stream, Waker};
use crate::clock::Clock;
use crate::job::{Exit, LiveJob, Work};
use crate::log::Fact;
use crate::registry::Registry;

/// How the agent of this machine is reached.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The agent's directory: its socket is in it, and what runs wrote.
    pub directory: PathBuf,
    /// How an agent is started where none answers.
    pub spawn: Option<Spawn>,
    /// The unix user of a party's jobs is this and the party's name; without, all run as the agent's user.
    pub user_prefix: Option<String>,
}

/// The machine itself.
pub struct LocalPlant {
    options: LocalOptions,
    cluster: Option<LocalCluster>,
    inbox: Arc<Inbox>,
    wake: Option<Waker>,
    /// Ends that were reported and are not forgotten yet: they are told again after a setback.
    ended: BTreeMap<RunId, (Instant, local::Exit)>,
    orders: Vec<Order>,
}

/// What the agent reported and nobody took up yet.
#[derive(Default)]
struct Inbox {
    reports: Mutex<Reports>,
    answered: Condvar,
}

#[derive(Default)]
struct Reports {
    /// By the instant that they tell of, then as they came: what an agent kept for a server that was away comes
    /// in no order.
    waiting: BTreeMap<(Instant, u64), Report>,
    count: u64,
    /// The agent told all that it had to tell when it was reached.
    is_answered: bool,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, report: Report) {
        let mut reports = self.lock();
        reports.count += 1;
        // Of the future only a clock that was set back tells: what was reported has happened.
        let key = (instant_of(&report).min(Clock::Wall.now()), reports.count);
        if matches!(report, Report::Running(_)) {
            reports.is_answered = true;
            self.answered.notify_all();
        }
        reports.waiting.insert(key, report);
    }
}

impl LocalPlant {
    /// A plant that connects when it takes over.
    pub fn new(options: LocalOptions) -> Self {
        Self {
            options,
            cluster: None,
            inbox: Arc::default(),
            wake: None,
            ended: BTreeMap::new(),
            orders: Vec::new(),
        }
    }

    fn connect(&mut self, state: &State, orders: &[Order]) {
        let count = u32::try_from(state.fleet.nodes().len()).expect("a site has few nodes");
        let nodes = (0..count).map(|number| Node {
            name: state.site.node_name(number),
            gpus: state.fleet.pools[state.fleet.pool_of(number)].gpus_per_node,
        });
        let socket = self.options.directory.join("agent.sock");
        let spawn = self.options.spawn.clone();
        let (cluster, reports) = LocalCluster::reach(&socket, nodes.collect(), orders, spawn);
        let (inbox, wake) = (Arc::clone(&self.inbox), self.wake.clone());
        std::thread::spawn(move || {
            for report in reports {
                inbox.put(report);
                if let Some(wake) = &wake {
                    wake();
                }
            }
        });
        self.cluster = Some(cluster);
    }

    /// Whether a run is what its job does now.
    fn is_wanted(id: &RunId, state: &State, registry: &Registry) -> bool {
        let slot = registry.job(id.party(), id.job()).and_then(|job| job.slot);
        let job = slot.and_then(|slot| state.jobs.find(slot));
        job.is_some_and(|job| {
            let runs = matches!(job.state, JobState::Running { .. } | JobState::Leaving { .. });
            runs && job.starts == id.start()
        })
    }

    fn start(&self, slot: JobSlot, state: &State, registry: &Registry) -> Option<Order> {
        start(slot, state, registry, self.options.user_prefix.as_deref())
    }

    /// What an end at `ended` means for the state machine at `now`; nothing where the run is not what the job does now.
    fn ended(
        &self,
        id: &RunId,
        (ended, now): (Instant, Instant),
        exit: &local::Exit,
        state: &State,
        registry: &Registry,
    ) -> Option<Vec<Seen>> {
        let live = registry.job(id.party(), id.job())?;
        let slot = live.slot?;
        let job = state.jobs.find(slot).filter(|job| job.starts == id.start())?;
        let at = match &job.state {
            JobState::Running { at, .. } | JobState::Leaving { at, .. } => at,
            _ => return None,
        };
        // Told of late where the agent was away: its nodes are metered until it was gone, and no longer.
        let gone = |how| Input::Gone { job: slot, at: ended, how };
        let is_late = ended < now;
        let fact = Fact::RunEnded {
            party: id.party().to_owned(),
            number: id.job(),
            start: id.start(),
            exit: exit_of(exit),
            measured_joules: None,
        };
        let leaving = matches!(job.state, JobState::Leaving { .. });
        let mut seen = vec![Seen::Fact(fact)];
        match exit {
            local::Exit::Vacated { .. } | local::Exit::Stopped if leaving => {
                let vacated =
                    if is_late { gone(Gone::Vacated) } else { Input::Vacated { job: slot } };
                seen.push(Seen::Input(vacated));
            }
            // The host is back, and clean: what ran there is queued again.
            local::Exit::LostWithHost | local::Exit::Stopped => {
                let nodes = at.nodes();
                seen.push(Seen::Input(Input::NodesDown(nodes.clone())));
                seen.push(Seen::Input(Input::NodesUp(nodes)));
            }
            _ if is_late => seen.push(Seen::Input(gone(Gone::Over))),
            _ => seen.push(Seen::Input(Input::Ended { job: slot })),
        }
        Some(seen)
    }

    fn turnover_over(turnover: &Turnover, clean: bool, state: &State) -> Vec<Seen> {
        let Some(nodes) = state.site.nodes_named(&turnover.node) else { return Vec::new() };
        let current = state.scrubs.deadline_of(nodes.start) == Some(turnover.until);
        if !current || state.fleet.node(nodes.start).condition != Condition::Turnover {
            return Vec::new();
        }
        let nodes = NodeRanges::from_range(nodes.start, nodes.end);
        let input = if clean { Input::TurnoverDone { nodes } } else { Input::NodesDown(nodes) };
        vec![Seen::Input(input)]
    }
}

impl Plant for LocalPlant {
    fn attach(&mut self, wake: Waker) {
        self.wake = Some(wake);
    }

    fn next(&self) -> Option<Instant> {
        self.inbox.lock().waiting.keys().next().map(|(at, _)| *at)
    }

    fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen> {
        loop {
            let report = {
                let mut reports = self.inbox.lock();
                match reports.waiting.first_entry().filter(|first| first.key().0 <= now) {
                    Some(first) => first.remove(),
                    None => return Vec::new(),
                }
            };
            let seen = match report {
                Report::Ended { id, at, exit } => {
                    let seen = self.ended(&id, (at, now), &exit, state, registry);
                    self.ended.insert(id.clone(), (at, exit));
                    self.orders.push(Order::Forget(id));
                    seen.unwrap_or_default()
                }
                Report::TurnoverDone { turnover, .. } => {
                    Self::turnover_over(&turnover, true, state)
                }
                Report::TurnoverFailed { turnover, reason, .. } => {
                    tracing::warn!(node = turnover.node, reason, "a turnover failed");
                    Self::turnover_over(&turnover, false, state)
                }
                Report::Inventory(inventory) => {
                    let (nodes, gpus) = (inventory.nodes.len(), inventory.gpus.len());
                    tracing::info!(nodes, gpus, cgroup = inventory.cgroup, "the agent answers");
                    Vec::new()
                }
                Report::Running(ids) => {
                    // What was decided about it was never sent: the server was killed in between.
                    let unwanted =
                        ids.into_iter().filter(|id| !Self::is_wanted(id, state, registry));
                    self.orders.extend(unwanted.map(|id| Order::Vacate { id, deadline: now }));
                    Vec::new()
                }
                Report::Started { .. } => Vec::new(),
            };
            if !seen.is_empty() {
                return seen;
            }
        }
    }

    fn hear(&mut self, at: Instant, event: &Event, state: &State, registry: &Registry) {
        match event {
            Event::JobStarted { job, .. } => {
                self.orders.extend(self.start(*job, state, registry));
            }
            Event::EvictionRequested { job, deadline } => {
                let deadline = *deadline;
                let id = run_of(*job, state, registry);
                self.orders.extend(id.map(|id| Order::Vacate { id, deadline }));
            }
            // Its nodes are gone, or are somebody else's from now on: it has no time.
            Event::JobStopped { job, .. } => {
                let id = run_of(*job, state, registry);
                self.orders.extend(id.map(|id| Order::Vacate { id, deadline: at }));
            }
            Event::TurnoverBegan { nodes, .. } => {
                self.orders.extend(nodes.iter().map(|node| turnover(node, state)));
            }
            _ => {}
        }
    }

    fn act(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let orders = std::mem::take(&mut self.orders);
        for order in &orders {
            if let Order::Forget(id) = order {
                self.ended.remove(id);
            }
        }
        if let Some(cluster) = &self.cluster {
            cluster.send(&orders);
        }
    }

    fn take_over(&mut self, state: &State, registry: &Registry) {
        self.orders.clear();
        let mut orders = Vec::new();
        for (slot, job) in state.jobs.iter() {
            match job.state {
                JobState::Running { .. } => orders.extend(self.start(slot, state, registry)),
                JobState::Leaving { deadline, .. } => {
                    orders.extend(self.start(slot, state, registry));
                    let id = run_of(slot, state, registry);
                    orders.extend(id.map(|id| Order::Vacate { id, deadline }));
                }
                _ => {}
            }
        }
        let nodes = state.fleet.nodes().iter().zip(0..);
        let unclean = nodes.filter(|(node, _)| node.condition == Condition::Turnover);
        orders.extend(unclean.map(|(_, number)| turnover(number, state)));
        if let Some(cluster) = &self.cluster {
            cluster.send(&orders);
            let again = std::mem::take(&mut self.ended).into_iter();
            let again = again.map(|(id, (at, exit))| Report::Ended { id, at, exit });
            again.for_each(|report| self.inbox.put(report));
        } else {
            self.connect(state, &orders);
        }
    }

    fn await_answer(&mut self, patience: Duration) {
        let until = Monotonic::now() + patience;
        let mut reports = self.inbox.lock();
        while !reports.is_answered {
            let left = until.saturating_duration_since(Monotonic::now());
            if left.is_zero() {
                tracing::error!("no agent answers on this machine: no job runs until one does");
                return;
            }
            let waited = self.inbox.answered.wait_timeout(reports, left);
            reports = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Reads what runs of this machine wrote.
pub struct LocalLogs {
    /// The agent's directory.
    pub directory: PathBuf,
}

impl Logs for LocalLogs {
    fn read(
        &self,
        run: &RunName,
        stream: Stream,
        offset: u64,
        max: u64,
    ) -> std::io::Result<Vec<u8>> {
        let id = RunId::new(&run.party, run.number, run.start);
        let id = id.map_err(|error| std::io::Error::other(error.to_string()))?;
        let stream = match stream {
            Stream::Stdout => local::Stream::Out,
            Stream::Stderr => local::Stream::Err,
        };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        local::read_log(&self.directory, &id, stream, offset, max)
            .map(|part| part.bytes)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::NotFound, error.to_string()))
    }
}

const fn instant_of(report: &Report) -> Instant {
    match report {
        Report::Started { at, .. }
        | Report::Ended { at, .. }
        | Report::TurnoverDone { at, .. }
        | Report::TurnoverFailed { at, .. } => *at,
        Report::Inventory(_) | Report::Running(_) => Instant::from_unix(i64::MIN),
    }
}

/// The run that `slot` is on, or was on until now.
fn run_of(slot: JobSlot, state: &State, registry: &Registry) -> Option<RunId> {
    let (party, number) = registry.job_in(slot)?;
    RunId::new(party, number, state.jobs.get(slot).starts).ok()
}

/// The start of what `slot` is on, as the unix user that `user_prefix` makes of its party.
fn start(
    slot: JobSlot,
    state: &State,
    registry: &Registry,
    user_prefix: Option<&str>,
) -> Option<Order> {
    let id = run_of(slot, state, registry)?;
    let live = registry.job(id.party(), id.job())?;
    let job = state.jobs.get(slot);
    let user = user_prefix.map(|prefix| format!("{prefix}{}", id.party()));
    let run = Run {
        id,
        nodes: shares(job.allocation()?, live, state),
        command: Command { user, ..command(live) },
        limits: Limits::default(),
        limit_seconds: job.request_left(),
        vacate_seconds: job.spec.vacate_seconds,
    };
    Some(Order::Start(run))
}

fn command(live: &LiveJob) -> Command {
    let description = &live.description;
    let program = match &description.work {
        Work::Command(argv) => Program::Argv(argv.clone()),
        Work::Script { text, arguments } => {
            Program::Script { text: text.clone(), args: arguments.clone() }
        }
    };
    Command {
        program,
        env: description.environment.clone(),
        workdir: description.directory.clone().map(PathBuf::from),
        user: None,
    }
}

fn shares(at: &Allocation, live: &LiveJob, state: &State) -> Vec<NodeShare> {
    let gpus = |node: u32| state.fleet.pools[state.fleet.pool_of(node)].gpus_per_node;
    let whole = at.whole.iter().map(|node| NodeShare {
        name: state.site.node_name(node),
        gpus: (0..gpus(node)).collect(),
    });
    let part = at.part.map(|(node, _)| NodeShare {
        name: state.site.node_name(node),
        gpus: (0..64).filter(|gpu| live.gpu_mask & (1 << gpu) != 0).collect(),
    });
    whole.chain(part).collect()
}

fn turnover(node: u32, state: &State) -> Order {
    let limit = state.fleet.pools[state.fleet.pool_of(node)].turnover_seconds_max;
    let until = state.scrubs.deadline_of(node);
    let until = until.unwrap_or_else(|| state.now.after(Seconds::new(u64::from(limit))));
    Order::Turnover(Turnover { node: state.site.node_name(node), until })
}

fn exit_of(exit: &local::Exit) -> Exit {
    match exit {
        local::Exit::Code(code) => Exit::Code(*code),
        local::Exit::Signal(signal) => Exit::Signal(*signal),
        local::Exit::TimeLimit => Exit::TimeLimit,
        local::Exit::Vacated { killed } => Exit::Vacated { killed: *killed },
        local::Exit::Stopped => Exit::Stopped,
        local::Exit::LostWithHost => Exit::LostWithHost,
        local::Exit::NotStarted { reason } => Exit::NotStarted { reason: reason.clone() },
    }
}
