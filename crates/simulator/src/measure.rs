//! What is measured while a run goes on: capacity and power over time, and how long reclaims take.

use leasehold_ledger::GpuState;
use leasehold_units::{Instant, Interval, Seconds};

/// GPU-seconds per state and energy in equal stretches of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacitySeries {
    from: Instant,
    bucket_seconds: u64,
    buckets: Vec<Bucket>,
}

/// One stretch of a [`CapacitySeries`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Seconds that were added.
    pub seconds: u64,
    /// GPU-seconds per state.
    pub gpu_seconds: [u128; GpuState::ALL.len()],
    /// Facility watt-seconds.
    pub watt_seconds: u128,
    /// Highest facility watts.
    pub watts_peak: u64,
}

impl CapacitySeries {
    /// An empty series over `interval` in at most `buckets` stretches.
    pub fn new(interval: Interval, buckets: usize) -> Self {
        let wanted = u64::try_from(buckets.max(1)).expect("few buckets");
        let bucket_seconds = interval.length().get().div_ceil(wanted).max(1);
        let count = interval.length().get().div_ceil(bucket_seconds);
        let count = usize::try_from(count).expect("few buckets");
        Self { from: interval.from, bucket_seconds, buckets: vec![Bucket::default(); count] }
    }

    /// Adds what held from `from` until `until`; exact, in integers.
    pub fn add(
        &mut self,
        from: Instant,
        until: Instant,
        gpus: [u64; GpuState::ALL.len()],
        watts: u64,
    ) {
        let mut at = from.since(self.from).get();
        let end = until.since(self.from).get();
        while at < end {
            let index = usize::try_from(at / self.bucket_seconds).expect("few buckets");
            let edge = (at / self.bucket_seconds + 1) * self.bucket_seconds;
            let seconds = end.min(edge) - at;
            let Some(bucket) = self.buckets.get_mut(index) else { return };
            bucket.seconds += seconds;
            for (sum, count) in bucket.gpu_seconds.iter_mut().zip(gpus) {
                *sum += u128::from(count) * u128::from(seconds);
            }
            bucket.watt_seconds += u128::from(watts) * u128::from(seconds);
            bucket.watts_peak = bucket.watts_peak.max(watts);
            at += seconds;
        }
    }

    /// The stretches with the instants at which they begin.
    pub fn iter(&self) -> impl Iterator<Item = (Instant, &Bucket)> {
        let begin = |index: u64| self.from.after(Seconds::new(index * self.bucket_seconds));
        (0..).map(begin).zip(&self.buckets)
    }

    /// Length of a stretch.
    pub const fn bucket_length(&self) -> Seconds {
        Seconds::new(self.bucket_seconds)
    }
}

/// Counts by whole seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReclaimHistogram {
    counts: Vec<u64>,
    total: u64,
}

impl ReclaimHistogram {
    /// Without a count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one of `seconds`.
    pub fn add(&mut self, seconds: u64) {
        let place = usize::try_from(seconds).expect("a reclaim ends in this age");
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.total += 1;
    }

    /// How many there are.
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The least seconds that at least `percent` percent stay within (nearest rank); 0 of none.
    pub fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut below = 0;
        let found = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        found.map_or(0, |seconds| seconds as u64)
    }

    /// The longest; 0 of none.
    pub const fn max(&self) -> u64 {
        (self.counts.len() as u64).saturating_sub(1)
    }

    /// Counts by seconds, from 0 on.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_list(mut seconds in prop::collection::vec(0u64..500, 1..200)) {
            let mut histogram = ReclaimHistogram::new();
            for one in &seconds {
                histogram.add(*one);
            }
            seconds.sort_unstable();
            for percent in [1, 50, 99, 100] {
                let rank = (seconds.len() as u64 * percent).div_ceil(100) as usize;
                prop_assert_eq!(histogram.percentile(percent), seconds[rank - 1]);
            }
            prop_assert_eq!(histogram.max(), *seconds.last().expect("not empty"));
        }

        #[test]
        fn a_series_loses_no_gpu_second(lengths in prop::collection::vec((1u64..5000, 0u64..300), 1..50), buckets in 1usize..40) {
            let total: u64 = lengths.iter().map(|(length, _)| length).sum();
            let from = Instant::from_unix(1_000);
            let mut series = CapacitySeries::new(Interval::new(from, from.after(Seconds::new(total))), buckets);
            let mut at = from;
            let mut expected = 0u128;
            for (length, gpus) in lengths {
                let until = at.after(Seconds::new(length));
                series.add(at, until, [gpus, 0, 0, 0, 0, 0, 0, 0], 1);
                expected += u128::from(length) * u128::from(gpus);
                at = until;
            }
            let sum: u128 = series.iter().map(|(_, bucket)| bucket.gpu_seconds[0]).sum();
            let seconds: u64 = series.iter().map(|(_, bucket)| bucket.seconds).sum();
            prop_assert_eq!((sum, seconds), (expected, total));
        }
    }
}
