//! From usage intervals to charges, invoices and the journal, with service credits.
//!
//! Everything is exact: GPU-seconds are integers, energy and prices are ratios, and an amount is
//! rounded once, at its line. Nothing here updates or deletes what was issued or posted: a
//! correction is a new line of a new document.

mod billing;
mod calendar;
mod charges;
mod conservation;
mod hledger;
mod invoice;
mod journal;
mod json;
mod meter;
mod readings;
mod usage;
mod wording;

pub use billing::{BilledLease, Biller};
pub use conservation::{Conservation, ConservationError, NodeImbalance, StateImbalance};
pub use invoice::{Derivation, Invoice, Line, LineKind, Revenue};
pub use journal::{Journal, Posting, Transaction};
pub use leasehold_lease::FeePeriod;
pub use meter::{Meter, OverMetering, ReclaimOutcome};
pub use readings::PeriodReadings;
pub use usage::{GpuState, LeaseIndex, PartyIndex, StateTotals, UsageInterval};
