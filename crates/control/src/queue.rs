//! A party's queue: the jobs that wait, by what matters for their turn and for where they may run.
//!
//! Jobs that may run in the same places and have the same standing share a lane, so that what fits
//! can be asked of each lane without looking at a job that could not run there anyway. Inside a
//! lane the order is that of arrival.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use leasehold_scheduler::backfill::{QueueTree, Queued};
use leasehold_units::{Instant, Shape};
use serde::{Deserialize, Serialize};

use crate::fleet::JobSlot;

/// Seconds in which what an account used counts half: seven days.
const HALF_LIFE_SECONDS: i64 = 7 * 86_400;

/// Jobs that may run in the same places and have the same standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneKey {
    /// Higher goes first.
    pub priority: Reverse<i16>,
    /// The party's account that is charged.
    pub account: u16,
    /// Pools, a bit each.
    pub pools: u64,
    /// The block that must hold all of its nodes; a node: any nodes will do.
    pub within: Shape,
    /// Declared seconds to vacate; decides in whose holdings the job may be a guest.
    pub vacate_seconds: u32,
    /// Whether it may borrow now; a job that was evicted lately may not.
    pub may_borrow: bool,
}

/// What one of a party's users or queues had of what the party holds.
///
/// Fair share: among jobs of one priority the account that used least, measured against its share,
/// goes first. Past use counts half every seven days, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// What it may use against others: an account of 2 gets twice as much as one of 1.
    pub share: u16,
    /// GPU-seconds used until `since`, what is long past counting less.
    used: u64,
    /// GPUs under its jobs.
    running: u64,
    since: Instant,
}

/// How far an account is ahead of its share; the least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    used: u64,
    running: u64,
    share: u16,
}

impl Account {
    /// An account that used nothing.
    pub const fn new(since: Instant) -> Self {
        Self { share: 1, used: 0, running: 0, since }
    }

    /// Counts `gpus` more under its jobs, or fewer.
    pub fn run(&mut self, gpus: u32, starts: bool, now: Instant) {
        self.used = self.used_at(now);
        self.since = now;
        let gpus = u64::from(gpus);
        self.running = if starts { self.running + gpus } else { self.running - gpus };
    }

    /// How it stands at `now`.
    pub fn standing(&self, now: Instant) -> Standing {
        Standing { used: self.used_at(now), running: self.running, share: self.share.max(1) }
    }

    fn used_at(&self, now: Instant) -> u64 {
        let more = self.running.saturating_mul(now.since(self.since).get());
        let halvings = now.unix() / HALF_LIFE_SECONDS - self.since.unix() / HALF_LIFE_SECONDS;
        let used = self.used.saturating_add(more);
        u32::try_from(halvings).map_or(0, |halvings| used.checked_shr(halvings).unwrap_or(0))
    }
}

impl PartialOrd for Standing {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Standing {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let scaled = |mine: u64, theirs: &Self| u128::from(mine) * u128::from(theirs.share);
        let used = scaled(self.used, other).cmp(&scaled(other.used, self));
        used.then_with(|| scaled(self.running, other).cmp(&scaled(other.running, self)))
    }
}

/// A party's queue.
#[derive(Debug, Clone, Default)]
pub struct PartyQueue {
    lanes: BTreeMap<LaneKey, QueueTree>,
    queued: usize,
    /// Jobs that are too large for anything the party has, by their place in the order of arrival.
    pub parked: BTreeMap<u64, JobSlot>,
}

/// Alike where the same jobs wait in the same lanes, however the lanes came to be.
impl PartialEq for PartyQueue {
    fn eq(&self, other: &Self) -> bool {
        let same = |(mine, theirs): ((LaneKey, &QueueTree), (LaneKey, &QueueTree))| {
            mine.0 == theirs.0 && mine.1.iter().eq(theirs.1.iter())
        };
        self.parked == other.parked
            && self.queued == other.queued
            && self.lanes().count() == other.lanes().count()
            && self.lanes().zip(other.lanes()).all(same)
    }
}

impl Eq for PartyQueue {}

impl PartyQueue {
    /// Adds a job, at its place in the order of arrival.
    pub fn insert(&mut self, key: LaneKey, job: Queued) {
        self.queued += 1;
        self.lanes.entry(key).or_default().insert(job);
    }

    /// Takes a job out.
    pub fn remove(&mut self, key: LaneKey, place: u64) {
        let lane = self.lanes.get_mut(&key).expect("the job's lane is there");
        lane.remove(place).expect("the job waits");
        self.queued -= 1;
    }

    /// The lanes with jobs in them, those of higher priority first.
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

#[cfg(test)]
mod tests {
    use leasehold_units::Seconds;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_unix(HALF_LIFE_SECONDS * 100).after(Seconds::new(seconds))
    }

    #[test]
    fn use_is_measured_against_the_share() {
        let mut one = Account::new(at(0));
        let mut three = Account { share: 3, ..one };
        one.run(8, true, at(0));
        three.run(16, true, at(0));
        assert!(
            three.standing(at(100)) < one.standing(at(100)),
            "16 of 3 shares are less than 8 of 1"
        );
        three.run(16, true, at(100));
        assert!(three.standing(at(1_000)) > one.standing(at(1_000)));
    }

    #[test]
    fn equal_use_leaves_it_to_what_runs() {
        let mut busy = Account::new(at(0));
        let idle = busy;
        assert_eq!(busy.standing(at(0)), idle.standing(at(0)));
        busy.run(8, true, at(0));
        assert!(idle.standing(at(0)) < busy.standing(at(0)), "one job started this second");
    }

    #[test]
    fn use_counts_half_after_a_week_and_nothing_after_ages() {
        let mut account = Account::new(at(0));
        account.run(10, true, at(0));
        account.run(10, false, at(100));
        let week = HALF_LIFE_SECONDS as u64;
        assert_eq!(account.standing(at(100)).used, 1_000);
        assert_eq!(account.standing(at(100 + week)).used, 500);
        assert_eq!(account.standing(at(100 + 70 * week)).used, 0);
    }
}
