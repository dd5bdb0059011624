//! What is refused, why, and that everything offered in its place fits.

mod small;

use leasehold_allocator::{
    Alternative, Constraint, Outage, Refusal, Works, plan, plan_against, plan_around, plan_changed,
    plan_outage,
};
use leasehold_lease::{Amount, Lease, WattBasis};
use leasehold_site::{Reserve, Site};
use leasehold_units::{Day, Gpus, Instant, Interval, Nodes, PowerBasis, Shape, Steps, Watts, Zone};
use proptest::prelude::*;

use small::{NODE_FACILITY_WATTS, amended, blocks, day, lease, ramped, site_of};

const RACK: Shape = Shape::Rack;

fn racks(id: &str, count: u32, from: u32, until: u32) -> Lease {
    lease(id, RACK, blocks(RACK, count), day(from), day(until))
}

/// A site of two arrays of four racks of eight nodes.
fn eight_racks() -> Site {
    site_of(&[(2, 4, 8)])
}

fn refused(site: &Site, signed: &[Lease], asked: &Lease) -> Refusal {
    let refusals = plan_against(site, signed, std::slice::from_ref(asked), &[]).expect_err("short");
    let [refusal] = <[Refusal; 1]>::try_from(refusals).expect("one step is short");
    refusal
}

fn offered(refusal: &Refusal) -> Vec<(Amount, Day, Day)> {
    let alternative = |offer: &Alternative| (offer.amount, offer.from, offer.until);
    refusal.alternatives.iter().map(alternative).collect()
}

#[test]
fn a_refusal_names_what_is_short_and_the_nearest_that_fits() {
    let site = eight_racks();
    let signed = [racks("signed", 5, 100, 199)];
    let refusal = refused(&site, &signed, &racks("new", 6, 150, 159));
    assert_eq!((refusal.constraint, refusal.short_by.as_str()), (Constraint::Nodes, "3 rack"));
    assert_eq!(
        offered(&refusal),
        [
            (blocks(RACK, 3), day(150), day(159)),
            (blocks(RACK, 6), day(90), day(99)),
            (blocks(RACK, 6), day(200), day(209)),
        ]
    );
    assert_eq!(
        refusal.to_string(),
        "new cannot be carried from 2027-05-31 to 2027-06-09: 3 rack in whole racks are not left; \
         what would fit: 3 rack from 2027-05-31 to 2027-06-09 (192 GPU, 24 node, 230400 W), \
         6 rack from 2027-04-01 to 2027-04-10 (384 GPU, 48 node, 460800 W), \
         6 rack from 2027-07-20 to 2027-07-29 (384 GPU, 48 node, 460800 W)"
    );
}

#[test]
fn nothing_is_offered_before_the_signature() {
    let site = eight_racks();
    let signed = [racks("signed", 8, 10, 19)];
    let mut new = racks("new", 1, 12, 15);
    new.versions[0].signed = day(7);
    let refusal = refused(&site, &signed, &new);
    assert_eq!(offered(&refusal), [(blocks(RACK, 1), day(20), day(23))]);
}

#[test]
fn parts_of_the_days_stand_in_for_other_days() {
    let mut site = eight_racks();
    site.pools[0].retire = Some(day(40));
    let signed = [racks("early", 8, 0, 9), racks("late", 8, 25, 26)];
    let refusal = refused(&site, &signed, &racks("new", 2, 5, 35));
    let part = |from, until| (blocks(RACK, 2), day(from), day(until));
    let mut early = racks("new", 2, 5, 35);
    early.versions[0].signed = day(0);
    assert_eq!(offered(&refused(&site, &signed, &early)), [part(10, 24), part(27, 35)]);
    // Before the turn of the year, everything was free.
    let before = |number: &str| number.parse::<Day>().expect("a day");
    let whole = (blocks(RACK, 2), before("2026-12-01"), before("2026-12-31"));
    assert_eq!(offered(&refusal), [whole, part(10, 24), part(27, 35)]);
}

#[test]
fn each_constraint_has_its_name() {
    let constraint = |site: &Site, signed: &[Lease], asked: &Lease| {
        let refusal = refused(site, signed, asked);
        (refusal.constraint, refusal.short_by)
    };
    let site = eight_racks();
    let nodes = |id, count| lease(id, Shape::Node, blocks(Shape::Node, count), day(0), day(9));
    let rack = |count| racks("new", count, 0, 9);
    let array = lease("new", Shape::Array, blocks(Shape::Array, 2), day(0), day(9));
    let short = |constraint, by: &str| (constraint, by.to_owned());
    assert_eq!(constraint(&site, &[], &rack(9)), short(Constraint::Nodes, "1 rack"));
    // One node breaks a rack and an array; the nodes of seven racks and seven more are there.
    let one = [nodes("one", 1)];
    assert_eq!(constraint(&site, &one, &rack(8)), short(Constraint::Nodes, "1 rack"));
    let seven_and_a_half = lease("new", RACK, Amount::Nodes(Nodes::new(60)), day(0), day(9));
    assert_eq!(constraint(&site, &one, &seven_and_a_half), short(Constraint::Shape, "4 node"));
    let spread = lease("new", Shape::Array, Amount::Racks(7), day(0), day(9));
    assert_eq!(constraint(&site, &one, &spread), short(Constraint::Shape, "3 rack"));
    let mut careful = eight_racks();
    careful.pools[0].reserve = Reserve { shape: RACK, blocks: 1 };
    assert_eq!(constraint(&careful, &[], &rack(8)), short(Constraint::Reserve, "1 rack"));
    assert_eq!(constraint(&careful, &[], &array), short(Constraint::Reserve, "1 array"));
    assert_eq!(constraint(&careful, &[], &rack(9)), short(Constraint::Nodes, "2 rack"));
    let mut dark = eight_racks();
    let limit = Watts::new(20 * NODE_FACILITY_WATTS);
    dark.envelope = Steps::from_breakpoints([(day(0), limit)]);
    assert_eq!(constraint(&dark, &[], &rack(3)), short(Constraint::Power, "38400 W"));
    let all = lease("new", RACK, Amount::All, day(0), day(9));
    assert_eq!(constraint(&site, &one, &all), short(Constraint::All, "all"));
}

#[test]
fn signed_leases_count_first_whatever_their_days() {
    let site = eight_racks();
    let mut signed = racks("signed", 5, 0, 9);
    signed.versions[0].signed = day(0);
    let earlier = racks("new", 5, 0, 9);
    let by_signature = plan(&site, &[signed.clone(), earlier.clone()]).expect_err("short");
    assert_eq!(by_signature[0].lease.as_str(), "signed");
    assert_eq!(refused(&site, std::slice::from_ref(&signed), &earlier).lease.as_str(), "new");
    let all = [signed, earlier];
    let changed =
        |index| plan_changed(&site, &all, index, &[]).expect_err("short")[0].lease.to_string();
    assert_eq!((changed(0), changed(1)), ("signed".into(), "new".into()));
}

#[test]
fn a_ramp_is_offered_another_step_beside_its_others() {
    let site = eight_racks();
    let signed = [racks("signed", 4, 20, 29)];
    let steps =
        [(day(10), blocks(RACK, 2)), (day(20), blocks(RACK, 6)), (day(30), blocks(RACK, 8))];
    let new = ramped(&racks("new", 8, 10, 39), &steps);
    let refusal = refused(&site, &signed, &new);
    assert_eq!((refusal.from, refusal.until), (day(20), day(29)));
    let six = blocks(RACK, 6);
    assert_eq!(
        offered(&refusal),
        [(blocks(RACK, 4), day(20), day(29)), (six, day(10), day(19)), (six, day(30), day(39))]
    );
    let smaller =
        [(day(10), blocks(RACK, 2)), (day(20), blocks(RACK, 4)), (day(30), blocks(RACK, 8))];
    let smaller = ramped(&racks("new", 8, 10, 39), &smaller);
    assert!(plan_against(&site, &signed, &[smaller], &[]).is_ok());
}

#[test]
fn an_outage_that_breaks_a_promise_is_offered_other_hours() {
    let site = eight_racks();
    let leases = [racks("one", 7, 10, 19), racks("two", 8, 20, 29)];
    // A whole day's work on two racks, at noon of a day on which one may go.
    let at = |from: u32| Interval::new(hour(from), hour(from + 12));
    let asked = Works { nodes: vec![0..8, 8..16], interval: at(15 * 24 + 12) };
    let refusal = plan_outage(&site, &leases, &[], &asked, hour(0)).expect_err("one rack too many");
    let other = |nodes: Vec<std::ops::Range<u32>>, from: u32| Works { nodes, interval: at(from) };
    let (all, fewer) = (vec![0..8, 8..16], other(std::iter::once(0..8).collect(), 15 * 24 + 12));
    let (before, after) = (other(all.clone(), 10 * 24 - 12), other(all, 30 * 24));
    assert_eq!(refusal.alternatives, [fewer, before, after]);
    let outages = |works: &Works| -> Vec<Outage> { works.parts().collect() };
    for works in &refusal.alternatives {
        assert!(plan_around(&site, &leases, &outages(works)).is_ok());
    }
    assert_eq!(
        refusal.to_string(),
        "the outage would leave 1 rack short of what is promised from 2027-01-11 to 2027-01-20; \
         what would do: 8 node from 2027-01-16T12:00:00Z to 2027-01-17T00:00:00Z, \
         16 node from 2027-01-10T12:00:00Z to 2027-01-11T00:00:00Z, \
         16 node from 2027-01-31T00:00:00Z to 2027-01-31T12:00:00Z"
    );
    let late = plan_outage(&site, &leases, &[], &asked, hour(14 * 24)).expect_err("likewise");
    assert_eq!(late.alternatives.len(), 2, "nothing is offered in the past");
    let one = plan_outage(&site, &leases, &[], &late.alternatives[0], hour(0));
    let around = plan_around(&site, &leases, &outages(&late.alternatives[0]));
    assert_eq!(one, around.map_err(|_| unreachable!()));
}

#[test]
fn an_outage_lessens_no_lease_for_all() {
    let site = eight_racks();
    let mut all = racks("one", 8, 10, 19);
    all.versions[0].capacity.amount = Amount::All;
    let on = |from: u32| Works {
        nodes: std::iter::once(0..8).collect(),
        interval: Interval::new(hour(from * 24 + 6), hour(from * 24 + 18)),
    };
    let refusal = plan_outage(&site, &[all.clone()], &[], &on(15), hour(0)).expect_err("less");
    assert_eq!(
        refusal.to_string(),
        "the outage would leave 8 node short of what is promised from 2027-01-16 to 2027-01-16; \
         what would do: 8 node from 2027-01-10T12:00:00Z to 2027-01-11T00:00:00Z, \
         8 node from 2027-01-21T00:00:00Z to 2027-01-21T12:00:00Z"
    );
    assert!(plan_outage(&site, &[all], &[], &on(8), hour(0)).is_ok());
}

#[test]
fn what_others_hold_is_not_disclosed() {
    let site = site_of(&[(7, 5, 3)]);
    let signed = [
        lease("secret-a", Shape::Node, blocks(Shape::Node, 43), day(10), day(60)),
        lease("secret-b", RACK, blocks(RACK, 11), day(20), day(90)),
    ];
    let amounts = [
        blocks(RACK, 21),
        Amount::Gpus(Gpus::new(500)),
        Amount::All,
        Amount::Power(Watts::new(700_000)),
    ];
    for amount in amounts {
        let mut new = lease("new", RACK, amount, day(30), day(50));
        new.versions[0].capacity.basis = Some(facility_contracted());
        for refusal in plan_against(&site, &signed, &[new], &[]).expect_err("short") {
            let text = refusal.to_string();
            assert!(
                !text.contains("secret") && !format!("{refusal:?}").contains("secret"),
                "{text}"
            );
            let numbers: Vec<&str> =
                text.split(|c: char| !c.is_ascii_digit() && c != '-').collect();
            // Nodes, racks, GPUs, watts of each, and of both together with what they break.
            let held = [
                "43", "344", "412800", "11", "33", "264", "316800", "76", "78", "608", "624",
                "729600",
            ];
            assert!(held.iter().all(|held| !numbers.contains(held)), "{text}");
        }
    }
}

fn facility_contracted() -> WattBasis {
    WattBasis { point: leasehold_lease::MeteringPoint::Facility, power: PowerBasis::Contracted }
}

fn hour(number: u32) -> Instant {
    Instant::from_unix(Zone::utc().start_of(day(0)).unix() + i64::from(number) * 3600)
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop::sample::select(vec![Shape::Node, Shape::Rack, Shape::Array])
}

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![
        3 => (shapes(), 1u32..6).prop_map(|(shape, count)| blocks(shape, count)),
        1 => (1u64..200).prop_map(|gpus| Amount::Gpus(Gpus::new(gpus))),
        1 => (1u64..40).prop_map(|nodes| Amount::Power(Watts::new(nodes * 9_000))),
        1 => Just(Amount::All),
    ]
}

/// Shape, amount, first and last day, day of signature.
type Ask = (Shape, Amount, u32, u32, u32);

fn asks() -> impl Strategy<Value = Ask> {
    let ask = (shapes(), amounts(), 3u32..15, 3u32..15, 0u32..4);
    ask.prop_map(|(shape, amount, one, other, signed)| {
        (shape, amount, one.min(other), one.max(other), signed)
    })
}

fn lease_of(id: &str, (shape, amount, from, until, signed): Ask) -> Lease {
    let mut lease = lease(id, shape, amount, day(from), day(until));
    lease.versions[0].capacity.basis = Some(facility_contracted());
    lease.versions[0].signed = day(signed);
    lease
}

/// A site of up to two pools, with a reserve, an envelope and hours in which nodes are out.
fn sites(pools: usize) -> impl Strategy<Value = (Site, Vec<Outage>)> {
    let build = (1u32..4, 1u32..4, 1u32..5);
    let limits =
        prop::collection::vec((0u32..18, prop_oneof![2 => Just(999u64), 1 => 0u64..60]), 0..3);
    let outages = prop::collection::vec((0u32..60, 0u32..400, 1u32..200), 0..3);
    let reserve = prop_oneof![2 => Just((Shape::Node, 0)), 1 => (shapes(), 0u32..2)];
    (prop::collection::vec(build, pools), reserve, limits, outages).prop_map(|parts| {
        let (builds, (shape, blocks), limits, outages) = parts;
        let mut site = site_of(&builds);
        site.pools[0].reserve = Reserve { shape, blocks };
        let mut steps = vec![("2026-01-01".parse().expect("a day"), Watts::new(900_000_000))];
        let limit =
            |(from, nodes): &(u32, u64)| (day(*from), Watts::new(nodes * NODE_FACILITY_WATTS));
        steps.extend(limits.iter().map(limit));
        site.envelope = Steps::from_breakpoints(steps);
        let count = u32::try_from(site.nodes().get()).expect("few");
        let outage = |(node, from, hours): &(u32, u32, u32)| Outage {
            nodes: node % count..node % count + 1,
            interval: Interval::new(hour(*from), hour(from + hours)),
        };
        let outages = outages.iter().map(outage).collect();
        (site, outages)
    })
}

/// As many of `asks` as the site carries together, in order.
fn signed(site: &Site, outages: &[Outage], asks: &[Ask]) -> Vec<Lease> {
    let mut signed: Vec<Lease> = Vec::new();
    for (index, ask) in asks.iter().enumerate() {
        signed.push(lease_of(&format!("signed-{index}"), *ask));
        if plan_around(site, &signed, outages).is_err() {
            signed.pop();
        }
    }
    signed
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn whatever_is_offered_fits(
        (site, outages) in (1usize..3).prop_flat_map(sites),
        others in prop::collection::vec(asks(), 0..4),
        ask in asks(),
        last in any::<bool>(),
        zone in prop::sample::select(vec!["UTC", "Asia/Tokyo", "America/Chicago"]),
    ) {
        let signed = signed(&site, &outages, &others);
        let mut new = lease_of("new", ask);
        // Its days begin inside those of the others.
        new.versions[0].time_zone = Zone::named(zone).expect("a zone");
        let planned = |new: Lease| {
            let mut all = signed.clone();
            if last {
                plan_against(&site, &signed, &[new], &outages)
            } else {
                all.push(new);
                plan_around(&site, &all, &outages)
            }
        };
        let refusals = planned(new.clone()).err().unwrap_or_default();
        // By day of signature, it may be a lease from before that the new one leaves short.
        let own = refusals.iter().all(|refusal| refusal.lease.as_str() == "new");
        for refusal in refusals.iter().filter(|_| own) {
            prop_assert!(refusal.alternatives.len() <= 3);
            for offer in &refusal.alternatives {
                prop_assert!(offer.from >= new.latest().signed || offer.from >= new.first_day());
                let mut instead = amended(&new, offer.amount, offer.from, offer.until);
                instead.versions[0].signed = new.latest().signed;
                let plan = planned(instead);
                prop_assert!(plan.is_ok(), "{} is offered {:?}: {:?}", refusal, offer, plan);
                let plan = plan.expect("it is");
                let steps = &plan.leases.last().expect("the new one is last").steps;
                let least = steps.iter().map(|step| step.gpus).min();
                prop_assert_eq!(least, Some(offer.gpus));
                prop_assert!(offer.gpus > Gpus::ZERO);
            }
        }
    }

    #[test]
    fn nothing_nearer_or_larger_fits(
        (site, outages) in sites(1),
        others in prop::collection::vec(asks(), 0..4),
        (shape, unit, count) in (shapes(), shapes(), 1u32..6),
        (from, until) in (3u32..15, 0u32..6),
    ) {
        let signed = signed(&site, &outages, &others);
        let until = from + until;
        let new = lease_of("new", (shape, blocks(unit, count), from, until, 0));
        let fits = |amount: Amount, from: u32, until: u32| {
            let new = amended(&new, amount, day(from), day(until));
            plan_against(&site, &signed, &[new], &outages).is_ok()
        };
        let Err(refusals) = plan_against(&site, &signed, std::slice::from_ref(&new), &outages) else {
            return Ok(());
        };
        let offers = offered(&refusals[0]);
        let asked = blocks(unit, count);
        let largest = (1..count).rev().map(|less| blocks(unit, less)).find(|less| fits(*less, from, until));
        let there = offers.iter().find(|(_, first, last)| (*first, *last) == (day(from), day(until)));
        prop_assert_eq!(there.map(|(amount, ..)| *amount), largest);
        let length = until - from;
        let earlier = (0..from).rev().find(|first| fits(asked, *first, first + length)).map(day);
        let later = (from + 1..40).find(|first| fits(asked, *first, first + length)).map(day);
        let found = |beyond: &dyn Fn(Day) -> bool| {
            let whole = |(amount, first, last): &&(Amount, Day, Day)| {
                *amount == asked && beyond(*first) && *last == first.checked_add(day(until).duration_since(day(from))).expect("a day")
            };
            offers.iter().find(whole).map(|(_, first, _)| *first)
        };
        prop_assert_eq!(found(&|first| first < day(from)), earlier);
        prop_assert_eq!(found(&|first| first > day(from)), later);
        // Where other days do not serve, a part of the days does, if any single one does.
        let any = (from..=until).any(|only| fits(asked, only, only));
        prop_assert!(!offers.is_empty() || !any);
    }
}
