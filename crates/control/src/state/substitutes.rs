//! Nodes that stand in for failed ones.
//!
//! A holding is planned as blocks of named nodes. When one of these fails, another node stands in
//! for it: the two change places, and change back when the failed one is healthy and the other is
//! idle. The plan itself does not move, so that a holding finds back into its shape.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_scheduler::nodes::NodeRanges;
use serde::{Deserialize, Serialize};

use super::{State, contracts};
use crate::fleet::{Condition, Holding, PartitionId};

/// A node that stands in for a failed one, or is set aside for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitute {
    /// Number of the lease whose holding it is for.
    pub lease: u16,
    /// The node.
    pub node: u32,
    /// What it stood for before.
    pub origin: Holding,
    /// Whether it stands in already; else it is being cleared and scrubbed.
    pub active: bool,
}

/// Which failed nodes have a substitute, and which want one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitutes {
    by_home: BTreeMap<u32, Substitute>,
    /// Failed nodes in holdings.
    wanting: BTreeSet<u32>,
    /// The failed nodes that have a substitute, and the substitutes.
    engaged: BTreeSet<u32>,
    /// How often something happened to any of them.
    news: u64,
}

impl Substitutes {
    /// All of them, by the failed node.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Substitute)> + '_ {
        self.by_home.iter().map(|(home, substitute)| (*home, *substitute))
    }

    /// Failed nodes in holdings for which none is set aside yet.
    pub fn wanting(&self) -> impl Iterator<Item = u32> + '_ {
        self.wanting.iter().copied().filter(|home| !self.by_home.contains_key(home))
    }

    /// Whether no node failed in a holding.
    pub fn is_empty(&self) -> bool {
        self.by_home.is_empty() && self.wanting.is_empty()
    }

    /// Whether `node` has a substitute or is one, so that no plan should reopen it.
    pub fn engages(&self, node: u32) -> bool {
        self.engaged.contains(&node)
    }

    /// Takes note that something happened to `nodes`.
    pub(super) fn hear_of(&mut self, nodes: &NodeRanges) {
        let engaged = |&(first, end): &(u32, u32)| self.engaged.range(first..end).next().is_some();
        if !self.engaged.is_empty() && nodes.ranges().iter().any(engaged) {
            self.news += 1;
        }
    }

    fn insert(&mut self, home: u32, substitute: Substitute) {
        self.engaged.extend([home, substitute.node]);
        self.by_home.insert(home, substitute);
        self.news += 1;
    }

    fn remove(&mut self, home: u32) -> Substitute {
        let removed = self.by_home.remove(&home).expect("a node stands in");
        self.engaged.remove(&home);
        self.engaged.remove(&removed.node);
        self.news += 1;
        removed
    }
}

impl State {
    /// Notes which of `nodes` are failed nodes of a holding now.
    pub(super) fn note_failed(&mut self, nodes: &NodeRanges) {
        for number in nodes.iter() {
            let node = self.fleet.node(number);
            let held = self.fleet.partition(node.partition).role.lease().is_some();
            if held && node.condition == Condition::Down {
                self.substitutes.wanting.insert(number);
                self.substitutes.news += 1;
            } else if !self.substitutes.wanting.is_empty() {
                self.substitutes.wanting.remove(&number);
            }
        }
    }

    pub(super) fn choose_substitute(&mut self, home: u32, node: u32) {
        let role = |number: u32| &self.fleet.partition(self.fleet.node(number).partition).role;
        let lease = role(home).lease().expect("a failed node of a holding");
        let origin = role(node).holding;
        let chosen = Substitute { lease, node, origin, active: false };
        self.substitutes.insert(home, chosen);
        self.set_draining(node, true);
    }

    pub(super) fn drop_substitute(&mut self, home: u32) {
        let dropped = self.substitutes.remove(home);
        self.set_draining(dropped.node, false);
    }

    /// The substitute enters the holding, the failed node leaves it.
    pub(super) fn substitute(&mut self, home: u32) {
        self.substitutes.news += 1;
        let substitute = self.substitutes.by_home.get_mut(&home).expect("a node was set aside");
        substitute.active = true;
        let Substitute { lease, node, origin, .. } = *substitute;
        self.put(node, Holding::Lease(lease), false);
        self.put(home, origin, true);
    }

    /// Both stay where they are, for good.
    pub(super) fn keep_substitute(&mut self, home: u32) {
        let kept = self.substitutes.remove(home);
        assert!(kept.active, "node {} does not stand in yet", kept.node);
        self.set_draining(home, false);
    }

    /// Both go back to where they were.
    pub(super) fn end_substitution(&mut self, home: u32) {
        let ended = self.substitutes.remove(home);
        self.put(ended.node, ended.origin, false);
        self.put(home, Holding::Lease(ended.lease), false);
    }

    fn put(&mut self, number: u32, holding: Holding, draining: bool) {
        let partition = self.partition_of(holding, self.fleet.pool_of(number));
        let (now, one) = (self.now, NodeRanges::from_range(number, number + 1));
        self.fleet.change(&one, now, |node| {
            node.partition = partition;
            node.draining = draining;
        });
        self.note_failed(&one);
    }

    fn set_draining(&mut self, number: u32, draining: bool) {
        let (now, one) = (self.now, NodeRanges::from_range(number, number + 1));
        self.fleet.change(&one, now, |node| node.draining = draining);
    }

    /// A number that changes whenever a look at the substitutes could find something to do.
    pub fn substitution_prospects(&self) -> u64 {
        let pools = 0..self.site.pools.len();
        let open = self.substitutes.wanting().next().is_some();
        let rooms = pools.flat_map(|pool| {
            [Holding::Own, Holding::Reserve].map(|holding| self.partition_of(holding, pool))
        });
        let room: u64 = rooms.filter(|_| open).map(|id| self.fleet.room(id)).sum();
        self.substitutes.news + room
    }

    /// The partition of `pool` under `holding`.
    pub fn partition_of(&self, holding: Holding, pool: usize) -> PartitionId {
        contracts::partition_of(&self.contracts, self.site.pools.len(), holding, pool)
    }
}
