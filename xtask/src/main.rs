//! The project's own tasks: `ci`, `tidy`, `docs`, `bench`.

#[cfg(feature = "bench")]
mod bench;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Print one JSON line for each measured figure.
    Bench {
        /// Only this bench.
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    let Task::Bench { name } = Arguments::parse().task;
    bench_task(name.as_deref())
}

#[cfg(feature = "bench")]
fn bench_task(name: Option<&str>) -> ExitCode {
    bench::run(name).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

#[cfg(not(feature = "bench"))]
fn bench_task(name: Option<&str>) -> ExitCode {
    let built = std::process::Command::new("cargo")
        .args(["run", "--quiet", "--release", "--package", "xtask", "--features", "bench"])
        .args(["--", "bench"])
        .args(name)
        .status();
    if built.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
