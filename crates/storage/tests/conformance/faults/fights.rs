//! Two who believe that they lead: the one that was overtaken writes nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use leasehold_storage::{OpenMode, Store, StoreError, open, verify_chain};

use crate::cluster;
use crate::fixture::{Fixture as _, SqliteFiles, lead, of_everything, reader};

fn is_overtaken(old: &mut dyn Store, place: &str) {
    let before = *reader(place).head();
    for _ in 0..2 {
        let refused = old.append(&of_everything(50)).expect_err("it was overtaken");
        assert!(matches!(refused, StoreError::Fenced { own: 1, found: 2 }), "{refused}");
        let refused = old.prune_answers(crate::fixture::at(1_000)).expect_err("it was overtaken");
        assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    }
    let refused = old.refresh().expect_err("it was overtaken");
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    let mut store = reader(place);
    assert_eq!(*store.head(), before);
    let counts = verify_chain(&mut *store, &mut |_| ()).expect("the chain is good");
    assert_eq!((counts.records, counts.answers), (4, 2), "both leaders' own, and no more");
}

#[test]
fn a_lock_file_that_is_deleted_does_not_make_two_leaders_on_sqlite() {
    let files = SqliteFiles::new();
    let place = files.fresh();
    let mut first = lead(&place);
    first.append(&of_everything(1)).expect("there is room");
    std::fs::remove_file(format!("{place}.lead")).expect("it is there");
    let mut second = lead(&place);
    second.append(&of_everything(2)).expect("there is room");
    is_overtaken(&mut *first, &place);
}

#[test]
fn a_leader_whose_connection_ends_and_who_is_overtaken_writes_nothing_on_postgres() {
    let Some(cluster) = cluster::start(&["fsync=off"]) else { return };
    let place = cluster.fresh();
    let mut first = lead(&place);
    first.append(&of_everything(1)).expect("there is room");
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE application_name = 'leasehold'";
    cluster.psql("postgres", end);
    let mut second = lead(&place);
    second.append(&of_everything(2)).expect("there is room");
    is_overtaken(&mut *first, &place);
}

#[test]
fn a_leader_that_hangs_is_overtaken_within_five_seconds_on_postgres() {
    let Some(cluster) = cluster::start(&["fsync=off"]) else { return };
    let place = cluster.fresh();
    let mut first = lead(&place);
    first.append(&of_everything(1)).expect("there is room");
    let hung = Instant::now();
    // Its connection stays and it says nothing more.
    let mut second = open(&place, OpenMode::Lead { wait: true }).expect("the first one hangs");
    let took = hung.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    second.append(&of_everything(2)).expect("there is room");
    is_overtaken(&mut *first, &place);
}

#[test]
fn a_leader_that_was_silent_and_is_not_overtaken_goes_on_on_postgres() {
    let Some(cluster) = cluster::start(&["fsync=off"]) else { return };
    let place = cluster.fresh();
    let mut store = lead(&place);
    let head = store.append(&of_everything(1)).expect("there is room");
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE application_name = 'leasehold'";
    cluster.psql("postgres", end);
    assert_eq!(store.refresh().expect("nobody else leads"), head);
    cluster.psql("postgres", end);
    let after = store.append(&of_everything(2)).expect("nobody else leads");
    assert_eq!((after.seq, after.epoch), (4, 1));
}

#[test]
fn a_server_that_hangs_is_an_error_in_bounded_time_on_postgres() {
    let Some(cluster) = cluster::start(&["fsync=off"]) else { return };
    let place = cluster.fresh();
    let mut store = lead(&place);
    let head = store.append(&of_everything(1)).expect("there is room");
    let find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'leasehold'";
    let backend = cluster.psql("postgres", find);
    let signal = |name: &str| {
        let done = Command::new("kill").args([name, backend.trim()]).status();
        assert!(done.is_ok_and(|status| status.success()), "{name}");
    };
    signal("-STOP");
    let hung = Instant::now();
    let told = store.append(&of_everything(2)).expect_err("nobody answers");
    let took = hung.elapsed();
    signal("-CONT");
    // The stopped one still has the lock, so that what it does when it goes on cannot be known.
    assert!(matches!(told, StoreError::Unknown { .. }), "{told}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let again = store.append(&of_everything(2)).expect_err("it must step down");
    assert!(matches!(again, StoreError::Unknown { .. }), "{again}");
    drop(store);
    let next = open(&place, OpenMode::Lead { wait: true }).expect("the lock goes with the backend");
    assert!([head.seq, head.seq + 2].contains(&next.head().seq), "all of it or nothing");
}
