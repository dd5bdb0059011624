//! The state machine by itself: jobs that are withdrawn, and events and states that are stored.

mod audit;
mod cancel;
mod golden;
mod issued;
mod observed;
mod replan;
mod signing;
mod stage;
