//! Reclaims whose bound passes without an answer.

use leasehold_units::{Instant, Shape};

use super::moves;
use crate::event::Event;
use crate::fleet::{Condition, JobSlot, PartitionId, User};
use crate::invariants::{Breach, Invariant};
use crate::state::State;

/// Says of a job whose bound has passed that a promise was not kept, or that there was none.
pub fn pass_bound(state: &State, now: Instant, out: &mut Vec<Event>) -> bool {
    let Some(slot) = state.bound_passed(now) else { return false };
    let job = state.jobs.get(slot);
    let (lease, bound) = job.promised.expect("a clock runs against a bound");
    if !is_owed(state, slot) {
        out.push(Event::ReclaimLapsed { job: slot });
        return true;
    }
    out.push(Event::ReclaimMissed { job: slot, lease });
    out.push(Event::Breached(Breach {
        at: now,
        invariant: Invariant::Guarantee,
        lease: state.contracts.leases[usize::from(lease)].terms().id.clone(),
        what: format!("a reclaim of {} GPUs is not answered after {bound}", job.spec.gpus),
    }));
    true
}

/// Whether a holding of its party is large enough for the job, failed and switched off nodes included;
/// not those that are out as the lease agrees. A job that asks for one block is owed it where a block of
/// the holding is that large, nodes that something else stands in for included.
fn is_owed(state: &State, slot: JobSlot) -> bool {
    let spec = state.jobs.get(slot).spec;
    let reach = state.parties[usize::from(spec.party)].reach.iter();
    let mut held = reach.filter(|(_, user)| *user == User::Holder);
    held.any(|(id, _)| {
        let partition = state.fleet.partition(*id);
        let nodes = partition.members - agreed_out(state, *id);
        let fits = |nodes: u32| {
            u64::from(spec.gpus) <= u64::from(nodes) * u64::from(partition.role.gpus_per_node)
        };
        fits(nodes) && (spec.within == Shape::Node || fits(widest_held(state, *id, spec.within)))
    })
}

/// The most nodes of one block that a holding has as it was planned: it does not move with failures.
fn widest_held(state: &State, id: PartitionId, shape: Shape) -> u32 {
    let role = &state.fleet.partition(id).role;
    let (pool, lease) = (&state.site.pools[usize::from(role.pool)], role.lease());
    let holders = moves::holders(state);
    let held = &holders[pool.node_range().start as usize..pool.node_range().end as usize];
    let blocks = held.chunks(pool.nodes_per(shape) as usize);
    let count = |block: &[Option<u16>]| block.iter().filter(|holder| **holder == lease).count();
    u32::try_from(blocks.map(count).max().unwrap_or(0)).expect("a pool is small")
}

/// Nodes of a holding that are out for maintenance which its lease does not count.
fn agreed_out(state: &State, id: PartitionId) -> u32 {
    let lease = state.fleet.partition(id).role.lease();
    let excludes =
        |lease: u16| state.contracts.leases[usize::from(lease)].terms().service.exclude.maintenance;
    if !lease.is_some_and(excludes) {
        return 0;
    }
    let nodes = state.fleet.nodes().iter();
    let out = nodes.filter(|node| node.partition == id && node.condition == Condition::Maintained);
    u32::try_from(out.count()).expect("a pool is small")
}
