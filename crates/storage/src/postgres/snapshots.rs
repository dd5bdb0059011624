//! Snapshots in PostgreSQL: the last two, each in parts.

use super::link::Link;
use super::rows::signed;
use super::session::Session;
use crate::chain::digest;
use crate::{Hash, Snapshot, StoreError};

/// How many bytes a part has at most, so that nobody has to hold one giant value.
const PART_BYTES: usize = 8 << 20;

/// A snapshot without its body.
pub struct Kept {
    pub seq: u64,
    pub hash: Hash,
    format: String,
    digest: Hash,
}

/// Puts `snapshot` in and all but it and the one before it out.
pub async fn put(session: &mut Session, snapshot: &Snapshot) -> Result<(), tokio_postgres::Error> {
    let seq = signed(snapshot.seq);
    session.query("DELETE FROM leasehold.snapshot_part WHERE seq = $1", &[&seq]).await?;
    let insert = "INSERT INTO leasehold.snapshot (seq, hash, format, digest) \
                  VALUES ($1, $2, $3, $4) ON CONFLICT (seq) DO UPDATE \
                  SET hash = excluded.hash, format = excluded.format, digest = excluded.digest";
    let (hash, digest) = (snapshot.hash.as_slice(), digest(&snapshot.body));
    session.query(insert, &[&seq, &hash, &snapshot.format, &digest.as_slice()]).await?;
    let insert = "INSERT INTO leasehold.snapshot_part (seq, part, body) VALUES ($1, $2, $3)";
    for (part, bytes) in (0_i64..).zip(snapshot.body.chunks(PART_BYTES)) {
        session.query(insert, &[&seq, &part, &bytes]).await?;
    }
    let parts = "DELETE FROM leasehold.snapshot_part WHERE seq NOT IN \
                 (SELECT seq FROM leasehold.snapshot ORDER BY seq DESC LIMIT 2)";
    session.query(parts, &[]).await?;
    let rows = "DELETE FROM leasehold.snapshot WHERE seq NOT IN \
                (SELECT seq FROM leasehold.snapshot ORDER BY seq DESC LIMIT 2)";
    session.query(rows, &[]).await?;
    Ok(())
}

/// Those that are kept, the newest first.
pub fn list(link: &mut Link) -> Result<Vec<Kept>, StoreError> {
    let text = "SELECT seq, hash, format, digest FROM leasehold.snapshot ORDER BY seq DESC";
    let rows = link.read(text, &[])?;
    let reading = link.reading();
    let kept = rows.iter().map(|row| {
        Ok(Kept {
            seq: reading.number(row, 0)?,
            hash: reading.hash(row, 1)?,
            format: reading.get(row, 2)?,
            digest: reading.hash(row, 3)?,
        })
    });
    kept.collect()
}

/// The snapshot with its body; nothing if that is not what was stored.
pub fn whole(link: &mut Link, kept: Kept) -> Result<Option<Snapshot>, StoreError> {
    // Part by part, so that no answer takes long.
    let text = "SELECT body FROM leasehold.snapshot_part WHERE seq = $1 AND part = $2";
    let mut body = Vec::new();
    for part in 0_i64.. {
        let rows = link.read(text, &[&signed(kept.seq), &part])?;
        let Some(row) = rows.first() else { break };
        body.extend_from_slice(link.reading().get::<&[u8]>(row, 0)?);
    }
    let Kept { seq, hash, format, digest: wanted } = kept;
    Ok((digest(&body) == wanted).then_some(Snapshot { seq, hash, format, body }))
}
