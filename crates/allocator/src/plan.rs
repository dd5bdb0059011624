//! What each lease is granted when, in blocks of each pool, and whether the site can carry it.
//!
//! Leases are planned in order of signature (then of name), each over its whole life before the
//! next, so that a lease never takes what an earlier one will need later.

use leasehold_lease::{Amount, Grant, Lease, Terms};
use leasehold_site::Site;
use leasehold_units::{Day, Gpus, Instant, LeaseId, Nodes, Ratio, Watts};

use crate::refusal::{Constraint, Refusal};
use crate::sizing::{Blocks, nodes_power, pools_of, size};
use crate::supply::{Supply, contracted, timeline};

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
    let mut supplies = timeline(site, leases.iter().flat_map(breakpoints));
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

/// Where the grants of `lease` begin and end.
fn breakpoints(lease: &Lease) -> Vec<Instant> {
    let zone = &lease.latest().time_zone;
    let days = |grant: &Grant| [grant.from, after(grant.until)];
    lease.grants().iter().flat_map(days).map(|day| zone.start_of(day)).collect()
}

fn after(day: Day) -> Day {
    day.tomorrow().expect("a contract ends before the calendar does")
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
        let zone = &terms.time_zone;
        let (from, until) = (zone.start_of(grant.from), zone.start_of(after(grant.until)));
        let first = supplies.partition_point(|supply| supply.from < from);
        let end = supplies.partition_point(|supply| supply.from < until);
        // What is in service may change while `all` is granted; any other amount stays the same.
        let width = if grant.amount == Amount::All { 1 } else { (end - first).max(1) };
        for spans in supplies[first..end].chunks_mut(width) {
            let day = zone.day_of(spans[0].from);
            match grant_blocks(site, terms, &grant, spans) {
                Ok(blocks) => push_step(site, terms, &grant, (day, &blocks), &mut steps),
                Err(refusal) => refusals.push(Refusal { from: day, ..refusal }),
            }
        }
    }
    LeasePlan { lease: lease.latest().id.clone(), steps }
}

/// Promises what `grant` buys in all of `spans`, or says what is short.
fn grant_blocks(
    site: &Site,
    terms: &Terms,
    grant: &Grant,
    spans: &mut [Supply],
) -> Result<Blocks, Refusal> {
    let capacity = &terms.capacity;
    let shape = capacity.shape;
    let free = |empty: bool| -> Vec<u32> {
        let pools = 0..site.pools.len();
        let left = |span: &Supply, pool: usize| {
            let supply = span.pools[pool];
            if empty { supply.emptied().free(shape) } else { supply.free(shape) }
        };
        pools.map(|p| spans.iter().map(|span| left(span, p)).min().unwrap_or(0)).collect()
    };
    let limit = |span: &Supply| Ratio::whole(i128::from(span.limit.get()));
    let feedable = spans.iter().map(|span| limit(span).minus(span.promised)).min();
    let feedable = feedable.unwrap_or(Ratio::ZERO).max(Ratio::ZERO);
    let sized = size(site, capacity, grant.amount, &free(false), feedable);
    let wanted = size(site, capacity, grant.amount, &free(true), limit_of(spans));
    let refuse = |constraint, short_by: String, fits: &Blocks| Refusal {
        lease: terms.id.clone(),
        from: grant.from,
        until: grant.until,
        shape,
        constraint,
        short_by,
        fits: describe(site, terms, fits),
    };
    if let Some(short) = sized.short {
        return Err(refuse(Constraint::Blocks, short, &sized.blocks));
    }
    let missing = shortfall(site, terms, grant.amount, &wanted.blocks, &sized.blocks, spans);
    if let Some((constraint, short)) = missing {
        return Err(refuse(constraint, short, &sized.blocks));
    }
    let power = blocks_power(site, terms, &sized.blocks);
    if power > feedable {
        let fed = size(site, capacity, Amount::All, &sized.blocks, feedable);
        let short = format!("{} W", power.minus(feedable).round_half_even());
        return Err(refuse(Constraint::Power, short, &fed.blocks));
    }
    for span in spans {
        for (pool, blocks) in span.pools.iter_mut().zip(&sized.blocks) {
            pool.promise(shape, *blocks);
        }
        span.promised = span.promised.plus(power);
    }
    Ok(sized.blocks)
}

fn limit_of(spans: &[Supply]) -> Ratio {
    let least = spans.iter().map(|span| span.limit).min().unwrap_or(Watts::ZERO);
    Ratio::whole(i128::from(least.get()))
}

/// What watts, or `all`, would buy if nothing were promised, beyond what they buy now.
fn shortfall(
    site: &Site,
    terms: &Terms,
    amount: Amount,
    wanted: &Blocks,
    got: &Blocks,
    spans: &[Supply],
) -> Option<(Constraint, String)> {
    match amount {
        Amount::All => {
            let pools = pools_of(site, &terms.capacity);
            let promised = |span: &Supply| pools.iter().any(|p| !span.pools[*p].is_untouched());
            (wanted != got || spans.iter().any(promised))
                .then(|| (Constraint::All, describe(site, terms, wanted)))
        }
        Amount::Power(_) => {
            let (want, have) = (lease_power(site, terms, wanted), lease_power(site, terms, got));
            let missing = want.minus(have);
            let pools = pools_of(site, &terms.capacity);
            let block = |pool: &usize| {
                let pool = &site.pools[*pool];
                nodes_power(site, &terms.capacity, pool, pool.nodes_per(terms.capacity.shape))
            };
            let least = pools.iter().map(block).min()?;
            (missing >= least)
                .then(|| (Constraint::Blocks, format!("{} W", missing.round_half_even())))
        }
        _ => None,
    }
}

fn blocks_power(site: &Site, terms: &Terms, blocks: &Blocks) -> Ratio {
    let shape = terms.capacity.shape;
    let pools = site.pools.iter().zip(blocks);
    let power = pools.map(|(pool, blocks)| contracted(site, pool, blocks * pool.nodes_per(shape)));
    power.fold(Ratio::ZERO, Ratio::plus)
}

/// Power of `blocks` on the lease's own basis.
fn lease_power(site: &Site, terms: &Terms, blocks: &Blocks) -> Ratio {
    let capacity = &terms.capacity;
    let pools = site.pools.iter().zip(blocks);
    let power = pools.map(|(pool, blocks)| {
        nodes_power(site, capacity, pool, blocks * pool.nodes_per(capacity.shape))
    });
    power.fold(Ratio::ZERO, Ratio::plus)
}

fn describe(site: &Site, terms: &Terms, blocks: &Blocks) -> String {
    let step = step(site, terms, (terms.start, terms.end), Ratio::ONE, blocks);
    format!("{} GPU ({} node, {} W)", step.gpus, step.nodes, step.watts)
}

fn step(
    site: &Site,
    terms: &Terms,
    (from, until): (Day, Day),
    fee: Ratio,
    blocks: &Blocks,
) -> EntitlementStep {
    let shape = terms.capacity.shape;
    let pools = site.pools.iter().zip(blocks);
    let per_pool: Vec<u32> = pools.map(|(pool, n)| n * pool.nodes_per(shape)).collect();
    let gpus = |(pool, nodes): (&leasehold_site::Pool, &u32)| {
        u64::from(*nodes) * u64::from(site.sku(pool).gpus_per_node)
    };
    EntitlementStep {
        from,
        until,
        fee,
        nodes: Nodes::new(per_pool.iter().map(|nodes| u64::from(*nodes)).sum()),
        gpus: Gpus::new(site.pools.iter().zip(&per_pool).map(gpus).sum()),
        watts: whole_watts(lease_power(site, terms, blocks)),
        per_pool,
    }
}

fn whole_watts(power: Ratio) -> Watts {
    Watts::new(u64::try_from(power.floor()).expect("power is not negative"))
}

/// Adds a step, or lengthens the last one where nothing but the day differs.
fn push_step(
    site: &Site,
    terms: &Terms,
    grant: &Grant,
    (from, blocks): (Day, &Blocks),
    steps: &mut Vec<EntitlementStep>,
) {
    let from = from.max(grant.from);
    let next = step(site, terms, (from, grant.until), grant.fee, blocks);
    if let Some(last) = steps.last_mut() {
        let same = last.fee == next.fee && last.per_pool == next.per_pool;
        if same && (last.until >= from || after(last.until) == from) {
            last.until = next.until;
            return;
        }
        if last.until >= from {
            last.until = from.yesterday().expect("a step began before");
        }
    }
    steps.push(next);
}
