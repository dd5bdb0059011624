//! What everybody has fits still where less is promised, and is kept where a plan from the beginning
//! would leave somebody worse off.

use leasehold_allocator::plan_around;
use leasehold_control::{Agreed, Control, Event, Input, JobSpec, OutageAsk};
use leasehold_fixtures::terms;
use leasehold_lease::{Lease, Side};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_site::Site;
use leasehold_units::{Instant, Interval, LeaseId, OutageId, Shape};

use crate::stage::{Stage, first_second, job, lease_file, site_file};

/// Two arrays in pools of their own, of which the second is late.
fn site() -> Site {
    let one = site_file().set("pool.arrays", 1);
    let pool = &one[one.find("[[pool]]").expect("a pool")..one.find("[[power]]").expect("power")];
    let late = pool.replacen("id = \"p\"", "id = \"q\"\ndelayed = 2026-04-10", 1);
    leasehold_fixtures::site(&one.and(late))
}

fn lease(id: &str, signed: &str, start: &str, shape: &str) -> Lease {
    let text = lease_file()
        .set("id", format_args!("'{id}'"))
        .set("signed", signed)
        .set("term.start", start)
        .set("capacity.amount", format_args!("'1 {shape}'"))
        .set("capacity.shape", format_args!("'{shape}'"))
        .and("[delivery]\ndue = 2026-04-01\ngrace_days = 3\nremedy = \"pro-rata\"");
    Lease::new(vec![terms(&text)]).expect("one version")
}

#[test]
fn nobody_is_left_to_a_late_pool_by_the_notice_of_another() {
    let mut leases = vec![
        lease("first", "2026-01-02", "2026-03-07", "rack"),
        lease("large", "2026-01-03", "2026-04-01", "array"),
        lease("small", "2026-01-04", "2026-04-01", "rack"),
    ];
    let mut control = Control::new(site(), leases.clone(), first_second()).expect("it fits");
    control.settle(first_second(), &mut |_, _, _| {}).expect("no invariant is broken");
    let before = control.state().contracts.leases[2].plan.clone();
    assert_eq!(before.steps[0].per_pool, [4, 0], "beside the first");
    let day = first_second();
    let day = control.state().site.time_zone.day_of(day);
    leases[0].give_notice(Side::Tenant, day).expect("it may");
    let anew = plan_around(&site(), &leases, &[]).expect("it fits");
    let worse = anew.leases[2].steps.iter().any(|step| step.per_pool[1] > 0);
    assert!(worse, "the large one would move to where the small one is: {:?}", anew.leases);
    let lease = LeaseId::new("first").expect("a name");
    let input = Input::GiveNotice { lease, by: Side::Tenant, day };
    control.handle(first_second(), &input, &mut |_, _, _| {}).expect("it may");
    assert_eq!(control.state().contracts.leases[2].plan, before);
    let first = &control.state().contracts.leases[0].plan;
    let last = first.steps.last().expect("a step").until;
    assert_eq!(last, leases[0].last_day(), "its plan ends with it");
}

#[test]
fn a_job_that_outgrows_its_holding_while_it_waits_is_owed_nothing() {
    let mut stage = Stage::new();
    let smaller = lease_file()
        .set("version", 2)
        .set("effective", "2026-03-08")
        .set("capacity.amount", "'1 rack'");
    stage.tell(&Input::Amend(Box::new(terms(&smaller))));
    stage.pass(86_400 - 300);
    // Borrowers that never go, and a gang as large as the holding is until midnight.
    for number in 0..3 {
        stage.submit(job(number, leasehold_control::LANDLORD, 64));
    }
    stage.submit(job(9, 1, 64));
    stage.pass(86_400);
    let lapsed = stage.count(|event| matches!(event, Event::ReclaimLapsed { .. }));
    let missed = stage.count(|event| matches!(event, Event::ReclaimMissed { .. }));
    assert_eq!((lapsed, missed), (1, 0));
}

/// One of the two racks of the holding, which stand in one array, has to be elsewhere from here on.
const WORKS: (&str, &str) = ("2026-03-07T06:35:00Z", "2026-03-08T07:00:00Z");

/// Borrowers that never go, and a gang as large as the holding that wants all of its nodes in one array,
/// which its lease by racks does not promise, shortly before the works.
fn wait_for_an_array(stage: &mut Stage) {
    stage.pass(2_000);
    for number in 0..24 {
        stage.submit(job(number, leasehold_control::LANDLORD, 8));
    }
    stage.submit(JobSpec { within: Shape::Array, ..job(99, 1, 64) });
    assert_eq!(stage.count(|event| matches!(event, Event::NodesClaimed { job: 24, .. })), 1);
    stage.pass(3_600);
}

#[test]
fn a_gang_whose_array_is_taken_from_a_lease_by_racks_is_owed_none() {
    // What the site file says to be out is out. All other nodes are out later: none of them is better.
    let outage = |nodes: &str, (from, until): (&str, &str)| {
        let nodes = nodes.split(' ').map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        format!("[[outage]]\nnodes = [{nodes}]\nfrom = {from}\nuntil = {until}\nwhat = \"-\"\n")
    };
    let outages = outage("p-01-02", WORKS)
        + &outage("p-01-01 p-02", ("2026-03-20", "2026-03-21"))
        + &outage("p-03", ("2026-03-22", "2026-03-23"));
    let site = leasehold_fixtures::site(&site_file().and(outages));
    let lease = Lease::new(vec![terms(&lease_file())]).expect("one version");
    let control = Control::new(site, vec![lease], first_second()).expect("it fits");
    let mut stage = Stage { control, now: first_second(), events: Vec::new() };
    stage.settle();
    wait_for_an_array(&mut stage);
    assert_eq!(stage.count(|event| matches!(event, Event::ReclaimLapsed { job: 24 })), 1);
    assert_eq!(stage.count(|event| matches!(event, Event::ReclaimMissed { .. })), 0);
}

#[test]
fn works_that_are_planned_leave_a_gang_its_array_and_are_called_off_where_they_would_be_over() {
    let instant = |text| Instant::from_rfc3339(text).expect("an instant");
    for (until, put_off) in [(WORKS.1, true), ("2026-03-07T07:00:00Z", false)] {
        let mut stage = Stage::new();
        stage.tell(&Input::PlanOutage(Box::new(OutageAsk {
            id: OutageId::new("works").expect("a name"),
            what: "works".into(),
            nodes: NodeRanges::from_range(4, 8),
            interval: Interval::new(instant(WORKS.0), instant(until)),
            agreed: Agreed::Nobody,
        })));
        wait_for_an_array(&mut stage);
        let count = stage.count(|event| matches!(event, Event::OutagePutOff { .. }));
        let called_off = stage.count(|event| matches!(event, Event::OutageCancelled { .. }));
        assert_eq!((count, called_off), if put_off { (1, 0) } else { (0, 1) });
        // It is owed its array still, and the borrowers do not go.
        assert_eq!(stage.count(|event| matches!(event, Event::ReclaimLapsed { .. })), 0);
        assert_eq!(stage.count(|event| matches!(event, Event::ReclaimMissed { job: 24, .. })), 1);
    }
}
