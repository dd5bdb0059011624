//! A party's queue: the jobs that wait, in order of arrival.
//!
//! Jobs that may run in the same places share a lane, so that what fits can be asked of each lane
//! without looking at a job that could not run there anyway.

use std::collections::BTreeMap;

use leasehold_scheduler::backfill::{QueueTree, Queued};

use crate::fleet::JobSlot;

/// Jobs that may run in the same places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneKey {
    /// Pools, a bit each.
    pub pools: u64,
    /// Declared seconds to vacate; decides in whose holdings the job may be a guest.
    pub vacate_seconds: u32,
}

/// A party's queue.
#[derive(Debug, Clone, Default)]
pub struct PartyQueue {
    lanes: BTreeMap<LaneKey, QueueTree>,
    queued: usize,
    /// Jobs that are too large for anything the party has, by order of arrival.
    pub parked: BTreeMap<u64, JobSlot>,
}

impl PartyQueue {
    /// Adds a job behind all others of its lane; returns its place in the lane.
    pub fn push(&mut self, key: LaneKey, job: JobSlot, gpus: u32, request_seconds: u32) -> u64 {
        self.queued += 1;
        self.lanes.entry(key).or_default().push(gpus, i64::from(request_seconds), job)
    }

    /// Puts a job back at the place in its lane that it had before.
    pub fn put_back(
        &mut self,
        key: LaneKey,
        place: u64,
        job: JobSlot,
        gpus: u32,
        request_seconds: u32,
    ) {
        self.queued += 1;
        let request = i64::from(request_seconds);
        let queued = Queued { seq: place, size: gpus, request, handle: job };
        self.lanes.get_mut(&key).expect("the job's lane is there").reinsert(queued);
    }

    /// Takes a job out.
    pub fn remove(&mut self, key: LaneKey, place: u64) {
        let lane = self.lanes.get_mut(&key).expect("the job's lane is there");
        lane.remove(place).expect("the job waits");
        self.queued -= 1;
    }

    /// The lanes with jobs in them.
    pub fn lanes(&self) -> impl Iterator<Item = (LaneKey, &QueueTree)> {
        self.lanes.iter().filter(|(_, lane)| !lane.is_empty()).map(|(key, lane)| (*key, lane))
    }

    /// Jobs waiting, the parked ones not counted.
    pub const fn len(&self) -> usize {
        self.queued
    }

    /// Whether no job waits, the parked ones not counted.
    pub const fn is_empty(&self) -> bool {
        self.queued == 0
    }
}
