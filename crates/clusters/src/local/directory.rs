//! The directory of a run: what was ordered, what became of it, and its output.
//!
//! | file | written by | says |
//! |---|---|---|
//! | `intent` | agent, before anything else | the run as ordered; nothing runs without it |
//! | `lock` | | held by the supervisor while it lives |
//! | `launched` | holder of the lock | the command may have been started: never again |
//! | `started` | supervisor | the command runs, in this session |
//! | `orders` | agent | by when it must be gone |
//! | `exit` | holder of the lock | how it ended; the last word |

use super::clock;
use super::files;
use super::wire::{Exit, Run, seconds};
use leasehold_units::Instant;
use serde::{Deserialize, Serialize};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

/// The run as ordered, with what the agent adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) run: Run,
    /// Set by the host: nodes, GPUs and the mark by which the run's processes are found.
    pub(crate) env: Vec<(String, String)>,
    /// One directory a node, the command's own first.
    pub(crate) scratch: Vec<PathBuf>,
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) log_bytes_max: u64,
    pub(crate) boot_id: String,
}

/// By when a run must be gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) vacate: Option<Deadline>,
    /// On the clock since boot.
    pub(crate) stop_boot_millis: Option<u64>,
}

/// A deadline as it was given, and what it was converted to when it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deadline {
    #[serde(with = "seconds")]
    pub(crate) wall: Instant,
    pub(crate) boot_millis: u64,
}

/// The command runs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Started {
    #[serde(with = "seconds")]
    pub(crate) at: Instant,
    /// The session of the command, which is also its process.
    pub(crate) session: i32,
    /// When that process started, in ticks since boot.
    pub(crate) ticks: Option<u64>,
}

/// How the run ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ended {
    #[serde(with = "seconds")]
    pub(crate) at: Instant,
    pub(crate) exit: Exit,
}

/// A run's directory.
#[derive(Debug, Clone)]
pub(crate) struct RunDirectory(pub(crate) PathBuf);

impl RunDirectory {
    pub(crate) fn intent(&self) -> io::Result<Option<Intent>> {
        files::read_whole(&self.0, "intent")
    }

    pub(crate) fn write_intent(&self, intent: &Intent) -> io::Result<()> {
        files::write_whole(&self.0, "intent", intent)
    }

    pub(crate) fn orders(&self) -> io::Result<Orders> {
        Ok(files::read_whole(&self.0, "orders")?.unwrap_or_default())
    }

    pub(crate) fn write_orders(&self, orders: &Orders) -> io::Result<()> {
        files::write_whole(&self.0, "orders", orders)
    }

    pub(crate) fn launched(&self) -> bool {
        self.0.join("launched").exists()
    }

    /// Marks that the command may run from now on. Fails if it was marked before.
    pub(crate) fn mark_launched(&self) -> io::Result<()> {
        files::create_new(&self.0.join("launched"), 0o600).map(drop)
    }

    pub(crate) fn started(&self) -> io::Result<Option<Started>> {
        files::read_whole(&self.0, "started")
    }

    pub(crate) fn write_started(&self, started: &Started) -> io::Result<()> {
        // Not synchronised: it matters only until the next boot, and a start must be quick.
        std::fs::write(self.0.join("started.tmp"), serde_json::to_vec(started)?)?;
        std::fs::rename(self.0.join("started.tmp"), self.0.join("started"))
    }

    pub(crate) fn ended(&self) -> io::Result<Option<Ended>> {
        files::read_whole(&self.0, "exit")
    }

    /// Writes how the run ended, and goes on trying until that is on disk: an end is never lost to a full one. Where
    /// the directory is gone, so is whoever would read it.
    pub(crate) fn write_ended(&self, ended: &Ended) {
        let mut pause = Duration::from_millis(10);
        while let Err(error) = files::write_whole(&self.0, "exit", ended) {
            if error.kind() == io::ErrorKind::NotFound {
                return;
            }
            clock::pause(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

/// Where the agent keeps what. `runs` are those whose end is not known to the server yet.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) scratch: Option<PathBuf>,
}

impl Layout {
    pub(crate) fn make(&self) -> io::Result<()> {
        files::make_private(&self.root)?;
        for path in [self.runs(), self.past(), self.turnovers()] {
            files::make_private(&path)?;
        }
        // Passed by the users of runs, who can enter nothing but their own directories.
        DirBuilder::new().recursive(true).mode(0o711).create(self.scratch())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("agent.sock")
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    pub(crate) fn past(&self) -> PathBuf {
        self.root.join("past")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.scratch.clone().unwrap_or_else(|| self.root.join("scratch"))
    }

    pub(crate) fn turnovers(&self) -> PathBuf {
        self.root.join("turnovers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_cannot_be_written_is_written_when_it_can() {
        let path = std::env::temp_dir().join(format!("leasehold-directory.{}", std::process::id()));
        let directory = RunDirectory(path.clone());
        // What a full disk does, a directory in the way of the new file does too.
        std::fs::create_dir_all(path.join("exit.tmp")).unwrap();
        let writer = std::thread::spawn(move || {
            directory.write_ended(&Ended { at: Instant::from_unix(7), exit: Exit::Code(3) });
            directory.ended().unwrap().map(|ended| ended.exit)
        });
        assert!(RunDirectory(path.clone()).ended().unwrap().is_none());
        std::fs::remove_dir(path.join("exit.tmp")).unwrap();
        assert_eq!(writer.join().unwrap(), Some(Exit::Code(3)));
        std::fs::remove_dir_all(&path).unwrap();
    }
}
