//! What a run against the adversary proves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use leasehold_control::{Breach, Invariant, Job, JobState, LANDLORD};
use leasehold_site::Pool;
use leasehold_units::{Instant, LeaseId, Seconds, Shape};

use super::{Adversary, Plant};
use crate::engine::{Deed, KeepNothing, Outcome, run};

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Events in all.
    pub events: u64,
    /// Jobs that ended.
    pub jobs: u64,
    /// Nodes that failed.
    pub failures: u64,
    /// Reclaims.
    pub reclaims: u64,
    /// Reclaims later than their bound, all of them excused, recorded and counted for the credit.
    pub missed: u64,
    /// Promises recorded as not kept.
    pub breaches: u64,
}

/// What the program did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It stopped: an invariant is broken, or it panicked.
    Stopped(String),
    /// A reclaim was late although nothing that failed was beyond the reserve.
    LateWithoutCause {
        /// When its bound had passed.
        at: Instant,
        /// Number of the lease.
        lease: u16,
    },
    /// A holding was short of what is granted, though what was planned was carried.
    Oversold(String),
    /// A quote could not be signed although it lasted.
    BrokenQuote(LeaseId),
    /// As many late reclaims were not recorded.
    Unrecorded(u64),
    /// Something could have started and did not.
    Idle,
    /// A tenant's job that fits still waits, long after the adversary stopped.
    Starved {
        /// Its number.
        job: u64,
        /// What it asks for.
        gpus: u32,
    },
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped(why) => write!(f, "the run stopped: {why}"),
            Self::LateWithoutCause { at, lease } => {
                write!(f, "a reclaim of lease {lease} was late without a cause at {at}")
            }
            Self::Oversold(what) => write!(f, "a promise was short: {what}"),
            Self::BrokenQuote(lease) => write!(f, "the quote for {lease} could not be signed"),
            Self::Unrecorded(count) => write!(f, "{count} late reclaims were not recorded"),
            Self::Idle => f.write_str("something that could follow did not"),
            Self::Starved { job, gpus } => {
                write!(f, "job {job} of {gpus} GPUs fits and waits at the end of the calm")
            }
        }
    }
}

/// Plays `deeds` on `plant`, or what the adversary of a seed makes of it, and says what is wrong.
/// Returns what was done too.
pub fn judge(plant: &Plant, play: Play<'_>) -> (Result<Verdict, Fault>, Vec<Deed>) {
    let mut setting = plant.setting();
    match play {
        Play::Seed(seed) => {
            setting.watcher = Some(Box::new(Adversary::new(plant.clone(), seed)));
        }
        Play::Deeds(deeds) => setting.deeds = deeds.to_vec(),
    }
    let log = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    setting.deed_log = Some(log.clone());
    let outcome = catch_unwind(AssertUnwindSafe(|| run(setting, &mut KeepNothing)));
    let verdict = match outcome {
        Ok(Ok(outcome)) => weigh(&outcome, plant.interval.until),
        Ok(Err(error)) => Err(Fault::Stopped(error.to_string())),
        Err(panic) => Err(Fault::Stopped(said(&*panic))),
    };
    let deeds = log.take();
    (verdict, deeds)
}

/// Where deeds come from.
#[derive(Debug, Clone, Copy)]
pub enum Play<'a> {
    /// From the adversary of a seed.
    Seed(u64),
    /// From a list.
    Deeds(&'a [Deed]),
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic".into())
}

fn weigh(outcome: &Outcome, until: Instant) -> Result<Verdict, Fault> {
    if let Some((at, lease)) = outcome.late_without_cause.first() {
        return Err(Fault::LateWithoutCause { at: *at, lease: *lease });
    }
    let breaches = &outcome.state.books.breaches;
    let mut oversold = breaches.iter().filter(|one| one.invariant == Invariant::NoOversell);
    if let Some(breach) = oversold.find(|breach| !is_of_late_pool(outcome, breach)) {
        return Err(Fault::Oversold(format!("{} at {}: {}", breach.lease, breach.at, breach.what)));
    }
    if let Some(lease) = outcome.broken_quotes.first() {
        return Err(Fault::BrokenQuote(lease.clone()));
    }
    let recorded = breaches.iter().filter(|breach| breach.invariant == Invariant::Guarantee);
    let recorded = recorded.count() as u64;
    if recorded != outcome.reclaims_missed {
        return Err(Fault::Unrecorded(outcome.reclaims_missed.saturating_sub(recorded)));
    }
    starved(outcome, until)?;
    Ok(Verdict {
        events: outcome.events,
        jobs: outcome.tallies.iter().map(|tally| tally.finished).sum(),
        failures: outcome.failures,
        reclaims: outcome.reclaims_asked(),
        missed: outcome.reclaims_missed,
        breaches: breaches.len() as u64,
    })
}

/// Whether a pool was late then, and the lease says nothing of its delivery: that is what a breach is for.
fn is_of_late_pool(outcome: &Outcome, breach: &Breach) -> bool {
    let state = &outcome.state;
    let day = state.site.time_zone.day_of(breach.at);
    let number = state.contracts.find(&breach.lease).expect("a lease of the site");
    let lease = &state.contracts.leases[usize::from(number)].lease;
    let named = |pool: &Pool| breach.what.contains(&format!(" of pool {} are ", pool.id));
    let late = state.site.pools.iter().any(|pool| pool.is_late(day) && named(pool));
    late && lease.governing(day).delivery.is_none()
}

/// Whether anything was left undone: something that could start did not, or a tenant's job that its
/// holding could take waits still, though the calm was long enough for all of the work.
fn starved(outcome: &Outcome, until: Instant) -> Result<(), Fault> {
    let state = &outcome.state;
    let eve = until.before(Seconds::new(1));
    if leasehold_control::something_follows(state, eve) {
        return Err(Fault::Idle);
    }
    let waits = |job: &Job| matches!(job.state, JobState::Queued | JobState::Parked);
    for (_, job) in state.jobs.iter().filter(|(_, job)| job.spec.party != LANDLORD && waits(job)) {
        let reach = state.parties[usize::from(job.spec.party)].reach.iter();
        let fits = reach.map(|(id, _)| state.fleet.partition(*id)).any(|partition| {
            let gpus = u64::from(partition.serving) * u64::from(partition.role.gpus_per_node);
            u64::from(job.spec.gpus) <= gpus
        });
        // A job that asks for one block may have to wait until no stand-in leaves a hole in it.
        if fits && job.spec.within == Shape::Node {
            return Err(Fault::Starved { job: job.spec.number, gpus: job.spec.gpus });
        }
    }
    Ok(())
}
