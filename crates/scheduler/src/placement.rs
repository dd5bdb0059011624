//! Which nodes a gang gets.
//!
//! A gang is `whole` full nodes plus, where its GPUs do not divide evenly, a `part` of one more.
//! The whole nodes are kept together: the shortest run of free nodes that holds them all, else the
//! longest runs first, so that small gangs do not break up what large ones will need.

use crate::nodes::{NodeRanges, NodeSet};

/// A gang on nodes of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gang {
    /// Nodes that it fills.
    pub whole: u32,
    /// GPUs on one node more; 0 where it fills all of its nodes.
    pub part: u32,
}

impl Gang {
    /// A gang of `gpus` on nodes of `gpus_per_node`.
    pub const fn of(gpus: u32, gpus_per_node: u32) -> Self {
        Self { whole: gpus / gpus_per_node, part: gpus % gpus_per_node }
    }

    /// Nodes it touches.
    pub const fn nodes(self) -> u32 {
        self.whole + if self.part > 0 { 1 } else { 0 }
    }
}

/// `need` nodes out of `sets`, earlier sets first, each set's nodes kept together.
///
/// # Panics
/// If the sets together hold fewer.
pub fn pick(sets: &[&NodeSet], need: u32) -> NodeRanges {
    let mut chosen: Vec<(u32, u32)> = Vec::new();
    let mut open = need;
    for set in sets {
        let take = open.min(set.count());
        if take > 0 {
            pick_runs(set, take, &mut chosen);
            open -= take;
        }
    }
    assert!(open == 0, "{open} nodes short of {need}");
    chosen.sort_unstable();
    let mut ranges = NodeRanges::new();
    for (first, end) in chosen {
        ranges.push(first, end);
    }
    ranges
}

/// `take` nodes of `set`, which holds at least so many.
fn pick_runs(set: &NodeSet, take: u32, chosen: &mut Vec<(u32, u32)>) {
    let mut best: Option<(u32, u32)> = None;
    for (first, end) in set.runs() {
        let length = end - first;
        if length == take {
            chosen.push((first, end));
            return;
        }
        let shorter = best.is_none_or(|(from, until)| length < until - from);
        if length > take && shorter {
            best = Some((first, end));
        }
    }
    if let Some((first, _)) = best {
        chosen.push((first, first + take));
        return;
    }
    pick_longest(set, take, chosen);
}

fn pick_longest(set: &NodeSet, take: u32, chosen: &mut Vec<(u32, u32)>) {
    let mut runs: Vec<(u32, u32)> = set.runs().collect();
    runs.sort_unstable_by_key(|&(first, end)| (std::cmp::Reverse(end - first), first));
    let mut open = take;
    for (first, end) in runs {
        let length = open.min(end - first);
        chosen.push((first, first + length));
        open -= length;
        if open == 0 {
            return;
        }
    }
}
