//! What time it is: the machine's clock, or one that runs faster for a demonstration.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Monotonic, SystemTime, UNIX_EPOCH};

use leasehold_units::{Instant, Seconds};

/// Tells the time of the site.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's own.
    Wall,
    /// One that runs at its own rate and lags where the machine cannot keep up. Copies show the same.
    Fast(Arc<FastClock>),
    /// One that stands still until somebody moves it.
    Held(Arc<AtomicI64>),
}

/// A clock that runs at its own rate.
#[derive(Debug)]
pub struct FastClock {
    /// Seconds of the site in one real second.
    rate: u32,
    /// What it showed, and when.
    shown: Mutex<(Instant, Monotonic)>,
}

/// A clock that somebody else moves is looked at so often.
const LOOK: Duration = Duration::from_millis(2);

impl Clock {
    /// A clock that shows `from` now, and `rate` seconds more each real second.
    ///
    /// # Panics
    /// If the rate is 0: nothing would ever happen.
    pub fn fast(from: Instant, rate: u32) -> Self {
        assert!(rate > 0, "a clock that stands still shows nothing");
        Self::Fast(Arc::new(FastClock { rate, shown: Mutex::new((from, Monotonic::now())) }))
    }

    /// A clock that shows `at` until it is moved.
    pub fn held(at: Instant) -> Self {
        Self::Held(Arc::new(AtomicI64::new(at.unix())))
    }

    /// What it shows. A machine whose clock is before 1970 has none: it shows 1970.
    pub fn now(&self) -> Instant {
        match self {
            Self::Wall => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Instant::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
            }
            Self::Fast(clock) => {
                let (shown, since) = clock.shown();
                let passed = since.elapsed().as_micros() * u128::from(clock.rate) / 1_000_000;
                shown.after(Seconds::new(u64::try_from(passed).unwrap_or(u64::MAX)))
            }
            Self::Held(at) => Instant::from_unix(at.load(Ordering::SeqCst)),
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
            Self::Fast(clock) => {
                let (shown, since) = clock.shown();
                let ahead = u128::from(at.since(shown).get()) * 1_000_000;
                // Rounded up: a moment too early it would not show `at` yet.
                let ahead = ahead.div_ceil(u128::from(clock.rate));
                let ahead = Duration::from_micros(u64::try_from(ahead).unwrap_or(u64::MAX));
                ahead.saturating_sub(since.elapsed())
            }
            Self::Held(_) if at <= self.now() => Duration::ZERO,
            Self::Held(_) => LOOK,
        }
    }

    /// Whether it may be held back: nobody outside goes by it.
    pub const fn can_lag(&self) -> bool {
        matches!(self, Self::Fast(_))
    }

    /// Goes on from `at`, where the machine could not keep up. The machine's own clock is not held back.
    pub fn hold_back(&self, at: Instant) {
        if let Self::Fast(clock) = self {
            let mut shown = clock.shown.lock().unwrap_or_else(PoisonError::into_inner);
            *shown = (at, Monotonic::now());
        }
    }
}

impl FastClock {
    fn shown(&self) -> (Instant, Monotonic) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_held_back_goes_on_from_there_for_everybody() {
        let from = Instant::from_unix(1_777_600_000);
        let clock = Clock::fast(from, 1_000_000_000);
        let copy = clock.clone();
        assert_eq!(clock.until(from), Duration::ZERO);
        let far = from.after(Seconds::new(u64::from(u32::MAX) * 1_000_000));
        assert!(clock.until(far) > Duration::from_secs(3600), "{:?}", clock.until(far));
        clock.hold_back(far);
        assert!(copy.now() >= far, "{} is before {far}", copy.now());
        clock.hold_back(from);
        assert!(copy.now() < far, "{} was not held back", copy.now());
    }
}
