//! Late deliveries played to the end of small terms: what is invoiced is what the schedule expected.

use std::collections::BTreeMap;

use leasehold_control::{Election, Event, EvidenceChunk, Input, State};
use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Lease, Terms};
use leasehold_ledger::{LineKind, Record, Rederivation, Revenue, UsageInterval};
use leasehold_planner::{Window, schedule};
use leasehold_simulator::engine::{
    Act, Deed, JobRecord, KeepNothing, Keeper, Outcome, Payers, Setting, TurnoverFailures, run,
};
use leasehold_site::Site;
use leasehold_units::{Day, Instant, Interval, Money, Month, Ratio, Seconds};
use proptest::prelude::*;

/// A term of some months on two pools of which one is late.
#[derive(Debug, Clone)]
struct Plan {
    /// Days from the first of March until the pool comes, and how many earlier it was promised.
    late: (i64, i64),
    site_zone: &'static str,
    /// Days after the first, nodes, percent of the fee.
    ramp: Vec<(i64, u32, u32)>,
    days: i64,
    due: i64,
    grace: u32,
    remedy: &'static str,
    fixed: u64,
    invoice: &'static str,
    proration: &'static str,
}

fn day(offset: i64) -> Day {
    let first: Day = "2026-03-01".parse().expect("a day");
    first.saturating_add(jiff::ToSpan::days(offset))
}

fn parsed<T>(
    text: &str,
    read: impl Fn(&Source) -> Result<T, Vec<leasehold_diagnostics::Problem>>,
) -> T {
    let source = Source::new("file.toml", text.to_owned());
    read(&source).unwrap_or_else(|problems| panic!("{}\n{text}", render(&source, &problems, false)))
}

fn site(plan: &Plan) -> Site {
    let (comes, promised) = (day(plan.late.0), day(plan.late.0 - plan.late.1));
    let zone = plan.site_zone;
    parsed(
        &format!(
            "id = \"s\"\nlandlord = \"owner\"\ntime_zone = \"{zone}\"\npue = \"1.2\"\n\
             [[sku]]\nid = \"k\"\ngpu = \"G\"\ngpus_per_node = 8\nturnover = \"90 s\"\n\
             node_power = {{ nameplate = \"10 kW\", contracted = \"8 kW\", measured = \"7 kW\" }}\n\
             [[pool]]\nid = \"p\"\nsku = \"k\"\nhall = \"h\"\narrays = 1\nracks_per_array = 2\n\
             nodes_per_rack = 4\nin_service = 2026-01-01\n\
             [[pool]]\nid = \"q\"\nsku = \"k\"\nhall = \"h\"\narrays = 1\nracks_per_array = 2\n\
             nodes_per_rack = 4\nin_service = {promised}\ndelayed = {comes}\n\
             [[power]]\nfrom = 2026-01-01\nlimit = \"1 MW\"\n"
        ),
        Site::parse,
    )
}

fn lease(plan: &Plan) -> Lease {
    Lease::new(vec![terms(&terms_text(plan))]).expect("one version")
}

fn terms(text: &str) -> Terms {
    parsed(text, Terms::parse)
}

fn terms_text(plan: &Plan) -> String {
    let step = |(from, nodes, fee): &(i64, u32, u32)| {
        let from = day(*from);
        format!("[[capacity.ramp]]\nfrom = {from}\namount = \"{nodes} node\"\nfee = \"{fee}%\"\n")
    };
    let steps: String = plan.ramp.iter().map(step).collect();
    let full = plan.ramp.last().expect("a step").1;
    let Plan { grace, remedy, fixed, invoice, proration, .. } = plan;
    format!(
        "id = \"l\"\nsite = \"s\"\nlandlord = \"owner\"\ntenant = \"t\"\nsigned = 2026-01-01\n\
             time_zone = \"America/Chicago\"\n[term]\nstart = {start}\nend = {end}\n\
             [capacity]\namount = \"{full} node\"\nshape = \"node\"\n{steps}\
             [delivery]\ndue = {due}\ngrace_days = {grace}\nremedy = \"{remedy}\"\n\
             [fee]\ncurrency = \"USD\"\nfixed = \"{fixed}.37\"\nproration = \"{proration}\"\n\
             invoice = \"{invoice}\"\ndue_days = 30\n\
             [service]\nidle_use = \"landlord\"\nreclaim_within = \"600 s\"\n\
             availability = \"99.5%\"\n[[service.credit]]\nbelow = \"99.5%\"\ncredit = \"5%\"\n",
        start = day(0),
        end = day(plan.days),
        due = day(plan.due.min(plan.days)),
    )
}

/// The whole term and a week, without a job.
fn play(plan: &Plan, election: Option<Instant>) -> Outcome {
    let lease = lease(plan);
    let elect = |at: Instant| {
        let day = lease.latest().time_zone.day_of(at);
        let input =
            Input::Elect { lease: lease.latest().id.clone(), choice: Election::Terminate, day };
        Deed { at, act: Act::Input(input) }
    };
    let setting = setting(plan, lease.clone(), election.into_iter().map(elect).collect());
    run(setting, &mut KeepNothing).unwrap_or_else(|error| panic!("{error}"))
}

fn setting(plan: &Plan, lease: Lease, deeds: Vec<Deed>) -> Setting {
    let site = site(plan);
    let interval = Interval::new(
        site.time_zone.start_of(day(-1)),
        site.time_zone.start_of(day(plan.days + 7)),
    );
    Setting {
        deeds,
        site,
        leases: vec![lease],
        interval,
        payers: Payers::default(),
        workloads: Vec::new(),
        inputs: Vec::new(),
        watcher: None,
        deed_log: None,
        faults: None,
        turnovers: TurnoverFailures::default(),
        bad_lines: Vec::new(),
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let ramp = prop::collection::btree_map(1i64..80, (1u32..=16, 0u32..=100), 0..3);
    let zone = prop::sample::select(vec!["America/Chicago", "Asia/Tokyo"]);
    let remedy = prop::sample::select(vec!["pro-rata", "tenant-elects", "terminate"]);
    let invoice = prop::sample::select(vec!["advance", "arrears"]);
    let proration = prop::sample::select(vec!["actual", "30/360"]);
    let money = (1u64..2_000_000, invoice, proration);
    let dates = (-5i64..100, 20i64..130, 20i64..110, 0i64..60, 0u32..20);
    (ramp, zone, remedy, money, dates).prop_map(|(ramp, site_zone, remedy, money, dates)| {
        let (late, ahead, days, due, grace) = dates;
        // What the promise does not carry is another test: large steps wait for the pool's day.
        let fits = |from: &i64, nodes: u32| if *from > late - ahead { nodes } else { nodes.min(8) };
        let mut steps = vec![(0, fits(&0, 14), 50)];
        let inside = ramp.iter().filter(|(from, _)| **from <= days);
        steps.extend(inside.map(|(from, (nodes, fee))| (*from, fits(from, *nodes), *fee)));
        let (fixed, invoice, proration) = money;
        let late = (late, ahead);
        Plan { late, site_zone, ramp: steps, days, due, grace, remedy, fixed, invoice, proration }
    })
}

/// What is delivered of what is granted on the day `offset`, the least of it: every hour is asked.
fn on(plan: &Plan, offset: i64) -> (u32, u32) {
    let step = plan.ramp.iter().rev().find(|(from, ..)| *from <= offset).expect("a first step");
    let site = site(plan);
    let zone = lease(plan).latest().time_zone.clone();
    let (start, end) = (zone.start_of(day(offset)), zone.start_of(day(offset + 1)));
    let mut at = start;
    let mut late = false;
    while at < end {
        late |= site.time_zone.day_of(at) < day(plan.late.0);
        at = at.after(Seconds::new(3_600));
    }
    (if late { step.1.min(8) } else { step.1 }, step.1)
}

/// Whether something that was due is short on the day `offset` after its grace.
fn overdue(plan: &Plan, offset: i64) -> bool {
    let (delivered, granted) = on(plan, offset);
    let last = plan.ramp.len() - 1;
    plan.ramp.iter().enumerate().any(|(index, (from, nodes, _))| {
        let agreed = plan.due.min(plan.days);
        let due = if index == last { (*from).max(agreed) } else { *from };
        *from <= offset && due + i64::from(plan.grace) < offset && delivered < (*nodes).min(granted)
    })
}

fn fixed_revenue(outcome: &Outcome) -> Money {
    let lines = outcome.state.books.invoices.iter().flat_map(|invoice| &invoice.lines);
    let fixed = lines.filter(|line| line.revenue == Revenue::Fixed).map(|line| line.amount);
    let usd = leasehold_units::Currency::from_code("USD").expect("a currency");
    fixed.fold(Money::zero(usd), Money::plus)
}

/// The fixed fees of the term through the day `last`, day by day in exact fractions, each month
/// rounded once.
fn slow_sum(plan: &Plan, last: i64) -> i128 {
    let fixed = Ratio::whole(i128::from(plan.fixed) * 100 + 37);
    let mut months: BTreeMap<(i16, i8), Ratio> = BTreeMap::new();
    for offset in 0..=last {
        let date = day(offset);
        let step = plan.ramp.iter().rev().find(|(from, ..)| *from <= offset).expect("a step");
        let in_month = i128::from(date.days_in_month());
        let counted = match (plan.proration, date.day(), date == date.last_of_month()) {
            ("actual", ..) => Ratio::new(1, in_month),
            (_, 31, _) => Ratio::ZERO,
            (_, number, true) => Ratio::new(31 - i128::from(number), 30),
            _ => Ratio::new(1, 30),
        };
        let (delivered, granted) = on(plan, offset);
        let share = match overdue(plan, offset) {
            true => Ratio::new(i128::from(delivered), i128::from(granted)),
            false => Ratio::ONE,
        };
        let fee = fixed.times(Ratio::new(i128::from(step.2), 100)).times(counted).times(share);
        let sum = months.entry((date.year(), date.month())).or_insert(Ratio::ZERO);
        *sum = sum.plus(fee);
    }
    months.into_values().map(Ratio::round_half_even).sum()
}

fn breaches(state: &State) -> usize {
    state.books.breaches.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn invoices_sum_to_the_schedule_and_to_each_day_at_what_was_delivered(plan in plan()) {
        let expected = schedule(&site(&plan), &[lease(&plan)], 0, Window::default());
        let expected = expected.expect("the promise carries it");
        let outcome = play(&plan, None);
        prop_assert_eq!(fixed_revenue(&outcome), expected.total_after_shortfalls);
        let first = (0..=plan.days).find(|offset| overdue(&plan, *offset));
        let ended = first.filter(|_| plan.remedy == "terminate").map(|first| first - 1);
        prop_assert_eq!(expected.ended, ended.map(day));
        let last = ended.unwrap_or(plan.days);
        prop_assert_eq!(outcome.state.contracts.leases[0].lease.last_day(), day(last));
        prop_assert_eq!(fixed_revenue(&outcome).minor(), slow_sum(&plan, last));
        // What is covered by the terms is no breach, and what was not delivered no unavailability.
        prop_assert_eq!(breaches(&outcome.state), 0);
        let lines = outcome.state.books.invoices.iter().flat_map(|invoice| &invoice.lines);
        prop_assert!(lines.clone().all(|line| line.kind != LineKind::ServiceCredit));
    }

    #[test]
    fn the_parts_of_a_schedule_add_up_to_the_whole(plan in plan(), cut in 0i64..100) {
        let cut = cut.min(plan.days - 1);
        let of = |from: Option<Day>, until: Option<Day>| {
            let window = Window { from, until };
            schedule(&site(&plan), &[lease(&plan)], 0, window).expect("the promise carries it")
        };
        let (whole, early) = (of(None, None), of(None, Some(day(cut))));
        let late = of(Some(day(cut + 1)), None);
        let parts = early.total_after_shortfalls.plus(late.total_after_shortfalls);
        prop_assert_eq!(parts, whole.total_after_shortfalls);
        let off = whole.shortfalls.iter().fold(whole.total, |left, short| left.plus(short.amount));
        prop_assert_eq!(off, whole.total_after_shortfalls);
    }

    #[test]
    fn a_tenant_may_elect_on_the_days_that_are_short_past_the_grace(plan in plan(), at in 0i64..100) {
        let plan = Plan { remedy: "tenant-elects", ..plan };
        let at = at.min(plan.days);
        let zone = lease(&plan).latest().time_zone.clone();
        // Noon: in Tokyo the pool comes in the afternoon of Chicago's eve.
        let noon = zone.start_of(day(at)).after(Seconds::new(43_200));
        let outcome = play(&plan, Some(noon));
        let there = site(&plan).time_zone.day_of(noon) >= day(plan.late.0);
        let short = on(&plan, at).1 > 8 && !there;
        let last = outcome.state.contracts.leases[0].lease.last_day();
        let may = short && overdue(&plan, at);
        prop_assert_eq!(last, if may { day(at) } else { day(plan.days) });
        let refused = outcome.milestones.iter().find(|told| told.name == "refused");
        prop_assert_eq!(refused.is_some(), !may);
        if let Some(refused) = refused {
            let rule = if short { "election-after-grace" } else { "election-while-short" };
            prop_assert!(refused.what.contains(rule), "{}", refused.what);
        }
        let until = if may { at } else { plan.days };
        prop_assert_eq!(fixed_revenue(&outcome).minor(), slow_sum(&plan, until));
    }
}

/// Ten of sixteen nodes from the first day, of which eight are there; the others come on 30 April.
fn example() -> Plan {
    Plan {
        late: (60, 70),
        site_zone: "America/Chicago",
        ramp: vec![(0, 10, 100)],
        days: 91,
        due: 9,
        grace: 14,
        remedy: "pro-rata",
        fixed: 310_000,
        invoice: "advance",
        proration: "actual",
    }
}

#[test]
fn the_example_reads_as_it_should() {
    let outcome = play(&example(), None);
    let mut told = String::new();
    for one in &outcome.milestones {
        told += &format!("{}: {}\n", outcome.state.site.time_zone.day_of(one.at), one.what);
    }
    for invoice in &outcome.state.books.invoices {
        for line in invoice.lines.iter().filter(|line| line.amount.minor() != 0) {
            told += &format!("{} {} {}\n", invoice.issued, line.amount, line.description);
        }
    }
    insta::assert_snapshot!(told, @r"
    2026-03-01: l is granted 80 GPUs
    2026-03-01: l is short: 64 of 80 GPUs are delivered; grace through 2026-03-24
    2026-03-25: the grace of l was over on 2026-03-24: the fee follows what is delivered
    2026-04-30: l has all of its 80 GPUs
    2026-06-01: l is granted 0 GPUs
    2026-03-01 310000.37 Fixed fee, March 2026
    2026-04-01 -14000.02 Delivery shortfall, 25 to 31 March 2026: the fee at what was delivered, at the least 64 of 80 GPUs
    2026-04-01 310000.37 Fixed fee, April 2026
    2026-05-01 -59933.40 Delivery shortfall, 1 to 29 April 2026: the fee at what was delivered, at the least 64 of 80 GPUs
    2026-05-01 310000.37 Fixed fee, May 2026
    ");
}

#[test]
fn a_lease_without_the_remedy_leaves_no_choice() {
    let plan = example();
    let noon = site(&plan).time_zone.start_of(day(40));
    let outcome = play(&plan, Some(noon));
    let refused = outcome.milestones.iter().find(|told| told.name == "refused").expect("refused");
    assert!(refused.what.contains("election-agreed"), "{}", refused.what);
}

#[test]
fn without_terms_for_it_a_late_pool_is_a_breach() {
    let plan = example();
    let mut lease = lease(&plan);
    lease.versions[0].delivery = None;
    let mut control = leasehold_control::Control::new(
        site(&plan),
        vec![lease],
        site(&plan).time_zone.start_of(day(0)),
    )
    .expect("the promise carries it");
    let mut short = 0;
    control
        .settle(site(&plan).time_zone.start_of(day(0)), &mut |_, event, _| {
            short += usize::from(matches!(event, Event::DeliveryChanged { .. }));
        })
        .expect("no invariant is broken");
    assert_eq!((short, breaches(control.state())), (0, 1));
}

/// Keeps the files of service intervals.
#[derive(Default)]
struct KeepEvidence(BTreeMap<Month, String>);

impl Keeper for KeepEvidence {
    fn usage(&mut self, _: &[UsageInterval], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn evidence(&mut self, chunks: &[EvidenceChunk], _: &State) -> std::io::Result<()> {
        for chunk in chunks {
            *self.0.entry(chunk.month).or_default() += &chunk.text;
        }
        Ok(())
    }

    fn jobs(&mut self, _: &[JobRecord], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn progress(&mut self, _: Instant, _: u64) {}
}

#[test]
fn a_shortfall_is_derived_again_from_the_evidence() {
    let (plan, mut kept) = (example(), KeepEvidence::default());
    let lease = lease(&plan);
    let outcome = run(setting(&plan, lease.clone(), Vec::new()), &mut kept).expect("a run");
    let record = outcome.state.books.bases[0].facts().to_lines();
    let derive = |record: &str| -> Result<(), String> {
        let record = Record::from_lines(record.lines()).map_err(|error| error.to_string())?;
        let again = Rederivation::new(lease.versions.clone(), record);
        let mut again = again.map_err(|error| error.to_string())?;
        for (month, text) in &kept.0 {
            again.read_usage(*month, text.lines()).map_err(|error| error.to_string())?;
        }
        let mut documents = outcome.state.books.invoices.iter();
        documents.try_for_each(|document| again.check(document).map_err(|error| error.to_string()))
    };
    let lines = outcome.state.books.invoices.iter().flat_map(|invoice| &invoice.lines);
    assert_eq!(lines.filter(|line| line.kind == LineKind::DeliveryShortfall).count(), 2);
    assert_eq!(derive(&record), Ok(()));
    // With another fact about what was delivered the shortfall does not follow.
    let other = record.replacen("\"delivered\":64", "\"delivered\":56", 1);
    assert_ne!(other, record);
    assert!(derive(&other).is_err());
}

/// What was delivered of what was granted from which day on, where the terms change on day 20.
fn amended(before: &str, after: &str) -> (Vec<(i64, u64, u64)>, usize) {
    let (plan, at) = (example(), day(10));
    let next = after.replacen(
        "id = \"l\"",
        &format!("id = \"l\"\nversion = 2\neffective = {}", day(20)),
        1,
    );
    let lease = Lease::new(vec![terms(before)]).expect("one version");
    let zone = lease.latest().time_zone.clone();
    let amend = Act::Input(Input::Amend(Box::new(terms(&next))));
    let deed = Deed { at: zone.start_of(at).after(Seconds::new(3_600)), act: amend };
    let outcome = run(setting(&plan, lease, vec![deed]), &mut KeepNothing).expect("a run");
    let steps = outcome.state.contracts.leases[0].delivery.steps.iter();
    let offset = |at: Instant| (0..200).find(|offset| zone.start_of(day(*offset)) == at);
    let told = steps.map(|step| {
        (offset(step.from).expect("a midnight"), step.granted.get(), step.delivered.get())
    });
    (told.collect(), breaches(&outcome.state))
}

#[test]
fn terms_that_cover_a_late_delivery_count_from_their_day() {
    let with = terms_text(&example());
    let (from, until) =
        (with.find("[delivery]").expect("a table"), with.find("[fee]").expect("a fee"));
    let without = format!("{}{}", &with[..from], &with[until..]);
    let (steps, missed) = amended(&without, &with);
    assert_eq!(steps, [(20, 80, 64), (60, 80, 80)]);
    assert!(missed > 0, "it was a breach until then");
    let (steps, missed) = amended(&with, &without);
    assert_eq!(steps, [(0, 80, 64), (20, 80, 80)], "it is a breach from then on");
    assert!(missed > 0);
}
