//! How a pool's nodes stand in racks and arrays, and how many of a set each of these holds.
//!
//! Nothing here knows which nodes of a rack are in the set; [`crate::nodes::NodeSet`] does.

use leasehold_units::Shape;

/// A pool's racks and arrays. Its nodes are numbered array by array, rack by rack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Arrays in the pool.
    pub arrays: u32,
    /// Racks in each array.
    pub racks_per_array: u32,
    /// Nodes in each rack.
    pub nodes_per_rack: u32,
}

impl Geometry {
    /// Racks in the pool.
    pub const fn racks(self) -> u32 {
        self.arrays * self.racks_per_array
    }

    /// Nodes in the pool.
    pub const fn nodes(self) -> u32 {
        self.racks() * self.nodes_per_rack
    }

    /// Nodes in each array.
    pub const fn nodes_per_array(self) -> u32 {
        self.racks_per_array * self.nodes_per_rack
    }

    /// Nodes in one block of `shape`.
    pub const fn nodes_per(self, shape: Shape) -> u32 {
        match shape {
            Shape::Node => 1,
            Shape::Rack => self.nodes_per_rack,
            Shape::Array => self.nodes_per_array(),
        }
    }
}

/// Racks with more nodes than this are looked through one by one; there are few of them then.
const INDEXED_NODES_MAX: u32 = 128;

/// How many nodes of a set each rack and each array holds. Blocks and nodes are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    geometry: Geometry,
    racks: Vec<u32>,
    arrays: Vec<u32>,
    /// The racks that hold 1 node, as bits, then those that hold 2, and so on: best fit without
    /// looking at every rack. Empty where racks are too large for it.
    by_count: Vec<u64>,
    /// How many racks there are in each of these rows.
    row_sizes: Vec<u32>,
    words_per_row: usize,
}

impl Blocks {
    /// All blocks empty.
    pub fn new(geometry: Geometry) -> Self {
        let indexed = geometry.nodes_per_rack <= INDEXED_NODES_MAX;
        let rows = if indexed { geometry.nodes_per_rack as usize } else { 0 };
        let words_per_row = geometry.racks().div_ceil(64) as usize;
        Self {
            geometry,
            racks: vec![0; geometry.racks() as usize],
            arrays: vec![0; geometry.arrays as usize],
            by_count: vec![0; rows * words_per_row],
            row_sizes: vec![0; rows],
            words_per_row,
        }
    }

    /// How the pool's nodes stand.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Nodes of the set in each rack.
    pub fn racks(&self) -> &[u32] {
        &self.racks
    }

    /// Nodes of the set in each array.
    pub fn arrays(&self) -> &[u32] {
        &self.arrays
    }

    /// Counts the nodes from `first` to `end` in.
    pub fn add(&mut self, first: u32, end: u32) {
        for (rack, nodes) in Overlaps::new(first, end, self.geometry.nodes_per_rack) {
            self.set_rack(rack, self.racks[rack] + nodes);
        }
        for (array, nodes) in Overlaps::new(first, end, self.geometry.nodes_per_array()) {
            self.arrays[array] += nodes;
        }
    }

    /// Counts the nodes from `first` to `end` out.
    pub fn subtract(&mut self, first: u32, end: u32) {
        for (rack, nodes) in Overlaps::new(first, end, self.geometry.nodes_per_rack) {
            self.set_rack(rack, self.racks[rack] - nodes);
        }
        for (array, nodes) in Overlaps::new(first, end, self.geometry.nodes_per_array()) {
            self.arrays[array] -= nodes;
        }
    }

    fn set_rack(&mut self, rack: usize, nodes: u32) {
        let before = std::mem::replace(&mut self.racks[rack], nodes) as usize;
        if self.row_sizes.is_empty() {
            return;
        }
        let (word, bit) = (rack / 64, 1 << (rack % 64));
        if before > 0 {
            self.by_count[(before - 1) * self.words_per_row + word] &= !bit;
            self.row_sizes[before - 1] -= 1;
        }
        if nodes > 0 {
            let row = nodes as usize - 1;
            self.by_count[row * self.words_per_row + word] |= bit;
            self.row_sizes[row] += 1;
        }
    }

    /// The rack with the fewest nodes of those that hold `need`; of equals the one whose array holds
    /// the fewest, then the lowest. None of the arrays marked in `skip` counts.
    pub fn tightest_rack(&self, need: u32, skip: &[bool]) -> Option<u32> {
        if need > self.geometry.nodes_per_rack {
            return None;
        }
        if self.row_sizes.is_empty() {
            return self.tightest_large_rack(need, skip);
        }
        let rows = need.max(1) as usize - 1..self.row_sizes.len();
        rows.filter(|row| self.row_sizes[*row] > 0)
            .find_map(|row| self.rack_of_fullest_array(row, skip))
    }

    /// Of the racks in `row` the first one in the array with the fewest nodes.
    fn rack_of_fullest_array(&self, row: usize, skip: &[bool]) -> Option<u32> {
        let racks_per_array = self.geometry.racks_per_array as usize;
        let words = &self.by_count[row * self.words_per_row..][..self.words_per_row];
        let mut best: Option<(u32, usize)> = None;
        let mut open_from = 0;
        for (index, word) in words.iter().enumerate() {
            let mut bits = *word;
            while bits != 0 {
                let rack = index * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if rack < open_from {
                    continue;
                }
                let array = rack / racks_per_array;
                // The other racks of this array are no better than its first.
                open_from = (array + 1) * racks_per_array;
                let fuller = best.is_none_or(|(nodes, _)| self.arrays[array] < nodes);
                if fuller && !skipped(skip, array) {
                    best = Some((self.arrays[array], rack));
                }
            }
        }
        best.map(|(_, rack)| number(rack))
    }

    fn tightest_large_rack(&self, need: u32, skip: &[bool]) -> Option<u32> {
        let array = |rack: usize| rack / self.geometry.racks_per_array as usize;
        let fits = |rack: &usize| self.racks[*rack] >= need && !skipped(skip, array(*rack));
        let racks = (0..self.racks.len()).filter(fits);
        racks.min_by_key(|rack| (self.racks[*rack], self.arrays[array(*rack)])).map(number)
    }

    /// The lowest array of those that hold `need` with as few nodes as possible, and that are not
    /// marked in `skip`.
    pub fn tightest_array(&self, need: u32, skip: &[bool]) -> Option<u32> {
        tightest(&self.arrays, need, |array| !skipped(skip, array))
    }
}

/// The first of the least counts that are at least `need`, among the indices that are `allowed`.
pub fn tightest(counts: &[u32], need: u32, allowed: impl Fn(usize) -> bool) -> Option<u32> {
    let fitting = counts.iter().enumerate().filter(|(_, count)| **count >= need);
    fitting
        .filter(|(index, _)| allowed(*index))
        .min_by_key(|(_, count)| **count)
        .map(|(index, _)| number(index))
}

fn skipped(skip: &[bool], index: usize) -> bool {
    skip.get(index).is_some_and(|skip| *skip)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a pool is small")
}

/// The blocks of `size` nodes that a range of nodes lies in, with the nodes that it has in each.
struct Overlaps {
    first: u32,
    end: u32,
    block: usize,
    block_end: u32,
    size: u32,
}

impl Overlaps {
    fn new(first: u32, end: u32, size: u32) -> Self {
        let block = first / size;
        Self { first, end, block: block as usize, block_end: (block + 1) * size, size }
    }
}

impl Iterator for Overlaps {
    type Item = (usize, u32);

    #[inline]
    fn next(&mut self) -> Option<(usize, u32)> {
        if self.first >= self.end {
            return None;
        }
        let until = self.end.min(self.block_end);
        let found = (self.block, until - self.first);
        self.first = until;
        self.block += 1;
        self.block_end += self.size;
        Some(found)
    }
}
