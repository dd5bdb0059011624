//! Turnovers in progress and when each has failed.

use std::collections::BTreeMap;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds};
use serde::{Deserialize, Serialize};

use super::State;

/// Nodes in turnover, by when they have to be clean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubs {
    /// Of each node in turnover when it began, and by when it has to be over. Nodes from the end on are
    /// in none.
    by_node: Vec<Option<(Instant, Instant)>>,
    /// How many nodes have to be clean by then.
    by_deadline: BTreeMap<Instant, u32>,
}

impl Scrubs {
    /// The first deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first_key_value().map(|(at, _)| *at)
    }

    /// Nodes that began together and are not clean although their deadline is past at `now`, and
    /// when they began.
    pub fn overdue(&self, now: Instant) -> Option<(NodeRanges, Instant)> {
        if self.next_deadline().is_none_or(|first| first > now) {
            return None;
        }
        let late = (0u32..).zip(&self.by_node).filter_map(|(node, times)| {
            let (since, deadline) = (*times)?;
            (deadline <= now).then_some((node, since))
        });
        let (_, since) = late.clone().next()?;
        let together = late.filter(|(_, began)| *began == since).map(|(node, _)| node);
        Some((NodeRanges::from_nodes(together), since))
    }

    /// By when the turnover of `node` has to be over, if it is in one.
    pub fn deadline_of(&self, node: u32) -> Option<Instant> {
        let times = self.by_node.get(node as usize).copied().flatten();
        times.map(|(_, deadline)| deadline)
    }

    fn begin(&mut self, node: u32, since: Instant, deadline: Instant) {
        let place = node as usize;
        if place >= self.by_node.len() {
            self.by_node.resize(place + 1, None);
        }
        self.by_node[place] = Some((since, deadline));
        *self.by_deadline.entry(deadline).or_default() += 1;
    }

    /// Forgets the turnovers of `nodes`, however they ended.
    pub(super) fn end(&mut self, nodes: &NodeRanges) {
        if self.by_deadline.is_empty() {
            return;
        }
        for node in nodes.iter() {
            let Some(times) = self.by_node.get_mut(node as usize) else { break };
            if let Some((_, deadline)) = times.take() {
                let left = self.by_deadline.get_mut(&deadline).expect("the node was counted");
                *left -= 1;
                if *left == 0 {
                    self.by_deadline.remove(&deadline);
                }
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
