//! Two words that the site and the lease both speak.

use serde::{Deserialize, Serialize};

/// Which of a node's power figures is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerBasis {
    /// What the label says.
    Nameplate,
    /// What the site plans and sells with.
    Contracted,
    /// The highest draw observed under load.
    Measured,
}

/// Whole blocks in which capacity is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Single servers.
    Node,
    /// Whole racks.
    Rack,
    /// Whole arrays of racks.
    Array,
}
