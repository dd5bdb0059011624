//! From what is stored to the core, and snapshots that make that quick.

use leasehold_control::{Control, State};
use leasehold_diagnostics::Source;
use leasehold_storage::{Head, Snapshot, Store, StoreError};
use leasehold_units::Instant;
use serde::{Deserialize, Serialize};

use crate::core::{Core, FoldError, Outbox};
use crate::log::{Entry, Fact};
use crate::registry::Registry;

/// Records are read so many at a time.
const PAGE: u32 = 10_000;

/// What snapshots of this version say of themselves. One that says anything else is not read: the log is
/// folded instead.
const FORMAT: &str = concat!("leasehold ", env!("CARGO_PKG_VERSION"), " msgpack 2");

/// Where the store keeps no snapshot, so that none is written.
pub const NO_SNAPSHOTS: u64 = u64::MAX;

/// What a loop starts from.
pub struct Loaded {
    /// The core, as of the last record.
    pub core: Core,
    /// Where it came from.
    pub store: Box<dyn Store>,
    /// Up to which record a snapshot is kept; [`NO_SNAPSHOTS`] if none is wanted.
    pub snapshot_seq: u64,
    /// What happened since the last record: the loop makes it durable before anything else.
    pub unsaved: Outbox,
}

/// Why nothing could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The log is of another site file.
    #[error(
        "the database is of another site file than {name}: a site is opened once and its plant never changes; serve it without a site file, or another database with this one"
    )]
    OtherSite {
        /// The file that was given.
        name: String,
    },
    /// A snapshot and the log say different things.
    #[error(
        "the snapshot at record {seq} is not what the log comes to; serve with a copy of the database in which the snapshot is missing, and report what happened"
    )]
    SnapshotDiffers {
        /// Up to which record the snapshot is.
        seq: u64,
    },
    /// Nothing is stored and no site was given.
    #[error("the database is empty; name the site file to open it with")]
    Empty,
}

/// Loads what is stored; an empty store is opened with the site of the file `site` at `now`, which is not
/// durable yet: what a site begins with is in the log as a whole or not at all.
///
/// # Errors
/// See [`LoadError`].
pub fn load(
    mut store: Box<dyn Store>,
    site: Option<&Source>,
    now: Instant,
) -> Result<Loaded, LoadError> {
    if store.head().seq == 0 {
        let site = site.ok_or(LoadError::Empty)?;
        let mut core = Core::open(site, now)?;
        let mut out = Outbox::default();
        core.note(now, Fact::Opened { site: site.text.to_string() }, &mut out);
        return Ok(Loaded { core, store, snapshot_seq: 0, unsaved: out });
    }
    if let Some(site) = site
        && *opened_with(store.as_mut())?.1 != *site.text
    {
        return Err(LoadError::OtherSite { name: site.name.clone() });
    }
    let (core, snapshot_seq) = fold_from_snapshot(store.as_mut())?;
    Ok(Loaded { core, store, snapshot_seq, unsaved: Outbox::default() })
}

/// The core as of the last stored record.
pub(super) fn read_core(store: &mut dyn Store) -> Result<Core, LoadError> {
    Ok(fold_from_snapshot(store)?.0)
}

/// The core from the whole log, without a snapshot.
///
/// # Errors
/// See [`LoadError`].
pub fn fold_all(store: &mut dyn Store) -> Result<Core, LoadError> {
    let (at, text) = opened_with(store)?;
    let mut core = Core::open(&Source::new("site.toml", text), at)?;
    fold_rest(store, &mut core, 1)?;
    Ok(core)
}

pub(super) fn fold_from_snapshot(store: &mut dyn Store) -> Result<(Core, u64), LoadError> {
    let known = store.latest_snapshot()?.filter(|snapshot| snapshot.format == FORMAT);
    let restored = known.and_then(|snapshot| {
        let restored = read_snapshot(&snapshot);
        if restored.is_none() {
            tracing::warn!(
                seq = snapshot.seq,
                "a snapshot cannot be read; the log is folded instead"
            );
        }
        restored.map(|core| (core, snapshot.seq))
    });
    let (mut core, from) = match restored {
        Some(restored) => restored,
        None => {
            let (at, text) = opened_with(store)?;
            (Core::open(&Source::new("site.toml", text), at)?, 0)
        }
    };
    fold_rest(store, &mut core, from + 1)?;
    Ok((core, from))
}

fn fold_rest(store: &mut dyn Store, core: &mut Core, from: u64) -> Result<(), LoadError> {
    let mut next = from;
    let told = core.state().books.others.len();
    loop {
        let records = store.read(next, PAGE)?;
        let Some(last) = records.last() else {
            for other in &core.state().books.others[told..] {
                tracing::warn!(%other, "it stands as it was issued");
            }
            return Ok(());
        };
        next = last.seq + 1;
        for record in &records {
            core.fold(record)?;
        }
        core.forget_records();
    }
}

/// When the log begins, and the site file that it begins with.
fn opened_with(store: &mut dyn Store) -> Result<(Instant, String), LoadError> {
    let first = store.read(1, 1)?;
    let entry = first.first().map(|record| (record.at, serde_json::from_str(&record.body)));
    match entry {
        Some((at, Ok(Entry::Fact(Fact::Opened { site })))) => Ok((at, site)),
        _ => Err(FoldError::NotOpened.into()),
    }
}

#[derive(Serialize)]
struct Written<'a> {
    state: &'a State,
    registry: &'a Registry,
}

#[derive(Deserialize)]
struct Read {
    state: State,
    registry: Registry,
}

/// A snapshot of `core` as of `head`.
///
/// # Errors
/// Where something cannot be written.
pub fn write_snapshot(core: &Core, head: &Head) -> Result<Snapshot, rmp_serde::encode::Error> {
    let written = Written { state: core.state(), registry: core.registry() };
    let body = rmp_serde::to_vec_named(&written)?;
    Ok(Snapshot { seq: head.seq, hash: head.hash, format: FORMAT.into(), body })
}

/// The core of a snapshot, if it can be read.
pub fn read_snapshot(snapshot: &Snapshot) -> Option<Core> {
    let read: Read = rmp_serde::from_slice(&snapshot.body).ok()?;
    Some(Core::from_parts(Control::resume(read.state), read.registry))
}
