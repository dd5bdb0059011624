//! Verifying, backing up, copying and restoring whole stores.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::chain::{self, NO_HASH};
use crate::{Head, Import, OpenMode, Sqlite, Store, StoreError, open};

/// How many rows are read at once.
const PAGE: u32 = 1_000;

/// What was found or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Where the log ends.
    pub head: Head,
    /// Records, from 1 to the head without a gap.
    pub records: u64,
    /// Answers to commands.
    pub answers: u64,
    /// Chunks of all streams.
    pub chunks: u64,
    /// Archive rows.
    pub archive: u64,
}

/// Verifies every number and hash from the first record to the head, and the sum of every row beside
/// the log. `progress` hears the number of the last record verified, now and then. A writer may go on
/// meanwhile: what is verified is the store at one moment.
///
/// # Errors
///
/// [`StoreError::Damaged`] at the first fault; those of reading.
pub fn verify_chain(
    store: &mut dyn Store,
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, StoreError> {
    let head = store.freeze()?;
    let verified = verify_frozen(store, head, progress);
    let thawed = store.thaw();
    let counts = verified?;
    thawed?;
    Ok(counts)
}

fn verify_frozen(
    store: &mut dyn Store,
    head: Head,
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, StoreError> {
    store.check_pages()?;
    let end = walk(store, &mut |part| {
        if let Some(last) = part.records.last() {
            progress(last.seq);
        }
        Ok(())
    })?;
    ends_at(store.place(), end, head)
}

fn ends_at(place: &str, counts: Counts, head: Head) -> Result<Counts, StoreError> {
    if (counts.head.seq, counts.head.hash) == (head.seq, head.hash) {
        return Ok(Counts { head, ..counts });
    }
    let what = format!("the records end at {}, the head at {}", counts.head.seq, head.seq);
    Err(StoreError::damaged(place, what))
}

/// Reads everything in pages, verifies it, and hands each page over.
fn walk(
    store: &mut dyn Store,
    take: &mut dyn FnMut(Import) -> Result<(), StoreError>,
) -> Result<Counts, StoreError> {
    let mut counts =
        Counts { head: Head { hash: NO_HASH, ..Head::default() }, ..Counts::default() };
    loop {
        let records = store.read(counts.head.seq + 1, PAGE)?;
        let Some(last) = records.last() else { break };
        let (seq, place) = (last.seq, store.place().to_owned());
        counts.head.hash = chain::follow(&place, counts.head.seq, counts.head.hash, &records)?;
        counts.head.seq = seq;
        counts.records += records.len() as u64;
        take(Import { records, ..Import::default() })?;
    }
    let mut after: Option<(String, String)> = None;
    loop {
        let from = after.as_ref().map(|(principal, command)| (&**principal, &**command));
        let answers = store.answers(from, PAGE)?;
        let Some(last) = answers.last() else { break };
        after = Some((last.principal.clone(), last.command.clone()));
        counts.answers += answers.len() as u64;
        take(Import { answers, ..Import::default() })?;
    }
    let mut number = 0;
    loop {
        let chunks = store.chunks(number, PAGE)?;
        let Some(last) = chunks.last() else { break };
        number = last.0;
        counts.chunks += chunks.len() as u64;
        let chunks = chunks.into_iter().map(|(_, chunk)| chunk).collect();
        take(Import { chunks, ..Import::default() })?;
    }
    let mut after: Option<(String, String, u64)> = None;
    loop {
        let from = after.as_ref().map(|(kind, owner, number)| (&**kind, &**owner, *number));
        let archive = store.archive(from, PAGE)?;
        let Some(last) = archive.last() else { break };
        after = Some((last.kind.clone(), last.owner.clone(), last.number));
        counts.archive += archive.len() as u64;
        take(Import { archive, ..Import::default() })?;
    }
    Ok(counts)
}

/// Copies everything that `from` holds at this moment, and its newest snapshot, into the empty store
/// `to`, and verifies it on the way. Until it is done, nobody can open `to`.
///
/// # Errors
///
/// [`StoreError::NotEmpty`]; [`StoreError::Damaged`] where `from` is; those of reading and writing.
pub fn copy(
    from: &mut dyn Store,
    to: &mut dyn Store,
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, StoreError> {
    let head = from.freeze()?;
    let copied = copy_frozen(from, to, head, progress);
    let thawed = from.thaw();
    let counts = copied?;
    thawed?;
    Ok(counts)
}

fn copy_frozen(
    from: &mut dyn Store,
    to: &mut dyn Store,
    head: Head,
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, StoreError> {
    to.begin_import()?;
    let counts = walk(from, &mut |part| {
        let last = part.records.last().map(|last| last.seq);
        to.import(&part)?;
        last.into_iter().for_each(&mut *progress);
        Ok(())
    })?;
    let counts = ends_at(from.place(), counts, head)?;
    if let Some(snapshot) = from.latest_snapshot()? {
        to.put_snapshot(&snapshot)?;
    }
    let copied = to.finish_import(head.epoch)?;
    ends_at(to.place(), counts, copied)
}

/// Copies the store at `from` to a new SQLite file at `to`, as it is at one moment while its leader
/// goes on, and verifies the copy. The file is there under its name only when it is whole.
///
/// # Errors
///
/// [`StoreError::NotEmpty`] if there is a file at `to`; those of reading, writing and verifying.
pub fn backup(from: &str, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<Counts, StoreError> {
    let place = to.display().to_string();
    if to.exists() {
        return Err(StoreError::NotEmpty { place, what: "a file".into() });
    }
    let partial = beside(to, ".partial");
    let done = backup_to(from, &partial, progress).and_then(|counts| {
        let sync = || {
            File::open(&partial)?.sync_all()?;
            std::fs::rename(&partial, to)?;
            let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        sync().map_err(|error| unreachable(&place, &error))?;
        Ok(counts)
    });
    for ending in ["", "-wal", "-shm", "-journal", ".lead"] {
        // What a failure left, or what a copy needed; the backup has its own name by now.
        let _ = std::fs::remove_file(beside(&partial, ending));
    }
    done
}

fn backup_to(
    from: &str,
    partial: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, StoreError> {
    let place = partial.display().to_string();
    let mut options = OpenOptions::new();
    let created = options.write(true).create(true).truncate(true).mode(0o600).open(partial);
    created.map_err(|error| unreachable(&place, &error))?;
    if crate::store::is_postgres(from) {
        let mut target = Sqlite::open(partial, OpenMode::Lead { wait: false })?;
        copy(&mut *open(from, OpenMode::Read)?, &mut target, progress)?;
        target.become_one_file()?;
    } else {
        let path = from.strip_prefix("sqlite:").unwrap_or(from);
        Sqlite::open(path.as_ref(), OpenMode::Read)?.copy_file(partial)?;
    }
    verify_chain(&mut Sqlite::open(partial, OpenMode::Read)?, progress)
}

/// Copies the backup at `from` into the empty or not yet existing store at `to`.
///
/// # Errors
///
/// Those of [`open`] and [`copy`].
pub fn restore(from: &Path, to: &str, progress: &mut dyn FnMut(u64)) -> Result<Counts, StoreError> {
    let mut from = Sqlite::open(from, OpenMode::Read)?;
    copy(&mut from, &mut *open(to, OpenMode::Lead { wait: false })?, progress)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn unreachable(place: &str, error: &io::Error) -> StoreError {
    StoreError::Unreachable { place: place.into(), why: error.to_string() }
}
