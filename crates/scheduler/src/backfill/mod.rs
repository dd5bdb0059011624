//! The integer core of backfilling: who may start next without delaying who was promised before.
//!
//! [`QueueTree`] holds what waits, in arrival order. [`Releases`] holds what running jobs will give
//! back, by estimated end. [`EasyPass`] joins the two into EASY backfilling. [`Profile`] and
//! [`Reservations`] give every waiting job a start of its own: conservative backfilling.
//!
//! Sizes are counts of whatever a job takes (nodes, GPUs, processors) and times are seconds on any
//! one axis. Nothing here knows which jobs they are: a job is a size, a request and a `u32` handle.

mod easy;
mod profile;
mod queue;
mod releases;
mod runs;
#[cfg(test)]
mod tests;
mod timeline;

pub use easy::{EasyPass, Reservation};
pub use profile::{Profile, Reservations, Reserved};
pub use queue::{Limits, QueueTree, Queued};
pub use releases::{Releases, Shadow};
