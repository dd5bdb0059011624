//! A party withdraws its own jobs, whatever these are doing.

use crate::stage::{Stage, job};
use leasehold_control::{Event, Input, JobState, LANDLORD, RefusedInput};
use leasehold_scheduler::nodes::NodeRanges;

const TENANT: u16 = 1;
const ALL_OF_IT: u32 = 64;

/// A borrower on every node of the holding, and a tenant's job that nodes are kept for.
fn reclaiming() -> (Stage, Vec<u32>, u32) {
    let mut stage = Stage::new();
    let landlord: Vec<u32> =
        (0..3).map(|number| stage.submit(job(number, LANDLORD, ALL_OF_IT))).collect();
    let tenant = stage.submit(job(9, TENANT, ALL_OF_IT));
    let state = &stage.control.state().jobs.get(tenant).state;
    assert!(matches!(state, JobState::Claiming { .. }), "{state:?}");
    (stage, landlord, tenant)
}

#[test]
fn what_waits_is_over_at_once_and_what_waited_behind_it_starts() {
    let mut stage = Stage::new();
    let runs = stage.submit(job(0, TENANT, 40));
    let head = stage.submit(job(1, TENANT, ALL_OF_IT));
    // It asks for longer than the first runs on, so that the head would wait for it.
    let behind =
        stage.submit(leasehold_control::JobSpec { request_seconds: 90_000, ..job(2, TENANT, 24) });
    assert_eq!(stage.control.state().jobs.get(behind).state, JobState::Queued);
    stage.tell(&Input::Cancel { job: head });
    assert!(!stage.lives(head));
    assert!(stage.lives(runs));
    let state = &stage.control.state().jobs.get(behind).state;
    assert!(matches!(state, JobState::Running { .. }), "its turn has come: {state:?}");
}

#[test]
fn what_is_parked_is_over_at_once() {
    let mut stage = Stage::new();
    let parked = stage.submit(job(0, TENANT, ALL_OF_IT + 1));
    assert_eq!(stage.control.state().jobs.get(parked).state, JobState::Parked);
    stage.tell(&Input::Cancel { job: parked });
    assert!(!stage.lives(parked));
    assert!(stage.control.state().parties[1].queue.parked.is_empty());
}

#[test]
fn what_runs_is_told_to_leave_and_never_queued_again() {
    let mut stage = Stage::new();
    let slot = stage.submit(job(0, TENANT, 16));
    stage.pass(100);
    stage.tell(&Input::Cancel { job: slot });
    let JobState::Leaving { deadline, .. } = stage.control.state().jobs.get(slot).state else {
        panic!("it leaves")
    };
    assert_eq!(deadline.since(stage.now).get(), 120, "what it declares");
    stage.tell(&Input::Cancel { job: slot });
    assert_eq!(stage.count(|e| matches!(e, Event::CancellationRequested { .. })), 1);
    stage.pass(30);
    stage.tell(&Input::Vacated { job: slot });
    assert!(!stage.lives(slot));
    assert_eq!(stage.count(|e| matches!(e, Event::JobStarted { .. })), 1);
    let state = stage.control.state();
    assert_eq!(state.jobs.iter().count(), 0);
    assert!(state.parties[1].queue.is_empty());
    let refused = stage.try_tell(&Input::Cancel { job: slot });
    assert_eq!(refused, Err(RefusedInput::UnknownJob(slot)));
}

#[test]
fn what_leaves_already_is_over_when_it_is_gone() {
    let (mut stage, _, tenant) = reclaiming();
    let leaving: Vec<u32> = stage
        .control
        .state()
        .jobs
        .iter()
        .filter(|(_, job)| matches!(job.state, JobState::Leaving { .. }))
        .map(|(slot, _)| slot)
        .collect();
    let gone = leaving[0];
    stage.tell(&Input::Cancel { job: gone });
    stage.tell(&Input::Vacated { job: gone });
    assert!(!stage.lives(gone));
    assert!(stage.lives(tenant));
    stage.pass(4_000);
    let state = stage.control.state();
    assert!(state.next_due().is_none_or(|due| due > stage.now), "no back-off of it is left");
}

#[test]
fn a_job_that_is_stopped_or_ends_while_it_leaves_is_over() {
    let mut stage = Stage::new();
    let (ends, fails) = (stage.submit(job(0, TENANT, 8)), stage.submit(job(1, TENANT, 8)));
    let node = |slot: u32, stage: &Stage| {
        let job = stage.control.state().jobs.get(slot);
        job.allocation().and_then(|at| at.whole.iter().next()).expect("it has a node")
    };
    let failed = node(fails, &stage);
    for slot in [ends, fails] {
        stage.tell(&Input::Cancel { job: slot });
    }
    stage.tell(&Input::Ended { job: ends });
    stage.tell(&Input::NodesDown(NodeRanges::from_range(failed, failed + 1)));
    assert!(!stage.lives(ends) && !stage.lives(fails));
    assert_eq!(stage.count(|e| matches!(e, Event::JobFinished { .. })), 1);
    assert_eq!(stage.count(|e| matches!(e, Event::JobCancelled { .. })), 1);
}

#[test]
fn a_reclaim_that_is_withdrawn_gives_its_nodes_back_and_is_never_late() {
    let (mut stage, landlord, tenant) = reclaiming();
    stage.tell(&Input::Cancel { job: tenant });
    assert!(!stage.lives(tenant));
    let state = stage.control.state();
    let kept = state.fleet.nodes().iter();
    let free = leasehold_control::Claim::Free;
    assert_eq!(kept.filter(|node| node.claim != free).count(), 0, "nothing is kept for it");
    let gone: Vec<u32> = landlord
        .into_iter()
        .filter(|slot| matches!(state.jobs.get(*slot).state, JobState::Leaving { .. }))
        .collect();
    assert!(!gone.is_empty(), "the borrowers leave all the same");
    for slot in gone {
        stage.tell(&Input::Vacated { job: slot });
    }
    stage.pass(7_200);
    let state = stage.control.state();
    assert!(state.books.breaches.is_empty(), "nothing is owed any more");
    assert_eq!(stage.count(|e| matches!(e, Event::ReclaimMissed { .. })), 0);
}

#[test]
fn nobody_else_sees_a_job_that_is_withdrawn_while_it_waits() {
    let play = |withdrawn: bool| {
        let mut stage = Stage::new();
        stage.submit(job(0, TENANT, ALL_OF_IT));
        if withdrawn {
            let slot = stage.submit(job(1, TENANT, 32));
            stage.pass(10);
            stage.tell(&Input::Cancel { job: slot });
        } else {
            stage.pass(10);
        }
        stage.submit(job(0, LANDLORD, 100));
        stage.submit(job(1, LANDLORD, 60));
        stage.pass(600);
        let jobs = stage.control.state().jobs.iter().map(|(_, job)| job.clone());
        jobs.filter(|job| job.spec.party == LANDLORD).collect::<Vec<_>>()
    };
    assert_eq!(play(true), play(false));
}

#[test]
fn an_observation_of_what_is_not_there_is_refused() {
    let mut stage = Stage::new();
    let waits = stage.submit(job(7, TENANT, ALL_OF_IT + 1));
    let there = RefusedInput::NotThere { number: 7 };
    assert_eq!(stage.try_tell(&Input::Ended { job: waits }), Err(there.clone()));
    assert_eq!(stage.try_tell(&Input::Vacated { job: waits }), Err(there));
    assert_eq!(stage.try_tell(&Input::Ended { job: 99 }), Err(RefusedInput::UnknownJob(99)));
    let runs = stage.submit(job(8, TENANT, 8));
    let told = stage.try_tell(&Input::Vacated { job: runs });
    assert_eq!(told, Err(RefusedInput::NotThere { number: 8 }), "it was not told to leave");
}
