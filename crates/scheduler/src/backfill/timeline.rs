//! A step function of time as its changes, with what its running sum comes to.
//!
//! A B-tree in an arena. Every node knows of each of its children how much the value changes across
//! it and, where asked for, how low and how high it gets, so that the first instant with enough (or
//! with too little) is found in O(log n), and a change over an interval is two entries. Changes at
//! one instant share an entry, and entries that come to nothing leave. A node is given up when it is
//! empty, not before: time goes by, and entries leave at the front.

mod window;

pub(super) use window::Wanted;

/// What is known of a stretch of changes.
pub(super) trait Summary: Copy {
    /// The neutral stretch.
    const NOTHING: Self;

    /// One change.
    fn of(change: i64) -> Self;

    /// This stretch, then `later`.
    fn then(self, later: Self) -> Self;

    /// What the stretch changes in all.
    fn change(self) -> i64;
}

/// Only the change in all; enough where no change is negative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Total(i64);

impl Total {
    /// The value after the stretch, if it is `before` in front of it.
    pub const fn after(self, before: i64) -> i64 {
        before + self.0
    }
}

impl Summary for Total {
    const NOTHING: Self = Self(0);

    fn of(change: i64) -> Self {
        Self(change)
    }

    fn then(self, later: Self) -> Self {
        Self(self.0 + later.0)
    }

    fn change(self) -> i64 {
        self.0
    }
}

/// The change in all, and how far below and above its beginning the value gets after any entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub change: i64,
    pub low: i64,
    pub high: i64,
}

impl Summary for Range {
    const NOTHING: Self = Self { change: 0, low: i64::MAX, high: i64::MIN };

    fn of(change: i64) -> Self {
        Self { change, low: change, high: change }
    }

    fn then(self, later: Self) -> Self {
        // Nothing comes before the neutral stretch or after it, which keeps its bounds from
        // overflowing here.
        let (low, high) =
            (self.change.saturating_add(later.low), self.change.saturating_add(later.high));
        Self {
            change: self.change + later.change,
            low: self.low.min(low),
            high: self.high.max(high),
        }
    }

    fn change(self) -> i64 {
        self.change
    }
}

/// Entries or children of a node.
const WIDTH: usize = 16;

#[derive(Debug, Clone)]
struct Node<S> {
    /// In a leaf the instants of the changes; above, the least instant that a child may hold,
    /// which the first child ignores.
    times: [i64; WIDTH],
    /// Of a change, or of all changes below a child.
    summaries: [S; WIDTH],
    children: [u32; WIDTH],
    len: usize,
}

impl<S: Summary> Node<S> {
    const EMPTY: Self =
        Self { times: [0; WIDTH], summaries: [S::NOTHING; WIDTH], children: [0; WIDTH], len: 0 };

    fn insert(&mut self, at: usize, time: i64, summary: S, child: u32) {
        self.times.copy_within(at..self.len, at + 1);
        self.summaries.copy_within(at..self.len, at + 1);
        self.children.copy_within(at..self.len, at + 1);
        self.times[at] = time;
        self.summaries[at] = summary;
        self.children[at] = child;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        self.times.copy_within(at + 1..self.len, at);
        self.summaries.copy_within(at + 1..self.len, at);
        self.children.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// Which child holds `time`.
    fn child_for(&self, time: i64) -> usize {
        self.times[1..self.len.max(1)].iter().filter(|least| **least <= time).count()
    }

    /// Where `time` is, or belongs, in a leaf.
    fn entry_for(&self, time: i64) -> usize {
        self.times[..self.len].iter().filter(|there| **there < time).count()
    }

    fn summary(&self) -> S {
        self.summaries[..self.len].iter().fold(S::NOTHING, |sum, part| sum.then(*part))
    }
}

/// An instant, and the value of the function from it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub time: i64,
    pub value: i64,
}

/// A step function of time that is 0 before its first change.
#[derive(Debug, Clone)]
pub(super) struct Timeline<S> {
    nodes: Vec<Node<S>>,
    /// Given-up nodes, to be used again.
    spare: Vec<u32>,
    root: u32,
    /// Levels above the leaves.
    height: usize,
}

impl<S: Summary> Timeline<S> {
    pub fn new() -> Self {
        Self { nodes: vec![Node::EMPTY], spare: Vec::new(), root: 0, height: 0 }
    }

    /// Changes the value by `change`, which is not 0, from `time` on. Returns the whole change at
    /// `time`.
    pub fn add(&mut self, time: i64, change: i64) -> i64 {
        if self.node(self.root).len == WIDTH {
            self.grow_root();
        }
        let whole = self.add_below(self.root, self.height, time, change);
        while self.height > 0 && self.node(self.root).len == 1 {
            self.spare.push(self.root);
            self.root = self.node(self.root).children[0];
            self.height -= 1;
        }
        whole
    }

    /// The value at `time`, if it is `from` before the first change.
    pub fn value_at(&self, time: i64, from: i64) -> i64 {
        let mut value = from;
        let mut node = self.node(self.root);
        let changed = |node: &Node<S>, before: usize| {
            node.summaries[..before].iter().map(|part| part.change()).sum::<i64>()
        };
        for _ in 0..self.height {
            let child = node.child_for(time);
            value += changed(node, child);
            node = self.node(node.children[child]);
        }
        let passed = node.times[..node.len].iter().filter(|there| **there <= time).count();
        value + changed(node, passed)
    }

    /// The first change, and what it changes.
    pub fn first(&self) -> Option<(i64, i64)> {
        let mut node = self.node(self.root);
        for _ in 0..self.height {
            node = self.node(node.children[0]);
        }
        (node.len > 0).then(|| (node.times[0], node.summaries[0].change()))
    }

    /// The first point after `after` at which a single change is found by `reaches`, which is asked
    /// with the value before a stretch and the stretch, and says whether some point in it may be
    /// the one; of a single change it must be sure. `from` is the value before the first change.
    pub fn seek(&self, after: i64, from: i64, reaches: impl Fn(i64, S) -> bool) -> Option<Point> {
        let mut value = from;
        let time = self.seek_below(self.root, self.height, after, &mut value, &reaches)?;
        Some(Point { time, value })
    }

    /// On success `value` is the value from the returned instant on; else the one after `at`.
    fn seek_below(
        &self,
        at: u32,
        height: usize,
        after: i64,
        value: &mut i64,
        reaches: &impl Fn(i64, S) -> bool,
    ) -> Option<i64> {
        let node = self.node(at);
        for slot in 0..node.len {
            let summary = node.summaries[slot];
            // Above the leaves, what counts is the last instant that the child may hold.
            let next = slot + usize::from(height > 0);
            let passed = next < node.len && node.times[next] <= after;
            if passed || !reaches(*value, summary) {
                *value += summary.change();
            } else if height == 0 {
                *value += summary.change();
                return Some(node.times[slot]);
            } else {
                let found = self.seek_below(node.children[slot], height - 1, after, value, reaches);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// Hands every change in `(span.0, span.1)` to `visit`, with the value from it on. `from` is the
    /// value before the first change.
    pub fn walk(&self, span: (i64, i64), from: i64, mut visit: impl FnMut(Point)) {
        let mut value = from;
        self.walk_below(self.root, self.height, span, &mut value, &mut visit);
    }

    fn walk_below(
        &self,
        at: u32,
        height: usize,
        span: (i64, i64),
        value: &mut i64,
        visit: &mut impl FnMut(Point),
    ) {
        let node = self.node(at);
        for slot in 0..node.len {
            // Above the leaves, what counts is the last instant that the child may hold.
            let next = slot + usize::from(height > 0);
            let bounded = height == 0 || slot > 0;
            if bounded && node.times[slot] >= span.1 {
                return;
            }
            if height > 0 && (next == node.len || node.times[next] > span.0) {
                self.walk_below(node.children[slot], height - 1, span, value, visit);
                continue;
            }
            *value += node.summaries[slot].change();
            if height == 0 && node.times[slot] > span.0 {
                visit(Point { time: node.times[slot], value: *value });
            }
        }
    }

    /// As [`seek`](Self::seek), but the last point before `before`.
    pub fn seek_back(
        &self,
        before: i64,
        from: i64,
        reaches: impl Fn(i64, S) -> bool,
    ) -> Option<Point> {
        let mut value = from + self.node(self.root).summary().change();
        let time = self.seek_back_below(self.root, self.height, before, &mut value, &reaches)?;
        Some(Point { time, value })
    }

    /// `value` goes from the one after `at` to the one from the returned instant on; else to the
    /// one before `at`.
    fn seek_back_below(
        &self,
        at: u32,
        height: usize,
        before: i64,
        value: &mut i64,
        reaches: &impl Fn(i64, S) -> bool,
    ) -> Option<i64> {
        let node = self.node(at);
        for slot in (0..node.len).rev() {
            let summary = node.summaries[slot];
            let start = *value - summary.change();
            // The first child's least instant is not kept, and then what is in it decides.
            let bounded = height == 0 || slot > 0;
            let beyond = bounded && node.times[slot] >= before;
            if !beyond && reaches(start, summary) {
                if height == 0 {
                    return Some(node.times[slot]);
                }
                let child = node.children[slot];
                let found = self.seek_back_below(child, height - 1, before, value, reaches);
                if found.is_some() {
                    return found;
                }
            }
            *value = start;
        }
        None
    }

    fn node(&self, at: u32) -> &Node<S> {
        &self.nodes[at as usize]
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<S> {
        &mut self.nodes[at as usize]
    }

    fn allocate(&mut self, node: Node<S>) -> u32 {
        if let Some(at) = self.spare.pop() {
            *self.node_mut(at) = node;
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("fewer nodes than jobs, and handles are u32")
    }

    fn grow_root(&mut self) {
        let mut root = Node::EMPTY;
        root.insert(0, 0, self.node(self.root).summary(), self.root);
        self.root = self.allocate(root);
        self.height += 1;
    }

    /// Changes the subtree `at`, which has room for one child or entry more, and may leave it
    /// empty.
    fn add_below(&mut self, at: u32, height: usize, time: i64, change: i64) -> i64 {
        if height == 0 {
            return self.add_to_leaf(at, time, change);
        }
        let mut slot = self.node(at).child_for(time);
        if self.node(self.node(at).children[slot]).len == WIDTH {
            self.split(at, slot);
            slot = self.node(at).child_for(time);
        }
        let child = self.node(at).children[slot];
        let whole = self.add_below(child, height - 1, time, change);
        if self.node(child).len == 0 {
            self.spare.push(child);
            self.node_mut(at).remove(slot);
        } else {
            self.node_mut(at).summaries[slot] = self.node(child).summary();
        }
        whole
    }

    fn add_to_leaf(&mut self, at: u32, time: i64, change: i64) -> i64 {
        let leaf = self.node_mut(at);
        let entry = leaf.entry_for(time);
        if entry == leaf.len || leaf.times[entry] != time {
            leaf.insert(entry, time, S::of(change), 0);
            return change;
        }
        let whole = leaf.summaries[entry].change() + change;
        if whole == 0 {
            leaf.remove(entry);
        } else {
            leaf.summaries[entry] = S::of(whole);
        }
        whole
    }

    /// Moves the upper half of a full child of `at` into a new one behind it.
    fn split(&mut self, at: u32, slot: usize) {
        let lower = self.node(at).children[slot];
        let mut upper = self.node(lower).clone();
        upper.times.copy_within(WIDTH / 2.., 0);
        upper.summaries.copy_within(WIDTH / 2.., 0);
        upper.children.copy_within(WIDTH / 2.., 0);
        upper.len = WIDTH - WIDTH / 2;
        self.node_mut(lower).len = WIDTH / 2;
        let (time, summary) = (upper.times[0], upper.summary());
        let upper = self.allocate(upper);
        let lower_summary = self.node(lower).summary();
        let node = self.node_mut(at);
        node.summaries[slot] = lower_summary;
        node.insert(slot + 1, time, summary, upper);
    }
}
