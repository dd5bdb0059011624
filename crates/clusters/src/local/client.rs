//! The server's side: keeps what is desired, says it to the agent, and says all of it again whenever the agent is back.

use super::agent::{read_line, write_line};
use super::clock;
use super::wire::{FromAgent, Node, Order, Report, RunId, ToAgent, Turnover, VERSION};
use leasehold_units::Instant;
use rustix::process::getuid;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Moment};

/// How an agent is started where none answers. It makes a session of its own, so that it outlives the server and its
/// terminal.
#[derive(Debug, Clone)]
pub struct Spawn {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// Why there is no agent to speak to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// None answers.
    #[error("no agent answers at {path}: start one there")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is older or newer.
    #[error(
        "the agent speaks version {agent} of the protocol, this program {VERSION}: restart the agent with this program"
    )]
    Version {
        /// What the agent speaks.
        agent: u32,
    },
}

/// The agent of this machine, as the server sees it.
pub struct LocalCluster {
    shared: Arc<Shared>,
}

struct Shared {
    socket: PathBuf,
    nodes: Vec<Node>,
    spawn: Option<Spawn>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: BTreeMap<RunId, Desired>,
    turnovers: BTreeMap<String, Turnover>,
    /// Not confirmed yet.
    forgotten: BTreeSet<RunId>,
    stream: Option<UnixStream>,
    is_closed: bool,
}

struct Desired {
    /// To start it or, once it is known to have started, to keep it.
    order: Option<Order>,
    vacate: Option<Instant>,
    is_stopped: bool,
    has_started: bool,
    has_ended: bool,
}

impl LocalCluster {
    /// Connects to the agent at `socket`, starting one as `spawn` says if none answers, and says what is desired: the
    /// host's nodes and all orders in force. From then on a thread keeps the connection, and says all again when it had
    /// to be made anew. Each end is received once, until the run is forgotten.
    pub fn connect(
        socket: &Path,
        nodes: Vec<Node>,
        desired: &[Order],
        spawn: Option<Spawn>,
    ) -> Result<(Self, Receiver<Report>), ConnectError> {
        let mut state = State::default();
        desired.iter().for_each(|order| state.note(order));
        let shared =
            Arc::new(Shared { socket: socket.into(), nodes, spawn, state: Mutex::new(state) });
        let (sender, reports) = channel();
        let mut child = None;
        let first = shared.connect_within(Duration::from_secs(5), &mut child)?;
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || for_thread.keep_connected(Some(first), &sender, child));
        Ok((Self { shared }, reports))
    }

    /// As [`LocalCluster::connect`], without waiting for an agent: the thread makes the first connection too, and tries
    /// for as long as it takes.
    pub fn reach(
        socket: &Path,
        nodes: Vec<Node>,
        desired: &[Order],
        spawn: Option<Spawn>,
    ) -> (Self, Receiver<Report>) {
        let mut state = State::default();
        desired.iter().for_each(|order| state.note(order));
        let shared =
            Arc::new(Shared { socket: socket.into(), nodes, spawn, state: Mutex::new(state) });
        let (sender, reports) = channel();
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || for_thread.keep_connected(None, &sender, None));
        (Self { shared }, reports)
    }

    /// Says what is desired from now on. What cannot be said now is said when the agent is back.
    pub fn send(&self, orders: &[Order]) {
        let mut state = self.shared.lock();
        orders.iter().for_each(|order| state.note(order));
        let line = ToAgent::Orders(orders.into());
        let is_said = state.stream.as_mut().is_some_and(|stream| write_line(stream, &line).is_ok());
        if !is_said {
            state.hang_up();
        }
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.hang_up();
    }
}

impl State {
    fn hang_up(&mut self) {
        if let Some(stream) = self.stream.take() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    fn run(&mut self, id: &RunId) -> &mut Desired {
        let fresh = || Desired {
            order: None,
            vacate: None,
            is_stopped: false,
            has_started: false,
            has_ended: false,
        };
        self.runs.entry(id.clone()).or_insert_with(fresh)
    }

    fn note(&mut self, order: &Order) {
        match order {
            Order::Start(run) => {
                let desired = self.run(&run.id);
                desired.order.get_or_insert_with(|| order.clone());
            }
            Order::Keep(id) => self.run(id).order = Some(order.clone()),
            Order::Vacate { id, deadline } => {
                let vacate = &mut self.run(id).vacate;
                *vacate = Some(vacate.map_or(*deadline, |known| known.min(*deadline)));
            }
            Order::Stop(id) => self.run(id).is_stopped = true,
            Order::Turnover(turnover) => {
                drop(self.turnovers.insert(turnover.node.clone(), turnover.clone()))
            }
            Order::Forget(id) => {
                self.runs.remove(id);
                self.forgotten.insert(id.clone());
            }
        }
    }

    /// Everything that is desired, in an order in which it can be obeyed.
    fn orders(&self) -> Vec<Order> {
        let mut orders: Vec<Order> = self.forgotten.iter().cloned().map(Order::Forget).collect();
        for (id, desired) in self.runs.iter().filter(|(_, desired)| !desired.has_ended) {
            orders.extend(desired.order.clone());
            orders
                .extend(desired.vacate.map(|deadline| Order::Vacate { id: id.clone(), deadline }));
            orders.extend(desired.is_stopped.then(|| Order::Stop(id.clone())));
        }
        orders.extend(self.turnovers.values().cloned().map(Order::Turnover));
        orders
    }

    /// Whether a report is news.
    fn hear(&mut self, report: &Report) -> bool {
        match report {
            Report::Started { id, .. } => {
                let desired = self.run(id);
                desired.order = Some(Order::Keep(id.clone()));
                !std::mem::replace(&mut desired.has_started, true)
            }
            Report::Ended { id, .. } => {
                !self.forgotten.contains(id)
                    && !std::mem::replace(&mut self.run(id).has_ended, true)
            }
            Report::TurnoverDone { turnover, .. } | Report::TurnoverFailed { turnover, .. } => {
                let is_news = self.turnovers.get(&turnover.node) == Some(turnover);
                if is_news {
                    self.turnovers.remove(&turnover.node);
                }
                is_news
            }
            Report::Inventory(_) | Report::Running(_) => true,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_connected(
        &self,
        mut reader: Option<BufReader<UnixStream>>,
        reports: &Sender<Report>,
        mut child: Option<Child>,
    ) {
        loop {
            if let Some(reader) = &mut reader {
                self.listen(reader, reports);
            }
            loop {
                if self.lock().is_closed {
                    return;
                }
                if let Ok(next) = self.connect_within(Duration::from_secs(1), &mut child) {
                    reader = Some(next);
                    break;
                }
                clock::pause(Duration::from_millis(50));
            }
        }
    }

    fn listen(&self, reader: &mut BufReader<UnixStream>, reports: &Sender<Report>) {
        while let Ok(Some(line)) = read_line(reader) {
            let mut state = self.lock();
            match line {
                FromAgent::Version(_) => return,
                FromAgent::Forgotten(id) => drop(state.forgotten.remove(&id)),
                FromAgent::Report(report) => {
                    if state.hear(&report) && reports.send(report).is_err() {
                        state.is_closed = true;
                        return;
                    }
                }
            }
        }
    }

    fn connect_within(
        &self,
        patience: Duration,
        child: &mut Option<Child>,
    ) -> Result<BufReader<UnixStream>, ConnectError> {
        let give_up = Moment::now() + patience;
        loop {
            let error = match self.try_connect() {
                Ok(reader) => return Ok(reader),
                Err(error) => error,
            };
            if let Err(error) = self.spawn(child) {
                return Err(ConnectError::Unreachable { path: self.socket.clone(), source: error });
            }
            if Moment::now() >= give_up || self.spawn.is_none() {
                return Err(ConnectError::Unreachable { path: self.socket.clone(), source: error });
            }
            clock::pause(Duration::from_millis(5));
        }
    }

    fn try_connect(&self) -> io::Result<BufReader<UnixStream>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        if peer.uid != getuid() && !peer.uid.is_root() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "somebody else listens there",
            ));
        }
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        // Held over both, so that no order is said before the sync that does not have it.
        let mut state = self.lock();
        let sync =
            ToAgent::Sync { version: VERSION, nodes: self.nodes.clone(), orders: state.orders() };
        write_line(&mut stream, &sync)?;
        state.stream = Some(stream.try_clone()?);
        Ok(BufReader::new(stream))
    }

    /// Starts an agent, unless the last one that was started is still there.
    fn spawn(&self, child: &mut Option<Child>) -> io::Result<()> {
        let Some(spawn) = &self.spawn else { return Ok(()) };
        if let Some(running) = child
            && running.try_wait()?.is_none()
        {
            return Ok(());
        }
        let mut command = Command::new(&spawn.program);
        command.args(&spawn.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        *child = Some(command.spawn()?);
        Ok(())
    }
}
