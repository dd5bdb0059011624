//! Which nodes stand for what is granted.
//!
//! What is held is kept; only the difference moves. Blocks are whole and aligned, and as few larger
//! blocks as possible are broken into: racks fill arrays that are broken already, from the low end,
//! and nodes fill racks that are, from the high end, so that whole racks and arrays survive. Where
//! what was given back lies so scattered that large blocks are left in pieces only, smaller
//! holdings make room, as few nodes as will do, as long as that leaves nobody else short.

use std::cmp::Reverse;
use std::ops::Range;

use leasehold_site::{Pool, Site};
use leasehold_units::Shape;

/// What a lease is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTarget {
    /// Number of the lease; one target each. A lease without one keeps what it holds.
    pub lease: u16,
    /// The blocks that it is promised in.
    pub shape: Shape,
    /// Nodes of each pool.
    pub per_pool: Vec<u32>,
}

/// The moves that make holdings fit their targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Nodes that leave the holding of a lease, in order of their numbers.
    pub released: Vec<(u16, Range<u32>)>,
    /// Nodes that enter the holding of a lease, in order of their numbers; they were nobody's, or
    /// were released.
    pub taken: Vec<(u16, Range<u32>)>,
    /// What could not be met, by lease; only where the blocks in service are too few.
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

/// The moves from the holdings `current` (by node) to `targets`. Only `usable` nodes are taken, and
/// held ones that are not are given up for others. Of blocks that serve equally, those with the least
/// sum of `cost` move.
///
/// Asking again with the moves made gives no move.
pub fn replan(
    site: &Site,
    current: &[Option<u16>],
    targets: &[LeaseTarget],
    usable: &dyn Fn(u32) -> bool,
    cost: &dyn Fn(u32) -> u64,
) -> Changes {
    let mut targets: Vec<&LeaseTarget> = targets.iter().collect();
    // Large blocks first: small ones fit what large ones leave, not the other way round.
    targets.sort_by_key(|target| (Reverse(target.shape), target.lease));
    let kept = |(node, holder): (u32, &Option<u16>)| holder.filter(|_| usable(node));
    let mut holder: Vec<Option<u16>> = (0..).zip(current).map(kept).collect();
    let mut changes = Changes::default();
    for (index, pool) in site.pools.iter().enumerate() {
        let nodes = pool.first_node as usize..pool.node_range().end as usize;
        let wanted: Vec<Wanted> = targets.iter().map(|target| Wanted::of(target, index)).collect();
        let wishes = Wishes { pool, wanted: &wanted, usable, cost };
        let settled = wishes.settle(&holder[nodes.clone()]);
        holder[nodes].copy_from_slice(&settled.holder);
        let short =
            |(wanted, nodes): (&Wanted, u32)| Short { lease: wanted.lease, pool: index, nodes };
        let short = wanted.iter().zip(settled.short).filter(|(_, nodes)| *nodes > 0).map(short);
        changes.short.extend(short);
    }
    for (node, (before, after)) in (0..).zip(current.iter().zip(&holder)) {
        if before != after {
            push(&mut changes.released, *before, node);
            push(&mut changes.taken, *after, node);
        }
    }
    changes
}

/// Adds a node, joined to the last range where they touch.
fn push(list: &mut Vec<(u16, Range<u32>)>, lease: Option<u16>, node: u32) {
    let Some(lease) = lease else { return };
    match list.last_mut() {
        Some((last, range)) if *last == lease && range.end == node => range.end += 1,
        _ => list.push((lease, node..node + 1)),
    }
}

/// What a lease is to hold of one pool.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    lease: u16,
    shape: Shape,
    nodes: u32,
}

impl Wanted {
    fn of(target: &LeaseTarget, pool: usize) -> Self {
        Self { lease: target.lease, shape: target.shape, nodes: target.per_pool[pool] }
    }
}

/// What is wanted of one pool.
struct Wishes<'a> {
    pool: &'a Pool,
    /// Large blocks first.
    wanted: &'a [Wanted],
    usable: &'a dyn Fn(u32) -> bool,
    cost: &'a dyn Fn(u32) -> u64,
}

/// One pool's nodes as they are dealt out.
#[derive(Debug, Clone)]
struct Settled {
    /// By place in the pool.
    holder: Vec<Option<u16>>,
    /// Nodes that are short, by wish.
    short: Vec<u32>,
}

/// Whether smaller holdings make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    AsItIs,
    Made,
}

impl Wishes<'_> {
    fn settle(&self, current: &[Option<u16>]) -> Settled {
        let held = self.count_held(current);
        if held.iter().zip(self.wanted).all(|(held, wanted)| held.as_wanted(wanted, self.pool)) {
            return Settled { holder: current.to_vec(), short: vec![0; self.wanted.len()] };
        }
        let settled = self.deal(current, Room::AsItIs);
        if settled.short.iter().all(|nodes| *nodes == 0) {
            return settled;
        }
        let moved = self.deal(&settled.holder, Room::Made);
        let better = moved.short != settled.short
            && moved.short.iter().zip(&settled.short).all(|(now, then)| now <= then);
        if better { moved } else { settled }
    }

    fn deal(&self, current: &[Option<u16>], room: Room) -> Settled {
        let mut plots = Plots { wishes: self, before: current, holder: current.to_vec() };
        let held = self.count_held(current);
        let changes: Vec<bool> = (self.wanted.iter().zip(&held))
            .map(|(wanted, held)| !held.as_wanted(wanted, self.pool))
            .collect();
        for (index, wanted) in self.wanted.iter().enumerate().filter(|(index, _)| changes[*index]) {
            plots.release(wanted, held[index].whole_blocks);
        }
        let mut short = Vec::new();
        for (wanted, changes) in self.wanted.iter().zip(changes) {
            // Where room is made, those with what they want may have lost some of it by now.
            let looked_at = changes || room == Room::Made;
            short.push(if looked_at { plots.fill(wanted, room) } else { 0 });
        }
        Settled { holder: plots.holder, short }
    }

    /// What is held of each wish, in one pass for each shape.
    fn count_held(&self, holder: &[Option<u16>]) -> Vec<Held> {
        let leases = self.wanted.iter().map(|wanted| usize::from(wanted.lease) + 1);
        let mut wish_of: Vec<Option<usize>> = vec![None; leases.max().unwrap_or(0)];
        for (index, wanted) in self.wanted.iter().enumerate() {
            wish_of[usize::from(wanted.lease)] = Some(index);
        }
        let wish = |lease: u16| wish_of.get(usize::from(lease)).copied().flatten();
        let mut held = vec![Held::default(); self.wanted.len()];
        for index in holder.iter().flatten().filter_map(|lease| wish(*lease)) {
            held[index].nodes += 1;
        }
        for shape in [Shape::Node, Shape::Rack, Shape::Array] {
            for block in holder.chunks(self.pool.nodes_per(shape) as usize) {
                let whole = block[0].filter(|_| block.iter().all(|lease| *lease == block[0]));
                let whole = whole.and_then(wish);
                if let Some(index) = whole.filter(|index| self.wanted[*index].shape == shape) {
                    held[index].whole_blocks += 1;
                }
            }
        }
        held
    }

    fn shape_of(&self, lease: u16) -> Option<Shape> {
        self.wanted.iter().find(|wanted| wanted.lease == lease).map(|wanted| wanted.shape)
    }
}

/// What a lease holds of one pool.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    nodes: u32,
    whole_blocks: u32,
}

impl Held {
    fn as_wanted(self, wanted: &Wanted, pool: &Pool) -> bool {
        self.nodes == wanted.nodes && self.nodes == self.whole_blocks * pool.nodes_per(wanted.shape)
    }
}

/// A pool's nodes while they change hands, by place in the pool.
struct Plots<'a> {
    wishes: &'a Wishes<'a>,
    before: &'a [Option<u16>],
    holder: Vec<Option<u16>>,
}

/// What speaks for a free block; the least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Nodes of it that the lease held until now: they do not move.
    kept: Reverse<u32>,
    /// The array that would be broken into, if it is whole: its cost and place.
    array: Option<(u64, u32)>,
    /// The rack, likewise.
    rack: Option<(u64, u32)>,
    cost: u64,
    place: u32,
}

/// Blocks of one size, and what taking a part of them would break into.
struct Around {
    size: u32,
    /// By block: what it costs, where it is usable as a whole and nobody's.
    whole: Vec<Option<u64>>,
}

impl Around {
    fn at(&self, node: u32) -> Option<u64> {
        self.whole[(node / self.size) as usize]
    }
}

impl Plots<'_> {
    fn blocks(&self, shape: Shape) -> impl Iterator<Item = Range<u32>> + use<> {
        let size = self.wishes.pool.nodes_per(shape);
        let count = self.wishes.pool.nodes() / size;
        (0..count).map(move |block| block * size..(block + 1) * size)
    }

    fn holders(&self, block: &Range<u32>) -> &[Option<u16>] {
        &self.holder[block.start as usize..block.end as usize]
    }

    fn usable(&self, block: &Range<u32>) -> bool {
        let first = self.wishes.pool.first_node;
        block.clone().all(|node| (self.wishes.usable)(first + node))
    }

    fn is_free(&self, block: &Range<u32>) -> bool {
        self.holders(block).iter().all(Option::is_none) && self.usable(block)
    }

    fn cost_of(&self, block: &Range<u32>) -> u64 {
        let first = self.wishes.pool.first_node;
        block.clone().map(|node| (self.wishes.cost)(first + node)).sum()
    }

    fn nodes_of(&self, lease: u16) -> u32 {
        let held = self.holder.iter().filter(|holder| **holder == Some(lease)).count();
        u32::try_from(held).expect("a pool is small")
    }

    fn set(&mut self, block: &Range<u32>, lease: Option<u16>) {
        self.holder[block.start as usize..block.end as usize].fill(lease);
    }

    /// Gives back what is held beyond what is wanted, the cheapest blocks first; of equal ones the
    /// last. Nodes outside whole blocks, which an amendment of the shape leaves, go in any case.
    fn release(&mut self, wanted: &Wanted, whole_blocks: u32) {
        let mine = Some(wanted.lease);
        let keep = whole_blocks.min(wanted.nodes / self.wishes.pool.nodes_per(wanted.shape));
        let mut whole: Vec<Range<u32>> = self.blocks(wanted.shape).collect();
        whole.retain(|block| self.holders(block).iter().all(|holder| *holder == mine));
        whole.sort_by_cached_key(|block| (Reverse(self.cost_of(block)), block.start));
        for holder in &mut self.holder {
            *holder = holder.filter(|_| *holder != mine);
        }
        for block in &whole[..keep as usize] {
            self.set(block, mine);
        }
    }

    /// Takes what is missing of `wanted`; returns the nodes that could not be had.
    fn fill(&mut self, wanted: &Wanted, room: Room) -> u32 {
        let size = self.wishes.pool.nodes_per(wanted.shape);
        let missing = wanted.nodes.saturating_sub(self.nodes_of(wanted.lease));
        missing - self.take(wanted, missing / size, room) * size
    }

    /// Takes up to `missing` blocks; returns how many could be had.
    fn take(&mut self, wanted: &Wanted, missing: u32, room: Room) -> u32 {
        if missing == 0 {
            return 0;
        }
        let mut blocks = self.free(wanted);
        if room == Room::Made && blocks.len() < missing as usize {
            blocks.extend(self.held_by_smaller(wanted.shape));
        }
        blocks.truncate(missing as usize);
        for block in &blocks {
            self.set(block, Some(wanted.lease));
        }
        u32::try_from(blocks.len()).expect("no more than are missing")
    }

    /// Free usable blocks, in the order in which they are to be taken.
    fn free(&self, wanted: &Wanted) -> Vec<Range<u32>> {
        let mut free: Vec<Range<u32>> = self.blocks(wanted.shape).collect();
        free.retain(|block| self.is_free(block));
        let (racks, arrays) = (self.around(Shape::Rack), self.around(Shape::Array));
        let place = |at: u32, size: u32| {
            let place = at / size;
            if wanted.shape == Shape::Node { u32::MAX - place } else { place }
        };
        free.sort_by_cached_key(|block| {
            let at = block.start;
            let kept = block.clone().filter(|n| self.before[*n as usize] == Some(wanted.lease));
            Rank {
                kept: Reverse(u32::try_from(kept.count()).expect("a block is small")),
                array: arrays.at(at).map(|cost| (cost, place(at, arrays.size))),
                rack: racks.at(at).map(|cost| (cost, place(at, racks.size))),
                cost: self.cost_of(block),
                place: place(at, 1),
            }
        });
        free
    }

    fn around(&self, shape: Shape) -> Around {
        let whole = |block: Range<u32>| self.is_free(&block).then(|| self.cost_of(&block));
        let size = self.wishes.pool.nodes_per(shape);
        Around { size, whole: self.blocks(shape).map(whole).collect() }
    }

    /// Usable blocks that are held in smaller ones, those with the fewest held nodes first.
    fn held_by_smaller(&self, shape: Shape) -> Vec<Range<u32>> {
        let held = |block: &Range<u32>| self.holders(block).iter().flatten().count();
        let yields = |lease: &u16| self.wishes.shape_of(*lease).is_some_and(|small| small < shape);
        let mut blocks: Vec<Range<u32>> = self.blocks(shape).collect();
        blocks.retain(|block| {
            held(block) > 0
                && self.holders(block).iter().flatten().all(yields)
                && self.usable(block)
        });
        blocks.sort_by_cached_key(|block| (held(block), self.cost_of(block), block.start));
        blocks
    }
}
