//! What somebody changes in `slurm.conf` while a server holds the cluster to its leases.

use leasehold_clusters::slurm::emulated::Options;

use crate::stage::{OWNER, Plant, Stage, await_or, await_so};

const PLANT: Plant = Plant { racks: 2, nodes_per_rack: 2, turnover_seconds: 1 };
const NODES: usize = 4;
const RENTED: &str = "leasehold_of-renter@a";

#[test]
fn a_kill_wait_beyond_the_bound_ends_the_lending_and_leaves_what_runs() {
    let Some(stage) = Stage::new("slurm-changed", &PLANT, Options::default()) else { return };
    let server = stage.serve("--enforce");
    await_so("all is as wanted", || server.compared()["differences"] == 0);
    assert!(is_lent(&stage), "{}", stage.objects());
    let tasks = format!("--array=1-{NODES}");
    stage.submit(OWNER, &["--gres=gpu:8", &tasks], "exec sleep 100000");
    stage.await_count(OWNER, "R", NODES);
    // The lease has its nodes back within a minute.
    stage.configure("KillWait", "90");
    await_or(|| !is_lent(&stage), || format!("nothing is lent any more\n{}", stage.log()));
    let mut cluster = server.get("/cluster");
    await_so("it is said why", || {
        cluster = server.get("/cluster");
        cluster["concerns"].to_string().contains("KillWait")
    });
    assert!(stage.log().contains("Slurm's KillWait was changed"), "{}", stage.log());
    assert_eq!(stage.count(OWNER, "R"), NODES, "they go on\n{}", stage.log());
    assert_eq!(cluster["told_to_leave"], 0);
    server.stop();
}

/// Whether the landlord may start jobs on the nodes of the lease.
fn is_lent(stage: &Stage) -> bool {
    let told = stage.slurm("scontrol", &["-o", "show", "reservation", RENTED]);
    let accounts = told.split(' ').find_map(|word| word.strip_prefix("Accounts="));
    accounts.unwrap().split(',').any(|account| account == OWNER)
}
