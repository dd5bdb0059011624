//! How many durable appends a second the stores take, alone and for 64 clients at once.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant as Clock};

use leasehold_storage::{Answer, Batch, NewRecord, OpenMode, Store, cluster, open};
use leasehold_units::Instant;

use super::Figure;

const CLIENTS: usize = 64;
/// How long each figure is measured.
const WHILE: Duration = Duration::from_secs(3);
/// A record's body, of a usual length.
const BODY_BYTES: usize = 300;

/// Hands each figure to `report` as soon as it is measured.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let folder = Folder::new();
    measure("sqlite", &mut |name| folder.0.join(name).display().to_string(), report);
    let file = folder.0.join("records");
    report(Figure::new("storage_sqlite_record", bytes_a_record(&file), "bytes"));
    // With syncing, as one that is set up by its makers' defaults.
    if let Some(cluster) = cluster::start(&[]) {
        measure("postgres", &mut |_| cluster.fresh(), report);
    }
}

fn measure(backend: &str, fresh: &mut dyn FnMut(&str) -> String, report: &mut dyn FnMut(Figure)) {
    for size in [1, 16, 64] {
        let mut store = lead(&fresh(&format!("batches-{size}")));
        let rate = batches(&mut *store, size);
        report(Figure::new(format!("storage_{backend}_batches_of_{size}"), rate, "batches/s"));
        let records = rate * size as f64;
        report(Figure::new(format!("storage_{backend}_records_by_{size}"), records, "records/s"));
    }
    let mut waits = group_commit(lead(&fresh("clients")));
    waits.sort_unstable();
    let rate = waits.len() as f64 / WHILE.as_secs_f64();
    report(Figure::new(format!("storage_{backend}_{CLIENTS}_clients"), rate, "commands/s"));
    let p99 = waits[waits.len() * 99 / 100].as_secs_f64() * 1e3;
    report(Figure::new(format!("storage_{backend}_{CLIENTS}_clients_p99"), p99, "ms"));
}

fn lead(place: &str) -> Box<dyn Store> {
    open(place, OpenMode::Lead { wait: false }).expect("the store is new")
}

fn record() -> NewRecord {
    NewRecord { at: Instant::from_unix(0), body: "x".repeat(BODY_BYTES) }
}

/// Batches a second.
fn batches(store: &mut dyn Store, size: usize) -> f64 {
    let batch = Batch { records: vec![record(); size], ..Batch::default() };
    let (clock, mut count) = (Clock::now(), 0_u32);
    while clock.elapsed() < WHILE {
        store.append(&batch).expect("there is room");
        count += 1;
    }
    f64::from(count) / clock.elapsed().as_secs_f64()
}

/// Clients that send a command each and wait until it is durable, again and again; one loop that
/// writes what has come meanwhile. Hands back how long each command waited.
fn group_commit(mut store: Box<dyn Store>) -> Vec<Duration> {
    let (send, receive) = mpsc::channel::<(String, mpsc::Sender<()>)>();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let send = send.clone();
            std::thread::spawn(move || one_client(client, &send))
        })
        .collect();
    drop(send);
    while let Ok(first) = receive.recv() {
        let commands: Vec<_> = [first].into_iter().chain(receive.try_iter()).collect();
        let answers = commands.iter().map(|(command, _)| answer(command));
        let records = vec![record(); commands.len()];
        let batch = Batch { records, answers: answers.collect(), ..Batch::default() };
        store.append(&batch).expect("there is room");
        for (_, done) in commands {
            // A client that has stopped waits no more.
            let _ = done.send(());
        }
    }
    clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
}

fn one_client(client: usize, send: &mpsc::Sender<(String, mpsc::Sender<()>)>) -> Vec<Duration> {
    let (done, wait) = mpsc::channel();
    let (clock, mut waits) = (Clock::now(), Vec::new());
    while clock.elapsed() < WHILE {
        let asked = Clock::now();
        let command = format!("{client}-{}", waits.len());
        send.send((command, done.clone())).expect("the loop runs as long as there are clients");
        wait.recv().expect("we hold the other end");
        waits.push(asked.elapsed());
    }
    waits
}

fn answer(command: &str) -> Answer {
    Answer {
        principal: "client".into(),
        command: command.into(),
        at: Instant::from_unix(0),
        digest: [0; 32],
        status: 201,
        body: "{}".into(),
    }
}

fn bytes_a_record(file: &Path) -> f64 {
    const COUNT: usize = 100_000;
    let mut store = lead(&file.display().to_string());
    for _ in 0..COUNT / 1_000 {
        let batch = Batch { records: vec![record(); 1_000], ..Batch::default() };
        store.append(&batch).expect("there is room");
    }
    drop(store);
    let bytes = std::fs::metadata(file).expect("it was written").len();
    bytes as f64 / COUNT as f64
}

/// A folder beside the build, on the disk that the build is on; it goes at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let path = target.join(format!("bench-storage-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the build folder can be written");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left there is only large, not wrong.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
