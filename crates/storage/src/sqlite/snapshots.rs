//! Snapshots in SQLite: the last two, each in parts.

use rusqlite::{Connection, Transaction, params};

use super::errors::told;
use super::rows::{hash_at, number, signed};
use crate::chain::{NO_HASH, digest};
use crate::{Hash, Snapshot, StoreError};

/// How many bytes a part has at most, so that no backend has to hold one giant value.
const PART_BYTES: usize = 8 << 20;

/// Puts `snapshot` in and all but it and the one before it out.
pub fn put(transaction: &Transaction<'_>, snapshot: &Snapshot) -> rusqlite::Result<()> {
    let seq = signed(snapshot.seq);
    transaction.execute("DELETE FROM snapshot_part WHERE seq = ?1", [seq])?;
    transaction.execute(
        "INSERT OR REPLACE INTO snapshot (seq, hash, format, digest) VALUES (?1, ?2, ?3, ?4)",
        params![seq, snapshot.hash, snapshot.format, digest(&snapshot.body)],
    )?;
    for (part, bytes) in (0_i64..).zip(snapshot.body.chunks(PART_BYTES)) {
        transaction.execute(
            "INSERT INTO snapshot_part (seq, part, body) VALUES (?1, ?2, ?3)",
            params![seq, part, bytes],
        )?;
    }
    let old = "seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT 2)";
    transaction.execute(&format!("DELETE FROM snapshot_part WHERE {old}"), [])?;
    transaction.execute(&format!("DELETE FROM snapshot WHERE {old}"), [])?;
    Ok(())
}

/// The newest whole one of this log.
pub fn latest(connection: &Connection, place: &str) -> Result<Option<Snapshot>, StoreError> {
    let kept = list(connection).map_err(|error| told(place, &error))?;
    for (seq, hash, format, wanted) in kept {
        let of_this_log =
            hash_at(connection, place, seq)?.or((seq == 0).then_some(NO_HASH)) == Some(hash);
        let body = body(connection, seq).map_err(|error| told(place, &error))?;
        if of_this_log && digest(&body) == wanted {
            return Ok(Some(Snapshot { seq, hash, format, body }));
        }
    }
    Ok(None)
}

fn list(connection: &Connection) -> rusqlite::Result<Vec<(u64, Hash, String, Hash)>> {
    let mut query = connection
        .prepare_cached("SELECT seq, hash, format, digest FROM snapshot ORDER BY seq DESC")?;
    let found =
        query.query_map([], |row| Ok((number(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    found.collect()
}

fn body(connection: &Connection, seq: u64) -> rusqlite::Result<Vec<u8>> {
    let mut query =
        connection.prepare_cached("SELECT body FROM snapshot_part WHERE seq = ?1 ORDER BY part")?;
    let parts = query.query_map([signed(seq)], |row| row.get::<_, Vec<u8>>(0))?;
    let mut body = Vec::new();
    for part in parts {
        body.extend(part?);
    }
    Ok(body)
}
