//! Fresh stores, and words to write tests in.

use std::cell::Cell;

use leasehold_storage::{Answer, ArchiveRow, Batch, Chunk, NewRecord, OpenMode, Store, open};
use leasehold_units::Instant;
use tempfile::TempDir;

use crate::cluster::Cluster;

pub const LEAD: OpenMode = OpenMode::Lead { wait: false };

/// Where stores of one backend can be made.
pub trait Fixture {
    /// The place of a store that does not exist yet.
    fn fresh(&self) -> String;
}

/// SQLite files in a folder that goes with it.
pub struct SqliteFiles {
    folder: TempDir,
    count: Cell<u32>,
}

impl SqliteFiles {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        Self { folder, count: Cell::new(0) }
    }
}

impl Fixture for SqliteFiles {
    fn fresh(&self) -> String {
        self.count.set(self.count.get() + 1);
        let name = format!("store-{}.db", self.count.get());
        self.folder.path().join(name).display().to_string()
    }
}

impl Fixture for Cluster {
    fn fresh(&self) -> String {
        Self::fresh(self)
    }
}

pub fn lead(place: &str) -> Box<dyn Store> {
    open(place, LEAD).expect("nobody else leads")
}

pub fn reader(place: &str) -> Box<dyn Store> {
    open(place, OpenMode::Read).expect("the store is there")
}

pub fn at(second: i64) -> Instant {
    Instant::from_unix(second)
}

pub fn records(bodies: &[&str]) -> Batch {
    let records = (100..).zip(bodies);
    let records =
        records.map(|(second, body)| NewRecord { at: at(second), body: (*body).to_owned() });
    Batch { records: records.collect(), ..Batch::default() }
}

pub fn answer(principal: &str, command: &str, second: i64) -> Answer {
    Answer {
        principal: principal.into(),
        command: command.into(),
        at: at(second),
        digest: [7; 32],
        status: 201,
        body: format!("{{\"to\":\"{command}\"}}"),
    }
}

pub fn chunk(stream: &str, text: &str) -> Chunk {
    Chunk { stream: stream.into(), text: text.into() }
}

pub fn job(owner: &str, number: u64, body: &str) -> ArchiveRow {
    ArchiveRow { kind: "job".into(), owner: owner.into(), number, body: body.into() }
}

/// A batch that writes to every table.
pub fn of_everything(round: u64) -> Batch {
    Batch {
        answers: vec![answer("anna", &format!("c-{round}"), 100 + round as i64)],
        chunks: vec![chunk("evidence/L-1", &format!("line {round}\n"))],
        archive: vec![job("T-1", round, &format!("{{\"round\":{round}}}"))],
        ..records(&[&format!("{{\"first\":{round}}}"), "{\"second\":\"Grüße, 世界\"}"])
    }
}
