//! The event log and what is kept beside it: SQLite by default, PostgreSQL where the state must
//! outlive the machine.
//!
//! This floor knows bytes, not events: bodies are JSON text made by others. One store is written by
//! one leader at a time. Every write is one durable transaction that first checks that its writer
//! still leads, so that one who lost the lead and does not know it yet writes nothing.

mod chain;
#[cfg(feature = "cluster")]
pub mod cluster;
mod error;
mod model;
mod postgres;
mod sqlite;
mod store;
mod tools;
mod volatile;

pub use chain::{NO_HASH, hash, seal};
pub use error::StoreError;
pub use model::{
    Answer, ArchiveRow, Batch, Chunk, Hash, Head, Import, NewRecord, Record, Snapshot,
};
pub use postgres::Postgres;
pub use sqlite::Sqlite;
pub use store::{OpenMode, Store, open};
pub use tools::{Counts, backup, copy, restore, verify_chain};
pub use volatile::Volatile;

/// The newest layout of the tables that this program knows.
pub const SCHEMA: u32 = 1;
