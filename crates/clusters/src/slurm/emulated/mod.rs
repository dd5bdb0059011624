//! A whole Slurm cluster on one Debian machine: real slurmctld, slurmdbd and munged, a MariaDB, and a
//! slurmd for each emulated node, all in a directory of their own.
//!
//! Nothing outside that directory is written, and nothing is ended but what was started from it: every
//! daemon bears the directory in its environment, and is looked for by that and by its pid file. Ports
//! are picked among free ones, so that clusters run side by side. Not part of the product: the feature
//! `slurm-cluster` hands it to tests, figures and `cargo xtask slurm`.

mod cluster;
mod configuration;
mod daemons;
mod directory;
mod error;
mod launch;
mod names;
mod ports;
mod requirements;

pub use cluster::Cluster;
pub use daemons::Daemon;
pub use error::EmulatedError;
pub use launch::{Down, Status, Up, down, remove, status, up};

use std::path::PathBuf;

/// What an emulated cluster is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names of its nodes as Slurm writes lists of hosts, such as `a-01-[01-04]-[1-8],b-01-01-1`.
    pub nodes: String,
    /// GPUs of each node, 1 to 64.
    pub gpus_per_node: u32,
    /// Seconds between SIGTERM and SIGKILL for a job that is told to leave.
    pub kill_wait_seconds: u32,
    /// Whether Slurm itself evicts jobs.
    pub preempt: Preempt,
    /// The absolute path of a program that slurmd runs as root on a node before a job begins there.
    pub prolog: Option<PathBuf>,
    /// Further lines of slurm.conf, such as `("SlurmdTimeout", "10")`; they replace what would be there.
    pub settings: Vec<(String, String)>,
    /// Variables that every daemon, and whoever speaks to the cluster, has in its environment, such as a clock of another day.
    pub environment: Vec<(String, String)>,
}

/// Whether Slurm itself evicts jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preempt {
    /// By quality of service: `PreemptType=preempt/qos`, `PreemptMode=REQUEUE`.
    Qos,
    /// Never. Jobs of two accounts share no node then, as docs/slurm.md says to set it.
    None,
}

impl Default for Options {
    /// 32 nodes of 8 GPUs, in four racks, that wait 5 s before they kill.
    fn default() -> Self {
        Self {
            nodes: "a-01-[01-04]-[1-8]".into(),
            gpus_per_node: 8,
            kill_wait_seconds: 5,
            preempt: Preempt::None,
            prolog: None,
            settings: Vec::new(),
            environment: Vec::new(),
        }
    }
}

impl Options {
    /// The usual ones with `count` nodes, named as a site names them: racks of eight.
    #[must_use]
    pub fn with_nodes(count: u32) -> Self {
        let (racks, rest) = (count / 8, count % 8);
        let mut lists = Vec::new();
        if racks > 0 {
            lists.push(format!("a-01-[01-{racks:02}]-[1-8]"));
        }
        if rest > 0 {
            lists.push(format!("a-01-{:02}-[1-{rest}]", racks + 1));
        }
        Self { nodes: lists.join(","), ..Self::default() }
    }
}
