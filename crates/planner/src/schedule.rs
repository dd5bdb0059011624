//! One lease's entitlement steps and billing periods to the last day of service.

use leasehold_allocator::{Expected, Refusal, Shortfall, expected, remedied, remedy_on};
use leasehold_lease::{FeePeriod, Lease, Remedy, ShortDays};
use leasehold_site::Site;
use leasehold_units::{Currency, Day, LeaseId, Money, Ratio};

/// Days that are asked about, both included; an open side is the lease's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub until: Option<Day>,
}

/// One step of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleStep {
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub until: Day,
    /// GPUs granted.
    pub gpus: u64,
    /// Nodes that they are in.
    pub nodes: u64,
    /// Their power on the lease's basis, rounded down.
    pub watts: u64,
    /// Share of the fixed fee, 0 to 1.
    pub fee: Ratio,
}

/// Days on which less will be delivered than is granted, since a pool is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedShortfall {
    /// Which days, and how many GPUs of how many.
    pub days: ShortDays,
    /// Last day of the grace.
    pub grace_until: Day,
    /// What counts on these days; none while the grace runs.
    pub remedy: Option<Remedy>,
    /// What it takes off the fixed fees, zero or less.
    pub amount: Money,
}

/// What a lease grants and costs, when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Which lease.
    pub lease: LeaseId,
    /// Currency of every amount.
    pub currency: Currency,
    /// Steps in order.
    pub entitlement: Vec<ScheduleStep>,
    /// Fixed fees in order.
    pub periods: Vec<FeePeriod>,
    /// Their sum.
    pub total: Money,
    /// Days on which delivery will be short, in order.
    pub shortfalls: Vec<ExpectedShortfall>,
    /// The last day of service, where a late delivery ends the lease.
    pub ended: Option<Day>,
    /// What is left of the total.
    pub total_after_shortfalls: Money,
}

/// The schedule of the lease at `index` of `leases`, all of which stand on `site`.
///
/// In a window, steps and periods are cut at its days. A cut period costs the difference of its
/// month's rounded running totals, so that windows that touch add up to the whole.
///
/// # Errors
/// If the site cannot carry the leases.
pub fn schedule(
    site: &Site,
    leases: &[Lease],
    index: usize,
    window: Window,
) -> Result<Schedule, Vec<Refusal>> {
    let Expected { leases, mut plan, mut shortfalls } = expected(site, leases)?;
    let (lease, shortfalls) = (&leases[index], shortfalls.swap_remove(index));
    let plan = plan.leases.swap_remove(index);
    let from = window.from.unwrap_or(lease.first_day());
    let until = window.until.unwrap_or(lease.last_day());
    let cut = |start: Day, end: Day| {
        let (start, end) = (start.max(from), end.min(until));
        (start <= end).then_some((start, end))
    };
    let steps = plan.steps.iter().filter_map(|step| {
        let (from, until) = cut(step.from, step.until)?;
        let (gpus, nodes) = (step.gpus.get(), step.nodes.get());
        Some(ScheduleStep { from, until, gpus, nodes, watts: step.watts.get(), fee: step.fee })
    });
    let periods: Vec<FeePeriod> = lease
        .fee_periods()
        .into_iter()
        .filter_map(|period| {
            let (start, end) = cut(period.start, period.end)?;
            Some(clip(lease, period, start, end))
        })
        .collect();
    let zero = Money::zero(lease.latest().fee.fixed.currency());
    let total = periods.iter().fold(zero, |sum, period| sum.plus(period.amount));
    let short = remedied(lease, &shortfalls);
    let ahead = shortfalls.iter().filter_map(|shortfall| {
        let (from, until) = cut(shortfall.days.from, shortfall.days.until)?;
        Some((shortfall, ShortDays { from, until, ..shortfall.days }))
    });
    let ahead: Vec<(&Shortfall, ShortDays)> = ahead.collect();
    let (first, last) = (from.max(lease.first_day()), until.min(lease.last_day()));
    // What rounding leaves on full days of a month counts with the short ones before them.
    let nexts = ahead.iter().skip(1).map(|(_, next)| next.from.yesterday().unwrap_or(last));
    let ends: Vec<Day> = nexts.chain([last]).collect();
    let ahead = ahead.iter().zip(ends).enumerate().map(|(place, ((shortfall, days), end))| {
        let start = if place == 0 { first } else { days.from };
        told(lease, shortfall, *days, lease.shortfall_between(&short, start, end))
    });
    Ok(Schedule {
        lease: lease.latest().id.clone(),
        currency: zero.currency(),
        entitlement: steps.collect(),
        shortfalls: ahead.collect(),
        ended: lease.undelivered.filter(|day| *day == lease.last_day()),
        total_after_shortfalls: total.plus(lease.shortfall_between(&short, first, last)),
        total,
        periods,
    })
}

fn told(lease: &Lease, of: &Shortfall, days: ShortDays, amount: Money) -> ExpectedShortfall {
    ExpectedShortfall {
        days,
        grace_until: of.grace_until,
        remedy: remedy_on(lease, days.from).filter(|_| of.past_grace()),
        amount,
    }
}

fn clip(lease: &Lease, period: FeePeriod, start: Day, end: Day) -> FeePeriod {
    if (start, end) == (period.start, period.end) {
        return period;
    }
    let days = lease.days_counted(period.version, start, end);
    FeePeriod { start, end, days, amount: lease.fixed_between(start, end), ..period }
}
