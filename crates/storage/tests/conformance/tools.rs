//! Verifying, backing up, copying, restoring.

use leasehold_storage::{
    Counts, NewRecord, OpenMode, Snapshot, Store, StoreError, backup, copy, open, restore,
    verify_chain,
};
use tempfile::TempDir;

use crate::Promise;
use crate::fixture::{Fixture, SqliteFiles, at, lead, of_everything, reader, records};

pub const PROMISES: &[Promise] = &[
    ("a sound store is found sound", verified),
    ("a backup is the store at one moment", backed_up),
    ("a copy to and from SQLite is the same", copied),
    ("a copy goes into an empty store only", only_empty),
    ("a copy that breaks off leaves nothing that can be opened", broken_off),
    ("a backup can be restored", restored),
    ("an import must continue the chain", chained),
];

fn fill(store: &mut dyn Store) {
    for round in 0..700 {
        store.append(&of_everything(round)).expect("there is room");
    }
    let head = *store.head();
    let body = vec![3; 100];
    let snapshot = Snapshot { seq: head.seq, hash: head.hash, format: "test/1".into(), body };
    store.put_snapshot(&snapshot).expect("it is of this log");
}

fn counted(counts: &Counts) -> [u64; 4] {
    [counts.records, counts.answers, counts.chunks, counts.archive]
}

/// Everything that a store tells.
fn all(store: &mut dyn Store) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (store.head().seq, store.head().hash),
        store.read(1, 10_000).expect("reading works"),
        store.answers(None, 10_000).expect("reading works"),
        store.text("evidence/L-1").expect("reading works"),
        store.archive(None, 10_000).expect("reading works"),
        store.latest_snapshot().expect("reading works"),
    )
}

fn verified(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut store = lead(&place);
    assert_eq!(counted(&verify_chain(&mut *store, &mut |_| ()).expect("it is sound")), [0; 4]);
    fill(&mut *store);
    let mut last = 0;
    let counts = verify_chain(&mut *reader(&place), &mut |seq| last = seq).expect("it is sound");
    assert_eq!((counted(&counts), last), ([1400, 700, 700, 700], 1400));
    assert_eq!(counts.head, *store.head());
}

fn backed_up(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let file = folder.path().join("backup.db");
    let mut store = lead(&place);
    fill(&mut *store);
    // The leader is still there.
    let counts = backup(&place, &file, &mut |_| ()).expect("there is room");
    assert_eq!(counted(&counts), [1400, 700, 700, 700]);
    let left: Vec<_> = std::fs::read_dir(&folder).expect("it is there").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let before = all(&mut *store);
    store.append(&of_everything(9_000)).expect("it still leads");
    assert_eq!(all(&mut *reader(&file.display().to_string())), before);
    let again = backup(&place, &file, &mut |_| ()).expect_err("a backup is not overwritten");
    assert!(matches!(again, StoreError::NotEmpty { .. }), "{again}");
}

fn copied(fixture: &dyn Fixture) {
    let files = SqliteFiles::new();
    let (first, second, third) = (fixture.fresh(), files.fresh(), fixture.fresh());
    fill(&mut *lead(&first));
    for (from, to) in [(&first, &second), (&second, &third)] {
        let counts = copy(&mut *reader(from), &mut *lead(to), &mut |_| ()).expect("there is room");
        assert_eq!(counted(&counts), [1400, 700, 700, 700]);
        assert_eq!(all(&mut *reader(to)), all(&mut *reader(from)));
    }
    let mut store = lead(&third);
    store.append(&records(&["{}"])).expect("the copy goes on");
    let last = store.read(1401, 1).expect("reading works").remove(0);
    assert!(last.epoch > reader(&first).head().epoch, "no epoch is used twice");
    verify_chain(&mut *store, &mut |_| ()).expect("it is sound");
}

fn only_empty(fixture: &dyn Fixture) {
    let (first, second) = (fixture.fresh(), fixture.fresh());
    let mut store = lead(&second);
    let before = store.append(&of_everything(1)).expect("there is room");
    drop(lead(&first));
    let refused =
        copy(&mut *reader(&first), &mut *store, &mut |_| ()).expect_err("it is not empty");
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    drop(store);
    assert_eq!(reader(&second).head().seq, before.seq);
}

fn broken_off(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut store = lead(&place);
    store.begin_import().expect("it is empty");
    drop(store);
    for mode in [OpenMode::Read, OpenMode::Lead { wait: false }] {
        let refused = open(&place, mode).err().expect("it is unfinished");
        assert!(matches!(refused, StoreError::Unfinished { .. }), "{refused}");
    }
}

fn restored(fixture: &dyn Fixture) {
    let (first, second) = (fixture.fresh(), fixture.fresh());
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let file = folder.path().join("backup.db");
    fill(&mut *lead(&first));
    backup(&first, &file, &mut |_| ()).expect("there is room");
    let counts = restore(&file, &second, &mut |_| ()).expect("there is room");
    assert_eq!(counted(&counts), [1400, 700, 700, 700]);
    assert_eq!(all(&mut *reader(&second)), all(&mut *reader(&first)));
}

fn chained(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    store.begin_import().expect("it is empty");
    let new = NewRecord { at: at(1), body: "{}".into() };
    let mut sealed = leasehold_storage::seal(&leasehold_storage::NO_HASH, 0, 1, &[new]);
    sealed[0].body = "[]".into();
    let part = leasehold_storage::Import { records: sealed, ..Default::default() };
    let refused = store.import(&part).expect_err("the hash is another one's");
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert_eq!(store.head().seq, 0);
}
