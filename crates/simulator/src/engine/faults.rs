//! Random failures of nodes, by seed.

use std::collections::BTreeSet;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Ratio, Seconds};

use crate::random::{Random, precise};

/// The stream of the seed that failures are drawn from; workloads have those from 0 on.
const STREAM: u64 = 1 << 32;

/// The stream of the seed that failing turnovers are drawn from.
const TURNOVER_STREAM: u64 = (1 << 32) + 1;

/// How long a node that would not come clean is mended where nobody says otherwise.
const REPAIR: Seconds = Seconds::new(8 * 3_600);

/// Which turnovers do not come to an end.
#[derive(Debug, Clone)]
pub struct TurnoverFailures {
    /// Of so many turnovers of a node.
    one_in: u64,
    fail: u64,
    random: Random,
    repair: Seconds,
    /// Nodes whose next turnover fails.
    stuck: BTreeSet<u32>,
}

impl Default for TurnoverFailures {
    fn default() -> Self {
        Self::new(Ratio::ZERO, REPAIR, 0)
    }
}

impl TurnoverFailures {
    /// The `share` of all turnovers fails, node by node; who fails is back after `repair`.
    ///
    /// # Panics
    /// If the share has more digits than a scenario may give it.
    pub fn new(share: Ratio, repair: Seconds, seed: u64) -> Self {
        let part = |part: i128| u64::try_from(part).expect("a share of few digits");
        Self {
            one_in: part(share.denominator()),
            fail: part(share.numerator()),
            random: Random::new(seed, TURNOVER_STREAM),
            repair,
            stuck: BTreeSet::new(),
        }
    }

    /// How long who fails is mended.
    pub const fn repair(&self) -> Seconds {
        self.repair
    }

    /// Lets the next turnover of `node` fail.
    pub fn stick(&mut self, node: u32) {
        self.stuck.insert(node);
    }

    /// Those of `nodes`, whose turnover begins, that will come clean.
    pub fn come_clean(&mut self, nodes: &NodeRanges) -> NodeRanges {
        if self.fail == 0 && self.stuck.is_empty() {
            return nodes.clone();
        }
        let mut fails = |node: &u32| {
            let drawn = self.fail > 0 && self.random.below(self.one_in) < self.fail;
            self.stuck.remove(node) || drawn
        };
        NodeRanges::from_nodes(nodes.iter().filter(|node| !fails(node)))
    }
}

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
