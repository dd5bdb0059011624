//! What the agenda calls for: pools in and out of service, the envelope, holdings, invoices.

use leasehold_allocator::Short;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Watts};

use super::ladder::{self, Asked};
use super::{ahead, clear_nodes, deliveries, moves, upkeep};
use crate::event::{Event, StopReason};
use crate::fleet::{Condition, Holding};
use crate::invariants::{Breach, Invariant};
use crate::state::{AgendaItem, State, Substitute};

/// Puts what `item` calls for behind `out`, and that it is done.
pub fn decide(state: &State, now: Instant, item: (Instant, AgendaItem), out: &mut Vec<Event>) {
    let again = match item.1 {
        AgendaItem::Quotes => quotes(state, now, out),
        AgendaItem::Service => service(state, now, out),
        AgendaItem::Envelope => envelope(state, now, out),
        AgendaItem::Holdings => holdings(state, now, out),
        AgendaItem::Power => {
            keep_within(state, now, out);
            Look::Done
        }
        AgendaItem::Grace(lease) => {
            deliveries::grace(state, now, lease, out);
            Look::Done
        }
        AgendaItem::Prepare if ahead::prepare(state, now, out) => Look::Again,
        AgendaItem::Prepare => Look::Done,
        AgendaItem::Invoice(lease) => invoice(state, now, lease, out),
    };
    if again == Look::Done {
        out.push(Event::AgendaDone(item));
    }
}

/// Whether an item of the agenda has to be looked at once more after its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Done,
    Again,
}

/// Lets quotes run out.
fn quotes(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let over = state.contracts.holds.iter().filter(|hold| hold.expires <= now);
    out.extend(over.map(|hold| Event::HoldExpired { lease: hold.lease.latest().id.clone() }));
    Look::Done
}

fn service(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let today = state.site.time_zone.day_of(now);
    for pool in &state.site.pools {
        let (first, end) = (pool.first_node, pool.first_node + pool.nodes());
        let nodes = NodeRanges::from_range(first, end);
        let serving = state.fleet.node(first).condition != Condition::OutOfService;
        if serving == pool.serves(today) {
            continue;
        }
        if serving {
            clear_nodes(state, &nodes, StopReason::HoldingEnded, out);
        }
        out.push(Event::NodesInService { nodes, serving: pool.serves(today) });
    }
    Look::Done
}

/// Facility power that may be drawn at `at`.
pub fn limit_at(state: &State, at: Instant) -> Watts {
    let day = state.site.time_zone.day_of(at);
    let contracted = state.site.envelope.at(day).copied().unwrap_or(Watts::ZERO);
    let lowered = state.curtailments.iter().filter(|c| c.from <= at && at < c.until);
    lowered.map(|c| c.limit).fold(contracted, Watts::min)
}

/// What is asked of the site at `at`.
fn asked_at(state: &State, at: Instant) -> Asked {
    let limit = limit_at(state, at);
    let in_force = state.curtailments.iter().find(|c| c.from <= at && at < c.until);
    let announced = in_force.filter(|c| c.limit == limit).map_or(at, |c| c.announced);
    let near = at.after(crate::state::handover_lead(&state.site));
    let next = state.contracts.next_change(at).filter(|next| *next <= near).unwrap_or(at);
    Asked { limit, since: announced, next }
}

/// Walks the ladder where more is drawn than may be.
pub fn keep_within(state: &State, now: Instant, out: &mut Vec<Event>) -> bool {
    let changes = ladder::keep_within(state, asked_at(state, now), now, out);
    if changes {
        // What went off may be what the next change hands over.
        ahead::prepare_again(state, now, out);
    }
    changes
}

fn envelope(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let asked = asked_at(state, now);
    ladder::keep_within(state, asked, now, out);
    if asked.limit != state.limit {
        out.push(Event::EnvelopeChanged { limit: asked.limit });
    }
    reopen(state, now, &NodeRanges::new(), out);
    ahead::prepare_again(state, now, out);
    Look::Done
}

fn holdings(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let moves = moves::at(state, now, now);
    if upkeep::put_off(state, now, &moves, out) {
        return Look::Again;
    }
    let is_out = upkeep::out_at(state, now, &moves.holders());
    let (changes, stays) = (moves.changes, moves.stays);
    let (goes, comes) = upkeep::changes(state, &is_out);
    let moved = changes.released.iter().chain(&changes.taken);
    let moved = moved.flat_map(|(_, range)| range.clone()).chain(goes.iter());
    let all = end_substitutions(state, &NodeRanges::from_nodes(moved), &stays, out);
    if !comes.is_empty() {
        out.push(Event::MaintenanceEnded { nodes: comes });
    }
    for (_, range) in &changes.released {
        hand_over(state, Holding::Own, range, out);
    }
    let leases = state.contracts.leases.len();
    for (number, range) in &changes.taken {
        let reserve = usize::from(*number) >= leases;
        let to = if reserve { Holding::Reserve } else { Holding::Lease(*number) };
        hand_over(state, to, range, out);
    }
    if !goes.is_empty() {
        out.push(Event::MaintenanceBegan { nodes: goes });
    }
    let breached = |short: &&Short| !deliveries::is_covered(state, short, now);
    for short in changes.short.iter().filter(breached) {
        out.push(Event::Breached(Breach {
            at: now,
            invariant: Invariant::NoOversell,
            lease: state.contracts.leases[usize::from(short.lease)].terms().id.clone(),
            what: format!(
                "{} nodes of pool {} are granted and cannot be delivered in whole blocks",
                short.nodes, state.site.pools[short.pool].id
            ),
        }));
    }
    for (index, entry) in state.contracts.leases.iter().enumerate() {
        let lease = u16::try_from(index).expect("few leases");
        let step = entry.step_on(entry.terms().time_zone.day_of(now));
        let gpus = step.map_or(0, |step| step.gpus.get());
        if gpus != entry.granted_gpus {
            out.push(Event::EntitlementStepped { lease, gpus });
        }
    }
    deliveries::changes(state, now, &changes.short, out);
    for party in 0..state.parties.len() {
        if !state.parties[party].queue.parked.is_empty() {
            let party = u16::try_from(party).expect("few parties");
            out.push(Event::JobsUnparked { party });
        }
    }
    reopen(state, now, &all, out);
    ahead::prepare_again(state, now, out);
    Look::Done
}

/// Clears the nodes that change hands, and ends the substitutions that they are part of: those of the
/// failed nodes `stays` for good. Returns all nodes that were touched.
fn end_substitutions(
    state: &State,
    moved: &NodeRanges,
    stays: &[u32],
    out: &mut Vec<Event>,
) -> NodeRanges {
    out.extend(stays.iter().map(|home| Event::SubstituteStays { home: *home }));
    let concerns = |home: u32, substitute: &Substitute| {
        !stays.contains(&home) && (moved.contains(home) || moved.contains(substitute.node))
    };
    let ended = state.substitutes.iter().filter(|(home, stands)| concerns(*home, stands));
    let ended: Vec<(u32, Substitute)> = ended.collect();
    let pairs = ended.iter().flat_map(|(home, substitute)| [*home, substitute.node]);
    let all = NodeRanges::from_nodes(moved.iter().chain(pairs));
    if !all.is_empty() {
        clear_nodes(state, &all, StopReason::HoldingEnded, out);
    }
    for (home, substitute) in ended {
        out.push(match substitute.active {
            true => Event::SubstitutionEnded { home },
            false => Event::SubstituteDropped { home },
        });
    }
    all
}

/// Nodes that were cleared for a change that did not need them take work again.
fn reopen(state: &State, now: Instant, moved: &NodeRanges, out: &mut Vec<Event>) {
    let off = about_to_go_off(state, now);
    let idle = (0..).zip(state.fleet.nodes()).filter(|(number, node)| {
        node.draining
            && !moved.contains(*number)
            && !off.contains(number)
            && !state.substitutes.engages(*number)
    });
    let nodes = NodeRanges::from_nodes(idle.map(|(number, _)| number));
    if !nodes.is_empty() {
        out.push(Event::NodesReopened { nodes });
    }
}

/// Nodes that the next change of the envelope will switch off, if it is near.
fn about_to_go_off(state: &State, now: Instant) -> Vec<u32> {
    let lead = crate::state::handover_lead(&state.site);
    let near = state.contracts.next_change(now).filter(|at| *at <= now.after(lead));
    let limit = limit_at(state, near.unwrap_or(now));
    ladder::balance(state, limit, now).own_off
}

/// One event a pool.
fn hand_over(state: &State, to: Holding, range: &std::ops::Range<u32>, out: &mut Vec<Event>) {
    let mut first = range.start;
    while first < range.end {
        let pool = &state.site.pools[state.fleet.pool_of(first)];
        let end = range.end.min(pool.node_range().end);
        out.push(Event::HoldingChanged { to, nodes: NodeRanges::from_range(first, end) });
        first = end;
    }
}

fn invoice(state: &State, now: Instant, lease: u16, out: &mut Vec<Event>) -> Look {
    if state.usage_closed != Some(now) {
        out.push(Event::UsageClosed);
        return Look::Again;
    }
    let entry = &state.contracts.leases[usize::from(lease)];
    let day = entry.terms().time_zone.day_of(now);
    let days = deliveries::unsettled(entry, state.books.short_days(lease), day);
    if !days.is_empty() {
        out.push(Event::ShortDaysSettled { lease, days });
        return Look::Again;
    }
    if let Some(invoice) = state.books.draft(lease, entry, day) {
        out.push(Event::InvoiceIssued { lease, invoice: Box::new(invoice) });
    }
    Look::Done
}
