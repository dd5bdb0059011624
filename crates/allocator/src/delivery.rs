//! What is delivered of what is granted, and on which days that is less than was due.
//!
//! A step is due on its own first day, the full amount on the agreed day if that is later. Of a day
//! the least counts. What it costs is no concern of this module.

use std::collections::BTreeSet;

use leasehold_lease::{Lease, Remedy, ShortDays};
use leasehold_site::{Pool, Site};
use leasehold_units::{Day, Gpus, Instant, Seconds};
use serde::{Deserialize, Serialize};

use crate::plan::{EntitlementStep, LeasePlan, Plan, plan};
use crate::refusal::Refusal;
use crate::supply::after;

/// What is delivered of what is granted, from an instant until the next such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStep {
    /// First instant.
    pub from: Instant,
    /// GPUs granted.
    pub granted: Gpus,
    /// GPUs delivered, failed ones included; at most what is granted.
    pub delivered: Gpus,
}

/// Days on which less is delivered than is granted, since supply is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// Which days, and how much is granted and delivered.
    pub days: ShortDays,
    /// Last day of the grace that ends first, of the steps that are short.
    pub grace_until: Day,
}

/// What is expected of leases on a site some of whose pools are late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The leases, ended where that is the remedy.
    pub leases: Vec<Lease>,
    /// What they are granted then.
    pub plan: Plan,
    /// By lease, in order of their days.
    pub shortfalls: Vec<Vec<Shortfall>>,
}

impl DeliveryStep {
    /// Whether less is delivered than is granted.
    pub fn is_short(&self) -> bool {
        self.delivered < self.granted
    }

    /// Whether a smaller part is delivered than of `other`.
    fn is_less_than(&self, other: &Self) -> bool {
        let share =
            |one: &Self, of: &Self| u128::from(one.delivered.get()) * u128::from(of.granted.get());
        share(self, other) < share(other, self)
    }
}

impl Shortfall {
    /// The day before it: once the grace is over, the last of the grace.
    pub fn eve(&self) -> Day {
        self.days.from.yesterday().expect("a contract does not begin with the calendar")
    }

    /// Whether the grace is over, so that the remedy counts.
    pub fn past_grace(&self) -> bool {
        self.grace_until < self.days.from
    }
}

/// What is expected on `site` under `leases`: which steps will be short, and which leases end over it.
///
/// # Errors
/// If the site cannot carry the leases.
pub fn expected(site: &Site, leases: &[Lease]) -> Result<Expected, Vec<Refusal>> {
    let mut leases = leases.to_vec();
    loop {
        let plan = plan(site, &leases)?;
        let pairs = leases.iter().zip(&plan.leases);
        let of = |(lease, plan)| expected_shortfalls(site, lease, plan);
        let shortfalls: Vec<Vec<Shortfall>> = pairs.map(of).collect();
        let ends = leases.iter().zip(&shortfalls).map(|(lease, short)| ends_over(lease, short));
        let first = ends.enumerate().filter_map(|(index, last)| Some((last?, index))).min();
        // One at a time: what one gives up may be granted to others, and be late there too.
        let Some((last, index)) = first else { return Ok(Expected { leases, plan, shortfalls }) };
        leases[index].end_undelivered(last);
    }
}

/// The days on which a lease whose plan is `plan` will be short, by when the pools of `site` come.
pub fn expected_shortfalls(site: &Site, lease: &Lease, plan: &LeasePlan) -> Vec<Shortfall> {
    shortfalls(lease, plan, &delivery(site, lease, plan))
}

/// Whether a lease is delivered less and lacks more with `after` than with `before` at some instant,
/// `from` or later: a plan that is made anew may meet what is granted from other pools, and these may
/// be late. A lease for all that is granted more of a late pool, or less and lacks no more, is no worse
/// off.
pub fn falls_behind(
    site: &Site,
    lease: &Lease,
    before: &LeasePlan,
    after: &LeasePlan,
    from: Instant,
) -> bool {
    let [before, after] = [before, after].map(|plan| delivery(site, lease, plan));
    let at = |steps: &[DeliveryStep], at: Instant| {
        let last = steps.iter().rev().find(|step| step.from <= at);
        last.map_or((Gpus::ZERO, Gpus::ZERO), |step| {
            (step.delivered, step.granted.minus(step.delivered))
        })
    };
    let steps = before.iter().chain(&after);
    let later = steps.map(|step| step.from).filter(|step| *step > from);
    later.chain([from]).any(|instant| {
        let (had, lacked) = at(&before, instant);
        let (has, lacks) = at(&after, instant);
        has < had && lacks > lacked
    })
}

/// The last day of service, where the remedy is that the lease ends.
fn ends_over(lease: &Lease, shortfalls: &[Shortfall]) -> Option<Day> {
    let ends = |short: &&Shortfall| {
        short.past_grace() && remedy_on(lease, short.days.from) == Some(Remedy::Terminate)
    };
    shortfalls.iter().find(ends).map(Shortfall::eve)
}

/// The remedy that governs `day`.
pub fn remedy_on(lease: &Lease, day: Day) -> Option<Remedy> {
    lease.governing(day).delivery.as_ref().map(|delivery| delivery.remedy)
}

/// The days on which the fee follows what is delivered.
pub fn remedied(lease: &Lease, shortfalls: &[Shortfall]) -> Vec<ShortDays> {
    let pays = |short: &&Shortfall| {
        let remedy = remedy_on(lease, short.days.from);
        short.past_grace() && matches!(remedy, Some(Remedy::ProRata | Remedy::TenantElects))
    };
    shortfalls.iter().filter(pays).map(|short| short.days).collect()
}

/// What will be delivered to a lease whose plan is `plan`, by when the pools of `site` come.
fn delivery(site: &Site, lease: &Lease, plan: &LeasePlan) -> Vec<DeliveryStep> {
    let zone = &lease.latest().time_zone;
    let steps = plan.steps.iter().flat_map(|step| [step.from, after(step.until)]);
    let mut instants: BTreeSet<Instant> = steps.map(|day| zone.start_of(day)).collect();
    let late = site.pools.iter().filter_map(|pool| pool.delayed);
    instants.extend(late.map(|day| site.time_zone.start_of(day)));
    let step = |at: Instant| {
        let granted = step_on(plan, zone.day_of(at))?;
        let today = site.time_zone.day_of(at);
        let missing = |(pool, nodes): (&Pool, &u32)| {
            let gpus = u64::from(*nodes) * u64::from(site.sku(pool).gpus_per_node);
            if pool.is_late(today) { gpus } else { 0 }
        };
        let missing = site.pools.iter().zip(&granted.per_pool).map(missing).sum();
        let delivered = granted.gpus.minus(Gpus::new(missing));
        Some(DeliveryStep { from: at, granted: granted.gpus, delivered })
    };
    let none = |from| DeliveryStep { from, granted: Gpus::ZERO, delivered: Gpus::ZERO };
    instants.into_iter().map(|at| step(at).unwrap_or_else(|| none(at))).collect()
}

fn step_on(plan: &LeasePlan, day: Day) -> Option<&EntitlementStep> {
    plan.steps.iter().find(|step| step.from <= day && day <= step.until)
}

/// The short days in what is `delivered` to `lease`, which is granted what `plan` says: the last step
/// is taken to go on to the last day of service. Nothing on days without a `[delivery]`.
pub fn shortfalls(lease: &Lease, plan: &LeasePlan, delivered: &[DeliveryStep]) -> Vec<Shortfall> {
    if !delivered.iter().any(DeliveryStep::is_short) {
        return Vec::new();
    }
    let dues = dues(lease, plan);
    let cuts = cuts(lease, plan, delivered, &dues);
    let mut shortfalls: Vec<Shortfall> = Vec::new();
    for pair in cuts.windows(2) {
        let until = pair[1].yesterday().expect("a later day came before");
        let Some(next) = shortfall(lease, delivered, &dues, pair[0], until) else { continue };
        match shortfalls.last_mut() {
            Some(last) if goes_on(last, &next) => last.days.until = until,
            _ => shortfalls.push(next),
        }
    }
    shortfalls
}

fn goes_on(last: &Shortfall, next: &Shortfall) -> bool {
    let days = ShortDays { from: last.days.from, until: last.days.until, ..next.days };
    last.days == days
        && after(last.days.until) == next.days.from
        && (last.grace_until, last.past_grace()) == (next.grace_until, next.past_grace())
}

/// An amount, from when it is granted, and when its grace ends.
struct Due {
    from: Day,
    gpus: Gpus,
    grace_until: Day,
}

fn dues(lease: &Lease, plan: &LeasePlan) -> Vec<Due> {
    let due = |step: &EntitlementStep| {
        let terms = lease.governing(step.from);
        let grace_until = terms.delivery.as_ref()?.grace_until(terms.due_day(step.from)?);
        Some(Due { from: step.from, gpus: step.gpus, grace_until })
    };
    plan.steps.iter().filter_map(due).collect()
}

/// The days on which something may change, in order; the last is the day after service.
fn cuts(lease: &Lease, plan: &LeasePlan, delivered: &[DeliveryStep], dues: &[Due]) -> Vec<Day> {
    let zone = &lease.latest().time_zone;
    let end = after(lease.last_day());
    let mut cuts: BTreeSet<Day> = BTreeSet::from([end]);
    for step in delivered {
        let day = zone.day_of(step.from);
        cuts.insert(day);
        if zone.start_of(day) != step.from {
            cuts.insert(after(day));
        }
    }
    cuts.extend(plan.steps.iter().flat_map(|step| [step.from, after(step.until)]));
    cuts.extend(dues.iter().map(|due| after(due.grace_until)));
    cuts.extend(lease.versions.iter().map(|terms| terms.effective));
    cuts.into_iter().filter(|day| *day <= end).collect()
}

/// What is short on the days from `from` to `until`, on which nothing changes.
fn shortfall(
    lease: &Lease,
    delivered: &[DeliveryStep],
    dues: &[Due],
    from: Day,
    until: Day,
) -> Option<Shortfall> {
    lease.governing(from).delivery.as_ref()?;
    let least = least_on(lease, delivered, from).filter(DeliveryStep::is_short)?;
    let unmet =
        dues.iter().filter(|due| due.from <= from && least.delivered < due.gpus.min(least.granted));
    let grace_until = unmet.map(|due| due.grace_until).min()?;
    let (granted, delivered) = (least.granted, least.delivered);
    Some(Shortfall { days: ShortDays { from, until, granted, delivered }, grace_until })
}

/// The least that is delivered at any instant of `day`.
fn least_on(lease: &Lease, delivered: &[DeliveryStep], day: Day) -> Option<DeliveryStep> {
    let zone = &lease.latest().time_zone;
    let (start, end) = (zone.start_of(day), zone.start_of(after(day)));
    let first = delivered.partition_point(|step| step.from <= start).saturating_sub(1);
    let today =
        delivered[first..].iter().take_while(|step| step.from <= end.before(Seconds::new(1)));
    let mut least: Option<DeliveryStep> = None;
    for step in today.filter(|step| step.granted > Gpus::ZERO) {
        if least.as_ref().is_none_or(|least| step.is_less_than(least)) {
            least = Some(*step);
        }
    }
    least
}
