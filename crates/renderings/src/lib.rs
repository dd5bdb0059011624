//! A sealed document for people: as text, as a page for the screen and the printer, as a PDF.
//!
//! The JSON is the document, and everything here is a rendering of it. All three forms draw one
//! [`Sheet`], so none can leave out what another shows. Nothing is decided here: an amount is what
//! the document states, and a sum is a sum of such amounts.

mod derivation;
mod page;
mod pdf;
mod sheet;
mod sums;
mod text;
mod words;

pub use page::page;
pub use pdf::{Paper, pdf};
pub use sheet::{Entry, Group, Note, NoteStyle, SealCheck, Sheet, Sum, SumKind};
pub use sums::Block;
pub use text::text;
