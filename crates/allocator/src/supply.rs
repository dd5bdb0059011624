//! What the site can still give between two breakpoints.

use leasehold_site::{Pool, Site};
use leasehold_units::{Day, Instant, PowerBasis, Ratio, Shape, Watts};

/// What is left of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolSupply {
    /// Arrays in service.
    arrays: u32,
    racks_per_array: u32,
    nodes_per_rack: u32,
    /// Promised in whole arrays.
    arrays_promised: u32,
    /// Promised in whole racks.
    racks_promised: u32,
    /// Promised as single nodes.
    nodes_promised: u32,
}

/// What the site can still give from one breakpoint until the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supply {
    /// First instant.
    pub from: Instant,
    /// By pool.
    pub pools: Vec<PoolSupply>,
    /// Facility power that may be drawn.
    pub limit: Watts,
    /// Facility power of what is promised, on the contracted basis.
    pub promised: Ratio,
}

impl PoolSupply {
    /// All of `pool`, or nothing where it is not in service.
    fn of(pool: &Pool, serving: bool) -> Self {
        Self {
            arrays: if serving { pool.arrays } else { 0 },
            racks_per_array: pool.racks_per_array,
            nodes_per_rack: pool.nodes_per_rack,
            ..Self::default()
        }
    }

    /// Racks that are not whole any more, or promised whole.
    const fn racks_touched(&self) -> u32 {
        self.racks_promised + self.nodes_promised.div_ceil(self.nodes_per_rack)
    }

    /// Whole free blocks of `shape`. Block sizes divide each other, so that packing the small ones
    /// together always leaves this many large ones.
    pub fn free(&self, shape: Shape) -> u32 {
        let arrays = self.arrays - self.arrays_promised;
        let racks = arrays * self.racks_per_array;
        let nodes = racks * self.nodes_per_rack;
        match shape {
            Shape::Array => {
                arrays - self.racks_touched().div_ceil(self.racks_per_array).min(arrays)
            }
            Shape::Rack => racks - self.racks_touched().min(racks),
            Shape::Node => nodes - self.racks_promised * self.nodes_per_rack - self.nodes_promised,
        }
    }

    /// Promises `blocks` more of `shape`.
    pub fn promise(&mut self, shape: Shape, blocks: u32) {
        match shape {
            Shape::Array => self.arrays_promised += blocks,
            Shape::Rack => self.racks_promised += blocks,
            Shape::Node => self.nodes_promised += blocks,
        }
    }

    /// The same pool with nothing promised.
    #[must_use]
    pub const fn emptied(self) -> Self {
        Self { arrays_promised: 0, racks_promised: 0, nodes_promised: 0, ..self }
    }

    /// Whether nothing of it is promised.
    pub const fn is_untouched(&self) -> bool {
        self.arrays_promised == 0 && self.racks_promised == 0 && self.nodes_promised == 0
    }
}

/// The site's supply between all breakpoints of its pools, its envelope, and `more`.
pub fn timeline(site: &Site, more: impl IntoIterator<Item = Instant>) -> Vec<Supply> {
    let start = |day: Day| site.time_zone.start_of(day);
    let service = site.pools.iter().flat_map(|pool| [Some(pool.in_service), pool.retire]);
    let mut breakpoints: Vec<Instant> = service.flatten().map(start).collect();
    breakpoints.extend(site.envelope.iter().map(|(day, _)| start(day)));
    breakpoints.extend(more);
    breakpoints.sort_unstable();
    breakpoints.dedup();
    breakpoints.into_iter().map(|from| supply_at(site, from)).collect()
}

fn supply_at(site: &Site, from: Instant) -> Supply {
    let day = site.time_zone.day_of(from);
    Supply {
        from,
        pools: site.pools.iter().map(|pool| PoolSupply::of(pool, pool.serves(day))).collect(),
        limit: site.envelope.at(day).copied().unwrap_or(Watts::ZERO),
        promised: Ratio::ZERO,
    }
}

/// Facility power of `nodes` nodes of `pool` on the contracted basis, exactly.
pub fn contracted(site: &Site, pool: &Pool, nodes: u32) -> Ratio {
    let node = site.sku(pool).node_power.on(PowerBasis::Contracted);
    site.facility(node.times(u64::from(nodes)))
}
