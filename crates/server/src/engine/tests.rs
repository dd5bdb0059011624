//! What the loop promises when clocks step and stores refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Monotonic};

use leasehold_diagnostics::Source;
use leasehold_fixtures::site_file;
use leasehold_storage::{
    Answer, ArchiveRow, Batch, Chunk, Head, Import, OpenMode, Record, Snapshot, Store, StoreError,
};
use leasehold_units::Instant;

use super::{Engine, Handle, Stopped, fold_all, load};
use crate::clock::Clock;
use crate::command::{By, Command, Reply};
use crate::log::Fact;
use crate::plant::NoPlant;
use crate::testing::TempDir;

const START: i64 = 1_782_000_000;
const DAY: i64 = 24 * 3600;

/// A store that refuses writes while it is told to.
struct Refusing {
    store: Box<dyn Store>,
    refuses: Arc<AtomicBool>,
}

macro_rules! pass_on {
    ($(fn $name:ident(&mut self $(, $argument:ident: $kind:ty)*) -> $result:ty;)*) => {
        $(fn $name(&mut self $(, $argument: $kind)*) -> Result<$result, StoreError> {
            self.store.$name($($argument),*)
        })*
    };
}

impl Store for Refusing {
    fn place(&self) -> &str {
        self.store.place()
    }

    fn head(&self) -> &Head {
        self.store.head()
    }

    fn append(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StoreError::Full { place: "the disk".into() });
        }
        self.store.append(batch)
    }

    pass_on! {
        fn refresh(&mut self) -> Head;
        fn read(&mut self, from: u64, limit: u32) -> Vec<Record>;
        fn answer(&mut self, principal: &str, command: &str) -> Option<Answer>;
        fn answers_to(&mut self, commands: &[(&str, &str)]) -> Vec<Answer>;
        fn text(&mut self, stream: &str) -> Option<String>;
        fn streams(&mut self, prefix: &str) -> Vec<String>;
        fn archived(&mut self, kind: &str, owner: &str, before: Option<u64>, limit: u32) -> Vec<ArchiveRow>;
        fn archived_one(&mut self, kind: &str, owner: &str, number: u64) -> Option<ArchiveRow>;
        fn put_snapshot(&mut self, snapshot: &Snapshot) -> ();
        fn latest_snapshot(&mut self) -> Option<Snapshot>;
        fn prune_answers(&mut self, before: Instant) -> u64;
        fn freeze(&mut self) -> Head;
        fn thaw(&mut self) -> ();
        fn answers(&mut self, after: Option<(&str, &str)>, limit: u32) -> Vec<Answer>;
        fn chunks(&mut self, after: u64, limit: u32) -> Vec<(u64, Chunk)>;
        fn archive(&mut self, after: Option<(&str, &str, u64)>, limit: u32) -> Vec<ArchiveRow>;
        fn check_pages(&mut self) -> ();
        fn begin_import(&mut self) -> ();
        fn import(&mut self, part: &Import) -> Head;
        fn finish_import(&mut self, epoch: u64) -> Head;
    }
}

/// A loop on a clock that the test sets.
struct Live {
    folder: TempDir,
    time: Arc<AtomicI64>,
    refuses: Arc<AtomicBool>,
    handle: Handle,
    thread: JoinHandle<Result<(), Stopped>>,
    asked: u32,
}

impl Live {
    fn new() -> Self {
        let folder = TempDir::new();
        let (time, refuses) = (Arc::new(AtomicI64::new(START)), Arc::new(AtomicBool::new(false)));
        let place = folder.path().join("log.db").display().to_string();
        let store = leasehold_storage::open(&place, OpenMode::Lead { wait: false });
        let store = store.expect("nobody else leads");
        let store = Box::new(Refusing { store, refuses: Arc::clone(&refuses) });
        let site = Source::new("site.toml", site_file(1, 2, 2));
        let loaded = load(store, Some(&site), Instant::from_unix(START)).expect("it is empty");
        let clock = Clock::Held(Arc::clone(&time));
        let (engine, handle) = Engine::new(loaded, Box::new(NoPlant), clock);
        let thread = std::thread::spawn(move || engine.run());
        Self { folder, time, refuses, handle, thread, asked: 0 }
    }

    fn ask(&self, key: &str, party: &str, dry_run: bool) -> Reply {
        let by = By { id: "us".into(), name: "us".into() };
        let command = Command::Note(vec![Fact::PartyAdded { party: party.into() }]);
        let digest = [u8::try_from(party.len()).expect("names are short"); 32];
        wait(self.handle.ask(by, Some(key.into()), digest, dry_run, command))
            .expect("the loop runs")
    }

    /// Writes something down under a new key.
    fn note(&mut self, party: &str) {
        self.asked += 1;
        let key = format!("note-{}", self.asked);
        self.ask(&key, party, false).expect("it is written down");
    }

    fn knows(&self, party: &str) -> bool {
        wait(self.handle.core()).registry().party(party).is_some()
    }

    /// Stops it; the instants of all that was written down.
    fn stop(self) -> Vec<i64> {
        self.handle.stop();
        self.thread.join().expect("the loop does not panic").expect("nothing is wrong");
        let place = self.folder.path().join("log.db").display().to_string();
        let mut store = leasehold_storage::open(&place, OpenMode::Read).expect("it is there");
        fold_all(store.as_mut()).expect("the log can be folded");
        let records = store.read(1, 1_000).expect("reading works");
        records.iter().map(|record| record.at.unix()).collect()
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("the system gives a runtime").block_on(future)
}

#[test]
fn time_stands_still_while_the_clock_is_behind() {
    let mut live = Live::new();
    live.note("a");
    live.time.store(START + DAY, Ordering::SeqCst);
    live.note("b");
    live.time.store(START - DAY, Ordering::SeqCst);
    live.note("c");
    live.time.store(START + 400 * DAY, Ordering::SeqCst);
    live.note("d");
    let at = live.stop();
    assert!(at.is_sorted(), "{at:?}");
    assert_eq!(at.last(), Some(&(START + 400 * DAY)));
}

#[test]
fn what_the_store_refuses_is_undone_and_can_be_asked_again() {
    let live = Live::new();
    live.ask("first", "a", false).expect("the store takes it");
    live.refuses.store(true, Ordering::SeqCst);
    let refused = live.ask("second", "bb", false).expect_err("the store refuses");
    assert_eq!((refused.status, &*refused.code), (503, "not-stored"));
    assert!(live.knows("a") && !live.knows("bb"), "reads see what is durable");
    live.refuses.store(false, Ordering::SeqCst);
    let until = Monotonic::now() + Duration::from_secs(30);
    while live.ask("second", "bb", false).is_err() {
        assert!(Monotonic::now() < until, "the store takes writes again and the loop does not");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(live.knows("bb"));
    assert!(live.ask("first", "a", false).expect("it was done").again);
    live.stop();
}

#[test]
fn a_dry_run_takes_no_key() {
    let live = Live::new();
    live.ask("key", "a", true).expect("it would be written down");
    assert!(!live.knows("a"));
    let done = live.ask("key", "a", false).expect("it is written down");
    assert!(!done.again && live.knows("a"));
    assert!(live.ask("key", "a", false).expect("it was done").again);
    assert_eq!(
        live.ask("key", "bb", false).expect_err("another command").code,
        "command-id-is-new"
    );
    live.stop();
}
