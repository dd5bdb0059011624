//! Reclaims whose bound passes without an answer.

use leasehold_units::Instant;

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
/// not those that are out as the lease agrees.
fn is_owed(state: &State, slot: JobSlot) -> bool {
    let spec = state.jobs.get(slot).spec;
    let reach = state.parties[usize::from(spec.party)].reach.iter();
    let mut held = reach.filter(|(_, user)| *user == User::Holder);
    held.any(|(id, _)| {
        let partition = state.fleet.partition(*id);
        let nodes = partition.members - agreed_out(state, *id);
        u64::from(spec.gpus) <= u64::from(nodes) * u64::from(partition.role.gpus_per_node)
    })
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
