//! Rows of the PostgreSQL tables.

use leasehold_units::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::chain::intact;
use crate::{Answer, ArchiveRow, Chunk, Hash, Head, Record, StoreError};

/// The head row as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct HeadRow {
    pub head: Head,
    pub writes: i64,
    pub unfinished: bool,
}

pub const HEAD: &str =
    "SELECT seq, hash, epoch, writes, unfinished FROM leasehold.head WHERE id = 1";

/// Reads rows of one store.
pub struct Reading<'a> {
    pub place: &'a str,
}

impl Reading<'_> {
    pub fn head(&self, row: &Row) -> Result<HeadRow, StoreError> {
        let head = Head {
            seq: self.number(row, 0)?,
            hash: self.hash(row, 1)?,
            epoch: self.number(row, 2)?,
        };
        Ok(HeadRow { head, writes: self.get(row, 3)?, unfinished: self.get(row, 4)? })
    }

    /// `seq, at, epoch, hash, body`
    pub fn record(&self, row: &Row) -> Result<Record, StoreError> {
        Ok(Record {
            seq: self.number(row, 0)?,
            at: Instant::from_unix(self.get(row, 1)?),
            epoch: self.number(row, 2)?,
            hash: self.hash(row, 3)?,
            body: self.get(row, 4)?,
        })
    }

    /// `principal, command, at, digest, status, body, sum`
    pub fn answer(&self, row: &Row) -> Result<Answer, StoreError> {
        let status: i32 = self.get(row, 4)?;
        let answer = Answer {
            principal: self.get(row, 0)?,
            command: self.get(row, 1)?,
            at: Instant::from_unix(self.get(row, 2)?),
            digest: self.hash(row, 3)?,
            status: u16::try_from(status).map_err(|_| self.wrong(&"a status"))?,
            body: self.get(row, 5)?,
        };
        let name = |answer: &Answer| format!("the answer to {:?}", answer.command);
        intact(self.place, answer, self.get(row, 6)?, name)
    }

    /// `id, stream, text, sum`
    pub fn chunk(&self, row: &Row) -> Result<(u64, Chunk), StoreError> {
        let id = self.number(row, 0)?;
        let chunk = Chunk { stream: self.get(row, 1)?, text: self.get(row, 2)? };
        let name = |chunk: &Chunk| format!("chunk {id} of {}", chunk.stream);
        Ok((id, intact(self.place, chunk, self.get(row, 3)?, name)?))
    }

    /// `kind, owner, number, body, sum`
    pub fn archived(&self, row: &Row) -> Result<ArchiveRow, StoreError> {
        let found = ArchiveRow {
            kind: self.get(row, 0)?,
            owner: self.get(row, 1)?,
            number: self.number(row, 2)?,
            body: self.get(row, 3)?,
        };
        let name = |row: &ArchiveRow| format!("{} {} of {}", row.kind, row.number, row.owner);
        intact(self.place, found, self.get(row, 4)?, name)
    }

    pub fn get<'r, T: FromSql<'r>>(&self, row: &'r Row, index: usize) -> Result<T, StoreError> {
        row.try_get(index).map_err(|error| self.wrong(&error))
    }

    /// A column that is never negative.
    pub fn number(&self, row: &Row, index: usize) -> Result<u64, StoreError> {
        u64::try_from(self.get::<i64>(row, index)?).map_err(|error| self.wrong(&error))
    }

    pub fn hash(&self, row: &Row, index: usize) -> Result<Hash, StoreError> {
        self.get::<&[u8]>(row, index)?.try_into().map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, what: &dyn std::fmt::Display) -> StoreError {
        StoreError::damaged(self.place, format!("a column holds something else: {what}"))
    }
}

/// A number of ours as a column; those from outside were checked before.
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
