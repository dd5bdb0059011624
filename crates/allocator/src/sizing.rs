//! How many whole blocks of which pools an amount buys.

use std::fmt;

use leasehold_lease::{Amount, Capacity, MeteringPoint};
use leasehold_site::{Pool, Site};
use leasehold_units::{Gpus, Nodes, PowerBasis, Ratio, Shape, Watts};

use crate::supply::contracted;

/// Whole blocks of each pool.
pub type Blocks = Vec<u32>;

/// What is left of an amount that the free blocks did not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// What the free blocks give.
    pub blocks: Blocks,
    /// What is short, in the words of the amount; none where it is met.
    pub short: Option<String>,
}

/// The pools that `capacity` may be met from, in order of preference.
pub fn pools_of(site: &Site, capacity: &Capacity) -> Vec<usize> {
    let all = 0..site.pools.len();
    if capacity.skus.is_empty() {
        return all.collect();
    }
    let of = |sku: &leasehold_units::SkuId| {
        let wanted = sku.clone();
        all.clone().filter(move |pool| site.sku(&site.pools[*pool]).id == wanted)
    };
    capacity.skus.iter().flat_map(of).collect()
}

/// What `amount` buys where `free` blocks of the lease's shape are left in each pool. `feedable`
/// is the facility power that is left for it, which bounds `all`.
pub fn size(
    site: &Site,
    capacity: &Capacity,
    amount: Amount,
    free: &[u32],
    feedable: Ratio,
) -> Sized {
    let shape = capacity.shape;
    let pools = pools_of(site, capacity);
    let count = |per_block: &dyn Fn(&Pool) -> u64, wanted: u64, unit: &str| {
        buy_count(site, &pools, free, per_block, (wanted, unit))
    };
    match amount {
        Amount::All => {
            let power = |pool: &Pool| contracted(site, pool, pool.nodes_per(shape));
            Sized { blocks: buy_power(site, &pools, free, &power, feedable), short: None }
        }
        Amount::Power(watts) => {
            let power = |pool: &Pool| block_power(site, capacity, pool);
            let budget = Ratio::whole(i128::from(watts.get()));
            Sized { blocks: buy_power(site, &pools, free, &power, budget), short: None }
        }
        Amount::Gpus(gpus) => {
            let per_block = |pool: &Pool| {
                u64::from(pool.nodes_per(shape)) * u64::from(site.sku(pool).gpus_per_node)
            };
            count(&per_block, gpus.get(), "GPU")
        }
        Amount::Nodes(nodes) => {
            count(&|pool: &Pool| u64::from(pool.nodes_per(shape)), nodes.get(), "node")
        }
        Amount::Racks(racks) => {
            let per_block = |pool: &Pool| u64::from(pool.nodes_per(shape));
            // Counted in nodes, since a rack may be several blocks or part of one.
            in_nodes(site, &pools, free, &per_block, Shape::Rack, (racks, "rack"))
        }
        Amount::Arrays(arrays) => {
            let per_block = |pool: &Pool| u64::from(pool.nodes_per(shape));
            in_nodes(site, &pools, free, &per_block, Shape::Array, (arrays, "array"))
        }
    }
}

/// As many blocks as fit the budget, pool by pool; never one too many.
fn buy_power(
    site: &Site,
    pools: &[usize],
    free: &[u32],
    power: &dyn Fn(&Pool) -> Ratio,
    budget: Ratio,
) -> Blocks {
    let mut blocks = vec![0; free.len()];
    let mut left = budget;
    for &index in pools {
        let each = power(&site.pools[index]);
        let fit = if each == Ratio::ZERO { i128::MAX } else { left.over(each).floor() };
        let taken = u32::try_from(fit.max(0)).unwrap_or(u32::MAX).min(free[index]);
        blocks[index] = taken;
        left = left.minus(each.times(Ratio::whole(i128::from(taken))));
    }
    blocks
}

/// The fewest blocks that reach `wanted`, pool by pool.
fn buy_count(
    site: &Site,
    pools: &[usize],
    free: &[u32],
    per_block: &dyn Fn(&Pool) -> u64,
    (wanted, unit): (u64, &str),
) -> Sized {
    let mut blocks = vec![0; free.len()];
    let mut left = wanted;
    for &index in pools {
        let each = per_block(&site.pools[index]);
        let taken = left.div_ceil(each).min(u64::from(free[index]));
        blocks[index] = u32::try_from(taken).expect("no more than are free");
        left = left.saturating_sub(taken * each);
    }
    Sized { blocks, short: (left > 0).then(|| format!("{left} {unit}")) }
}

/// Like [`buy_count`], with the wanted unit translated into each pool's own nodes.
fn in_nodes(
    site: &Site,
    pools: &[usize],
    free: &[u32],
    per_block: &dyn Fn(&Pool) -> u64,
    unit_shape: Shape,
    (wanted, unit): (u64, &str),
) -> Sized {
    let mut blocks = vec![0; free.len()];
    let mut left = Ratio::whole(i128::from(wanted));
    for &index in pools {
        let pool = &site.pools[index];
        let in_unit = i128::from(pool.nodes_per(unit_shape));
        let each = Ratio::new(i128::from(per_block(pool)), in_unit);
        let fit = left.over(each);
        let need = fit.floor() + i128::from(fit.denominator() != 1);
        let taken = u32::try_from(need.max(0)).unwrap_or(u32::MAX).min(free[index]);
        blocks[index] = taken;
        let got = each.times(Ratio::whole(i128::from(taken)));
        left = left.minus(got).max(Ratio::ZERO);
    }
    let missing = left.floor() + i128::from(left.denominator() != 1);
    Sized { blocks, short: (missing > 0).then(|| format!("{missing} {unit}")) }
}

/// Power of one block on the lease's basis; facility contracted where it has none.
pub fn block_power(site: &Site, capacity: &Capacity, pool: &Pool) -> Ratio {
    let basis = capacity.basis;
    let power = basis.map_or(PowerBasis::Contracted, |basis| basis.power);
    let nodes = u64::from(pool.nodes_per(capacity.shape));
    let it: Watts = site.sku(pool).node_power.on(power).times(nodes);
    match basis.map_or(MeteringPoint::Facility, |basis| basis.point) {
        MeteringPoint::Facility => site.facility(it),
        MeteringPoint::It => Ratio::whole(i128::from(it.get())),
    }
}

/// Facility power of `blocks` on the contracted basis, on which the envelope is promised.
pub fn contracted_power(site: &Site, shape: Shape, blocks: &Blocks) -> Ratio {
    let pools = site.pools.iter().zip(blocks);
    let power = pools.map(|(pool, blocks)| contracted(site, pool, blocks * pool.nodes_per(shape)));
    power.fold(Ratio::ZERO, Ratio::plus)
}

/// Power of `blocks` on the lease's own basis.
pub fn lease_power(site: &Site, capacity: &Capacity, blocks: &Blocks) -> Ratio {
    let power = |(pool, blocks): (&Pool, &u32)| {
        block_power(site, capacity, pool).times(Ratio::whole(i128::from(*blocks)))
    };
    site.pools.iter().zip(blocks).map(power).fold(Ratio::ZERO, Ratio::plus)
}

/// Whole watts that cover `power`.
pub const fn whole_watts_above(power: Ratio) -> i128 {
    power.floor() + if power.denominator() == 1 { 0 } else { 1 }
}

/// How much some blocks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// Nodes of each pool.
    pub per_pool: Vec<u32>,
    /// Nodes in all.
    pub nodes: Nodes,
    /// GPUs in all.
    pub gpus: Gpus,
    /// Their power on the lease's basis, rounded down.
    pub watts: Watts,
}

impl Size {
    /// How much `blocks` are.
    pub fn of(site: &Site, capacity: &Capacity, blocks: &Blocks) -> Self {
        let pools = site.pools.iter().zip(blocks);
        let per_pool: Vec<u32> =
            pools.map(|(pool, blocks)| blocks * pool.nodes_per(capacity.shape)).collect();
        let gpus = |(pool, nodes): (&Pool, &u32)| {
            u64::from(*nodes) * u64::from(site.sku(pool).gpus_per_node)
        };
        let watts = lease_power(site, capacity, blocks).floor();
        Self {
            nodes: Nodes::new(per_pool.iter().map(|nodes| u64::from(*nodes)).sum()),
            gpus: Gpus::new(site.pools.iter().zip(&per_pool).map(gpus).sum()),
            watts: Watts::new(u64::try_from(watts).expect("power is not negative")),
            per_pool,
        }
    }
}

/// The amount that buys `blocks` again, in the unit of `asked`; in nodes where that is all. None
/// where they are less than one of that unit.
pub fn amount_of(
    site: &Site,
    capacity: &Capacity,
    asked: Amount,
    blocks: &Blocks,
) -> Option<Amount> {
    let size = Size::of(site, capacity, blocks);
    let whole = |shape: Shape| {
        let pools = site.pools.iter().zip(&size.per_pool);
        let units = pools
            .map(|(pool, nodes)| Ratio::new(i128::from(*nodes), i128::from(pool.nodes_per(shape))));
        let units = units.fold(Ratio::ZERO, Ratio::plus).floor();
        u64::try_from(units).ok().filter(|units| *units > 0)
    };
    match asked {
        _ if size.nodes == Nodes::ZERO => None,
        Amount::All | Amount::Nodes(_) => Some(Amount::Nodes(size.nodes)),
        Amount::Gpus(_) => Some(Amount::Gpus(size.gpus)),
        Amount::Racks(_) => whole(Shape::Rack).map(Amount::Racks),
        Amount::Arrays(_) => whole(Shape::Array).map(Amount::Arrays),
        Amount::Power(_) => {
            let watts = whole_watts_above(lease_power(site, capacity, blocks));
            u64::try_from(watts).ok().map(|watts| Amount::Power(Watts::new(watts)))
        }
    }
}

/// What of `blocks` the power `feedable` can feed, without a gap: the first pool that it does not
/// feed whole is the last.
pub fn fed(site: &Site, capacity: &Capacity, blocks: &Blocks, feedable: Ratio) -> Blocks {
    let mut fed = vec![0; blocks.len()];
    let mut left = feedable;
    for index in pools_of(site, capacity) {
        let pool = &site.pools[index];
        let each = contracted(site, pool, pool.nodes_per(capacity.shape));
        let fit = u32::try_from(left.over(each).floor().max(0)).unwrap_or(u32::MAX);
        fed[index] = fit.min(blocks[index]);
        left = left.minus(each.times(Ratio::whole(i128::from(fed[index]))));
        if fed[index] < blocks[index] {
            break;
        }
    }
    fed
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} GPU ({} node, {} W)", self.gpus, self.nodes, self.watts)
    }
}
