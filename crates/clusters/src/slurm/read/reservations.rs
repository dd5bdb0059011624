//! Reservations of slurmctld.

use leasehold_units::Instant;

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmReservation {
    /// Its name.
    pub name: String,
    /// First second.
    pub start: Instant,
    /// First second after it.
    pub end: Instant,
    /// Its nodes, in Slurm's order.
    pub nodes: Vec<String>,
    /// Accounts whose jobs may use it, in order; `-` in front of one keeps it out.
    pub accounts: Vec<String>,
    /// Users who may use it, in order.
    pub users: Vec<String>,
    /// Flags in Slurm's words, in order.
    pub flags: Vec<String>,
}
