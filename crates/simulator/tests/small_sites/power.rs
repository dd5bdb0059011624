//! Who stops when the envelope falls, and who comes back.

use leasehold_control::{Ask, Cause, CurtailmentAsk, Input, PowerStepKind, Whose};
use leasehold_simulator::engine::{Outcome, Setting};
use leasehold_units::{Seconds, Watts};

use crate::play;
use crate::setting::{Job, Plan, setting, start};

/// Twelve nodes are leased: four under the tenant's job, eight lent. The landlord's own twelve work
/// too: 192 kW of IT, 230.4 kW at the meter. Later the tenant asks for its other eight nodes.
fn full_site() -> Plan {
    let job = |submit, gpus, run, vacate| Job { submit, gpus, run, vacate, checkpoint: 600 };
    let landlord = (100..120).map(|submit| job(submit, 8, 160_000, 300)).collect();
    let tenant = vec![job(10, 32, 160_000, 60), job(9_000, 64, 1_000, 60)];
    Plan { landlord, tenant, blocks: 3, shape: "rack", ..Plan::default() }
}

/// `full_site` under a curtailment asked for at 7,200 s, in force from `ahead` later for an hour.
fn curtailed(ask: Ask, ahead: u64) -> Setting {
    let later = |seconds: u64| start().after(Seconds::new(seconds));
    let mut setting = setting(&full_site());
    let (from, until) = (later(7_200 + ahead), later(7_200 + ahead + 3_600));
    let ask = CurtailmentAsk { ask, cause: Cause::Emergency, from, until };
    setting.inputs.push((later(7_200), Input::Curtail(ask)));
    setting
}

/// What was shed: whose, after how many seconds from the start, nodes and jobs.
fn shed(outcome: &Outcome) -> Vec<(Whose, u64, u32, u32)> {
    let steps = outcome.state.books.power_steps.iter();
    let shed = steps.filter(|step| step.kind == PowerStepKind::Shed && step.asked > Watts::ZERO);
    shed.map(|step| (step.whose, step.at.since(start()).get(), step.nodes, step.jobs)).collect()
}

#[test]
fn borrowed_work_goes_first_and_the_landlords_when_the_tenant_asks() {
    // 180 kW are 150 kW of IT: 42 kW too much, six nodes that idle instead of working.
    let (outcome, kept) = play(curtailed(Ask::Limit(Watts::new(180_000)), 0));
    let shed = shed(&outcome);
    assert_eq!(shed[0], (Whose::Borrowed, 7_200, 0, 6));
    // The tenant's eight nodes are its own to use at 9,000 s. What is left of borrowed work stops at
    // once, and then the landlord's own.
    assert!(shed[1..].iter().all(|(_, at, ..)| *at >= 9_000), "{shed:?}");
    assert!(shed.iter().any(|(whose, ..)| *whose == Whose::Own), "{shed:?}");
    assert!(shed.iter().all(|(whose, ..)| !matches!(whose, Whose::Lease(_))), "{shed:?}");
    let second = kept.jobs.iter().find(|job| job.party == 1 && job.gpus == 64);
    let second = second.expect("it was submitted");
    let waited = second.started.expect("it fits").since(second.submitted).get();
    assert!(waited <= 300 + 90, "{waited} s");
    assert!(outcome.state.books.breaches.is_empty(), "{:?}", outcome.state.books.breaches);
}

#[test]
fn a_reduction_is_from_what_was_drawn_and_spares_what_is_protected() {
    let by = Watts::new(200_000);
    let ask = Ask::Reduction { by, protected: Watts::new(180_000) };
    let (outcome, _) = play(curtailed(ask, 0));
    assert_eq!(shed(&outcome)[0], (Whose::Borrowed, 7_200, 0, 6));
    let ask = Ask::Reduction { by: Watts::new(50_400), protected: Watts::ZERO };
    let (outcome, _) = play(curtailed(ask, 0));
    assert_eq!(shed(&outcome)[0], (Whose::Borrowed, 7_200, 0, 6), "230.4 kW less 50.4");
}

#[test]
fn with_notice_borrowers_leave_before_it_counts() {
    let (outcome, kept) = play(curtailed(Ask::Limit(Watts::new(180_000)), 1_500));
    // They were told at once, took 150 s, and nothing was left to stop at 8,700 s.
    assert_eq!(shed(&outcome).first().map(|(_, at, ..)| *at >= 9_000), Some(true));
    let told = kept.jobs.iter().filter(|job| job.party == 0 && job.evictions > 0).count();
    assert!(told >= 6, "{told} were told to leave");
}

#[test]
fn tenants_are_shed_last_to_their_depth_and_then_beyond_it() {
    // 72 kW are 60 kW of IT: seven of twelve nodes at 8 kW. Everything else is off.
    let (outcome, _) = play(curtailed(Ask::Limit(Watts::new(72_000)), 0));
    let held: u32 = shed(&outcome)
        .iter()
        .filter(|(whose, ..)| matches!(whose, Whose::Lease(0)))
        .map(|(.., nodes, _)| nodes)
        .sum();
    assert_eq!(held, 5);
    let breaches = &outcome.state.books.breaches;
    assert!(breaches[0].what.contains("0 of them beyond the agreed depth"), "{breaches:?}");
    // Half of twelve is what the lease agrees to; 48 kW feed five nodes.
    let (outcome, _) = play(curtailed(Ask::Limit(Watts::new(48_000)), 0));
    let breaches = &outcome.state.books.breaches;
    assert!(breaches[0].what.contains("1 of them beyond the agreed depth"), "{breaches:?}");
    // All are on again afterwards.
    let on = outcome.state.fleet.nodes();
    assert!(on.iter().all(|node| node.condition == leasehold_control::Condition::Up));
}

#[test]
fn the_tenants_first_job_is_never_stopped_for_the_landlords() {
    let (_, kept) = play(curtailed(Ask::Limit(Watts::new(180_000)), 0));
    let first = kept.jobs.iter().find(|job| job.party == 1 && job.gpus == 32);
    let ended = first.and_then(|job| job.ended).expect("it finished");
    assert_eq!(ended.since(start()).get(), 160_010);
}
