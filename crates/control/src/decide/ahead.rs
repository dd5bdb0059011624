//! What is cleared ahead of the next changes of holdings and of the envelope.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds, Watts};

use super::victims::request_to_leave;
use super::{ladder, moves, steps, upkeep};
use crate::event::Event;
use crate::fleet::{JobSlot, LANDLORD};
use crate::job::JobState;
use crate::state::{AgendaItem, Lending, State, touches};

/// Clears the nodes that the next changes will hand to a tenant, take out or switch off.
pub fn prepare(state: &State, now: Instant, out: &mut Vec<Event>) {
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
        limit = limit.min(steps::limit_at(state, at));
    }
    ahead.tell(out);
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
        let taken = moves.changes.taken.iter().flat_map(|(_, range)| range.clone());
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
