//! The plant: skus, pools of identical racks, the nodes in them, and the power envelope.
//!
//! Knows nothing of leases, parties' jobs or money. Nodes are numbered through the whole site in
//! the order of the pools in the file, array by array, rack by rack.

mod check;
mod names;
mod outage;
mod parse;

pub use outage::{DeclaredOutage, Outage};

use leasehold_units::{
    Day, Gpus, Nodes, PartyId, PoolId, PowerBasis, Ratio, Seconds, Shape, SiteId, SkuId, Steps,
    Watts, Zone,
};
use serde::{Deserialize, Serialize};

/// One data centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its name.
    pub id: SiteId,
    /// The party that owns it and runs its own research there.
    pub landlord: PartyId,
    /// The zone of the civil days in the site file.
    pub time_zone: Zone,
    /// Facility watts per IT watt, at least 1.
    pub pue: Ratio,
    /// Kinds of node, in file order.
    pub skus: Vec<Sku>,
    /// Pools, in file order; never empty.
    pub pools: Vec<Pool>,
    /// Facility power that may be drawn, from each day on.
    pub envelope: Steps<Day, Watts>,
    /// Works that are known ahead, in file order.
    pub outages: Vec<DeclaredOutage>,
}

/// A kind of node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    /// Its name.
    pub id: SkuId,
    /// GPU model, free text.
    pub gpu: String,
    /// 1 to 64.
    pub gpus_per_node: u32,
    /// IT power of one node.
    pub node_power: NodePower,
    /// Scrub and health check between two parties.
    pub turnover: Seconds,
    /// A turnover that is not over by then has failed.
    pub turnover_limit: Seconds,
}

/// IT power of one node, on the bases on which it may be sold, and idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePower {
    /// What the label says.
    pub nameplate: Watts,
    /// What the site plans and sells with.
    pub contracted: Watts,
    /// The highest draw observed under load.
    pub measured: Watts,
    /// Draw without a job. Where the file is silent, the contracted power: never understated.
    pub idle: Watts,
}

/// Identical racks in identical arrays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub id: PoolId,
    /// Index of its sku in [`Site::skus`].
    pub sku: usize,
    /// The hall it stands in.
    pub hall: String,
    /// Arrays in the pool.
    pub arrays: u32,
    /// Racks in each array.
    pub racks_per_array: u32,
    /// Nodes in each rack.
    pub nodes_per_rack: u32,
    /// First day of service.
    pub in_service: Day,
    /// First day on which it is no longer in service.
    pub retire: Option<Day>,
    /// The day on which it will really come into service, where that is later than was promised.
    pub delayed: Option<Day>,
    /// Blocks that are never sold: they stand in for what fails.
    pub reserve: Reserve,
    /// Number of its first node in the site; filled in when the site is made.
    pub first_node: u32,
}

/// Whole blocks of a pool that are set aside for failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// In what blocks it is set aside.
    pub shape: Shape,
    /// How many.
    pub blocks: u32,
}

impl Reserve {
    /// Nothing set aside.
    pub const NONE: Self = Self { shape: Shape::Node, blocks: 0 };
}

impl Pool {
    /// Nodes in the pool.
    pub fn nodes(&self) -> u32 {
        self.arrays * self.racks_per_array * self.nodes_per_rack
    }

    /// Nodes in one block of `shape`.
    pub fn nodes_per(&self, shape: Shape) -> u32 {
        match shape {
            Shape::Node => 1,
            Shape::Rack => self.nodes_per_rack,
            Shape::Array => self.racks_per_array * self.nodes_per_rack,
        }
    }

    /// Whether the pool is promised to be in service on `day`: what may be sold.
    pub fn promised(&self, day: Day) -> bool {
        self.in_service <= day && self.retire.is_none_or(|retire| day < retire)
    }

    /// Whether the pool is really in service on `day`: what can be delivered.
    pub fn serves(&self, day: Day) -> bool {
        self.promised(day) && self.delayed.is_none_or(|delayed| delayed <= day)
    }

    /// Whether the pool is promised on `day` and not there yet.
    pub fn is_late(&self, day: Day) -> bool {
        self.promised(day) && !self.serves(day)
    }

    /// The first day on which it is really in service.
    pub fn first_day(&self) -> Day {
        self.delayed.map_or(self.in_service, |delayed| delayed.max(self.in_service))
    }

    /// Nodes that are set aside for failures.
    pub fn reserve_nodes(&self) -> u32 {
        self.reserve.blocks * self.nodes_per(self.reserve.shape)
    }

    /// Its node numbers in the site.
    pub fn node_range(&self) -> std::ops::Range<u32> {
        self.first_node..self.first_node + self.nodes()
    }
}

impl NodePower {
    /// The figure on `basis`.
    pub fn on(&self, basis: PowerBasis) -> Watts {
        match basis {
            PowerBasis::Nameplate => self.nameplate,
            PowerBasis::Contracted => self.contracted,
            PowerBasis::Measured => self.measured,
        }
    }
}

impl Site {
    /// Nodes of the site, whether in service or not.
    pub fn nodes(&self) -> Nodes {
        Nodes::new(self.pools.iter().map(|pool| u64::from(pool.nodes())).sum())
    }

    /// GPUs of the site, whether in service or not.
    pub fn gpus(&self) -> Gpus {
        let of = |pool: &Pool| u64::from(pool.nodes()) * u64::from(self.sku(pool).gpus_per_node);
        Gpus::new(self.pools.iter().map(of).sum())
    }

    /// The sku of `pool`.
    pub fn sku(&self, pool: &Pool) -> &Sku {
        &self.skus[pool.sku]
    }

    /// Index of the pool that node number `node` belongs to.
    pub fn pool_of(&self, node: u32) -> usize {
        self.pools.partition_point(|pool| pool.first_node <= node) - 1
    }

    /// Facility watts for `it` watts of IT, exactly.
    pub fn facility(&self, it: Watts) -> Ratio {
        Ratio::whole(i128::from(it.get())).times(self.pue)
    }

    /// Facility watts for `it` watts of IT, rounded down.
    ///
    /// # Panics
    /// If they are more than can be counted: a site draws less.
    pub fn facility_watts(&self, it: Watts) -> Watts {
        let watts = i128::from(it.get()) * self.pue.numerator() / self.pue.denominator();
        Watts::new(u64::try_from(watts).expect("a site draws less"))
    }

    /// Whether `it` watts of IT take no more than `limit` watts of the facility, exactly. Cheap enough
    /// for every instant.
    pub fn carries(&self, it: Watts, limit: Watts) -> bool {
        let drawn = i128::from(it.get()) * self.pue.numerator();
        drawn <= i128::from(limit.get()) * self.pue.denominator()
    }
}
