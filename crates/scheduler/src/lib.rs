//! Queues, gang placement, backfill, borrowing, reclaim and curtailment.
//!
//! Knows nothing of money and never reads a clock: `now` is always an argument.

pub mod backfill;
pub mod blocks;
pub mod nodes;
pub mod placement;
pub mod reclaim;
