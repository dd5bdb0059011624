//! Kill -9 at random instants: what was acknowledged is there once, and the chain is good.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use leasehold_storage::{OpenMode, open, verify_chain};

use super::{Chance, rounds};
use crate::cluster::{self, Cluster};
use crate::fixture::{Fixture as _, SqliteFiles, reader};

/// A writer in a process of its own.
pub struct Writer {
    child: Child,
    said: BufReader<ChildStdout>,
    /// The commands that it was told are durable.
    acknowledged: Vec<String>,
    /// Where the log ended with the last of them.
    seq: u64,
    round: u32,
}

impl Writer {
    pub fn start(place: &str, round: u32) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold-storage-writer"));
        command.args([place, &round.to_string()]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the writer was built with the tests");
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, said, acknowledged: Vec::new(), seq: 0, round }
    }

    /// Hears one line; whether there was one and the writer still writes.
    fn hear(&mut self) -> bool {
        let mut line = String::new();
        let read = self.said.read_line(&mut line).expect("the pipe is there");
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["wrote", name, seq] => {
                self.acknowledged.push((*name).to_owned());
                self.seq = seq.parse().expect("the writer says numbers");
            }
            ["leads", _] => {}
            _ if read > 0 => panic!("the writer ended: {line}"),
            _ => {}
        }
        read > 0
    }

    /// Waits for so many more acknowledgements.
    pub fn hear_of(&mut self, count: u64) {
        let wanted = self.acknowledged.len() + usize::try_from(count).expect("it is small");
        while self.acknowledged.len() < wanted {
            assert!(self.hear(), "the writer ended by itself");
        }
    }

    /// Waits until it is told of something written behind the record `seq`.
    fn hear_beyond(&mut self, seq: u64) {
        while self.seq <= seq {
            assert!(self.hear(), "the writer ended by itself");
        }
    }

    /// Kills it and hands back what it had said until then.
    pub fn kill(mut self) -> (u32, Vec<String>) {
        self.child.kill().expect("it is our child");
        while self.hear() {}
        self.child.wait().expect("it is our child");
        (self.round, self.acknowledged)
    }
}

/// What a round left: all acknowledged commands once, in order, each whole, at most one more that
/// could not be acknowledged any more.
fn check(place: &str, (round, acknowledged): (u32, Vec<String>)) {
    // The server may see a moment later that its client is gone.
    let store = open(place, OpenMode::Lead { wait: true });
    let mut store = store.expect("nobody else leads");
    verify_chain(&mut *store, &mut |_| ()).expect("the chain is good");
    let names = store.text("names").expect("reading works").unwrap_or_default();
    let own = format!("{round}-");
    let found: Vec<&str> = names.lines().filter(|name| name.starts_with(&own)).collect();
    let expected = (0..found.len()).map(|count| format!("{round}-{count}"));
    assert_eq!(found, expected.collect::<Vec<_>>(), "each once and in order");
    let beyond = found.len() - acknowledged.len();
    assert!(beyond <= 1, "{beyond} commands were written that nobody was told of");
    assert_eq!(found[..acknowledged.len()], acknowledged);
    for name in found {
        assert!(store.answer("writer", name).expect("reading works").is_some(), "{name}");
    }
    check_records(place);
}

/// Every command has its records, once.
fn check_records(place: &str) {
    let mut store = reader(place);
    let mut seen = BTreeSet::new();
    let mut from = 1;
    loop {
        let page = store.read(from, 10_000).expect("reading works");
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        for record in page {
            assert!(seen.insert(record.body.clone()), "{} is there twice", record.body);
        }
    }
    let names = store.text("names").expect("reading works").unwrap_or_default();
    let parts = |name: &str| {
        let count: u64 = name.split('-').nth(1).and_then(|c| c.parse().ok()).expect("our names");
        count % 7 + 1
    };
    assert_eq!(seen.len() as u64, names.lines().map(parts).sum::<u64>());
}

/// A while of up to `micros` that no event ends.
fn a_while(chance: &mut Chance, micros: u64) {
    std::thread::park_timeout(Duration::from_micros(chance.below(micros)));
}

#[test]
fn a_killed_writer_on_sqlite_loses_nothing_acknowledged() {
    let mut chance = Chance::new();
    let files = SqliteFiles::new();
    let place = files.fresh();
    for round in 0..rounds() {
        let mut writer = Writer::start(&place, round);
        writer.hear_of(chance.below(30));
        a_while(&mut chance, 3_000);
        check(&place, writer.kill());
    }
}

fn on_postgres(fault: impl Fn(&mut Cluster, &mut Writer)) {
    let mut chance = Chance::new();
    let Some(mut cluster) = cluster::start(&[]) else { return };
    let place = cluster.fresh();
    for round in 0..rounds() {
        let mut writer = Writer::start(&place, round);
        writer.hear_of(1 + chance.below(20));
        a_while(&mut chance, 3_000);
        fault(&mut cluster, &mut writer);
        check(&place, writer.kill());
    }
}

/// The server is back, and the writer writes on it.
fn goes_on(cluster: &Cluster, writer: &mut Writer) {
    let head = cluster.psql_when_ready("store1", "SELECT seq FROM leasehold.head");
    writer.hear_beyond(head.trim().parse().expect("it is a number"));
}

#[test]
fn a_killed_writer_on_postgres_loses_nothing_acknowledged() {
    on_postgres(|_, _| ());
}

#[test]
fn a_writer_goes_on_when_its_postgres_backend_is_killed() {
    // Killing one makes PostgreSQL end all of them and recover.
    on_postgres(|cluster, writer| {
        cluster.kill_backends("leasehold");
        goes_on(cluster, writer);
    });
}

#[test]
fn a_writer_goes_on_when_its_postgres_is_killed_and_started() {
    on_postgres(|cluster, writer| {
        cluster.kill();
        cluster.run();
        goes_on(cluster, writer);
    });
}
