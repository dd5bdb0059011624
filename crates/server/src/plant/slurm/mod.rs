//! A cluster under Slurm: Slurm places the jobs; what it did is booked, and where leases are enforced it is
//! given what they come to.

mod booking;
mod names;

pub use booking::{Booking, Trouble};
pub use names::{Names, NamesError};
