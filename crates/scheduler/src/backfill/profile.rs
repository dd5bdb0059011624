//! Conservative backfilling: every waiting job has a reserved start, and nobody may delay it.
//!
//! The rule: a job gets, on arrival, the earliest start at which it fits for as long as it requests
//! beside what runs and what is reserved. When a job ends before its estimate, the reservations are
//! compressed: once through the waiting jobs in arrival order, each is taken out and put back at the
//! earliest start that there is for it then, which is never later than the one it had. Jobs are not
//! gone through again because of room that a later one left on moving. A compression comes after all
//! completions of its instant and before the arrivals, and a job starts when its reservation does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::runs::Runs;
use super::timeline::{Point, Range, Timeline, Wanted};
use super::{QueueTree, Queued};

/// What is free from now on, if estimates and reservations hold.
#[derive(Debug, Clone)]
pub struct Profile {
    now: i64,
    free: i64,
    changes: Timeline<Range>,
}

impl Profile {
    /// All of `size` is free from `now` on.
    pub fn new(now: i64, size: u32) -> Self {
        Self { now, free: i64::from(size), changes: Timeline::new() }
    }

    /// The instant up to which time has gone by.
    pub const fn now(&self) -> i64 {
        self.now
    }

    /// What is free now.
    pub const fn free(&self) -> i64 {
        self.free
    }

    /// Lets time go by up to `now`.
    pub fn advance(&mut self, now: i64) {
        while let Some((time, change)) = self.changes.first()
            && time <= now
        {
            self.changes.add(time, -change);
            self.free += change;
        }
        self.now = self.now.max(now);
    }

    /// Takes `size` away over `[start, start + length)`, which begins now or later.
    pub fn reserve(&mut self, start: i64, length: i64, size: u32) {
        self.change(start, -i64::from(size));
        self.change(start.saturating_add(length), i64::from(size));
    }

    /// Gives `size` back over `[from, until)`. What lies in the past is past.
    pub fn release(&mut self, from: i64, until: i64, size: u32) {
        self.change(from, i64::from(size));
        self.change(until, -i64::from(size));
    }

    /// The earliest start, now or later and before `limit`, from which `size` is free for `length`
    /// seconds, or until `limit` if that comes first.
    pub fn earliest_before(&self, limit: i64, length: i64, size: u32) -> Option<i64> {
        let wanted = Wanted { from: self.now, limit, length, value: i64::from(size) };
        self.changes.first_window(self.free, wanted)
    }

    /// The earliest start of `job` before `old`, which it has now, if none before `full` leaves it
    /// all of its request before `old`. Its reservation stays while that is sought: it covers what
    /// the job needs from `old` on, and before that it takes nothing.
    fn earlier(&self, old: i64, full: i64, job: Queued) -> Option<i64> {
        let (from, value) = (full.max(self.now), i64::from(job.size));
        let slides = self.now < from.min(old) && self.value_at(old - 1) >= value;
        let limit = if slides { self.run_start(old, value).0 } else { old };
        let wanted = Wanted { from, limit, length: job.request, value };
        self.changes.first_window(self.free, wanted).or(slides.then_some(limit))
    }

    /// Moves a reservation from `old` to the earlier `new`. Returns the interval that it gave back.
    fn pull(&mut self, old: i64, new: i64, job: Queued) -> (i64, i64) {
        self.release(old, old + job.request, job.size);
        self.reserve(new, job.request, job.size);
        (old.max(new + job.request), old + job.request)
    }

    /// What is free at `time`, now or later.
    pub(super) fn value_at(&self, time: i64) -> i64 {
        self.changes.value_at(time, self.free)
    }

    /// Hands every change in `(from, until)` to `visit`, with what is free from it on.
    pub(super) fn walk(&self, from: i64, until: i64, visit: impl FnMut(Point)) {
        self.changes.walk((from, until), self.free, visit);
    }

    /// Since when, from now on, at least `value` has been free without a break up to `time`, and what
    /// was free right before; `time` if less was free there.
    pub(super) fn run_start(&self, time: i64, value: i64) -> (i64, i64) {
        let start = self.changes.run_start((self.now, time), self.free, value);
        (start.time, start.value)
    }

    /// The first instant after `time` at which less than `value` is free, and what is free then; the
    /// end of time if there is none.
    pub(super) fn run_end(&self, time: i64, value: i64) -> (i64, i64) {
        let short = |before: i64, stretch: Range| before.saturating_add(stretch.low) < value;
        let end = self.changes.seek(time, self.free, short);
        end.map_or((i64::MAX, 0), |end| (end.time, end.value))
    }

    fn change(&mut self, time: i64, change: i64) {
        if time <= self.now {
            self.free += change;
        } else if change != 0 {
            self.changes.add(time, change);
        }
    }
}

/// With fewer jobs than this, looking for room is faster than ruling it out.
const GUIDED_MIN: usize = 80;

/// Starts that no longer hold are not worth dropping before there are so many.
const STALE_MIN: usize = 64;

/// A waiting job and its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The job.
    pub job: Queued,
    /// When it starts, unless a compression lets it start earlier.
    pub start: i64,
}

/// The waiting jobs with their reserved starts, over the profile of what runs.
#[derive(Debug, Clone)]
pub struct Reservations {
    profile: Profile,
    /// The handle of a job here is its index in `starts`.
    queue: QueueTree,
    starts: Vec<Start>,
    /// Indices of `starts` that no job has.
    spare: Vec<u32>,
    /// Starts and places in the order, also of reservations that moved since.
    due: BinaryHeap<Reverse<(i64, u64)>>,
    /// Something was released before its time since the last compression.
    loose: bool,
    /// Of use during a compression only.
    runs: Runs,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    at: i64,
    handle: u32,
}

impl Reservations {
    /// Nothing waits and nothing runs on `size`.
    pub fn new(now: i64, size: u32) -> Self {
        Self {
            profile: Profile::new(now, size),
            queue: QueueTree::new(),
            starts: Vec::new(),
            spare: Vec::new(),
            due: BinaryHeap::new(),
            loose: false,
            runs: Runs::default(),
        }
    }

    /// A job arrives and gets its reservation, which is returned. None, and no reservation, if it
    /// is larger than all there is.
    pub fn arrive(&mut self, now: i64, size: u32, request: i64, handle: u32) -> Option<i64> {
        self.profile.advance(now);
        let at = self.profile.earliest_before(i64::MAX, request, size)?;
        self.profile.reserve(at, request, size);
        let start = Start { at, handle };
        let index = match self.spare.pop() {
            Some(index) => {
                self.starts[index as usize] = start;
                index
            }
            None => {
                self.starts.push(start);
                u32::try_from(self.starts.len() - 1).expect("fewer wait than there are handles")
            }
        };
        let seq = self.queue.push(size, request, index);
        self.due.push(Reverse((at, seq)));
        Some(at)
    }

    /// A running job ends that was estimated to end at `estimated_end`, now or later.
    pub fn complete(&mut self, now: i64, estimated_end: i64, size: u32) {
        self.profile.advance(now);
        if estimated_end > now {
            self.profile.release(now, estimated_end, size);
            self.loose = true;
        }
    }

    /// Compresses the reservations, if anything ended early since that was last done.
    pub fn compress(&mut self, now: i64) {
        self.profile.advance(now);
        if !std::mem::take(&mut self.loose) {
            return;
        }
        let guided = self.queue.len() >= GUIDED_MIN;
        if guided {
            self.runs.renew(&self.profile, self.queue.iter());
        }
        for job in self.queue.iter() {
            let old = self.starts[job.handle as usize].at;
            let earliest =
                if guided { self.runs.first(job.request, job.size) } else { self.profile.now };
            let earlier = self.profile.earlier(old, earliest, job);
            let Some(new) = earlier else { continue };
            let freed = self.profile.pull(old, new, job);
            if guided {
                self.runs.widen(&self.profile, freed.0, freed.1, job.size);
            }
            self.starts[job.handle as usize].at = new;
            self.due.push(Reverse((new, job.seq)));
        }
        self.drop_stale();
    }

    /// The job whose reservation begins at `now`, taken out of the queue; the longest waiting of
    /// several.
    pub fn start(&mut self, now: i64) -> Option<Queued> {
        if self.next_start()? > now {
            return None;
        }
        let Reverse((_, seq)) = self.due.pop()?;
        let job = self.queue.remove(seq).expect("a start that holds is a waiting job's");
        self.spare.push(job.handle);
        Some(Queued { handle: self.starts[job.handle as usize].handle, ..job })
    }

    /// The next reserved start.
    pub fn next_start(&mut self) -> Option<i64> {
        while let Some(&Reverse((at, seq))) = self.due.peek() {
            let holds = |job: &Queued| self.starts[job.handle as usize].at == at;
            if self.queue.get(seq).is_some_and(|job| holds(&job)) {
                return Some(at);
            }
            self.due.pop();
        }
        None
    }

    /// The waiting jobs in arrival order.
    pub fn iter(&self) -> impl Iterator<Item = Reserved> + '_ {
        self.queue.iter().map(|job| {
            let Start { at, handle } = self.starts[job.handle as usize];
            Reserved { job: Queued { handle, ..job }, start: at }
        })
    }

    /// Leaves the starts that hold, once most of those kept do not: so it is paid for by the moves.
    fn drop_stale(&mut self) {
        if self.due.len() > 4 * self.queue.len() + STALE_MIN {
            let hold = self.queue.iter().map(|job| (self.starts[job.handle as usize].at, job.seq));
            self.due = hold.map(Reverse).collect();
        }
    }
}
