//! The meter: adds up usage intervals, per lease and civil month, per party, and per node.
//!
//! One addition costs a few dozen instructions: a month is found in a table, a node run is
//! entered as two differences, and energy follows from the GPU-seconds only when it is read.

use std::collections::BTreeMap;

use leasehold_site::{NodePower, Site};
use leasehold_units::{GpuSeconds, Gpus, Instant, Interval, Month, Ratio, Watts, Zone};

use crate::calendar::Calendar;
use crate::conservation::{Conservation, ConservationError, NodeImbalance};
use crate::{GpuState, LeaseIndex, PartyIndex, PeriodReadings, StateTotals, UsageInterval};

/// Adds up usage intervals.
#[derive(Debug, Clone)]
pub struct Meter {
    from: Instant,
    /// End of the latest interval.
    until: Instant,
    pue: Ratio,
    skus: Vec<SkuRating>,
    pools: Vec<PoolMeter>,
    parties: Vec<StateTotals>,
    leases: Vec<LeaseMeter>,
    /// GPU-seconds of node n less those of node n - 1: a run of nodes is two entries.
    node_steps: Vec<i128>,
}

/// Whether use beyond the entitlement is metered. It costs memory for each job, so only leases
/// that price it should ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverMetering {
    /// Use is compared with the entitlement, instant by instant.
    On,
    /// `over` reads zero.
    Off,
}

/// How a reclaim was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReclaimOutcome {
    /// The nodes were clean within the lease's bound.
    WithinBound,
    /// They were not.
    Missed,
}

#[derive(Debug, Clone, Copy)]
struct SkuRating {
    gpus_per_node: u32,
    power: NodePower,
}

#[derive(Debug, Clone)]
struct PoolMeter {
    sku: usize,
    /// First node after the pool.
    node_end: u32,
    /// When it is in service.
    service: Interval,
    totals: [u64; 8],
}

#[derive(Debug, Clone)]
struct LeaseMeter {
    calendar: Calendar,
    /// GPU-seconds by state, one row for each sku of each month.
    rows: Vec<[u64; 8]>,
    /// GPUs granted from each instant on, in order.
    entitlement: Vec<(Instant, Gpus)>,
    reclaims: BTreeMap<Month, ReclaimCount>,
    /// Change of the GPUs in use at each instant, where use beyond the entitlement is metered.
    use_steps: Option<BTreeMap<Instant, i64>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct ReclaimCount {
    requests: u64,
    missed: u64,
}

impl Meter {
    /// A meter for `site` that has read nothing; it is read from `from` on.
    pub fn new(site: &Site, from: Instant) -> Self {
        let rating = |sku: &leasehold_site::Sku| SkuRating {
            gpus_per_node: sku.gpus_per_node,
            power: sku.node_power,
        };
        let nodes = usize::try_from(site.nodes().get()).expect("a site's nodes fit in memory");
        Self {
            from,
            until: from,
            pue: site.pue,
            skus: site.skus.iter().map(rating).collect(),
            pools: site.pools.iter().map(|pool| PoolMeter::new(site, pool)).collect(),
            parties: Vec::new(),
            leases: Vec::new(),
            node_steps: vec![0; nodes + 1],
        }
    }

    /// Takes up the next lease, whose months are those of `zone`.
    pub fn add_lease(&mut self, zone: &Zone, over: OverMetering) -> LeaseIndex {
        let index = u16::try_from(self.leases.len()).expect("at most 65,536 leases on a site");
        self.leases.push(LeaseMeter::new(zone, self.from, self.skus.len(), over));
        LeaseIndex(index)
    }

    /// Adds one interval.
    ///
    /// # Panics
    /// If it begins before the meter does, names nodes or a lease that are not there, or more
    /// GPUs than a node has: a usage interval that cannot be is a fault of the program.
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
        self.until = self.until.max(usage.interval.until);
    }

    /// Adds the part of `usage` that lies on `nodes`, all of one pool.
    fn add_run(&mut self, pool: usize, nodes: std::ops::Range<u32>, usage: &UsageInterval) {
        let pool = &mut self.pools[pool];
        let per_node = usage.gpus_per_node;
        assert!(per_node <= self.skus[pool.sku].gpus_per_node, "more GPUs in use than a node has");
        let seconds = usage.interval.length().get();
        let state = usage.state.index();
        let gpus = u64::from(nodes.end - nodes.start) * u64::from(per_node);
        bump(&mut pool.totals[state], gpus * seconds);
        let node_seconds = i128::from(per_node) * i128::from(seconds);
        self.node_steps[nodes.start as usize] += node_seconds;
        self.node_steps[nodes.end as usize] -= node_seconds;
        if let Some(party) = usage.party {
            party_totals(&mut self.parties, party)
                .add(usage.state, GpuSeconds::new(u128::from(gpus * seconds)));
        }
        if let Some(lease) = usage.lease {
            let lease = &mut self.leases[usize::from(lease.0)];
            lease.add(self.skus.len(), pool.sku, state, gpus, usage.interval);
        }
    }

    /// Records that `lease` grants `gpus` from `from` on.
    ///
    /// # Panics
    /// If `from` is before a step that was recorded already.
    pub fn entitle(&mut self, lease: LeaseIndex, from: Instant, gpus: Gpus) {
        let steps = &mut self.leases[usize::from(lease.0)].entitlement;
        assert!(steps.last().is_none_or(|(last, _)| *last <= from), "entitlement out of order");
        steps.push((from, gpus));
    }

    /// Records a reclaim that the tenant of `lease` asked for at `requested`.
    pub fn reclaimed(&mut self, lease: LeaseIndex, requested: Instant, outcome: ReclaimOutcome) {
        let lease = &mut self.leases[usize::from(lease.0)];
        let count = lease.reclaims.entry(lease.calendar.month_at(requested)).or_default();
        count.requests += 1;
        count.missed += u64::from(outcome == ReclaimOutcome::Missed);
    }

    /// What was read for `lease` in `month`, up to the end of the latest interval. Whoever reads
    /// first adds what runs on as an interval that ends now.
    pub fn readings(&self, lease: LeaseIndex, month: Month) -> PeriodReadings {
        let lease = &self.leases[usize::from(lease.0)];
        let totals = lease.totals(self.skus.len(), month);
        let lived = lease.calendar.interval_of(month).overlap(Interval::new(self.from, self.until));
        let entitled = lived.map_or(0, |lived| lease.entitled(lived));
        let held = totals.sum();
        let lost = totals.of(GpuState::Down).plus(totals.of(GpuState::Curtailed));
        let count = lease.reclaims.get(&month).copied().unwrap_or_default();
        PeriodReadings {
            entitled: GpuSeconds::new(entitled),
            delivered: held.minus(lost).min(GpuSeconds::new(entitled)),
            held,
            used: totals.of(GpuState::Used),
            over: GpuSeconds::new(lived.map_or(0, |lived| lease.over(lived))),
            energy: self.energy(lease, month),
            reclaim_requests: count.requests,
            reclaim_missed: count.missed,
        }
    }

    /// GPU-seconds of the holding of `lease` in `month`, by state.
    pub fn lease_totals(&self, lease: LeaseIndex, month: Month) -> StateTotals {
        self.leases[usize::from(lease.0)].totals(self.skus.len(), month)
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
            let gpus = nodes * u128::from(self.skus[pool.sku].gpus_per_node);
            gpus * u128::from(served(pool, lived))
        };
        let mut expected = 0;
        let (mut node, mut metered) = (0, 0);
        for pool in &self.pools {
            expected += installed(pool, u128::from(pool.node_end - node));
            let installed = GpuSeconds::new(installed(pool, 1));
            while node < pool.node_end {
                metered += self.node_steps[node as usize];
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

    /// Facility watt-seconds that the tenant pays for: the measured draw of what it used, the
    /// idle draw of what it left idle. A GPU carries an equal part of its node's power.
    fn energy(&self, lease: &LeaseMeter, month: Month) -> Ratio {
        let mut it = Ratio::ZERO;
        for (sku, row) in self.skus.iter().zip(lease.month_rows(self.skus.len(), month)) {
            let drawn = |state: GpuState, watts: Watts| {
                i128::from(row[state.index()]) * i128::from(watts.get())
            };
            let used = drawn(GpuState::Used, sku.power.measured);
            let idle = drawn(GpuState::IdleLeased, sku.power.idle);
            it = it.plus(Ratio::new(used + idle, i128::from(sku.gpus_per_node)));
        }
        it.times(self.pue)
    }
}

impl PoolMeter {
    fn new(site: &Site, pool: &leasehold_site::Pool) -> Self {
        let zone = &site.time_zone;
        let from = zone.start_of(pool.in_service);
        let until = pool.retire.map_or(Instant::from_unix(i64::MAX), |day| zone.start_of(day));
        Self {
            sku: pool.sku,
            node_end: pool.node_range().end,
            service: Interval::new(from, until.max(from)),
            totals: [0; 8],
        }
    }
}

impl LeaseMeter {
    fn new(zone: &Zone, from: Instant, skus: usize, over: OverMetering) -> Self {
        Self {
            calendar: Calendar::starting(zone, from),
            rows: vec![[0; 8]; skus],
            entitlement: Vec::new(),
            reclaims: BTreeMap::new(),
            use_steps: (over == OverMetering::On).then(BTreeMap::new),
        }
    }

    fn add(&mut self, skus: usize, sku: usize, state: usize, gpus: u64, interval: Interval) {
        self.calendar.reach(interval.until);
        self.rows.resize(self.calendar.count() * skus, [0; 8]);
        let mut from = interval.from;
        let mut month = self.calendar.number_at(from);
        while from < interval.until {
            let until = self.calendar.end_of(month).min(interval.until);
            bump(&mut self.rows[month * skus + sku][state], gpus * until.since(from).get());
            from = until;
            month += 1;
        }
        if state == GpuState::Used.index() {
            self.add_use_step(gpus, interval);
        }
    }

    fn add_use_step(&mut self, gpus: u64, interval: Interval) {
        let Some(steps) = &mut self.use_steps else { return };
        let gpus = i64::try_from(gpus).expect("GPUs of a site fit in 63 bits");
        *steps.entry(interval.from).or_default() += gpus;
        *steps.entry(interval.until).or_default() -= gpus;
    }

    /// The rows of `month`, one for each sku; none if nothing was metered then.
    fn month_rows(&self, skus: usize, month: Month) -> &[[u64; 8]] {
        let rows = self.calendar.number_of(month).map(|number| number * skus);
        rows.and_then(|first| self.rows.get(first..first + skus)).unwrap_or_default()
    }

    fn totals(&self, skus: usize, month: Month) -> StateTotals {
        let mut totals = StateTotals::default();
        for row in self.month_rows(skus, month) {
            add_row(&mut totals, row);
        }
        totals
    }

    /// GPU-seconds granted within `lived`.
    fn entitled(&self, lived: Interval) -> u128 {
        let ends = self.entitlement.iter().skip(1).map(|(from, _)| *from);
        let ends = ends.chain([lived.until.max(self.last_step())]);
        let pieces = self.entitlement.iter().zip(ends);
        pieces
            .map(|((from, gpus), until)| {
                seconds_within(lived, *from, until) * u128::from(gpus.get())
            })
            .sum()
    }

    fn last_step(&self) -> Instant {
        self.entitlement.last().map_or(Instant::from_unix(i64::MIN), |(from, _)| *from)
    }

    /// GPU-seconds within `lived` used beyond what was granted at the same instant.
    fn over(&self, lived: Interval) -> u128 {
        let Some(use_steps) = &self.use_steps else { return 0 };
        let mut instants: Vec<Instant> = use_steps.keys().copied().collect();
        instants.extend(self.entitlement.iter().map(|(from, _)| *from));
        instants.sort_unstable();
        instants.dedup();
        let mut used = 0;
        let mut over = 0;
        for (index, at) in instants.iter().enumerate() {
            used += use_steps.get(at).copied().unwrap_or_default();
            let until = instants.get(index + 1).copied().unwrap_or(lived.until.max(*at));
            let beyond = i128::from(used) - i128::from(self.granted_at(*at).get());
            let beyond = u128::try_from(beyond).unwrap_or_default();
            over += beyond * seconds_within(lived, *at, until);
        }
        over
    }

    fn granted_at(&self, at: Instant) -> Gpus {
        let after = self.entitlement.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map_or(Gpus::ZERO, |index| self.entitlement[index].1)
    }
}

fn seconds_within(bounds: Interval, from: Instant, until: Instant) -> u128 {
    let shared = bounds.overlap(Interval::new(from, until));
    u128::from(shared.map_or(0, |shared| shared.length().get()))
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
