//! What changes hands is ready when it does, whatever failed, came back or was off before.
//!
//! Borrowers take all of the time that they declare, and tenants ask for their whole holdings, so that a
//! reclaim has not a second to spare when nodes move.

use leasehold_control::{Agreed, Ask, Cause, CurtailmentAsk, Input, OutageAsk};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_simulator::engine::{Act, Deed, Outcome, Setting};
use leasehold_simulator::workload::WorkloadJob;
use leasehold_units::{Instant, Interval, OutageId, PartyId, Seconds, Shape, Watts};

use crate::play;
use crate::setting::{Job, Plan, setting, start};

/// When the works begin. Five seconds later the bound of what is asked for at [`ASKED`] passes.
const WORKS: u64 = 21_600;
const ASKED: u64 = WORKS - 595;

fn later(seconds: u64) -> Instant {
    start().after(Seconds::new(seconds))
}

/// A job of so many GPUs that leaves its nodes at the last second of its time.
fn submit(party: &str, at: u64, number: u64, (gpus, run): (u32, u32)) -> Deed {
    let job = WorkloadJob {
        number,
        submit: later(at),
        gpus,
        run_seconds: run,
        request_seconds: run,
        vacate_seconds: 510,
        vacate_actual_seconds: u32::MAX,
        checkpoint_seconds: 600,
        skus: u32::MAX,
    };
    let party = PartyId::new(party).expect("a name");
    Deed { at: job.submit, act: Act::Submit { party, job, priority: 0, within: Shape::Node } }
}

/// So many jobs of the landlord's, a node each.
fn landlords(at: u64, first: u64, jobs: u64, run: u32) -> impl Iterator<Item = Deed> {
    (first..first + jobs).map(move |number| submit("owner", at, number, (8, run)))
}

fn fail(setting: &mut Setting, nodes: (u32, u32), from: u64, until: u64) {
    let nodes = || NodeRanges::from_range(nodes.0, nodes.1);
    setting.inputs.push((later(from), Input::NodesDown(nodes())));
    setting.inputs.push((later(until), Input::NodesUp(nodes())));
}

/// From a while on no more than `watts` may be drawn: two nodes fewer than there are.
fn curtail(setting: &mut Setting, watts: u64) {
    let (from, until) = (later(1_000), later(80_000));
    let ask = Ask::Limit(Watts::new(watts));
    let curtailment = CurtailmentAsk { ask, cause: Cause::Economic, from, until };
    setting.inputs.push((from, Input::Curtail(curtailment)));
}

/// `nodes` are to be out from [`WORKS`] on for six hours, and nobody agrees to it.
fn works(setting: &mut Setting, nodes: (u32, u32)) {
    let ask = OutageAsk {
        id: OutageId::new("works").expect("a name"),
        what: "works".into(),
        nodes: NodeRanges::from_range(nodes.0, nodes.1),
        interval: Interval::new(later(WORKS), later(WORKS + 6 * 3_600)),
        agreed: Agreed::Nobody,
    };
    setting.inputs.push((later(3_600), Input::PlanOutage(Box::new(ask))));
}

/// The reclaims of a run were all in time.
fn in_time(outcome: &Outcome, reclaims: u64) {
    assert_eq!(put_off(outcome, reclaims), 0, "what comes in is ready");
}

/// How often works were put off, in a run whose reclaims were all in time.
fn put_off(outcome: &Outcome, reclaims: u64) -> usize {
    assert_eq!((outcome.reclaims.count(), outcome.reclaims_missed), (reclaims, 0));
    outcome.milestones.iter().filter(|milestone| milestone.name == "put off").count()
}

#[test]
fn a_rack_that_fails_before_it_is_handed_over_is_replaced_by_one_that_is_cleared_too() {
    let mut setting = setting(&Plan::default());
    setting.deeds.extend(landlords(10, 1, 24, 160_000));
    works(&mut setting, (0, 4));
    fail(&mut setting, (8, 9), WORKS - 1_200, 90_000);
    setting.deeds.push(submit("renter", ASKED, 100, (64, 600)));
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn a_node_that_stood_in_is_cleared_for_the_next_change_once_it_is_back() {
    let mut setting = setting(&Plan { blocks: 5, ..Plan::default() });
    works(&mut setting, (0, 4));
    // The only rack that is not held has to replace the one that goes out.
    fail(&mut setting, (7, 8), 1_000, WORKS - 1_500);
    setting.deeds.extend(landlords(WORKS - 1_400, 1, 24, 160_000));
    setting.deeds.push(submit("renter", ASKED, 100, (160, 600)));
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn what_is_off_and_has_to_be_scrubbed_is_not_handed_over_while_there_is_anything_else() {
    let mut setting = setting(&Plan { shape: "node", blocks: 10, ..Plan::default() });
    // The two nodes beside the holding, in its rack, are used and then switched off.
    setting.deeds.extend(landlords(10, 1, 2, 600));
    setting.deeds.extend(landlords(11, 3, 22, 160_000));
    curtail(&mut setting, 212_000);
    works(&mut setting, (20, 22));
    setting.deeds.push(submit("renter", ASKED, 100, (80, 600)));
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn what_stands_in_for_nodes_that_go_out_stays_and_its_work_goes_on() {
    let mut setting = setting(&Plan { shape: "node", blocks: 10, ..Plan::default() });
    fail(&mut setting, (20, 22), 1_000, 50_000);
    setting.deeds.push(submit("renter", 2_000, 1, (80, 40_000)));
    works(&mut setting, (20, 22));
    let (outcome, kept) = play(setting);
    let gang = kept.jobs.iter().find(|job| job.party == 1).expect("it was submitted");
    assert_eq!(gang.ended, Some(later(42_000)));
    assert!(outcome.state.substitutes.is_empty());
    assert_eq!(outcome.state.books.breaches, []);
}

#[test]
fn what_stands_in_for_one_tenant_goes_back_in_time_to_be_scrubbed_for_another() {
    let jobs = vec![Job { submit: 2_000, gpus: 24, run: 160_000, vacate: 60, checkpoint: 600 }];
    let second = Some((jobs, 3, "node", false));
    let mut setting = setting(&Plan { blocks: 4, second, ..Plan::default() });
    // Two nodes of the only rack that is left stand in for two of the other tenant's.
    fail(&mut setting, (21, 23), 1_000, 160_000);
    setting.deeds.extend(landlords(10_000, 1, 20, 160_000));
    works(&mut setting, (0, 4));
    setting.deeds.push(submit("renter", ASKED, 100, (128, 600)));
    let (outcome, kept) = play(setting);
    in_time(&outcome, 2);
    // Its job was told in its minute, and ran on in what stood in next.
    let gang = kept.jobs.iter().find(|job| job.party == 2).expect("it was submitted");
    assert_eq!(gang.evictions, 1);
}

#[test]
fn what_is_off_and_has_to_be_scrubbed_is_given_the_power_of_what_is_idle() {
    let mut setting = setting(&Plan { blocks: 4, ..Plan::default() });
    // Of the two racks that are not held one has a failed node, so the other is handed over: two of its
    // nodes are used and then switched off.
    fail(&mut setting, (20, 21), 5, 160_000);
    setting.deeds.extend(landlords(10, 1, 5, 600));
    curtail(&mut setting, 212_000);
    setting.deeds.push(submit("owner", 5_000, 6, (128, 160_000)));
    works(&mut setting, (0, 4));
    setting.deeds.push(submit("renter", ASKED, 100, (128, 600)));
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn what_was_cleared_is_handed_over_whatever_came_back_since() {
    let mut setting = setting(&Plan { blocks: 3, ..Plan::default() });
    // With its neighbour broken the last rack is the one to take; whole again, its array is not to be
    // broken into while there is another rack. Work is on that one.
    fail(&mut setting, (16, 17), 5, WORKS - 38);
    setting.deeds.extend(landlords(10, 1, 7, 160_000));
    setting.deeds.push(submit("owner", 5_000, 8, (96, 160_000)));
    works(&mut setting, (0, 4));
    setting.deeds.push(submit("renter", ASKED, 100, (96, 600)));
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn nothing_is_lent_to_others_while_a_job_whose_clock_runs_waits_for_a_node() {
    let plan = Plan { shape: "node", blocks: 10, reserve: 1, ..Plan::default() };
    let mut setting = setting(&plan);
    setting.deeds.extend(landlords(10, 1, 23, 160_000));
    setting.deeds.push(submit("renter", 10_000, 100, (80, 600)));
    // One node of the two is replaced at once. Whoever borrowed it would not be gone in time.
    fail(&mut setting, (22, 23), 10_100, 160_000);
    fail(&mut setting, (23, 24), 10_100, 10_300);
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn what_is_off_is_scrubbed_one_after_the_other_where_there_is_power_for_one_only() {
    let mut setting = setting(&Plan { blocks: 4, ..Plan::default() });
    // As above, but three nodes of the rack that is handed over are off, and of what is on one is idle.
    fail(&mut setting, (20, 21), 5, 160_000);
    setting.deeds.extend(landlords(10, 1, 5, 600));
    curtail(&mut setting, 202_000);
    setting.deeds.extend(landlords(5_000, 6, 3, 160_000));
    setting.deeds.push(submit("owner", 5_001, 9, (128, 160_000)));
    works(&mut setting, (0, 4));
    setting.deeds.push(submit("renter", ASKED, 100, (128, 600)));
    let (outcome, _) = play(setting);
    in_time(&outcome, 1);
}

#[test]
fn works_are_put_off_for_a_job_that_waits_where_what_comes_in_failed_too_late_to_be_replaced() {
    let mut setting = setting(&Plan::default());
    setting.deeds.extend(landlords(10, 1, 24, 160_000));
    works(&mut setting, (0, 4));
    // No other rack is cleared and scrubbed in a minute.
    fail(&mut setting, (8, 9), WORKS - 60, 90_000);
    setting.deeds.push(submit("renter", ASKED, 100, (64, 600)));
    let (outcome, kept) = play(setting);
    assert_eq!(put_off(&outcome, 1), 1);
    let gang = kept.jobs.iter().find(|job| job.party == 1).expect("it was submitted");
    assert_eq!((gang.ended, gang.evictions), (Some(later(WORKS + 605)), 0));
    assert_eq!(outcome.state.books.breaches, []);
}

#[test]
fn works_are_put_off_for_a_job_that_waits_for_its_block_although_what_comes_in_is_ready() {
    let mut setting = setting(&Plan { shape: "node", blocks: 10, ..Plan::default() });
    // Of the ten nodes eight are used; the two that are left in a rack are lent.
    for (number, gpus) in [(1, 32), (2, 16), (3, 16)] {
        setting.deeds.push(submit("renter", number, number, (gpus, 160_000)));
    }
    setting.deeds.extend(landlords(10, 4, 24, 160_000));
    // What comes in for the one of them stands in another rack.
    works(&mut setting, (22, 23));
    let mut gang = submit("renter", ASKED, 100, (16, 600));
    if let Act::Submit { within, .. } = &mut gang.act {
        *within = Shape::Rack;
    }
    setting.deeds.push(gang);
    let (outcome, _) = play(setting);
    assert_eq!(put_off(&outcome, 1), 1);
    assert_eq!(outcome.state.books.breaches, []);
}

#[test]
fn works_are_put_off_for_a_job_that_waits_where_nodes_would_pass_from_tenant_to_tenant() {
    let jobs = vec![Job { submit: 5, gpus: 80, run: 160_000, vacate: 60, checkpoint: 600 }];
    let second = Some((jobs, 10, "node", false));
    let mut setting = setting(&Plan { shape: "array", blocks: 1, second, ..Plan::default() });
    setting.deeds.extend(landlords(10, 1, 14, 160_000));
    // The array that has to be elsewhere can only be where two of the other tenant's nodes are.
    works(&mut setting, (0, 4));
    setting.deeds.push(submit("renter", ASKED, 100, (64, 600)));
    let (outcome, kept) = play(setting);
    assert_eq!(put_off(&outcome, 2), 1);
    let gang = kept.jobs.iter().find(|job| job.party == 1).expect("it was submitted");
    assert_eq!((gang.ended, gang.evictions), (Some(later(WORKS + 605)), 0));
    assert_eq!(outcome.state.books.breaches, []);
}
