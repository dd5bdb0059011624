//! The backfilling core against slow, obvious models.

mod easy;
mod profile;
mod queue;
mod releases;
mod reservations;
