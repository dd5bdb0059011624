//! A cluster of a test's own: gone with the test, also if that is killed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::directory::Directory;
use super::{Daemon, EmulatedError, Options, daemons, launch};

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A running cluster; stopped and removed when dropped.
pub struct Cluster {
    directory: Directory,
    /// Ends everything if this process is killed.
    keeper: Option<Child>,
}

/// Waits for whoever holds its input, then ends all that bear the mark.
const KEEPER: &str = "cat >/dev/null; \
    grep -lzxF \"$1\" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | xargs -r kill -KILL 2>/dev/null";

impl Cluster {
    /// A new cluster, or nothing and a word why where Slurm is not installed or who asks is not root.
    /// `./test` installs it and then insists.
    ///
    /// # Panics
    /// Where it does not start, and where `LEASEHOLD_SLURM` insists on one that cannot be.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "who runs the tests is told what was not tested")]
    pub fn start(options: &Options) -> Option<Self> {
        match Self::try_start(options) {
            Ok(cluster) => Some(cluster),
            Err(error @ (EmulatedError::Missing { .. } | EmulatedError::NotRoot)) => {
                assert!(std::env::var_os("LEASEHOLD_SLURM").is_none(), "{error}");
                eprintln!("NOT TESTED: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A new cluster in a temporary directory.
    ///
    /// # Errors
    /// As [`up`](super::up).
    pub fn try_start(options: &Options) -> Result<Self, EmulatedError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("leasehold-slurm-{}-{number}", std::process::id());
        let directory = Directory::at(&std::env::temp_dir().join(name))?;
        let keeper = keeper(&directory).map_err(|error| EmulatedError::Command {
            command: "starting who ends the cluster with this process".into(),
            told: error.to_string(),
        })?;
        let cluster = Self { directory, keeper: Some(keeper) };
        launch::up(cluster.directory.root(), options)?;
        Ok(cluster)
    }

    /// Where it lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.root()
    }

    /// The file that `SLURM_CONF` names.
    #[must_use]
    pub fn slurm_conf(&self) -> PathBuf {
        self.directory.slurm_conf()
    }

    /// A command that speaks to this cluster.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        launch::speaking(&self.directory, program)
    }

    /// Runs a command that speaks to this cluster, and hands back what it prints.
    ///
    /// # Errors
    /// Where it does not end with 0: what it said.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String, EmulatedError> {
        launch::speak(&self.directory, program, arguments)
    }

    /// Runs a command until what it prints is `wanted`, and hands that back; `None` if it never is within `patience`.
    pub fn run_until(
        &self,
        patience: Duration,
        program: &str,
        arguments: &[&str],
        wanted: &mut dyn FnMut(&str) -> bool,
    ) -> Option<String> {
        let until = Instant::now() + patience;
        loop {
            // While a daemon is down there is no answer, which is none that is wanted.
            if let Ok(told) = self.run(program, arguments)
                && wanted(&told)
            {
                return Some(told);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    }

    /// Which of its daemons live.
    ///
    /// # Errors
    /// Where its directory is gone.
    pub fn status(&self) -> Result<launch::Status, EmulatedError> {
        launch::status(self.directory.root())
    }

    /// Kills a daemon as a power cut would; jobs of a node go on.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn kill(&self, daemon: &Daemon) -> Result<(), EmulatedError> {
        daemons::kill(&self.directory, daemon)
    }

    /// Starts a daemon again and waits until it answers.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start_again(&self, daemon: &Daemon) -> Result<(), EmulatedError> {
        launch::begin(&self.directory, daemon)
    }

    /// The pids of all processes that were started for this cluster and have not ended.
    #[must_use]
    pub fn pids(&self) -> Vec<i32> {
        daemons::remaining(&self.directory).iter().map(|process| process.pid).collect()
    }

    /// Stops everything and waits until it is gone; the directory goes when this is dropped.
    ///
    /// # Errors
    /// Where something does not end.
    pub fn stop(&self) -> Result<launch::Down, EmulatedError> {
        launch::down(self.directory.root())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing was made, or all is gone already. What does not end now the keeper ends.
        let removed = launch::remove(self.directory.root());
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
        if removed.is_err() {
            let _ = self.directory.remove();
        }
    }
}

fn keeper(directory: &Directory) -> io::Result<Child> {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", KEEPER, "sh", &directory.mark()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
