//! Conservative backfilling.

use super::engine::{Discipline, Waiting};

#[derive(Debug)]
pub(super) struct Conservative;

impl Conservative {
    pub(super) fn new(_nodes: u32) -> Self {
        Self
    }
}

impl Discipline for Conservative {
    fn arrive(&mut self, _job: Waiting, _now: i64) {}

    fn complete(&mut self, _estimated_end: i64, _size: u32, _now: i64) {}

    fn next(&mut self, _now: i64, _free: u32) -> Option<Waiting> {
        None
    }
}
