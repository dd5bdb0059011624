//! The document as a file: its JSON, the seal on it, and what anybody can check of it alone.
//!
//! The JSON is the document; everything else is a rendering of it. There is one text for a document:
//! what is not byte for byte what [`Invoice::to_json`] writes is refused, so that nothing can be
//! altered in it, not even a blank.

mod check;
pub(crate) mod running;
mod seal;
mod wire;

pub use check::CheckError;
pub use seal::{KeyError, PublicKey, SealError, SigningKey};
pub use wire::ReadError;
pub(crate) use wire::{hex, unhex};

use crate::Invoice;

/// A document with the seal of who issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What was issued.
    pub invoice: Invoice,
    /// Who sealed it.
    pub key: PublicKey,
    /// The seal.
    pub signature: [u8; 64],
}
