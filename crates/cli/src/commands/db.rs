//! `db`: databases, while no server is asked.

use std::path::{Path, PathBuf};

use leasehold_server::engine::{self, LoadError};
use leasehold_storage::{Counts, OpenMode, StoreError, open};
use serde::Serialize;

use crate::arguments::{Common, Db, DbPlace};
use crate::failure::Failure;
use crate::output::{self, Printable, grouped};

/// The database in a data directory.
const FILE: &str = "leasehold.db";

/// What was checked or copied.
#[derive(Debug, Serialize)]
struct Report {
    done: &'static str,
    place: String,
    records: u64,
    answers: u64,
    chunks: u64,
    archive: u64,
    head: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_at: Option<u64>,
}

impl Printable for Report {
    fn table(&self) -> String {
        let rest = [
            ("records", self.records),
            ("answers", self.answers),
            ("chunks", self.chunks),
            ("archive rows", self.archive),
        ];
        let rest: Vec<String> =
            rest.iter().map(|(what, count)| format!("{} {what}", grouped(count))).collect();
        let mut text =
            format!("{}: {}, {}\nhead {}\n", self.place, self.done, rest.join(", "), self.head);
        if let Some(documents) = self.documents {
            text.push_str(&format!(
                "every invariant holds, and the books with {} documents\n",
                grouped(documents)
            ));
        }
        if let Some(seq) = self.snapshot_at {
            text.push_str(&format!("the snapshot at {} is what its log comes to\n", grouped(seq)));
        }
        text
    }

    fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record(["place", "records", "answers", "chunks", "archive", "head"])
            .expect("in memory");
        let counts =
            [self.records, self.answers, self.chunks, self.archive].map(|count| count.to_string());
        let [records, answers, chunks, archive] = counts;
        writer
            .write_record([&self.place, &records, &answers, &chunks, &archive, &self.head])
            .expect("in memory");
        String::from_utf8(writer.into_inner().expect("in memory")).expect("made of text")
    }
}

/// Does what was asked of a database.
pub fn run(asked: &Db, common: &Common) -> Result<(), Failure> {
    let report = match asked {
        Db::Verify(asked) => verify(asked, common)?,
        Db::Backup(asked) => {
            let from = existing(&asked.place)?;
            let counts = leasehold_storage::backup(&from, &asked.to, &mut |_| {}).map_err(store)?;
            report("backed up and checked", asked.to.display().to_string(), &counts)
        }
        Db::Restore(asked) => {
            crate::files::must_be_file(&asked.from)?;
            let to = target(&asked.place)?;
            let counts =
                leasehold_storage::restore(&asked.from, &to, &mut |_| {}).map_err(store)?;
            report("restored and checked", to, &counts)
        }
        Db::Copy(asked) => {
            let (from, to) = (existing(&asked.from)?, target(&asked.to)?);
            let mut from = open(&from, OpenMode::Read).map_err(store)?;
            let mut into = open(&to, OpenMode::Lead { wait: false }).map_err(store)?;
            let counts = leasehold_storage::copy(from.as_mut(), into.as_mut(), &mut |_| {})
                .map_err(store)?;
            report("copied and checked", to, &counts)
        }
    };
    output::print(&report, common)
}

/// Checks the chain, folds the whole log without the snapshot, goes over the books, and compares.
fn verify(asked: &DbPlace, common: &Common) -> Result<Report, Failure> {
    let place = existing(&asked.place)?;
    let mut opened = open(&place, OpenMode::Read).map_err(store)?;
    let counts = leasehold_storage::verify_chain(opened.as_mut(), &mut |_| {}).map_err(store)?;
    let mut report = report("every hash follows from the one before", place, &counts);
    if counts.records == 0 {
        output::narrate(common, "the database is empty");
        return Ok(report);
    }
    let checked = engine::verify(opened.as_mut()).map_err(|error| load(&error))?;
    report.documents = Some(checked.documents);
    report.snapshot_at = checked.snapshot_at;
    Ok(report)
}

fn report(done: &'static str, place: String, counts: &Counts) -> Report {
    let head: String = counts.head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let Counts { records, answers, chunks, archive, .. } = *counts;
    Report {
        done,
        place: shown(&place),
        records,
        answers,
        chunks,
        archive,
        head,
        documents: None,
        snapshot_at: None,
    }
}

/// A place without a password that may be in it.
fn shown(place: &str) -> String {
    match place.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)))
    {
        Some((scheme, (_, host))) => format!("{scheme}://{host}"),
        None => place.to_owned(),
    }
}

/// A database that is there: a data directory stands for the one in it.
fn existing(place: &str) -> Result<String, Failure> {
    let named = inside(place);
    if !place.contains("://") && !Path::new(named.trim_start_matches("sqlite:")).exists() {
        let message = format!("there is no database {named}");
        return Err(Failure::impossible(message)
            .with_hint("name a file, the data directory of a server, or postgres://…"));
    }
    Ok(named)
}

/// A database to be filled. The folder that it goes into is made, for its owner alone.
fn target(place: &str) -> Result<String, Failure> {
    if place.contains("://") {
        return Ok(place.to_owned());
    }
    let looks_like_file = Path::new(place).extension().is_some() || place.starts_with("sqlite:");
    if looks_like_file || Path::new(place).is_file() {
        return Ok(place.to_owned());
    }
    super::serve::make_private(Path::new(place))?;
    Ok(inside(place))
}

fn inside(place: &str) -> String {
    let path = PathBuf::from(place);
    if path.is_dir() { path.join(FILE).display().to_string() } else { place.to_owned() }
}

fn store(error: StoreError) -> Failure {
    load(&LoadError::Store(error))
}

fn load(error: &LoadError) -> Failure {
    Failure::impossible(error.to_string())
}
