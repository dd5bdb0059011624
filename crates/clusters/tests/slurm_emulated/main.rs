//! The emulated Slurm cluster that other tests stand on: it runs jobs, and leaves nothing behind. And what
//! is deployed into a real one, tried on it.

mod turnover;

use std::net::TcpListener;
use std::time::Duration;

use leasehold_clusters::slurm::emulated::{Cluster, Daemon, Down, EmulatedError, Options, Up, up};

const PATIENCE: Duration = Duration::from_secs(120);

fn ports(cluster: &Cluster) -> Vec<u16> {
    let text = std::fs::read_to_string(cluster.slurm_conf()).unwrap();
    let words = text.split(['\n', ' ']);
    let ports =
        words.filter_map(|word| word.split_once('=').filter(|(key, _)| key.ends_with("Port")));
    ports.map(|(_, port)| port.parse().unwrap()).collect()
}

fn submit(cluster: &Cluster, script: &str) -> String {
    let arguments = ["--parsable", "--output=/dev/null", "--gres=gpu:8", "--wrap", script];
    cluster.run("sbatch", &arguments).unwrap().trim().to_owned()
}

fn await_state(cluster: &Cluster, job: &str, state: &str) {
    let arguments = ["-n", "-X", "-P", "-o", "State", "-j", job];
    let seen = cluster.run_until(PATIENCE, "sacct", &arguments, &mut |told| told.trim() == state);
    assert!(seen.is_some(), "job {job} is never {state}: {:?}", cluster.run("sacct", &arguments));
}

#[test]
fn runs_a_job_and_leaves_nothing_behind() {
    let Some(cluster) = Cluster::start(&Options::with_nodes(4)) else { return };
    let ports = ports(&cluster);
    assert_eq!(ports.len(), 6);
    let taken = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_err();
    assert!(ports.iter().all(taken));

    let job = submit(&cluster, "true");
    await_state(&cluster, &job, "COMPLETED");
    // It is still at work when all is stopped.
    let endless = submit(&cluster, "trap '' TERM; sleep 1000");
    await_state(&cluster, &endless, "RUNNING");

    assert_eq!(cluster.stop().unwrap(), Down::Stopped(8));
    assert_eq!(cluster.pids(), [0; 0]);
    assert!(!ports.iter().any(taken), "a port of {ports:?} is still taken");
    let directory = cluster.directory().to_owned();
    drop(cluster);
    assert!(!directory.exists());
}

#[test]
fn survives_the_death_of_its_daemons() {
    let Some(cluster) = Cluster::start(&Options::with_nodes(2)) else { return };
    let job = submit(&cluster, "sleep 1000");
    await_state(&cluster, &job, "RUNNING");
    for daemon in [Daemon::Controller, Daemon::Accounting, Daemon::Node("a-01-01-1".into())] {
        cluster.kill(&daemon).unwrap();
        assert_eq!(cluster.status().unwrap().dead, std::slice::from_ref(&daemon));
        cluster.start_again(&daemon).unwrap();
        assert_eq!(cluster.status().unwrap().dead, []);
    }
    cluster.run("scancel", &[&job]).unwrap();
    await_state(&cluster, &job, "CANCELLED by 0");
}

#[test]
fn two_run_side_by_side() {
    let Some(one) = Cluster::start(&Options::with_nodes(1)) else { return };
    let Some(other) = Cluster::start(&Options::with_nodes(2)) else { return };
    assert!(!ports(&one).iter().any(|port| ports(&other).contains(port)));
    one.stop().unwrap();
    let job = submit(&other, "true");
    await_state(&other, &job, "COMPLETED");
}

#[test]
fn up_twice_is_up_once() {
    let options = Options::with_nodes(1);
    let Some(cluster) = Cluster::start(&options) else { return };
    let before = cluster.pids();
    assert_eq!(up(cluster.directory(), &options).unwrap(), Up::AlreadyUp);
    let other = Options { gpus_per_node: 4, ..options.clone() };
    let refused = up(cluster.directory(), &other);
    assert!(matches!(refused, Err(EmulatedError::OtherOptions { .. })), "{refused:?}");
    assert_eq!(cluster.pids(), before);

    // One that lost a daemon is started whole again, with what it recorded.
    let job = submit(&cluster, "true");
    await_state(&cluster, &job, "COMPLETED");
    cluster.kill(&Daemon::Controller).unwrap();
    assert_eq!(up(cluster.directory(), &options).unwrap(), Up::Started);
    assert_eq!(cluster.status().unwrap().living.len(), 5);
    await_state(&cluster, &job, "COMPLETED");
}

#[test]
fn what_starts_half_is_stopped_again() {
    let settings = vec![("SchedulerType".to_owned(), "sched/nonsense".to_owned())];
    let options = Options { settings, ..Options::with_nodes(1) };
    let error = match Cluster::try_start(&options) {
        Ok(_) => panic!("there is no such scheduler"),
        // Told by the other tests.
        Err(EmulatedError::Missing { .. } | EmulatedError::NotRoot) => return,
        Err(error) => error,
    };
    let EmulatedError::Daemon { daemon, log, lines, .. } = error else { panic!("{error}") };
    assert_eq!(daemon, Daemon::Controller);
    assert!(lines.contains("sched/nonsense"), "{lines}");
    let directory = log.parent().and_then(|log| log.parent()).unwrap();
    let mark = format!("LEASEHOLD_EMULATED_SLURM={}", directory.display());
    let bears = |entry: std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
    };
    assert!(!std::fs::read_dir("/proc").unwrap().flatten().any(bears));
}
