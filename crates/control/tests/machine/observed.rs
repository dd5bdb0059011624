//! A scheduler of the cluster's own starts and ends jobs: what it did is metered to the second, and nodes of
//! a holding are cleared for the tenant's jobs that wait, as many as they need and no more.

use crate::stage::{Stage, first_second, job};
use leasehold_control::{
    Allocation, Event, Gone, Input, JobSlot, JobState, LANDLORD, NotBooked, PartitionId, Placing,
    RefusedInput,
};
use leasehold_ledger::GpuState;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds};

const TENANT: u16 = 1;

/// The stage with a scheduler of the cluster's own.
fn stage(placing: Placing) -> Stage {
    let mut stage = Stage::new();
    stage.tell(&Input::PlacedBy(placing));
    stage.pass(100);
    stage
}

/// The nodes of the lease's holding.
fn held(stage: &Stage) -> (PartitionId, Vec<u32>) {
    let state = stage.control.state();
    let id = state.contracts.leases[0].partitions[0];
    let nodes = state.fleet.nodes().iter().zip(0..);
    (id, nodes.filter(|(node, _)| node.partition == id).map(|(_, number)| number).collect())
}

fn whole(id: PartitionId, guest: bool, nodes: &[u32]) -> Allocation {
    let whole = NodeRanges::from_nodes(nodes.iter().copied());
    Allocation { partition: id, guest, whole, part: None, also: Vec::new() }
}

fn part(id: PartitionId, guest: bool, (node, gpus): (u32, u8)) -> Allocation {
    Allocation { part: Some((node, gpus)), ..whole(id, guest, &[]) }
}

/// Submits a job that was started at once.
fn start(stage: &mut Stage, party: u16, gpus: u32, at: Allocation, since: Instant) -> JobSlot {
    let slot = stage.submit(job(0, party, gpus));
    stage.tell(&Input::Found { job: slot, at, since });
    slot
}

/// A borrower on each node of the holding.
fn lent_out(stage: &mut Stage) -> Vec<JobSlot> {
    let (id, nodes) = held(stage);
    let since = stage.now;
    nodes.iter().map(|node| start(stage, LANDLORD, 8, whole(id, true, &[*node]), since)).collect()
}

fn evictions(stage: &Stage) -> usize {
    stage.count(|event| matches!(event, Event::EvictionRequested { .. }))
}

/// GPU-seconds of the site in `state`, once all intervals are closed.
fn metered(stage: &mut Stage, state: GpuState) -> u128 {
    let (now, day) = (stage.now, leasehold_units::Day::constant(2026, 3, 6));
    stage.control.close(now, day, &mut |_, _, _| {});
    stage.control.state().books.meter.totals().of(state).get()
}

#[test]
fn what_was_told_late_is_metered_from_when_it_happened() {
    let mut stage = stage(Placing::Cluster);
    let (id, nodes) = held(&stage);
    let began = first_second().after(Seconds::new(60));
    let slot = start(&mut stage, TENANT, 16, whole(id, false, &nodes[..2]), began);
    stage.pass(50);
    let ended = first_second().after(Seconds::new(140));
    stage.tell(&Input::Gone { job: slot, at: ended, how: Gone::Over });
    assert!(!stage.lives(slot));
    assert_eq!(metered(&mut stage, GpuState::Used), 16 * 80);
}

#[test]
fn what_is_known_of_a_node_stands() {
    let mut stage = stage(Placing::Cluster);
    let (id, nodes) = held(&stage);
    let at = |seconds| first_second().after(Seconds::new(seconds));
    let first = start(&mut stage, TENANT, 8, whole(id, false, &nodes[..1]), at(10));
    stage.tell(&Input::Gone { job: first, at: at(70), how: Gone::Over });
    // Said to have begun while the first was still there: it counts from the end of that.
    let second = start(&mut stage, TENANT, 8, whole(id, false, &nodes[..1]), at(40));
    stage.tell(&Input::Gone { job: second, at: at(90), how: Gone::Over });
    assert_eq!(metered(&mut stage, GpuState::Used), 8 * 80);
}

#[test]
fn a_gang_may_be_divided_over_shared_nodes() {
    let mut stage = stage(Placing::Cluster);
    let (id, nodes) = held(&stage);
    let since = stage.now;
    let at = Allocation {
        part: Some((nodes[0], 2)),
        also: vec![(nodes[1], 6)],
        ..whole(id, false, &[])
    };
    let first = start(&mut stage, TENANT, 8, at, since);
    let second = start(&mut stage, TENANT, 2, part(id, false, (nodes[1], 2)), since);
    assert_eq!(stage.control.state().fleet.node(nodes[1]).used, 8);
    stage.pass(10);
    let now = stage.now;
    stage.tell(&Input::Gone { job: first, at: now, how: Gone::Over });
    assert_eq!(stage.control.state().fleet.node(nodes[1]).used, 2);
    assert_eq!(metered(&mut stage, GpuState::Used), 10 * 10);
    assert!(stage.lives(second));
}

/// How many of the borrowers are told to go when so many jobs of so many GPUs are submitted.
fn told_to_go(jobs: u64, gpus: u32) -> usize {
    let mut stage = stage(Placing::Cluster);
    lent_out(&mut stage);
    for number in 0..jobs {
        stage.submit(job(number, TENANT, gpus));
    }
    stage.pass(5);
    evictions(&stage)
}

#[test]
fn as_many_borrowers_go_as_are_needed_and_no_more() {
    assert_eq!(told_to_go(1, 64), 8, "one job on all nodes");
    assert_eq!(told_to_go(1, 24), 3, "one job on three nodes");
    assert_eq!(told_to_go(5, 8), 5, "five jobs of a node");
    assert_eq!(told_to_go(64, 1), 8, "64 jobs of one GPU fill 8 nodes");
    assert_eq!(told_to_go(9, 1), 2, "nine jobs of one GPU do not fit on a node");
    assert_eq!(told_to_go(5, 3), 3, "two jobs of three GPUs fit on a node");
    assert_eq!(told_to_go(80, 1), 8, "there is no more than there is");
}

#[test]
fn idle_nodes_are_enough_where_there_are_some() {
    let mut stage = stage(Placing::Cluster);
    let (id, nodes) = held(&stage);
    let since = stage.now;
    start(&mut stage, LANDLORD, 8 * 5, whole(id, true, &nodes[3..]), since);
    stage.submit(job(1, TENANT, 24));
    assert_eq!(evictions(&stage), 0);
    stage.submit(job(2, TENANT, 8));
    assert_eq!(evictions(&stage), 1);
}

#[test]
fn whoever_is_watched_only_is_told_nothing() {
    let mut stage = stage(Placing::Observed);
    lent_out(&mut stage);
    stage.submit(job(1, TENANT, 64));
    stage.pass(3_600);
    assert_eq!(evictions(&stage), 0);
    assert_eq!(stage.count(|event| matches!(event, Event::ReclaimMissed { .. })), 0);
}

#[test]
fn a_reclaim_runs_from_the_wish_to_the_start_that_is_seen() {
    let mut stage = stage(Placing::Cluster);
    let borrowers = lent_out(&mut stage);
    let asked = stage.now;
    let slot = stage.submit(job(1, TENANT, 64));
    stage.pass(5);
    let now = stage.now;
    for borrower in borrowers {
        stage.tell(&Input::Gone { job: borrower, at: now, how: Gone::Vacated });
    }
    stage.pass(3);
    let (id, nodes) = held(&stage);
    let since = stage.now.before(Seconds::new(1));
    stage.tell(&Input::Found { job: slot, at: whole(id, false, &nodes), since });
    let reclaims = stage.control.take_records(&mut Vec::new());
    let [reclaim] = reclaims.as_slice() else { panic!("one reclaim: {reclaims:?}") };
    assert_eq!((reclaim.asked, reclaim.answered), (asked, since));
    assert_eq!(reclaim.vacated, now);
    assert!(!reclaim.missed);
    stage.pass(600);
    assert_eq!(stage.count(|event| matches!(event, Event::ReclaimMissed { .. })), 0);
}

#[test]
fn a_reclaim_that_is_not_answered_is_a_breach() {
    let mut stage = stage(Placing::Cluster);
    lent_out(&mut stage);
    stage.submit(job(1, TENANT, 8));
    stage.submit(job(2, TENANT, 1));
    stage.submit(job(3, TENANT, 1));
    stage.pass(601);
    assert_eq!(
        stage.count(|event| matches!(event, Event::ReclaimMissed { .. })),
        3,
        "those that ride on the nodes of others count as well"
    );
}

#[test]
fn a_job_may_start_on_nodes_that_are_kept_for_another_of_its_party() {
    let mut stage = stage(Placing::Cluster);
    let (id, nodes) = held(&stage);
    let now = stage.now;
    start(&mut stage, LANDLORD, 8 * 6, whole(id, true, &nodes[2..]), now);
    let [first, second] = [1, 2].map(|number| stage.submit(job(number, TENANT, 8)));
    let kept = |stage: &Stage, slot| match &stage.control.state().jobs.get(slot).state {
        JobState::Claiming { at, .. } => at.nodes().iter().collect::<Vec<u32>>(),
        other => panic!("nodes are kept for it: {other:?}"),
    };
    let (of_first, of_second) = (kept(&stage, first), kept(&stage, second));
    stage.tell(&Input::Found { job: second, at: whole(id, false, &of_first), since: now });
    assert_eq!(kept(&stage, first), of_second, "what was kept for the other is free for it");
    assert_eq!(evictions(&stage), 0);
}

#[test]
fn what_the_books_cannot_hold_is_refused_by_name() {
    let mut stage = stage(Placing::Cluster);
    let (id, nodes) = held(&stage);
    let since = stage.now;
    start(&mut stage, LANDLORD, 4, part(id, true, (nodes[0], 4)), since);
    let slot = stage.submit(job(1, TENANT, 8));
    let mut refusal = |at: Allocation| {
        let told = stage.try_tell(&Input::Found { job: slot, at, since });
        match told.expect_err("it cannot be booked") {
            RefusedInput::NotBooked(why) => why,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refusal(part(id, false, (nodes[0], 4))), NotBooked::NotAlone { node: nodes[0] });
    assert_eq!(refusal(part(id, false, (nodes[1], 9))), NotBooked::Overfull { node: nodes[1] });
    let own = (0..24).find(|node| !nodes.contains(node)).expect("the landlord has nodes");
    assert_eq!(refusal(whole(0, false, &[own])), NotBooked::NotHeld { node: own });
    assert_eq!(refusal(whole(id, false, &[own])), NotBooked::NotHeld { node: own });
    assert_eq!(refusal(whole(id, false, &[])), NotBooked::NoGpus);
    assert!(stage.lives(slot));
    let slot = stage.submit(job(2, LANDLORD, 8));
    stage.tell(&Input::NodesDown(NodeRanges::from_nodes([own])));
    let told = stage.try_tell(&Input::Found { job: slot, at: whole(0, false, &[own]), since });
    assert!(matches!(told, Err(RefusedInput::NotBooked(NotBooked::Out { .. }))), "{told:?}");
}

#[test]
fn who_places_jobs_changes_only_while_none_has_nodes() {
    let mut stage = stage(Placing::Observed);
    let (id, nodes) = held(&stage);
    let since = stage.now;
    start(&mut stage, TENANT, 8, whole(id, false, &nodes[..1]), since);
    stage.tell(&Input::PlacedBy(Placing::Cluster));
    let refused = stage.try_tell(&Input::PlacedBy(Placing::Here));
    assert!(matches!(refused, Err(RefusedInput::Placed { .. })), "{refused:?}");
}

#[test]
fn what_was_seen_folds_to_the_same_state() {
    let mut stage = stage(Placing::Cluster);
    let before = stage.control.state().clone();
    let from = stage.events.len();
    let borrowers = lent_out(&mut stage);
    for number in 0..20 {
        stage.submit(job(number, TENANT, 1));
    }
    stage.pass(10);
    let now = stage.now;
    stage.tell(&Input::Gone {
        job: borrowers[0],
        at: now.before(Seconds::new(4)),
        how: Gone::Vacated,
    });
    stage.tell(&Input::Gone { job: borrowers[1], at: now, how: Gone::Stopped });
    stage.pass(700);
    let mut again = leasehold_control::Control::resume(before);
    for (at, event) in &stage.events[from..] {
        again.fold(*at, event).expect("no invariant is broken");
    }
    assert_eq!(again.state().difference(stage.control.state()), None);
}
