//! Real work on this machine.
//!
//! One **agent** a host keeps runs going and outlives the server that orders them. Under it, each run has a **supervisor**
//! of its own (the same binary), which starts the command and alone enforces its limit and the deadline by which it must be
//! gone: no death of server or agent makes a promise late. The supervisor is the subreaper of all that the command starts,
//! so a run has ended exactly when the supervisor has no child left. Between the two stands the **launcher**, which gives up
//! rights and becomes the command.
//!
//! Whoever holds the lock of a run's directory owns its fate: only the holder starts the command, and only once, and only
//! the holder writes how it ended. Instants on the wire are of the wall clock and are converted when they arrive; what is
//! enforced is counted on the clock since boot, so a stepped clock moves nothing.
//!
//! Contracts, jobs' names and choices are not known here.

mod agent;
mod cgroup;
mod client;
mod clock;
mod directory;
mod files;
mod gpus;
mod launcher;
mod logs;
pub(crate) mod processes;
mod rounds;
mod supervisor;
mod wire;

pub use agent::{AgentConfig, AgentError, CgroupBase, TurnoverCommand, agent_main};
pub use client::{ConnectError, LocalCluster, Spawn};
pub use launcher::launch_main;
pub use logs::{LogError, LogPart, Stream, follow_log, read_log};
pub use rounds::{RoundsError, RoundsOutcome, rounds};
pub use supervisor::{SupervisorError, run_main};
pub use wire::{
    Command, Exit, HostInventory, Limits, Node, NodeShare, Order, Program, Report, Run, RunId,
    RunIdError, Turnover,
};
