//! A store that keeps everything but the records, in memory: for a demonstration that runs for days of
//! model time and is gone when it ends.

use std::collections::BTreeMap;

use leasehold_units::Instant;

use crate::chain;
use crate::{Answer, ArchiveRow, Batch, Chunk, Head, Import, Record, Snapshot, Store, StoreError};

const PLACE: &str = "memory";

/// Of each kind and owner so many archive rows are kept, the last ones.
const ROWS_MAX: usize = 10_000;

/// Keeps answers, chunks, the last archive rows and the head; no records and no snapshots.
#[derive(Debug, Default)]
pub struct Volatile {
    head: Head,
    answers: BTreeMap<(String, String), Answer>,
    chunks: Vec<Chunk>,
    /// Which chunks each stream has.
    streams: BTreeMap<String, Vec<usize>>,
    archive: BTreeMap<(String, String, u64), ArchiveRow>,
    /// How many rows each kind and owner has.
    rows: BTreeMap<(String, String), usize>,
}

impl Volatile {
    /// An empty one, led by its owner.
    pub fn new() -> Self {
        Self { head: Head { epoch: 1, ..Head::default() }, ..Self::default() }
    }

    fn put_beside(&mut self, answers: &[Answer], chunks: &[Chunk], archive: &[ArchiveRow]) {
        for answer in answers {
            let key = (answer.principal.clone(), answer.command.clone());
            self.answers.insert(key, answer.clone());
        }
        for chunk in chunks {
            self.streams.entry(chunk.stream.clone()).or_default().push(self.chunks.len());
            self.chunks.push(chunk.clone());
        }
        for row in archive {
            self.put_row(row);
        }
    }

    fn put_row(&mut self, row: &ArchiveRow) {
        let ArchiveRow { kind, owner, number, .. } = row;
        if self.archive.insert((kind.clone(), owner.clone(), *number), row.clone()).is_some() {
            return;
        }
        let rows = self.rows.entry((kind.clone(), owner.clone())).or_default();
        *rows += 1;
        if *rows > ROWS_MAX {
            *rows -= 1;
            let mut own = self.archive.range((kind.clone(), owner.clone(), 0)..);
            if let Some(oldest) = own.next().map(|(key, _)| key.clone()) {
                self.archive.remove(&oldest);
            }
        }
    }

    fn check_new(&self, answers: &[Answer]) -> Result<(), StoreError> {
        let mut seen = std::collections::BTreeSet::new();
        for answer in answers {
            let key = (answer.principal.clone(), answer.command.clone());
            if self.answers.contains_key(&key) || !seen.insert(key) {
                let (principal, command) = (answer.principal.clone(), answer.command.clone());
                return Err(StoreError::Repeated { principal, command });
            }
        }
        Ok(())
    }
}

fn not_kept() -> StoreError {
    StoreError::NotKept { place: PLACE.into() }
}

impl Store for Volatile {
    fn place(&self) -> &str {
        PLACE
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn refresh(&mut self) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    fn append(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        batch.check()?;
        self.check_new(&batch.answers)?;
        let Head { seq, hash, epoch } = self.head;
        let mut last = hash;
        for (record, seq) in batch.records.iter().zip(seq + 1..) {
            last = chain::hash(&last, seq, record.at, epoch, &record.body);
        }
        self.put_beside(&batch.answers, &batch.chunks, &batch.archive);
        self.head = Head { seq: seq + batch.records.len() as u64, hash: last, epoch };
        Ok(self.head)
    }

    fn read(&mut self, from_seq: u64, _limit: u32) -> Result<Vec<Record>, StoreError> {
        if from_seq > self.head.seq { Ok(Vec::new()) } else { Err(not_kept()) }
    }

    fn answer(&mut self, principal: &str, command: &str) -> Result<Option<Answer>, StoreError> {
        Ok(self.answers.get(&(principal.to_owned(), command.to_owned())).cloned())
    }

    fn answers_to(&mut self, commands: &[(&str, &str)]) -> Result<Vec<Answer>, StoreError> {
        let known = commands.iter().filter_map(|(principal, command)| {
            self.answers.get(&((*principal).to_owned(), (*command).to_owned())).cloned()
        });
        Ok(known.collect())
    }

    fn text(&mut self, stream: &str) -> Result<Option<String>, StoreError> {
        let text = |own: &Vec<usize>| own.iter().map(|index| &*self.chunks[*index].text).collect();
        Ok(self.streams.get(stream).map(text))
    }

    fn streams(&mut self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let from = self.streams.range(prefix.to_owned()..).map(|(stream, _)| stream);
        Ok(from.take_while(|stream| stream.starts_with(prefix)).cloned().collect())
    }

    fn archived(
        &mut self,
        kind: &str,
        owner: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError> {
        let key = |number| (kind.to_owned(), owner.to_owned(), number);
        let below = self.archive.range(key(0)..key(before.unwrap_or(u64::MAX)));
        Ok(below.rev().take(limit as usize).map(|(_, row)| row.clone()).collect())
    }

    fn archived_one(
        &mut self,
        kind: &str,
        owner: &str,
        number: u64,
    ) -> Result<Option<ArchiveRow>, StoreError> {
        Ok(self.archive.get(&(kind.to_owned(), owner.to_owned(), number)).cloned())
    }

    fn put_snapshot(&mut self, _snapshot: &Snapshot) -> Result<(), StoreError> {
        Ok(())
    }

    fn latest_snapshot(&mut self) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }

    fn prune_answers(&mut self, before: Instant) -> Result<u64, StoreError> {
        let all = self.answers.len();
        self.answers.retain(|_, answer| answer.at >= before);
        Ok((all - self.answers.len()) as u64)
    }

    fn freeze(&mut self) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    fn thaw(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn answers(
        &mut self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Answer>, StoreError> {
        let after = after.map(|(principal, command)| (principal.to_owned(), command.to_owned()));
        let behind = self.answers.iter().filter(|(key, _)| after.as_ref().is_none_or(|a| *key > a));
        Ok(behind.take(limit as usize).map(|(_, answer)| answer.clone()).collect())
    }

    fn chunks(&mut self, after: u64, limit: u32) -> Result<Vec<(u64, Chunk)>, StoreError> {
        let numbered = (1..).zip(&self.chunks).filter(|(number, _)| *number > after);
        Ok(numbered.take(limit as usize).map(|(number, chunk)| (number, chunk.clone())).collect())
    }

    fn archive(
        &mut self,
        after: Option<(&str, &str, u64)>,
        limit: u32,
    ) -> Result<Vec<ArchiveRow>, StoreError> {
        let after = after.map(|(kind, owner, number)| (kind.to_owned(), owner.to_owned(), number));
        let behind = self.archive.iter().filter(|(key, _)| after.as_ref().is_none_or(|a| *key > a));
        Ok(behind.take(limit as usize).map(|(_, row)| row.clone()).collect())
    }

    fn check_pages(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn begin_import(&mut self) -> Result<(), StoreError> {
        Err(not_kept())
    }

    fn import(&mut self, _part: &Import) -> Result<Head, StoreError> {
        Err(not_kept())
    }

    fn finish_import(&mut self, _epoch: u64) -> Result<Head, StoreError> {
        Err(not_kept())
    }
}
