//! The example of three tenants: a week around its curtailment, with everything that it is for.

use std::path::Path;

use leasehold_control::{Invariant, PowerStepKind, Whose};
use leasehold_ledger::LineKind;
use leasehold_simulator::engine::{KeepNothing, run};
use leasehold_simulator::scenario::Loaded;

#[test]
fn the_week_of_the_curtailment() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/three-tenants/scenario.toml");
    let mut loaded = Loaded::read(&path).unwrap_or_else(|error| panic!("{}", error.render(false)));
    loaded.scenario.from = "2026-07-19".parse().expect("a day");
    loaded.scenario.until = "2026-07-30".parse().expect("a day");
    let setting = loaded.setting(0).expect("nothing to open");
    let outcome = run(setting, &mut KeepNothing).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(outcome.reclaims_missed, 0, "each pool has a reserve");
    // What tenants may draw is 2.4 MW too much for 225 MW: 238 nodes at 10.08 kW, of the lease that
    // goes first. They come back at the end.
    let steps = outcome.state.books.power_steps.iter();
    let held = |kind: PowerStepKind| -> Vec<(Whose, u32)> {
        let kind = steps.clone().filter(move |step| step.kind == kind);
        let held = kind.filter(|step| matches!(step.whose, Whose::Lease(_)));
        held.map(|step| (step.whose, step.nodes)).collect()
    };
    let first =
        outcome.state.contracts.leases.iter().position(|entry| {
            entry.terms().service.curtail.is_some_and(|curtail| curtail.order == 1)
        });
    let first = u16::try_from(first.expect("one goes first")).expect("three leases");
    assert_eq!(held(PowerStepKind::Shed), [(Whose::Lease(first), 238)]);
    assert_eq!(held(PowerStepKind::Restored), [(Whose::Lease(first), 238)]);
    // The fourth lease was refused, with what would fit, and nothing about who has the rest.
    let told = outcome.milestones.iter().find(|told| told.name == "refused").expect("it was told");
    assert!(told.what.contains("4970 node from 2026-08-01"), "{}", told.what);
    assert!(!told.what.contains("tenant-b") && !told.what.contains("13750"), "{}", told.what);
}

#[test]
fn the_weeks_of_the_late_pool() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/three-tenants/scenario.toml");
    let mut loaded = Loaded::read(&path).unwrap_or_else(|error| panic!("{}", error.render(false)));
    // Nobody's work matters to it.
    loaded.scenario.workloads.clear();
    loaded.scenario.faults = None;
    loaded.scenario.until = "2026-08-02".parse().expect("a day");
    let setting = loaded.setting(0).expect("nothing to open");
    let outcome = run(setting, &mut KeepNothing).unwrap_or_else(|error| panic!("{error}"));
    let lines = outcome.state.books.invoices.iter().flat_map(|invoice| {
        let short = |line: &&leasehold_ledger::Line| line.kind == LineKind::DeliveryShortfall;
        let told = |line: &leasehold_ledger::Line| {
            format!("{} {} {}\n", invoice.issued, line.amount, line.description)
        };
        invoice.lines.iter().filter(short).map(told)
    });
    // 71,552 of 80,000 GPUs on 30 June and nine days of July, at 75 % of USD 500 million a month.
    insta::assert_snapshot!(lines.collect::<String>(), @r"
    2026-07-01 -1320000.00 Delivery shortfall, 30 June 2026: the fee at what was delivered, at the least 71552 of 80000 GPUs
    2026-08-01 -11496774.20 Delivery shortfall, 1 to 9 July 2026: the fee at what was delivered, at the least 71552 of 80000 GPUs
    ");
    let mut breaches = outcome.state.books.breaches.iter();
    assert!(breaches.all(|breach| breach.invariant != Invariant::NoOversell), "terms cover it");
}
