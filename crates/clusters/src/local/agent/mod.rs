//! The agent of a host: keeps runs going as ordered, and reports.
//!
//! One loop owns all state; threads only wait (for a connection, a line, the end of a supervisor) and send it what they saw.
//! Nothing is killed because the server does not name it: it is reported as running, and the server says what is to be.

mod checks;
mod peers;
mod recovery;
mod runs;
mod turnovers;
mod watch;

pub(crate) use peers::{read_line, write_line};

use super::cgroup;
use super::clock;
use super::directory::{Ended, Layout, Orders};
use super::files::{self, Place};
use super::gpus;
use super::wire::{
    FromAgent, HostInventory, Node, NodeShare, Order, Report, RunId, ToAgent, Turnover, VERSION,
};
use leasehold_units::Instant;
use rustix::process::{getpid, set_child_subreaper, setsid};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How often old output is removed.
const ROUND_MILLIS: u64 = 600_000;

/// How often it is looked whether the agent's directory is still there.
const LOOK: Duration = Duration::from_secs(5);

/// How an agent works.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Where it keeps its state, its socket `agent.sock` and the output of runs. Only the agent's user may enter.
    pub directory: PathBuf,
    /// Where scratch directories are made: a directory that the users of runs may pass. By default below `directory`,
    /// which serves only runs of the agent's own user.
    pub scratch: Option<PathBuf>,
    /// The bytes of each output of a run that are kept.
    pub log_bytes_max: u64,
    /// How long output is kept after the server knows the end of a run.
    pub log_keep: Duration,
    /// What makes a node clean.
    pub turnover: Option<TurnoverCommand>,
    /// Where runs get control groups.
    pub cgroup: CgroupBase,
}

/// What is executed to make a node clean, beside removing what runs left in their scratch directories. It finds
/// `LEASEHOLD_NODE` and `LEASEHOLD_GPUS` in its environment, and never who was there.
#[derive(Debug, Clone)]
pub struct TurnoverCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Killed after so many seconds, or at the turnover's own deadline if that is sooner.
    pub timeout_seconds: u32,
}

/// Where runs get control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CgroupBase {
    /// In the group that systemd delegated to the agent, if it did.
    Delegated,
    /// In this one.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// Why an agent does not work.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its state.
    #[error("the agent cannot use {path}: expected a directory that only its user may enter")]
    Directory {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not there any more.
    #[error(
        "the agent's directory {0} is gone, and what was known of its runs with it: they are told to leave, and the agent ends"
    )]
    Gone(PathBuf),
    /// There is one already.
    #[error("another agent works in {0}: stop it first, or name another directory")]
    Running(PathBuf),
    /// Nobody could reach it.
    #[error("the agent cannot listen on {path}")]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A right is missing.
    #[error("the agent cannot take charge of what its supervisors leave behind")]
    Subreaper(#[source] io::Error),
    /// The control group.
    #[error(
        "runs cannot have control groups in {path}: delegate that group to the agent, or turn control groups off"
    )]
    Cgroup {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What threads saw.
pub(crate) enum Event {
    Connected(u64, UnixStream),
    Said(u64, ToAgent),
    Gone(u64),
    Started(RunId, Instant),
    Ended(RunId, Ended),
    /// Its supervisor was killed before the command could have been started.
    NotBegun(RunId),
    TurnedOver(Turnover, Result<Instant, String>),
}

/// A run that the server has not forgotten.
pub(crate) enum Known {
    /// Ordered, and not started by this agent. A supervisor of an agent before it may be about to.
    Intended(Live),
    /// A supervisor has it, or had it and is about to be missed.
    Running(Live),
    Ended(Ended),
}

/// What must be known of a run that may be going on.
pub(crate) struct Live {
    pub(crate) nodes: Vec<NodeShare>,
    pub(crate) vacate_seconds: u32,
    pub(crate) orders: Orders,
    /// The supervisor does not know the orders yet.
    pub(crate) is_unsaved: bool,
    pub(crate) started: Option<Instant>,
    /// How many supervisors were to begin it.
    pub(crate) tries: u32,
}

pub(crate) enum Turning {
    /// A run has not left the node.
    Waiting {
        give_up_boot_millis: u64,
    },
    Going,
    Over(Report),
}

pub(crate) struct Agent {
    pub(crate) config: AgentConfig,
    pub(crate) layout: Layout,
    place: Place,
    pub(crate) boot_id: String,
    pub(crate) gpus: Vec<String>,
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) runs: BTreeMap<RunId, Known>,
    /// Those that are wanted, and wait until what has their place is gone.
    pub(crate) held: BTreeSet<RunId>,
    pub(crate) turnovers: BTreeMap<String, (Turnover, Turning)>,
    /// Connections, and whether they have said what they want.
    pub(crate) peers: BTreeMap<u64, (UnixStream, bool)>,
    pub(crate) events: Sender<Event>,
    pub(crate) spawned: Sender<()>,
}

/// Works until it is killed, which harms no run: the next agent in the same directory takes them over.
pub fn agent_main(config: AgentConfig) -> Result<std::convert::Infallible, AgentError> {
    // A leader of a process group cannot have a session; then it has a group of its own already.
    let _ = setsid();
    set_child_subreaper(Some(getpid())).map_err(|error| AgentError::Subreaper(error.into()))?;
    let layout = Layout { root: config.directory.clone(), scratch: config.scratch.clone() };
    let failed = |source| AgentError::Directory { path: config.directory.clone(), source };
    let is_new = !layout.runs().exists();
    layout.make().map_err(failed)?;
    let lock = files::try_lock(&layout.root).map_err(failed)?;
    let _lock = lock.ok_or_else(|| AgentError::Running(layout.root.clone()))?;
    if is_new {
        watch::end_all_of(&layout.root);
    }
    let cgroup = prepare_cgroup(&config.cgroup)?;
    let (sender, events) = channel();
    let mut agent = Agent {
        boot_id: clock::boot_id().map_err(failed)?,
        gpus: gpus::found(),
        cgroup,
        nodes: Vec::new(),
        runs: BTreeMap::new(),
        held: BTreeSet::new(),
        turnovers: BTreeMap::new(),
        peers: BTreeMap::new(),
        events: sender,
        spawned: watch::reap_all(),
        place: Place::of(&layout.root).map_err(failed)?,
        layout,
        config,
    };
    agent
        .recover()
        .map_err(|source| AgentError::Directory { path: agent.layout.runs(), source })?;
    let path = agent.layout.socket();
    peers::listen(&path, agent.events.clone())
        .map_err(|source| AgentError::Listen { path, source })?;
    agent.work(&events)
}

fn prepare_cgroup(base: &CgroupBase) -> Result<Option<PathBuf>, AgentError> {
    let path = match base {
        CgroupBase::Off => None,
        CgroupBase::At(path) => Some(path.clone()),
        CgroupBase::Delegated => cgroup::delegated(),
    };
    let Some(path) = path else { return Ok(None) };
    match cgroup::prepare(&path) {
        Ok(()) => Ok(Some(path)),
        Err(source) => Err(AgentError::Cgroup { path, source }),
    }
}

impl Agent {
    fn work(&mut self, events: &Receiver<Event>) -> Result<std::convert::Infallible, AgentError> {
        let mut tidied = clock::boot_millis();
        loop {
            if self.place.is_gone() {
                // Each run's supervisor sees it too, and keeps to the time that the run declared.
                return Err(AgentError::Gone(self.layout.root.clone()));
            }
            let round = if self.save_orders() { Duration::from_millis(100) } else { LOOK };
            let patience = self.give_up_turnovers().unwrap_or(round).min(round);
            if let Ok(event) = events.recv_timeout(patience) {
                self.handle(event);
            } else if clock::boot_millis() >= tidied + ROUND_MILLIS {
                tidied = clock::boot_millis();
                self.remove_old_output();
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Connected(peer, stream) => drop(self.peers.insert(peer, (stream, false))),
            Event::Gone(peer) => drop(self.peers.remove(&peer)),
            Event::Said(peer, ToAgent::Sync { version, nodes, orders }) => {
                self.sync(peer, version, nodes, orders)
            }
            Event::Said(_, ToAgent::Orders(orders)) => {
                orders.into_iter().for_each(|order| self.obey(order))
            }
            Event::Started(id, at) => self.started(id, at),
            Event::Ended(id, ended) => self.ended(id, ended),
            Event::NotBegun(id) => self.not_begun(&id),
            Event::TurnedOver(turnover, outcome) => self.turned_over(turnover, outcome),
        }
    }

    fn sync(&mut self, peer: u64, version: u32, nodes: Vec<Node>, orders: Vec<Order>) {
        if version != VERSION {
            self.say(peer, &FromAgent::Version(VERSION));
            self.peers.remove(&peer);
            return;
        }
        self.nodes = nodes;
        if let Some((_, is_synced)) = self.peers.get_mut(&peer) {
            *is_synced = true;
        }
        let inventory = HostInventory {
            nodes: self.nodes.clone(),
            gpus: self.gpus.clone(),
            cgroup: self.cgroup.is_some(),
        };
        self.say(peer, &FromAgent::Report(Report::Inventory(inventory)));
        // All that is wanted is in the orders: what waits and is not among them is not wanted any more.
        self.held.clear();
        orders.into_iter().for_each(|order| self.obey(order));
        self.say_all_runs(peer);
        self.drop_unwanted_intents();
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Start(run) => self.start(run),
            Order::Keep(id) => self.keep(id),
            Order::Vacate { id, deadline } => self.vacate(&id, deadline),
            Order::Stop(id) => self.stop(&id),
            Order::Turnover(turnover) => self.turn_over(turnover),
            Order::Forget(id) => self.forget(&id),
        }
    }

    /// Tells every server that is connected. What none hears is told at the next sync.
    pub(crate) fn report(&mut self, report: Report) {
        self.tell(&FromAgent::Report(report));
    }

    pub(crate) fn tell(&mut self, line: &FromAgent) {
        let synced: Vec<u64> = self
            .peers
            .iter()
            .filter(|(_, (_, is_synced))| *is_synced)
            .map(|(peer, _)| *peer)
            .collect();
        for peer in synced {
            self.say(peer, line);
        }
    }

    pub(crate) fn say(&mut self, peer: u64, line: &FromAgent) {
        let Some((stream, _)) = self.peers.get_mut(&peer) else { return };
        if peers::write_line(stream, line).is_err() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            self.peers.remove(&peer);
        }
    }
}
