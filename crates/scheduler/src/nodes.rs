//! Sets and ranges of node numbers.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smallvec::SmallVec;

use crate::blocks::{Blocks, Geometry};

/// Node numbers as ascending, non-touching half-open ranges. A gang placed well is one or two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct NodeRanges(SmallVec<[(u32, u32); 2]>);

impl NodeRanges {
    /// No node.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes from `first` to `end`, `end` excluded.
    pub fn from_range(first: u32, end: u32) -> Self {
        let mut ranges = Self::new();
        ranges.push(first, end);
        ranges
    }

    /// These nodes, in any order; one that is named twice counts once.
    pub fn from_nodes(nodes: impl IntoIterator<Item = u32>) -> Self {
        let mut sorted: Vec<u32> = nodes.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut ranges = Self::new();
        for node in sorted {
            ranges.push(node, node + 1);
        }
        ranges
    }

    /// The nodes of these ranges, in any order; one that is named twice counts once.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: SmallVec<[(u32, u32); 8]> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut ranges = Self::new();
        let mut until = 0;
        for (first, end) in sorted {
            if end > until {
                ranges.push(first.max(until), end);
                until = end;
            }
        }
        ranges
    }

    /// Adds `first..end` behind what is there.
    ///
    /// # Panics
    /// If it starts before the end of what is there.
    pub fn push(&mut self, first: u32, end: u32) {
        if first == end {
            return;
        }
        match self.0.last_mut() {
            Some((_, last)) if *last == first => *last = end,
            Some((_, last)) => {
                assert!(*last < first, "node ranges out of order");
                self.0.push((first, end));
            }
            None => self.0.push((first, end)),
        }
    }

    /// The ranges.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Every node number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|&(first, end)| first..end)
    }

    /// How many nodes.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|(first, end)| end - first).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `node` is among them.
    pub fn contains(&self, node: u32) -> bool {
        self.0.iter().any(|&(first, end)| first <= node && node < end)
    }
}

/// As `[[first,end],…]`.
impl Serialize for NodeRanges {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.ranges())
    }
}

impl<'de> Deserialize<'de> for NodeRanges {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored: Vec<(u32, u32)> = Deserialize::deserialize(from)?;
        let mut ranges = Self::new();
        for (first, end) in &stored {
            let behind = ranges.0.last().is_none_or(|(_, last)| last < first);
            if !behind || first >= end {
                return Err(de::Error::custom(format_args!(
                    "{stored:?} are no node ranges: expected ascending ones with a gap between"
                )));
            }
            ranges.push(*first, *end);
        }
        Ok(ranges)
    }
}

/// A set of the nodes of one pool, as bits, with its size as a whole, per rack and per array at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSet {
    first_node: u32,
    words: Vec<u64>,
    count: u32,
    /// No set bit in any word before this one; saves scanning what is in use.
    low: usize,
    blocks: Blocks,
}

impl NodeSet {
    /// An empty set that can hold the nodes of a pool, numbered from `first_node` on.
    pub fn new(first_node: u32, geometry: Geometry) -> Self {
        let words = vec![0; geometry.nodes().div_ceil(64) as usize];
        let low = words.len();
        Self { first_node, words, count: 0, low, blocks: Blocks::new(geometry) }
    }

    /// How many of its nodes each rack and each array holds.
    pub const fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Number of the pool's first node.
    pub const fn first_node(&self) -> u32 {
        self.first_node
    }

    /// How many nodes are in it.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Puts the nodes from `first` to `end` in, `end` excluded.
    ///
    /// # Panics
    /// If one is in already: every node is on at most one shelf of its partition.
    pub fn insert(&mut self, first: u32, end: u32) {
        for (word, bits) in masks(first - self.first_node, end - self.first_node) {
            assert!(self.words[word] & bits == 0, "one of {first}..{end} is in the set already");
            self.words[word] |= bits;
            self.low = self.low.min(word);
        }
        self.count += end - first;
        self.blocks.add(first - self.first_node, end - self.first_node);
    }

    /// Takes the nodes from `first` to `end` out, `end` excluded.
    ///
    /// # Panics
    /// If one is not in.
    pub fn remove(&mut self, first: u32, end: u32) {
        for (word, bits) in masks(first - self.first_node, end - self.first_node) {
            assert!(self.words[word] & bits == bits, "one of {first}..{end} is not in the set");
            self.words[word] &= !bits;
        }
        self.count -= end - first;
        self.blocks.subtract(first - self.first_node, end - self.first_node);
        while self.low < self.words.len() && self.words[self.low] == 0 {
            self.low += 1;
        }
    }

    /// Whether `node` is in.
    pub fn contains(&self, node: u32) -> bool {
        let (word, bit) = self.place(node);
        self.words[word] & bit != 0
    }

    /// The lowest node, if any.
    pub fn first(&self) -> Option<u32> {
        self.runs().next().map(|(first, _)| first)
    }

    /// Maximal runs of consecutive nodes, ascending.
    pub fn runs(&self) -> Runs<'_> {
        let rest = self.words.get(self.low).copied().unwrap_or(0);
        Runs { words: &self.words, first_node: self.first_node, word: self.low, rest }
    }

    /// The parts of these runs that lie between `first` and `end`, `end` excluded.
    pub fn runs_within(&self, first: u32, end: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let (word, bit) = self.place(first);
        // Words behind `end` are left out, since the way to the next run may be long.
        let words = &self.words[..(end - self.first_node).div_ceil(64) as usize];
        let rest = words[word] & (u64::MAX << bit.trailing_zeros());
        let runs = Runs { words, first_node: self.first_node, word, rest };
        runs.map(move |(from, until)| (from, until.min(end)))
            .take_while(|(from, until)| from < until)
    }

    fn place(&self, node: u32) -> (usize, u64) {
        let offset = node - self.first_node;
        ((offset / 64) as usize, 1 << (offset % 64))
    }
}

/// The words that the bits from `first` to `end` lie in, with those bits.
fn masks(first: u32, end: u32) -> impl Iterator<Item = (usize, u64)> {
    let words = first / 64..end.div_ceil(64);
    words.map(move |word| {
        let low = u64::MAX << (first.max(word * 64) - word * 64);
        let high = u64::MAX >> (word * 64 + 64 - end.min(word * 64 + 64));
        (word as usize, low & high)
    })
}

/// Iterator over the maximal runs of a [`NodeSet`], as half-open ranges.
#[derive(Debug)]
pub struct Runs<'a> {
    words: &'a [u64],
    first_node: u32,
    word: usize,
    rest: u64,
}

impl Runs<'_> {
    fn seek(&mut self) -> bool {
        while self.rest == 0 {
            self.word += 1;
            match self.words.get(self.word) {
                Some(bits) => self.rest = *bits,
                None => return false,
            }
        }
        true
    }

    fn number(&self, bit: u32) -> u32 {
        self.first_node + u32::try_from(self.word).expect("a pool is small") * 64 + bit
    }
}

impl Iterator for Runs<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        if self.word >= self.words.len() || !self.seek() {
            return None;
        }
        let from = self.rest.trailing_zeros();
        let first = self.number(from);
        let mut length = (self.rest >> from).trailing_ones();
        loop {
            let end = first + length;
            if !(end - self.first_node).is_multiple_of(64) {
                let used = (end - self.first_node) % 64;
                self.rest &= u64::MAX << used;
                return Some((first, end));
            }
            self.word += 1;
            match self.words.get(self.word) {
                Some(bits) => self.rest = *bits,
                None => return Some((first, end)),
            }
            let more = self.rest.trailing_ones();
            if more == 0 {
                return Some((first, end));
            }
            length += more;
        }
    }
}
