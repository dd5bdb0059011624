//! Settings of a connection, the lock of the leader, the layout.

use tokio::runtime::Runtime;

use super::session::{Failure, Session, call};
use crate::{SCHEMA, StoreError};

/// One for each layout, in step with those of SQLite; what is here is never changed again.
const MIGRATIONS: &[&str] = &[include_str!("../../sql/postgres-1.sql")];
const _: () = assert!(MIGRATIONS.len() == SCHEMA as usize, "a layout without its migration");

/// The leader's connection. A server that cannot reach it, or hears nothing from it for four seconds,
/// ends it and with it the lock.
pub const LEADER: &str = "\
    SET synchronous_commit = on; \
    SET statement_timeout = '5s'; \
    SET lock_timeout = '4s'; \
    SET idle_in_transaction_session_timeout = '4s'; \
    SET idle_session_timeout = '4s'; \
    SET tcp_keepalives_idle = 1; \
    SET tcp_keepalives_interval = 1; \
    SET tcp_keepalives_count = 3; \
    SET tcp_user_timeout = 4000";

/// A reader's connection.
pub const READER: &str = "\
    SET default_transaction_read_only = on; \
    SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '10min'";

/// Tries to take the lock of the leader, which goes with the connection.
pub fn try_lock(runtime: &Runtime, session: &mut Session) -> Result<bool, Failure> {
    // The key is LEASEHOL in ASCII; locks of other databases of the server are others.
    let text = "SELECT pg_try_advisory_lock(5495581126371659596)";
    call(runtime, async { session.query(text, &[]).await?[0].try_get(0) })
}

/// The layout of what is there; 0 where there is nothing.
pub fn layout(runtime: &Runtime, session: &mut Session, place: &str) -> Result<u32, StoreError> {
    let text = "SELECT current_setting('server_encoding'), \
                (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('leasehold')), \
                to_regclass('leasehold.layout') IS NOT NULL";
    let (encoding, tables, is_ours): (String, i64, bool) = call(runtime, async {
        let row = &session.query(text, &[]).await?[0];
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    })
    .map_err(|failure| failure.told(place))?;
    let foreign = |why: String| StoreError::Foreign { place: place.into(), why };
    if encoding != "UTF8" {
        return Err(foreign(format!("the database is encoded in {encoding}, UTF8 is needed")));
    }
    if !is_ours && tables > 0 {
        return Err(foreign("its schema leasehold was made by another program".into()));
    }
    if !is_ours {
        return Ok(0);
    }
    let text = "SELECT version FROM leasehold.layout";
    let version: Option<i32> = call(runtime, async {
        session.query(text, &[]).await?.first().map(|row| row.try_get(0)).transpose()
    })
    .map_err(|failure| failure.told(place))?;
    let found = version.and_then(|version| u32::try_from(version).ok());
    let found = found.filter(|found| *found > 0);
    let found = found.ok_or_else(|| StoreError::damaged(place, "it names no layout"))?;
    if found > SCHEMA {
        return Err(StoreError::Newer { place: place.into(), found, known: SCHEMA });
    }
    Ok(found)
}

/// Brings the layout up to date, in one transaction.
pub fn migrate(
    runtime: &Runtime,
    session: &mut Session,
    place: &str,
    found: u32,
) -> Result<(), StoreError> {
    let missing = &MIGRATIONS[found as usize..];
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = String::from("BEGIN;");
    if found == 0 {
        // Nobody but its owner is let in.
        text.push_str(
            "CREATE SCHEMA IF NOT EXISTS leasehold; \
             CREATE TABLE leasehold.layout (version integer NOT NULL); \
             INSERT INTO leasehold.layout VALUES (0);",
        );
    }
    missing.iter().for_each(|step| text.push_str(step));
    text.push_str(&format!("UPDATE leasehold.layout SET version = {SCHEMA}; COMMIT"));
    call(runtime, session.client.batch_execute(&text)).map_err(|failure| failure.told(place))
}
