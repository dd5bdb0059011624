//! The project's own tasks: `ci`, `tidy`, `docs`, `bench`, `soak`, `faults`, `slurm`.
#![allow(clippy::print_stderr, reason = "tasks narrate on stderr; there is no logger to hide in")]

#[cfg(feature = "bench")]
mod bench;
mod ci;
mod docs;
mod faults;
mod slurm;
#[cfg(feature = "bench")]
mod soak;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must hold before a change goes in: format, clippy, tidy, docs, tests.
    Ci,
    /// The project's own rules: floors, banned words, lengths, unfinished marks.
    Tidy,
    /// Rewrite docs/cli.md from the command line's own description.
    Docs,
    /// Print one JSON line for each measured figure, from a release build.
    Bench {
        /// Only this bench.
        name: Option<String>,
    },
    /// Let the adversary of many seeds try to break a promise, in a release build.
    Soak {
        /// How many seeds.
        #[arg(long, default_value_t = 2_000)]
        seeds: u64,
        /// The first of them.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Make go wrong what can go wrong around a part of the product, more often than its tests do.
    Faults {
        /// Which part: `storage` or `serve`.
        part: String,
        /// How many rounds of each fault.
        #[arg(long, default_value_t = 200)]
        rounds: u32,
    },
    /// An emulated Slurm cluster on this machine, in a directory of its own.
    Slurm {
        /// What to do with it.
        #[command(subcommand)]
        action: slurm::Action,
    },
}

fn main() -> ExitCode {
    let root = root();
    let done = match Arguments::parse().task {
        Task::Ci => ci::run(&root),
        Task::Tidy => tidy::run(&root),
        Task::Docs => docs::write(&root),
        Task::Bench { name } => bench_task(&root, name.as_deref()),
        Task::Soak { seeds, from } => soak_task(&root, seeds, from),
        Task::Faults { part, rounds } => faults::run(&root, &part, rounds),
        Task::Slurm { action } => slurm::run(&root, &action),
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The workspace, wherever inside it the task was started.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("xtask lies in the workspace").to_path_buf()
}

/// The cargo that started this task, so that a pinned toolchain stays the same throughout.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

#[cfg(feature = "bench")]
fn bench_task(_root: &Path, name: Option<&str>) -> bool {
    bench::run(name).inspect_err(|error| eprintln!("error: {error}")).is_ok()
}

#[cfg(not(feature = "bench"))]
fn bench_task(root: &Path, name: Option<&str>) -> bool {
    let name = name.map(str::to_owned);
    let words = ["bench".to_owned()].into_iter().chain(name);
    again(root, &["--release", "--features", "bench"], words)
}

#[cfg(feature = "bench")]
fn soak_task(_root: &Path, seeds: u64, from: u64) -> bool {
    soak::run(from, seeds)
}

#[cfg(not(feature = "bench"))]
fn soak_task(root: &Path, seeds: u64, from: u64) -> bool {
    let numbers = [format!("--seeds={seeds}"), format!("--from={from}")];
    let words = ["soak".to_owned()].into_iter().chain(numbers);
    again(root, &["--release", "--features", "bench"], words)
}

/// Starts a task again, built with more linked in than the others need.
#[cfg(not(all(feature = "bench", feature = "slurm")))]
fn again(root: &Path, build: &[&str], arguments: impl Iterator<Item = String>) -> bool {
    let mut command = cargo(root);
    command.args(["run", "--quiet", "--package", "xtask"]).args(build).arg("--").args(arguments);
    command.status().is_ok_and(|status| status.success())
}
