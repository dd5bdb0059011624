//! Versions of Slurm.

use std::fmt;

/// A release: year and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Year, two digits.
    pub major: u16,
    /// Month.
    pub minor: u16,
}

impl Version {
    /// The oldest that is understood.
    pub const OLDEST: Self = Self { major: 22, minor: 5 };
    /// The newest whose answers are known.
    pub const NEWEST: Self = Self { major: 25, minor: 11 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.major, self.minor)
    }
}
