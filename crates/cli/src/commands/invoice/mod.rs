//! `invoice`: what anybody can do with an invoice, without its landlord.

mod show;
mod verify;

use std::path::Path;

use leasehold_ledger::{PublicKey, SealError, Sealed};

use crate::failure::Failure;
use crate::files;

pub use show::run as show;
pub use verify::run as verify;

/// Reads a document that `key` sealed and whose amounts follow from their formulas.
fn open(path: &Path, key: &PublicKey) -> Result<Sealed, Failure> {
    followed(path, Sealed::open(&files::read(path)?, key))
}

/// Reads a document whose amounts follow from their formulas. Its seal is not looked at.
fn read(path: &Path) -> Result<Sealed, Failure> {
    followed(path, Sealed::from_json(&files::read(path)?).map_err(SealError::from))
}

fn followed(path: &Path, sealed: Result<Sealed, SealError>) -> Result<Sealed, Failure> {
    let at = |error: String| Failure::impossible(format!("{}: {error}", path.display()));
    let sealed = sealed.map_err(|error| {
        let hint = match error {
            SealError::Read(_) => "ask for the document as it was issued",
            SealError::OtherKey { .. } => "the landlord publishes its key; ask for the one of then",
            SealError::Broken => {
                "do not pay it: ask the landlord for the document as it was issued"
            }
        };
        at(error.to_string()).with_hint(hint)
    })?;
    sealed.invoice.check().map_err(|error| at(error.to_string()))?;
    Ok(sealed)
}
