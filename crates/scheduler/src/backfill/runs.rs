//! How long what is free stays free: which waiting jobs cannot find room, without looking for it.
//!
//! A compression asks every waiting job for an earlier start, and few have one. An earlier start is
//! either in a run of seconds with room that lasts for all of the request before the start that the
//! job has, or in the run right before that start, which is looked up at once. For the first kind, a
//! compression begins with one walk over the profile and notes, for each level of what is free, the
//! runs that hold it. Where none that is long enough begins before the start that a job has, there is
//! nothing to look for; else the search begins there and not now.
//!
//! What is noted may be too much, never too little, so that no start is missed: a level stands for
//! all values from its least one on; room that a job takes is not struck off; and room that a moved
//! job leaves, the only way for a run to grow, is added before the next job is asked. So the starts
//! are those of the plain rule.

use std::ops::Range;

use super::Queued;
use super::profile::Profile;
use super::timeline::Point;

/// Each bit of a value is parted into 2^FINE levels.
const FINE: u32 = 2;

/// Levels that a size can have. At level 0 nothing is free.
const LEVELS: usize = 1 + (32 << FINE);

/// A stretch of time over which at least a level is free.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: i64,
    /// In seconds.
    length: i64,
}

/// Runs of a profile by level.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    /// Ascending in start and in length: one that begins no earlier than another and is no longer
    /// holds nobody whom the other would not.
    by_level: Vec<Vec<Run>>,
    /// The shortest request of the jobs of each level. Shorter runs are not noted.
    requests: [i64; LEVELS],
    /// What was read of the profile last, kept to save the allocation.
    points: Vec<Point>,
}

impl Default for Runs {
    fn default() -> Self {
        let by_level = vec![Vec::new(); LEVELS];
        Self { by_level, requests: [i64::MAX; LEVELS], points: Vec::new() }
    }
}

impl Runs {
    /// Notes the runs of `profile` that may hold any of `jobs`, and forgets all others.
    pub fn renew(&mut self, profile: &Profile, jobs: impl Iterator<Item = Queued>) {
        self.by_level.iter_mut().for_each(Vec::clear);
        self.requests.fill(i64::MAX);
        for job in jobs {
            let shortest = &mut self.requests[level(i64::from(job.size))];
            *shortest = job.request.min(*shortest);
        }
        self.read(profile, profile.now(), i64::MAX);
        self.sweep(profile, i64::MAX, 0, 0);
    }

    /// Adds the runs that reach into `[from, until)`, where `size` was given back. Of the levels that
    /// were free all over it before that, no run has grown.
    pub fn widen(&mut self, profile: &Profile, from: i64, until: i64, size: u32) {
        self.read(profile, from, until);
        let inside = self.points.iter().filter(|point| point.time < until);
        let low = inside.map(|point| point.value).min().expect("an interval has a first instant");
        let before = level(profile.value_at(from - 1));
        self.sweep(profile, until, level(low - i64::from(size)), before);
    }

    /// An instant before which nothing begins that holds `size` for `length` seconds.
    pub fn first(&self, length: i64, size: u32) -> i64 {
        let runs = &self.by_level[level(i64::from(size))];
        runs.iter().find(|run| run.length >= length).map_or(i64::MAX, |run| run.start)
    }

    /// Reads what is free at `from`, and every change of it up to `until`.
    fn read(&mut self, profile: &Profile, from: i64, until: i64) {
        self.points.clear();
        self.points.push(Point { time: from, value: profile.value_at(from) });
        profile.walk(from, until.saturating_add(1), |point| self.points.push(point));
    }

    /// Notes the runs of the levels above `floor` in what was read, which ends at `until`. Those of
    /// levels up to `before` may have begun before it, and those that last may end behind it.
    fn sweep(&mut self, profile: &Profile, until: i64, floor: usize, before: usize) {
        let points = std::mem::take(&mut self.points);
        let first = points[0];
        let mut starts = [first.time; LEVELS];
        let mut last = level(first.value);
        let mut top = before.min(last);
        while top > floor {
            let (start, short) = profile.run_start(first.time, least(top));
            let next = level(short).clamp(floor, top - 1);
            starts[next + 1..=top].fill(start);
            top = next;
        }
        for point in &points[1..] {
            // What begins at the end of the interval lies outside.
            let next = level(point.value).min(if point.time < until { LEVELS } else { last });
            starts[1 + last.min(next)..=next].fill(point.time);
            self.note_all(&starts, next.max(floor)..last, point.time);
            last = next;
        }
        while last > floor {
            let (end, short) = profile.run_end(until, least(last));
            let next = level(short).clamp(floor, last - 1);
            self.note_all(&starts, next..last, end);
            last = next;
        }
        self.points = points;
    }

    /// Notes a run up to `end` for each level above the first of `levels`, up to the last of them.
    fn note_all(&mut self, starts: &[i64; LEVELS], levels: Range<usize>, end: i64) {
        for (level, start) in starts.iter().enumerate().take(levels.end + 1).skip(levels.start + 1)
        {
            self.note(level, *start, end);
        }
    }

    /// Notes a run of `level`, if it is long enough for any job.
    fn note(&mut self, level: usize, start: i64, end: i64) {
        let length = end.saturating_sub(start);
        if length < self.requests[level] {
            return;
        }
        let runs = &mut self.by_level[level];
        let at = runs.partition_point(|run| run.start <= start);
        if at > 0 && runs[at - 1].length >= length {
            return;
        }
        let first = at - usize::from(at > 0 && runs[at - 1].start == start);
        let longer = at + runs[at..].partition_point(|run| run.length <= length);
        runs.splice(first..longer, [Run { start, length }]);
    }
}

/// The level of what is free: the place of its highest bit, and the bits after that.
fn level(value: i64) -> usize {
    if value <= 0 {
        return 0;
    }
    let bit = value.ilog2();
    let rest = (value << FINE >> bit) & ((1 << FINE) - 1);
    1 + ((bit as usize) << FINE) + usize::try_from(rest).expect("it is less than 2^FINE")
}

/// The least value of `level`, which is not 0.
fn least(level: usize) -> i64 {
    let (bit, rest) = ((level - 1) >> FINE, (level - 1) & ((1 << FINE) - 1));
    let rest = i64::try_from(rest).expect("it is less than 2^FINE");
    (1 << bit) + (rest << bit >> FINE)
}
