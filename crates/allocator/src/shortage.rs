//! Whether an amount fits what is left on some days, and what is short where it does not.

use leasehold_lease::{Amount, Capacity};
use leasehold_site::Site;
use leasehold_units::{Ratio, Shape, Watts};

use crate::refusal::Constraint;
use crate::sizing::{
    Blocks, Sized, block_power, contracted_power, lease_power, pools_of, size, whole_watts_above,
};
use crate::supply::{PoolSupply, Supply};

/// What is left for a lease on all of some days.
#[derive(Debug, Clone)]
pub struct Left {
    /// Free blocks of its shape, by pool.
    pub free: Blocks,
    /// Facility power.
    pub power: Ratio,
}

/// What is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// What runs out.
    pub constraint: Constraint,
    /// How much, with its unit.
    pub short_by: String,
}

impl Left {
    /// What is left in all of `spans`.
    pub fn of(site: &Site, shape: Shape, spans: &[Supply]) -> Self {
        let power = spans.iter().map(Supply::headroom).min();
        Self {
            free: least(site, spans, |pool| pool.free(shape)),
            power: power.unwrap_or(Ratio::ZERO).max(Ratio::ZERO),
        }
    }

    /// The same if nothing were promised.
    fn alone(site: &Site, shape: Shape, spans: &[Supply]) -> Self {
        let limit = spans.iter().map(|span| span.limit).min().unwrap_or(Watts::ZERO);
        Self {
            free: least(site, spans, |pool| pool.emptied().free(shape)),
            power: Ratio::whole(i128::from(limit.get())),
        }
    }

    /// The same if nothing were set aside.
    fn unreserved(site: &Site, shape: Shape, spans: &[Supply]) -> Self {
        let free = least(site, spans, |pool| pool.unreserved().free(shape));
        Self { free, ..Self::of(site, shape, spans) }
    }
}

/// The least of `blocks` in any of `spans`, by pool.
fn least(site: &Site, spans: &[Supply], blocks: impl Fn(&PoolSupply) -> u32) -> Blocks {
    let least_of = |pool: usize| spans.iter().map(|span| blocks(&span.pools[pool])).min();
    (0..site.pools.len()).map(|pool| least_of(pool).unwrap_or(0)).collect()
}

/// The blocks that `amount` buys in all of `spans`.
///
/// # Errors
/// What is short.
pub fn buy(
    site: &Site,
    capacity: &Capacity,
    amount: Amount,
    spans: &[Supply],
) -> Result<Blocks, Shortage> {
    let left = Left::of(site, capacity.shape, spans);
    let sized = size(site, capacity, amount, &left.free, left.power);
    match missing(site, capacity, amount, spans, &left, &sized) {
        None => Ok(sized.blocks),
        Some((lack, short_by)) => {
            let constraint = constraint(site, capacity, amount, spans, lack);
            Err(Shortage { constraint, short_by })
        }
    }
}

/// The kind of thing that is missing at first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    Blocks,
    Power,
    All,
}

/// What `sized` lacks of the amount, if anything.
fn missing(
    site: &Site,
    capacity: &Capacity,
    amount: Amount,
    spans: &[Supply],
    left: &Left,
    sized: &Sized,
) -> Option<(Lack, String)> {
    if let Some(short) = &sized.short {
        return Some((Lack::Blocks, short.clone()));
    }
    let alone = || {
        let alone = Left::alone(site, capacity.shape, spans);
        size(site, capacity, amount, &alone.free, alone.power).blocks
    };
    match amount {
        Amount::All => {
            let untouched =
                |pool: &usize| spans.iter().all(|span| span.pools[*pool].is_untouched());
            let untouched = pools_of(site, capacity).iter().all(untouched);
            let less = !untouched || alone() != sized.blocks;
            return less.then(|| (Lack::All, "all".to_owned()));
        }
        Amount::Power(watts) => {
            if let Some(short) = missing_power(site, capacity, &alone(), &sized.blocks, watts) {
                return Some((Lack::Blocks, format!("{short} W")));
            }
        }
        Amount::Gpus(_) | Amount::Nodes(_) | Amount::Racks(_) | Amount::Arrays(_) => {}
    }
    let over = contracted_power(site, capacity.shape, &sized.blocks).minus(left.power);
    (over > Ratio::ZERO).then(|| (Lack::Power, format!("{} W", whole_watts_above(over))))
}

/// Watts short of what the lease would get if nothing were promised; less than one block is no
/// matter, since pools differ in what a block draws. An amount that buys no block at all is short
/// of the whole of it.
fn missing_power(
    site: &Site,
    capacity: &Capacity,
    alone: &Blocks,
    got: &Blocks,
    amount: Watts,
) -> Option<i128> {
    if got.iter().all(|blocks| *blocks == 0) {
        return Some(i128::from(amount.get()));
    }
    let missing = lease_power(site, capacity, alone).minus(lease_power(site, capacity, got));
    let least = least_block(site, capacity)?;
    (missing >= least).then(|| whole_watts_above(missing))
}

/// The power of the smallest block that the lease may have, on its basis.
pub fn least_block(site: &Site, capacity: &Capacity) -> Option<Ratio> {
    let pools = pools_of(site, capacity);
    pools.iter().map(|pool| block_power(site, capacity, &site.pools[*pool])).min()
}

/// What a shortage is really for: it may be the reserve alone, or that nodes are scattered.
fn constraint(
    site: &Site,
    capacity: &Capacity,
    amount: Amount,
    spans: &[Supply],
    lack: Lack,
) -> Constraint {
    let fits = |capacity: &Capacity, left: &Left| {
        let sized = size(site, capacity, amount, &left.free, left.power);
        missing(site, capacity, amount, spans, left, &sized).map(|(lack, _)| lack)
    };
    if lack == Lack::All {
        return Constraint::All;
    }
    if fits(capacity, &Left::unreserved(site, capacity.shape, spans)).is_none() {
        return Constraint::Reserve;
    }
    if lack == Lack::Power {
        return Constraint::Power;
    }
    let in_nodes = Capacity { shape: Shape::Node, ..capacity.clone() };
    let scattered = fits(&in_nodes, &Left::of(site, Shape::Node, spans));
    if scattered == Some(Lack::Blocks) { Constraint::Nodes } else { Constraint::Shape }
}
