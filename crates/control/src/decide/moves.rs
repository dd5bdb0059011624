//! Which nodes change hands so that the holdings fit what is granted.

use std::collections::BTreeSet;

use leasehold_allocator::{Changes, LeaseTarget, Short, replan};
use leasehold_site::Pool;
use leasehold_units::{Instant, Seconds};

use super::upkeep;
use crate::fleet::{Condition, Holding, User};
use crate::state::{State, Substitute};

/// How long ahead of their maintenance nodes are given to a holding only for want of others.
const SOON: Seconds = Seconds::new(90 * 86_400);

/// What changes hands at an instant.
pub struct Moves {
    /// The nodes that move, and what cannot be met.
    pub changes: Changes,
    /// Failed nodes that are out then: what stands in for them stays in the holding, which moves on from
    /// there.
    pub stays: Vec<u32>,
    /// What each node stands for before anything moves.
    before: Vec<Option<u16>>,
}

impl Moves {
    /// Who holds what once they are made.
    pub fn holders(&self) -> Vec<Option<u16>> {
        let mut holders = self.before.clone();
        for (_, range) in &self.changes.released {
            holders[range.start as usize..range.end as usize].fill(None);
        }
        for (lease, range) in &self.changes.taken {
            holders[range.start as usize..range.end as usize].fill(Some(*lease));
        }
        holders
    }
}

/// What each node stands for, by the number that the allocator knows it under. A node that stands in
/// for a failed one still counts as what it was, and the failed one as held: the plan does not move
/// with failures.
pub fn holders(state: &State) -> Vec<Option<u16>> {
    holders_without(state, &[])
}

/// As [`holders`], but for the failed nodes `stays`, which are given up for what stands in for them.
fn holders_without(state: &State, stays: &[u32]) -> Vec<Option<u16>> {
    let number = |holding, node| match holding {
        Holding::Own => None,
        Holding::Reserve => Some(reserve_number(state, state.fleet.pool_of(node))),
        Holding::Lease(lease) => Some(lease),
    };
    let nodes = (0..).zip(state.fleet.nodes());
    let mut holders: Vec<Option<u16>> = nodes
        .map(|(node, facts)| number(state.fleet.partition(facts.partition).role.holding, node))
        .collect();
    let returns = |home: &u32, stands: &Substitute| stands.active && !stays.contains(home);
    for (home, substitute) in state.substitutes.iter().filter(|(home, one)| returns(home, one)) {
        holders[home as usize] = Some(substitute.lease);
        holders[substitute.node as usize] = number(substitute.origin, substitute.node);
    }
    holders
}

/// The reserves stand behind the leases in the allocator's order, one a pool.
fn reserve_number(state: &State, pool: usize) -> u16 {
    u16::try_from(state.contracts.leases.len() + pool).expect("few leases and pools")
}

/// What each lease is granted at `at`.
fn targets(state: &State, at: Instant) -> Vec<LeaseTarget> {
    let mut targets = Vec::new();
    for (index, entry) in state.contracts.leases.iter().enumerate() {
        let terms = entry.terms();
        let step = entry.step_on(terms.time_zone.day_of(at));
        let none = || vec![0; state.site.pools.len()];
        targets.push(LeaseTarget {
            lease: u16::try_from(index).expect("few leases"),
            shape: terms.capacity.shape,
            per_pool: step.map_or_else(none, |step| step.per_pool.clone()),
        });
    }
    targets
}

/// What each pool sets aside for failures, or nothing where `kept` is false.
fn reserves(state: &State, at: Instant, kept: bool) -> Vec<LeaseTarget> {
    let day = state.site.time_zone.day_of(at);
    let pools = state.site.pools.iter().enumerate();
    let target = |(index, pool): (usize, &Pool)| {
        let mut per_pool = vec![0; state.site.pools.len()];
        if kept && pool.serves(day) {
            per_pool[index] = pool.reserve_nodes();
        }
        LeaseTarget { lease: reserve_number(state, index), shape: pool.reserve.shape, per_pool }
    };
    pools.map(target).collect()
}

/// The moves that make the holdings fit what is granted at `at`, as they look at `now`.
pub fn at(state: &State, now: Instant, at: Instant) -> Moves {
    let day = state.site.time_zone.day_of(at);
    let out = upkeep::around_at(state, at);
    let soon = soon_out(state, at);
    let usable = |number: u32| {
        let pool = &state.site.pools[state.fleet.pool_of(number)];
        pool.serves(day) && !out[number as usize]
    };
    let left = state.substitutes.iter().filter(|(home, stands)| stands.active && !usable(*home));
    let stays: Vec<u32> = left.map(|(home, _)| home).collect();
    let before = holders_without(state, &stays);
    // Nodes that would not be ready are taken for want of others, whatever rack that breaks into.
    let unready = |number: u32| {
        let node = state.fleet.node(number);
        let bad = node.condition == Condition::Down || is_off_and_soiled(state, number);
        before[number as usize].is_none() && (bad || state.substitutes.engages(number))
    };
    // Nodes that were cleared for this go first, then idle ones, then those of the landlord.
    let cost = |number: u32| {
        let node = state.fleet.node(number);
        if matches!(node.condition, Condition::Down | Condition::Maintained) {
            return 1000;
        }
        if state.substitutes.engages(number) {
            return 500;
        }
        // Who is given these would have to move again.
        let again = if soon.contains(&number) { 100 } else { 0 };
        again
            + match (node.draining, node.user) {
                _ if is_off_and_soiled(state, number) && now < at => 50,
                _ if is_off_and_soiled(state, number) => 2,
                (true, _) => 0,
                (false, User::Nobody) if node.soil.is_none() => 1,
                (false, User::Nobody) => 2,
                (false, User::Guest) => 3,
                (false, User::Holder) => 4,
            }
    };
    let leases = state.contracts.leases.len();
    let plan = |kept: bool, usable: &dyn Fn(u32) -> bool| {
        let mut targets = targets(state, at);
        targets.extend(reserves(state, at, kept));
        replan(&state.site, &before, &targets, usable, &cost)
    };
    let unmet = |short: &Short| usize::from(short.lease) < leases;
    let here = |short: &Short| unmet(short) && state.site.pools[short.pool].serves(day);
    // What was cleared is taken, whatever came back since and would break into less.
    let is_cleared = |number: u32| {
        let held = before[number as usize].is_some();
        held || state.fleet.node(number).draining && !unready(number)
    };
    let mut changes = plan(true, &|number| usable(number) && is_cleared(number));
    if !changes.short.is_empty() {
        changes = plan(true, &|number| usable(number) && !unready(number));
    }
    if !changes.short.is_empty() {
        changes = plan(true, &usable);
    }
    if changes.short.iter().any(here) {
        // What is promised comes before what is set aside.
        changes = plan(false, &usable);
    }
    changes.short.retain(unmet);
    Moves { changes, stays, before }
}

/// Whether a node has to be scrubbed and cannot be, for want of power.
pub fn is_off_and_soiled(state: &State, number: u32) -> bool {
    let node = state.fleet.node(number);
    node.condition == Condition::Curtailed && node.soil.is_some()
}

/// Nodes that go out within the days after `at` that a job is likely to see.
fn soon_out(state: &State, at: Instant) -> BTreeSet<u32> {
    let later = at.after(SOON);
    let planned = state.contracts.out().into_iter();
    let declared = state.site.outages.iter().flat_map(leasehold_site::DeclaredOutage::parts);
    let near = planned
        .chain(declared)
        .filter(|outage| at < outage.interval.from && outage.interval.from <= later);
    near.flat_map(|outage| outage.nodes).collect()
}
