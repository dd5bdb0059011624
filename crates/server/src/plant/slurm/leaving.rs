//! Which jobs have to leave their nodes now. An order to leave is decided once and given until it is obeyed; what it was
//! decided for may be gone by then, after a crash or while Slurm was out of reach, and then nobody has to leave.

use leasehold_clusters::slurm::settings::Preemption;
use leasehold_control::{Claim, Condition, Job, JobState, Lending, State};
use leasehold_units::{Instant, Seconds};

/// Where Slurm's own preemption makes room, Leasehold does it so long before it would be late.
const MARGIN: Seconds = Seconds::new(5);

/// Whether a job has to be told to leave its nodes now: it was told to, or it is where nothing is lent.
pub fn is_due(job: &Job, state: &State, preemption: Preemption, now: Instant) -> bool {
    match &job.state {
        JobState::Leaving { at, .. } if !at.guest => true,
        JobState::Leaving { deadline, .. } => {
            is_urgent(job, state)
                || is_in_the_way(job, state)
                    && (preemption == Preemption::Leasehold || now >= latest(job, state, *deadline))
        }
        JobState::Running { at, .. } => {
            at.guest && is_unlent(job, state) || is_on_a_substitute(job, state)
        }
        _ => false,
    }
}

/// Whether it slipped in on a node that is set aside to stand in for a failed one.
fn is_on_a_substitute(job: &Job, state: &State) -> bool {
    let mut set_aside = state.substitutes.iter().filter(|(_, substitute)| !substitute.active);
    set_aside.any(|(_, substitute)| nodes(job).any(|node| node == substitute.node))
}

/// Whether what it runs on is lent to nobody.
fn is_unlent(job: &Job, state: &State) -> bool {
    let partition = job.allocation().map(|at| state.fleet.partition(at.partition));
    partition.is_none_or(|partition| partition.role.guest_vacate_seconds_max.is_none())
}

/// Whether a borrower has to go whoever waits: nothing is lent any more, or its nodes are about to change hands or to go
/// out.
fn is_urgent(job: &Job, state: &State) -> bool {
    let closes = |number| {
        let node = state.fleet.node(number);
        node.draining || node.condition != Condition::Up
    };
    state.lending != Lending::Open || is_unlent(job, state) || nodes(job).any(closes)
}

/// Whether a node of a borrower is kept for a job of the tenant.
fn is_in_the_way(job: &Job, state: &State) -> bool {
    nodes(job).any(|number| matches!(state.fleet.node(number).claim, Claim::Holder(_)))
}

/// When a borrower must be told at the latest that was to be gone by `deadline`, so that the bound of its lease is kept.
fn latest(job: &Job, state: &State, deadline: Instant) -> Instant {
    let vacate = Seconds::new(u64::from(job.spec.vacate_seconds));
    let asked = deadline.before(vacate);
    let lease = job.allocation().and_then(|at| state.fleet.partition(at.partition).role.lease());
    let bound = lease.and_then(|lease| state.contracts.leases[usize::from(lease)].reclaim_bound());
    let turnover = nodes(job)
        .map(|number| state.fleet.pools[state.fleet.pool_of(number)].turnover_seconds)
        .max();
    let needed = vacate.plus(Seconds::new(u64::from(turnover.unwrap_or(0)))).plus(MARGIN);
    let left = bound.map_or(0, |bound| bound.get().saturating_sub(needed.get()));
    asked.after(Seconds::new(left))
}

fn nodes(job: &Job) -> impl Iterator<Item = u32> {
    let at = job.allocation();
    at.into_iter().flat_map(|at| at.whole.iter().chain(at.parts().map(|(node, _)| node)))
}
