//! Rows of the SQLite tables, in and out.

use leasehold_units::Instant;
use rusqlite::{Connection, Row, Transaction, params};

use crate::chain::Sum as _;
use crate::model::to_column;
use crate::{Answer, ArchiveRow, Chunk, Hash, Head, Record, StoreError};

/// The head row as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct HeadRow {
    pub head: Head,
    pub unfinished: bool,
}

pub fn head(connection: &Connection) -> rusqlite::Result<HeadRow> {
    let mut query =
        connection.prepare_cached("SELECT seq, hash, epoch, unfinished FROM head WHERE id = 1")?;
    query.query_row([], |row| {
        let head = Head { seq: number(row, 0)?, hash: row.get(1)?, epoch: number(row, 2)? };
        Ok(HeadRow { head, unfinished: row.get::<_, i64>(3)? != 0 })
    })
}

/// Moves the head from `old` to `new` if it is still at `old`; whether it was.
pub fn move_head(transaction: &Transaction<'_>, old: &Head, new: &Head) -> rusqlite::Result<bool> {
    let mut update = transaction.prepare_cached(
        "UPDATE head SET seq = ?1, hash = ?2, writes = writes + 1 \
         WHERE id = 1 AND epoch = ?3 AND seq = ?4 AND hash = ?5",
    )?;
    let changed = update.execute(params![
        signed(new.seq),
        new.hash,
        signed(old.epoch),
        signed(old.seq),
        old.hash
    ])?;
    Ok(changed == 1)
}

pub fn put_records(transaction: &Transaction<'_>, records: &[Record]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO record (seq, at, epoch, hash, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for record in records {
        insert.execute(params![
            signed(record.seq),
            record.at.unix(),
            signed(record.epoch),
            record.hash,
            record.body
        ])?;
    }
    Ok(())
}

/// The first of `answers` whose id was used already is handed back.
pub fn put_answers<'a>(
    transaction: &Transaction<'_>,
    answers: &'a [Answer],
) -> rusqlite::Result<Option<&'a Answer>> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO answer (principal, command, at, digest, status, body, sum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    )?;
    for answer in answers {
        let inserted = insert.execute(params![
            answer.principal,
            answer.command,
            answer.at.unix(),
            answer.digest,
            answer.status,
            answer.body,
            answer.sum()
        ])?;
        if inserted == 0 {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

pub fn put_chunks(transaction: &Transaction<'_>, chunks: &[Chunk]) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO chunk (stream, text, sum) VALUES (?1, ?2, ?3)")?;
    for chunk in chunks {
        insert.execute(params![chunk.stream, chunk.text, chunk.sum()])?;
    }
    Ok(())
}

pub fn put_archive(transaction: &Transaction<'_>, rows: &[ArchiveRow]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO archive (kind, owner, number, body, sum) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for row in rows {
        insert.execute(params![row.kind, row.owner, signed(row.number), row.body, row.sum()])?;
    }
    Ok(())
}

/// `seq, at, epoch, hash, body`
pub fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        seq: number(row, 0)?,
        at: Instant::from_unix(row.get(1)?),
        epoch: number(row, 2)?,
        hash: row.get::<_, Hash>(3)?,
        body: row.get(4)?,
    })
}

/// `principal, command, at, digest, status, body, sum`
pub fn answer(row: &Row<'_>) -> rusqlite::Result<(Answer, i64)> {
    let answer = Answer {
        principal: row.get(0)?,
        command: row.get(1)?,
        at: Instant::from_unix(row.get(2)?),
        digest: row.get(3)?,
        status: row.get(4)?,
        body: row.get(5)?,
    };
    Ok((answer, row.get(6)?))
}

/// `id, stream, text, sum`
pub fn chunk(row: &Row<'_>) -> rusqlite::Result<(u64, Chunk, i64)> {
    Ok((number(row, 0)?, Chunk { stream: row.get(1)?, text: row.get(2)? }, row.get(3)?))
}

/// `kind, owner, number, body, sum`
pub fn archived(row: &Row<'_>) -> rusqlite::Result<(ArchiveRow, i64)> {
    let found = ArchiveRow {
        kind: row.get(0)?,
        owner: row.get(1)?,
        number: number(row, 2)?,
        body: row.get(3)?,
    };
    Ok((found, row.get(4)?))
}

/// A column that is never negative.
pub fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, value))
}

/// A number of ours as a column. What counts records or leaders stays far below 2^63; what comes from
/// outside was checked before.
pub fn signed(value: u64) -> i64 {
    to_column("a number", value).unwrap_or(i64::MAX)
}

/// What is in a store that is to be empty.
pub fn content(connection: &Connection) -> rusqlite::Result<Option<String>> {
    for table in ["record", "answer", "chunk", "archive", "snapshot"] {
        let found: bool =
            connection.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {table})"), [], |row| {
                row.get(0)
            })?;
        if found {
            return Ok(Some(format!("rows of {table}")));
        }
    }
    Ok(None)
}

/// The hash of a record.
pub fn hash_at(connection: &Connection, place: &str, seq: u64) -> Result<Option<Hash>, StoreError> {
    use rusqlite::OptionalExtension as _;
    let found = connection
        .query_row("SELECT hash FROM record WHERE seq = ?1", [signed(seq)], |row| row.get(0))
        .optional();
    found.map_err(|error| super::errors::told(place, &error))
}
