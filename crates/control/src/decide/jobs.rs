//! What parties want of their jobs, and what the cluster sees of them.

use leasehold_units::Instant;

use super::inputs::RefusedInput;
use super::victims::request_to_leave;
use crate::event::Event;
use crate::fleet::JobSlot;
use crate::job::{Job, JobSpec, JobState};
use crate::state::{State, VACATE_SECONDS_MAX};

/// A party submits a job.
pub fn submit(state: &State, spec: JobSpec, out: &mut Vec<Event>) -> Result<(), RefusedInput> {
    let number = spec.number;
    if spec.gpus == 0 {
        return Err(RefusedInput::NoGpus { number });
    }
    if spec.vacate_seconds > VACATE_SECONDS_MAX {
        return Err(RefusedInput::VacateTooLong { number, seconds: spec.vacate_seconds });
    }
    let pools = state.site.pools.iter().enumerate();
    let allowed = pools.filter(|(index, _)| spec.pools & (1 << index) != 0);
    let gpus = |(_, pool): (usize, &leasehold_site::Pool)| {
        u64::from(pool.nodes()) * u64::from(state.site.sku(pool).gpus_per_node)
    };
    let largest = allowed.map(gpus).max().unwrap_or(0);
    if u64::from(spec.gpus) > largest {
        return Err(RefusedInput::TooLarge { number, gpus: spec.gpus, largest });
    }
    out.push(Event::JobSubmitted { job: state.jobs.next_slot(), spec });
    Ok(())
}

/// A party withdraws a job. What waits is over at once, what it has kept is given back first; what runs
/// is told to leave, what leaves already goes on to. Doing it again changes nothing.
pub fn cancel(
    state: &State,
    slot: JobSlot,
    now: Instant,
    out: &mut Vec<Event>,
) -> Result<(), RefusedInput> {
    let job = living(state, slot)?;
    if job.cancelled {
        return Ok(());
    }
    match job.state {
        JobState::Queued | JobState::Parked => out.push(Event::JobCancelled { job: slot }),
        JobState::Claiming { .. } => {
            out.extend([Event::ClaimDropped { job: slot }, Event::JobCancelled { job: slot }]);
        }
        JobState::Running { .. } | JobState::Leaving { .. } => {
            out.push(Event::CancellationRequested { job: slot });
            out.extend(request_to_leave(slot, job, now, None));
        }
    }
    Ok(())
}

/// The cluster saw a job come to its own end.
pub fn end(state: &State, slot: JobSlot, out: &mut Vec<Event>) -> Result<(), RefusedInput> {
    let job = living(state, slot)?;
    if !matches!(job.state, JobState::Running { .. } | JobState::Leaving { .. }) {
        return Err(RefusedInput::NotThere { number: job.spec.number });
    }
    out.push(Event::JobFinished { job: slot });
    Ok(())
}

/// The cluster saw a job gone that was told to leave. One that its party withdrew is over then.
pub fn vacate(state: &State, slot: JobSlot, out: &mut Vec<Event>) -> Result<(), RefusedInput> {
    let job = living(state, slot)?;
    if !matches!(job.state, JobState::Leaving { .. }) {
        return Err(RefusedInput::NotThere { number: job.spec.number });
    }
    out.push(Event::JobVacated { job: slot });
    if job.cancelled {
        out.push(Event::JobCancelled { job: slot });
    }
    Ok(())
}

fn living(state: &State, slot: JobSlot) -> Result<&Job, RefusedInput> {
    state.jobs.find(slot).ok_or(RefusedInput::UnknownJob(slot))
}
