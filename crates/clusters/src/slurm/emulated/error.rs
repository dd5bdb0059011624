//! Why there is no emulated cluster, and what to do about it.

use std::path::PathBuf;

use super::Daemon;

/// Why an emulated cluster could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
pub enum EmulatedError {
    /// Daemons of several users are started.
    #[error(
        "an emulated Slurm cluster is started by root, since munged, mariadbd and slurmd run as users of their own; \
         run it as root, such as with sudo"
    )]
    NotRoot,
    /// Programs are not there.
    #[error(
        "Slurm's programs are missing: on Debian, apt-get install --no-install-recommends {}",
        packages.join(" ")
    )]
    Missing {
        /// Debian's packages that have them.
        packages: Vec<&'static str>,
    },
    /// A user of a daemon cannot get to the directory.
    #[error(
        "{directory} cannot hold an emulated cluster: the user {user} may not enter {closed}; \
         give that directory the right x for others, or use another: --directory {suggestion}"
    )]
    Closed {
        /// The directory that was asked for.
        directory: PathBuf,
        /// On the way to it, where the way ends.
        closed: PathBuf,
        /// Who has to pass.
        user: &'static str,
        /// One that would do.
        suggestion: PathBuf,
    },
    /// Its name cannot stand in Slurm's configuration.
    #[error(
        "{directory} cannot hold an emulated cluster: {why}; use another: --directory {suggestion}"
    )]
    Unusable {
        /// The directory that was asked for.
        directory: PathBuf,
        /// What is wrong with it.
        why: &'static str,
        /// One that would do.
        suggestion: PathBuf,
    },
    /// What lies there was not made by an emulated cluster.
    #[error(
        "{directory} holds other things than an emulated cluster and is left alone; \
         name a directory that is empty or not there yet"
    )]
    Foreign {
        /// The directory that was asked for.
        directory: PathBuf,
    },
    /// There is none.
    #[error("there is no emulated cluster in {directory}; start one with: cargo xtask slurm up")]
    Absent {
        /// The directory that was asked for.
        directory: PathBuf,
    },
    /// It runs, and is not what is asked for.
    #[error(
        "the emulated cluster in {directory} runs with other options; stop it first with: \
         cargo xtask slurm down --directory {directory}"
    )]
    OtherOptions {
        /// Where it runs.
        directory: PathBuf,
    },
    /// Somebody else starts or stops the same one at the moment.
    #[error("{directory} is being started or stopped by another process; wait for it")]
    Busy {
        /// Of which one.
        directory: PathBuf,
    },
    /// A list of nodes is not one.
    #[error("{text:?} does not name nodes: {why}; expected such as a-01-[01-04]-[1-8],b-01-01-1")]
    Names {
        /// What was given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An option has a value that cannot be.
    #[error("{option} is {value:?}: {why}")]
    Option {
        /// Which, as on the command line.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is wrong, and what is expected.
        why: &'static str,
    },
    /// Not enough free ports.
    #[error(
        "there are no {count} free ports in a row between 10000 and 32000; stop what uses them"
    )]
    NoPorts {
        /// How many are needed.
        count: u16,
    },
    /// A daemon did not start; everything is stopped again.
    #[error(
        "{daemon} did not start: {why}; everything is stopped again. The end of {log}:\n{lines}"
    )]
    Daemon {
        /// Which.
        daemon: Daemon,
        /// It ended, or nobody heard of it in time.
        why: String,
        /// Where it writes.
        log: PathBuf,
        /// The last lines of that.
        lines: String,
    },
    /// A command did not do what it is there for.
    #[error("{command} failed: {told}")]
    Command {
        /// As run.
        command: String,
        /// What it said.
        told: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Some of what was started does not end.
    #[error("processes {pids:?} of {directory} do not end, not even killed")]
    Immortal {
        /// Of which cluster.
        directory: PathBuf,
        /// Which.
        pids: Vec<i32>,
    },
}
