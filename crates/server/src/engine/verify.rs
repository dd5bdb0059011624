//! Whether what is stored holds: the whole log is folded again, every invariant is checked on the way, and the
//! snapshot must say the same.

use leasehold_storage::Store;

use super::load::{LoadError, fold_all, fold_from_snapshot, write_snapshot};
use crate::core::FoldError;

/// What was found of a log that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Documents whose seals and entries were checked.
    pub documents: usize,
    /// Up to which record the snapshot is that says what its part of the log does, if there is one.
    pub snapshot_at: Option<u64>,
}

/// Checks what `store` holds at this moment; whether its hashes follow from each other is another question.
///
/// # Errors
/// See [`LoadError`].
pub fn verify(store: &mut dyn Store) -> Result<Verified, LoadError> {
    let head = store.freeze()?;
    let verified = verify_frozen(store, &head);
    let thawed = store.thaw();
    let verified = verified?;
    thawed?;
    Ok(verified)
}

fn verify_frozen(
    store: &mut dyn Store,
    head: &leasehold_storage::Head,
) -> Result<Verified, LoadError> {
    let mut core = fold_all(store)?;
    let (resumed, from) = fold_from_snapshot(store)?;
    if from > 0 {
        let bodies = [&core, &resumed].map(|core| write_snapshot(core, head).map(|s| s.body));
        if !matches!(&bodies, [Ok(folded), Ok(resumed)] if folded == resumed) {
            return Err(LoadError::SnapshotDiffers { seq: from });
        }
    }
    core.check_books().map_err(FoldError::Violation)?;
    let documents = core.state().books.invoices.len();
    Ok(Verified { documents, snapshot_at: (from > 0).then_some(from) })
}
