//! Pages that are not what was written are found, and never read as something else.

use std::fs;

use leasehold_storage::{OpenMode, Record, StoreError, open, verify_chain};

use super::kills::Writer;
use super::{Chance, rounds};
use crate::fixture::{Fixture as _, SqliteFiles, lead, of_everything, reader};

/// A sound store as one file, and what it says.
fn sound(files: &SqliteFiles) -> (Vec<u8>, Vec<Record>) {
    let place = files.fresh();
    let mut store = lead(&place);
    for round in 0..60 {
        store.append(&of_everything(round)).expect("there is room");
    }
    let records = store.read(1, 1_000).expect("reading works");
    drop(store);
    (fs::read(&place).expect("it is there"), records)
}

/// Opens and verifies what is at `place`: all that it says, or an error.
fn told(place: &str) -> Result<Vec<String>, StoreError> {
    let mut store = open(place, OpenMode::Read)?;
    verify_chain(&mut *store, &mut |_| ())?;
    let records = store.read(1, 100_000)?;
    let answers = store.answers(None, 100_000)?;
    let mut all: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    all.extend(answers.iter().map(|answer| format!("{answer:?}")));
    all.extend(store.streams("")?);
    all.extend(store.text("evidence/L-1")?);
    all.extend(store.archive(None, 100_000)?.iter().map(|row| format!("{row:?}")));
    Ok(all)
}

#[test]
fn a_bit_that_is_flipped_is_found_or_changes_nothing() {
    let mut chance = Chance::new();
    let files = SqliteFiles::new();
    let (bytes, _) = sound(&files);
    let place = files.fresh();
    fs::write(&place, &bytes).expect("there is room");
    let expected = told(&place).expect("it is sound");
    let mut found = 0;
    for _ in 0..rounds() * 10 {
        let mut bytes = bytes.clone();
        let at = usize::try_from(chance.below(bytes.len() as u64)).expect("it fits");
        bytes[at] ^= 1 << chance.below(8);
        fs::write(&place, &bytes).expect("there is room");
        match told(&place) {
            Ok(said) => assert_eq!(said, expected, "byte {at}"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 0, "no flipped bit was found at all");
}

#[test]
fn a_file_that_is_cut_off_is_found() {
    let mut chance = Chance::new();
    let files = SqliteFiles::new();
    let (bytes, _) = sound(&files);
    for _ in 0..rounds() {
        let place = files.fresh();
        let length = usize::try_from(chance.below(bytes.len() as u64)).expect("it fits");
        fs::write(&place, &bytes[..length]).expect("there is room");
        let told = told(&place).expect_err("the end is missing");
        let is_named = matches!(
            told,
            StoreError::Damaged { .. } | StoreError::Foreign { .. } | StoreError::Missing { .. }
        );
        assert!(is_named, "{length} of {} bytes: {told}", bytes.len());
    }
}

#[test]
fn a_record_that_was_changed_with_care_is_found() {
    let files = SqliteFiles::new();
    let changes = [
        "UPDATE record SET body = '{\"first\":2}' WHERE seq = 1",
        "UPDATE record SET at = at + 1 WHERE seq = 2",
        "UPDATE record SET epoch = 2 WHERE seq = 2",
        "DELETE FROM record WHERE seq = 1",
        "DELETE FROM record WHERE seq = 2",
        "UPDATE head SET seq = 1",
        "UPDATE answer SET status = 500",
        "UPDATE chunk SET text = 'another'",
        "UPDATE archive SET owner = 'T-2'",
    ];
    for change in changes {
        let place = files.fresh();
        lead(&place).append(&of_everything(1)).expect("there is room");
        let connection = rusqlite::Connection::open(&place).expect("it is SQLite");
        connection.execute_batch(change).expect("the table is there");
        let found = told(&place).expect_err(change);
        assert!(matches!(found, StoreError::Damaged { .. }), "{change}: {found}");
    }
}

#[test]
fn a_copy_taken_while_a_writer_writes_is_a_prefix_or_is_found() {
    let mut chance = Chance::new();
    let files = SqliteFiles::new();
    let place = files.fresh();
    let mut writer = Writer::start(&place, 0);
    writer.hear_of(100);
    let mut copies = Vec::new();
    for round in 0..rounds() {
        writer.hear_of(1 + chance.below(60));
        let copy = files.fresh();
        fs::copy(&place, &copy).expect("there is room");
        if round % 2 == 0 {
            // With the log of the writer, taken a moment later.
            fs::copy(format!("{place}-wal"), format!("{copy}-wal")).expect("it is there");
        }
        copies.push(copy);
    }
    writer.kill();
    let whole = reader(&place).read(1, 1_000_000).expect("reading works");
    for copy in copies {
        let Ok(said) = told(&copy) else { continue };
        let records = reader(&copy).read(1, 1_000_000).expect("it was verified");
        assert!(!said.is_empty() || records.is_empty());
        assert_eq!(records, whole[..records.len()], "{copy}");
    }
}
