//! Opening a SQLite file: the lock of the leader, the settings, the layout.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::errors::told;
use crate::{SCHEMA, StoreError};

/// Marks the file as one of Leasehold's: `LEAS` in ASCII.
const APPLICATION_ID: u32 = 0x4c45_4153;
/// How long a transaction waits for another one.
const BUSY: Duration = Duration::from_secs(5);
/// One for each layout, in step with those of PostgreSQL; what is here is never changed again.
const MIGRATIONS: &[&str] = &[include_str!("../../sql/sqlite-1.sql")];
const _: () = assert!(MIGRATIONS.len() == SCHEMA as usize, "a layout without its migration");

/// An open file and, for a leader, its lock: dropped with it, also by a kill.
pub struct Opened {
    pub connection: Connection,
    pub place: String,
    pub lead: Option<File>,
}

/// Opens to write; creates what is missing.
pub fn to_lead(path: &Path, wait: bool) -> Result<Opened, StoreError> {
    let path = create(path)?;
    let place = path.display().to_string();
    let lead = lock(&path, &place, wait)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(&path, flags).map_err(|error| told(&place, &error))?;
    configure(&connection).map_err(|error| told(&place, &error))?;
    // Before anything is changed: the file may be somebody else's.
    let found = layout(&connection, &place)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(|error| told(&place, &error))?;
    migrate(&mut connection, &place, found)?;
    Ok(Opened { connection, place, lead: Some(lead) })
}

/// Opens to read; changes nothing.
pub fn to_read(path: &Path) -> Result<Opened, StoreError> {
    let place = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(found) if found.len() == 0 => return Err(StoreError::Missing { place }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::Missing { place });
        }
        Err(error) => return Err(system(&place, &error)),
    }
    let connection = reader(path).map_err(|error| told(&place, &error))?;
    match layout(&connection, &place)? {
        0 => Err(StoreError::Missing { place }),
        SCHEMA => Ok(Opened { connection, place, lead: None }),
        found => Err(StoreError::Older { place, found, known: SCHEMA }),
    }
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Err(error) if cannot_open(&error) && !has_log(path) => {
            // On a medium that cannot be written, the index of the write-ahead log cannot be made.
            // Without a log there is no need for one.
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(immutable(path), flags)?;
            configure(&connection)?;
            Ok(connection)
        }
        _ => Ok(connection),
    }
}

fn cannot_open(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

fn immutable(path: &Path) -> String {
    let text = path.display().to_string();
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{escaped}?immutable=1")
}

/// The file, for its owner alone, and its one name: whoever opens it by another must meet the same
/// lock.
fn create(path: &Path) -> Result<PathBuf, StoreError> {
    let place = path.display().to_string();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| system(&place, &error))?;
    path.canonicalize().map_err(|error| system(&place, &error))
}

fn lock(path: &Path, place: &str, wait: bool) -> Result<File, StoreError> {
    let lock = beside(path, ".lead");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&lock).map_err(|error| system(place, &error))?;
    if wait {
        file.lock().map_err(|error| system(place, &error))?;
        return Ok(file);
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::LedByAnother { place: place.into() }),
        Err(TryLockError::Error(error)) => Err(system(place, &error)),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn system(place: &str, error: &io::Error) -> StoreError {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let place = place.to_owned();
    let why = error.to_string();
    match error.kind() {
        StorageFull => StoreError::Full { place },
        ReadOnlyFilesystem | PermissionDenied => StoreError::ReadOnly { place, why },
        _ => StoreError::Unreachable { place, why },
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A commit is on the disk when it returns; a file from elsewhere runs no code of its own.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// The layout of what is there; 0 for an empty file.
fn layout(connection: &Connection, place: &str) -> Result<u32, StoreError> {
    let number =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let found = (|| {
        let tables = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok((number("application_id")?, number("user_version")?, tables))
    })();
    let (application, version, tables) = found.map_err(|error| told(place, &error))?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application != i64::from(APPLICATION_ID) {
        let why = format!("it is a SQLite file with {tables} tables of another program");
        return Err(StoreError::Foreign { place: place.into(), why });
    }
    let found = u32::try_from(version)
        .ok()
        .filter(|found| *found > 0)
        .ok_or_else(|| StoreError::damaged(place, format!("{version} is no layout")))?;
    if found > SCHEMA {
        return Err(StoreError::Newer { place: place.into(), found, known: SCHEMA });
    }
    Ok(found)
}

fn migrate(connection: &mut Connection, place: &str, found: u32) -> Result<(), StoreError> {
    if found == SCHEMA {
        return Ok(());
    }
    let missing = &MIGRATIONS[found as usize..];
    let mut run = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for step in missing {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
        transaction.commit()
    };
    run().map_err(|error| told(place, &error))
}
