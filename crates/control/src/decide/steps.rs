//! What the agenda calls for: pools in and out of service, the envelope, holdings, invoices.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_allocator::{Changes, LeaseTarget, Short, replan};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_site::Pool;
use leasehold_units::{Instant, Seconds, Watts};

use super::ladder::{self, Asked};
use super::upkeep;
use super::victims::request_to_leave;
use super::{clear_nodes, deliveries};
use crate::event::{Event, StopReason};
use crate::fleet::{Condition, Holding, JobSlot, LANDLORD, User};
use crate::invariants::{Breach, Invariant};
use crate::job::JobState;
use crate::state::{AgendaItem, Lending, State, Substitute, touches};

/// How long ahead of their maintenance nodes are given to a holding only for want of others.
const SOON: Seconds = Seconds::new(90 * 86_400);

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
        AgendaItem::Prepare => prepare(state, now, out),
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
fn limit_at(state: &State, at: Instant) -> Watts {
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
    ladder::keep_within(state, asked_at(state, now), now, out)
}

fn envelope(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let asked = asked_at(state, now);
    ladder::keep_within(state, asked, now, out);
    if asked.limit != state.limit {
        out.push(Event::EnvelopeChanged { limit: asked.limit });
    }
    reopen(state, now, &NodeRanges::new(), out);
    prepare_again(state, now, out);
    Look::Done
}

/// What each node stands for, by the number that the allocator knows it under. A node that stands in
/// for a failed one still counts as what it was, and the failed one as held: the plan does not move
/// with failures.
pub fn holders(state: &State) -> Vec<Option<u16>> {
    let number = |holding, node| match holding {
        Holding::Own => None,
        Holding::Reserve => Some(reserve_number(state, state.fleet.pool_of(node))),
        Holding::Lease(lease) => Some(lease),
    };
    let nodes = (0..).zip(state.fleet.nodes());
    let mut holders: Vec<Option<u16>> = nodes
        .map(|(node, facts)| number(state.fleet.partition(facts.partition).role.holding, node))
        .collect();
    for (home, substitute) in state.substitutes.iter().filter(|(_, stands)| stands.active) {
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
fn moves(state: &State, now: Instant, at: Instant) -> Changes {
    let day = state.site.time_zone.day_of(at);
    let out = upkeep::around_at(state, at);
    let soon = soon_out(state, at);
    let usable = |number: u32| {
        let pool = &state.site.pools[state.fleet.pool_of(number)];
        pool.serves(day) && !out[number as usize]
    };
    // Nodes that were cleared for this go first, then idle ones, then those of the landlord.
    let cost =
        |number: u32| {
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
                    // What is off cannot be scrubbed ahead.
                    _ if node.condition == Condition::Curtailed && node.soil.is_some() => {
                        if now < at { 50 } else { 2 }
                    }
                    (true, _) => 0,
                    (false, User::Nobody) if node.soil.is_none() => 1,
                    (false, User::Nobody) => 2,
                    (false, User::Guest) => 3,
                    (false, User::Holder) => 4,
                }
        };
    let current = holders(state);
    let leases = state.contracts.leases.len();
    let plan = |kept: bool| {
        let mut targets = targets(state, at);
        targets.extend(reserves(state, at, kept));
        replan(&state.site, &current, &targets, &usable, &cost)
    };
    let mut changes = plan(true);
    let unmet = |short: &Short| usize::from(short.lease) < leases;
    let here = |short: &Short| unmet(short) && state.site.pools[short.pool].serves(day);
    if changes.short.iter().any(here) {
        // What is promised comes before what is set aside.
        changes = plan(false);
    }
    changes.short.retain(unmet);
    changes
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

/// Who holds what once `changes` are made.
fn holders_after(state: &State, changes: &Changes) -> Vec<Option<u16>> {
    let mut holders = holders(state);
    for (_, range) in &changes.released {
        holders[range.start as usize..range.end as usize].fill(None);
    }
    for (lease, range) in &changes.taken {
        holders[range.start as usize..range.end as usize].fill(Some(*lease));
    }
    holders
}

fn holdings(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let changes = moves(state, now, now);
    let is_out = upkeep::out_at(state, now, &holders_after(state, &changes));
    let (goes, comes) = upkeep::changes(state, &is_out);
    let moved = changes.released.iter().chain(&changes.taken);
    let moved = moved.flat_map(|(_, range)| range.clone()).chain(goes.iter());
    let all = end_substitutions(state, &NodeRanges::from_nodes(moved), out);
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
    prepare_again(state, now, out);
    Look::Done
}

/// Clears the nodes that change hands, and ends the substitutions that they are part of. Returns all
/// nodes that were touched.
fn end_substitutions(state: &State, moved: &NodeRanges, out: &mut Vec<Event>) -> NodeRanges {
    let concerns = |home: u32, substitute: &Substitute| {
        moved.contains(home) || moved.contains(substitute.node)
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

/// Clears the nodes that the next changes will hand to a tenant, take out or switch off.
fn prepare(state: &State, now: Instant, out: &mut Vec<Event>) -> Look {
    let last = now.after(crate::state::handover_lead(&state.site));
    let mut ahead = Ahead {
        state,
        now,
        leaving: BTreeMap::new(),
        dropped: BTreeSet::new(),
        drained: BTreeSet::new(),
        next: None,
    };
    let mut limit = state.limit;
    for at in state.contracts.changes_until(now, last) {
        ahead.look_at(at, limit, out);
        limit = limit.min(limit_at(state, at));
    }
    ahead.tell(out);
    Look::Done
}

/// Looks again at what has to be cleared for the next changes, where they are near.
pub fn prepare_again(state: &State, now: Instant, out: &mut Vec<Event>) {
    let last = now.after(crate::state::handover_lead(&state.site));
    if state.contracts.next_change(now).is_some_and(|at| at <= last) {
        out.push(Event::AgendaOpened((now, AgendaItem::Prepare)));
    }
}

/// What is cleared ahead of changes.
struct Ahead<'a> {
    state: &'a State,
    now: Instant,
    /// Jobs that are told to leave, and by when at the latest.
    leaving: BTreeMap<JobSlot, Instant>,
    /// Jobs that lose what is kept for them.
    dropped: BTreeSet<JobSlot>,
    drained: BTreeSet<u32>,
    /// When the next tenant's job has to be told.
    next: Option<Instant>,
}

impl Ahead<'_> {
    /// Adds what the change at `at` calls for, where `limit` may be drawn until then.
    fn look_at(&mut self, at: Instant, limit: Watts, out: &mut Vec<Event>) {
        let state = self.state;
        let own = |number: &u32| {
            state.fleet.partition(state.fleet.node(*number).partition).role.lease().is_none()
        };
        let changes = moves(state, self.now, at);
        let is_out = upkeep::out_at(state, at, &holders_after(state, &changes));
        let (goes, _) = upkeep::changes(state, &is_out);
        let mut off: Vec<u32> = goes.iter().collect();
        if limit_at(state, at) < limit {
            let balance = ladder::balance(state, limit_at(state, at), self.now);
            off.extend(balance.off().iter());
            balance.borrowed.iter().for_each(|slot| self.leave(*slot, at));
            if balance.lending == Lending::Closed && state.lending == Lending::Open {
                out.push(Event::LendingChanged { to: Lending::Closing });
            }
        }
        let taken = changes.taken.iter().flat_map(|(_, range)| range.clone());
        let (mine, held): (Vec<u32>, Vec<u32>) = off.into_iter().partition(own);
        let fresh = |number: &u32| !state.fleet.node(*number).draining;
        self.clear(&NodeRanges::from_nodes(taken.filter(own).chain(mine).filter(fresh)), at);
        self.clear_held(&NodeRanges::from_nodes(held), at);
    }

    fn leave(&mut self, slot: JobSlot, at: Instant) {
        self.leaving.entry(slot).or_insert(at);
    }

    /// Clears nodes of the landlord's own.
    fn clear(&mut self, nodes: &NodeRanges, at: Instant) {
        self.drained.extend(nodes.iter());
        for (slot, job) in self.state.jobs.iter().filter(|(_, job)| touches(job, nodes)) {
            if matches!(job.state, JobState::Claiming { .. }) {
                self.dropped.insert(slot);
            } else {
                self.leave(slot, at);
            }
        }
    }

    /// Clears nodes of holdings that go out or off: of the landlord's work now, of the tenant's when
    /// no more than the time is left that its jobs declare. Until then they are the tenant's to use.
    fn clear_held(&mut self, nodes: &NodeRanges, at: Instant) {
        for (slot, job) in self.state.jobs.iter().filter(|(_, job)| touches(job, nodes)) {
            let vacate = Seconds::new(u64::from(job.spec.vacate_seconds));
            if !matches!(job.state, JobState::Running { .. }) {
                continue;
            }
            if job.spec.party == LANDLORD {
                self.leave(slot, at);
            } else if at.before(vacate) > self.now {
                let asked = at.before(vacate);
                self.next = Some(self.next.map_or(asked, |next| next.min(asked)));
            } else if vacate > Seconds::ZERO {
                self.leave(slot, at);
                let its = job.allocation().expect("it runs");
                let its = its.whole.iter().chain(its.parts().map(|(node, _)| node));
                self.drained.extend(its.filter(|node| nodes.contains(*node)));
            }
        }
    }

    /// Tells everybody, and how many have less than the time that they declare.
    fn tell(self, out: &mut Vec<Event>) {
        let Self { state, now, leaving, dropped, drained, next } = self;
        out.extend(dropped.into_iter().map(|job| Event::ClaimDropped { job }));
        let mut hurried: BTreeMap<Instant, u32> = BTreeMap::new();
        for (slot, at) in leaving {
            let job = state.jobs.get(slot);
            let asked = request_to_leave(slot, job, now, Some(at));
            let short = now.after(Seconds::new(u64::from(job.spec.vacate_seconds))) > at;
            if asked.is_some() && short {
                *hurried.entry(at).or_default() += 1;
            }
            out.extend(asked);
        }
        let hurried = hurried.into_iter();
        out.extend(hurried.map(|(at, jobs)| Event::LeaveHurried { jobs, given: at.since(now) }));
        let drained = drained.into_iter().filter(|node| !state.fleet.node(*node).draining);
        let drained = NodeRanges::from_nodes(drained);
        if !drained.is_empty() {
            out.push(Event::NodesDrained { nodes: drained });
        }
        out.extend(next.map(|next| Event::AgendaOpened((next, AgendaItem::Prepare))));
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
