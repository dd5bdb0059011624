//! Gang placement against counts made from scratch and choices by brute force.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use leasehold_scheduler::blocks::Geometry;
use leasehold_scheduler::nodes::{NodeRanges, NodeSet};
use leasehold_scheduler::placement::{pick, pick_within, widest_block};
use leasehold_units::Shape;
use proptest::prelude::*;

const FIRST: u32 = 1_000;

type Nodes = BTreeSet<u32>;

/// Pools of all kinds, by arrays, racks per array and nodes per rack: racks of 18 on their own and
/// in arrays, more than 64 racks, racks too large to be indexed, racks of a single node.
const POOLS: [(u32, u32, u32); 7] =
    [(4, 3, 18), (12, 1, 18), (5, 8, 8), (25, 4, 2), (3, 2, 150), (7, 5, 1), (1, 1, 200)];

fn geometry((arrays, racks_per_array, nodes_per_rack): (u32, u32, u32)) -> Geometry {
    Geometry { arrays, racks_per_array, nodes_per_rack }
}

/// A pool and up to four sets of its nodes that have none in common. Whole racks and arrays are
/// frequent in them, since nodes are dealt out in stretches.
fn pool_and_sets() -> impl Strategy<Value = (Geometry, Vec<Nodes>)> {
    let pool = prop::sample::select(&POOLS[..]).prop_map(geometry);
    pool.prop_flat_map(|pool| {
        let stretch = (1u32..=pool.nodes_per_array(), 0usize..6);
        let stretches = prop::collection::vec(stretch, 1..60);
        (Just(pool), stretches, 1usize..5).prop_map(|(pool, stretches, count)| {
            let owners = stretches.iter().flat_map(|(nodes, to)| (0..*nodes).map(|_| *to));
            let mut sets = vec![Nodes::new(); count];
            for (node, owner) in (FIRST..FIRST + pool.nodes()).zip(owners) {
                if let Some(set) = sets.get_mut(owner) {
                    set.insert(node);
                }
            }
            (pool, sets)
        })
    })
}

fn node_set(pool: Geometry, nodes: &Nodes) -> NodeSet {
    let mut set = NodeSet::new(FIRST, pool);
    for node in nodes {
        set.insert(*node, node + 1);
    }
    set
}

/// How many of `nodes` are in each block of `size` nodes that has one.
fn per_block<'a>(nodes: impl IntoIterator<Item = &'a u32>, size: u32) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    for node in nodes {
        *counts.entry((node - FIRST) / size).or_insert(0) += 1;
    }
    counts
}

fn of_block(nodes: &Nodes, block: u32, size: u32) -> Nodes {
    nodes.iter().copied().filter(|node| (node - FIRST) / size == block).collect()
}

/// Lengths of maximal runs of consecutive nodes.
fn run_lengths(nodes: &Nodes) -> Vec<u32> {
    let mut lengths: Vec<u32> = Vec::new();
    for node in nodes {
        match lengths.last_mut().filter(|_| node > &0 && nodes.contains(&(node - 1))) {
            Some(length) => *length += 1,
            None => lengths.push(1),
        }
    }
    lengths
}

/// The fewest blocks that hold `need`.
fn fewest_blocks(counts: &BTreeMap<u32, u32>, need: u32) -> usize {
    let mut largest: Vec<u32> = counts.values().copied().collect();
    largest.sort_unstable_by_key(|count| Reverse(*count));
    let mut open = need;
    let taken = largest.iter().take_while(|count| {
        let more = open > 0;
        open = open.saturating_sub(**count);
        more
    });
    taken.count()
}

/// The rack that `need` nodes of `free` have to come from, if one holds them.
fn best_rack(pool: Geometry, free: &Nodes, need: u32) -> Option<u32> {
    let arrays = per_block(free, pool.nodes_per_array());
    let racks = per_block(free, pool.nodes_per_rack);
    let fitting = racks.into_iter().filter(|(_, nodes)| *nodes >= need);
    fitting
        .min_by_key(|(rack, nodes)| (*nodes, arrays[&(rack / pool.racks_per_array)], *rack))
        .map(|(rack, _)| rack)
}

/// The array that `need` nodes of `free` have to come from, if one holds them.
fn best_array(pool: Geometry, free: &Nodes, need: u32) -> Option<u32> {
    let arrays = per_block(free, pool.nodes_per_array()).into_iter();
    arrays
        .filter(|(_, nodes)| *nodes >= need)
        .min_by_key(|(array, nodes)| (*nodes, *array))
        .map(|(array, _)| array)
}

/// Checks that `taken` breaks up as few blocks of `size` nodes as possible of those in `free`.
fn check_blocks(free: &Nodes, taken: &Nodes, size: u32) -> Result<(), TestCaseError> {
    let (before, used) = (per_block(free, size), per_block(taken, size));
    let need = u32::try_from(taken.len()).expect("few nodes");
    prop_assert_eq!(used.len(), fewest_blocks(&before, need));
    let whole =
        |counts: &BTreeMap<u32, u32>| counts.values().filter(|nodes| **nodes == size).count();
    prop_assert!(
        whole(&used) >= whole(&before).min((need / size) as usize),
        "a whole block is left"
    );
    Ok(())
}

/// Checks what was taken out of one set.
fn check_pick(pool: Geometry, free: &Nodes, taken: &Nodes) -> Result<(), TestCaseError> {
    let need = u32::try_from(taken.len()).expect("few nodes");
    prop_assert!(taken.is_subset(free));
    let (rack_size, array_size) = (pool.nodes_per_rack, pool.nodes_per_array());
    if let Some(rack) = best_rack(pool, free, need) {
        prop_assert_eq!(per_block(taken, rack_size).into_keys().collect::<Vec<_>>(), [rack]);
        let runs = run_lengths(&of_block(free, rack, rack_size));
        if runs.iter().any(|run| *run >= need) {
            prop_assert_eq!(run_lengths(taken), [need], "together in the rack");
        }
    } else if let Some(array) = best_array(pool, free, need) {
        prop_assert_eq!(per_block(taken, array_size).into_keys().collect::<Vec<_>>(), [array]);
        check_blocks(&of_block(free, array, array_size), taken, rack_size)?;
    } else {
        check_blocks(free, taken, array_size)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn racks_and_arrays_are_counted((pool, sets) in pool_and_sets(), need in 0u32..40, skip in any::<u32>()) {
        let [kept, dropped] = [0, 1].map(|index| sets.get(index).cloned().unwrap_or_default());
        // In and out in long ranges, so that many blocks change at once.
        let mut set = NodeSet::new(FIRST, pool);
        set.insert(FIRST, FIRST + pool.nodes());
        let outside = Nodes::from_iter(FIRST..FIRST + pool.nodes());
        let outside = NodeRanges::from_nodes(outside.difference(&kept).copied());
        for &(first, end) in outside.ranges() {
            set.remove(first, end);
        }
        for &(first, end) in NodeRanges::from_nodes(dropped.iter().copied()).ranges() {
            set.insert(first, end);
            set.remove(first, end);
        }
        prop_assert_eq!(&set, &node_set(pool, &kept));
        for (counts, size) in [(set.blocks().racks(), pool.nodes_per_rack), (set.blocks().arrays(), pool.nodes_per_array())] {
            let model = per_block(&kept, size);
            let counted = (0u32..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0);
            prop_assert_eq!(counted.collect::<BTreeMap<_, _>>(), model);
        }
        let skip: Vec<bool> = (0..pool.arrays).map(|array| skip >> array & 1 == 1).collect();
        let need = need.max(1);
        let open = |node: &u32| !skip[((node - FIRST) / pool.nodes_per_array()) as usize];
        let left: Nodes = kept.iter().copied().filter(open).collect();
        prop_assert_eq!(set.blocks().tightest_rack(need, &skip), best_rack(pool, &left, need));
        prop_assert_eq!(set.blocks().tightest_array(need, &skip), best_array(pool, &left, need));
    }

    #[test]
    fn a_gang_breaks_up_as_little_as_it_can((pool, sets) in pool_and_sets(), share in 1u32..=1_000) {
        let all: u32 = sets.iter().map(|set| set.len() as u32).sum();
        // Small gangs as often as large ones.
        let need = (all * share / 1_000).min(if share % 2 == 0 { all } else { share % 24 });
        let node_sets: Vec<NodeSet> = sets.iter().map(|set| node_set(pool, set)).collect();
        let picked = pick(&node_sets.iter().collect::<Vec<_>>(), need);
        prop_assert_eq!(picked.count(), need);
        let mut open = need as usize;
        for set in &sets {
            let taken: Nodes = picked.iter().filter(|node| set.contains(node)).collect();
            // Each set is emptied before the next is touched.
            prop_assert_eq!(taken.len(), open.min(set.len()));
            open -= taken.len();
            if !taken.is_empty() {
                check_pick(pool, set, &taken)?;
            }
        }
    }

    #[test]
    fn one_block_is_one_block(
        (pool, sets) in pool_and_sets(),
        shape in prop::sample::select(&[Shape::Node, Shape::Rack, Shape::Array][..]),
        (share, more) in (0u32..=1_000, 0u32..2),
    ) {
        let size = pool.nodes_per(shape);
        let most = |sets: &[Nodes]| per_block(sets.iter().flatten(), size).into_values().max().unwrap_or(0);
        let node_sets: Vec<NodeSet> = sets.iter().map(|set| node_set(pool, set)).collect();
        let node_sets: Vec<&NodeSet> = node_sets.iter().collect();
        prop_assert_eq!(widest_block(&node_sets, shape), most(&sets));
        let need = most(&sets) * share / 1_000 + more;
        let picked = pick_within(&node_sets, need, shape);
        prop_assert_eq!(picked.is_some(), need <= most(&sets));
        let Some(picked) = picked.filter(|_| need > 0) else { return Ok(()) };
        let taken: Nodes = picked.iter().collect();
        prop_assert_eq!(taken.len() as u32, need);
        // As few sets as can be, and of these the block with the fewest nodes, the first of equals.
        let used = (1..=sets.len()).find(|count| most(&sets[..*count]) >= need).expect("all do");
        let fitting = per_block(sets[..used].iter().flatten(), size).into_iter().filter(|(_, nodes)| *nodes >= need);
        let (block, _) = fitting.min_by_key(|(block, nodes)| (*nodes, *block)).expect("one holds it");
        let chosen: Vec<u32> = per_block(&taken, size).into_keys().collect();
        if shape != Shape::Node {
            prop_assert_eq!(chosen, [block]);
        }
        let mut open = taken.len();
        for set in &sets {
            let from_set: Nodes = taken.intersection(set).copied().collect();
            let offered = of_block(set, block, size);
            if shape != Shape::Node {
                prop_assert_eq!(from_set.len(), open.min(offered.len()));
            }
            if shape == Shape::Array {
                check_blocks(&offered, &from_set, pool.nodes_per_rack)?;
            }
            open -= from_set.len();
        }
    }
}

/// The rule before racks and arrays counted: the shortest run of free nodes that holds the gang,
/// else the longest runs first.
fn shortest_run(set: &NodeSet, need: u32) -> NodeRanges {
    let mut runs: Vec<(u32, u32)> = set.runs().collect();
    let length = |&(first, end): &(u32, u32)| end - first;
    let fitting = runs.iter().copied().filter(|run| length(run) >= need);
    if let Some((first, _)) = fitting.min_by_key(length) {
        return NodeRanges::from_range(first, first + need);
    }
    runs.sort_by_key(|run| Reverse(length(run)));
    let nodes = runs.into_iter().flat_map(|(first, end)| first..end);
    NodeRanges::from_nodes(nodes.take(need as usize))
}

/// Whole free racks and arrays, added up over a long random run of small and large gangs that are
/// placed by `rule`. The same gangs come and go whatever the rule.
fn whole_blocks(pool: Geometry, seed: u64, rule: impl Fn(&NodeSet, u32) -> NodeRanges) -> [u64; 2] {
    let mut free = NodeSet::new(FIRST, pool);
    free.insert(FIRST, FIRST + pool.nodes());
    let mut running: Vec<NodeRanges> = Vec::new();
    let mut random = seed;
    let mut draw = |below: u32| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as u32 % below
    };
    let mut whole = [0, 0];
    for _ in 0..20_000 {
        let size = [4, 4, 4, 4, 12, 12, 40, 120][draw(8) as usize];
        let need = 1 + draw(size);
        // About a quarter of the pool stays free.
        if need + pool.nodes() / 4 <= free.count() {
            let gang = rule(&free, need);
            gang.ranges().iter().for_each(|&(first, end)| free.remove(first, end));
            running.push(gang);
        } else {
            let gang = running.swap_remove(draw(running.len() as u32) as usize);
            gang.ranges().iter().for_each(|&(first, end)| free.insert(first, end));
        }
        let count = |counts: &[u32], size| counts.iter().filter(|count| **count == size).count();
        whole[0] += count(free.blocks().racks(), pool.nodes_per_rack) as u64;
        whole[1] += count(free.blocks().arrays(), pool.nodes_per_array()) as u64;
    }
    whole
}

#[test]
fn large_gangs_stay_possible() {
    for pool in [(20, 8, 8), (60, 1, 18), (20, 4, 18)].map(geometry) {
        let mut arrays_more = 0;
        for seed in 1..=8 {
            let [racks, arrays] = whole_blocks(pool, seed, |set, need| pick(&[set], need));
            let [racks_before, arrays_before] = whole_blocks(pool, seed, shortest_run);
            assert!(
                racks > racks_before,
                "{racks} racks for {racks_before}, seed {seed}, {pool:?}"
            );
            arrays_more += arrays as i64 - arrays_before as i64;
        }
        // Racks come first, so a single run may cost an array here and there; many do not.
        assert!(arrays_more > 0, "{arrays_more} arrays more in {pool:?}");
    }
}
