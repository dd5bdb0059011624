//! The meter of the site: adds up usage intervals by state, party and node, and proves that nothing
//! is missing and nothing counted twice. What a lease owes is read from its own meter.
//!
//! One addition costs a few dozen instructions: a node run is entered as two differences.

use leasehold_site::Site;
use leasehold_units::{GpuSeconds, Instant, Interval};
use serde::{Deserialize, Serialize};

use crate::conservation::{Conservation, ConservationError, NodeImbalance};
use crate::{GpuState, PartyIndex, StateTotals, UsageInterval};

/// Adds up usage intervals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meter {
    from: Instant,
    pools: Vec<PoolMeter>,
    parties: Vec<StateTotals>,
    /// GPU-seconds of node n less those of node n - 1: a run of nodes is two entries.
    node_steps: Vec<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PoolMeter {
    gpus_per_node: u32,
    /// First node after the pool.
    node_end: u32,
    /// When it is in service.
    service: Interval,
    totals: [u64; 8],
}

impl Meter {
    /// A meter for `site` that has read nothing; it is read from `from` on.
    pub fn new(site: &Site, from: Instant) -> Self {
        let nodes = usize::try_from(site.nodes().get()).expect("a site's nodes fit in memory");
        Self {
            from,
            pools: site.pools.iter().map(|pool| PoolMeter::new(site, pool)).collect(),
            parties: Vec::new(),
            node_steps: vec![0; nodes + 1],
        }
    }

    /// Adds one interval.
    ///
    /// # Panics
    /// If it begins before the meter does, names nodes that are not there, or more GPUs
    /// than a node has: a usage interval that cannot be is a fault of the program.
    pub fn add(&mut self, usage: &UsageInterval) {
        assert!(self.from <= usage.interval.from, "usage before the meter was started");
        let end = usage.first_node.checked_add(usage.nodes).expect("node numbers fit in 32 bits");
        let mut node = usage.first_node;
        while node < end {
            let index = self.pools.partition_point(|pool| pool.node_end <= node);
            assert!(index < self.pools.len(), "usage of node {node}, which the site does not have");
            let stop = end.min(self.pools[index].node_end);
            self.add_run(index, node..stop, usage);
            node = stop;
        }
    }

    /// Adds the part of `usage` that lies on `nodes`, all of one pool.
    fn add_run(&mut self, pool: usize, nodes: std::ops::Range<u32>, usage: &UsageInterval) {
        let pool = &mut self.pools[pool];
        let per_node = usage.gpus_per_node;
        assert!(per_node <= pool.gpus_per_node, "more GPUs in use than a node has");
        let seconds = usage.interval.length().get();
        let state = usage.state.index();
        let gpus = u64::from(nodes.end - nodes.start) * u64::from(per_node);
        bump(&mut pool.totals[state], gpus * seconds);
        let node_seconds = i64::try_from(u64::from(per_node) * seconds);
        let node_seconds = node_seconds.expect("GPU-seconds of a node fit in 63 bits");
        self.node_steps[nodes.start as usize] += node_seconds;
        self.node_steps[nodes.end as usize] -= node_seconds;
        if let Some(party) = usage.party {
            party_totals(&mut self.parties, party)
                .add(usage.state, GpuSeconds::new(u128::from(gpus * seconds)));
        }
    }

    /// GPU-seconds of the jobs of `party`, by state.
    pub fn party_totals(&self, party: PartyIndex) -> StateTotals {
        self.parties.get(usize::from(party.0)).copied().unwrap_or_default()
    }

    /// GPU-seconds of the whole site, by state.
    pub fn totals(&self) -> StateTotals {
        let mut totals = StateTotals::default();
        for pool in &self.pools {
            add_row(&mut totals, &pool.totals);
        }
        totals
    }

    /// Checks that every GPU in service between the meter's start and `until` was in exactly one
    /// state all the time: for the site as a whole, and for each node.
    pub fn conservation(&self, until: Instant) -> Result<Conservation, ConservationError> {
        let lived = Interval::new(self.from, until);
        let installed = |pool: &PoolMeter, nodes: u128| {
            let gpus = nodes * u128::from(pool.gpus_per_node);
            gpus * u128::from(served(pool, lived))
        };
        let mut expected = 0;
        let (mut node, mut metered) = (0, 0);
        for pool in &self.pools {
            expected += installed(pool, u128::from(pool.node_end - node));
            let installed = GpuSeconds::new(installed(pool, 1));
            while node < pool.node_end {
                metered += i128::from(self.node_steps[node as usize]);
                if u128::try_from(metered) != Ok(installed.get()) {
                    let imbalance = NodeImbalance { node, installed, metered };
                    return Err(ConservationError::Node(imbalance));
                }
                node += 1;
            }
        }
        let whole = Conservation { installed: GpuSeconds::new(expected), metered: self.totals() };
        whole.check().map_err(ConservationError::Site)?;
        Ok(whole)
    }
}

impl PoolMeter {
    fn new(site: &Site, pool: &leasehold_site::Pool) -> Self {
        let zone = &site.time_zone;
        let from = zone.start_of(pool.first_day());
        let until = pool.retire.map_or(Instant::from_unix(i64::MAX), |day| zone.start_of(day));
        Self {
            gpus_per_node: site.sku(pool).gpus_per_node,
            node_end: pool.node_range().end,
            service: Interval::new(from, until.max(from)),
            totals: [0; 8],
        }
    }
}

fn served(pool: &PoolMeter, lived: Interval) -> u64 {
    pool.service.overlap(lived).map_or(0, |served| served.length().get())
}

fn bump(total: &mut u64, more: u64) {
    *total = total.checked_add(more).expect("GPU-seconds of a site fit in 64 bits");
}

fn party_totals(parties: &mut Vec<StateTotals>, party: PartyIndex) -> &mut StateTotals {
    let index = usize::from(party.0);
    if parties.len() <= index {
        parties.resize(index + 1, StateTotals::default());
    }
    &mut parties[index]
}

fn add_row(totals: &mut StateTotals, row: &[u64; 8]) {
    for (state, gpu_seconds) in GpuState::ALL.into_iter().zip(row) {
        totals.add(state, GpuSeconds::new(u128::from(*gpu_seconds)));
    }
}
