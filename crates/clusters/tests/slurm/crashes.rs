//! However holdings move and wherever a plan is cut short: the next plan finishes it, Slurm refuses nothing, and no node is ever in
//! two reservations.

use leasehold_clusters::slurm::Slurm;
use leasehold_clusters::slurm::calls::plan;
use leasehold_clusters::slurm::compile::compile;
use leasehold_clusters::slurm::difference::difference;
use leasehold_clusters::slurm::objects::{Desired, WantedHolding};
use proptest::prelude::*;

use crate::deals::{holding, wanted, with_users};
use crate::fake::{Fake, NOW};

/// Whose each of eight nodes is: one of five grounds.
fn desired(owners: &[u8]) -> Desired {
    let grounds = [
        ("own", "lab"),
        ("one", "tenant"),
        ("two", "rival"),
        ("three", "rival"),
        ("reserve", "lab"),
    ];
    let nodes_of = |ground: usize| {
        let nodes = owners.iter().enumerate().filter(|(_, owner)| usize::from(**owner) == ground);
        nodes.map(|(node, _)| format!("n{node}")).collect::<Vec<_>>().join(",")
    };
    let holdings: Vec<WantedHolding> = grounds
        .iter()
        .enumerate()
        .map(|(index, (ground, holder))| holding(ground, holder, &nodes_of(index)))
        .collect();
    let parties = ["lab", "tenant", "rival"].map(|name| with_users(name, &["x"])).to_vec();
    compile(&wanted(parties, holdings)).expect("it can be had")
}

/// Runs at most `most` commands; whether there were more.
fn cycle(slurm: &Fake, desired: &Desired, most: usize) -> bool {
    let found = slurm.found();
    let change = difference(desired, &found, None, NOW);
    let plan = plan(desired, &found, &change, 1_000).expect("nothing to decide");
    assert_eq!(change.is_settled(), plan.calls.is_empty(), "{change}\n{plan}");
    for call in plan.calls.iter().take(most) {
        slurm.run(call.program, &call.arguments, None).expect("Slurm takes it");
    }
    plan.calls.len() > most
}

proptest! {
    #[test]
    fn any_plan_cut_anywhere_is_finished_by_the_next(
        steps in prop::collection::vec((prop::collection::vec(0_u8..5, 8), 0_usize..8), 1..6),
    ) {
        let slurm = Fake::default();
        for (owners, most) in &steps {
            let desired = desired(owners);
            cycle(&slurm, &desired, *most);
            let more = cycle(&slurm, &desired, 1_000);
            prop_assert!(!more);
            let rest = difference(&desired, &slurm.found(), None, NOW);
            prop_assert!(rest.is_settled(), "{}", rest);
            for (name, reservation) in &desired.reservations {
                let found = slurm.found();
                let nodes = &found.reservation(name).expect("it is there").nodes;
                prop_assert!(nodes.iter().eq(&reservation.nodes));
            }
        }
    }

    #[test]
    fn jobs_that_hold_on_are_waited_for(
        before in prop::collection::vec(0_u8..5, 8),
        after in prop::collection::vec(0_u8..5, 8),
        busy in 0_usize..8,
    ) {
        let slurm = Fake::default();
        cycle(&slurm, &desired(&before), 1_000);
        let node = format!("n{busy}");
        slurm.by_hand(|found| {
            let holds = found.reservations.iter().find(|row| row.nodes.contains(&node));
            let name = holds.expect("every node is in one").name.clone();
            found.busy.insert(name, [node.clone()].into());
        });
        let wanted = desired(&after);
        let run = |slurm: &Fake| {
            let found = slurm.found();
            let plan = plan(&wanted, &found, &difference(&wanted, &found, None, NOW), 1_000);
            for call in plan.expect("nothing to decide").calls {
                slurm.run(call.program, &call.arguments, None).expect("Slurm takes it");
            }
        };
        run(&slurm);
        run(&slurm);
        slurm.by_hand(|found| found.busy.clear());
        run(&slurm);
        run(&slurm);
        let rest = difference(&wanted, &slurm.found(), None, NOW);
        prop_assert!(rest.is_settled(), "{}", rest);
    }
}
