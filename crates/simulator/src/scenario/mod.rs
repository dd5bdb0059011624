//! Scenarios: which site, which leases, whose jobs, what happens, from when until when.

mod account;
mod load;
mod parse;
mod setting;

pub use account::{AccountSpec, AccountWord};
pub use load::{LoadError, Loaded, read_leases, read_source};
pub use parse::{EventKind, EventSpec, FaultSpec, Jobs, PayerSpec, Scenario, WorkloadSpec};
