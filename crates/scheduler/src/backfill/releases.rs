//! What running jobs will give back, by estimated end.

use super::timeline::{Timeline, Total};

/// The earliest instant at which a job fits, if every running job ends as estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadow {
    /// That instant, the estimated end of some running job.
    pub end: i64,
    /// What is free then, counting every job with that same estimated end.
    pub free: u64,
}

/// An ordered multiset of (estimated end, size) with subtotals; every operation is O(log n).
#[derive(Debug, Clone)]
pub struct Releases {
    ends: Timeline<Total>,
    total: u64,
}

impl Default for Releases {
    fn default() -> Self {
        Self::new()
    }
}

impl Releases {
    /// Nothing runs.
    pub fn new() -> Self {
        Self { ends: Timeline::new(), total: 0 }
    }

    /// All that will come back.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Notes that `size` comes back at `end`.
    pub fn insert(&mut self, end: i64, size: u32) {
        if size > 0 {
            self.total += u64::from(size);
            self.ends.add(end, i64::from(size));
        }
    }

    /// Notes that `size`, inserted with `end`, does not come back then.
    ///
    /// # Panics
    /// If it was never inserted: a lost release would promise what is not there.
    pub fn remove(&mut self, end: i64, size: u32) {
        if size > 0 {
            let rest = self.ends.add(end, -i64::from(size));
            assert!(rest >= 0, "nothing of size {size} ends at {end}");
            self.total -= u64::from(size);
        }
    }

    /// The earliest estimated end at which `need` fits beside what is `free` now; none if it does
    /// not fit even when all has come back.
    ///
    /// # Panics
    /// If it fits already.
    pub fn shadow(&self, free: u32, need: u32) -> Option<Shadow> {
        assert!(need > free, "what fits now needs no shadow");
        let need = i64::from(need);
        let enough = |before: i64, stretch: Total| stretch.after(before) >= need;
        let point = self.ends.seek(i64::MIN, i64::from(free), enough)?;
        Some(Shadow { end: point.time, free: point.value.unsigned_abs() })
    }
}
