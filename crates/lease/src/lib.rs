//! Lease terms, their versions, notice arithmetic, and the two step functions that follow from
//! them: what is granted and what is owed, over civil days in the lease's zone.
//!
//! Chooses no hardware and stores nothing.

mod terms;

pub use terms::*;
