//! What the site can still give between two breakpoints.

use std::ops::Range;

use leasehold_lease::{Amount, Grant};
use leasehold_site::{DeclaredOutage, Outage, Pool, Site};
use leasehold_units::{Day, Instant, PowerBasis, Ratio, Shape, Watts};

use crate::plan::Wish;

/// Blocks of each shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct PerShape {
    nodes: u32,
    racks: u32,
    arrays: u32,
}

impl PerShape {
    const fn of_mut(&mut self, shape: Shape) -> &mut u32 {
        match shape {
            Shape::Node => &mut self.nodes,
            Shape::Rack => &mut self.racks,
            Shape::Array => &mut self.arrays,
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            nodes: self.nodes + other.nodes,
            racks: self.racks + other.racks,
            arrays: self.arrays + other.arrays,
        }
    }
}

/// What is left of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSupply {
    racks_per_array: u32,
    nodes_per_rack: u32,
    /// Blocks that are wholly in service. Racks and nodes of whole arrays count again.
    usable: PerShape,
    /// Set aside for failures.
    reserved: PerShape,
    /// Promised to leases.
    promised: PerShape,
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
    /// `pool` without `out`, or nothing where it is not in service.
    fn of(pool: &Pool, serving: bool, out: &[Range<u32>]) -> Self {
        let usable = if serving { usable(pool, out) } else { PerShape::default() };
        let mut reserved = PerShape::default();
        if serving {
            *reserved.of_mut(pool.reserve.shape) = pool.reserve.blocks;
        }
        Self {
            racks_per_array: pool.racks_per_array,
            nodes_per_rack: pool.nodes_per_rack,
            usable,
            reserved,
            promised: PerShape::default(),
        }
    }

    /// Whole free blocks of `shape`, beyond the reserve.
    ///
    /// Blocks lie inside each other, so that small ones packed into what is broken already leave as
    /// many large ones as any other way would: this is exact, not a bound. Where the pool cannot
    /// keep its reserve in whole blocks, nothing of it is free.
    pub fn free(&self, shape: Shape) -> u32 {
        let asked = self.promised.plus(self.reserved);
        let racks_around = self.usable.arrays * self.racks_per_array;
        let nodes_around = self.usable.racks * self.nodes_per_rack;
        let loose_nodes = self.usable.nodes - nodes_around;
        let loose_racks = self.usable.racks - racks_around;
        let racks_broken = asked.nodes.saturating_sub(loose_nodes).div_ceil(self.nodes_per_rack);
        let racks = asked.racks + racks_broken;
        let arrays_broken = racks.saturating_sub(loose_racks).div_ceil(self.racks_per_array);
        let arrays = asked.arrays + arrays_broken;
        if arrays > self.usable.arrays {
            return 0;
        }
        let in_arrays = asked.arrays * self.racks_per_array;
        let in_racks = (asked.racks + in_arrays) * self.nodes_per_rack;
        match shape {
            Shape::Array => self.usable.arrays - arrays,
            Shape::Rack => self.usable.racks - (racks + in_arrays),
            Shape::Node => self.usable.nodes - (asked.nodes + in_racks),
        }
    }

    /// Promises `blocks` more of `shape`.
    pub const fn promise(&mut self, shape: Shape, blocks: u32) {
        *self.promised.of_mut(shape) += blocks;
    }

    /// The same pool with nothing promised.
    #[must_use]
    pub fn emptied(self) -> Self {
        Self { promised: PerShape::default(), ..self }
    }

    /// The same pool with nothing set aside.
    #[must_use]
    pub fn unreserved(self) -> Self {
        Self { reserved: PerShape::default(), ..self }
    }

    /// Whether nothing of it is promised.
    pub fn is_untouched(&self) -> bool {
        self.promised == PerShape::default()
    }
}

impl Supply {
    /// Facility power that is left, on the contracted basis; below zero where the envelope does
    /// not feed what is promised.
    pub fn headroom(&self) -> Ratio {
        Ratio::whole(i128::from(self.limit.get())).minus(self.promised)
    }
}

/// Blocks of `pool` that no range of `out` touches.
fn usable(pool: &Pool, out: &[Range<u32>]) -> PerShape {
    let whole = |shape: Shape| {
        let size = pool.nodes_per(shape);
        let mut touched: Vec<u32> = out
            .iter()
            .map(|range| range.start.max(pool.first_node)..range.end.min(pool.node_range().end))
            .filter(|range| range.start < range.end)
            .flat_map(|range| {
                let (first, last) =
                    (range.start - pool.first_node, range.end - 1 - pool.first_node);
                first / size..=last / size
            })
            .collect();
        touched.sort_unstable();
        touched.dedup();
        pool.nodes() / size - u32::try_from(touched.len()).expect("a pool is small")
    };
    PerShape { nodes: whole(Shape::Node), racks: whole(Shape::Rack), arrays: whole(Shape::Array) }
}

/// The site's supply between all breakpoints of its pools, its envelope, `wishes` and `outages`; the
/// outages that the site itself declares count too.
pub fn timeline(site: &Site, wishes: &[Wish<'_>], outages: &[Outage]) -> Vec<Supply> {
    let declared = site.outages.iter().flat_map(DeclaredOutage::parts);
    let outages: Vec<Outage> = declared.chain(outages.iter().cloned()).collect();
    let start = |day: Day| site.time_zone.start_of(day);
    let service = site.pools.iter().flat_map(|pool| [Some(pool.in_service), pool.retire]);
    let mut breakpoints: Vec<Instant> = service.flatten().map(start).collect();
    breakpoints.extend(site.envelope.iter().map(|(day, _)| start(day)));
    breakpoints.extend(outages.iter().flat_map(|out| [out.interval.from, out.interval.until]));
    breakpoints.extend(wishes.iter().flat_map(granted_from));
    let broken_days: Vec<Instant> =
        wishes.iter().flat_map(|wish| broken_days(wish, &breakpoints)).collect();
    breakpoints.extend(broken_days);
    breakpoints.sort_unstable();
    breakpoints.dedup();
    breakpoints.into_iter().map(|from| supply_at(site, &outages, from)).collect()
}

/// Where what is wished for begins and ends.
fn granted_from(wish: &Wish<'_>) -> Vec<Instant> {
    let zone = &wish.lease.latest().time_zone;
    let days = |grant: &Grant| [grant.from, after(grant.until)];
    wish.grants.iter().flat_map(days).map(|day| zone.start_of(day)).collect()
}

/// First and last instant of the days inside which something changes while `all` is granted. Such a
/// day stands by itself: the lease gets on it what is there all day.
fn broken_days(wish: &Wish<'_>, breakpoints: &[Instant]) -> Vec<Instant> {
    let zone = &wish.lease.latest().time_zone;
    let mut instants = Vec::new();
    for grant in wish.grants.iter().filter(|grant| grant.amount == Amount::All) {
        let granted = zone.start_of(grant.from)..zone.start_of(after(grant.until));
        for day in breakpoints.iter().filter(|at| granted.contains(at)).map(|at| zone.day_of(*at)) {
            instants.extend([zone.start_of(day), zone.start_of(after(day))]);
        }
    }
    instants
}

/// The day after `day`.
pub fn after(day: Day) -> Day {
    day.tomorrow().expect("a contract ends before the calendar does")
}

fn supply_at(site: &Site, outages: &[Outage], from: Instant) -> Supply {
    let day = site.time_zone.day_of(from);
    let out = outages.iter().filter(|outage| outage.interval.contains(from));
    let out: Vec<Range<u32>> = out.map(|outage| outage.nodes.clone()).collect();
    Supply {
        from,
        pools: site
            .pools
            .iter()
            .map(|pool| PoolSupply::of(pool, pool.promised(day), &out))
            .collect(),
        limit: site.envelope.at(day).copied().unwrap_or(Watts::ZERO),
        promised: Ratio::ZERO,
    }
}

/// Facility power of `nodes` nodes of `pool` on the contracted basis, exactly.
pub fn contracted(site: &Site, pool: &Pool, nodes: u32) -> Ratio {
    let node = site.sku(pool).node_power.on(PowerBasis::Contracted);
    site.facility(node.times(u64::from(nodes)))
}
