//! Jobs that ask for all of their nodes in one rack or one array.

use std::collections::BTreeMap;
use std::ops::Range;

use leasehold_scheduler::nodes::NodeSet;
use leasehold_scheduler::placement::widest_block;
use leasehold_units::Shape;

use crate::fleet::{Node, PartitionId, User};
use crate::job::{Job, JobState};
use crate::state::State;

/// Nodes of a partition's pool by block: the nodes for which `counts` holds.
fn count(
    state: &State,
    id: PartitionId,
    shape: Shape,
    counts: impl Fn(u32, &Node) -> bool,
) -> Vec<(Range<u32>, u32)> {
    let pool = &state.site.pools[usize::from(state.fleet.partition(id).role.pool)];
    let size = pool.nodes_per(shape);
    let blocks = (0..pool.nodes() / size).map(|block| {
        let first = pool.first_node + block * size;
        let nodes = (first..first + size).filter(|number| {
            let node = state.fleet.node(*number);
            node.partition == id && counts(*number, node)
        });
        (first..first + size, u32::try_from(nodes.count()).expect("a block is small"))
    });
    blocks.collect()
}

/// Whether `user` could be given the node now, at whatever cost to borrowers.
fn is_free(state: &State, id: PartitionId, user: User, number: u32, node: &Node) -> bool {
    if user != User::Guest {
        return node.claimable();
    }
    let partition = state.fleet.partition(id);
    partition.ready(user).into_iter().chain(partition.soiled(user)).any(|set| set.contains(number))
}

/// The most nodes of one block that `user` could be given now.
pub fn widest(state: &State, id: PartitionId, user: User, shape: Shape) -> u32 {
    if user == User::Guest {
        let partition = state.fleet.partition(id);
        let [first, then] = partition.ready(user);
        let [soiled_first, soiled_then] = partition.soiled(user);
        return widest_block(&[first, then, soiled_first, soiled_then], shape);
    }
    let blocks = count(state, id, shape, |_, node| node.claimable());
    blocks.into_iter().map(|(_, nodes)| nodes).max().unwrap_or(0)
}

/// The most nodes of one block that take work at all.
pub fn widest_serving(state: &State, id: PartitionId, shape: Shape) -> u32 {
    let blocks = count(state, id, shape, |_, node| node.serves());
    blocks.into_iter().map(|(_, nodes)| nodes).max().unwrap_or(0)
}

/// The block in which the holder is to have `need` nodes, borrowers or not: the one with the fewest
/// that has enough.
pub fn choose(state: &State, id: PartitionId, shape: Shape, need: u32) -> Option<Range<u32>> {
    let blocks = count(state, id, shape, |_, node| node.claimable()).into_iter();
    let enough = blocks.filter(|(_, nodes)| *nodes >= need);
    enough.min_by_key(|(block, nodes)| (*nodes, block.start)).map(|(block, _)| block)
}

/// Up to `need` nodes of `block` out of `sets`, earlier sets first.
pub fn pick(sets: &[&NodeSet], block: &Range<u32>, need: u32) -> Vec<u32> {
    let runs = sets.iter().flat_map(|set| set.runs_within(block.start, block.end));
    runs.flat_map(|(first, end)| first..end).take(need as usize).collect()
}

/// When a block is expected to have `need` nodes for `user`, in seconds of Unix time: the earliest
/// of all blocks.
pub fn shadow(
    state: &State,
    id: PartitionId,
    user: User,
    (shape, need): (Shape, u32),
) -> Option<i64> {
    let mut free: BTreeMap<u32, u32> = BTreeMap::new();
    let size = state.site.pools[usize::from(state.fleet.partition(id).role.pool)].nodes_per(shape);
    let first = state.fleet.pools[usize::from(state.fleet.partition(id).role.pool)].first_node;
    for (block, nodes) in
        count(state, id, shape, |number, node| is_free(state, id, user, number, node))
    {
        free.insert((block.start - first) / size, nodes);
    }
    let counts = |job: &Job| {
        let on = !matches!(job.state, JobState::Queued | JobState::Parked);
        on && job
            .allocation()
            .is_some_and(|at| at.partition == id && (user == User::Guest || !at.guest))
    };
    let mut ends: Vec<(i64, u32)> = Vec::new();
    for (_, job) in state.jobs.iter().filter(|(_, job)| counts(job)) {
        let Some(at) = job.allocation() else { continue };
        let nodes = at.whole.iter().chain(at.parts().map(|(node, _)| node));
        ends.extend(nodes.map(|node| (job.expected_end.unix(), (node - first) / size)));
    }
    ends.sort_unstable();
    ends.into_iter().find_map(|(end, block)| {
        let nodes = free.entry(block).or_default();
        *nodes += 1;
        (*nodes >= need).then_some(end)
    })
}
