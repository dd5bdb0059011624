//! Reads everything and writes nothing: what a lease grants and costs, and what is really owed if
//! somebody leaves.

mod backlog;
mod schedule;

pub use backlog::{
    Amounts, Backlog, BacklogError, Band, Concentration, LeaseBacklog, backlog, bands,
};
pub use schedule::{ExpectedShortfall, Schedule, ScheduleStep, Window, schedule};
