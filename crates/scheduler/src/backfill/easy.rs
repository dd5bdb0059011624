//! EASY backfilling: the head of the queue gets a reserved start; others may pass it if they do not
//! delay that.
//!
//! The rule, as the textbooks have it: heads start while they fit. The first that does not fit gets
//! its shadow, the earliest estimated end at which it will, and the extra, what is free then beside
//! it. Those behind it start in arrival order if they fit now and either end by the shadow or are no
//! larger than the extra, which then shrinks.

use super::{Limits, QueueTree, Queued, Releases};

/// The reserved start of the job at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Its place in the arrival order.
    pub seq: u64,
    /// When it starts at the latest, if estimates hold; none where it would not fit even then.
    pub shadow: Option<i64>,
    /// What stays free at that instant beside it.
    pub extra: u32,
}

impl Reservation {
    /// The reservation of `head`, which does not fit in what is `free` now.
    pub fn of(head: Queued, releases: &Releases, free: u32) -> Self {
        let shadow = releases.shadow(free, head.size);
        let extra = shadow.map_or(0, |shadow| shadow.free - u64::from(head.size));
        let extra = u32::try_from(extra).unwrap_or(u32::MAX);
        Self { seq: head.seq, shadow: shadow.map(|shadow| shadow.end), extra }
    }

    /// What others must be to start at `now`. A head that would not fit even on an idle site (its
    /// nodes are down) holds nobody up.
    pub fn limits(&self, free: u32, now: i64) -> Limits {
        let window = self.shadow.map_or(i64::MAX, |shadow| shadow.saturating_sub(now));
        Limits { free, window, extra: self.extra }
    }

    /// Shrinks the extra if a job of `size` and `request`, started at `now`, still runs at the
    /// shadow.
    pub fn charge(&mut self, size: u32, request: i64, now: i64) {
        let runs_over = |shadow: i64| request > shadow.saturating_sub(now);
        if self.shadow.is_some_and(runs_over) {
            self.extra -= size;
        }
    }
}

/// One pass over the queue at one instant.
///
/// Ask for [`next`](Self::next) until there is none, and before asking again carry the answer out:
/// remove the job from the queue, insert its release, and hand in what is free then. A new pass in
/// place of the old after any start gives the same answers. A pass that has come to its end may be
/// continued later with the jobs that arrived since, as long as nothing was released since and no
/// job came back to an old place: what did not fit then fits even less as the shadow draws near.
#[derive(Debug, Clone)]
pub struct EasyPass {
    now: i64,
    reservation: Option<Reservation>,
    after: u64,
}

impl EasyPass {
    /// A pass at `now`, an instant at which all completions and arrivals have been taken in.
    pub const fn new(now: i64) -> Self {
        Self { now, reservation: None, after: 0 }
    }

    /// Goes on at `now`, which is not before the instant of the pass.
    pub fn continue_at(&mut self, now: i64) {
        debug_assert!(now >= self.now, "a pass cannot go back from {} to {now}", self.now);
        self.now = now;
    }

    /// The next job to start.
    pub fn next(&mut self, queue: &QueueTree, releases: &Releases, free: u32) -> Option<Queued> {
        if self.reservation.is_none() {
            let head = queue.first()?;
            if head.size <= free {
                return Some(head);
            }
            self.after = head.seq;
        }
        if free == 0 || queue.len() < 2 {
            return None;
        }
        let (after, now) = (self.after, self.now);
        let head = || queue.get(after).expect("the head that did not fit is still in the queue");
        let reservation =
            self.reservation.get_or_insert_with(|| Reservation::of(head(), releases, free));
        let Some(job) = queue.next_fit(Some(after), reservation.limits(free, now)) else {
            self.after = after.max(queue.newest());
            return None;
        };
        reservation.charge(job.size, job.request, now);
        self.after = job.seq;
        Some(job)
    }

    /// The reserved start of the head, once the pass has come to one that does not fit.
    pub const fn reservation(&self) -> Option<Reservation> {
        self.reservation
    }
}
