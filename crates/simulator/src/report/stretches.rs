//! Stretches of time with their means, as the charts show them.

use leasehold_ledger::GpuState;
use leasehold_units::{Instant, Interval, Seconds};

use crate::measure::{Bucket, CapacitySeries};
use crate::random::precise;

const DAY_SECONDS: u64 = 86_400;
const WEEK_SECONDS: u64 = 7 * DAY_SECONDS;

/// A stretch of time and what was measured in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Its first second.
    pub from: Instant,
    /// Its last second, excluded.
    pub until: Instant,
    /// What was measured.
    pub bucket: Bucket,
}

impl Stretch {
    /// Mean GPUs in `state`.
    pub fn gpus(&self, state: GpuState) -> f64 {
        self.mean(self.bucket.gpu_seconds[state.index()])
    }

    /// Mean facility watts.
    pub fn watts(&self) -> f64 {
        self.mean(self.bucket.watt_seconds)
    }

    fn mean(&self, sum: u128) -> f64 {
        let sum = u64::try_from(sum).expect("a stretch is shorter than an age");
        precise(sum) / precise(self.bucket.seconds.max(1))
    }
}

/// The stretches of `series` through `interval`. Buckets of more than a day are put together to
/// about weeks: a mean over two days and a half sees now a weekend and now none, and flickers.
pub fn stretches(series: &CapacitySeries, interval: Interval) -> Vec<Stretch> {
    let length = series.bucket_length();
    let together = if length.get() > DAY_SECONDS { WEEK_SECONDS.div_ceil(length.get()) } else { 1 };
    let together = usize::try_from(together).expect("few buckets");
    let buckets: Vec<(Instant, &Bucket)> = series.iter().collect();
    let whole = |group: &[(Instant, &Bucket)]| {
        let count = u64::try_from(group.len()).expect("few buckets");
        let from = group[0].0;
        let until = from.after(Seconds::new(length.get() * count)).min(interval.until);
        let mut sum = Bucket::default();
        for (_, bucket) in group {
            absorb(&mut sum, bucket);
        }
        Stretch { from, until, bucket: sum }
    };
    let groups = buckets.chunks(together).map(whole);
    groups.filter(|stretch| stretch.bucket.seconds > 0).collect()
}

fn absorb(sum: &mut Bucket, bucket: &Bucket) {
    sum.seconds += bucket.seconds;
    for (sum, seconds) in sum.gpu_seconds.iter_mut().zip(bucket.gpu_seconds) {
        *sum += seconds;
    }
    sum.watt_seconds += bucket.watt_seconds;
    sum.watts_peak = sum.watts_peak.max(bucket.watts_peak);
}
