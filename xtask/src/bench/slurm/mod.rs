//! How soon a tenant's work starts where borrowers fill a cluster that Slurm runs, and how many of them it
//! costs: Slurm's own preemption, victims that a loop chooses from outside, and Leasehold itself, release build.
//!
//! On an emulated cluster, as root. `LEASEHOLD_TRIES` says how often each case is tried.

mod leasehold;
mod reclaim;
mod stage;

use leasehold_clusters::slurm::emulated::{Cluster, Options, Preempt};

use super::{Figure, binary};
use leasehold::Leasehold;
use reclaim::{Chosen, Qos, Reclaim};
use stage::{Outcome, Stage};

const NODES: u32 = 64;
const GPUS_PER_NODE: u32 = 8;
const KILL_WAIT_SECONDS: u32 = 5;
const TRIES: usize = 3;

/// What the tenant submits: always eight nodes' worth of GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// One job of 8 nodes.
    Gang,
    /// 8 jobs of a node each.
    Jobs,
    /// An array of 8 tasks of a node each.
    Array,
    /// 64 jobs of a GPU each.
    Gpus,
}

/// What a borrower does when it is told to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Borrowers {
    /// It ends at once.
    Prompt,
    /// It goes on until it is killed.
    Stubborn,
}

const WORK: [Work; 4] = [Work::Gang, Work::Jobs, Work::Array, Work::Gpus];
const BORROWERS: [Borrowers; 2] = [Borrowers::Prompt, Borrowers::Stubborn];
/// Nodes that any of the works needs.
const NODES_NEEDED: usize = 8;

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Gang => "1_job_8_nodes",
            Self::Jobs => "8_jobs_1_node",
            Self::Array => "array_8_tasks",
            Self::Gpus => "64_jobs_1_gpu",
        }
    }

    /// Jobs that start one by one.
    fn starts(self) -> usize {
        match self {
            Self::Gang => 1,
            Self::Jobs | Self::Array => 8,
            Self::Gpus => 64,
        }
    }
}

impl Borrowers {
    fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Stubborn => "stubborn",
        }
    }
}

/// A way to free nodes for the tenant.
struct Mode {
    /// As in the figures.
    name: &'static str,
    /// Whether Slurm itself evicts.
    preempt: Preempt,
    /// Sets it up on an empty cluster.
    begin: for<'a> fn(&'a Cluster) -> Box<dyn Reclaim + 'a>,
}

const MODES: [Mode; 3] = [
    Mode { name: "qos", preempt: Preempt::Qos, begin: |_| Box::new(Qos) },
    Mode {
        name: "chosen",
        preempt: Preempt::None,
        begin: |cluster| Box::new(Chosen::new(cluster)),
    },
    Mode {
        name: "leasehold",
        preempt: Preempt::None,
        begin: |cluster| Box::new(Leasehold::start(cluster)),
    },
];

/// One line of the table.
struct Line {
    mode: &'static str,
    work: Work,
    borrowers: Borrowers,
    outcomes: Vec<Outcome>,
}

/// Hands each figure to `report` as soon as it is measured; the table goes to stderr at the end.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let tries = std::env::var("LEASEHOLD_TRIES").ok().and_then(|text| text.parse().ok());
    let tries = tries.unwrap_or(TRIES).max(1);
    binary::build();
    let mut lines = Vec::new();
    for mode in MODES {
        let options = Options {
            gpus_per_node: GPUS_PER_NODE,
            kill_wait_seconds: KILL_WAIT_SECONDS,
            preempt: mode.preempt,
            ..Options::with_nodes(NODES)
        };
        let Some(cluster) = Cluster::start(&options) else { return };
        let stage = Stage::new(cluster);
        let mut reclaim = (mode.begin)(stage.cluster());
        for borrowers in BORROWERS {
            stage.fill(borrowers);
            for work in WORK {
                let outcomes = (0..tries).map(|_| stage.attempt(work, &mut *reclaim)).collect();
                let line = Line { mode: mode.name, work, borrowers, outcomes };
                line.report(report);
                lines.push(line);
            }
        }
    }
    table(&lines);
}

impl Line {
    /// Seconds from submission to start of every job of every try, ascending.
    fn waits(&self) -> Vec<f64> {
        let mut waits: Vec<f64> = self.outcomes.iter().flat_map(|o| o.waits.clone()).collect();
        waits.sort_by(f64::total_cmp);
        waits
    }

    fn evicted(&self) -> (usize, usize) {
        let counts = || self.outcomes.iter().map(|outcome| outcome.evicted);
        (counts().min().unwrap_or_default(), counts().max().unwrap_or_default())
    }

    fn missing(&self) -> usize {
        self.outcomes.iter().map(|outcome| self.work.starts() - outcome.waits.len()).sum()
    }

    fn report(&self, report: &mut dyn FnMut(Figure)) {
        let (work, borrowers) = (self.work.name(), self.borrowers.name());
        let name = |what| format!("slurm_reclaim_{}_{work}_{borrowers}_{what}", self.mode);
        let waits = self.waits();
        if let (Some(p50), Some(p100)) = (waits.get(waits.len() / 2), waits.last()) {
            report(Figure::new(name("p50"), *p50, "s"));
            report(Figure::new(name("p100"), *p100, "s"));
        }
        report(Figure::new(name("evicted_max"), self.evicted().1 as f64, "jobs"));
        report(Figure::new(name("never_started"), self.missing() as f64, "jobs"));
    }
}

fn table(lines: &[Line]) {
    eprintln!(
        "{NODES} nodes x {GPUS_PER_NODE} GPUs, full of one-node borrowers; KillWait={KILL_WAIT_SECONDS}; \
         {NODES_NEEDED} evictions are enough"
    );
    eprintln!(
        "{:9} {:14} {:9} {:>5} {:>7} {:>7} {:>8} {:>7}",
        "mode", "work", "borrowers", "tries", "p50 s", "p100 s", "evicted", "missing"
    );
    for line in lines {
        let waits = line.waits();
        let at =
            |index: Option<usize>| index.and_then(|i| waits.get(i)).copied().unwrap_or(f64::NAN);
        let (least, most) = line.evicted();
        eprintln!(
            "{:9} {:14} {:9} {:>5} {:>7.2} {:>7.2} {:>8} {:>7}",
            line.mode,
            line.work.name(),
            line.borrowers.name(),
            line.outcomes.len(),
            at(Some(waits.len() / 2)),
            at(waits.len().checked_sub(1)),
            format!("{least}-{most}"),
            line.missing()
        );
    }
}
