//! Which nodes stand for what is granted.
//!
//! What is held is kept; only the difference moves. Blocks are whole and aligned. Array and rack
//! blocks are taken next to what the lease holds and else from the low end, single nodes from
//! racks that are broken already and else from the high end, so that whole racks survive.

use std::cmp::Reverse;
use std::ops::Range;

use leasehold_site::{Pool, Site};
use leasehold_units::Shape;

/// What a lease is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTarget {
    /// Number of the lease.
    pub lease: u16,
    /// The blocks that it is promised in.
    pub shape: Shape,
    /// Nodes of each pool.
    pub per_pool: Vec<u32>,
}

/// The moves that make holdings fit their targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Nodes that leave the holding of a lease.
    pub released: Vec<(u16, Range<u32>)>,
    /// Nodes that enter the holding of a lease; they were nobody's, or were released.
    pub taken: Vec<(u16, Range<u32>)>,
    /// What could not be met without moving what others hold.
    pub short: Vec<Short>,
}

/// Nodes that a lease is granted and cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Number of the lease.
    pub lease: u16,
    /// Index of the pool.
    pub pool: usize,
    /// How many.
    pub nodes: u32,
}

/// The moves from the holdings `current` (by node) to `targets`. Only `usable` nodes are taken.
/// Of blocks that serve equally, those with the least sum of `cost` move.
///
/// Asking again with the moves made gives no move.
pub fn replan(
    site: &Site,
    current: &[Option<u16>],
    targets: &[LeaseTarget],
    usable: &dyn Fn(u32) -> bool,
    cost: &dyn Fn(u32) -> u64,
) -> Changes {
    let mut holder: Vec<Option<u16>> = current.to_vec();
    let mut changes = Changes::default();
    for (index, pool) in site.pools.iter().enumerate() {
        let mut grid = Grid { pool, holder: &mut holder, usable, cost };
        let mut by_size: Vec<&LeaseTarget> = targets.iter().collect();
        // Large blocks first: small ones fit what large ones leave, not the other way round.
        by_size.sort_by_key(|target| (Reverse(target.shape), target.lease));
        for target in &by_size {
            grid.release(target, target.per_pool[index], &mut changes);
        }
        for target in by_size {
            let missing = grid.take(target, target.per_pool[index], &mut changes);
            if missing > 0 {
                changes.short.push(Short { lease: target.lease, pool: index, nodes: missing });
            }
        }
    }
    changes
}

/// One pool's nodes and who holds them.
struct Grid<'a> {
    pool: &'a Pool,
    holder: &'a mut Vec<Option<u16>>,
    usable: &'a dyn Fn(u32) -> bool,
    cost: &'a dyn Fn(u32) -> u64,
}

impl Grid<'_> {
    fn blocks(&self, shape: Shape) -> impl Iterator<Item = Range<u32>> + use<> {
        let (first, size) = (self.pool.first_node, self.pool.nodes_per(shape));
        let count = self.pool.nodes() / size;
        (0..count).map(move |block| first + block * size..first + (block + 1) * size)
    }

    fn all_held_by(&self, block: &Range<u32>, lease: Option<u16>) -> bool {
        block.clone().all(|node| self.holder[node as usize] == lease)
    }

    fn cost_of(&self, block: &Range<u32>) -> u64 {
        block.clone().map(|node| (self.cost)(node)).sum()
    }

    fn held(&self, lease: u16) -> u32 {
        let nodes = self.pool.node_range();
        let held = nodes.filter(|node| self.holder[*node as usize] == Some(lease)).count();
        u32::try_from(held).expect("a pool is small")
    }

    /// Gives back what `target` holds beyond `wanted` nodes, the cheapest blocks first; of equal
    /// ones the last.
    fn release(&mut self, target: &LeaseTarget, wanted: u32, changes: &mut Changes) {
        let mut excess = self.held(target.lease).saturating_sub(wanted);
        if excess == 0 {
            return;
        }
        // An amendment may change the shape, and a lease then holds parts of its new blocks.
        for shape in [target.shape, Shape::Node] {
            let mut held: Vec<Range<u32>> = self.blocks(shape).collect();
            held.retain(|block| self.all_held_by(block, Some(target.lease)));
            held.sort_by_key(|block| (self.cost_of(block), Reverse(block.start)));
            let size = self.pool.nodes_per(shape);
            for block in held.into_iter().take((excess / size) as usize) {
                self.set(&block, None);
                push(&mut changes.released, target.lease, block);
                excess -= size;
            }
        }
    }

    /// Takes what `target` lacks of `wanted` nodes; returns how many could not be had.
    fn take(&mut self, target: &LeaseTarget, wanted: u32, changes: &mut Changes) -> u32 {
        let missing = wanted.saturating_sub(self.held(target.lease));
        let size = self.pool.nodes_per(target.shape);
        if missing < size {
            return missing;
        }
        let mut free: Vec<Range<u32>> = self.blocks(target.shape).collect();
        free.retain(|block| {
            self.all_held_by(block, None) && block.clone().all(|node| (self.usable)(node))
        });
        let order = |block: &Range<u32>| {
            let from =
                if target.shape == Shape::Node { u32::MAX - block.start } else { block.start };
            (self.is_apart(target, block), self.cost_of(block), from)
        };
        free.sort_by_cached_key(order);
        free.truncate((missing / size) as usize);
        free.sort_by_key(|block| block.start);
        let mut left = missing;
        for block in free {
            left -= size;
            self.set(&block, Some(target.lease));
            push(&mut changes.taken, target.lease, block);
        }
        left
    }

    /// Whether the block stands outside what it would go well with: for nodes a rack, for racks an
    /// array, that is broken into already.
    fn is_apart(&self, target: &LeaseTarget, block: &Range<u32>) -> bool {
        let around = match target.shape {
            Shape::Node => Shape::Rack,
            Shape::Rack => Shape::Array,
            Shape::Array => return false,
        };
        let size = self.pool.nodes_per(around);
        let first = block.start - (block.start - self.pool.first_node) % size;
        !(first..first + size).any(|node| self.holder[node as usize].is_some())
    }

    fn set(&mut self, block: &Range<u32>, lease: Option<u16>) {
        for node in block.clone() {
            self.holder[node as usize] = lease;
        }
    }
}

/// Adds a range, joined to the last one where they touch.
fn push(list: &mut Vec<(u16, Range<u32>)>, lease: u16, block: Range<u32>) {
    match list.last_mut() {
        Some((last, range)) if *last == lease && range.end == block.start => range.end = block.end,
        _ => list.push((lease, block)),
    }
}
