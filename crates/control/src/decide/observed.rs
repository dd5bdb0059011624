//! What a scheduler of the cluster's own did: it is taken up as it was, where the books can hold it.

use std::collections::BTreeSet;

use leasehold_units::Instant;

use super::inputs::RefusedInput;
use crate::event::{Event, Gone, Placing};
use crate::fleet::{Claim, Condition, Holding, JobSlot, LANDLORD, User};
use crate::job::{Allocation, JobState};
use crate::state::State;

/// Why a run that was seen cannot be booked: it goes on, on nodes that count as idle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBooked {
    /// The node stands for something else.
    #[error("node {node} is in no holding of the job's party")]
    NotHeld {
        /// Its number.
        node: u32,
    },
    /// The node is in no condition to work.
    #[error("node {node} is {condition}, as far as is known")]
    Out {
        /// Its number.
        node: u32,
        /// How it is.
        condition: &'static str,
    },
    /// Another party's job is on the node.
    #[error("on node {node} there is a job of another party: the two are not kept apart")]
    NotAlone {
        /// Its number.
        node: u32,
    },
    /// More GPUs than the node has.
    #[error("jobs on node {node} have more GPUs than it has")]
    Overfull {
        /// Its number.
        node: u32,
    },
    /// No GPU, or no node.
    #[error("a job without a GPU takes nothing that is metered")]
    NoGpus,
}

/// Who places jobs from now on. That changes while no job has nodes only.
pub fn placed_by(state: &State, to: Placing, out: &mut Vec<Event>) -> Result<(), RefusedInput> {
    if state.placing == to {
        return Ok(());
    }
    // Watching and enforcing differ in nothing that a running job rests on.
    let is_near = state.placing != Placing::Here && to != Placing::Here;
    if let Some((_, job)) = state.jobs.iter().find(|(_, job)| job.allocation().is_some())
        && !is_near
    {
        return Err(RefusedInput::Placed { number: job.spec.number });
    }
    let claims =
        state.jobs.iter().filter(|(_, job)| matches!(job.state, JobState::Claiming { .. }));
    out.extend(claims.map(|(job, _)| Event::ClaimDropped { job }));
    out.push(Event::PlacingChanged { to });
    Ok(())
}

/// A waiting job was started.
pub fn found(
    state: &State,
    slot: JobSlot,
    at: &Allocation,
    since: Instant,
    out: &mut Vec<Event>,
) -> Result<(), RefusedInput> {
    let job = state.jobs.find(slot).ok_or(RefusedInput::UnknownJob(slot))?;
    let waits =
        matches!(job.state, JobState::Queued | JobState::Parked | JobState::Claiming { .. });
    if state.places() || !waits {
        return Err(RefusedInput::NotThere { number: job.spec.number });
    }
    can_book(state, job.spec.party, at)?;
    let mut displaced = BTreeSet::new();
    for node in at.nodes().iter() {
        if let Claim::Holder(other) | Claim::Guest(other) = state.fleet.node(node).claim
            && other != slot
        {
            displaced.insert(other);
        }
    }
    out.extend(displaced.into_iter().map(|job| Event::ClaimDropped { job }));
    out.push(Event::JobFound { job: slot, at: at.clone(), since });
    Ok(())
}

/// Whether the books can hold a job of `party` at `at`.
///
/// # Errors
/// Where they cannot, and why.
pub fn can_book(state: &State, party: u16, at: &Allocation) -> Result<(), NotBooked> {
    let Some(role) = state.fleet.partitions().get(usize::from(at.partition)).map(|p| &p.role)
    else {
        return Err(NotBooked::NotHeld { node: 0 });
    };
    let lent = matches!(role.holding, Holding::Lease(_)) && party == LANDLORD;
    let user = if at.guest { User::Guest } else { User::Holder };
    let whole = at.whole.iter().map(|node| (node, role.gpus_per_node, true));
    let mut gpus: u32 = 0;
    for (node, count, alone) in whole.chain(at.parts().map(|(node, gpus)| (node, gpus, false))) {
        gpus += u32::from(count);
        let known = state.fleet.nodes().get(node as usize);
        let known = known.filter(|known| known.partition == at.partition);
        let known = known.ok_or(NotBooked::NotHeld { node })?;
        if role.is_reserve() || at.guest != lent || (!lent && role.holder != party) {
            return Err(NotBooked::NotHeld { node });
        }
        if let Some(condition) = out_of_work(known.condition) {
            return Err(NotBooked::Out { node, condition });
        }
        if known.user != User::Nobody && known.user != user {
            return Err(NotBooked::NotAlone { node });
        }
        let over = u16::from(known.used) + u16::from(count) > u16::from(role.gpus_per_node);
        if over || (alone && known.user != User::Nobody) {
            return Err(NotBooked::Overfull { node });
        }
    }
    if gpus == 0 { Err(NotBooked::NoGpus) } else { Ok(()) }
}

const fn out_of_work(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Up => None,
        Condition::OutOfService => Some("not in service"),
        Condition::Turnover => Some("being scrubbed"),
        Condition::Down => Some("down"),
        Condition::Maintained => Some("out for maintenance"),
        Condition::Curtailed => Some("switched off"),
    }
}

/// A job is gone from its nodes.
pub fn gone(
    state: &State,
    slot: JobSlot,
    at: Instant,
    how: Gone,
    out: &mut Vec<Event>,
) -> Result<(), RefusedInput> {
    let job = state.jobs.find(slot).ok_or(RefusedInput::UnknownJob(slot))?;
    let (JobState::Running { since, .. } | JobState::Leaving { since, .. }) = job.state else {
        return Err(RefusedInput::NotThere { number: job.spec.number });
    };
    // A job that was withdrawn comes back no more.
    let how = if job.cancelled { Gone::Over } else { how };
    out.push(Event::JobGone { job: slot, at: at.max(since), how });
    Ok(())
}
