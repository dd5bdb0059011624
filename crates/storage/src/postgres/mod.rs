//! The store in a schema of a PostgreSQL database.

mod address;
mod link;
mod rows;
mod session;
mod setup;
mod snapshots;
mod writes;

use std::time::Duration;

use leasehold_units::Instant;

use crate::chain;
use crate::{
    Answer, ArchiveRow, Batch, Chunk, Head, Import, OpenMode, Record, Snapshot, Store, StoreError,
};
use link::Link;
use rows::signed;
use session::{CALL, Failure, Parameters, Session};
use tokio_postgres::Row;
use writes::Columns;

/// A store in PostgreSQL, see [`crate::open`].
pub struct Postgres {
    link: Link,
    head: Head,
    /// How many transactions moved or kept the head: tells whether an uncertain one happened.
    writes: i64,
    /// It led once and does no more; the reason is told again and again.
    over: Option<Over>,
}

#[derive(Clone)]
enum Over {
    Fenced { found: u64 },
    Unknown { why: String },
}

/// What lies beside the records of a batch.
type Beside<'a> = (&'a [Answer], &'a [Chunk], &'a [ArchiveRow]);

impl Postgres {
    /// Opens the database at `url`.
    ///
    /// # Errors
    ///
    /// Those of [`crate::open`].
    pub fn open(url: &str, mode: OpenMode) -> Result<Self, StoreError> {
        let link = Link::open(url, mode)?;
        let mut store = Self { link, head: Head::default(), writes: 0, over: None };
        store.check_head()?;
        if store.link.leads() {
            store.raise_epoch()?;
        }
        Ok(store)
    }

    /// The head says what the last record says, both seen at one moment.
    fn check_head(&mut self) -> Result<(), StoreError> {
        let text = "SELECT h.seq, h.hash, h.epoch, h.writes, h.unfinished, r.seq, r.hash \
                    FROM leasehold.head h LEFT JOIN LATERAL \
                    (SELECT seq, hash FROM leasehold.record ORDER BY seq DESC LIMIT 1) r ON true";
        let rows = self.link.read(text, &[])?;
        let reading = self.link.reading();
        let [row] = rows.as_slice() else {
            return Err(StoreError::damaged(reading.place, "there is not one head row"));
        };
        let found = reading.head(row)?;
        if found.unfinished {
            return Err(StoreError::Unfinished { place: reading.place.into() });
        }
        let last = match reading.get::<Option<i64>>(row, 5)? {
            None => (0, chain::NO_HASH),
            Some(_) => (reading.number(row, 5)?, reading.hash(row, 6)?),
        };
        if (found.head.seq, found.head.hash) != last {
            let what = format!(
                "the head names record {} and the last one is {}, or their hashes differ",
                found.head.seq, last.0
            );
            return Err(StoreError::damaged(reading.place, what));
        }
        self.head = found.head;
        self.writes = found.writes;
        Ok(())
    }

    fn raise_epoch(&mut self) -> Result<(), StoreError> {
        let text = "UPDATE leasehold.head SET epoch = epoch + 1, writes = writes + 1 \
                    WHERE id = 1 RETURNING epoch, writes";
        let rows = self.link.once(text, &[]).map_err(|failure| failure.told(self.link.place()))?;
        self.head.epoch = self.link.reading().number(&rows[0], 0)?;
        self.writes = self.link.reading().get(&rows[0], 1)?;
        Ok(())
    }

    /// A leader that may write, with a connection that holds its lock.
    fn ready(&mut self) -> Result<(), StoreError> {
        if !self.link.leads() {
            return Err(StoreError::NotLeading { place: self.link.place().into() });
        }
        match self.over.clone() {
            Some(Over::Fenced { found }) => {
                return Err(StoreError::Fenced { own: self.head.epoch, found });
            }
            Some(Over::Unknown { why }) => {
                return Err(StoreError::Unknown { place: self.link.place().into(), why });
            }
            None => {}
        }
        if self.link.is_connected() {
            return Ok(());
        }
        let row = self.link.regain(self.head.epoch)?;
        if row.head != self.head {
            return Err(self.fenced(&row.head));
        }
        self.writes = row.writes;
        Ok(())
    }

    /// Reads; a leader that lost its connection while it was idle makes sure of its lead first.
    fn query(
        &mut self,
        text: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let may_regain = self.link.leads() && !self.link.frozen && self.over.is_none();
        match self.link.read(text, parameters) {
            Err(StoreError::Unreachable { .. }) if may_regain => {
                self.ready()?;
                self.link.read(text, parameters)
            }
            done => done,
        }
    }

    fn fenced(&mut self, found: &Head) -> StoreError {
        if found.epoch == self.head.epoch {
            let what =
                format!("the head is at {}, its leader left it at {}", found.seq, self.head.seq);
            return StoreError::damaged(self.link.place(), what);
        }
        self.over = Some(Over::Fenced { found: found.epoch });
        StoreError::Fenced { own: self.head.epoch, found: found.epoch }
    }

    fn unknown(&mut self, why: String) -> StoreError {
        self.over = Some(Over::Unknown { why: why.clone() });
        StoreError::Unknown { place: self.link.place().into(), why }
    }

    /// Writes records and what lies beside them; the head is `new` then.
    fn put(&mut self, new: Head, records: &[Record], beside: Beside<'_>) -> Result<(), StoreError> {
        self.ready()?;
        let old = self.head;
        let columns = Columns::of(&old, &new, records, beside);
        // A connection that is lost is made again once: PostgreSQL may have been started anew.
        for _ in 0..2 {
            match self.link.once(writes::APPEND, &columns.parameters()) {
                Ok(rows) => return self.moved(rows.first(), new),
                Err(failure) if failure.is_repeated() => {
                    return Err(self.repeated(beside.0, &failure));
                }
                Err(Failure::Lost(why)) => {
                    if self.settle(new, beside.0, why)? {
                        return Ok(());
                    }
                }
                Err(failure) => return Err(failure.told(self.link.place())),
            }
        }
        let why = "the connection was lost twice; nothing was written".into();
        Err(StoreError::Unreachable { place: self.link.place().into(), why })
    }

    fn moved(&mut self, row: Option<&Row>, new: Head) -> Result<(), StoreError> {
        let Some(row) = row else {
            let found = self.link.head()?.head;
            return Err(self.fenced(&found));
        };
        self.writes = self.link.reading().get(row, 0)?;
        self.head = new;
        Ok(())
    }

    /// After a connection was lost under a write: whether it happened.
    fn settle(&mut self, new: Head, answers: &[Answer], why: String) -> Result<bool, StoreError> {
        let row = match self.link.regain(self.head.epoch) {
            Ok(row) => row,
            Err(error) => return Err(self.unknown(format!("{why}; then {error}"))),
        };
        if row.head.epoch == self.head.epoch {
            // Nobody else writes under this epoch, and the old connection is over.
            let happened = row.writes > self.writes;
            if row.head != (if happened { new } else { self.head }) {
                return Err(self.fenced(&row.head));
            }
            self.writes = row.writes;
            self.head = row.head;
            return Ok(happened);
        }
        // Another one leads. What this one wrote before that is still to be seen in the log.
        let happened = if new.seq > self.head.seq {
            self.hash_at(new.seq)? == Some(new.hash)
        } else if let Some(answer) = answers.first() {
            self.answer(&answer.principal, &answer.command)?.as_ref() == Some(answer)
        } else {
            return Err(self.unknown(why));
        };
        if !happened {
            return Err(self.fenced(&row.head));
        }
        self.over = Some(Over::Fenced { found: row.head.epoch });
        self.head = new;
        Ok(true)
    }

    fn repeated(&mut self, answers: &[Answer], failure: &Failure) -> StoreError {
        let mut seen = std::collections::BTreeSet::new();
        for answer in answers {
            let (principal, command) = (&answer.principal, &answer.command);
            let is_new = seen.insert((principal, command));
            if !is_new || matches!(self.answer(principal, command), Ok(Some(_))) {
                let (principal, command) = (principal.clone(), command.clone());
                return StoreError::Repeated { principal, command };
            }
        }
        failure.told(self.link.place())
    }

    fn hash_at(&mut self, seq: u64) -> Result<Option<crate::Hash>, StoreError> {
        let text = "SELECT hash FROM leasehold.record WHERE seq = $1";
        let rows = self.query(text, &[&signed(seq)])?;
        rows.first().map(|row| self.link.reading().hash(row, 0)).transpose()
    }

    /// Runs `work` in a transaction that makes sure of the lead first. It may be run twice, so it must
    /// be harmless to repeat. Each time has `patience` to end.
    fn transact<T>(
        &mut self,
        patience: Duration,
        work: impl AsyncFn(&mut Session) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let mut lost = String::new();
        for _ in 0..2 {
            self.ready()?;
            let head = self.head;
            let run = async |session: &mut Session| in_transaction(session, &head, &work).await;
            let done = self.link.work(patience, run);
            match done {
                Ok(Some((done, writes))) => {
                    self.writes = writes;
                    return Ok(done);
                }
                Ok(None) => {
                    let found = self.link.head()?.head;
                    return Err(self.fenced(&found));
                }
                Err(Failure::Lost(why)) => lost = why,
                Err(failure) => return Err(failure.told(self.link.place())),
            }
        }
        Err(StoreError::Unreachable { place: self.link.place().into(), why: lost })
    }
}

async fn in_transaction<T>(
    session: &mut Session,
    head: &Head,
    work: &impl AsyncFn(&mut Session) -> Result<T, tokio_postgres::Error>,
) -> Result<Option<(T, i64)>, tokio_postgres::Error> {
    session.client.batch_execute("BEGIN").await?;
    let done = async {
        let (epoch, seq) = (signed(head.epoch), signed(head.seq));
        let moved = session.query(writes::MOVE, &[&epoch, &seq, &head.hash.as_slice()]).await?;
        let Some(row) = moved.first() else { return Ok(None) };
        let writes = row.try_get(0)?;
        Ok(Some((work(session).await?, writes)))
    }
    .await;
    let end = if matches!(done, Ok(Some(_))) { "COMMIT" } else { "ROLLBACK" };
    let ended = session.client.batch_execute(end).await;
    let done = done?;
    ended?;
    Ok(done)
}

impl Store for Postgres {
    fn place(&self) -> &str {
        self.link.place()
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn refresh(&mut self) -> Result<Head, StoreError> {
        if self.link.leads() {
            self.ready()?;
        }
        let found = match self.link.head() {
            // The connection was idle when it was lost: nothing is uncertain.
            Err(StoreError::Unreachable { .. }) if self.link.leads() => {
                self.ready()?;
                self.link.head()?
            }
            found => found?,
        };
        if self.link.leads() && found.head != self.head {
            return Err(self.fenced(&found.head));
        }
        self.head = found.head;
        self.writes = found.writes;
        Ok(self.head)
    }

    fn append(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        batch.check()?;
        let Head { seq, hash, epoch } = self.head;
        let records = chain::seal(&hash, seq, epoch, &batch.records);
        let new =
            records.last().map_or(self.head, |last| Head { seq: last.seq, hash: last.hash, epoch });
        self.put(new, &records, (&batch.answers, &batch.chunks, &batch.archive))?;
        Ok(self.head)
    }

    fn read(&mut self, from_seq: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        let text = "SELECT seq, at, epoch, hash, body FROM leasehold.record \
                    WHERE seq >= $1 ORDER BY seq LIMIT $2";
        let rows = self.query(text, &[&signed(from_seq), &i64::from(limit)])?;
        rows.iter().map(|row| self.link.reading().record(row)).collect()
    }

    fn answer(&mut self, principal: &str, command: &str) -> Result<Option<Answer>, StoreError> {
        let text = "SELECT principal, command, at, digest, status, body, sum \
                    FROM leasehold.answer WHERE principal = $1 AND command = $2";
        let rows = self.query(text, &[&principal, &command])?;
        rows.first().map(|row| self.link.reading().answer(row)).transpose()
    }

    fn answers_to(&mut self, commands: &[(&str, &str)]) -> Result<Vec<Answer>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT a.principal, a.command, a.at, a.digest, a.status, a.body, a.sum \
                    FROM unnest($1::text[], $2::text[]) AS asked (principal, command) \
                    JOIN leasehold.answer a USING (principal, command)";
        let (principals, names): (Vec<&str>, Vec<&str>) = commands.iter().copied().unzip();
        let rows = self.query(text, &[&principals, &names])?;
        rows.iter().map(|row| self.link.reading().answer(row)).collect()
    }

    fn text(&mut self, stream: &str) -> Result<Option<String>, StoreError> {
        let text =
            "SELECT id, stream, text, sum FROM leasehold.chunk WHERE stream = $1 ORDER BY id";
        let rows = self.query(text, &[&stream])?;
        let mut text = None;
        for row in &rows {
            let (_, chunk) = self.link.reading().chunk(row)?;
            text.get_or_insert_with(String::new).push_str(&chunk.text);
        }
        Ok(text)
    }

    fn streams(&mut self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // One step a stream, however many chunks it has.
        let text = "WITH RECURSIVE name (stream) AS ( \
               SELECT min(stream) FROM leasehold.chunk WHERE stream >= $1 \
               UNION ALL \
               SELECT (SELECT min(chunk.stream) FROM leasehold.chunk \
                       WHERE chunk.stream > name.stream) FROM name \
               WHERE starts_with(name.stream, $1) \
             ) SELECT stream FROM name WHERE starts_with(stream, $1)";
        let rows = self.query(text, &[&prefix])?;
        rows.iter().map(|row| self.link.reading().get(row, 0)).collect()
    }

    fn archived(
        &mut self,
        kind: &str,
        owner: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError> {
        let Some(last) = before.unwrap_or(u64::MAX).checked_sub(1) else { return Ok(Vec::new()) };
        let text = "SELECT kind, owner, number, body, sum FROM leasehold.archive \
                    WHERE kind = $1 AND owner = $2 AND number <= $3 \
                    ORDER BY number DESC LIMIT $4";
        let rows = self.query(text, &[&kind, &owner, &signed(last), &i64::from(limit)])?;
        rows.iter().map(|row| self.link.reading().archived(row)).collect()
    }

    fn archived_one(
        &mut self,
        kind: &str,
        owner: &str,
        number: u64,
    ) -> Result<Option<ArchiveRow>, StoreError> {
        let text = "SELECT kind, owner, number, body, sum FROM leasehold.archive \
                    WHERE kind = $1 AND owner = $2 AND number = $3";
        let rows = self.query(text, &[&kind, &owner, &signed(number)])?;
        rows.first().map(|row| self.link.reading().archived(row)).transpose()
    }

    fn put_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let empty = (snapshot.seq == 0).then_some(chain::NO_HASH);
        if self.hash_at(snapshot.seq)?.or(empty) != Some(snapshot.hash) {
            return Err(StoreError::OtherLog { seq: snapshot.seq });
        }
        // A large one may go over a slow network.
        let patience = CALL + Duration::from_secs(snapshot.body.len() as u64 >> 20);
        self.transact(patience, async |session| snapshots::put(session, snapshot).await)
    }

    fn latest_snapshot(&mut self) -> Result<Option<Snapshot>, StoreError> {
        for kept in snapshots::list(&mut self.link)? {
            let empty = (kept.seq == 0).then_some(chain::NO_HASH);
            if self.hash_at(kept.seq)?.or(empty) != Some(kept.hash) {
                continue;
            }
            if let Some(whole) = snapshots::whole(&mut self.link, kept)? {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }

    fn prune_answers(&mut self, before: Instant) -> Result<u64, StoreError> {
        // Some at a time, so that no statement takes long.
        let text = "DELETE FROM leasehold.answer WHERE (principal, command) IN \
                    (SELECT principal, command FROM leasehold.answer WHERE at < $1 LIMIT 20000) \
                    RETURNING 1";
        let before = before.unix();
        let mut gone = 0;
        loop {
            let some = self
                .transact(CALL, async |session| Ok(session.query(text, &[&before]).await?.len()))?;
            gone += some as u64;
            if some == 0 {
                return Ok(gone);
            }
        }
    }

    fn freeze(&mut self) -> Result<Head, StoreError> {
        // Makes sure that there is a connection.
        self.link.head()?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.link
            .work(CALL, async |session| session.client.batch_execute(begin).await)
            .map_err(|failure| failure.told(self.link.place()))?;
        self.link.frozen = true;
        Ok(self.link.head()?.head)
    }

    fn thaw(&mut self) -> Result<(), StoreError> {
        self.link.frozen = false;
        self.link
            .work(CALL, async |session| session.client.batch_execute("ROLLBACK").await)
            .map_err(|failure| failure.told(self.link.place()))
    }

    fn answers(
        &mut self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Answer>, StoreError> {
        let (principal, command) = after.unwrap_or_default();
        let text = "SELECT principal, command, at, digest, status, body, sum \
                    FROM leasehold.answer WHERE (principal, command) > ($1, $2) OR $3 \
                    ORDER BY principal, command LIMIT $4";
        let all = after.is_none();
        let rows = self.query(text, &[&principal, &command, &all, &i64::from(limit)])?;
        rows.iter().map(|row| self.link.reading().answer(row)).collect()
    }

    fn chunks(&mut self, after: u64, limit: u32) -> Result<Vec<(u64, Chunk)>, StoreError> {
        let text = "SELECT id, stream, text, sum FROM leasehold.chunk \
                    WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = self.query(text, &[&signed(after), &i64::from(limit)])?;
        rows.iter().map(|row| self.link.reading().chunk(row)).collect()
    }

    fn archive(
        &mut self,
        after: Option<(&str, &str, u64)>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError> {
        let (kind, owner, number) = after.unwrap_or_default();
        let text = "SELECT kind, owner, number, body, sum FROM leasehold.archive \
                    WHERE (kind, owner, number) > ($1, $2, $3) OR $4 \
                    ORDER BY kind, owner, number LIMIT $5";
        let (number, all, limit) = (signed(number), after.is_none(), i64::from(limit));
        let rows = self.query(text, &[&kind, &owner, &number, &all, &limit])?;
        rows.iter().map(|row| self.link.reading().archived(row)).collect()
    }

    fn check_pages(&mut self) -> Result<(), StoreError> {
        // PostgreSQL verifies the checksums of the pages that it reads, where they are switched on.
        Ok(())
    }

    fn begin_import(&mut self) -> Result<(), StoreError> {
        let text = "SELECT tables.name::text FROM (VALUES \
            ('record', EXISTS (SELECT FROM leasehold.record)), \
            ('answer', EXISTS (SELECT FROM leasehold.answer)), \
            ('chunk', EXISTS (SELECT FROM leasehold.chunk)), \
            ('archive', EXISTS (SELECT FROM leasehold.archive)), \
            ('snapshot', EXISTS (SELECT FROM leasehold.snapshot))) AS tables (name, filled) \
            WHERE filled";
        // Nobody but this leader writes, so that it is still empty when it is marked.
        let filled = self.query(text, &[])?;
        if let Some(row) = filled.first() {
            let what = format!("rows of {}", self.link.reading().get::<String>(row, 0)?);
            return Err(StoreError::NotEmpty { place: self.link.place().into(), what });
        }
        let mark = "UPDATE leasehold.head SET unfinished = true";
        self.transact(CALL, async |session| session.query(mark, &[]).await)?;
        Ok(())
    }

    fn import(&mut self, part: &Import) -> Result<Head, StoreError> {
        part.check()?;
        let Head { seq, hash, epoch } = self.head;
        let hash = chain::follow(self.link.place(), seq, hash, &part.records)?;
        let seq = part.records.last().map_or(seq, |last| last.seq);
        let beside = (&*part.answers, &*part.chunks, &*part.archive);
        self.put(Head { seq, hash, epoch }, &part.records, beside)?;
        Ok(self.head)
    }

    fn finish_import(&mut self, epoch: u64) -> Result<Head, StoreError> {
        let text = "UPDATE leasehold.head SET unfinished = false, epoch = greatest(epoch, $1) \
                    RETURNING epoch";
        let epoch = signed(epoch);
        let raised: i64 = self
            .transact(CALL, async |session| session.query(text, &[&epoch]).await?[0].try_get(0))?;
        self.head.epoch = u64::try_from(raised).unwrap_or(self.head.epoch);
        Ok(self.head)
    }
}
