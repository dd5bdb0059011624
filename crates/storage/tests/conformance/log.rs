//! The log: numbers, hashes, durability.

use leasehold_storage::{Batch, Head, NO_HASH, Snapshot, StoreError, hash, seal};

use crate::Promise;
use crate::fixture::{Fixture, at, lead, of_everything, reader, records};

pub const PROMISES: &[Promise] = &[
    ("an empty log ends at nothing", empty),
    ("records are numbered and chained", chained),
    ("reading gives pages", pages),
    ("what was written is there after opening again", reopened),
    ("a batch without records leaves the end where it is", no_records),
    ("large and many records", large),
    ("what cannot be kept is refused whole", unfit),
    ("the last two snapshots are kept", snapshots),
    ("a snapshot of another log is refused", other_log),
    ("a large snapshot comes back whole", large_snapshot),
];

fn empty(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    assert_eq!(*store.head(), Head { seq: 0, hash: NO_HASH, epoch: 1 });
    assert_eq!(store.read(0, 10).expect("an empty log is read"), []);
    assert_eq!(store.read(1, 10).expect("an empty log is read"), []);
    assert_eq!(store.latest_snapshot().expect("there is none"), None);
}

fn chained(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let batch = records(&["{\"a\":1}", "{}"]);
    let first = store.append(&batch).expect("there is room");
    let second = store.append(&batch).expect("there is room");
    assert_eq!((first.seq, second.seq), (2, 4));
    let found = store.read(1, 10).expect("all are there");
    let mut expected = seal(&NO_HASH, 0, 1, &batch.records);
    expected.extend(seal(&first.hash, 2, 1, &batch.records));
    assert_eq!(found, expected);
    assert_eq!(found[0].hash, hash(&NO_HASH, 1, at(100), 1, "{\"a\":1}"));
    assert_eq!(second.hash, found[3].hash);
    assert_eq!(*store.head(), second);
}

fn pages(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    store.append(&records(&["1", "2", "3", "4", "5"])).expect("there is room");
    let mut bodies = |from, limit| {
        let found = store.read(from, limit).expect("reading works");
        found.into_iter().map(|record| record.body).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(bodies(0, 2), "1 2");
    assert_eq!(bodies(3, 2), "3 4");
    assert_eq!(bodies(5, 2), "5");
    assert_eq!(bodies(6, 2), "");
    assert_eq!(bodies(1, 0), "");
}

fn reopened(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut store = lead(&place);
    let left = store.append(&of_everything(1)).expect("there is room");
    let written = store.read(1, 10).expect("reading works");
    drop(store);
    let mut reader = reader(&place);
    assert_eq!(*reader.head(), left);
    assert_eq!(reader.read(1, 10).expect("reading works"), written);
    drop(reader);
    let mut store = lead(&place);
    assert_eq!(*store.head(), Head { epoch: 2, ..left });
    let head = store.append(&records(&["{}"])).expect("there is room");
    let last = store.read(3, 1).expect("reading works").remove(0);
    assert_eq!((last.seq, last.epoch, last.hash), (3, 2, head.hash));
}

fn no_records(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let before = store.append(&records(&["{}"])).expect("there is room");
    let batch = Batch { records: Vec::new(), ..of_everything(1) };
    assert_eq!(store.append(&batch).expect("there is room"), before);
    assert_eq!(store.append(&Batch::default()).expect("nothing is written"), before);
    assert!(store.answer("anna", "c-1").expect("reading works").is_some());
}

fn large(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let long = "x".repeat(3 << 20);
    let mut bodies = vec!["{}"; 5_000];
    bodies.push(&long);
    let head = store.append(&records(&bodies)).expect("there is room");
    assert_eq!(head.seq, 5_001);
    assert_eq!(store.read(5_001, 1).expect("reading works")[0].body, long);
}

fn unfit(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let before = store.append(&records(&["{}"])).expect("there is room");
    let refused = store.append(&records(&["{}", "a\0b"])).expect_err("U+0000 is not kept");
    assert!(matches!(refused, StoreError::Unfit { .. }), "{refused}");
    assert_eq!(*store.head(), before);
    assert_eq!(store.refresh().expect("still leads"), before);
}

fn snapshot(store: &mut dyn leasehold_storage::Store, text: &str) -> Snapshot {
    let head = *store.head();
    let snapshot =
        Snapshot { seq: head.seq, hash: head.hash, format: "test/1".into(), body: text.into() };
    store.put_snapshot(&snapshot).expect("it is of this log");
    snapshot
}

fn snapshots(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut store = lead(&place);
    let mut last = snapshot(&mut *store, "at nothing");
    for round in 0..4 {
        assert_eq!(store.latest_snapshot().expect("reading works"), Some(last));
        store.append(&of_everything(round)).expect("there is room");
        last = snapshot(&mut *store, &format!("round {round}"));
    }
    // Taken again at the same record, the later one counts.
    last = snapshot(&mut *store, "");
    drop(store);
    assert_eq!(reader(&place).latest_snapshot().expect("reading works"), Some(last));
}

fn other_log(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let head = store.append(&records(&["{}"])).expect("there is room");
    for (seq, hash) in [(1, [9; 32]), (2, head.hash), (0, head.hash)] {
        let snapshot = Snapshot { seq, hash, format: "test/1".into(), body: vec![1] };
        let refused = store.put_snapshot(&snapshot).expect_err("it is of another log");
        assert!(matches!(refused, StoreError::OtherLog { .. }), "{refused}");
    }
    assert_eq!(store.latest_snapshot().expect("reading works"), None);
}

fn large_snapshot(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let body: Vec<u8> = (0..20_000_003_u32).map(|byte| (byte % 251) as u8).collect();
    let snapshot = Snapshot { seq: 0, hash: NO_HASH, format: "test/1".into(), body };
    store.put_snapshot(&snapshot).expect("there is room");
    let found = store.latest_snapshot().expect("reading works").expect("it is kept");
    assert!(found == snapshot, "{} bytes came back otherwise", found.body.len());
}
