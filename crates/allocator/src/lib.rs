//! From entitlement and supply to holdings: how many whole blocks of which pools a lease is
//! granted when, whether the site can carry that, what can still be promised, and which nodes stand
//! for it.
//!
//! Knows nothing of jobs or money.

mod alternatives;
mod assign;
mod delivery;
mod maintenance;
mod plan;
mod promise;
mod refusal;
mod shortage;
mod sizing;
mod supply;

pub use assign::{Changes, LeaseTarget, Short, replan};
pub use delivery::{
    DeliveryStep, Expected, Shortfall, expected, expected_shortfalls, falls_behind, remedied,
    remedy_on, shortfalls,
};
pub use leasehold_site::Outage;
pub use maintenance::{OutageRefusal, Works, plan_outage};
pub use plan::{EntitlementStep, LeasePlan, Plan, plan, plan_against, plan_around, plan_changed};
pub use promise::{Available, PoolAvailable, available};
pub use refusal::{Alternative, Constraint, Refusal};
