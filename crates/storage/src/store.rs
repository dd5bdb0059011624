//! The one interface to all stores.

use leasehold_units::Instant;

use crate::{
    Answer, ArchiveRow, Batch, Chunk, Head, Import, Postgres, Record, Snapshot, Sqlite, StoreError,
};

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// To write, as the only one who does. Creates what is missing and raises the epoch.
    Lead {
        /// Whether to wait, without end, while another one leads; [`StoreError::LedByAnother`] if not.
        /// A server that goes down meanwhile ends the wait with [`StoreError::Unreachable`].
        wait: bool,
    },
    /// To read beside the leader: to verify, to back up, to follow.
    Read,
}

/// Opens the store at `place`: a path or `sqlite:PATH` for a SQLite file, `postgres://…` or
/// `postgresql://…` for PostgreSQL.
///
/// # Errors
///
/// What is wrong with the place, what is there, or who leads; see the variants of [`StoreError`].
pub fn open(place: &str, mode: OpenMode) -> Result<Box<dyn Store>, StoreError> {
    if is_postgres(place) {
        return Ok(Box::new(Postgres::open(place, mode)?));
    }
    let path = place.strip_prefix("sqlite:").unwrap_or(place);
    Ok(Box::new(Sqlite::open(path.as_ref(), mode)?))
}

pub(crate) fn is_postgres(place: &str) -> bool {
    place.starts_with("postgres://") || place.starts_with("postgresql://")
}

/// A store that is open. Calls wait for the disk or the network, never longer than some seconds
/// without saying so as an error.
pub trait Store: Send {
    /// Where it is, for messages; never with a password.
    fn place(&self) -> &str;

    /// Where the log ended after the last call that looked or wrote.
    fn head(&self) -> &Head;

    /// Looks where the log ends now. A leader makes sure that it still leads: it does this every
    /// second while it has nothing to write, or PostgreSQL takes it for dead after four.
    ///
    /// # Errors
    ///
    /// [`StoreError::Fenced`] for a leader who leads no more.
    fn refresh(&mut self) -> Result<Head, StoreError>;

    /// Writes `batch` in one durable transaction and hands back where the log ends then. A batch
    /// with no records leaves the end where it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`] if it cannot be found out what became of it. After every other error
    /// nothing is written and the head is as before; after [`StoreError::Fenced`] no later call
    /// writes anything either.
    fn append(&mut self, batch: &Batch) -> Result<Head, StoreError>;

    /// At most `limit` records from `from_seq` on, in their order. Hashes are not verified here.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn read(&mut self, from_seq: u64, limit: u32) -> Result<Vec<Record>, StoreError>;

    /// What the command of this id was answered.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn answer(&mut self, principal: &str, command: &str) -> Result<Option<Answer>, StoreError>;

    /// What these commands were answered, each named by its principal and its id; those that were not are left
    /// out. One question, however many they are.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn answers_to(&mut self, commands: &[(&str, &str)]) -> Result<Vec<Answer>, StoreError>;

    /// All of a stream's text.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn text(&mut self, stream: &str) -> Result<Option<String>, StoreError>;

    /// The names of the streams that begin with `prefix`, by their bytes.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn streams(&mut self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// At most `limit` rows of this kind and owner, the highest number first, those below `before`.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn archived(
        &mut self,
        kind: &str,
        owner: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError>;

    /// The row of this kind, owner and number.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn archived_one(
        &mut self,
        kind: &str,
        owner: &str,
        number: u64,
    ) -> Result<Option<ArchiveRow>, StoreError>;

    /// Keeps `snapshot` and the one before it; older ones go.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherLog`] if the log has no such record; those of writing.
    fn put_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError>;

    /// The newest snapshot that is whole and of this log; a damaged one is passed over, since the
    /// log can tell everything again.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn latest_snapshot(&mut self) -> Result<Option<Snapshot>, StoreError>;

    /// Forgets answers that were given before `before`; says how many.
    ///
    /// # Errors
    ///
    /// Those of writing.
    fn prune_answers(&mut self, before: Instant) -> Result<u64, StoreError>;

    /// Reads from now on see the store as it is now, until [`Store::thaw`]. A leader does not write
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn freeze(&mut self) -> Result<Head, StoreError>;

    /// Ends [`Store::freeze`].
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn thaw(&mut self) -> Result<(), StoreError>;

    /// At most `limit` answers behind that of `(principal, command)`, by these two.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn answers(
        &mut self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Answer>, StoreError>;

    /// At most `limit` chunks behind the one numbered `after`, each with its number.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn chunks(&mut self, after: u64, limit: u32) -> Result<Vec<(u64, Chunk)>, StoreError>;

    /// At most `limit` archive rows behind that of `(kind, owner, number)`, by these three.
    ///
    /// # Errors
    ///
    /// Those of reading.
    fn archive(
        &mut self,
        after: Option<(&str, &str, u64)>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError>;

    /// What the backend itself finds wrong with its pages; what it cannot check is sound.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`].
    fn check_pages(&mut self) -> Result<(), StoreError>;

    /// Makes an empty store the unfinished copy of another: nobody can open it until
    /// [`Store::finish_import`].
    ///
    /// # Errors
    ///
    /// [`StoreError::NotEmpty`]; those of writing.
    fn begin_import(&mut self) -> Result<(), StoreError>;

    /// Puts in what another store holds, records with their epochs and hashes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the records do not continue the chain; those of writing.
    fn import(&mut self, part: &Import) -> Result<Head, StoreError>;

    /// Ends an import; the epoch becomes at least `epoch`, so that no later leader has one that was
    /// used already.
    ///
    /// # Errors
    ///
    /// Those of writing.
    fn finish_import(&mut self, epoch: u64) -> Result<Head, StoreError>;
}
