//! What is cleared ahead of the next changes of holdings and of the envelope.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds, Watts};

use super::moves::{self, Moves};
use super::victims::request_to_leave;
use super::{clear_nodes, ladder, steps, upkeep};
use crate::event::{Event, StopReason};
use crate::fleet::{JobSlot, LANDLORD};
use crate::job::JobState;
use crate::state::{AgendaItem, Lending, State, touches};

/// Clears the nodes that the next changes will hand to a tenant, take out or switch off. Returns
/// whether more has to be cleared once that is done.
pub fn prepare(state: &State, now: Instant, out: &mut Vec<Event>) -> bool {
    let last = now.after(crate::state::handover_lead(&state.site));
    let mut ahead = Ahead {
        state,
        now,
        leaving: BTreeMap::new(),
        dropped: BTreeSet::new(),
        drained: BTreeSet::new(),
        recalled: BTreeMap::new(),
        powers: None,
        next: None,
    };
    let mut limit = state.limit;
    for at in state.contracts.changes_until(now, last) {
        ahead.look_at(at, limit, out);
        limit = limit.min(steps::limit_at(state, at));
    }
    if !ahead.recalled.is_empty() {
        ahead.recall(out);
        return true;
    }
    ahead.tell(out);
    false
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
    /// Failed nodes that lose what stands in for them, and which that is: another lease is given it, and
    /// it is scrubbed before.
    recalled: BTreeMap<u32, u32>,
    /// How long the scrub of something that is off takes, if there is such a thing.
    powers: Option<Seconds>,
    /// When the next tenant's job has to be told, what stands in goes back or power is asked for.
    next: Option<Instant>,
}

impl Ahead<'_> {
    /// Adds what the change at `at` calls for, where `limit` may be drawn until then.
    fn look_at(&mut self, at: Instant, limit: Watts, out: &mut Vec<Event>) {
        let state = self.state;
        let own = |number: &u32| {
            state.fleet.partition(state.fleet.node(*number).partition).role.lease().is_none()
        };
        let moves = moves::at(state, self.now, at);
        let is_out = upkeep::out_at(state, at, &moves.holders());
        let (goes, _) = upkeep::changes(state, &is_out);
        let mut off: Vec<u32> = goes.iter().collect();
        if steps::limit_at(state, at) < limit {
            let balance = ladder::balance(state, steps::limit_at(state, at), self.now);
            off.extend(balance.off().iter());
            balance.borrowed.iter().for_each(|slot| self.leave(*slot, at));
            if balance.lending == Lending::Closed && state.lending == Lending::Open {
                out.push(Event::LendingChanged { to: Lending::Closing });
            }
        }
        self.look_at_stand_ins(&moves, at);
        self.look_at_power(&moves);
        let taken = moves.changes.taken.iter().flat_map(|(_, range)| range.clone());
        let (mine, held): (Vec<u32>, Vec<u32>) = off.into_iter().partition(own);
        let fresh = |number: &u32| !state.fleet.node(*number).draining;
        let taken = NodeRanges::from_nodes(taken.filter(own).filter(fresh));
        // Where it is too late for a scrub, nobody is hurried for it.
        let scrub = self.scrubbed_from(&taken, at);
        self.clear(&taken, if self.now < scrub { scrub } else { at });
        self.clear(&NodeRanges::from_nodes(mine.into_iter().filter(fresh)), at);
        self.clear_held(&NodeRanges::from_nodes(held), at);
    }

    /// Takes back what stands in for a node of one lease and is given to another, a turnover ahead.
    fn look_at_stand_ins(&mut self, moves: &Moves, at: Instant) {
        let state = self.state;
        for (home, stands) in state.substitutes.iter().filter(|(_, stands)| stands.active) {
            let gets = |(lease, range): &(u16, Range<u32>)| {
                range.contains(&stands.node) && *lease != stands.lease
            };
            if moves.stays.contains(&home) || !moves.changes.taken.iter().any(gets) {
                continue;
            }
            let node = NodeRanges::from_range(stands.node, stands.node + 1);
            let back = self.scrubbed_from(&node, at);
            if back <= self.now {
                self.recalled.insert(home, stands.node);
            } else {
                self.call_at(back);
                self.clear_held(&node, back);
            }
        }
    }

    /// Asks for the power to scrub what is off and changes hands. There may be power for one after the
    /// other only, so that is begun with at once.
    fn look_at_power(&mut self, moves: &Moves) {
        let fleet = &self.state.fleet;
        let taken = moves.changes.taken.iter().flat_map(|(_, range)| range.clone());
        let dark = taken.filter(|number| moves::is_off_and_soiled(self.state, *number));
        let scrubs = dark.map(|number| fleet.pools[fleet.pool_of(number)].turnover_seconds.max(1));
        if let Some(seconds) = scrubs.min() {
            let scrub = Seconds::new(u64::from(seconds));
            self.powers = Some(self.powers.map_or(scrub, |other| other.min(scrub)));
            self.call_at(self.now.after(scrub));
        }
    }

    /// Looks again at `at`, or sooner.
    fn call_at(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// When the turnover of `nodes` has to begin at the latest, so that they are clean at `at`.
    fn scrubbed_from(&self, nodes: &NodeRanges, at: Instant) -> Instant {
        let fleet = &self.state.fleet;
        let pools = nodes.ranges().iter().map(|(first, _)| &fleet.pools[fleet.pool_of(*first)]);
        let seconds = pools.map(|pool| pool.turnover_seconds).max().unwrap_or(0);
        at.before(Seconds::new(u64::from(seconds)))
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
            let runs = matches!(job.state, JobState::Running { .. });
            let tell = at.before(vacate);
            if !runs {
                // It may run by then.
                let waits = matches!(job.state, JobState::Claiming { .. });
                if waits && job.spec.party != LANDLORD && tell > self.now {
                    self.call_at(tell);
                }
                continue;
            }
            if job.spec.party == LANDLORD {
                self.leave(slot, at);
            } else if tell > self.now {
                self.call_at(tell);
            } else if vacate > Seconds::ZERO {
                self.leave(slot, at);
                let its = job.allocation().expect("it runs");
                let its = its.whole.iter().chain(its.parts().map(|(node, _)| node));
                self.drained.extend(its.filter(|node| nodes.contains(*node)));
            }
        }
    }

    /// Ends what stands in and goes to others.
    fn recall(self, out: &mut Vec<Event>) {
        let nodes = NodeRanges::from_nodes(self.recalled.values().copied());
        clear_nodes(self.state, &nodes, StopReason::HoldingEnded, out);
        let homes = self.recalled.into_keys();
        out.extend(homes.map(|home| Event::SubstitutionEnded { home }));
    }

    /// Tells everybody, and how many have less than the time that they declare.
    fn tell(self, out: &mut Vec<Event>) {
        let Self { state, now, leaving, dropped, drained, powers, next, .. } = self;
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
        if let Some(scrub) = powers {
            // Once it is clean, its power is another's.
            let looks = [now, now.after(scrub)];
            out.extend(looks.map(|at| Event::AgendaOpened((at, AgendaItem::Power))));
        }
        out.extend(next.map(|next| Event::AgendaOpened((next, AgendaItem::Prepare))));
    }
}
