//! Waiting jobs in arrival order, searchable by what fits.
//!
//! A segment tree over slots in arrival order; each node keeps the least size and the least
//! request below it. A removed job leaves its slot empty. Jobs that come back (evicted work) take
//! their old place in the order: in the empty slot next to it or, where there is none, after the
//! smallest surrounding window with room is spread out evenly, as in a packed memory array, so that
//! coming back costs O(log² n) amortised. Everything else is O(log n).

/// A waiting job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Its place in the arrival order.
    pub seq: u64,
    /// How much it takes at once.
    pub size: u32,
    /// Seconds that it asks for.
    pub request: i64,
    /// The caller's name for it.
    pub handle: u32,
}

/// What a job must be to start now: no larger than `free`, and either no longer than `window` or
/// no larger than `extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What is free now.
    pub free: u32,
    /// Seconds until the reserved start of the job at the head.
    pub window: i64,
    /// What stays free at that start beside the head.
    pub extra: u32,
}

impl Limits {
    /// Room for `free`, for however long.
    pub const fn open(free: u32) -> Self {
        Self { free, window: i64::MAX, extra: 0 }
    }

    /// Whether a job of `size` and `request` is within the limits.
    pub const fn admit(self, size: u32, request: i64) -> bool {
        size <= self.free && (request <= self.window || size <= self.extra)
    }
}

/// The least size and least request of the jobs below a node of the tree; at a leaf, of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Least {
    request: i64,
    size: u32,
}

/// An empty slot. No job is so large, so that no limits admit it.
const EMPTY: Least = Least { request: i64::MAX, size: u32::MAX };

/// Slots that even an empty queue has.
const SLOTS_MIN: usize = 16;

impl Least {
    fn both(self, other: Self) -> Self {
        Self { request: self.request.min(other.request), size: self.size.min(other.size) }
    }
}

/// Waiting jobs in arrival order.
///
/// Slots hold jobs in ascending order of `seq`. An empty slot keeps a number that is in order too:
/// its former job's, or the one of the slot before it.
#[derive(Debug, Clone)]
pub struct QueueTree {
    /// The root at 1, the children of node n at 2n and 2n + 1, the leaves at `slots`.
    least: Vec<Least>,
    seqs: Vec<u64>,
    handles: Vec<u32>,
    /// Every slot from this one on is empty, and its number means nothing.
    used: usize,
    count: usize,
    next_seq: u64,
}

impl Default for QueueTree {
    fn default() -> Self {
        Self::new()
    }
}

impl QueueTree {
    /// An empty queue.
    pub fn new() -> Self {
        Self {
            least: vec![EMPTY; 2 * SLOTS_MIN],
            seqs: vec![0; SLOTS_MIN],
            handles: vec![0; SLOTS_MIN],
            used: 0,
            count: 0,
            next_seq: 0,
        }
    }

    /// How many jobs wait.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Puts a job last and returns its place in the order.
    ///
    /// # Panics
    /// If `size` is `u32::MAX`.
    pub fn push(&mut self, size: u32, request: i64, handle: u32) -> u64 {
        let seq = self.next_seq;
        self.insert(Queued { seq, size, request, handle });
        seq
    }

    /// Puts a job at a place in the order that its caller keeps: behind all others, or back where it
    /// was.
    ///
    /// # Panics
    /// If `size` is `u32::MAX`, or if a job is there now.
    pub fn insert(&mut self, job: Queued) {
        if job.seq < self.next_seq {
            return self.reinsert(job);
        }
        if self.used == self.slots() {
            self.repack();
        }
        self.next_seq = job.seq + 1;
        self.used += 1;
        self.fill(self.used - 1, job);
    }

    /// Puts a job back at the place `job.seq` that it had before. Its size, request and handle may
    /// have changed since.
    ///
    /// # Panics
    /// If no job ever had that place, or if one is there now.
    pub fn reinsert(&mut self, job: Queued) {
        assert!(job.seq < self.next_seq, "place {} was never given", job.seq);
        let slot = self.vacate_near(job.seq);
        self.fill(slot, job);
    }

    /// Takes out the job at `seq`, if it waits.
    pub fn remove(&mut self, seq: u64) -> Option<Queued> {
        let slot = self.find(seq)?;
        let job = self.at(slot);
        self.set(slot, EMPTY);
        self.count -= 1;
        while self.used > 0 && self.is_vacant(self.used - 1) {
            self.used -= 1;
        }
        Some(job)
    }

    /// The job at `seq`, if it waits.
    pub fn get(&self, seq: u64) -> Option<Queued> {
        self.find(seq).map(|slot| self.at(slot))
    }

    /// The place that was given out last, 0 if none was.
    pub const fn newest(&self) -> u64 {
        self.next_seq.saturating_sub(1)
    }

    /// The job that has waited longest.
    pub fn first(&self) -> Option<Queued> {
        self.occupied_from(0).map(|slot| self.at(slot))
    }

    /// The first job after `after` (from the start, if none) that `limits` admit.
    ///
    /// Subtrees whose least size or least request rule out every job in them are skipped whole.
    pub fn next_fit(&self, after: Option<u64>, limits: Limits) -> Option<Queued> {
        let from = after.map_or(0, |seq| self.slot_after(seq));
        // No job is as large as EMPTY, so that a lower bound of `free` loses nothing.
        let limits = Limits { free: limits.free.min(EMPTY.size - 1), ..limits };
        let slot = self.search(from, |least| limits.admit(least.size, least.request))?;
        Some(self.at(slot))
    }

    /// The jobs in arrival order.
    pub fn iter(&self) -> impl Iterator<Item = Queued> + '_ {
        std::iter::successors(self.occupied_from(0), |slot| self.occupied_from(slot + 1))
            .map(|slot| self.at(slot))
    }

    fn slots(&self) -> usize {
        self.seqs.len()
    }

    fn is_vacant(&self, slot: usize) -> bool {
        self.least[self.slots() + slot].size == EMPTY.size
    }

    fn at(&self, slot: usize) -> Queued {
        let Least { request, size } = self.least[self.slots() + slot];
        Queued { seq: self.seqs[slot], size, request, handle: self.handles[slot] }
    }

    /// Where the job at `seq` is. Places are handed out one by one and mostly leave together, so
    /// that it is often as far behind the first slot as its number is behind the first number.
    fn find(&self, seq: u64) -> Option<usize> {
        let guess = self.guess(seq);
        let slot = match self.seqs[..self.used].get(guess) {
            Some(&there) if there == seq && !self.is_vacant(guess) => return Some(guess),
            _ => self.slot_of_or_after(seq),
        };
        (slot < self.used && self.seqs[slot] == seq && !self.is_vacant(slot)).then_some(slot)
    }

    fn guess(&self, seq: u64) -> usize {
        usize::try_from(seq.wrapping_sub(self.seqs[0])).unwrap_or(usize::MAX)
    }

    /// The first slot whose number is not below `seq`.
    fn slot_of_or_after(&self, seq: u64) -> usize {
        self.seqs[..self.used].partition_point(|&there| there < seq)
    }

    /// A slot that comes after every job up to `seq` and before every later one.
    fn slot_after(&self, seq: u64) -> usize {
        let guess = self.guess(seq);
        if self.seqs[..self.used].get(guess) == Some(&seq) {
            return guess + 1;
        }
        self.seqs[..self.used].partition_point(|&there| there <= seq)
    }

    /// The first slot at `from` or behind that has a job.
    fn occupied_from(&self, from: usize) -> Option<usize> {
        if from < self.used && !self.is_vacant(from) {
            return Some(from);
        }
        self.search(from, |least| least.size != EMPTY.size)
    }

    /// The first slot at `from` or behind whose leaf, and every node above it that was looked at,
    /// is `worth` going into.
    fn search(&self, from: usize, worth: impl Fn(Least) -> bool) -> Option<usize> {
        if from >= self.used {
            return None;
        }
        let slots = self.slots();
        let mut node = largest_from(slots + from);
        loop {
            if worth(self.least[node]) {
                if node >= slots {
                    return Some(node - slots);
                }
                node *= 2;
            } else {
                node = largest_from(node + 1);
                // Past the last leaf the climb ends at the root, or at another level's first node.
                if node == 1 {
                    return None;
                }
            }
        }
    }

    fn fill(&mut self, slot: usize, job: Queued) {
        assert!(job.size != EMPTY.size, "a job cannot be that large");
        self.seqs[slot] = job.seq;
        self.handles[slot] = job.handle;
        self.set(slot, Least { request: job.request, size: job.size });
        self.count += 1;
    }

    fn set(&mut self, slot: usize, least: Least) {
        let mut node = self.slots() + slot;
        self.least[node] = least;
        while node > 1 {
            node /= 2;
            let both = self.least[2 * node].both(self.least[2 * node + 1]);
            if self.least[node] == both {
                return;
            }
            self.least[node] = both;
        }
    }

    /// Moves all jobs to the front of a tree with about as many empty slots as jobs, so that each
    /// of those slots pays for a part of the move.
    fn repack(&mut self) {
        let jobs: Vec<Queued> = self.iter().collect();
        let slots = (2 * (jobs.len() + 1)).next_power_of_two().max(SLOTS_MIN);
        self.least.clear();
        self.least.resize(2 * slots, EMPTY);
        self.seqs.resize(slots, 0);
        self.handles.resize(slots, 0);
        self.used = jobs.len();
        for (slot, job) in jobs.iter().enumerate() {
            self.put(slot, *job);
        }
        self.refresh(0, slots);
    }

    /// An empty slot, in order for `seq`.
    fn vacate_near(&mut self, seq: u64) -> usize {
        let slot = self.slot_of_or_after(seq);
        if slot < self.used && self.is_vacant(slot) {
            return slot;
        }
        assert!(slot == self.used || self.seqs[slot] != seq, "place {seq} is taken");
        if slot > 0 && self.is_vacant(slot - 1) {
            return slot - 1;
        }
        if slot == self.used && self.used < self.slots() {
            self.used += 1;
            return slot;
        }
        self.spread_around(slot, seq).unwrap_or_else(|| {
            self.repack();
            self.vacate_near(seq)
        })
    }

    /// Spreads the jobs of the smallest window around `slot` that is sparse enough, and leaves a
    /// slot empty for `seq`. A window of two slots may be full, the whole tree half full, and those
    /// between in proportion: after that, the window pays for its next spreading by insertions.
    fn spread_around(&mut self, slot: usize, seq: u64) -> Option<usize> {
        let height = self.slots().trailing_zeros() as usize;
        let slot = slot.min(self.slots() - 1);
        for level in 1..=height {
            let width = 1 << level;
            let from = slot & !(width - 1);
            let jobs = (from..from + width).filter(|slot| !self.is_vacant(*slot)).count();
            if (jobs + 1) * 2 * height <= width * (2 * height - level) {
                return Some(self.spread(from, width, seq));
            }
        }
        None
    }

    fn spread(&mut self, from: usize, width: usize, seq: u64) -> usize {
        let slots = from..from + width;
        let mut jobs: Vec<Queued> =
            slots.clone().filter(|slot| !self.is_vacant(*slot)).map(|slot| self.at(slot)).collect();
        let place = jobs.partition_point(|job| job.seq < seq);
        let Least { request, size } = EMPTY;
        jobs.insert(place, Queued { seq, size, request, handle: 0 });
        let target = |index: usize| from + index * width / jobs.len();
        for (index, job) in jobs.iter().enumerate() {
            self.put(target(index), *job);
            let next = target(index + 1);
            for empty in target(index) + 1..next {
                self.put(empty, Queued { seq: job.seq, size, request, handle: 0 });
            }
        }
        self.used = self.used.max(target(jobs.len() - 1) + 1);
        self.refresh(from, width);
        target(place)
    }

    /// Writes a slot without the nodes above it.
    fn put(&mut self, slot: usize, job: Queued) {
        let leaf = self.slots() + slot;
        self.least[leaf] = Least { request: job.request, size: job.size };
        self.seqs[slot] = job.seq;
        self.handles[slot] = job.handle;
    }

    /// Works out every node above the slots of `from..from + width` again.
    fn refresh(&mut self, from: usize, width: usize) {
        let (mut first, mut last) = (self.slots() + from, self.slots() + from + width - 1);
        while first > 1 {
            first /= 2;
            last /= 2;
            for node in first..=last {
                self.least[node] = self.least[2 * node].both(self.least[2 * node + 1]);
            }
        }
    }
}

/// The largest subtree that starts where the subtree of `node` starts.
const fn largest_from(node: usize) -> usize {
    node >> node.trailing_zeros()
}
