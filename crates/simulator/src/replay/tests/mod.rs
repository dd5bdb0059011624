//! Replays against reference schedules and against slow, obvious simulators.

mod reference;
