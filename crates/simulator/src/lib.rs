//! The control state machine on a virtual clock: workloads, trace readers, faults, reports.
//!
//! Opens no socket and reads no real clock.

pub mod adversary;
pub mod engine;
pub mod measure;
pub mod output;
mod random;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod workload;
