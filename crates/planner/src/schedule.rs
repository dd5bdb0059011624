//! One lease's entitlement steps and billing periods to the last day of service.

use leasehold_allocator::{Refusal, plan};
use leasehold_lease::{FeePeriod, Lease};
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
    let lease = &leases[index];
    let plan = plan(site, leases)?.leases.swap_remove(index);
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
    Ok(Schedule {
        lease: lease.latest().id.clone(),
        currency: zero.currency(),
        entitlement: steps.collect(),
        total: periods.iter().fold(zero, |sum, period| sum.plus(period.amount)),
        periods,
    })
}

fn clip(lease: &Lease, period: FeePeriod, start: Day, end: Day) -> FeePeriod {
    if (start, end) == (period.start, period.end) {
        return period;
    }
    let days = lease.days_counted(period.version, start, end);
    FeePeriod { start, end, days, amount: lease.fixed_between(start, end), ..period }
}
