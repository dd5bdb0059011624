//! Replays against reference schedules and against slow, obvious simulators.

mod edges;
mod models;
mod reference;
mod slow;
