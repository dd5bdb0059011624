//! The conservation invariant: GPU-seconds per state add up to installed GPUs times time.

use leasehold_units::GpuSeconds;

use crate::StateTotals;

/// What conservation was checked on, for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conservation {
    /// Installed GPUs times time in service.
    pub installed: GpuSeconds,
    /// What was metered, by state.
    pub metered: StateTotals,
}

/// How GPU-seconds were lost or counted twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConservationError {
    /// The site as a whole.
    #[error(transparent)]
    Site(StateImbalance),
    /// One node, although the site as a whole may be in balance.
    #[error(transparent)]
    Node(NodeImbalance),
}

/// The states of the site do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "states add up to {metered} GPU-seconds, but {installed} were installed: \
     each GPU must be in exactly one state"
)]
pub struct StateImbalance {
    /// Installed GPUs times time in service.
    pub installed: GpuSeconds,
    /// The sum over all states.
    pub metered: GpuSeconds,
}

/// The states of a node do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "node {node} has {metered} GPU-seconds in its states, but {installed} were installed: \
     each GPU must be in exactly one state"
)]
pub struct NodeImbalance {
    /// Number of the node in the site.
    pub node: u32,
    /// Its GPUs times its time in service.
    pub installed: GpuSeconds,
    /// What was metered for it; negative where the book itself is wrong.
    pub metered: i128,
}

impl Conservation {
    /// Whether the states add up to what was installed.
    pub fn check(&self) -> Result<(), StateImbalance> {
        let metered = self.metered.sum();
        if metered == self.installed {
            Ok(())
        } else {
            Err(StateImbalance { installed: self.installed, metered })
        }
    }
}
