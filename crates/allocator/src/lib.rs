//! From entitlement and supply to holdings: how many whole blocks of which pools a lease is
//! granted when, whether the site can carry that, and which nodes stand for it.
//!
//! Knows nothing of jobs or money.

mod assign;
mod plan;
mod refusal;
mod sizing;
mod supply;

pub use assign::{Changes, LeaseTarget, Short, replan};
pub use plan::{EntitlementStep, LeasePlan, Plan, plan, plan_around};
pub use refusal::{Constraint, Refusal};
pub use supply::Outage;
