//! Which nodes a gang gets.
//!
//! A gang is `whole` full nodes plus, where its GPUs do not divide evenly, a `part` of one more.
//! Its nodes are taken so that what stays free is whole racks and whole arrays, which large gangs
//! will need: what fits a rack goes to the fullest rack that holds it, what fits an array to the
//! fullest such array, and what is larger takes whole arrays first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use leasehold_units::Shape;
use smallvec::SmallVec;

use crate::blocks::{Geometry, tightest};
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

/// Ranges of nodes, or of blocks, in the order in which they were chosen.
type Ranges = SmallVec<[(u32, u32); 8]>;

/// `need` nodes out of `sets`, which have no node in common: earlier sets first, and out of each
/// set the nodes that break up as little as possible of its racks and arrays.
///
/// # Panics
/// If the sets together hold fewer.
pub fn pick(sets: &[&NodeSet], need: u32) -> NodeRanges {
    let mut chosen = Ranges::new();
    let mut open = need;
    for set in sets {
        let take = open.min(set.count());
        if take > 0 {
            pick_nodes(set, take, &mut chosen);
            open -= take;
        }
    }
    assert!(open == 0, "{open} nodes short of {need}");
    sorted(chosen)
}

/// `need` nodes out of one block of `shape`, if there is one with so many in `sets` together. The
/// sets are of one pool and have no node in common.
///
/// As few of the sets as possible are used, the earlier ones; of the blocks that these leave to
/// choose from it is the one that they hold the fewest nodes of. In the block it is as in [`pick`].
pub fn pick_within(sets: &[&NodeSet], need: u32, shape: Shape) -> Option<NodeRanges> {
    if shape == Shape::Node {
        return (need <= widest_block(sets, shape)).then(|| pick(sets, need));
    }
    let mut totals = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        add_counts(&mut totals, counts(set, shape));
        if let Some(block) = tightest(&totals, need, |_| true) {
            return Some(pick_in_block(&sets[..=index], need, shape, block));
        }
    }
    None
}

/// The most nodes that one block of `shape` has in `sets` together, which are of one pool and have
/// no node in common: the largest gang that [`pick_within`] finds nodes for.
pub fn widest_block(sets: &[&NodeSet], shape: Shape) -> u32 {
    if shape == Shape::Node {
        return u32::from(sets.iter().any(|set| set.count() > 0));
    }
    let mut totals = Vec::new();
    for set in sets {
        add_counts(&mut totals, counts(set, shape));
    }
    totals.into_iter().max().unwrap_or(0)
}

fn counts(set: &NodeSet, shape: Shape) -> &[u32] {
    match shape {
        Shape::Rack => set.blocks().racks(),
        Shape::Array => set.blocks().arrays(),
        Shape::Node => unreachable!("nodes are not counted one by one"),
    }
}

fn add_counts(totals: &mut Vec<u32>, counts: &[u32]) {
    if totals.is_empty() {
        totals.extend_from_slice(counts);
        return;
    }
    assert!(totals.len() == counts.len(), "node sets of different pools");
    for (total, count) in totals.iter_mut().zip(counts) {
        *total += count;
    }
}

/// `need` nodes of one block, which has at least so many in `sets`.
fn pick_in_block(sets: &[&NodeSet], need: u32, shape: Shape, block: u32) -> NodeRanges {
    let mut chosen = Ranges::new();
    let mut open = need;
    for set in sets {
        let take = open.min(counts(set, shape)[block as usize]);
        match shape {
            _ if take == 0 => continue,
            Shape::Array => pick_in_array(set, block, take, &mut chosen),
            Shape::Rack | Shape::Node => pick_in_rack(set, block, take, &mut chosen),
        }
        open -= take;
    }
    assert!(open == 0, "{open} nodes short of {need}");
    sorted(chosen)
}

fn sorted(mut chosen: Ranges) -> NodeRanges {
    chosen.sort_unstable();
    let mut ranges = NodeRanges::new();
    for (first, end) in chosen {
        ranges.push(first, end);
    }
    ranges
}

/// `take` nodes of `set`, which holds at least so many.
fn pick_nodes(set: &NodeSet, take: u32, chosen: &mut Ranges) {
    if take == set.count() {
        chosen.extend(set.runs());
    } else if !pick_in_tightest(set, take, &[], chosen) {
        pick_across_arrays(set, take, chosen);
    }
}

/// `take` nodes of the rack, or else of the array, that they leave the least of; false where no
/// array holds so many. Arrays marked in `skip` are left alone.
fn pick_in_tightest(set: &NodeSet, take: u32, skip: &[bool], chosen: &mut Ranges) -> bool {
    if let Some(rack) = set.blocks().tightest_rack(take, skip) {
        pick_in_rack(set, rack, take, chosen);
        return true;
    }
    if let Some(array) = set.blocks().tightest_array(take, skip) {
        pick_in_array(set, array, take, chosen);
        return true;
    }
    false
}

/// `take` nodes of `set`, of which no array holds so many: whole arrays, then the arrays that hold
/// the most until the rest fits into one.
fn pick_across_arrays(set: &NodeSet, take: u32, chosen: &mut Ranges) {
    let (counts, size) = (set.blocks().arrays(), set.blocks().geometry().nodes_per_array());
    let (whole, left) = whole_and_left(counts, size, take / size);
    // The fullest, and of equals the first. Few of many are taken.
    let by_count = left.into_iter().map(|array| (counts[array as usize], Reverse(array)));
    let mut left: BinaryHeap<(u32, Reverse<u32>)> = by_count.collect();
    let mut skip = vec![false; counts.len()];
    let mut open = take;
    for (from, until) in whole {
        chosen.push(nodes_of(set, (from, until), size));
        skip[from as usize..until as usize].fill(true);
        open -= (until - from) * size;
    }
    while open > 0 && !pick_in_tightest(set, open, &skip, chosen) {
        let (_, Reverse(fullest)) = left.pop().expect("the set holds what is taken");
        skip[fullest as usize] = true;
        let (first, end) = nodes_of(set, (fullest, fullest + 1), size);
        chosen.extend(set.runs_within(first, end));
        open -= counts[fullest as usize];
    }
}

/// `take` nodes of an array that holds at least so many: whole racks, then the racks that hold the
/// most until the rest fits into one, then the tightest such one.
fn pick_in_array(set: &NodeSet, array: u32, take: u32, chosen: &mut Ranges) {
    let Geometry { racks_per_array, nodes_per_rack: size, .. } = set.blocks().geometry();
    let (first_rack, end_rack) = (array * racks_per_array, (array + 1) * racks_per_array);
    if take == set.blocks().arrays()[array as usize] {
        let (first, end) = nodes_of(set, (first_rack, end_rack), size);
        chosen.extend(set.runs_within(first, end));
        return;
    }
    let counts = &set.blocks().racks()[first_rack as usize..end_rack as usize];
    let (whole, mut left) = whole_and_left(counts, size, take / size);
    left.sort_unstable_by_key(|rack| (counts[*rack as usize], Reverse(*rack)));
    let mut open = take;
    for (from, until) in whole {
        chosen.push(nodes_of(set, (first_rack + from, first_rack + until), size));
        open -= (until - from) * size;
    }
    while open > 0 {
        // They stand by count, so one pass finds the first of the tightest that hold all the rest.
        let too_few = left.partition_point(|rack| counts[*rack as usize] < open);
        let tight = left.get(too_few).map(|rack| counts[*rack as usize]);
        let until = left.partition_point(|rack| Some(counts[*rack as usize]) <= tight);
        let rack = left.remove(if tight.is_some() { until } else { left.len() } - 1);
        let some = open.min(counts[rack as usize]);
        pick_in_rack(set, first_rack + rack, some, chosen);
        open -= some;
    }
}

/// `take` nodes of a rack that holds at least so many, consecutive ones where possible.
fn pick_in_rack(set: &NodeSet, rack: u32, take: u32, chosen: &mut Ranges) {
    let size = set.blocks().geometry().nodes_per_rack;
    let (first, end) = nodes_of(set, (rack, rack + 1), size);
    if take == size {
        chosen.push((first, end));
    } else {
        chosen.extend(choose_runs(set.runs_within(first, end).collect(), take));
    }
}

/// The nodes of the blocks from `from` to `until`, of `size` nodes each.
fn nodes_of(set: &NodeSet, (from, until): (u32, u32), size: u32) -> (u32, u32) {
    (set.first_node() + from * size, set.first_node() + until * size)
}

/// Up to `most` of the blocks that hold their full `size`, side by side where possible, and every
/// other block that holds something, in order.
fn whole_and_left(counts: &[u32], size: u32, most: u32) -> (Ranges, SmallVec<[u32; 16]>) {
    let blocks = || (0u32..).zip(counts.iter().copied());
    let mut runs = Ranges::new();
    for (block, _) in blocks().filter(|(_, count)| most > 0 && *count == size) {
        match runs.last_mut().filter(|(_, end)| *end == block) {
            Some((_, end)) => *end += 1,
            None => runs.push((block, block + 1)),
        }
    }
    let all: u32 = runs.iter().map(|(from, until)| until - from).sum();
    let whole = choose_runs(runs, most.min(all));
    let chosen = |block: u32| whole.iter().any(|(from, until)| (*from..*until).contains(&block));
    let others = blocks().filter(|(block, count)| *count > 0 && !chosen(*block));
    let left = others.map(|(block, _)| block).collect();
    (whole, left)
}

/// `take` out of `runs`, which are as long together at least: the shortest run that is long enough,
/// else the longest ones first.
fn choose_runs(mut runs: Ranges, take: u32) -> Ranges {
    let length = |&(first, end): &(u32, u32)| end - first;
    let fitting = runs.iter().filter(|run| length(run) >= take);
    if let Some(&(first, _)) = fitting.min_by_key(|run| length(run)) {
        return Ranges::from_slice(&[(first, first + take)]);
    }
    runs.sort_unstable_by_key(|run| (Reverse(length(run)), run.0));
    let mut open = take;
    for run in &mut runs {
        run.1 = run.0 + open.min(length(run));
        open -= length(run);
    }
    runs.retain(|run| length(run) > 0);
    runs
}
