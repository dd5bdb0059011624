//! First come, first served.

use std::collections::VecDeque;

use super::engine::{Discipline, Waiting};

/// The queue, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Fcfs {
    queue: VecDeque<Waiting>,
}

impl Discipline for Fcfs {
    fn arrive(&mut self, job: Waiting, _now: i64) {
        self.queue.push_back(job);
    }

    fn complete(&mut self, _estimated_end: i64, _size: u32, _now: i64) {}

    fn next(&mut self, _now: i64, free: u32) -> Option<Waiting> {
        self.queue.pop_front_if(|job| job.size <= free)
    }
}
