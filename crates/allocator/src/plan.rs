//! What each lease is granted when, in blocks of each pool, and whether the site can carry it.
//!
//! Leases are planned in order of signature (then of name), each over its whole life before the
//! next, so that a lease never takes what an earlier one will need later.

use std::ops::Range;

use leasehold_lease::{Amount, Grant, Lease, Terms};
use leasehold_site::{Outage, Site};
use leasehold_units::{Day, Gpus, LeaseId, Nodes, Ratio, Watts};
use serde::{Deserialize, Serialize};

use crate::alternatives;
use crate::refusal::Refusal;
use crate::shortage::{Shortage, buy};
use crate::sizing::{Blocks, Size, contracted_power};
use crate::supply::{Supply, after, timeline};

/// One step of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    planned(site, leases, 0, outages).map(|(plan, _)| plan)
}

/// Plans `asked` beside `signed`, which count first whatever their days of signature: what is
/// refused is what was asked for, unless the site cannot carry what is signed. A lease that is to
/// be amended is asked for anew and is not among the signed ones.
///
/// The plan has the signed leases first, in the order in which they were given.
///
/// # Errors
/// The steps that the site cannot carry: invariant 1, no oversell.
pub fn plan_against(
    site: &Site,
    signed: &[Lease],
    asked: &[Lease],
    outages: &[Outage],
) -> Result<Plan, Vec<Refusal>> {
    let all: Vec<Lease> = signed.iter().chain(asked).cloned().collect();
    planned(site, &all, asked.len(), outages).map(|(plan, _)| plan)
}

/// Plans `leases`, of which the one at `changed` is new or amended. It is that one which is refused
/// where the site cannot carry all, although one that was signed later may be the one to fall short
/// in order of signature: nobody is told of another's lease.
///
/// # Errors
/// The steps that the site cannot carry: invariant 1, no oversell.
pub fn plan_changed(
    site: &Site,
    leases: &[Lease],
    changed: usize,
    outages: &[Outage],
) -> Result<Plan, Vec<Refusal>> {
    plan_around(site, leases, outages).map_err(|in_order| {
        let mut signed = leases.to_vec();
        let asked = signed.remove(changed);
        // Where leases may choose their pools, the order can matter: what fits last may not fit
        // in its own place, and then that is what is told.
        plan_against(site, &signed, &[asked], outages).err().unwrap_or(in_order)
    })
}

/// The plan of `leases`, of which the last `asked` come after all others, and what it leaves.
pub fn planned(
    site: &Site,
    leases: &[Lease],
    asked: usize,
    outages: &[Outage],
) -> Result<(Plan, Vec<Supply>), Vec<Refusal>> {
    let (order, wishes) = in_order(leases, asked);
    let carried = carry(site, &wishes, outages);
    if !carried.refused.is_empty() {
        return Err(alternatives::refusals(site, &wishes, outages, &carried.refused));
    }
    let mut plans: Vec<(usize, LeasePlan)> = order.into_iter().zip(carried.plans).collect();
    plans.sort_by_key(|(index, _)| *index);
    let leases = plans.into_iter().map(|(_, plan)| plan).collect();
    Ok((Plan { leases }, carried.supplies))
}

/// `leases` in the order in which they are planned, with their indices; the last `asked` of them
/// come after all others.
pub fn in_order(leases: &[Lease], asked: usize) -> (Vec<usize>, Vec<Wish<'_>>) {
    let mut order: Vec<usize> = (0..leases.len()).collect();
    order.sort_by_key(|index| {
        let first = &leases[*index].versions[0];
        (*index >= leases.len() - asked, first.signed, &first.id)
    });
    let wishes = order.iter().map(|index| Wish::of(&leases[*index])).collect();
    (order, wishes)
}

/// A lease with the grants that are to be planned: its own, or what is tried in their place.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The lease.
    pub lease: &'a Lease,
    /// In order, without overlap.
    pub grants: Vec<Grant>,
}

impl<'a> Wish<'a> {
    /// What `lease` says.
    pub fn of(lease: &'a Lease) -> Self {
        Self { lease, grants: lease.grants() }
    }

    /// The terms that `grant` follows from.
    pub fn terms(&self, grant: &Grant) -> &'a Terms {
        &self.lease.versions[grant.version as usize - 1]
    }
}

/// Wishes that were planned one after the other.
#[derive(Debug)]
pub struct Carried {
    /// What each is given.
    pub plans: Vec<LeasePlan>,
    /// What could not be given, in the order of the wishes.
    pub refused: Vec<Refused>,
    /// What is left.
    pub supplies: Vec<Supply>,
}

/// Days of a wish that cannot be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which wish.
    pub wish: usize,
    /// What was wished for, on the days on which it is short.
    pub grant: Grant,
    /// What is short.
    pub short: Shortage,
}

/// Plans `wishes` one after the other; what cannot be met is not promised.
pub fn carry(site: &Site, wishes: &[Wish<'_>], outages: &[Outage]) -> Carried {
    let supplies = timeline(site, wishes, outages);
    let mut carried = Carried { plans: Vec::new(), refused: Vec::new(), supplies };
    for (index, wish) in wishes.iter().enumerate() {
        let mut steps: Vec<EntitlementStep> = Vec::new();
        for grant in &wish.grants {
            let terms = wish.terms(grant);
            for segment in segments(terms, grant, &carried.supplies) {
                let spans = &mut carried.supplies[segment.spans.clone()];
                let days = Grant { from: segment.from, until: segment.until, ..*grant };
                match promise(site, terms, grant.amount, spans) {
                    Ok(blocks) => push_step(&mut steps, step(site, terms, &days, &blocks)),
                    Err(short) => {
                        let next = Refused { wish: index, grant: days, short };
                        push_refused(&mut carried.refused, next);
                    }
                }
            }
        }
        carried.plans.push(LeasePlan { lease: wish.lease.latest().id.clone(), steps });
    }
    carried
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
        let at = supplies[*index].from;
        *index == first || grant.amount == Amount::All && zone.start_of(zone.day_of(at)) == at
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

/// Promises what `amount` buys in all of `spans`, or says what is short.
fn promise(
    site: &Site,
    terms: &Terms,
    amount: Amount,
    spans: &mut [Supply],
) -> Result<Blocks, Shortage> {
    let shape = terms.capacity.shape;
    let blocks = buy(site, &terms.capacity, amount, spans)?;
    let power = contracted_power(site, shape, &blocks);
    for span in spans {
        for (pool, blocks) in span.pools.iter_mut().zip(&blocks) {
            pool.promise(shape, *blocks);
        }
        span.promised = span.promised.plus(power);
    }
    Ok(blocks)
}

/// Adds what is refused, or lengthens the last where nothing but the days differ.
fn push_refused(refused: &mut Vec<Refused>, next: Refused) {
    if let Some(last) = refused.last_mut() {
        let days = Grant { from: last.grant.from, until: last.grant.until, ..next.grant };
        let lengthened = Refused { grant: days, ..next.clone() };
        if *last == lengthened && after(last.grant.until) == next.grant.from {
            last.grant.until = next.grant.until;
            return;
        }
    }
    refused.push(next);
}

fn step(site: &Site, terms: &Terms, days: &Grant, blocks: &Blocks) -> EntitlementStep {
    let Size { per_pool, nodes, gpus, watts } = Size::of(site, &terms.capacity, blocks);
    let (from, until, fee) = (days.from, days.until, days.fee);
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
