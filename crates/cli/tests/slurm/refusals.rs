//! A Slurm that is not there, or of which a part is not: everybody who needs it says so, and what to do.

use std::process::Output;

use leasehold_clusters::slurm::emulated::{Daemon, Options};

use crate::stage::{Plant, Stage};

#[test]
fn who_needs_slurm_says_what_of_it_is_missing() {
    let plant = Plant { racks: 2, nodes_per_rack: 1, turnover_seconds: 1 };
    // So long Slurm's commands try.
    let settings = vec![("MessageTimeout".to_owned(), "3".to_owned())];
    let options = Options { settings, ..Options::default() };
    let Some(stage) = Stage::new("slurm-refusals", &plant, options) else { return };

    stage.write("slurm.toml", "binaries = \"/nonexistent\"\n");
    assert_refused(&stage, &["could not be started", "install Slurm's client commands"]);
    stage.write("slurm.toml", "");
    stage.cluster.kill(&Daemon::Controller).unwrap();
    assert_refused(&stage, &["slurmctld does not answer", "check that slurmctld runs"]);
    stage.cluster.start_again(&Daemon::Controller).unwrap();
    stage.cluster.kill(&Daemon::Munge).unwrap();
    assert_refused(&stage, &["munge does not answer", "start munged"]);
    // Without it the cluster ends slowly.
    stage.cluster.start_again(&Daemon::Munge).unwrap();
}

fn assert_refused(stage: &Stage, expected: &[&str]) {
    let outputs = std::thread::scope(|scope| {
        let plan = scope.spawn(|| plan(stage));
        let enforces = scope.spawn(|| stage.refused_server("--enforce", "one"));
        let observes = scope.spawn(|| stage.refused_server("--observe", "other"));
        [plan, enforces, observes].map(|asked| asked.join().unwrap())
    });
    for output in outputs {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for words in expected {
            assert!(said.contains(words), "{words:?} is not in {said}");
        }
        assert!(output.stdout.is_empty());
    }
}

fn plan(stage: &Stage) -> Output {
    let arguments = ["slurm", "plan", "site.toml", "lease.toml", "--slurm", "slurm.toml"];
    stage.leasehold(&arguments).output().unwrap()
}
