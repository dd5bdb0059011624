//! Deciding: from the state and an input to events or a refusal. Reads the state, changes nothing.

mod ahead;
mod blocks;
mod deliveries;
mod demand;
mod inputs;
mod jobs;
mod ladder;
mod moves;
mod observed;
mod placing;
mod promises;
mod steps;
mod substitution;
mod turnover;
mod upkeep;
mod victims;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::Instant;

pub use inputs::{RefusedInput, decide};
pub use ladder::it_limit;
pub use observed::{NotBooked, can_book};
pub use upkeep::RefusedOutage;

use crate::event::{Event, Placing, StopReason};
use crate::fleet::{JobSlot, Party};
use crate::job::JobState;
use crate::state::{State, touches};

/// How the prospects were when they were last found to hold nothing to do.
#[derive(Debug, Default)]
pub struct Seen {
    /// By party: of its queue.
    parties: Vec<u64>,
    substitutes: u64,
    /// Everything that changed before this was looked at.
    settled: Option<Instant>,
}

impl Seen {
    /// For a state that follows from events alone: everything before the last of them was settled.
    pub const fn resumed(state: &State) -> Self {
        Self { parties: Vec::new(), substitutes: 0, settled: Some(state.now) }
    }

    /// Everything that follows at `now` was found.
    pub const fn settle(&mut self, now: Instant) {
        self.settled = Some(now);
    }
}

/// What follows from the state by itself at `now`, put behind `out`; nothing once it is settled.
///
/// `seen` saves looking again and never changes what is decided: a party's queue is looked at when
/// something changed for that party, and at no other time, so that others' doings do not show in it.
pub fn follow_up(state: &State, now: Instant, seen: &mut Seen, out: &mut Vec<Event>) -> bool {
    if let Some(item) = state.contracts.due(now) {
        steps::decide(state, now, item, out);
        return true;
    }
    if turnover::give_up(state, now, out) || promises::pass_bound(state, now, out) {
        return true;
    }
    if let Some(job) = state.back_off_over(now) {
        out.push(Event::BackOffEnded { job });
        return true;
    }
    if ladder::is_due(state) && steps::keep_within(state, now, out) {
        return true;
    }
    let prospects = state.substitution_prospects();
    if seen.substitutes != prospects {
        if substitution::follow(state, now, out) {
            return true;
        }
        seen.substitutes = prospects;
    }
    if turnover::begin(state, now, out) || start_ready(state, out) {
        return true;
    }
    seen.parties.resize(state.parties.len(), u64::MAX);
    // Tenants first, the landlord last: what a tenant takes is never the landlord's to borrow.
    for index in (0..state.parties.len()).rev() {
        let party = Party::try_from(index).expect("few parties");
        let prospects = state.prospects(party);
        let queue = &state.parties[index].queue;
        let looked_at = seen.settled.is_some_and(|settled| state.stirred(party) < settled);
        let waits = !queue.is_empty() || !queue.parked.is_empty();
        if seen.parties[index] == prospects || looked_at || !waits {
            continue;
        }
        if placing::room_for_parked(state, party) {
            out.push(Event::JobsUnparked { party });
            return true;
        }
        let placed = match state.placing {
            Placing::Here => placing::next(state, party, now, out),
            Placing::Observed => false,
            Placing::Cluster => demand::next(state, party, now, out),
        };
        if placed {
            return true;
        }
        seen.parties[index] = prospects;
    }
    let overtaken = state.bereft().find(|slot| placing::is_overtaken(state, *slot, now));
    out.extend(overtaken.map(|job| Event::JobOvertaken { job }));
    overtaken.is_some()
}

/// Whether anything still follows from the state at `now`, looked at afresh: never once it is
/// settled.
pub fn something_follows(state: &State, now: Instant) -> bool {
    follow_up(state, now, &mut Seen::default(), &mut Vec::new())
}

/// Starts a job all of whose kept nodes are ready.
fn start_ready(state: &State, out: &mut Vec<Event>) -> bool {
    let Some(slot) = state.ready_claims().first() else { return false };
    let job = state.jobs.get(*slot);
    let JobState::Claiming { at, .. } = &job.state else {
        unreachable!("a ready claim is a claim")
    };
    out.push(Event::JobStarted { job: *slot, at: at.clone() });
    true
}

/// Stops a job without time to leave. One that its party withdrew is over then.
fn stop(state: &State, slot: JobSlot, reason: StopReason, out: &mut Vec<Event>) {
    out.push(Event::JobStopped { job: slot, reason });
    if state.jobs.get(slot).cancelled {
        out.push(Event::JobCancelled { job: slot });
    }
}

/// Stops or sends back every job on `nodes`, without time to leave.
fn clear_nodes(state: &State, nodes: &NodeRanges, reason: StopReason, out: &mut Vec<Event>) {
    for (slot, job) in state.jobs.iter().filter(|(_, job)| touches(job, nodes)) {
        match job.state {
            JobState::Claiming { .. } => out.push(Event::ClaimDropped { job: slot }),
            _ => stop(state, slot, reason, out),
        }
    }
}
