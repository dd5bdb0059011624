//! What running jobs will give back, by estimated end, with subtotals.
//!
//! A B-tree in an arena. Every node knows the total of each of its children, so that the instant at
//! which enough has come back is found in O(log n). Jobs with the same end share an entry. A node is
//! given up when it is empty, not before: ends leave at the front as time goes by.

/// Entries or children of a node.
const WIDTH: usize = 16;

/// The earliest instant at which a job fits, if every running job ends as estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadow {
    /// That instant, the estimated end of some running job.
    pub end: i64,
    /// What is free then, counting every job with that same estimated end.
    pub free: u64,
}

#[derive(Debug, Clone)]
struct Node {
    /// In a leaf the ends; above, the least end that a child may hold, which the first child
    /// ignores.
    ends: [i64; WIDTH],
    /// In a leaf what comes back at an end; above, the total below a child.
    sizes: [u64; WIDTH],
    children: [u32; WIDTH],
    len: usize,
}

impl Node {
    const EMPTY: Self = Self { ends: [0; WIDTH], sizes: [0; WIDTH], children: [0; WIDTH], len: 0 };

    fn insert(&mut self, at: usize, end: i64, size: u64, child: u32) {
        self.ends.copy_within(at..self.len, at + 1);
        self.sizes.copy_within(at..self.len, at + 1);
        self.children.copy_within(at..self.len, at + 1);
        self.ends[at] = end;
        self.sizes[at] = size;
        self.children[at] = child;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        self.ends.copy_within(at + 1..self.len, at);
        self.sizes.copy_within(at + 1..self.len, at);
        self.children.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// Which child holds `end`.
    fn child_for(&self, end: i64) -> usize {
        self.ends[1..self.len.max(1)].iter().filter(|least| **least <= end).count()
    }

    /// Where `end` is, or belongs, in a leaf.
    fn entry_for(&self, end: i64) -> usize {
        self.ends[..self.len].iter().filter(|there| **there < end).count()
    }

    /// The first child or entry with which `sum` reaches `enough`; adds to `sum` those before it.
    fn reach(&self, sum: &mut u64, enough: u64) -> usize {
        for (at, size) in self.sizes[..self.len].iter().enumerate() {
            if *sum + size >= enough {
                return at;
            }
            *sum += size;
        }
        unreachable!("the total above a node is the sum of its sizes")
    }
}

/// An ordered multiset of (estimated end, size).
#[derive(Debug, Clone)]
pub struct Releases {
    nodes: Vec<Node>,
    /// Given-up nodes, to be used again.
    spare: Vec<u32>,
    root: u32,
    /// Levels above the leaves.
    height: usize,
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
        Self { nodes: vec![Node::EMPTY], spare: Vec::new(), root: 0, height: 0, total: 0 }
    }

    /// All that will come back.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Notes that `size` comes back at `end`.
    pub fn insert(&mut self, end: i64, size: u32) {
        let size = u64::from(size);
        if size == 0 {
            return;
        }
        self.total += size;
        self.grow_root_if_full();
        let mut at = self.root;
        for _ in 0..self.height {
            at = self.step_down(at, end, size);
        }
        let leaf = self.node_mut(at);
        let entry = leaf.entry_for(end);
        if entry < leaf.len && leaf.ends[entry] == end {
            leaf.sizes[entry] += size;
        } else {
            leaf.insert(entry, end, size, 0);
        }
    }

    /// Notes that `size`, inserted with `end`, does not come back then.
    ///
    /// # Panics
    /// If it was never inserted: a lost release would promise what is not there.
    pub fn remove(&mut self, end: i64, size: u32) {
        let size = u64::from(size);
        if size == 0 {
            return;
        }
        assert!(size <= self.total, "nothing of size {size} ends at {end}");
        self.total -= size;
        if self.remove_below(self.root, self.height, end, size) {
            self.shrink_root();
        }
    }

    /// The earliest estimated end at which `need` fits beside what is `free` now; none if it does
    /// not fit even when all has come back.
    ///
    /// # Panics
    /// If it fits already.
    pub fn shadow(&self, free: u32, need: u32) -> Option<Shadow> {
        assert!(need > free, "what fits now needs no shadow");
        let short = u64::from(need - free);
        if short > self.total {
            return None;
        }
        let mut sum = 0;
        let mut node = self.node(self.root);
        for _ in 0..self.height {
            node = self.node(node.children[node.reach(&mut sum, short)]);
        }
        let entry = node.reach(&mut sum, short);
        let free = u64::from(free) + sum + node.sizes[entry];
        Some(Shadow { end: node.ends[entry], free })
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    fn node_mut(&mut self, at: u32) -> &mut Node {
        &mut self.nodes[at as usize]
    }

    fn allocate(&mut self, node: Node) -> u32 {
        if let Some(at) = self.spare.pop() {
            *self.node_mut(at) = node;
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("fewer nodes than jobs, and handles are u32")
    }

    fn grow_root_if_full(&mut self) {
        if self.node(self.root).len < WIDTH {
            return;
        }
        let mut root = Node::EMPTY;
        root.insert(0, 0, self.node(self.root).sizes.iter().sum(), self.root);
        self.root = self.allocate(root);
        self.height += 1;
        self.split(self.root, 0);
    }

    /// Goes from the inner node `at` to the child for `end`, which gains `size`, and makes sure
    /// that this child has room.
    fn step_down(&mut self, at: u32, end: i64, size: u64) -> u32 {
        let mut child = self.node(at).child_for(end);
        if self.node(self.node(at).children[child]).len == WIDTH {
            self.split(at, child);
            child = self.node(at).child_for(end);
        }
        let node = self.node_mut(at);
        node.sizes[child] += size;
        node.children[child]
    }

    /// Moves the upper half of a full child of the inner node `at` into a new one behind it.
    fn split(&mut self, at: u32, child: usize) {
        let lower = self.node(at).children[child];
        let mut upper = self.node(lower).clone();
        upper.ends.copy_within(WIDTH / 2.., 0);
        upper.sizes.copy_within(WIDTH / 2.., 0);
        upper.children.copy_within(WIDTH / 2.., 0);
        upper.len = WIDTH - WIDTH / 2;
        self.node_mut(lower).len = WIDTH / 2;
        let (end, size) = (upper.ends[0], upper.sizes[..upper.len].iter().sum());
        let upper = self.allocate(upper);
        let node = self.node_mut(at);
        node.sizes[child] -= size;
        node.insert(child + 1, end, size, upper);
    }

    /// Takes `size` at `end` out of the subtree `at`. Whether that left `at` with one child fewer.
    fn remove_below(&mut self, at: u32, height: usize, end: i64, size: u64) -> bool {
        let node = self.node_mut(at);
        let slot = if height == 0 { node.entry_for(end) } else { node.child_for(end) };
        let known = slot < node.len && (height > 0 || node.ends[slot] == end);
        assert!(known && size <= node.sizes[slot], "nothing of size {size} ends at {end}");
        node.sizes[slot] -= size;
        let child = node.children[slot];
        if height == 0 {
            let gone = node.sizes[slot] == 0;
            if gone {
                node.remove(slot);
            }
            return gone;
        }
        let fewer = self.remove_below(child, height - 1, end, size);
        if !fewer || self.node(child).len > 0 {
            return false;
        }
        self.spare.push(child);
        self.node_mut(at).remove(slot);
        true
    }

    /// Gives up roots with only one child.
    fn shrink_root(&mut self) {
        while self.height > 0 && self.node(self.root).len == 1 {
            self.spare.push(self.root);
            self.root = self.node(self.root).children[0];
            self.height -= 1;
        }
    }
}
