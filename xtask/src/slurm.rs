//! `slurm`: an emulated Slurm cluster on this machine, in a directory of its own.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

/// What to do with the cluster.
#[derive(Subcommand)]
pub enum Action {
    /// Start it, and wait until all its nodes are idle.
    Up(Box<UpArguments>),
    /// Stop it, and wait until nothing of it is left; what it recorded stays.
    Down {
        /// Where it lies.
        #[arg(long, default_value = "target/slurm")]
        directory: PathBuf,
        /// Remove the directory too.
        #[arg(long)]
        remove: bool,
    },
    /// Say which of its daemons live.
    Status {
        /// Where it lies.
        #[arg(long, default_value = "target/slurm")]
        directory: PathBuf,
    },
}

/// What it is like.
#[derive(Args)]
pub struct UpArguments {
    /// Where it lies: a directory that the users munge and mysql can enter.
    #[arg(long, default_value = "target/slurm")]
    directory: PathBuf,
    /// How many nodes, named as in racks of eight: a-01-01-1, a-01-01-2 and so on.
    #[arg(long, default_value_t = 32, conflicts_with = "names", value_parser = clap::value_parser!(u32).range(1..=4096))]
    nodes: u32,
    /// The names of its nodes, such as `a-01-[01-04]-[1-8],b-01-01-1`.
    #[arg(long, value_name = "HOSTLIST")]
    names: Option<String>,
    /// GPUs of each node.
    #[arg(long, default_value_t = 8)]
    gpus: u32,
    /// Seconds between SIGTERM and SIGKILL for a job that is told to leave.
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    kill_wait: u32,
    /// Whether Slurm itself evicts jobs.
    #[arg(long, value_enum, default_value_t = Preempt::None)]
    preempt: Preempt,
    /// A program that runs as root on a node before a job begins there.
    #[arg(long, value_name = "FILE")]
    prolog: Option<PathBuf>,
    /// A further line of slurm.conf, as KEY=VALUE; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Whether Slurm itself evicts jobs.
#[derive(Clone, Copy, ValueEnum)]
pub enum Preempt {
    /// By quality of service; then jobs of two accounts may share a node.
    Qos,
    /// Never; jobs of two accounts share no node.
    None,
}

#[cfg(not(feature = "slurm"))]
pub fn run(root: &Path, _action: &Action) -> bool {
    crate::again(root, &["--features", "slurm"], std::env::args().skip(1))
}

#[cfg(feature = "slurm")]
pub fn run(_root: &Path, action: &Action) -> bool {
    match linked::run(action) {
        Ok(told) => {
            eprintln!("slurm: {told}");
            true
        }
        Err(error) => {
            eprintln!("error: {error}");
            false
        }
    }
}

#[cfg(feature = "slurm")]
mod linked {
    use leasehold_clusters::slurm::emulated::{self, EmulatedError, Options};

    use super::{Action, Path, Preempt, UpArguments};

    pub(super) fn run(action: &Action) -> Result<String, EmulatedError> {
        match action {
            Action::Up(arguments) => up(arguments),
            Action::Down { directory, remove } => down(directory, *remove),
            Action::Status { directory } => status(directory),
        }
    }

    fn up(arguments: &UpArguments) -> Result<String, EmulatedError> {
        let done = emulated::up(&arguments.directory, &options(arguments)?)?;
        let what = match done {
            emulated::Up::Started => "is up",
            emulated::Up::AlreadyUp => "is up already",
        };
        let directory = std::path::absolute(&arguments.directory).unwrap_or_default();
        Ok(format!("{what}; to speak to it: . {}/env", directory.display()))
    }

    fn options(arguments: &UpArguments) -> Result<Options, EmulatedError> {
        let mut options = Options::with_nodes(arguments.nodes);
        if let Some(names) = &arguments.names {
            options.nodes.clone_from(names);
        }
        options.gpus_per_node = arguments.gpus;
        options.kill_wait_seconds = arguments.kill_wait;
        options.preempt = match arguments.preempt {
            Preempt::Qos => emulated::Preempt::Qos,
            Preempt::None => emulated::Preempt::None,
        };
        options.prolog = arguments.prolog.as_ref().map(|path| absolute(path)).transpose()?;
        options.settings =
            arguments.settings.iter().map(|text| setting(text)).collect::<Result<_, _>>()?;
        Ok(options)
    }

    fn absolute(path: &Path) -> Result<std::path::PathBuf, EmulatedError> {
        std::path::absolute(path).map_err(|error| EmulatedError::File { path: path.into(), error })
    }

    fn setting(text: &str) -> Result<(String, String), EmulatedError> {
        let (key, value) = text.split_once('=').ok_or_else(|| EmulatedError::Option {
            option: "--set",
            value: text.into(),
            why: "expected one line of slurm.conf as KEY=VALUE",
        })?;
        Ok((key.to_owned(), value.to_owned()))
    }

    fn down(directory: &Path, remove: bool) -> Result<String, EmulatedError> {
        let done = if remove { emulated::remove(directory)? } else { emulated::down(directory)? };
        Ok(match done {
            emulated::Down::Stopped(count) => format!("is down: {count} daemons stopped"),
            emulated::Down::AlreadyDown => "is down already".into(),
        })
    }

    fn status(directory: &Path) -> Result<String, EmulatedError> {
        let status = emulated::status(directory)?;
        let dead: Vec<String> = status.dead.iter().map(ToString::to_string).collect();
        let (count, dead) = (status.living.len(), dead.join(", "));
        Ok(match (count, dead.as_str()) {
            (0, "") => "is down".into(),
            (_, "") => format!("is up: {count} daemons"),
            _ => format!("is broken: {count} daemons live; gone without being stopped: {dead}"),
        })
    }
}
