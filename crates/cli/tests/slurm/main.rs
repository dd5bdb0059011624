//! The built binary on a real Slurm: it watches an emulated cluster, says what of it is missing,
//! and what it meters is compared with what Slurm itself has on record.
//!
//! Where Slurm is not installed, or who tests is not root, each test says so and passes; `./test` insists.

mod booked;
mod changed;
mod client;
mod clock;
mod day;
mod observed;
mod preempted;
mod proof;
mod record;
mod refusals;
mod stage;
mod yard;
