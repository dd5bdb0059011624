//! The hash chain of the log, and the sums of what lies beside it.

use leasehold_units::Instant;
use sha2::{Digest as _, Sha256};

use crate::{Answer, ArchiveRow, Chunk, Hash, NewRecord, Record, StoreError};

/// The hash before the first record.
pub const NO_HASH: Hash = [0; 32];

/// The hash of a record: SHA-256 over these bytes, one behind the other, whole numbers with the
/// most significant byte first:
///
/// | bytes | what |
/// |---|---|
/// | 32 | the hash of the record before, zeroes before the first |
/// | 8 | `seq` |
/// | 8 | `at`, seconds since 1970-01-01T00:00:00Z, two's complement |
/// | 8 | `epoch` |
/// | 8 | the length of `body` in bytes |
/// | … | `body`, UTF-8 |
pub fn hash(previous: &Hash, seq: u64, at: Instant, epoch: u64, body: &str) -> Hash {
    let mut sum = Sha256::new();
    sum.update(previous);
    sum.update(seq.to_be_bytes());
    sum.update(at.unix().to_be_bytes());
    sum.update(epoch.to_be_bytes());
    sum.update((body.len() as u64).to_be_bytes());
    sum.update(body.as_bytes());
    sum.finalize().into()
}

/// Numbers and chains `records` behind the record `seq` with the hash `previous`.
pub fn seal(previous: &Hash, seq: u64, epoch: u64, records: &[NewRecord]) -> Vec<Record> {
    let mut last = *previous;
    let numbered = records.iter().zip(seq + 1..);
    let sealed = numbered.map(|(record, seq)| {
        last = hash(&last, seq, record.at, epoch, &record.body);
        Record { seq, at: record.at, epoch, body: record.body.clone(), hash: last }
    });
    sealed.collect()
}

/// Whether `records` continue the chain behind the record `seq` with the hash `previous`; hands back
/// the last hash.
///
/// # Errors
///
/// [`StoreError::Damaged`] at the first one that does not.
pub(crate) fn follow(
    place: &str,
    seq: u64,
    previous: Hash,
    records: &[Record],
) -> Result<Hash, StoreError> {
    let mut last = previous;
    for (record, expected) in records.iter().zip(seq + 1..) {
        if record.seq != expected {
            let what = format!("record {expected} is missing, {} comes next", record.seq);
            return Err(StoreError::damaged(place, what));
        }
        last = hash(&last, record.seq, record.at, record.epoch, &record.body);
        if last != record.hash {
            let what = format!("record {} does not have the hash of what it says", record.seq);
            return Err(StoreError::damaged(place, what));
        }
    }
    Ok(last)
}

/// What a row beside the log is checked by on each read: the first 8 bytes of a SHA-256 over all its
/// columns, each with its length before it.
pub(crate) trait Sum {
    fn sum(&self) -> i64;
}

impl Sum for Answer {
    fn sum(&self) -> i64 {
        let at = self.at.unix().to_be_bytes();
        let status = self.status.to_be_bytes();
        let texts = [self.principal.as_bytes(), self.command.as_bytes()];
        sum(&[texts[0], texts[1], &at, &self.digest, &status, self.body.as_bytes()])
    }
}

impl Sum for Chunk {
    fn sum(&self) -> i64 {
        sum(&[self.stream.as_bytes(), self.text.as_bytes()])
    }
}

impl Sum for ArchiveRow {
    fn sum(&self) -> i64 {
        let number = self.number.to_be_bytes();
        sum(&[self.kind.as_bytes(), self.owner.as_bytes(), &number, self.body.as_bytes()])
    }
}

fn sum(columns: &[&[u8]]) -> i64 {
    let mut sum = Sha256::new();
    for column in columns {
        sum.update((column.len() as u64).to_be_bytes());
        sum.update(column);
    }
    let whole: Hash = sum.finalize().into();
    i64::from_be_bytes(whole[..8].try_into().expect("a SHA-256 has 32 bytes"))
}

/// SHA-256 of a snapshot's body.
pub(crate) fn digest(body: &[u8]) -> Hash {
    Sha256::digest(body).into()
}

/// `row` if it still has the sum that was stored with it.
///
/// # Errors
///
/// [`StoreError::Damaged`] otherwise.
pub(crate) fn intact<T: Sum>(
    place: &str,
    row: T,
    stored: i64,
    name: impl FnOnce(&T) -> String,
) -> Result<T, StoreError> {
    if row.sum() == stored {
        return Ok(row);
    }
    Err(StoreError::damaged(place, format!("{} does not have the sum of what it says", name(&row))))
}
