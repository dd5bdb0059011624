//! The live control plane: one loop that decides, stores and acts, and an HTTP API over it.
//!
//! What is decided is decided by `leasehold_control`; what is kept is kept by `leasehold_storage`; what runs
//! is run by a plant. Here they meet the wall clock, the parties and their rights. Business rules and SQL
//! never live here.

pub mod api;
pub mod auth;
pub mod clock;
pub mod command;
pub mod core;
pub mod documentation;
pub mod engine;
pub mod job;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod net;
pub mod plant;
pub mod problem;
pub mod registry;
pub mod serve;
#[cfg(test)]
mod testing;
pub mod view;
