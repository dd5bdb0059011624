//! What takes all of Leasehold's away, and nothing else.

use leasehold_clusters::slurm::calls::removal;
use leasehold_clusters::slurm::command::spelled;
use leasehold_clusters::slurm::compile::compile;
use leasehold_clusters::slurm::difference::difference;
use leasehold_clusters::slurm::read::{AccountRow, AssociationRow};
use leasehold_clusters::slurm::{Slurm, calls};

use crate::deals::{holding, wanted, with_users};
use crate::fake::{Fake, NOW};

/// Two parties with a holding each, as a plan leaves them.
fn held() -> Fake {
    let parties = vec![with_users("lab", &["ann"]), with_users("tenant", &["bob", "eve"])];
    let holdings = vec![holding("own", "lab", "n1"), holding("main-2026", "tenant", "n2")];
    let desired = compile(&wanted(parties, holdings)).expect("it can be had");
    let slurm = Fake::default();
    let found = slurm.found();
    let change = difference(&desired, &found, None, NOW);
    let plan = calls::plan(&desired, &found, &change, 1_000).expect("nothing to decide");
    for call in plan.calls {
        slurm.run(call.program, &call.arguments, None).expect("Slurm takes it");
    }
    slurm
}

#[test]
fn all_that_bears_the_mark_goes_and_nothing_else() {
    let slurm = held();
    slurm.by_hand(|found| {
        let mut row = found.reservations[0].clone();
        row.name = "maintenance".to_owned();
        found.reservations.push(row);
        let physics = AccountRow {
            name: "physics".to_owned(),
            description: String::new(),
            organization: "faculty".to_owned(),
        };
        found.accounts.insert(physics.name.clone(), physics);
        found.associations.push(AssociationRow {
            cluster: "main".to_owned(),
            account: "physics".to_owned(),
            user: Some("bob".to_owned()),
            partition: None,
            qos: Vec::new(),
            default_qos: None,
        });
        let normal = found.qos["leasehold_lab"].clone();
        found.qos.insert("normal".to_owned(), normal);
        let nodes = ["n2".to_owned()].into();
        found.busy.insert("leasehold_main-2026@a".to_owned(), nodes);
    });
    let removal = removal(&slurm.found(), "main").expect("all names are plain");
    let commands: Vec<String> =
        removal.calls.iter().map(|call| spelled(call.program, &call.arguments)).collect();
    assert_eq!(
        commands,
        [
            "scontrol delete ReservationName=leasehold_own+a",
            "scontrol delete ReservationName=leasehold_main-2026@a",
            "sacctmgr -i delete user where name=ann account=lab cluster=main",
            "sacctmgr -i delete account where name=lab cluster=main",
            "sacctmgr -i delete user where name=bob,eve account=tenant cluster=main",
            "sacctmgr -i delete account where name=tenant cluster=main",
            "sacctmgr -i delete qos where name=leasehold_lab,leasehold_tenant",
        ]
    );
    let [waits] = removal.waiting.as_slice() else { panic!("one waits: {:?}", removal.waiting) };
    assert!(waits.contains("leasehold_main-2026@a"), "{waits}");
}

#[test]
fn where_nothing_was_made_nothing_goes() {
    let removal = removal(&Fake::default().found(), "main").expect("there are no names");
    assert!(removal.calls.is_empty() && removal.waiting.is_empty(), "{removal:?}");
}
