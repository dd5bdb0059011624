//! Available to promise: what can still be sold, and when.

use leasehold_lease::Lease;
use leasehold_site::{Outage, Pool, Site};
use leasehold_units::{Day, Instant, Ratio, Shape, Watts};

use crate::plan::planned;
use crate::refusal::Refusal;
use crate::supply::{PoolSupply, Supply, contracted};

/// What can still be sold from one breakpoint until the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// First instant.
    pub from: Instant,
    /// First instant after it; none where it stays so for good.
    pub until: Option<Instant>,
    /// The civil day of the site that `from` falls on. Most breakpoints are the start of a day;
    /// a planned outage, or a lease in another zone, may break one.
    pub first_day: Day,
    /// The civil day of the site that the last second falls on.
    pub last_day: Option<Day>,
    /// Facility power that the envelope can still feed, on the contracted basis, rounded down.
    pub headroom: Watts,
    /// By pool of the site.
    pub pools: Vec<PoolAvailable>,
}

/// Whole blocks of a pool that can still be sold: beyond its reserve, and no more than the headroom
/// feeds. The shapes stand for each other, not side by side, and so do pools for their headroom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolAvailable {
    /// Single nodes.
    pub nodes: u32,
    /// Whole racks.
    pub racks: u32,
    /// Whole arrays.
    pub arrays: u32,
}

impl PoolAvailable {
    /// Blocks of `shape`.
    pub const fn of(self, shape: Shape) -> u32 {
        match shape {
            Shape::Node => self.nodes,
            Shape::Rack => self.racks,
            Shape::Array => self.arrays,
        }
    }
}

/// What can still be sold beside `leases`, without what is out of service as planned, from the
/// first day of the site on. Neighbouring spans differ.
///
/// # Errors
/// The steps that the site cannot carry: where leases are oversold, nothing is left to tell of.
pub fn available(
    site: &Site,
    leases: &[Lease],
    outages: &[Outage],
) -> Result<Vec<Available>, Vec<Refusal>> {
    let (_, supplies) = planned(site, leases, 0, outages)?;
    let mut spans: Vec<Available> = Vec::new();
    for supply in &supplies {
        let next = span(site, supply);
        let alike = |last: &Available| last.headroom == next.headroom && last.pools == next.pools;
        if spans.last().is_some_and(alike) {
            continue;
        }
        if let Some(last) = spans.last_mut() {
            end(site, last, supply.from);
        }
        spans.push(next);
    }
    Ok(spans)
}

fn span(site: &Site, supply: &Supply) -> Available {
    let headroom = supply.headroom().max(Ratio::ZERO);
    let pools = site.pools.iter().zip(&supply.pools);
    Available {
        from: supply.from,
        until: None,
        first_day: site.time_zone.day_of(supply.from),
        last_day: None,
        headroom: Watts::new(u64::try_from(headroom.floor()).expect("it is not negative")),
        pools: pools.map(|(pool, left)| pool_available(site, pool, left, headroom)).collect(),
    }
}

fn pool_available(site: &Site, pool: &Pool, left: &PoolSupply, headroom: Ratio) -> PoolAvailable {
    let blocks = |shape: Shape| {
        let fed = headroom.over(contracted(site, pool, pool.nodes_per(shape))).floor();
        left.free(shape).min(u32::try_from(fed).unwrap_or(u32::MAX))
    };
    PoolAvailable {
        nodes: blocks(Shape::Node),
        racks: blocks(Shape::Rack),
        arrays: blocks(Shape::Array),
    }
}

/// Lets `span` end at `until`.
fn end(site: &Site, span: &mut Available, until: Instant) {
    let day = site.time_zone.day_of(until);
    let whole = site.time_zone.start_of(day) == until;
    span.until = Some(until);
    span.last_day = if whole { day.yesterday().ok() } else { Some(day) };
}
