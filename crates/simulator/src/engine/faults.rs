//! Random failures of nodes, by seed.

use leasehold_units::Seconds;

use crate::random::{Random, precise};

/// The stream of the seed that failures are drawn from; workloads have those from 0 on.
const STREAM: u64 = 1 << 32;

/// Nodes fail one by one, as a Poisson process over the whole site.
#[derive(Debug, Clone)]
pub struct Faults {
    nodes: u32,
    repair: Seconds,
    mean_gap_seconds: f64,
    random: Random,
}

impl Faults {
    /// Failures of `nodes` nodes, each on average once in `node_mtbf`, back after `repair`.
    pub fn new(nodes: u32, node_mtbf: Seconds, repair: Seconds, seed: u64) -> Self {
        let mean_gap_seconds = precise(node_mtbf.get()) / f64::from(nodes);
        Self { nodes, repair, mean_gap_seconds, random: Random::new(seed, STREAM) }
    }

    /// How long a repair takes.
    pub const fn repair(&self) -> Seconds {
        self.repair
    }

    /// The next node to fail.
    pub fn draw_node(&mut self) -> u32 {
        let node = self.random.below(u64::from(self.nodes));
        u32::try_from(node).expect("below the number of nodes")
    }

    /// Time until the next failure.
    pub fn draw_gap(&mut self) -> Seconds {
        self.random.gap(self.mean_gap_seconds)
    }
}
