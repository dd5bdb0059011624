//! Node sets, gangs and the choice of victims against slow, obvious models.

use std::collections::BTreeSet;

use leasehold_scheduler::blocks::Geometry;
use leasehold_scheduler::nodes::{NodeRanges, NodeSet};
use leasehold_scheduler::placement::Gang;
use leasehold_scheduler::reclaim::{Candidate, choose};
use proptest::prelude::*;

const FIRST: u32 = 1_000;
const GEOMETRY: Geometry = Geometry { arrays: 4, racks_per_array: 3, nodes_per_rack: 18 };
const NODES: u32 = GEOMETRY.nodes();

/// Maximal runs, found one node at a time.
fn runs_of(nodes: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for node in nodes {
        match runs.last_mut().filter(|(_, end)| end == node) {
            Some((_, end)) => *end += 1,
            None => runs.push((*node, node + 1)),
        }
    }
    runs
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    prop::collection::vec((0u32..6, 0u64..50), 0..10).prop_map(|list| {
        let numbered = (0..).zip(list);
        numbered.map(|(key, (nodes, lost))| Candidate { key, nodes, lost }).collect()
    })
}

proptest! {
    #[test]
    fn ranges_in_any_order_are_the_nodes_in_them(
        ranges in prop::collection::vec((FIRST..FIRST + NODES, 0u32..20), 0..12),
    ) {
        let ranges: Vec<(u32, u32)> =
            ranges.into_iter().map(|(first, count)| (first, first + count)).collect();
        let nodes: BTreeSet<u32> = ranges.iter().flat_map(|(first, end)| *first..*end).collect();
        let subject = NodeRanges::from_ranges(ranges);
        prop_assert_eq!(subject.ranges(), runs_of(&nodes));
    }

    #[test]
    fn a_set_is_what_was_put_in_and_not_taken_out(
        edits in prop::collection::vec((any::<bool>(), FIRST..FIRST + NODES, 1u32..90), 0..40),
    ) {
        let mut set = NodeSet::new(FIRST, GEOMETRY);
        let mut model: BTreeSet<u32> = BTreeSet::new();
        for (put, first, length) in edits {
            let end = (first + length).min(FIRST + NODES);
            let inside = (first..end).filter(|node| model.contains(node)).count() as u32;
            if put && inside == 0 {
                set.insert(first, end);
                model.extend(first..end);
            } else if !put && inside == end - first {
                set.remove(first, end);
                model.retain(|node| !(first..end).contains(node));
            }
            prop_assert_eq!(set.count() as usize, model.len());
            prop_assert_eq!(set.runs().collect::<Vec<_>>(), runs_of(&model));
            prop_assert_eq!(set.first(), model.first().copied());
            let runs = set.runs_within(FIRST + 60, FIRST + 170).collect::<Vec<_>>();
            let inside = model.range(FIRST + 60..FIRST + 170).copied().collect();
            prop_assert_eq!(runs, runs_of(&inside));
        }
        for node in FIRST..FIRST + NODES {
            prop_assert_eq!(set.contains(node), model.contains(&node));
        }
    }

    #[test]
    fn a_gang_on_nodes_has_all_its_gpus(gpus in 1u32..5_000, per_node in 1u32..64) {
        let gang = Gang::of(gpus, per_node);
        prop_assert_eq!(gang.whole * per_node + gang.part, gpus);
        prop_assert_eq!(gang.nodes(), gpus.div_ceil(per_node));
    }

    #[test]
    fn ranges_hold_the_nodes_they_were_made_of(nodes in prop::collection::vec(0u32..100, 0..60)) {
        let model: BTreeSet<u32> = nodes.iter().copied().collect();
        let ranges = NodeRanges::from_nodes(nodes);
        prop_assert_eq!(ranges.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(ranges.ranges().to_vec(), runs_of(&model));
    }

    #[test]
    fn victims_free_enough_and_none_is_needless(list in candidates(), need in 1u32..12) {
        let chosen = choose(&mut list.clone(), need);
        let freed = |keys: &[u32]| keys.iter().map(|key| list[*key as usize].nodes).sum::<u32>();
        let lost = |keys: &[u32]| keys.iter().map(|key| list[*key as usize].lost).sum::<u64>();
        let all: Vec<u32> = (0..list.len() as u32).collect();
        let Some(keys) = chosen else {
            prop_assert!(freed(&all) < need);
            return Ok(());
        };
        prop_assert!(freed(&keys) >= need);
        for key in &keys {
            let others: Vec<u32> = keys.iter().copied().filter(|other| other != key).collect();
            prop_assert!(freed(&others) < need, "{key} was not needed");
        }
        // By trying every subset: for one node the loss is the least there is; for more it is at
        // most one victim above that.
        let subsets = 0u32..1 << list.len();
        let best = subsets
            .map(|mask| all.iter().copied().filter(|key| mask & (1 << key) != 0).collect::<Vec<u32>>())
            .filter(|keys| freed(keys) >= need)
            .map(|keys| lost(&keys))
            .min();
        let best = best.expect("the chosen one is a subset");
        let dearest = list.iter().map(|candidate| candidate.lost).max().unwrap_or(0);
        prop_assert!(lost(&keys) >= best);
        prop_assert!(lost(&keys) <= best + dearest, "{} for {best}", lost(&keys));
        if need == 1 {
            prop_assert_eq!(lost(&keys), best);
        }
    }
}
