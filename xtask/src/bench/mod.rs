//! The figures that the project promises, measured: one JSON line each on stdout.
//!
//! Each module here measures one thing and hands back its figures. A figure is never a test:
//! machines differ, and a busy one would turn CI red for nothing.

mod binary;
mod guarantee;
mod money;
mod promise;
mod replay;
mod serve;
mod simulate;
mod slurm;
mod slurm_cycle;
mod storage;

use std::io::Write as _;

use serde::Serialize;

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured, such as `replay_easy_kth_sp2`.
    pub figure: String,
    /// How much.
    pub value: f64,
    /// Of what, such as `jobs/s`, `s`, `bytes`.
    pub unit: &'static str,
}

impl Figure {
    /// The figure `figure` of `value` in `unit`.
    pub fn new(figure: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { figure: figure.into(), value, unit }
    }
}

/// Measures and returns figures, each of which is printed as it comes.
type Bench = fn(&mut dyn FnMut(Figure));

/// Every bench by name. Add a line here for a new module.
const BENCHES: &[(&str, Bench)] = &[
    ("guarantee", guarantee::run),
    ("money", money::run),
    ("promise", promise::run),
    ("replay", replay::run),
    ("serve", serve::run),
    ("simulate", simulate::figures),
    ("slurm-cycle", slurm_cycle::run),
    ("slurm-reclaim", slurm::run),
    ("storage", storage::run),
];

/// The benches were asked for by a name that none of them has.
#[derive(Debug, thiserror::Error)]
#[error("no bench is named {name:?}; there are: {known}")]
pub struct UnknownBench {
    name: String,
    known: String,
}

/// Runs the bench `name`, or all of them, and prints one JSON line a figure.
pub fn run(name: Option<&str>) -> Result<(), UnknownBench> {
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(bench, _)| name.is_none_or(|name| name == *bench)).collect();
    if let (true, Some(name)) = (chosen.is_empty(), name) {
        let known = BENCHES.iter().map(|(bench, _)| *bench).collect::<Vec<_>>().join(", ");
        return Err(UnknownBench { name: name.into(), known });
    }
    for (_, bench) in chosen {
        bench(&mut print);
    }
    Ok(())
}

fn print(figure: Figure) {
    let line = serde_json::to_string(&figure).expect("a figure has no map with odd keys");
    // Whoever reads the figures may have gone; the rest is then of no use to anybody.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
