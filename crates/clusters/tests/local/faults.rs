//! Killed agents, supervisors and servers: nothing is lost, nothing runs twice, deadlines are kept.

use crate::host::{Host, id, is_alive, run, start, vacate, wait_until};
use leasehold_clusters::local::{Exit, Order, Report, rounds};
use std::fs;
use std::path::Path;

const ONCE: &str = "echo begun >> \"$HOME/begun\"; touch ready; until test -e \"$HOME/go\"; do sleep 0.01; done; exit 5";

fn ready(host: &Host, job: u64) {
    host.started(&id(job));
    wait_until("the command is ready", || host.scratch("a", &id(job)).join("ready").exists());
}

fn assert_ran_once(host: &Host, job: u64) {
    assert_eq!(fs::read_to_string(host.scratch("a", &id(job)).join("begun")).unwrap(), "begun\n");
}

fn go(host: &Host, job: u64) {
    fs::write(host.scratch("a", &id(job)).join("go"), "").unwrap();
}

#[test]
fn a_start_that_is_repeated_runs_once() {
    let mut host = Host::new(&[]);
    host.send(&[start(1, ONCE), start(1, ONCE)]);
    ready(&host, 1);
    host.connect(&[start(1, ONCE)]);
    host.started(&id(1));
    go(&host, 1);
    assert_eq!(host.ended(&id(1)), Exit::Code(5));
    assert_ran_once(&host, 1);
    host.send(&[Order::Forget(id(1)), start(1, ONCE)]);
    assert_eq!(host.ended(&id(1)), Exit::Code(5), "what was, is said again, and not done again");
    assert_ran_once(&host, 1);
}

#[test]
fn an_agent_that_comes_back_takes_over_what_runs() {
    let host = Host::new(&[]);
    host.send(&[start(1, ONCE)]);
    ready(&host, 1);
    host.kill_agent();
    let running = host.hear(|report| match report {
        Report::Running(running) => Some(running),
        _ => None,
    });
    assert!(running.is_empty() || running == [id(1)]);
    go(&host, 1);
    assert_eq!(host.ended(&id(1)), Exit::Code(5));
    assert_ran_once(&host, 1);
}

#[test]
fn the_deadline_is_kept_while_server_and_agent_are_dead() {
    let mut host = Host::new(&[]);
    host.send(&[start(1, &format!("trap '' TERM; {ONCE}")), start(2, "exit 0")]);
    ready(&host, 1);
    host.send(&[vacate(1, 1)]);
    let orders = host.directory.join("runs/acme.1.1/orders");
    wait_until("the deadline is with the supervisor", || orders.exists());
    host.disconnect();
    let agent = host.agent();
    rustix::process::kill_process(agent, rustix::process::Signal::KILL).unwrap();
    wait_until("all is gone without them", || host.run_processes().is_empty());
    host.connect(&[Order::Keep(id(1))]);
    assert_eq!(host.ended(&id(1)), Exit::Vacated { killed: true });
}

#[test]
fn nothing_is_left_of_a_run_whose_supervisor_was_killed() {
    for is_agent_killed_too in [false, true] {
        let host = Host::new(&[]);
        let stubborn = "trap '' TERM; (setsid sh -c 'sleep 300; :' &); touch ready; sleep 300; :";
        host.send(&[start(1, stubborn)]);
        ready(&host, 1);
        if is_agent_killed_too {
            // Both at once, as far as that can be: the agent cannot conclude before it is killed.
            let agent = host.agent();
            rustix::process::kill_process(agent, rustix::process::Signal::STOP).unwrap();
            host.kill_supervisor(&id(1));
            rustix::process::kill_process(agent, rustix::process::Signal::KILL).unwrap();
        } else {
            host.kill_supervisor(&id(1));
        }
        assert_eq!(host.ended(&id(1)), Exit::Signal(9));
        assert_eq!(host.run_processes(), [] as [i32; 0]);
    }
}

#[test]
fn an_end_is_said_to_each_server_until_it_is_forgotten() {
    let mut host = Host::new(&[]);
    host.send(&[start(1, "exit 4")]);
    assert_eq!(host.ended(&id(1)), Exit::Code(4));
    host.kill_agent();
    host.connect(&[]);
    assert_eq!(host.ended(&id(1)), Exit::Code(4));
    host.send(&[Order::Forget(id(1)), start(2, "exit 0")]);
    assert_eq!(host.ended(&id(2)), Exit::Code(0));
    host.connect(&[]);
    host.hear(|report| match report {
        Report::Ended { id: ended, .. } if ended == id(1) => panic!("said again"),
        Report::Ended { id: ended, .. } => (ended == id(2)).then_some(()),
        _ => None,
    });
}

#[test]
fn what_the_host_does_not_know_any_more_is_lost() {
    let mut host = Host::new(&[]);
    host.connect(&[Order::Keep(id(9))]);
    assert_eq!(host.ended(&id(9)), Exit::LostWithHost);
}

#[test]
fn what_ran_before_the_host_went_down_is_lost() {
    let host = Host::new(&[]);
    host.send(&[start(1, ONCE)]);
    ready(&host, 1);
    host.kill_supervisor(&id(1));
    assert_eq!(host.ended(&id(1)), Exit::Signal(9));
    // As it looks after a power cut: no end on disk, and the id of another boot.
    let kept = host.directory.join("runs/acme.1.1");
    let intent = fs::read_to_string(kept.join("intent")).unwrap();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(kept.join("intent"), intent.replace(boot_id.trim(), "another")).unwrap();
    let mut host = host;
    host.disconnect();
    host.kill_agent();
    fs::remove_file(kept.join("exit")).unwrap();
    host.connect(&[Order::Keep(id(1))]);
    assert_eq!(host.ended(&id(1)), Exit::LostWithHost);
}

#[test]
fn an_intent_that_nobody_wants_any_more_never_starts() {
    let mut host = Host::new(&[]);
    host.send(&[start(1, ONCE)]);
    ready(&host, 1);
    host.kill_supervisor(&id(1));
    assert_eq!(host.ended(&id(1)), Exit::Signal(9));
    host.disconnect();
    host.kill_agent();
    // As an agent leaves it that was killed right after it wrote the order down.
    let kept = host.directory.join("runs/acme.1.1");
    for file in ["exit", "launched", "started", "stdout", "stderr"] {
        fs::remove_file(kept.join(file)).unwrap();
    }
    fs::remove_dir_all(host.scratch("a", &id(1))).unwrap();
    host.connect(&[]);
    assert_eq!(host.ended(&id(1)), Exit::Stopped);
    assert!(!host.scratch("a", &id(1)).exists());
}

#[test]
fn rounds_of_faults_lose_and_double_nothing() {
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rounds.{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    let outcome =
        rounds(Path::new(env!("CARGO_BIN_EXE_clusters-agent")), &directory, 10, 5).unwrap();
    assert!(
        outcome.agents_killed > 0 && outcome.supervisors_killed > 0 && outcome.servers_lost > 0,
        "{outcome:?}"
    );
    assert!(outcome.finished > outcome.starts / 4, "{outcome:?}");
    fs::remove_dir_all(&directory).unwrap();
}

/// As a test does that leaves its folder, or somebody who tidies up; another one may be there at once.
#[test]
fn an_agent_whose_directory_is_gone_ends_and_its_runs_are_told_to_leave() {
    for is_made_again in [false, true] {
        let mut host = Host::new(&[]);
        let mark = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("told.{}.{is_made_again}", std::process::id()));
        let _ = fs::remove_file(&mark);
        let polite = format!(
            "trap 'echo told >{}; exit 0' TERM; touch ready; while :; do sleep 0.01; done",
            mark.display()
        );
        let mut stubborn = run(2, "trap '' TERM; touch ready; while :; do sleep 0.01; done");
        (stubborn.vacate_seconds, stubborn.nodes[0].gpus) = (1, vec![1]);
        host.send(&[start(1, &polite), Order::Start(stubborn)]);
        for job in [1, 2] {
            let file = host.scratch("a", &id(job)).join("ready");
            wait_until("the command is ready", || file.exists());
        }
        let (agent, left) = (host.agent(), host.run_processes());
        host.disconnect();
        fs::remove_dir_all(&host.directory).unwrap();
        if is_made_again {
            fs::create_dir_all(&host.directory).unwrap();
        }
        wait_until("the runs are gone", || !left.iter().any(|pid| is_alive(*pid)));
        wait_until("the agent is gone", || !is_alive(agent.as_raw_nonzero().get()));
        assert_eq!(fs::read_to_string(&mark).unwrap(), "told\n", "it had time to leave");
        fs::remove_file(&mark).unwrap();
    }
}

/// Whoever starts anew where the directory was removed begins with nothing of what ran there.
#[test]
fn nothing_goes_on_beside_a_new_agent_in_a_directory_that_was_removed() {
    let mut host = Host::new(&[]);
    host.send(&[start(1, ONCE)]);
    ready(&host, 1);
    let left = host.run_processes();
    host.disconnect();
    fs::remove_dir_all(&host.directory).unwrap();
    host.connect(&[start(1, ONCE)]);
    host.started(&id(1));
    assert!(!left.iter().any(|pid| is_alive(*pid)), "it would run twice at once");
    go(&host, 1);
    assert_eq!(host.ended(&id(1)), Exit::Code(5));
    assert_ran_once(&host, 1);
}
