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

use super::timeline::{Range, Timeline, Wanted};
use super::{Limits, QueueTree, Queued};

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

    fn change(&mut self, time: i64, change: i64) {
        if time <= self.now {
            self.free += change;
        } else if change != 0 {
            self.changes.add(time, change);
        }
    }
}

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
        let mut after = None;
        while let Some(job) = self.queue.next_fit(after, Limits::open(u32::MAX)) {
            self.pull_forward(job);
            after = Some(job.seq);
        }
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

    /// Moves a reservation to the earliest start that there is beside all others. Its own stays
    /// while that is sought: it covers what the job needs from its old start on, and before that
    /// start it takes nothing.
    fn pull_forward(&mut self, job: Queued) {
        let old = self.starts[job.handle as usize].at;
        let Some(new) = self.profile.earliest_before(old, job.request, job.size) else { return };
        self.profile.release(old, old + job.request, job.size);
        self.profile.reserve(new, job.request, job.size);
        self.starts[job.handle as usize].at = new;
        self.due.push(Reverse((new, job.seq)));
    }
}
