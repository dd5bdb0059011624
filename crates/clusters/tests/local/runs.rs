//! How runs begin and end.

use crate::host::{Host, id, run, start, vacate, wait_until, wall_seconds};
use leasehold_clusters::local::{Exit, Limits, NodeShare, Order, Program, RunId, Stream, read_log};
use std::fs;
use std::time::{Duration, Instant};

/// A tree that ignores being asked, with one that has a session of its own and lost its parent. It says when it is ready.
const STUBBORN: &str = "trap '' TERM; (setsid sh -c 'trap \"\" TERM; (trap \"\" TERM; sleep 300) & \
    touch ready; wait; sleep 300' &) ; wait; while :; do sleep 300; done";

fn ready(host: &Host, job: u64) {
    host.started(&id(job));
    wait_until("the command is ready", || host.scratch("a", &id(job)).join("ready").exists());
}

#[test]
fn a_run_ends_as_its_command_does() {
    let host = Host::new(&[]);
    let cases =
        [("exit 0", Exit::Code(0)), ("exit 7", Exit::Code(7)), ("kill -11 $$", Exit::Signal(11))];
    for (job, (shell, exit)) in (1..).zip(cases) {
        host.send(&[start(job, shell)]);
        assert_eq!(host.ended(&id(job)), exit, "{shell}");
    }
}

#[test]
fn what_cannot_run_is_refused_with_its_reason() {
    let host = Host::new(&[]);
    let refused = |job, change: &dyn Fn(&mut leasehold_clusters::local::Run)| {
        let mut run = run(job, "exit 0");
        change(&mut run);
        host.send(&[Order::Start(run)]);
        match host.ended(&id(job)) {
            Exit::NotStarted { reason } => reason,
            exit => panic!("it ran: {exit:?}"),
        }
    };
    let missing = refused(1, &|run| run.command.program = Program::Argv(vec!["/no/such".into()]));
    assert!(missing.starts_with("/no/such cannot be executed"), "{missing}");
    assert_eq!(
        refused(2, &|run| run.nodes[0].name = "../a".into()),
        "\"../a\" is no node of this host"
    );
    assert!(refused(3, &|run| run.nodes[0].gpus = vec![4]).contains("none with the index 4"));
    assert!(refused(4, &|run| run.nodes.push(run.nodes[0].clone())).contains("twice"));
    assert!(
        refused(5, &|run| drop(run.command.env.insert("LEASEHOLD_RUN".into(), "x".into())))
            .contains("leave it out")
    );
    assert!(
        refused(6, &|run| run.command.user = Some("no-such-user".into()))
            .contains("no user of this host")
    );
}

#[test]
fn two_parties_are_never_on_one_node() {
    let host = Host::new(&[]);
    host.send(&[start(1, "sleep 300")]);
    host.started(&id(1));
    let mut other = run(1, "exit 0");
    other.id = RunId::new("rival", 1, 1).unwrap();
    other.nodes[0].gpus = vec![3];
    host.send(&[Order::Start(other.clone())]);
    assert_eq!(
        host.ended(&other.id),
        Exit::NotStarted { reason: "node a is in use by another party".into() }
    );
}

#[test]
fn a_command_finds_its_place_and_nothing_of_the_agent() {
    let host = Host::new(&[]);
    let mut run = run(1, "");
    run.command.program = Program::Script {
        text: "#!/bin/sh\nenv | grep -v PWD | sort; echo \"$1\"".into(),
        args: vec!["last".into()],
    };
    run.command.env.insert("COLOUR".into(), "blue".into());
    run.nodes.push(NodeShare { name: "b".into(), gpus: vec![1, 2] });
    host.send(&[Order::Start(run)]);
    assert_eq!(host.ended(&id(1)), Exit::Code(0));
    let log = read_log(&host.directory, &id(1), Stream::Out, 0, 1 << 16).unwrap();
    let scratch = host.scratch("a", &id(1)).display().to_string();
    let text = String::from_utf8(log.bytes).unwrap().replace(&scratch, "SCRATCH");
    let expected = "COLOUR=blue\nHOME=SCRATCH\nLEASEHOLD_AGENT=AGENT\nLEASEHOLD_GPUS=a:0;b:1,2\nLEASEHOLD_JOB=1\nLEASEHOLD_NODES=a,b\n\
        LEASEHOLD_RUN=acme.1.1\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nTMPDIR=SCRATCH\nlast\n";
    let text = text.replace(&host.directory.display().to_string(), "AGENT");
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("CUDA_VISIBLE"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(text, expected);
}

#[test]
fn a_polite_tree_has_its_time_to_leave() {
    let host = Host::new(&[]);
    // The shell dies at once; what it started takes the time to finish.
    let child =
        "trap 'sleep 0.2; touch saved; exit' TERM; touch ready; while :; do sleep 0.02; done";
    host.send(&[start(1, &format!("sh -c '{}' & wait", child.replace('\'', "'\\''")))]);
    ready(&host, 1);
    host.send(&[vacate(1, 60)]);
    assert_eq!(host.ended(&id(1)), Exit::Vacated { killed: false });
    assert!(host.scratch("a", &id(1)).join("saved").exists());
}

#[test]
fn a_stubborn_tree_is_gone_at_the_deadline() {
    let host = Host::new(&[]);
    host.send(&[start(1, STUBBORN)]);
    ready(&host, 1);
    let deadline = wall_seconds() + 2;
    // A later deadline, as after a restart of a server whose clock is wrong, buys no time.
    host.send(&[vacate(1, 2), vacate(1, 600)]);
    assert_eq!(host.ended(&id(1)), Exit::Vacated { killed: true });
    assert!((deadline - 1..=deadline + 2).contains(&wall_seconds()), "not at the deadline");
    assert_eq!(host.run_processes(), [] as [i32; 0]);
}

#[test]
fn what_a_command_leaves_behind_goes_with_it() {
    let host = Host::new(&[]);
    host.send(&[start(1, "setsid env -i sleep 300 & (setsid setsid sleep 300 &) ; exit 3")]);
    assert_eq!(host.ended(&id(1)), Exit::Code(3));
    assert_eq!(host.run_processes(), [] as [i32; 0]);
}

#[test]
fn processes_that_multiply_are_all_killed() {
    let host = Host::new(&[]);
    let bomb = "trap '' TERM; touch ready; b() { n=$1; while [ $n -gt 0 ]; do n=$((n-1)); \
        (trap '' TERM; b $n) & done; sleep 300; }; b 6; wait";
    host.send(&[start(1, bomb)]);
    ready(&host, 1);
    host.send(&[vacate(1, 0)]);
    assert_eq!(host.ended(&id(1)), Exit::Vacated { killed: true });
    assert_eq!(host.run_processes(), [] as [i32; 0]);
}

#[test]
fn a_run_is_killed_at_its_limit_and_stopped_when_told() {
    let host = Host::new(&[]);
    let mut limited = run(1, STUBBORN);
    limited.limit_seconds = 1;
    host.send(&[Order::Start(limited)]);
    assert_eq!(host.ended(&id(1)), Exit::TimeLimit);
    let mut stopped = run(2, STUBBORN);
    stopped.vacate_seconds = 1;
    host.send(&[Order::Start(stopped)]);
    ready(&host, 2);
    host.send(&[Order::Stop(id(2)), Order::Stop(id(2))]);
    assert_eq!(host.ended(&id(2)), Exit::Stopped);
    assert_eq!(host.run_processes(), [] as [i32; 0]);
}

#[test]
fn a_run_in_a_cgroup_is_bounded_and_ended_as_one() {
    let base = std::path::Path::new("/sys/fs/cgroup/unified")
        .join(format!("leasehold-test-{}", std::process::id()));
    if fs::create_dir(&base).is_err() {
        return; // No control groups may be made here.
    }
    {
        let host = Host::new(&[&format!("cgroup={}", base.display())]);
        let mut run = run(1, STUBBORN);
        run.limits = Limits { memory_bytes_max: Some(64 << 20), processes_max: None };
        host.send(&[Order::Start(run)]);
        ready(&host, 1);
        let members = fs::read_to_string(base.join("acme.1.1/cgroup.procs")).unwrap();
        assert!(members.lines().count() >= 3, "{members}");
        host.send(&[vacate(1, 0)]);
        assert_eq!(host.ended(&id(1)), Exit::Vacated { killed: true });
        assert!(!base.join("acme.1.1").exists());
    }
    fs::remove_dir(&base).unwrap();
}

/// From the order to the first thing that the command does. The bound is loose, since tests share the machine; the figure
/// is printed.
#[test]
fn an_order_is_soon_a_process() {
    let host = Host::new(&[]);
    let mut waits: Vec<Duration> = Vec::new();
    for job in 1..=20 {
        let marker = host.directory.join(format!("began{job}"));
        let mut run = run(job, "");
        run.command.program =
            Program::Argv(["/bin/touch", &marker.display().to_string()].map(String::from).to_vec());
        let sent = Instant::now();
        host.send(&[Order::Start(run)]);
        host.started(&id(job));
        waits.push(sent.elapsed());
        assert_eq!(host.ended(&id(job)), Exit::Code(0));
        assert!(marker.exists());
    }
    waits.sort();
    let report = format!("order to started: median {:?}, worst {:?}", waits[10], waits[19]);
    fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("latency"), &report).unwrap();
    assert!(waits[10] < Duration::from_millis(500), "{report}");
}
