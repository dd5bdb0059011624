//! What server and agent say to each other: one JSON value a line.

use leasehold_units::{Instant, PartyId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The version of the protocol. The two sides must agree on it.
pub(crate) const VERSION: u32 = 1;

/// The longest line that is read, in bytes.
pub(crate) const LINE_BYTES_MAX: u64 = 64 << 20;

/// One start of one job. It is never used twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId {
    party: String,
    job: u64,
    start: u32,
}

/// A text that names no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no run: expected PARTY.JOB.START with the id of a party and two numbers")]
pub struct RunIdError {
    /// The refused text.
    pub text: String,
}

impl RunId {
    /// The start number `start` of the job number `job` of `party`. The party's id is checked like every name, so that a
    /// run id is safe as the name of a directory.
    pub fn new(party: &str, job: u64, start: u32) -> Result<Self, RunIdError> {
        let party = PartyId::new(party).map_err(|error| RunIdError { text: error.text })?;
        Ok(Self { party: party.as_str().into(), job, start })
    }

    /// The party that the run is of.
    pub fn party(&self) -> &str {
        &self.party
    }

    /// The party's number for the job.
    pub const fn job(&self) -> u64 {
        self.job
    }

    /// The number of the start.
    pub const fn start(&self) -> u32 {
        self.start
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.party, self.job, self.start)
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let wrong = || RunIdError { text: text.into() };
        let mut parts = text.rsplitn(3, '.');
        let start = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
        let job = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
        let id = Self::new(parts.next().ok_or_else(wrong)?, job, start).map_err(|_| wrong())?;
        // `+1` and `01` are numbers too, and would give one run two names.
        if id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, RunIdError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

/// A node that the host offers, and its GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The name, by the rules of [`leasehold_units::Name`].
    pub name: String,
    /// How many GPUs it has.
    pub gpus: u8,
}

/// What a run uses of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeShare {
    /// The node.
    pub name: String,
    /// The indexes of the GPUs on that node.
    pub gpus: Vec<u8>,
}

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A program and its arguments.
    Argv(Vec<String>),
    /// A text that is executed as its first line says, or by `/bin/sh`.
    Script {
        /// The text.
        text: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

/// A program with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What is executed.
    pub program: Program,
    /// What it finds in its environment beside what the host sets. Nothing of the agent's own is passed on.
    pub env: BTreeMap<String, String>,
    /// Where it starts: an absolute path, or the scratch directory.
    pub workdir: Option<PathBuf>,
    /// The unix user that it runs as, or the agent's own.
    pub user: Option<String>,
}

/// What a run may use of the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory: of the whole run where there is a cgroup, else of the data of each process.
    pub memory_bytes_max: Option<u64>,
    /// Processes and threads: of the whole run where there is a cgroup, else of its user.
    pub processes_max: Option<u64>,
}

/// One start of a job, with all that the host needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which.
    pub id: RunId,
    /// Where. The command is started once; it is told all nodes.
    pub nodes: Vec<NodeShare>,
    /// What.
    pub command: Command,
    /// What it may use.
    pub limits: Limits,
    /// Killed so many seconds after its start.
    pub limit_seconds: u32,
    /// How many seconds it may take to end when it is stopped.
    pub vacate_seconds: u32,
}

/// A node that must be made clean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turnover {
    /// The node.
    pub node: String,
    /// When it must be clean. Another instant is another turnover.
    #[serde(with = "seconds")]
    pub until: Instant,
}

/// What the server wants. Repeating an order changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// That it runs, unless it has.
    Start(Run),
    /// That a run that was reported as started goes on. If the host does not know it, it is lost; it never starts again.
    Keep(RunId),
    /// That it is asked to end now, and is gone at the deadline. A later deadline than one given before is ignored.
    Vacate {
        /// Which.
        id: RunId,
        /// Killed then.
        #[serde(with = "seconds")]
        deadline: Instant,
    },
    /// That it ends, within its own time to vacate.
    Stop(RunId),
    /// That a node is made clean.
    Turnover(Turnover),
    /// That its end is known and need not be reported again.
    Forget(RunId),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal that was not the host's doing, or with its supervisor.
    Signal(i32),
    /// Killed at its limit.
    TimeLimit,
    /// Asked to vacate, and ended.
    Vacated {
        /// Whether it had to be killed.
        killed: bool,
    },
    /// Stopped.
    Stopped,
    /// The host went down under it.
    LostWithHost,
    /// It never started, and never will.
    NotStarted {
        /// Why.
        reason: String,
    },
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// What the host has; the first report of each connection.
    Inventory(HostInventory),
    /// The command runs.
    Started {
        /// Which.
        id: RunId,
        /// Since when.
        #[serde(with = "seconds")]
        at: Instant,
    },
    /// All of it is gone.
    Ended {
        /// Which.
        id: RunId,
        /// Since when.
        #[serde(with = "seconds")]
        at: Instant,
        /// How.
        exit: Exit,
    },
    /// The node is clean.
    TurnoverDone {
        /// What was asked for.
        turnover: Turnover,
        /// Since when.
        #[serde(with = "seconds")]
        at: Instant,
    },
    /// The node did not come clean.
    TurnoverFailed {
        /// What was asked for.
        turnover: Turnover,
        /// When it was given up.
        #[serde(with = "seconds")]
        at: Instant,
        /// Why.
        reason: String,
    },
    /// These runs are not over, whether wanted or not.
    Running(Vec<RunId>),
}

/// What a host has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInventory {
    /// The nodes that it stands for, as the server named them.
    pub nodes: Vec<Node>,
    /// The UUIDs of the GPUs that are really there, in NVML's order. The n-th GPU of all nodes, counted through in their
    /// order, is the n-th of these.
    pub gpus: Vec<String>,
    /// Whether runs get a cgroup of their own.
    pub cgroup: bool,
}

/// A line to the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToAgent {
    /// The first line. All that is desired is in it.
    Sync {
        version: u32,
        nodes: Vec<Node>,
        orders: Vec<Order>,
    },
    Orders(Vec<Order>),
}

/// A line from the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromAgent {
    /// The other side speaks another version. The connection ends.
    Version(u32),
    Report(Report),
    /// A run that was to be forgotten is.
    Forgotten(RunId),
}

/// Instants as whole seconds since 1970.
pub(crate) mod seconds {
    use leasehold_units::Instant;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.unix())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        i64::deserialize(from).map(Instant::from_unix)
    }
}
