//! Turnovers in progress and when each has failed.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds};
use serde::{Deserialize, Serialize};

use super::State;

/// Nodes in turnover, by when they have to be clean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubs {
    /// When it began, and by when it has to be over.
    by_node: BTreeMap<u32, (Instant, Instant)>,
    by_deadline: BTreeSet<(Instant, u32)>,
}

impl Scrubs {
    /// The first deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(at, _)| *at)
    }

    /// Nodes that began together and are not clean although their deadline is past at `now`, and
    /// when they began.
    pub fn overdue(&self, now: Instant) -> Option<(NodeRanges, Instant)> {
        let late = self.by_deadline.iter().take_while(|(at, _)| *at <= now).map(|(_, node)| *node);
        let late: BTreeSet<u32> = late.collect();
        let since = late.first().map(|node| self.by_node[node].0)?;
        let together = late.into_iter().filter(|node| self.by_node[node].0 == since);
        Some((NodeRanges::from_nodes(together), since))
    }

    /// By when the turnover of `node` has to be over, if it is in one.
    pub fn deadline_of(&self, node: u32) -> Option<Instant> {
        self.by_node.get(&node).map(|(_, deadline)| *deadline)
    }

    fn begin(&mut self, node: u32, since: Instant, deadline: Instant) {
        self.by_node.insert(node, (since, deadline));
        self.by_deadline.insert((deadline, node));
    }

    /// Forgets the turnovers of `nodes`, however they ended.
    pub(super) fn end(&mut self, nodes: &NodeRanges) {
        if self.by_node.is_empty() {
            return;
        }
        for node in nodes.iter() {
            if let Some((_, deadline)) = self.by_node.remove(&node) {
                self.by_deadline.remove(&(deadline, node));
            }
        }
    }
}

impl State {
    /// Times the turnover of `nodes`, which begins now.
    pub(super) fn time_turnover(&mut self, nodes: &NodeRanges) {
        for node in nodes.iter() {
            let pool = &self.fleet.pools[self.fleet.pool_of(node)];
            let limit = Seconds::new(u64::from(pool.turnover_seconds_max));
            self.scrubs.begin(node, self.now, self.now.after(limit));
        }
    }
}
