//! The daemons of a cluster: how each is started, whether it lives, and how it ends.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::directory::{Directory, USERS};
use super::{EmulatedError, requirements};
use crate::local::processes::{self, Process};

/// The environment variable that every daemon bears, with its directory. Who speaks to the cluster does not.
pub(super) const MARK: &str = "LEASEHOLD_EMULATED_SLURM";
/// How long a daemon may take to start, and a killed process to be gone.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a daemon may take to end by itself.
const GRACE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOG_LINES: usize = 12;

/// One daemon of an emulated cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Daemon {
    /// munged, by which the others know each other.
    Munge,
    /// mariadbd, in which slurmdbd keeps its records.
    Database,
    /// slurmdbd.
    Accounting,
    /// slurmctld.
    Controller,
    /// The slurmd of the node of this name.
    Node(String),
}

impl Daemon {
    /// What its files are called.
    fn name(&self) -> String {
        match self {
            Self::Munge => "munged".into(),
            Self::Database => "mariadbd".into(),
            Self::Accounting => "slurmdbd".into(),
            Self::Controller => "slurmctld".into(),
            Self::Node(node) => format!("slurmd-{node}"),
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "slurmd of node {node}"),
            other => f.write_str(&other.name()),
        }
    }
}

/// The daemons that were started in this directory and have not been stopped, by their pid files.
pub(super) fn noted(directory: &Directory) -> Vec<Daemon> {
    let entries = fs::read_dir(directory.root().join("run")).into_iter().flatten().flatten();
    let names = entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".pid")?.to_owned()));
    let mut found: Vec<Daemon> = names.filter_map(|name| of_name(&name)).collect();
    found.sort();
    found
}

fn of_name(name: &str) -> Option<Daemon> {
    match name {
        "munged" => Some(Daemon::Munge),
        "mariadbd" => Some(Daemon::Database),
        "slurmdbd" => Some(Daemon::Accounting),
        "slurmctld" => Some(Daemon::Controller),
        _ => Some(Daemon::Node(name.strip_prefix("slurmd-")?.to_owned())),
    }
}

/// Starts a daemon; it may need a while to be ready.
pub(super) fn spawn(directory: &Directory, daemon: &Daemon) -> Result<(), EmulatedError> {
    // In a session of its own it outlives this process, and as no child of it leaves no zombie.
    let script = "ulimit -n 65536 2>/dev/null; log=$1; shift; setsid \"$@\" </dev/null >>\"$log\" 2>&1 & echo $!";
    let log = output_file(directory, daemon);
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(&log).args(arguments(directory, daemon));
    command.envs(directory.environment());
    command.env(MARK, directory.root()).env("SLURM_CONF", directory.slurm_conf());
    command.env("MYSQL_UNIX_PORT", directory.database_socket());
    command.env("TMPDIR", directory.temporary_files());
    command.env("PATH", requirements::search_path()).current_dir(directory.root());
    let failed =
        |told: String| EmulatedError::Command { command: format!("starting {daemon}"), told };
    let done = command.output().map_err(|error| failed(error.to_string()))?;
    let pid = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    if !done.status.success() || pid.parse::<i32>().is_err() {
        return Err(failed(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
    }
    directory.write(&format!("run/{}.pid", daemon.name()), &format!("{pid}\n"))
}

/// Program and arguments, in the foreground.
fn arguments(directory: &Directory, daemon: &Daemon) -> Vec<String> {
    let path = |name: &str| directory.root().join(name).display().to_string();
    let as_user = |user: &str| {
        [
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={user}"),
            "--clear-groups".into(),
        ]
    };
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match daemon {
        Daemon::Munge => {
            let mut words = as_user(USERS[0]).to_vec();
            // Forced, since a directory above may belong to whoever works on the project.
            words.extend(own(&["munged", "--foreground", "--force", "--num-threads=4"]));
            words.push(format!("--key-file={}", directory.munge_key().display()));
            words.push(format!("--socket={}", directory.munge_socket().display()));
            words.push(format!("--pid-file={}", path("munge/munged.own")));
            words.push(format!("--log-file={}", path("munge/munged.log")));
            words.push(format!("--seed-file={}", path("munge/munged.seed")));
            words
        }
        Daemon::Database => {
            let mut words = as_user(USERS[1]).to_vec();
            words.extend(own(&["mariadbd", "--no-defaults", "--skip-networking"]));
            words
                .extend(own(&["--innodb-buffer-pool-size=128M", "--innodb-lock-wait-timeout=900"]));
            // What a cluster of tests recorded need not outlive the machine.
            words.push("--innodb-flush-log-at-trx-commit=0".into());
            words.push(format!("--datadir={}", directory.database_files().display()));
            words.push(format!("--socket={}", directory.database_socket().display()));
            words.push(format!("--pid-file={}", path("database/mariadbd.own")));
            words
        }
        Daemon::Accounting => own(&["slurmdbd", "-D"]),
        Daemon::Controller => own(&["slurmctld", "-D"]),
        Daemon::Node(node) => own(&["slurmd", "-D", "-N", node]),
    }
}

/// The process of a daemon, if it lives: by its pid file, and only if it bears the mark.
pub(super) fn process(directory: &Directory, daemon: &Daemon) -> Option<Process> {
    let process = noted_process(directory, daemon)?;
    processes::bears(process, &[directory.mark()]).then_some(process)
}

fn noted_process(directory: &Directory, daemon: &Daemon) -> Option<Process> {
    let text = fs::read_to_string(pid_file(directory, daemon)).ok()?;
    processes::find(text.trim().parse().ok()?)
}

/// Waits until `is_ready`, for as long as the daemon lives and patience lasts.
pub(super) fn await_ready(
    directory: &Directory,
    daemon: &Daemon,
    is_ready: &mut dyn FnMut() -> bool,
) -> Result<(), EmulatedError> {
    let until = Instant::now() + PATIENCE;
    loop {
        if is_ready() {
            return Ok(());
        }
        // Not by its mark: a process that is just becoming another program bears none.
        if noted_process(directory, daemon).is_none() {
            return Err(failure(directory, daemon, "it ended".into()));
        }
        if Instant::now() > until {
            let why = format!("it is not ready after {} s", PATIENCE.as_secs());
            return Err(failure(directory, daemon, why));
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
}

fn failure(directory: &Directory, daemon: &Daemon, why: String) -> EmulatedError {
    let log = output_file(directory, daemon);
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let lines = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    EmulatedError::Daemon { daemon: daemon.clone(), why, log, lines }
}

/// Asks these to end, waits, and kills what does not.
pub(super) fn stop(directory: &Directory, daemons: &[Daemon]) -> Result<(), EmulatedError> {
    let living =
        || daemons.iter().filter_map(|daemon| process(directory, daemon)).collect::<Vec<_>>();
    end(directory, &living, Signal::TERM)?;
    for daemon in daemons {
        // Gone already is as good.
        let _ = fs::remove_file(pid_file(directory, daemon));
    }
    Ok(())
}

/// Kills a daemon as a power cut would, and waits until it is gone.
pub(super) fn kill(directory: &Directory, daemon: &Daemon) -> Result<(), EmulatedError> {
    end(directory, &|| process(directory, daemon).into_iter().collect(), Signal::KILL)
}

/// Ends every other process that was started in this directory, such as the steps of jobs, and what stems from it.
pub(super) fn sweep(directory: &Directory) -> Result<(), EmulatedError> {
    end(directory, &|| remaining(directory), Signal::KILL)
}

/// What bears the mark of this directory, and all that stems from it.
pub(super) fn remaining(directory: &Directory) -> Vec<Process> {
    let mark = [directory.mark()];
    let all = processes::all();
    let mut found: Vec<Process> =
        all.iter().copied().filter(|process| processes::bears(*process, &mark)).collect();
    for parent in found.clone() {
        found.extend(processes::descendants(&all, parent.pid));
    }
    found
}

fn end(
    directory: &Directory,
    living: &dyn Fn() -> Vec<Process>,
    first: Signal,
) -> Result<(), EmulatedError> {
    for process in living() {
        processes::signal(process, first);
    }
    let (until, forced) = (Instant::now() + GRACE + PATIENCE, Instant::now() + GRACE);
    // Twice, since a process that is just becoming another program is overlooked.
    let mut was_empty = false;
    loop {
        let left = living();
        if left.is_empty() && was_empty {
            return Ok(());
        }
        was_empty = left.is_empty();
        if Instant::now() > until {
            let pids = left.iter().map(|process| process.pid).collect();
            return Err(EmulatedError::Immortal { directory: directory.root().into(), pids });
        }
        if first == Signal::KILL || Instant::now() > forced {
            left.into_iter().for_each(|process| processes::signal(process, Signal::KILL));
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
}

fn pid_file(directory: &Directory, daemon: &Daemon) -> PathBuf {
    directory.root().join(format!("run/{}.pid", daemon.name()))
}

/// What it says before it can open its own log, and while it runs.
fn output_file(directory: &Directory, daemon: &Daemon) -> PathBuf {
    directory.root().join(format!("log/{}.out", daemon.name()))
}
