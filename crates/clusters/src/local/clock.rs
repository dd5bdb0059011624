//! The two clocks of a host: the wall's, for people, and the one since boot, which is never stepped.

use leasehold_units::Instant;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// What the wall clock says.
pub(crate) fn now() -> Instant {
    Instant::from_unix(clock_gettime(ClockId::Realtime).tv_sec)
}

/// Milliseconds since boot, sleep included.
pub(crate) fn boot_millis() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The instant on the clock since boot at which the wall clock, unless it is stepped, will say `at`. One that has passed
/// is now.
pub(crate) fn boot_millis_of(at: Instant) -> u64 {
    let wall = clock_gettime(ClockId::Realtime);
    let ahead = (at.unix() - wall.tv_sec) * 1000 - wall.tv_nsec / 1_000_000;
    boot_millis() + u64::try_from(ahead).unwrap_or(0)
}

/// How long it is until `boot_millis`; zero if it has passed.
pub(crate) fn until(at_boot_millis: u64) -> Duration {
    Duration::from_millis(at_boot_millis.saturating_sub(boot_millis()))
}

/// The id of this boot: what ran under another one is gone.
pub(crate) fn boot_id() -> std::io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().into())
}

/// Waits a moment before looking again at what cannot be waited for: a process of somebody else, a full disk. It may be
/// shorter than said.
pub(crate) fn pause(length: Duration) {
    std::thread::park_timeout(length);
}
