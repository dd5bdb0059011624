//! What each lease is granted when, in blocks of each pool, and whether the site can carry it.
//!
//! Leases are planned in order of signature (then of name), each over its whole life before the
//! next, so that a lease never takes what an earlier one will need later.

use std::fmt;
use std::ops::Range;

use leasehold_lease::{Amount, Grant, Lease, Terms};
use leasehold_site::{Pool, Site};
use leasehold_units::{Day, Gpus, LeaseId, Nodes, Ratio, Shape, Watts};

use crate::refusal::{Constraint, Refusal};
use crate::sizing::{Blocks, Sized, block_power, pools_of, size};
use crate::supply::{Outage, PoolSupply, Supply, contracted, timeline};

/// One step of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitlementStep {
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub until: Day,
    /// Share of the fixed fee, 0 to 1.
    pub fee: Ratio,
    /// Nodes of each pool.
    pub per_pool: Vec<u32>,
    /// Nodes in all.
    pub nodes: Nodes,
    /// GPUs in all.
    pub gpus: Gpus,
    /// Their power on the lease's basis (facility contracted where it has none), rounded down.
    pub watts: Watts,
}

/// What a lease is granted when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasePlan {
    /// Which lease.
    pub lease: LeaseId,
    /// Steps in order.
    pub steps: Vec<EntitlementStep>,
}

/// What every lease is granted when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which the leases were given.
    pub leases: Vec<LeasePlan>,
}

/// Plans `leases` on `site`.
///
/// # Errors
/// The steps that the site cannot carry: invariant 1, no oversell.
pub fn plan(site: &Site, leases: &[Lease]) -> Result<Plan, Vec<Refusal>> {
    plan_around(site, leases, &[])
}

/// Plans `leases` on `site` without what is out of service as planned: the one check that a
/// signature, an amendment, a hold and a maintenance window pass.
///
/// # Errors
/// The steps that the site cannot carry: invariant 1, no oversell.
pub fn plan_around(
    site: &Site,
    leases: &[Lease],
    outages: &[Outage],
) -> Result<Plan, Vec<Refusal>> {
    let mut supplies = timeline(site, leases, outages);
    let mut order: Vec<usize> = (0..leases.len()).collect();
    order.sort_by_key(|index| {
        let first = &leases[*index].versions[0];
        (first.signed, first.id.clone())
    });
    let mut plans: Vec<Option<LeasePlan>> = vec![None; leases.len()];
    let mut refusals = Vec::new();
    for index in order {
        let planned = plan_lease(site, &leases[index], &mut supplies, &mut refusals);
        plans[index] = Some(planned);
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    Ok(Plan { leases: plans.into_iter().flatten().collect() })
}

fn plan_lease(
    site: &Site,
    lease: &Lease,
    supplies: &mut [Supply],
    refusals: &mut Vec<Refusal>,
) -> LeasePlan {
    let mut steps: Vec<EntitlementStep> = Vec::new();
    for grant in lease.grants() {
        let terms = &lease.versions[grant.version as usize - 1];
        for segment in segments(terms, &grant, supplies) {
            let spans = &mut supplies[segment.spans.clone()];
            match grant_blocks(site, terms, grant.amount, spans) {
                Ok(blocks) => push_step(&mut steps, step(site, terms, &grant, &segment, &blocks)),
                Err(short) => push_refusal(refusals, refuse(site, terms, &segment, short)),
            }
        }
    }
    LeasePlan { lease: lease.latest().id.clone(), steps }
}

/// Days of a grant that are decided on together.
struct Segment {
    from: Day,
    /// Last day, included.
    until: Day,
    /// Indices of the supplies of these days.
    spans: Range<usize>,
}

/// What is in service may change while `all` is granted, from day to day of the lease: a day on
/// which it changes, as the lease's zone has it, counts as the least of that day. Any other amount
/// stays the same through all of its grant.
fn segments(terms: &Terms, grant: &Grant, supplies: &[Supply]) -> Vec<Segment> {
    let zone = &terms.time_zone;
    let (start, over) = (zone.start_of(grant.from), zone.start_of(after(grant.until)));
    let first = supplies.partition_point(|supply| supply.from < start);
    let end = supplies.partition_point(|supply| supply.from < over);
    let begins = |index: &usize| {
        let (at, day) = (supplies[*index].from, zone.day_of(supplies[*index].from));
        *index == first || grant.amount == Amount::All && zone.start_of(day) == at
    };
    let mut starts: Vec<usize> = (first..end).filter(begins).collect();
    starts.push(end);
    let segment = |pair: &[usize]| {
        let day = |index: usize| zone.day_of(supplies[index].from);
        let eve = |index: usize| day(index).yesterday().expect("a grant began before");
        let until = if pair[1] == end { grant.until } else { eve(pair[1]) };
        Segment { from: day(pair[0]), until, spans: pair[0]..pair[1] }
    };
    starts.windows(2).map(segment).collect()
}

/// What is left for a lease on all days of a segment.
struct Left {
    /// Free blocks of its shape, by pool.
    free: Blocks,
    /// Blocks of its shape if nothing were promised, by pool.
    installed: Blocks,
    /// Facility power.
    power: Ratio,
    /// Facility power if nothing were promised.
    limit: Ratio,
    /// Whether nothing is promised, by pool.
    untouched: Vec<bool>,
}

impl Left {
    fn of(site: &Site, shape: Shape, spans: &[Supply]) -> Self {
        let least = |blocks: &dyn Fn(&PoolSupply) -> u32| -> Blocks {
            let least_of = |pool: usize| spans.iter().map(|span| blocks(&span.pools[pool])).min();
            (0..site.pools.len()).map(|pool| least_of(pool).unwrap_or(0)).collect()
        };
        let limit = |span: &Supply| Ratio::whole(i128::from(span.limit.get()));
        let power = spans.iter().map(|span| limit(span).minus(span.promised)).min();
        let untouched = |pool: usize| spans.iter().all(|span| span.pools[pool].is_untouched());
        Self {
            free: least(&|pool| pool.free(shape)),
            installed: least(&|pool| pool.emptied().free(shape)),
            power: power.unwrap_or(Ratio::ZERO).max(Ratio::ZERO),
            limit: spans.iter().map(limit).min().unwrap_or(Ratio::ZERO),
            untouched: (0..site.pools.len()).map(untouched).collect(),
        }
    }
}

/// What is short, and what would fit.
struct Shortage {
    constraint: Constraint,
    short_by: String,
    fits: Blocks,
}

/// Promises what `amount` buys in all of `spans`, or says what is short.
fn grant_blocks(
    site: &Site,
    terms: &Terms,
    amount: Amount,
    spans: &mut [Supply],
) -> Result<Blocks, Shortage> {
    let shape = terms.capacity.shape;
    let left = Left::of(site, shape, spans);
    let sized = size(site, &terms.capacity, amount, &left.free, left.power);
    if let Some((constraint, short_by)) = missing(site, terms, amount, &left, &sized) {
        let fed = size(site, &terms.capacity, Amount::All, &sized.blocks, left.power);
        return Err(Shortage { constraint, short_by, fits: fed.blocks });
    }
    let power = contracted_power(site, shape, &sized.blocks);
    for span in spans {
        for (pool, blocks) in span.pools.iter_mut().zip(&sized.blocks) {
            pool.promise(shape, *blocks);
        }
        span.promised = span.promised.plus(power);
    }
    Ok(sized.blocks)
}

/// What `sized` lacks of the amount, if anything.
fn missing(
    site: &Site,
    terms: &Terms,
    amount: Amount,
    left: &Left,
    sized: &Sized,
) -> Option<(Constraint, String)> {
    let capacity = &terms.capacity;
    if let Some(short) = &sized.short {
        return Some((Constraint::Blocks, short.clone()));
    }
    let alone = || size(site, capacity, amount, &left.installed, left.limit).blocks;
    match amount {
        Amount::All => {
            let untouched = pools_of(site, capacity).iter().all(|pool| left.untouched[*pool]);
            let alone = alone();
            let less = !untouched || alone != sized.blocks;
            return less.then(|| (Constraint::All, Size::of(site, terms, &alone).to_string()));
        }
        Amount::Power(watts) => {
            if let Some(short) = missing_power(site, terms, &alone(), &sized.blocks, watts) {
                return Some((Constraint::Blocks, format!("{short} W")));
            }
        }
        Amount::Gpus(_) | Amount::Nodes(_) | Amount::Racks(_) | Amount::Arrays(_) => {}
    }
    let over = contracted_power(site, capacity.shape, &sized.blocks).minus(left.power);
    (over > Ratio::ZERO).then(|| (Constraint::Power, format!("{} W", whole_watts_above(over))))
}

/// Watts short of what the lease would get if nothing were promised; less than one block is no
/// matter, since pools differ in what a block draws. An amount that buys no block at all is short
/// of the whole of it.
fn missing_power(
    site: &Site,
    terms: &Terms,
    alone: &Blocks,
    got: &Blocks,
    amount: Watts,
) -> Option<i128> {
    if got.iter().all(|blocks| *blocks == 0) {
        return Some(i128::from(amount.get()));
    }
    let missing = lease_power(site, terms, alone).minus(lease_power(site, terms, got));
    let pools = pools_of(site, &terms.capacity);
    let block = |pool: &usize| block_power(site, &terms.capacity, &site.pools[*pool]);
    let least = pools.iter().map(block).min()?;
    (missing >= least).then(|| whole_watts_above(missing))
}

/// Adds a refusal, or lengthens the last one where nothing but the days differ.
fn push_refusal(refusals: &mut Vec<Refusal>, next: Refusal) {
    if let Some(last) = refusals.last_mut() {
        let lengthened = Refusal { from: last.from, until: last.until, ..next.clone() };
        if *last == lengthened && after(last.until) == next.from {
            last.until = next.until;
            return;
        }
    }
    refusals.push(next);
}

fn refuse(site: &Site, terms: &Terms, segment: &Segment, short: Shortage) -> Refusal {
    Refusal {
        lease: terms.id.clone(),
        from: segment.from,
        until: segment.until,
        shape: terms.capacity.shape,
        constraint: short.constraint,
        short_by: short.short_by,
        fits: Size::of(site, terms, &short.fits).to_string(),
    }
}

/// Facility power of `blocks` on the contracted basis, on which the envelope is promised.
fn contracted_power(site: &Site, shape: Shape, blocks: &Blocks) -> Ratio {
    let pools = site.pools.iter().zip(blocks);
    let power = pools.map(|(pool, blocks)| contracted(site, pool, blocks * pool.nodes_per(shape)));
    power.fold(Ratio::ZERO, Ratio::plus)
}

/// Power of `blocks` on the lease's own basis.
fn lease_power(site: &Site, terms: &Terms, blocks: &Blocks) -> Ratio {
    let power = |(pool, blocks): (&Pool, &u32)| {
        block_power(site, &terms.capacity, pool).times(Ratio::whole(i128::from(*blocks)))
    };
    site.pools.iter().zip(blocks).map(power).fold(Ratio::ZERO, Ratio::plus)
}

/// Whole watts that cover `power`.
const fn whole_watts_above(power: Ratio) -> i128 {
    power.floor() + if power.denominator() == 1 { 0 } else { 1 }
}

/// How much some blocks are.
struct Size {
    per_pool: Vec<u32>,
    nodes: Nodes,
    gpus: Gpus,
    watts: Watts,
}

impl Size {
    fn of(site: &Site, terms: &Terms, blocks: &Blocks) -> Self {
        let shape = terms.capacity.shape;
        let pools = site.pools.iter().zip(blocks);
        let per_pool: Vec<u32> = pools.map(|(pool, n)| n * pool.nodes_per(shape)).collect();
        let gpus = |(pool, nodes): (&Pool, &u32)| {
            u64::from(*nodes) * u64::from(site.sku(pool).gpus_per_node)
        };
        let watts = lease_power(site, terms, blocks).floor();
        Self {
            nodes: Nodes::new(per_pool.iter().map(|nodes| u64::from(*nodes)).sum()),
            gpus: Gpus::new(site.pools.iter().zip(&per_pool).map(gpus).sum()),
            watts: Watts::new(u64::try_from(watts).expect("power is not negative")),
            per_pool,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} GPU ({} node, {} W)", self.gpus, self.nodes, self.watts)
    }
}

fn step(
    site: &Site,
    terms: &Terms,
    grant: &Grant,
    segment: &Segment,
    blocks: &Blocks,
) -> EntitlementStep {
    let Size { per_pool, nodes, gpus, watts } = Size::of(site, terms, blocks);
    let (from, until, fee) = (segment.from, segment.until, grant.fee);
    EntitlementStep { from, until, fee, per_pool, nodes, gpus, watts }
}

/// Adds a step, or lengthens the last one where nothing but the days differ.
fn push_step(steps: &mut Vec<EntitlementStep>, next: EntitlementStep) {
    if let Some(last) = steps.last_mut() {
        let lengthened = EntitlementStep { from: last.from, until: last.until, ..next.clone() };
        if *last == lengthened && after(last.until) == next.from {
            last.until = next.until;
            return;
        }
    }
    steps.push(next);
}

fn after(day: Day) -> Day {
    day.tomorrow().expect("a contract ends before the calendar does")
}
