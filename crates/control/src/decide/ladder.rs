//! What is switched off when the envelope falls.
//!
//! A node that is on counts with its contracted power whether it works or not, so that a holding
//! that is fed can always be used in full; what is off still draws its idle power. The ladder:
//! nodes outside every holding first (idle ones, then those with the least work to lose), then
//! holdings by the order and to the depth that their leases agree, idle nodes first, borrowed ones
//! next, the tenant's own work last. Whatever still does not fit goes beyond the agreed depth.

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Ratio, Watts};

use crate::fleet::{Condition, Node, User};
use crate::state::State;

/// Whether `it` IT watts at the site's PUE stay within `limit`.
fn within(state: &State, it: u64, limit: Watts) -> bool {
    state.site.facility(Watts::new(it)) <= Ratio::whole(i128::from(limit.get()))
}

/// IT watts that a node counts with when all that is on works.
fn static_watts(state: &State, number: u32, node: &Node) -> u64 {
    let pool = &state.fleet.pools[state.fleet.pool_of(number)];
    match node.condition {
        Condition::OutOfService => 0,
        Condition::Curtailed => pool.idle_watts,
        Condition::Up | Condition::Turnover | Condition::Down => pool.busy_watts,
    }
}

fn static_it_watts(state: &State) -> u64 {
    let nodes = (0..).zip(state.fleet.nodes());
    nodes.map(|(number, node)| static_watts(state, number, node)).sum()
}

/// Facility watts of the site if all that is on works.
pub fn static_facility_watts(state: &State) -> Ratio {
    state.site.facility(Watts::new(static_it_watts(state)))
}

/// A node on the ladder; the lowest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rung {
    /// 0: on its way out already; 1: outside every holding; 2: in a holding; 3: beyond its depth.
    class: u8,
    order: u32,
    /// Work that would be lost with the gang on it; idle nodes have none.
    work: (u8, u64),
    job: u32,
    number: u32,
}

/// The nodes to switch off so that the site stays within `limit`, beyond those that are off.
/// `beyond` counts those that a lease had not agreed to shed, by number of the lease.
pub struct Shed {
    /// Which nodes.
    pub nodes: NodeRanges,
    /// For each lease its nodes among them, and how many of these are beyond the agreed depth.
    pub by_lease: Vec<(u16, u32, u32)>,
}

/// Walks down the ladder until the site fits `limit`.
pub fn shed(state: &State, limit: Watts, now: Instant) -> Shed {
    let mut it = static_it_watts(state);
    let mut chosen = Vec::new();
    let mut by_lease: Vec<(u16, u32, u32)> = Vec::new();
    if !within(state, it, limit) {
        for rung in rungs(state, now) {
            if within(state, it, limit) {
                break;
            }
            let pool = &state.fleet.pools[state.fleet.pool_of(rung.number)];
            it -= pool.busy_watts - pool.idle_watts.min(pool.busy_watts);
            chosen.push(rung.number);
            count(state, &rung, &mut by_lease);
        }
    }
    Shed { nodes: NodeRanges::from_nodes(chosen), by_lease }
}

fn count(state: &State, rung: &Rung, by_lease: &mut Vec<(u16, u32, u32)>) {
    let partition = state.fleet.node(rung.number).partition;
    let Some(lease) = state.fleet.partition(partition).role.lease() else { return };
    let beyond = u32::from(rung.class == 3);
    match by_lease.iter_mut().find(|(number, ..)| *number == lease) {
        Some((_, nodes, over)) => {
            *nodes += 1;
            *over += beyond;
        }
        None => by_lease.push((lease, 1, beyond)),
    }
}

fn rungs(state: &State, now: Instant) -> Vec<Rung> {
    let work = work_by_node(state, now);
    let mut rungs: Vec<Rung> = Vec::new();
    for (number, node) in (0..).zip(state.fleet.nodes()) {
        // A failed node is counted as on, since it may come back, but there is nothing to switch off.
        if matches!(node.condition, Condition::Up | Condition::Turnover) {
            rungs.push(rung(state, number, node, work[number as usize]));
        }
    }
    rungs.sort_unstable();
    keep_to_depth(state, &mut rungs);
    rungs.sort_unstable();
    rungs
}

fn rung(state: &State, number: u32, node: &Node, (job, lost): (u32, u64)) -> Rung {
    let lease = state.fleet.partition(node.partition).role.lease();
    let curtail =
        lease.and_then(|lease| state.contracts.leases[usize::from(lease)].terms().service.curtail);
    let class = match (node.draining, lease) {
        (true, _) => 0,
        (false, None) => 1,
        (false, Some(_)) => 2,
    };
    let busy = match node.user {
        User::Nobody => 0,
        User::Guest => 1,
        User::Holder => 2,
    };
    let order = curtail.map_or(u32::MAX, |curtail| curtail.order);
    Rung { class, order, work: (busy, lost), job, number }
}

/// Moves what a lease has not agreed to shed behind everything else.
fn keep_to_depth(state: &State, rungs: &mut [Rung]) {
    for (index, entry) in state.contracts.leases.iter().enumerate() {
        let depth = entry.terms().service.curtail.map_or(Ratio::ZERO, |curtail| curtail.depth);
        let mine = |number: u32| {
            let partition = state.fleet.node(number).partition;
            state.fleet.partition(partition).role.lease().map(usize::from) == Some(index)
        };
        let held = (0..)
            .zip(state.fleet.nodes())
            .filter(|(number, node)| node.condition != Condition::OutOfService && mine(*number));
        let held = Ratio::whole(i128::try_from(held.count()).expect("a site is small"));
        let mut left = held.times(depth).floor();
        for rung in rungs.iter_mut().filter(|rung| rung.class < 3 && mine(rung.number)) {
            if left == 0 && rung.class == 2 {
                rung.class = 3;
            }
            left -= i128::from(left > 0);
        }
    }
}

/// For each node the job with the most to lose on it, and what that is.
fn work_by_node(state: &State, now: Instant) -> Vec<(u32, u64)> {
    let mut work = vec![(0, 0); state.fleet.nodes().len()];
    for (slot, job) in state.jobs.iter() {
        let Some(at) = job.allocation() else { continue };
        let lost = job.lost_at(now);
        for node in at.whole.iter().chain(at.part.map(|(node, _)| node)) {
            let entry = &mut work[node as usize];
            *entry = (*entry).max((slot, lost));
        }
    }
    work
}
