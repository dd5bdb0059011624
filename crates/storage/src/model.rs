//! What is written and read.

use leasehold_units::Instant;

use crate::StoreError;

/// A SHA-256.
pub type Hash = [u8; 32];

/// A record to append; the store gives it its number, epoch and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// When it happened.
    pub at: Instant,
    /// JSON text, without the character U+0000.
    pub body: String,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Instant,
    /// The leadership under which it was written.
    pub epoch: u64,
    /// What was handed over.
    pub body: String,
    /// Chains it to the record before, see [`crate::hash`].
    pub hash: Hash,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The last record's number; 0 if there is none.
    pub seq: u64,
    /// The last record's hash; zeroes if there is none.
    pub hash: Hash,
    /// Counts the leaders: the last one's number, 0 if nobody ever led.
    pub epoch: u64,
}

/// What a command was answered, so that repeating it gives the same again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who asked.
    pub principal: String,
    /// The id that the client gave the command; each principal has its own.
    pub command: String,
    /// When it was answered; [`crate::Store::prune_answers`] goes by this.
    pub at: Instant,
    /// SHA-256 of the request, so that another request under the same id is told from a repetition.
    pub digest: Hash,
    /// HTTP status.
    pub status: u16,
    /// What was said.
    pub body: String,
}

/// Text to append behind what is in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Which, such as `evidence/LEASE/2026-05`.
    pub stream: String,
    /// The text, line ends included.
    pub text: String,
}

/// Something finished that the state no longer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRow {
    /// What it is, such as `job`.
    pub kind: String,
    /// Whose.
    pub owner: String,
    /// Its number among those of this kind and owner.
    pub number: u64,
    /// JSON text.
    pub body: String,
}

/// What one transaction writes: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Appended to the log in this order.
    pub records: Vec<NewRecord>,
    /// An id that the principal has used already is refused ([`StoreError::Repeated`]).
    pub answers: Vec<Answer>,
    /// Appended to their streams in this order.
    pub chunks: Vec<Chunk>,
    /// Put in, in this order, each in place of what has its kind, owner and number.
    pub archive: Vec<ArchiveRow>,
}

/// What a copy puts into an empty store, as it stands in another. The epochs stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Import {
    /// Must continue the chain of the target.
    pub records: Vec<Record>,
    /// As they are.
    pub answers: Vec<Answer>,
    /// In the order in which they were appended.
    pub chunks: Vec<Chunk>,
    /// As they are.
    pub archive: Vec<ArchiveRow>,
}

/// The state at one record, so that a start need not fold the whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record that is in it.
    pub seq: u64,
    /// That record's hash: a snapshot of another log is refused.
    pub hash: Hash,
    /// How `body` is to be read.
    pub format: String,
    /// The state.
    pub body: Vec<u8>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.answers.is_empty()
            && self.chunks.is_empty()
            && self.archive.is_empty()
    }

    /// No text holds U+0000, which PostgreSQL cannot keep.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] naming the first text that does.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for record in &self.records {
            fits("the body of a record", &[&record.body])?;
        }
        check_beside(&self.answers, &self.chunks, &self.archive)
    }
}

impl Import {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for record in &self.records {
            fits("the body of a record", &[&record.body])?;
        }
        check_beside(&self.answers, &self.chunks, &self.archive)
    }
}

fn check_beside(
    answers: &[Answer],
    chunks: &[Chunk],
    archive: &[ArchiveRow],
) -> Result<(), StoreError> {
    for answer in answers {
        fits("an answer", &[&answer.principal, &answer.command, &answer.body])?;
    }
    for chunk in chunks {
        fits("a chunk", &[&chunk.stream, &chunk.text])?;
    }
    for row in archive {
        fits("an archive row", &[&row.kind, &row.owner, &row.body])?;
        to_column("the number of an archive row", row.number)?;
    }
    Ok(())
}

fn fits(what: &'static str, texts: &[&str]) -> Result<(), StoreError> {
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(StoreError::Unfit { what, why: "holds the character U+0000" });
    }
    Ok(())
}

/// Columns are signed.
pub(crate) fn to_column(what: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Unfit { what, why: "is 2^63 or more" })
}
