//! Lease terms, their versions, notice arithmetic, and the two step functions that follow from
//! them: what is granted and what is owed, over civil days in the lease's zone.
//!
//! Chooses no hardware and stores nothing.

mod day_count;
mod delivery;
mod escalation;
mod fee_terms;
mod fees;
mod grants;
mod history;
mod minimum;
mod parse;
mod stored;
mod terms;

pub use delivery::{ElectionRefusal, ShortDays, fee_of, taken_off};
pub use fee_terms::*;
pub use fees::FeePeriod;
pub use grants::Grant;
pub use history::{AmendRefusal, Lease, NoticeRefusal, Withdrawal};
pub use minimum::MinimumShare;
pub use terms::*;
