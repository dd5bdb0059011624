//! What is there when a store is opened: somebody else's, a newer one, nothing.

use std::fs;

use leasehold_storage::{OpenMode, SCHEMA, StoreError, open};
use rusqlite::Connection;

use crate::cluster;
use crate::fixture::{Fixture as _, LEAD, SqliteFiles, lead, of_everything};

fn refused(place: &str) -> [StoreError; 2] {
    [LEAD, OpenMode::Read].map(|mode| open(place, mode).err().expect("it is refused"))
}

#[test]
fn a_newer_sqlite_file_is_refused_unchanged() {
    let files = SqliteFiles::new();
    let place = files.fresh();
    lead(&place).append(&of_everything(1)).expect("there is room");
    let connection = Connection::open(&place).expect("it is SQLite");
    connection.pragma_update(None, "user_version", SCHEMA + 1).expect("nobody writes");
    drop(connection);
    let before = fs::read(&place).expect("it is there");
    for told in refused(&place) {
        assert!(
            matches!(told, StoreError::Newer { found, known: SCHEMA, .. } if found == SCHEMA + 1)
        );
        assert!(told.to_string().contains("upgrade"), "{told}");
    }
    assert!(fs::read(&place).expect("it is there") == before, "the file was changed");
}

#[test]
fn a_file_of_another_program_is_refused_unchanged() {
    let files = SqliteFiles::new();
    let (other, text) = (files.fresh(), files.fresh());
    let connection = Connection::open(&other).expect("there is room");
    connection.execute_batch("CREATE TABLE lease (id INTEGER)").expect("there is room");
    drop(connection);
    fs::write(&text, "[site]\nname = \"a file of terms and not a database\"\n".repeat(200))
        .expect("there is room");
    for place in [other, text] {
        let before = fs::read(&place).expect("it is there");
        for told in refused(&place) {
            assert!(matches!(told, StoreError::Foreign { .. }), "{told}");
        }
        assert!(fs::read(&place).expect("it is there") == before, "{place} was changed");
    }
}

#[test]
fn another_name_of_the_file_meets_the_same_lock() {
    let files = SqliteFiles::new();
    let (place, link) = (files.fresh(), files.fresh());
    let _store = lead(&place);
    std::os::unix::fs::symlink(&place, &link).expect("there is room");
    for name in [link, format!("sqlite:{place}")] {
        let told = open(&name, LEAD).err().expect("one leads already");
        assert!(matches!(told, StoreError::LedByAnother { .. }), "{told}");
    }
}

#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = SqliteFiles::new();
    let place = files.fresh();
    let mut store = lead(&place);
    store.append(&of_everything(1)).expect("there is room");
    for ending in ["", "-wal", "-shm", ".lead"] {
        let mode = fs::metadata(format!("{place}{ending}")).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o077, 0, "{ending}");
    }
}

#[test]
fn what_else_is_in_a_postgres_is_refused() {
    let Some(cluster) = cluster::start(&["fsync=off"]) else { return };
    let newer = cluster.fresh();
    drop(lead(&newer));
    cluster.psql("store1", &format!("UPDATE leasehold.layout SET version = {}", SCHEMA + 1));
    for told in refused(&newer) {
        assert!(
            matches!(told, StoreError::Newer { found, known: SCHEMA, .. } if found == SCHEMA + 1)
        );
    }
    let other = cluster.fresh();
    cluster.psql("store2", "CREATE SCHEMA leasehold; CREATE TABLE leasehold.head (id int)");
    for told in refused(&other) {
        assert!(matches!(told, StoreError::Foreign { .. }), "{told}");
    }
    cluster.psql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    let told = &refused(&cluster.url("latin"))[0];
    assert!(matches!(told, StoreError::Foreign { .. }), "{told}");
    let told = &refused(&cluster.url("absent"))[0];
    assert!(matches!(told, StoreError::Denied { .. }), "{told}");
    cluster.psql("postgres", "CREATE ROLE weak LOGIN");
    let weak = cluster.fresh().replace("leasehold@", "weak@");
    let told = open(&weak, LEAD).err().expect("it may not create a schema");
    assert!(matches!(told, StoreError::Denied { .. }), "{told}");
    let nowhere = open("postgresql://anna:hidden@127.0.0.1:1/leases", LEAD).err();
    let nowhere = nowhere.expect("nobody listens there");
    assert!(matches!(nowhere, StoreError::Unreachable { .. }), "{nowhere}");
    assert!(!format!("{nowhere} {nowhere:?}").contains("hidden"));
}
