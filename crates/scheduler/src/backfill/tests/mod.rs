//! The backfilling core against slow, obvious models.

mod easy;
mod queue;
mod releases;
