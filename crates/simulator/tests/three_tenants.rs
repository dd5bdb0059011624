//! The example of three tenants: a week around its curtailment, with everything that it is for.

use std::path::Path;

use leasehold_control::{PowerStepKind, Whose};
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
