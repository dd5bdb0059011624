//! The store in one SQLite file.

mod errors;
mod rows;
mod setup;
mod snapshots;

use std::fs::File;
use std::path::Path;

use leasehold_units::Instant;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::chain::{self, intact};
use crate::{
    Answer, ArchiveRow, Batch, Chunk, Head, Import, OpenMode, Record, Snapshot, Store, StoreError,
};
use errors::{told, told_of_commit};

/// A store in a SQLite file, see [`crate::open`].
pub struct Sqlite {
    connection: Connection,
    place: String,
    head: Head,
    /// The lock of the leader; it goes with the process.
    lead: Option<File>,
    /// The disk failed under a commit: what is on it is not what this process believes.
    broken: bool,
}

impl Sqlite {
    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// Those of [`crate::open`].
    pub fn open(path: &Path, mode: OpenMode) -> Result<Self, StoreError> {
        let opened = match mode {
            OpenMode::Lead { wait } => setup::to_lead(path, wait)?,
            OpenMode::Read => setup::to_read(path)?,
        };
        let setup::Opened { connection, place, lead } = opened;
        let mut store = Self { connection, place, head: Head::default(), lead, broken: false };
        store.check_head()?;
        if store.lead.is_some() {
            store.raise_epoch()?;
        }
        Ok(store)
    }

    /// Lets the file grow to `pages` pages and no further, as if its disk were full then.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn limit_pages(&mut self, pages: u32) -> Result<(), StoreError> {
        let update = self.connection.pragma_update(None, "max_page_count", pages);
        update.map_err(|error| told(&self.place, &error))
    }

    /// Copies all of it to a new file at `path`, as it is at one moment, while a writer goes on.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub(crate) fn copy_file(&self, path: &Path) -> Result<(), StoreError> {
        let place = path.display().to_string();
        let copied = (|| {
            let mut target = Connection::open(path)?;
            Backup::new(&self.connection, &mut target)?.step(-1)?;
            one_file(&target)
        })();
        copied.map_err(|error| told(&place, &error))
    }

    /// Ends the write-ahead log, so that the file alone is the store.
    pub(crate) fn become_one_file(self) -> Result<(), StoreError> {
        one_file(&self.connection).map_err(|error| self.told(&error))
    }

    /// The head says what the last record says.
    fn check_head(&mut self) -> Result<(), StoreError> {
        let row = rows::head(&self.connection).map_err(|error| self.told(&error))?;
        if row.unfinished {
            return Err(StoreError::Unfinished { place: self.place.clone() });
        }
        let last = self
            .connection
            .query_row("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1", [], |last| {
                Ok((rows::number(last, 0)?, last.get(1)?))
            })
            .optional()
            .map_err(|error| self.told(&error))?;
        let last = last.unwrap_or((0, chain::NO_HASH));
        if (row.head.seq, row.head.hash) != last {
            let what = format!(
                "the head names record {} and the last one is {}, or their hashes differ",
                row.head.seq, last.0
            );
            return Err(StoreError::damaged(&self.place, what));
        }
        self.head = row.head;
        Ok(())
    }

    fn raise_epoch(&mut self) -> Result<(), StoreError> {
        let raised = self.connection.query_row(
            "UPDATE head SET epoch = epoch + 1, writes = writes + 1 WHERE id = 1 RETURNING epoch",
            [],
            |row| rows::number(row, 0),
        );
        self.head.epoch = raised.map_err(|error| told_of_commit(&self.place, &error))?;
        Ok(())
    }

    fn told(&self, error: &rusqlite::Error) -> StoreError {
        told(&self.place, error)
    }

    /// Runs `work` in a transaction that moves the head to `new` and commits it.
    fn write<T>(
        &mut self,
        new: &Head,
        work: impl FnOnce(&Transaction<'_>, &str) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.lead.is_none() {
            return Err(StoreError::NotLeading { place: self.place.clone() });
        }
        if self.broken {
            let why = "an earlier commit failed on the disk".into();
            return Err(StoreError::Unknown { place: self.place.clone(), why });
        }
        let place = &self.place;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| told(place, &error))?;
        let moved =
            rows::move_head(&transaction, &self.head, new).map_err(|error| told(place, &error))?;
        if !moved {
            let found = rows::head(&transaction).map_err(|error| told(place, &error))?.head;
            return Err(fenced(place, &self.head, &found));
        }
        let done = work(&transaction, place)?;
        if let Err(error) = transaction.commit() {
            let told = told_of_commit(place, &error);
            self.broken = matches!(told, StoreError::Unknown { .. });
            return Err(told);
        }
        self.head = *new;
        Ok(done)
    }

    fn rows<T, P: rusqlite::Params>(
        &self,
        query: &str,
        parameters: P,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let run = || {
            let mut query = self.connection.prepare_cached(query)?;
            let found = query.query_map(parameters, read)?;
            found.collect::<rusqlite::Result<Vec<T>>>()
        };
        run().map_err(|error| self.told(&error))
    }

    fn whole_answer(&self, (answer, sum): (Answer, i64)) -> Result<Answer, StoreError> {
        intact(&self.place, answer, sum, |answer| format!("the answer to {:?}", answer.command))
    }

    fn whole_chunk(&self, (id, chunk, sum): (u64, Chunk, i64)) -> Result<(u64, Chunk), StoreError> {
        let chunk =
            intact(&self.place, chunk, sum, |chunk| format!("chunk {id} of {}", chunk.stream))?;
        Ok((id, chunk))
    }

    fn whole_archived(&self, (row, sum): (ArchiveRow, i64)) -> Result<ArchiveRow, StoreError> {
        intact(&self.place, row, sum, |row| format!("{} {} of {}", row.kind, row.number, row.owner))
    }
}

/// One file can be moved, and read where nothing can be written.
fn one_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "DELETE")
}

/// Why the head could not be moved.
fn fenced(place: &str, own: &Head, found: &Head) -> StoreError {
    if own.epoch == found.epoch {
        let what = format!("the head is at {} and its leader left it at {}", found.seq, own.seq);
        return StoreError::damaged(place, what);
    }
    StoreError::Fenced { own: own.epoch, found: found.epoch }
}

/// What a repeated answer is told.
fn put_beside(
    transaction: &Transaction<'_>,
    place: &str,
    (answers, chunks, archive): (&[Answer], &[Chunk], &[ArchiveRow]),
) -> Result<(), StoreError> {
    let repeated = rows::put_answers(transaction, answers).map_err(|error| told(place, &error))?;
    if let Some(answer) = repeated {
        let (principal, command) = (answer.principal.clone(), answer.command.clone());
        return Err(StoreError::Repeated { principal, command });
    }
    rows::put_chunks(transaction, chunks)
        .and_then(|()| rows::put_archive(transaction, archive))
        .map_err(|error| told(place, &error))
}

impl Store for Sqlite {
    fn place(&self) -> &str {
        &self.place
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn refresh(&mut self) -> Result<Head, StoreError> {
        let found = rows::head(&self.connection).map_err(|error| self.told(&error))?.head;
        if self.lead.is_some() && found != self.head {
            return Err(fenced(&self.place, &self.head, &found));
        }
        self.head = found;
        Ok(found)
    }

    fn append(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        batch.check()?;
        let Head { seq, hash, epoch } = self.head;
        let records = chain::seal(&hash, seq, epoch, &batch.records);
        let new =
            records.last().map_or(self.head, |last| Head { seq: last.seq, hash: last.hash, epoch });
        self.write(&new, |transaction, place| {
            rows::put_records(transaction, &records).map_err(|error| told(place, &error))?;
            put_beside(transaction, place, (&batch.answers, &batch.chunks, &batch.archive))
        })?;
        Ok(self.head)
    }

    fn read(&mut self, from_seq: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.rows(
            "SELECT seq, at, epoch, hash, body FROM record WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
            params![rows::signed(from_seq), limit],
            rows::record,
        )
    }

    fn answer(&mut self, principal: &str, command: &str) -> Result<Option<Answer>, StoreError> {
        let found = self.rows(
            "SELECT principal, command, at, digest, status, body, sum FROM answer \
             WHERE principal = ?1 AND command = ?2",
            [principal, command],
            rows::answer,
        )?;
        found.into_iter().next().map(|found| self.whole_answer(found)).transpose()
    }

    fn answers_to(&mut self, commands: &[(&str, &str)]) -> Result<Vec<Answer>, StoreError> {
        // In the same process a question costs little, and a prepared one less.
        let mut known = Vec::new();
        for (principal, command) in commands {
            known.extend(self.answer(principal, command)?);
        }
        Ok(known)
    }

    fn text(&mut self, stream: &str) -> Result<Option<String>, StoreError> {
        let found = self.rows(
            "SELECT id, stream, text, sum FROM chunk WHERE stream = ?1 ORDER BY id",
            [stream],
            rows::chunk,
        )?;
        let mut text = None;
        for chunk in found {
            text.get_or_insert_with(String::new).push_str(&self.whole_chunk(chunk)?.1.text);
        }
        Ok(text)
    }

    fn streams(&mut self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // One step a stream, however many chunks it has.
        let found = self.rows(
            "WITH RECURSIVE name (stream) AS ( \
               SELECT min(stream) FROM chunk WHERE stream >= ?1 \
               UNION ALL \
               SELECT (SELECT min(stream) FROM chunk WHERE chunk.stream > name.stream) FROM name \
               WHERE substr(name.stream, 1, length(?1)) = ?1 \
             ) SELECT stream FROM name WHERE substr(stream, 1, length(?1)) = ?1",
            [prefix],
            |row| row.get(0),
        )?;
        Ok(found)
    }

    fn archived(
        &mut self,
        kind: &str,
        owner: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError> {
        let Some(last) = before.unwrap_or(u64::MAX).checked_sub(1) else { return Ok(Vec::new()) };
        let found = self.rows(
            "SELECT kind, owner, number, body, sum FROM archive \
             WHERE kind = ?1 AND owner = ?2 AND number <= ?3 ORDER BY number DESC LIMIT ?4",
            params![kind, owner, rows::signed(last), limit],
            rows::archived,
        )?;
        found.into_iter().map(|row| self.whole_archived(row)).collect()
    }

    fn archived_one(
        &mut self,
        kind: &str,
        owner: &str,
        number: u64,
    ) -> Result<Option<ArchiveRow>, StoreError> {
        let found = self.rows(
            "SELECT kind, owner, number, body, sum FROM archive \
             WHERE kind = ?1 AND owner = ?2 AND number = ?3",
            params![kind, owner, rows::signed(number)],
            rows::archived,
        )?;
        found.into_iter().next().map(|row| self.whole_archived(row)).transpose()
    }

    fn put_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let at = rows::hash_at(&self.connection, &self.place, snapshot.seq)?;
        let empty = (snapshot.seq == 0).then_some(chain::NO_HASH);
        if at.or(empty) != Some(snapshot.hash) {
            return Err(StoreError::OtherLog { seq: snapshot.seq });
        }
        let head = self.head;
        self.write(&head, |transaction, place| {
            snapshots::put(transaction, snapshot).map_err(|error| told(place, &error))
        })
    }

    fn latest_snapshot(&mut self) -> Result<Option<Snapshot>, StoreError> {
        snapshots::latest(&self.connection, &self.place)
    }

    fn prune_answers(&mut self, before: Instant) -> Result<u64, StoreError> {
        let head = self.head;
        self.write(&head, |transaction, place| {
            let gone = transaction
                .execute("DELETE FROM answer WHERE at < ?1", [before.unix()])
                .map_err(|error| told(place, &error))?;
            Ok(gone as u64)
        })
    }

    fn freeze(&mut self) -> Result<Head, StoreError> {
        self.connection.execute_batch("BEGIN DEFERRED").map_err(|error| self.told(&error))?;
        let row = rows::head(&self.connection).map_err(|error| self.told(&error))?;
        Ok(row.head)
    }

    fn thaw(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("ROLLBACK").map_err(|error| self.told(&error))
    }

    fn answers(
        &mut self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Answer>, StoreError> {
        let (principal, command) = after.unwrap_or_default();
        let found = self.rows(
            "SELECT principal, command, at, digest, status, body, sum FROM answer \
             WHERE (principal, command) > (?1, ?2) OR ?3 ORDER BY principal, command LIMIT ?4",
            params![principal, command, after.is_none(), limit],
            rows::answer,
        )?;
        found.into_iter().map(|found| self.whole_answer(found)).collect()
    }

    fn chunks(&mut self, after: u64, limit: u32) -> Result<Vec<(u64, Chunk)>, StoreError> {
        let found = self.rows(
            "SELECT id, stream, text, sum FROM chunk WHERE id > ?1 ORDER BY id LIMIT ?2",
            params![rows::signed(after), limit],
            rows::chunk,
        )?;
        found.into_iter().map(|found| self.whole_chunk(found)).collect()
    }

    fn archive(
        &mut self,
        after: Option<(&str, &str, u64)>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError> {
        let (kind, owner, number) = after.unwrap_or_default();
        let found = self.rows(
            "SELECT kind, owner, number, body, sum FROM archive \
             WHERE (kind, owner, number) > (?1, ?2, ?3) OR ?4 \
             ORDER BY kind, owner, number LIMIT ?5",
            params![kind, owner, rows::signed(number), after.is_none(), limit],
            rows::archived,
        )?;
        found.into_iter().map(|row| self.whole_archived(row)).collect()
    }

    fn check_pages(&mut self) -> Result<(), StoreError> {
        let found: Vec<String> = self.rows("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        match found.first().map(String::as_str) {
            Some("ok") => Ok(()),
            told => Err(StoreError::damaged(&self.place, told.unwrap_or("no answer"))),
        }
    }

    fn begin_import(&mut self) -> Result<(), StoreError> {
        let head = self.head;
        self.write(&head, |transaction, place| {
            let content = rows::content(transaction).map_err(|error| told(place, &error))?;
            if let Some(what) = content {
                return Err(StoreError::NotEmpty { place: place.into(), what });
            }
            transaction
                .execute("UPDATE head SET unfinished = 1", [])
                .map_err(|error| told(place, &error))?;
            Ok(())
        })
    }

    fn import(&mut self, part: &Import) -> Result<Head, StoreError> {
        part.check()?;
        let hash = chain::follow(&self.place, self.head.seq, self.head.hash, &part.records)?;
        let seq = part.records.last().map_or(self.head.seq, |last| last.seq);
        let new = Head { seq, hash, epoch: self.head.epoch };
        self.write(&new, |transaction, place| {
            rows::put_records(transaction, &part.records).map_err(|error| told(place, &error))?;
            put_beside(transaction, place, (&part.answers, &part.chunks, &part.archive))
        })?;
        Ok(self.head)
    }

    fn finish_import(&mut self, epoch: u64) -> Result<Head, StoreError> {
        let head = self.head;
        let epoch = self.write(&head, |transaction, place| {
            let raised = transaction.query_row(
                "UPDATE head SET unfinished = 0, epoch = max(epoch, ?1) RETURNING epoch",
                [rows::signed(epoch)],
                |row| rows::number(row, 0),
            );
            raised.map_err(|error| told(place, &error))
        })?;
        self.head.epoch = epoch;
        Ok(self.head)
    }
}
