//! What makes a node clean, and what does not.

use crate::host::{Host, id, start, vacate, wait_until, wall_seconds};
use leasehold_clusters::local::{Exit, Order, Report, Turnover};
use leasehold_units::Instant;
use std::fs;

fn turnover(node: &str, seconds: i64) -> Turnover {
    Turnover { node: node.into(), until: Instant::from_unix(wall_seconds() + seconds) }
}

/// Orders it and says how it went.
fn turn_over(host: &Host, turnover: &Turnover) -> Result<(), String> {
    host.send(&[Order::Turnover(turnover.clone())]);
    outcome(host, turnover)
}

fn outcome(host: &Host, wanted: &Turnover) -> Result<(), String> {
    host.hear(|report| match report {
        Report::TurnoverDone { turnover, .. } if turnover == *wanted => Some(Ok(())),
        Report::TurnoverFailed { turnover, reason, .. } if turnover == *wanted => Some(Err(reason)),
        _ => None,
    })
}

#[test]
fn a_clean_node_keeps_nothing_of_earlier_runs() {
    let host = Host::new(&[]);
    host.send(&[start(1, "echo secret > kept; ln -s /etc/passwd link")]);
    assert_eq!(host.ended(&id(1)), Exit::Code(0));
    assert!(host.scratch("a", &id(1)).join("kept").exists());
    assert_eq!(turn_over(&host, &turnover("b", 60)), Ok(()), "another node");
    assert!(host.scratch("a", &id(1)).exists());
    assert_eq!(turn_over(&host, &turnover("a", 60)), Ok(()));
    assert_eq!(fs::read_dir(host.directory.join("scratch/a")).unwrap().count(), 0);
    assert!(fs::exists("/etc/passwd").unwrap());
}

#[test]
fn the_command_knows_the_node_and_not_who_was_there() {
    let host = Host::new(&["turnover=env > \"$HOME/../../../seen\""]);
    host.send(&[start(1, "exit 0")]);
    host.ended(&id(1));
    assert_eq!(turn_over(&host, &turnover("a", 60)), Ok(()));
    let seen = fs::read_to_string(host.directory.join("seen")).unwrap();
    assert!(
        seen.contains("LEASEHOLD_NODE=a\n") && seen.contains("LEASEHOLD_GPUS=0,1,2,3\n"),
        "{seen}"
    );
    assert!(!seen.contains("acme"), "{seen}");
}

#[test]
fn a_command_that_fails_or_hangs_fails_the_turnover() {
    let host = Host::new(&["turnover=exit 3"]);
    assert_eq!(
        turn_over(&host, &turnover("a", 60)),
        Err("the turnover command ended with 3".into())
    );
    let host = Host::new(&["turnover=trap '' TERM; setsid sleep 300 & sleep 300", "timeout=1"]);
    assert_eq!(
        turn_over(&host, &turnover("a", 60)),
        Err("the turnover command was killed after 1 s".into())
    );
    assert!(turn_over(&host, &turnover("z", 60)).unwrap_err().contains("no node of this host"));
}

#[test]
fn a_node_is_cleaned_when_the_last_run_has_left_it() {
    let host = Host::new(&[]);
    host.send(&[start(1, "trap '' TERM; touch ready; while :; do sleep 0.05; done")]);
    host.started(&id(1));
    wait_until("the command is ready", || host.scratch("a", &id(1)).join("ready").exists());
    let in_vain = turnover("a", 1);
    assert_eq!(turn_over(&host, &in_vain), Err("a run has not left the node in time".into()));
    let wanted = turnover("a", 60);
    host.send(&[Order::Turnover(wanted.clone()), vacate(1, 1)]);
    let mut has_ended = false;
    host.hear(|report| match report {
        Report::Ended { .. } => {
            has_ended = true;
            None
        }
        Report::TurnoverDone { turnover, .. } => (turnover == wanted).then_some(()),
        _ => None,
    });
    assert!(has_ended, "cleaned under a run");
}

#[test]
fn an_agent_that_comes_back_finishes_a_turnover_and_does_not_begin_it_again() {
    let host = Host::new(&[
        "turnover=cd \"$HOME/../../..\"; echo x >> begun; until test -e go; do sleep 0.01; done",
    ]);
    let wanted = turnover("a", 60);
    host.send(&[Order::Turnover(wanted.clone())]);
    wait_until("the command runs", || host.directory.join("begun").exists());
    host.kill_agent();
    fs::write(host.directory.join("go"), "").unwrap();
    assert_eq!(outcome(&host, &wanted), Ok(()));
    assert_eq!(fs::read_to_string(host.directory.join("begun")).unwrap(), "x\n");
}
