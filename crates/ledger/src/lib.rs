//! From usage intervals to charges, invoices and the journal, with service credits.
//!
//! Everything is exact: GPU-seconds are integers, energy and prices are ratios, and an amount is
//! rounded once, at its line. Nothing here updates or deletes what was issued or posted: a
//! correction is a new line of a new document.

mod account;
mod billing;
mod calendar;
mod charges;
mod conservation;
mod delivery;
mod document;
mod formula;
mod hledger;
mod invoice;
mod journal;
mod meter;
mod readings;
mod record;
mod rederive;
mod service;
mod usage;
mod wording;

pub use account::LeaseAccount;
pub use billing::{BilledLease, Biller};
pub use conservation::{Conservation, ConservationError, NodeImbalance, StateImbalance};
pub use document::*;
pub use formula::{FormulaError, evaluate};
pub use invoice::{Derivation, DueLine, Invoice, Line, LineKind, Revenue, TermsDigest};
pub use journal::{Journal, Posting, Transaction};
pub use leasehold_lease::FeePeriod;
pub use meter::Meter;
pub use readings::PeriodReadings;
pub use record::{Fact, Record, RecordDigest, RecordError};
pub use rederive::{Rederivation, RederiveError, UsageError};
pub use service::*;
pub use usage::{GpuState, LeaseIndex, PartyIndex, StateTotals, UsageInterval};
