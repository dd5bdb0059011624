//! `preemption = "slurm"`: Slurm goes first, and Leasehold only where it would be late otherwise.

use leasehold_clusters::slurm::emulated::{Options, Preempt};

use crate::record;
use crate::stage::{MADE, OWNER, Plant, RENTER, Server, Stage, await_or, await_so};

const PLANT: Plant = Plant { racks: 2, nodes_per_rack: 2, turnover_seconds: 1 };
const NODES: usize = 4;

/// A site that the landlord fills, two of its nodes on loan, and whose tenant then wants one back.
fn tenant_comes(name: &str, preempt: Preempt, bound: &str) -> Option<(Stage, Server)> {
    let options = Options { kill_wait_seconds: 2, preempt, ..Options::default() };
    let stage = Stage::new(name, &PLANT, options)?;
    stage.write("slurm.toml", &format!("preemption = \"slurm\"\n{MADE}"));
    stage.write_lease(bound);
    let server = stage.serve("--enforce");
    await_so("all is as wanted", || server.compared()["differences"] == 0);
    let tasks = format!("--array=1-{NODES}");
    stage.submit(OWNER, &["--gres=gpu:8", &tasks], "exec sleep 100000");
    stage.await_count(OWNER, "R", NODES);
    stage.submit(RENTER, &["--gres=gpu:8"], "exec sleep 100000");
    stage.await_count(RENTER, "R", 1);
    Some((stage, server))
}

/// Waits until the runs that made room are on record; the words for how they ended.
fn made_room(stage: &Stage, server: &Server) -> Vec<String> {
    let states = || {
        let runs = record::runs(stage).into_iter().filter(|run| run.account == OWNER);
        runs.map(|run| run.state).collect::<Vec<_>>()
    };
    await_or(|| !states().is_empty(), || format!("{}\n{}", server.get("/cluster"), stage.log()));
    states()
}

#[test]
fn slurm_pushes_out_and_leasehold_sends_nobody_away_besides() {
    // Slurm has most of an hour.
    let Some((stage, server)) = tenant_comes("slurm-preempted", Preempt::Qos, "1 h") else {
        return;
    };
    assert_eq!(made_room(&stage, &server), ["PREEMPTED"], "{}", stage.log());
    assert_eq!(server.get("/cluster")["told_to_leave"], 0, "{}", stage.log());
    assert_eq!(stage.count(OWNER, "R"), NODES - 1, "the others stay");
    server.stop();
}

#[test]
fn where_slurm_pushes_nobody_out_leasehold_does_in_time() {
    let Some((stage, server)) = tenant_comes("slurm-unpreempted", Preempt::None, "15 s") else {
        return;
    };
    assert_eq!(made_room(&stage, &server), ["REQUEUED"], "{}", stage.log());
    let cluster = server.get("/cluster");
    assert_eq!(cluster["told_to_leave"], 1, "{}", stage.log());
    let concerns = cluster["concerns"].to_string();
    assert!(concerns.contains("Slurm pushes nobody out"), "{concerns}");
    assert_eq!(stage.count(OWNER, "R"), NODES - 1, "the others stay");
    server.stop();
}
