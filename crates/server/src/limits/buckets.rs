//! Token buckets, each a single instant (the generic cell rate algorithm): a bucket that is full
//! again is the same as none, so what is idle can be forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::Rate;

/// Buckets by key, so many at most.
pub(super) struct Buckets<K> {
    /// When each bucket will be full again.
    full: HashMap<K, Instant>,
    count_max: usize,
    /// What all those share for whom there is no room.
    others: Option<Instant>,
    swept: Option<Instant>,
}

/// Looking through all buckets for idle ones is only worth while so often.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(count_max: usize) -> Self {
        Self { full: HashMap::new(), count_max, others: None, swept: None }
    }

    /// Takes one from the bucket of `key`, or says how long it stays empty.
    pub(super) fn take(&mut self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        if let Some(full) = self.full.get_mut(&key) {
            *full = after(*full, rate, now)?;
            return Ok(());
        }
        if self.full.len() >= self.count_max {
            self.sweep(now);
        }
        if self.full.len() >= self.count_max {
            self.others = Some(after(self.others.unwrap_or(now), rate, now)?);
            return Ok(());
        }
        self.full.insert(key, after(now, rate, now)?);
        Ok(())
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < SWEEP_PAUSE) {
            return;
        }
        self.swept = Some(now);
        self.full.retain(|_, full| *full > now);
    }
}

/// When a bucket that would be full at `full` is full after one more is taken at `now`.
fn after(full: Instant, rate: Rate, now: Instant) -> Result<Instant, Duration> {
    let each = Duration::from_secs(1) / rate.per_second.max(1);
    let next = full.max(now) + each;
    let ahead = next.saturating_duration_since(now);
    let room = each * rate.burst.max(1);
    if ahead > room { Err(ahead - room) } else { Ok(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    fn taken(buckets: &mut Buckets<u32>, key: u32, now: Instant, count: u32) -> u32 {
        (0..count).map(|_| u32::from(buckets.take(key, RATE, now).is_ok())).sum()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut buckets = Buckets::new(10);
        let start = Instant::now();
        assert_eq!(taken(&mut buckets, 1, start, 9), 3);
        assert_eq!(buckets.take(1, RATE, start), Err(Duration::from_millis(100)));
        assert_eq!(taken(&mut buckets, 1, start + Duration::from_millis(99), 9), 0);
        assert_eq!(taken(&mut buckets, 1, start + Duration::from_millis(100), 9), 1);
        assert_eq!(taken(&mut buckets, 1, start + Duration::from_secs(60), 9), 3);
        assert_eq!(taken(&mut buckets, 2, start, 9), 3, "others have their own");
    }

    #[test]
    fn memory_is_bounded_and_those_beyond_share() {
        let mut buckets = Buckets::new(2);
        let start = Instant::now();
        let many: u32 = (0..100).map(|key| taken(&mut buckets, key, start, 3)).sum();
        assert_eq!(many, 3 + 3 + 3);
        assert_eq!(buckets.full.len(), 2);
        let later = start + Duration::from_secs(2);
        assert_eq!(taken(&mut buckets, 200, later, 9), 3, "idle ones make room");
        assert_eq!(buckets.full.len(), 1);
    }
}
