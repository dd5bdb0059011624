//! What is written, each in one statement or one transaction that moves the head first.

use std::collections::BTreeMap;

use tokio_postgres::types::ToSql;

use super::rows::signed;
use crate::chain::Sum as _;
use crate::{Answer, ArchiveRow, Chunk, Head, Record};

/// Appends in one statement, which is one trip to the server. Nothing is inserted unless the head was
/// where its leader left it.
pub const APPEND: &str = "\
WITH moved AS (
    UPDATE leasehold.head SET seq = $1, hash = $2, writes = writes + 1
    WHERE id = 1 AND epoch = $3 AND seq = $4 AND hash = $5 RETURNING writes
), records AS (
    INSERT INTO leasehold.record (seq, at, epoch, hash, body)
    SELECT put.* FROM moved,
        unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[], $10::text[]) AS put
), answers AS (
    INSERT INTO leasehold.answer (principal, command, at, digest, status, body, sum)
    SELECT put.* FROM moved,
        unnest($11::text[], $12::text[], $13::bigint[], $14::bytea[], $15::integer[], $16::text[],
            $17::bigint[]) AS put
), chunks AS (
    INSERT INTO leasehold.chunk (stream, text, sum)
    SELECT put.stream, put.text, put.sum FROM moved,
        unnest($18::text[], $19::text[], $20::bigint[])
            WITH ORDINALITY AS put (stream, text, sum, place)
    ORDER BY put.place
), archive AS (
    INSERT INTO leasehold.archive (kind, owner, number, body, sum)
    SELECT put.* FROM moved,
        unnest($21::text[], $22::text[], $23::bigint[], $24::text[], $25::bigint[]) AS put
    ON CONFLICT (kind, owner, number) DO UPDATE SET body = excluded.body, sum = excluded.sum
)
SELECT writes FROM moved";

/// The same check for writes that are several statements.
pub const MOVE: &str = "\
UPDATE leasehold.head SET writes = writes + 1
WHERE id = 1 AND epoch = $1 AND seq = $2 AND hash = $3 RETURNING writes";

type Texts<'a> = Vec<&'a str>;
type Bytes<'a> = Vec<&'a [u8]>;

/// The columns of [`APPEND`].
pub struct Columns<'a> {
    head: (i64, &'a [u8], i64, i64, &'a [u8]),
    records: (Vec<i64>, Vec<i64>, Vec<i64>, Bytes<'a>, Texts<'a>),
    answers: Answers<'a>,
    chunks: (Texts<'a>, Texts<'a>, Vec<i64>),
    archive: (Texts<'a>, Texts<'a>, Vec<i64>, Texts<'a>, Vec<i64>),
}

#[derive(Default)]
struct Answers<'a> {
    principals: Texts<'a>,
    commands: Texts<'a>,
    at: Vec<i64>,
    digests: Bytes<'a>,
    statuses: Vec<i32>,
    bodies: Texts<'a>,
    sums: Vec<i64>,
}

impl<'a> Columns<'a> {
    pub fn of(
        old: &'a Head,
        new: &'a Head,
        records: &'a [Record],
        (answers, chunks, archive): (&'a [Answer], &'a [Chunk], &'a [ArchiveRow]),
    ) -> Self {
        let mut columns = Self {
            head: (signed(new.seq), &new.hash, signed(old.epoch), signed(old.seq), &old.hash),
            records: Default::default(),
            answers: Answers::default(),
            chunks: Default::default(),
            archive: Default::default(),
        };
        for record in records {
            columns.records.0.push(signed(record.seq));
            columns.records.1.push(record.at.unix());
            columns.records.2.push(signed(record.epoch));
            columns.records.3.push(&record.hash);
            columns.records.4.push(&record.body);
        }
        answers.iter().for_each(|answer| columns.answers.push(answer));
        for chunk in chunks {
            columns.chunks.0.push(&chunk.stream);
            columns.chunks.1.push(&chunk.text);
            columns.chunks.2.push(chunk.sum());
        }
        // One statement replaces a row once at most: of several, the last.
        let last: BTreeMap<_, _> =
            archive.iter().map(|row| ((&row.kind, &row.owner, row.number), row)).collect();
        for row in last.into_values() {
            columns.archive.0.push(&row.kind);
            columns.archive.1.push(&row.owner);
            columns.archive.2.push(signed(row.number));
            columns.archive.3.push(&row.body);
            columns.archive.4.push(row.sum());
        }
        columns
    }

    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 25] {
        let (head, records, answers) = (&self.head, &self.records, &self.answers);
        let (chunks, archive) = (&self.chunks, &self.archive);
        [
            &head.0,
            &head.1,
            &head.2,
            &head.3,
            &head.4,
            &records.0,
            &records.1,
            &records.2,
            &records.3,
            &records.4,
            &answers.principals,
            &answers.commands,
            &answers.at,
            &answers.digests,
            &answers.statuses,
            &answers.bodies,
            &answers.sums,
            &chunks.0,
            &chunks.1,
            &chunks.2,
            &archive.0,
            &archive.1,
            &archive.2,
            &archive.3,
            &archive.4,
        ]
    }
}

impl<'a> Answers<'a> {
    fn push(&mut self, answer: &'a Answer) {
        self.principals.push(&answer.principal);
        self.commands.push(&answer.command);
        self.at.push(answer.at.unix());
        self.digests.push(&answer.digest);
        self.statuses.push(answer.status.into());
        self.bodies.push(&answer.body);
        self.sums.push(answer.sum());
    }
}
