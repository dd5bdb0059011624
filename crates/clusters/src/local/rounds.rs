//! Faults at random instants under load, and what must hold all the same.
//!
//! Jobs run again and again while agent, supervisors and the server's side are killed. A job's command takes a lock that
//! every process of it holds, so two starts at once are seen; and it makes a directory named by its start, so one start that
//! runs twice is seen.

use super::client::{ConnectError, LocalCluster, Spawn};
use super::wire::{Command, Exit, Limits, Node, NodeShare, Order, Program, Report, Run, RunId};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant as Moment};

const JOBS: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundsOutcome {
    /// Starts that were ordered.
    pub starts: u32,
    /// Of these, those that ran to their end.
    pub finished: u32,
    /// Agents killed.
    pub agents_killed: u32,
    /// Supervisors killed.
    pub supervisors_killed: u32,
    /// Connections given up by the server's side.
    pub servers_lost: u32,
}

/// What did not hold.
#[derive(Debug, thiserror::Error)]
pub enum RoundsError {
    /// The host fails.
    #[error("the rounds cannot go on")]
    Io(#[from] io::Error),
    /// No agent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A promise was broken.
    #[error("seed {seed}, round {round}: {what}")]
    Broken {
        /// The seed.
        seed: u64,
        /// The round.
        round: u32,
        /// What happened.
        what: String,
    },
}

struct Rounds {
    program: PathBuf,
    directory: PathBuf,
    seed: u64,
    random: u64,
    round: u32,
    server: Option<(LocalCluster, Receiver<Report>)>,
    /// Started and not ended; whether the start was reported.
    going: BTreeMap<RunId, bool>,
    ended: BTreeMap<RunId, Exit>,
    starts: BTreeMap<u64, u32>,
    outcome: RoundsOutcome,
}

/// Plays `count` rounds in `directory`, which must be empty, with `program` as the agent's binary.
pub fn rounds(
    program: &Path,
    directory: &Path,
    count: u32,
    seed: u64,
) -> Result<RoundsOutcome, RoundsError> {
    for name in ["locks", "begun", "twice"] {
        std::fs::create_dir_all(directory.join(name))?;
    }
    let mut rounds = Rounds {
        program: program.into(),
        directory: directory.into(),
        seed,
        random: seed,
        round: 0,
        server: None,
        going: BTreeMap::new(),
        ended: BTreeMap::new(),
        starts: BTreeMap::new(),
        outcome: RoundsOutcome::default(),
    };
    for round in 0..count {
        rounds.round = round;
        rounds.play()?;
    }
    rounds.calm()?;
    Ok(rounds.outcome)
}

impl Rounds {
    fn broken(&self, what: impl Into<String>) -> RoundsError {
        RoundsError::Broken { seed: self.seed, round: self.round, what: what.into() }
    }

    fn draw(&mut self, below: u64) -> u64 {
        // Knuth's multiplicative congruence: any order of faults will do, as long as the seed gives it again.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn connect(&mut self) -> Result<(), RoundsError> {
        if self.server.is_none() {
            let orders: Vec<Order> =
                self.going.iter().map(|(id, started)| self.order(id, *started)).collect();
            let agent = self.directory.join("agent").display().to_string();
            let spawn = Spawn { program: self.program.clone(), args: vec!["agent".into(), agent] };
            let nodes = vec![Node { name: "n".into(), gpus: 8 }];
            self.server = Some(LocalCluster::connect(&self.socket(), nodes, &orders, Some(spawn))?);
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("agent/agent.sock")
    }

    fn order(&self, id: &RunId, has_started: bool) -> Order {
        if has_started {
            return Order::Keep(id.clone());
        }
        let script = "mkdir \"$0/begun/$LEASEHOLD_RUN\" || touch \"$0/twice/$LEASEHOLD_RUN\"\n\
            exec flock -n -E 99 \"$0/locks/$LEASEHOLD_JOB\" sh -c 'setsid sleep 0.05 & sleep 0.1; wait'";
        let directory = self.directory.display().to_string();
        let argv = ["/bin/sh", "-c", script, &directory].map(String::from).to_vec();
        Order::Start(Run {
            id: id.clone(),
            nodes: vec![NodeShare {
                name: "n".into(),
                gpus: vec![u8::try_from(id.job()).unwrap_or(0)],
            }],
            command: Command {
                program: Program::Argv(argv),
                env: BTreeMap::new(),
                workdir: None,
                user: None,
            },
            limits: Limits::default(),
            limit_seconds: 60,
            vacate_seconds: 1,
        })
    }

    fn play(&mut self) -> Result<(), RoundsError> {
        self.connect()?;
        for job in 0..JOBS {
            let start = self.starts.entry(job).or_default();
            *start += 1;
            let id =
                RunId::new("p", job, *start).map_err(|error| self.broken(error.to_string()))?;
            let order = self.order(&id, false);
            self.going.insert(id, false);
            self.outcome.starts += 1;
            self.send(&[order.clone(), order]);
            if self.draw(3) == 0 {
                self.fault()?;
            }
        }
        let give_up = Moment::now() + PATIENCE;
        while !self.going.is_empty() {
            self.connect()?;
            let pause = Duration::from_millis(self.draw(60));
            self.hear(pause)?;
            if self.draw(8) == 0 {
                self.fault()?;
            }
            if Moment::now() >= give_up {
                return Err(self.broken(format!("lost: {:?}", self.going.keys())));
            }
        }
        Ok(())
    }

    fn send(&self, orders: &[Order]) {
        if let Some((server, _)) = &self.server {
            server.send(orders);
        }
    }

    fn fault(&mut self) -> Result<(), RoundsError> {
        let kind = self.draw(4);
        if kind == 0 {
            self.outcome.servers_lost += 1;
            self.server = None;
            return self.connect();
        }
        if kind != 1
            && let Some(supervisor) = self.supervisor()?
        {
            self.outcome.supervisors_killed += 1;
            let _ = kill_process(supervisor, Signal::KILL);
        }
        if kind != 2
            && let Some(agent) = self.agent()
        {
            self.outcome.agents_killed += 1;
            let _ = kill_process(agent, Signal::KILL);
        }
        Ok(())
    }

    fn agent(&self) -> Option<Pid> {
        let stream = UnixStream::connect(self.socket()).ok()?;
        Some(rustix::net::sockopt::socket_peercred(&stream).ok()?.pid)
    }

    fn supervisor(&mut self) -> io::Result<Option<Pid>> {
        let runs = self.directory.join("agent/runs").display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains("agent-run") && line.contains(&runs) {
                found.extend(Pid::from_raw(pid));
            }
        }
        let count = u64::try_from(found.len()).unwrap_or(0);
        Ok(if count == 0 {
            None
        } else {
            usize::try_from(self.draw(count)).ok().map(|index| found[index])
        })
    }

    fn hear(&mut self, patience: Duration) -> Result<(), RoundsError> {
        let Some((_, reports)) = &self.server else { return Ok(()) };
        match reports.recv_timeout(patience) {
            Ok(Report::Started { id, .. }) => {
                if let Some(has_started) = self.going.get_mut(&id) {
                    *has_started = true;
                }
                Ok(())
            }
            Ok(Report::Ended { id, exit, .. }) => self.end(id, exit),
            _ => Ok(()),
        }
    }

    fn end(&mut self, id: RunId, exit: Exit) -> Result<(), RoundsError> {
        if let Some(known) = self.ended.get(&id) {
            // The order to forget it was lost with the server that gave it.
            return if *known == exit {
                self.send(&[Order::Forget(id)]);
                Ok(())
            } else {
                Err(self.broken(format!("{id} ended with {known:?}, then with {exit:?}")))
            };
        }
        if self.going.remove(&id).is_none() {
            return Err(self.broken(format!("{id} ended and never began")));
        }
        self.ended.insert(id.clone(), exit.clone());
        match exit {
            Exit::Code(0) => self.outcome.finished += 1,
            // What a killed supervisor or a start cut short leaves.
            Exit::Signal(9) | Exit::NotStarted { .. } => {}
            exit => return Err(self.broken(format!("{id} ended with {exit:?}"))),
        }
        if std::fs::read_dir(self.directory.join("twice"))?.next().is_some() {
            return Err(self.broken("a start ran twice"));
        }
        self.send(&[Order::Forget(id)]);
        Ok(())
    }

    /// Once all is over, an agent and a server that come back find nothing more to say.
    fn calm(&mut self) -> Result<(), RoundsError> {
        let give_up = Moment::now() + PATIENCE;
        while std::fs::read_dir(self.directory.join("agent/runs"))?.next().is_some() {
            if Moment::now() >= give_up {
                return Err(self.broken("a run that is to be forgotten is not"));
            }
            self.hear(Duration::from_millis(10))?;
        }
        if let Some(agent) = self.agent() {
            let _ = kill_process(agent, Signal::KILL);
        }
        self.server = None;
        self.connect()?;
        let Some((_, reports)) = &self.server else { return Ok(()) };
        while let Ok(report) = reports.recv_timeout(PATIENCE) {
            match report {
                Report::Running(running) if running.is_empty() => {
                    self.agent().map(|agent| kill_process(agent, Signal::KILL));
                    return Ok(());
                }
                Report::Inventory(_) => {}
                report => {
                    return Err(self.broken(format!("said after it was forgotten: {report:?}")));
                }
            }
        }
        Err(self.broken("the agent does not come back"))
    }
}
