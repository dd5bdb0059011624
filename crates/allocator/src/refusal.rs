//! Why the site cannot carry a lease. Says what is missing, never who has it.

use std::fmt;

use leasehold_units::{Day, LeaseId, Shape};

/// What runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// There are not enough whole blocks in service that are not promised.
    Blocks,
    /// The envelope cannot feed what would be promised.
    Power,
    /// The lease is for all, and something is promised already.
    All,
}

/// A lease that the site cannot carry on some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which lease.
    pub lease: LeaseId,
    /// First day on which it is short.
    pub from: Day,
    /// Last day of the step that is short.
    pub until: Day,
    /// The blocks that it is promised in.
    pub shape: Shape,
    /// What runs out.
    pub constraint: Constraint,
    /// What is short, with its unit.
    pub short_by: String,
    /// The largest amount that fits on these days, with its unit.
    pub fits: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = match self.shape {
            Shape::Node => "nodes",
            Shape::Rack => "whole racks",
            Shape::Array => "whole arrays",
        };
        let why = match self.constraint {
            Constraint::Blocks => "are not left",
            Constraint::Power => "cannot be fed by the envelope",
            Constraint::All => "are promised already",
        };
        write!(
            f,
            "{} cannot be carried from {} to {}: {} in {shape} {why}; {} would fit",
            self.lease, self.from, self.until, self.short_by, self.fits
        )
    }
}

impl std::error::Error for Refusal {}
