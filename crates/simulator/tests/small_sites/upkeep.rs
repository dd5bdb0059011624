//! Planned maintenance, quotes, and turnovers that do not end.

use leasehold_control::{Agreed, Condition, Input, OutageAsk};
use leasehold_fixtures::terms;
use leasehold_lease::Terms;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_simulator::engine::{Act, Deed, Outcome, RunError, Setting, TurnoverFailures, run};
use leasehold_units::{GpuSeconds, Instant, Interval, LeaseId, Month, OutageId, Ratio, Seconds};
use proptest::prelude::*;

use crate::play;
use crate::setting::{Job, Plan, interval, lease_file, setting, start};

fn later(seconds: u64) -> Instant {
    start().after(Seconds::new(seconds))
}

fn outage(name: &str, nodes: (u32, u32), hours: (u64, u64), agreed: Agreed) -> Input {
    Input::PlanOutage(Box::new(OutageAsk {
        id: OutageId::new(name).expect("a name"),
        what: "works".into(),
        nodes: NodeRanges::from_range(nodes.0, nodes.1),
        interval: Interval::new(later(hours.0 * 3_600), later(hours.1 * 3_600)),
        agreed,
    }))
}

/// The tenant's gang on all of its two racks, and the landlord's work on what is left and lent.
fn busy() -> Plan {
    let job = |submit, gpus, run, vacate| Job { submit, gpus, run, vacate, checkpoint: 600 };
    let landlord = (100..110).map(|submit| job(submit, 8, 160_000, 300)).collect();
    Plan { landlord, tenant: vec![job(10, 64, 160_000, 60)], ..Plan::default() }
}

/// The refusal that stops a run of `setting`.
fn refused(setting: Setting) -> String {
    match run(setting, &mut leasehold_simulator::engine::KeepNothing) {
        Err(RunError::Refused { refusal, .. }) => refusal.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("nothing was refused"),
    }
}

fn breaches(outcome: &Outcome) -> Vec<&str> {
    outcome.state.books.breaches.iter().map(|breach| breach.what.as_str()).collect()
}

fn march(outcome: &Outcome) -> leasehold_ledger::PeriodReadings {
    let month = Month::of("2026-03-07".parse().expect("a day"));
    outcome.state.books.bases[0].readings(month, interval().until)
}

#[test]
fn a_holding_moves_to_other_nodes_and_its_work_goes_on_there() {
    let mut setting = setting(&busy());
    setting.inputs.push((later(3_600), outage("works", (0, 8), (6, 12), Agreed::Nobody)));
    let (outcome, kept) = play(setting);
    assert_eq!(breaches(&outcome), Vec::<&str>::new());
    let readings = march(&outcome);
    assert_eq!(readings.delivered, readings.entitled);
    assert_eq!(readings.excluded, GpuSeconds::ZERO);
    // The gang was told in its minute, and ran on elsewhere.
    let gang = kept.jobs.iter().find(|job| job.party == 1).expect("it was submitted");
    assert_eq!(gang.evictions, 1);
    let down = kept.usage.iter().filter(|row| row.state == leasehold_ledger::GpuState::Down);
    let down: u64 = down.map(|row| u64::from(row.nodes) * row.interval.length().get()).sum();
    assert_eq!(down, 8 * 6 * 3_600);
    let clean = |node: &leasehold_control::Node| node.condition == Condition::Up;
    assert!(outcome.state.fleet.nodes().iter().all(clean));
}

#[test]
fn an_outage_that_breaks_a_promise_is_refused_with_what_would_do() {
    let mut whole = Plan { blocks: 6, ..busy() };
    whole.tenant.clear();
    let mut setting = setting(&whole);
    setting.inputs.push((later(60), outage("works", (0, 4), (6, 12), Agreed::Nobody)));
    let told = refused(setting);
    assert!(told.starts_with("no-oversell: the outage would leave 1 rack short"), "{told}");
}

#[test]
fn nodes_that_are_held_are_not_taken_out_at_short_notice() {
    let mut setting = setting(&busy());
    setting.inputs.push((later(6 * 3_600 - 600), outage("works", (0, 8), (6, 12), Agreed::Nobody)));
    assert!(refused(setting).starts_with("outage-is-ahead: nodes of works are held"));
}

/// `busy` on the whole site under a lease that agrees to four hours of maintenance a month.
fn agreeing(hours: u32) -> Setting {
    let mut plan = Plan { blocks: 6, ..busy() };
    plan.tenant = vec![Job { submit: 10, gpus: 8, run: 160_000, vacate: 60, checkpoint: 600 }];
    let mut setting = setting(&plan);
    let maintenance = format!("{{ hours_per_month = {hours}, notice = '2 h' }}");
    let file = lease_file("rack", 6, 5).set("service.maintenance", maintenance);
    setting.leases = vec![leasehold_lease::Lease::new(vec![terms(&file)]).expect("one version")];
    setting
}

#[test]
fn agreed_maintenance_counts_neither_as_unavailable_nor_as_oversold() {
    let mut setting = agreeing(6);
    setting.inputs.push((later(3_600), outage("works", (0, 8), (6, 12), Agreed::All)));
    let (outcome, _) = play(setting);
    assert_eq!(breaches(&outcome), Vec::<&str>::new());
    let readings = march(&outcome);
    assert_eq!(readings.excluded, GpuSeconds::new(8 * 8 * 6 * 3_600));
    assert_eq!(readings.delivered.plus(readings.excluded), readings.entitled);
    assert_eq!(readings.availability(), Some(Ratio::ONE));
}

#[test]
fn a_lease_agrees_to_so_many_hours_and_so_long_ahead() {
    let mut long = agreeing(4);
    long.inputs.push((later(3_600), outage("works", (0, 8), (6, 12), Agreed::All)));
    let told = refused(long);
    assert!(told.starts_with("maintenance-hours: l agrees to 4 h in a month"), "{told}");
    let mut late = agreeing(6);
    late.inputs.push((later(5 * 3_600), outage("works", (0, 8), (6, 12), Agreed::All)));
    assert!(refused(late).starts_with("maintenance-notice: l has to be told"));
    let mut silent = setting(&busy());
    let named = Agreed::Leases(vec![LeaseId::new("l").expect("a name")]);
    silent.inputs.push((later(60), outage("works", (0, 8), (6, 12), named)));
    assert!(refused(silent).starts_with("maintenance-is-agreed: the terms of l"));
}

#[test]
fn maintenance_that_is_called_off_gives_its_nodes_back_at_once() {
    let mut setting = setting(&busy());
    setting.inputs.push((later(60), outage("works", (16, 24), (6, 12), Agreed::Nobody)));
    let id = OutageId::new("works").expect("a name");
    setting.inputs.push((later(8 * 3_600), Input::CancelOutage { id }));
    let (_, kept) = play(setting);
    let down = kept.usage.iter().filter(|row| row.state == leasehold_ledger::GpuState::Down);
    let down: u64 = down.map(|row| u64::from(row.nodes) * row.interval.length().get()).sum();
    assert_eq!(down, 8 * 2 * 3_600);
}

/// Terms of another tenant for `blocks` racks from the second day on.
fn quoted(id: &str, blocks: u32) -> Terms {
    terms(
        &lease_file("rack", blocks, 5)
            .set("id", format_args!("'{id}'"))
            .set("tenant", "'other'")
            .set("signed", "2026-01-03")
            .set("term.start", "2026-03-08"),
    )
}

fn hold(id: &str, blocks: u32, expires: u64) -> Input {
    Input::Hold { terms: Box::new(quoted(id, blocks)), expires: later(expires) }
}

fn sign(id: &str, blocks: u32) -> Input {
    Input::Sign(Box::new(quoted(id, blocks)))
}

#[test]
fn nobody_takes_what_a_quote_holds_and_it_can_be_signed() {
    let mut taken = setting(&busy());
    taken.inputs.push((later(60), hold("q", 3, 7_200)));
    taken.inputs.push((later(120), sign("r", 2)));
    let told = refused(taken);
    assert!(told.starts_with("no-oversell") && !told.contains('q'), "{told}");
    let mut out = setting(&busy());
    out.inputs.push((later(60), hold("q", 4, 7_200)));
    out.inputs.push((later(120), outage("works", (16, 24), (25, 30), Agreed::Nobody)));
    assert!(refused(out).starts_with("no-oversell"));
    let mut signed = setting(&busy());
    signed.inputs.push((later(60), hold("q", 3, 7_200)));
    signed.inputs.push((later(7_199), sign("q", 3)));
    let (outcome, _) = play(signed);
    assert_eq!(outcome.state.contracts.leases.len(), 2);
    assert!(outcome.state.contracts.holds.is_empty());
    assert_eq!(outcome.state.contracts.leases[1].granted_gpus, 3 * 4 * 8);
}

#[test]
fn a_quote_runs_out_or_is_withdrawn() {
    let mut over = setting(&busy());
    over.inputs.push((later(60), hold("q", 4, 7_200)));
    over.inputs.push((later(7_200), sign("r", 2)));
    assert_eq!(play(over).0.state.contracts.leases.len(), 2);
    let mut withdrawn = setting(&busy());
    withdrawn.inputs.push((later(60), hold("q", 4, 7_200)));
    let lease = LeaseId::new("q").expect("a name");
    withdrawn.inputs.push((later(600), Input::Release { lease: lease.clone() }));
    withdrawn.inputs.push((later(601), sign("r", 2)));
    assert_eq!(play(withdrawn).0.state.contracts.leases.len(), 2);
    let mut unknown = setting(&busy());
    unknown.inputs.push((later(600), Input::Release { lease }));
    assert!(refused(unknown).starts_with("hold-is-known"));
}

#[test]
fn a_node_that_does_not_come_clean_is_given_up_and_the_reclaim_goes_on() {
    let job = |submit, gpus, run, vacate| Job { submit, gpus, run, vacate, checkpoint: 600 };
    let landlord = (100..124).map(|submit| job(submit, 8, 160_000, 60)).collect();
    let tenant = vec![job(9_000, 64, 1_000, 60)];
    let mut setting = setting(&Plan { landlord, tenant, reserve: 2, ..Plan::default() });
    setting.deeds.push(Deed { at: later(8_000), act: Act::StickTurnover(0) });
    let (outcome, kept) = play(setting);
    let told: Vec<_> =
        outcome.milestones.iter().filter(|milestone| milestone.name == "overdue").collect();
    assert_eq!(told.len(), 1, "{:?}", outcome.milestones);
    assert_eq!(told[0].what, "1 node not clean 180 s after the turnover began: failed");
    let gang = kept.jobs.iter().find(|job| job.party == 1).expect("it was submitted");
    // It had its borrowers' minute, and then twice the turnover; the reserve was clean.
    assert_eq!(gang.started.expect("it fits").since(gang.submitted).get(), 30 + 180);
    assert!(breaches(&outcome).is_empty(), "210 s are within the bound");
}

#[test]
fn a_reclaim_that_is_late_because_of_a_turnover_is_recorded_and_credited() {
    let job = |submit, gpus, run, vacate| Job { submit, gpus, run, vacate, checkpoint: 600 };
    let landlord = (100..124).map(|submit| job(submit, 8, 160_000, 480)).collect();
    let tenant = vec![job(9_000, 192, 1_000, 60)];
    let mut setting = setting(&Plan { landlord, tenant, blocks: 6, ..Plan::default() });
    // One node in three does not come clean, and nothing is in reserve.
    setting.turnovers = TurnoverFailures::new(Ratio::new(1, 3), Seconds::new(3_600), 7);
    let (outcome, _) = play(setting);
    assert_eq!(outcome.reclaims_missed, 1);
    assert!(outcome.late_without_cause.is_empty());
    assert_eq!(march(&outcome).reclaim_missed, 1);
}

#[test]
fn a_reclaim_that_is_never_answered_is_recorded_when_its_bound_passes() {
    let job = |submit, gpus, run, vacate| Job { submit, gpus, run, vacate, checkpoint: 600 };
    let landlord = (100..124).map(|submit| job(submit, 8, 160_000, 480)).collect();
    let tenant = vec![job(9_000, 192, 1_000, 60)];
    // A node that was kept for it fails for good, and nothing is in reserve.
    let faults = vec![(9_010, 3, u32::MAX / 2)];
    let setting = setting(&Plan { landlord, tenant, faults, blocks: 6, ..Plan::default() });
    let (outcome, kept) = play(setting);
    let gang = kept.jobs.iter().find(|job| job.party == 1).expect("it was submitted");
    assert_eq!(gang.started, None);
    assert_eq!((outcome.reclaims.count(), outcome.reclaims_missed), (0, 1));
    assert!(outcome.late_without_cause.is_empty());
    let bound = outcome.state.contracts.leases[0].reclaim_bound().expect("it promises one");
    let breach = outcome.state.books.breaches.first().expect("it is recorded");
    assert_eq!(breach.at, later(9_000).after(bound).after(Seconds::new(1)));
    assert_eq!(march(&outcome).reclaim_missed, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is planned, quoted and called off: no promise is short, a quote that lasts can be
    /// signed, and planning again without news moves nothing.
    #[test]
    fn what_was_accepted_is_kept(
        outages in prop::collection::vec((0u32..24, 1u32..9, 1u64..40, 1u64..20, 0u64..30), 1..6),
        quotes in prop::collection::vec((1u32..5, 60u64..80_000, 60u64..100_000), 0..4),
        blocks in 1u32..6,
        reserve in 0u32..3,
    ) {
        let mut setting = setting(&Plan { blocks, reserve, ..busy() });
        let mut deed = |at: u64, input: Input| {
            setting.deeds.push(Deed { at: later(at), act: Act::Input(input) });
        };
        for (number, (first, length, from, hours, ahead)) in outages.into_iter().enumerate() {
            let nodes = (first, (first + length).min(24));
            let name = format!("works-{number}");
            let asked = from.saturating_sub(ahead) * 3_600 + number as u64;
            deed(asked, outage(&name, nodes, (from, from + hours), Agreed::Nobody));
            if number % 3 == 2 {
                let id = OutageId::new(&name).expect("a name");
                deed((from + 1) * 3_600, Input::CancelOutage { id });
            }
        }
        for (number, (blocks, at, length)) in quotes.into_iter().enumerate() {
            let name = format!("q{number}");
            deed(at, hold(&name, blocks, at + length));
            deed(at + length - 1, sign(&name, blocks));
        }
        let (outcome, _) = play(setting);
        let short = outcome.state.books.breaches.iter()
            .filter(|breach| breach.invariant == leasehold_control::Invariant::NoOversell);
        prop_assert_eq!(short.count(), 0);
        prop_assert_eq!(&outcome.broken_quotes, &[]);
        let end = interval().until.before(Seconds::new(1));
        prop_assert!(!leasehold_control::something_follows(&outcome.state, end));
    }
}
