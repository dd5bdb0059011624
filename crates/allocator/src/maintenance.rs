//! Whether nodes may be taken out of service for a while, and when they may instead.

use std::fmt;

use leasehold_lease::Lease;
use leasehold_site::Site;
use leasehold_units::{Day, Instant, Interval, Shape};

use crate::plan::{Plan, Refused, carry, in_order, plan_around};
use crate::refusal::Constraint;
use crate::supply::{Outage, timeline};

/// Most windows that are tried on each side of the one that was asked for.
const TRIALS_MAX: usize = 64;

/// An outage that would break a promise. Says what would be short, never whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageRefusal {
    /// First day on which something would be short.
    pub from: Day,
    /// Last day of it.
    pub until: Day,
    /// The blocks that are promised.
    pub shape: Shape,
    /// What would run out.
    pub constraint: Constraint,
    /// What would be short, with its unit; `all` where all is promised.
    pub short_by: String,
    /// At most three outages that break nothing: as many of the nodes as may go, the first ones, at
    /// the time that was asked for, and all of them at the nearest times before and after it.
    pub alternatives: Vec<Outage>,
}

impl fmt::Display for OutageRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until, short_by, .. } = self;
        write!(
            f,
            "the outage would leave {short_by} short of what is promised from {from} to {until}"
        )?;
        for (index, Outage { nodes, interval }) in self.alternatives.iter().enumerate() {
            let before = if index == 0 { "; what would do: " } else { ", " };
            let (count, Interval { from, until }) = (nodes.len(), interval);
            write!(f, "{before}{count} node from {from} to {until}")?;
        }
        Ok(())
    }
}

impl std::error::Error for OutageRefusal {}

/// Plans `leases` around `planned` outages and one more, which begins no sooner than `now`.
///
/// # Errors
/// What would be short, and what would do instead.
pub fn plan_outage(
    site: &Site,
    leases: &[Lease],
    planned: &[Outage],
    asked: &Outage,
    now: Instant,
) -> Result<Plan, OutageRefusal> {
    let with =
        |outage: &Outage| -> Vec<Outage> { planned.iter().chain([outage]).cloned().collect() };
    let (_, wishes) = in_order(leases, 0);
    let refused = |outage: &Outage| -> Vec<Refused> { carry(site, &wishes, &with(outage)).refused };
    let Some(first) = refused(asked).into_iter().next() else {
        return Ok(plan_around(site, leases, &with(asked)).expect("nothing was refused"));
    };
    let does = |outage: &Outage| refused(outage).is_empty();
    let breakpoints = timeline(site, &wishes, planned).into_iter().map(|supply| supply.from);
    let breakpoints: Vec<Instant> = breakpoints.collect();
    let length = asked.interval.length();
    let starting = |from: Instant| Outage {
        interval: Interval::new(from, from.after(length)),
        ..asked.clone()
    };
    let ends = breakpoints.iter().rev().map(|end| end.before(length));
    let earlier = ends.filter(|from| now <= *from && *from < asked.interval.from);
    let later = breakpoints.iter().copied().filter(|from| asked.interval.from < *from);
    let mut alternatives: Vec<Outage> = fewer(asked, &does).into_iter().collect();
    alternatives.extend(earlier.take(TRIALS_MAX).map(starting).find(&does));
    alternatives.extend(later.take(TRIALS_MAX).map(starting).find(&does));
    Err(OutageRefusal {
        from: first.grant.from,
        until: first.grant.until,
        shape: wishes[first.wish].terms(&first.grant).capacity.shape,
        constraint: first.short.constraint,
        short_by: first.short.short_by,
        alternatives,
    })
}

/// The most of the first nodes that may go at the time that was asked for.
fn fewer(asked: &Outage, does: &impl Fn(&Outage) -> bool) -> Option<Outage> {
    let first = asked.nodes.start;
    let part = |count: u32| Outage { nodes: first..first + count, ..asked.clone() };
    let (mut least, mut most) = (0, u32::try_from(asked.nodes.len()).expect("a site is small"));
    while least + 1 < most {
        let middle = u32::midpoint(least, most);
        if does(&part(middle)) { least = middle } else { most = middle }
    }
    (least > 0).then(|| part(least))
}
