//! `invoice`: what anybody can do with an invoice without its landlord, and what becomes of it on a server.

mod live;
mod show;
mod verify;

use std::path::Path;

use leasehold_ledger::{PublicKey, SealError, Sealed};

use crate::failure::Failure;
use crate::files;

pub use live::run as live;
pub use show::run as show;
pub use verify::run as verify;

/// Reads a document that `key` sealed and whose amounts follow from their formulas.
fn open(path: &Path, key: &PublicKey) -> Result<Sealed, Failure> {
    sealed(path, &files::read(path)?, key)
}

/// The same of `text`, which `path` names.
fn sealed(path: &Path, text: &str, key: &PublicKey) -> Result<Sealed, Failure> {
    followed(path, Sealed::open(text, key))
}

/// A document whose amounts follow from their formulas; `path` names it. Its seal is not looked at.
fn unsealed(path: &Path, text: &str) -> Result<Sealed, Failure> {
    followed(path, Sealed::from_json(text).map_err(SealError::from))
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
