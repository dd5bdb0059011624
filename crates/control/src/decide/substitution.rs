//! Which node stands in for a failed one of a holding, and when that is over.
//!
//! In this order: a node of the reserve, an idle node of the landlord's own (scrubbed first if it
//! has to be), a node under the landlord's own work, which is told to leave in its declared time.
//! A failed node goes home once it is healthy and the node in its place is idle; until then it
//! waits where that one came from. So a repair never moves work, and where nodes end up follows
//! from which failed, not from when they came back.

use leasehold_lease::Isolation;
use leasehold_units::Instant;

use super::{ahead, victims};
use crate::event::Event;
use crate::fleet::{Claim, Condition, Holding, Node, User};
use crate::state::{State, Substitute};

/// Puts the next steps of substitution behind `out`; false where there is nothing to do.
pub fn follow(state: &State, now: Instant, out: &mut Vec<Event>) -> bool {
    if state.substitutes.is_empty() {
        return false;
    }
    for (home, substitute) in state.substitutes.iter() {
        out.extend(step(state, home, &substitute));
    }
    if !out.is_empty() {
        // What went back may be what the next change hands over.
        ahead::prepare_again(state, now, out);
        return true;
    }
    for pool in 0..state.site.pools.len() {
        let wanting: Vec<u32> =
            state.substitutes.wanting().filter(|home| state.fleet.pool_of(*home) == pool).collect();
        if !wanting.is_empty() {
            choose(state, pool, &wanting, now, out);
        }
    }
    !out.is_empty()
}

/// What a substitute does next, if anything.
fn step(state: &State, home: u32, substitute: &Substitute) -> Option<Event> {
    let (failed, node) = (state.fleet.node(home), state.fleet.node(substitute.node));
    let pool = state.fleet.pool_of(home);
    let held = state.partition_of(Holding::Lease(substitute.lease), pool);
    if substitute.active {
        let lost = node.partition != held || is_out(node);
        let can_go_home = healthy(failed) && failed.soil.is_none() && idle(node);
        return (lost || can_go_home).then_some(Event::SubstitutionEnded { home });
    }
    let wanted = failed.partition == held && failed.condition == Condition::Down;
    let there = node.partition == state.partition_of(substitute.origin, pool)
        && matches!(node.condition, Condition::Up | Condition::Turnover);
    if !wanted || !there {
        return Some(Event::SubstituteDropped { home });
    }
    let clean = healthy(node) && idle(node) && node.soil.is_none();
    clean.then_some(Event::Substituted { home })
}

fn healthy(node: &Node) -> bool {
    node.condition == Condition::Up
}

const fn is_out(node: &Node) -> bool {
    matches!(node.condition, Condition::Down | Condition::Maintained)
}

fn idle(node: &Node) -> bool {
    node.user == User::Nobody && node.claim == Claim::Free
}

/// Sets a node aside for each of `wanting`, as far as there are any.
fn choose(state: &State, pool: usize, wanting: &[u32], now: Instant, out: &mut Vec<Event>) {
    let mut wanting = wanting.to_vec();
    let reserve = state.fleet.partition(state.partition_of(Holding::Reserve, pool));
    let own = state.partition_of(Holding::Own, pool);
    let landlords = state.fleet.partition(own);
    let [soiled_first, soiled_then] = [&landlords.holder_soiled, &landlords.foreign_soiled];
    let [guests, reserve_soiled] = [&landlords.guest_soiled, &reserve.holder_soiled];
    let idle =
        [&reserve.clean, &landlords.clean, reserve_soiled, soiled_first, soiled_then, guests];
    for node in idle.into_iter().flat_map(|set| set.runs()).flat_map(|(first, end)| first..end) {
        let Some(place) = wanting.iter().position(|home| may_stand_in(state, *home, node)) else {
            continue;
        };
        let home = wanting.remove(place);
        out.push(Event::SubstituteChosen { home, node });
        if wanting.is_empty() {
            return;
        }
    }
    let need = u32::try_from(wanting.len()).expect("a site is small");
    let evicted = victims::choose(state, own, User::Holder, (need, &(0..u32::MAX)), now);
    let mut used = false;
    for node in evicted.nodes {
        if let Some(place) = wanting.iter().position(|home| may_stand_in(state, *home, node)) {
            out.push(Event::SubstituteChosen { home: wanting.remove(place), node });
            used = true;
        }
    }
    if used {
        out.extend(evicted.events);
    }
}

/// Whether `node` may enter the holding that `home` belongs to: a lease that shares no rack gets no
/// node from a rack in which another party is, and gives none away.
fn may_stand_in(state: &State, home: u32, node: u32) -> bool {
    let holding =
        |number: u32| state.fleet.partition(state.fleet.node(number).partition).role.holding;
    let apart = |holding: Holding| {
        holding.lease().is_some_and(|lease| {
            let terms = state.contracts.leases[usize::from(lease)].terms();
            terms.capacity.isolation == Isolation::Rack
        })
    };
    let pool = &state.site.pools[state.fleet.pool_of(node)];
    let first = node - (node - pool.first_node) % pool.nodes_per_rack;
    let held = holding(home);
    let strict = apart(held);
    (first..first + pool.nodes_per_rack).filter(|number| *number != node).all(|number| {
        let other = holding(number);
        let nobody =
            other == Holding::Reserve || is_out(state.fleet.node(number)) && other == Holding::Own;
        other == held || !apart(other) && (!strict || nobody)
    })
}
