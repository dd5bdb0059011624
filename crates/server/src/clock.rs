//! What time it is: the machine's clock, or one that runs faster for a demonstration.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant as Monotonic, SystemTime, UNIX_EPOCH};

use leasehold_units::{Instant, Seconds};

/// Tells the time of the site.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's own.
    Wall,
    /// So many seconds of the site in one real second.
    Fast {
        /// What the site's clock showed at the start.
        from: Instant,
        /// When that was.
        since: Monotonic,
        /// Seconds of the site in one real second.
        rate: u32,
    },
    /// One that somebody else sets, in seconds since 1970: to try what happens when a clock is stepped.
    Set(Arc<AtomicI64>),
}

/// A clock that is set is looked at so often.
const LOOK: Duration = Duration::from_millis(2);

impl Clock {
    /// A clock that shows `from` now, and `rate` seconds more each real second.
    pub fn fast(from: Instant, rate: u32) -> Self {
        Self::Fast { from, since: Monotonic::now(), rate }
    }

    /// What it shows. A machine whose clock is before 1970 has none: it shows 1970.
    pub fn now(&self) -> Instant {
        match self {
            Self::Wall => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Instant::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
            }
            Self::Fast { from, since, rate } => {
                let passed = since.elapsed().as_micros() * u128::from(*rate) / 1_000_000;
                from.after(Seconds::new(u64::try_from(passed).unwrap_or(u64::MAX)))
            }
            Self::Set(seconds) => Instant::from_unix(seconds.load(Ordering::SeqCst)),
        }
    }

    /// How long it is until the clock shows `at`; nothing if it did already.
    pub fn until(&self, at: Instant) -> Duration {
        match self {
            Self::Wall => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let at = Duration::from_secs(u64::try_from(at.unix()).unwrap_or(0));
                at.saturating_sub(since)
            }
            Self::Fast { rate, .. } => {
                let left = at.since(self.now()).get();
                Duration::from_micros(left.saturating_mul(1_000_000) / u64::from(*rate))
            }
            Self::Set(_) if at <= self.now() => Duration::ZERO,
            Self::Set(_) => LOOK,
        }
    }
}
