//! A cluster that is only watched, and an account that is somebody else's.

use leasehold_clusters::slurm::emulated::Options;

use crate::record;
use crate::stage::{MADE, OWNER, Plant, RENTER, Stage, await_so};

const PLANT: Plant = Plant { racks: 2, nodes_per_rack: 2, turnover_seconds: 1 };

/// Accounts that somebody made and uses.
const USED: &str = "[[party]]\nid = \"owner\"\naccounts = [\"owner\"]\n[[party]]\nid = \"renter\"\naccounts = [\"renter\"]\n";

#[test]
fn who_watches_meters_and_changes_nothing_and_what_is_somebody_elses_is_left_alone() {
    let Some(stage) = Stage::new("slurm-observed", &PLANT, Options::default()) else { return };
    for (account, user) in [(OWNER, "games"), (RENTER, "man")] {
        stage.slurm("sacctmgr", &["-i", "-Q", "add", "account", account]);
        let account = format!("account={account}");
        stage.slurm("sacctmgr", &["-i", "-Q", "add", "user", user, &account]);
    }
    let before = stage.objects();

    stage.write("slurm.toml", USED);
    let server = stage.serve("--observe");
    let seen = server.compared();
    assert_eq!(seen["leases"], "observed");
    let wanted = seen["difference"].to_string();
    assert!(wanted.contains("+ reservation leasehold_of-renter@a"), "{wanted}");
    // The nodes of the holding, in the order of the site's numbers, are those of the first rack that is free.
    let held = held_node(&wanted);
    let node = format!("--nodelist={held}");
    let job = stage.submit(RENTER, &["--gres=gpu:8", &node], "sleep 2").to_string();
    stage.await_count(RENTER, "PD,R,CG", 0);
    stage.await_record();
    await_so("the job is over and booked", || {
        let jobs = server.jobs(&stage, RENTER);
        jobs.iter().any(|one| one["name"].as_str() == Some(&job) && one["ended"].is_string())
    });
    let mut runs = record::runs(&stage);
    runs.retain(|run| run.nodes.contains(&held));
    let recorded: u64 = runs.iter().map(record::Run::gpu_seconds).sum();
    assert!(recorded >= 16, "{runs:?}");
    assert_eq!(server.used(), recorded, "{runs:?}");
    assert_eq!(server.get("/cluster")["calls"], 0);
    assert_eq!(stage.objects(), before, "nothing was changed");
    server.stop();

    // Accounts that are not said to be used are to be made; these are there, and are not Leasehold's.
    stage.write("slurm.toml", MADE);
    let server = stage.serve("--enforce");
    let mut seen = server.get("/cluster");
    await_so("it is said what is in the way", || {
        seen = server.get("/cluster");
        seen["unheld"].is_string()
    });
    let said = seen["unheld"].as_str().unwrap();
    assert!(said.contains("account renter") && said.contains("account owner"), "{said}");
    assert_eq!(stage.objects(), before, "nothing was changed");
    server.stop();

    // Those who say that they are the parties' own are served with them.
    stage.write("slurm.toml", USED);
    let server = stage.serve("--enforce");
    await_so("all is as wanted", || server.compared()["differences"] == 0);
    assert_eq!(stage.reserved("leasehold_of-renter@a").len(), 2);
    server.stop();
}

/// A node of the lease's reservation, as the difference names it.
fn held_node(difference: &str) -> String {
    let of_lease = difference.split("reservation leasehold_of-renter@a").nth(1).unwrap();
    let nodes = of_lease.split("nodes = ").nth(1).unwrap();
    let nodes = nodes.split(['"', '\\']).next().unwrap().trim();
    leasehold_clusters::slurm::hostlist::expand(nodes).unwrap().remove(0)
}
