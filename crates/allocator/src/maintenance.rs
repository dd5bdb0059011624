//! Whether nodes may be taken out of service for a while, and when they may instead.

use std::fmt;
use std::ops::Range;

use leasehold_lease::{Amount, Lease};
use leasehold_site::{Outage, Site};
use leasehold_units::{Day, Instant, Interval, Shape};

use crate::plan::{Carried, EntitlementStep, Plan, Wish, carry, in_order, plan_around};
use crate::refusal::Constraint;
use crate::shortage::least_block;
use crate::sizing::whole_watts_above;
use crate::supply::timeline;

/// Most windows that are tried on each side of the one that was asked for.
const TRIALS_MAX: usize = 64;

/// Nodes that are to be out of service together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Works {
    /// Which, by their numbers in the site.
    pub nodes: Vec<Range<u32>>,
    /// When.
    pub interval: Interval,
}

impl Works {
    /// A stretch of nodes at a time.
    pub fn parts(&self) -> impl Iterator<Item = Outage> + '_ {
        let interval = self.interval;
        self.nodes.iter().map(move |nodes| Outage { nodes: nodes.clone(), interval })
    }

    fn count(&self) -> u32 {
        self.nodes.iter().map(|range| range.end - range.start).sum()
    }

    /// The same of the first `count` nodes.
    fn first(&self, count: u32) -> Self {
        let mut left = count;
        let mut cut = |range: &Range<u32>| {
            let taken = left.min(range.end - range.start);
            left -= taken;
            range.start..range.start + taken
        };
        let nodes = self.nodes.iter().map(&mut cut).filter(|range| !range.is_empty()).collect();
        Self { nodes, interval: self.interval }
    }
}

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
    pub alternatives: Vec<Works>,
}

impl fmt::Display for OutageRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until, short_by, .. } = self;
        write!(
            f,
            "the outage would leave {short_by} short of what is promised from {from} to {until}"
        )?;
        for (index, works) in self.alternatives.iter().enumerate() {
            let before = if index == 0 { "; what would do: " } else { ", " };
            let (count, Interval { from, until }) = (works.count(), works.interval);
            write!(f, "{before}{count} node from {from} to {until}")?;
        }
        Ok(())
    }
}

impl std::error::Error for OutageRefusal {}

/// Plans `leases` around `planned` outages and one more, which begins no sooner than `now`. It may
/// leave nobody with less than without it: a lease for all that is in service, or for as many blocks
/// as some watts buy, would else shrink in silence.
///
/// # Errors
/// What would be short, and what would do instead.
pub fn plan_outage(
    site: &Site,
    leases: &[Lease],
    planned: &[Outage],
    asked: &Works,
    now: Instant,
) -> Result<Plan, OutageRefusal> {
    let (_, wishes) = in_order(leases, 0);
    let trial = Trial { site, wishes: &wishes, planned, before: carry(site, &wishes, planned) };
    let Some(missing) = trial.missing(asked) else {
        return Ok(plan_around(site, leases, &trial.with(asked)).expect("nothing was refused"));
    };
    let does = |works: &Works| trial.missing(works).is_none();
    let breakpoints = timeline(site, &wishes, planned).into_iter().map(|supply| supply.from);
    let breakpoints: Vec<Instant> = breakpoints.collect();
    let length = asked.interval.length();
    let starting = |from: Instant| Works {
        interval: Interval::new(from, from.after(length)),
        ..asked.clone()
    };
    let ends = breakpoints.iter().rev().map(|end| end.before(length));
    let earlier = ends.filter(|from| now <= *from && *from < asked.interval.from);
    let later = breakpoints.iter().copied().filter(|from| asked.interval.from < *from);
    let mut alternatives: Vec<Works> = fewer(asked, &does).into_iter().collect();
    alternatives.extend(earlier.take(TRIALS_MAX).map(starting).find(&does));
    alternatives.extend(later.take(TRIALS_MAX).map(starting).find(&does));
    Err(OutageRefusal { alternatives, ..missing })
}

/// What outages are tried on.
struct Trial<'a> {
    site: &'a Site,
    wishes: &'a [Wish<'a>],
    planned: &'a [Outage],
    /// What is given without another outage.
    before: Carried,
}

impl Trial<'_> {
    fn with(&self, works: &Works) -> Vec<Outage> {
        self.planned.iter().cloned().chain(works.parts()).collect()
    }

    /// What would be missing with `works`, if anything; without alternatives yet.
    fn missing(&self, works: &Works) -> Option<OutageRefusal> {
        let carried = carry(self.site, self.wishes, &self.with(works));
        let short = carried.refused.iter().map(|refused| OutageRefusal {
            from: refused.grant.from,
            until: refused.grant.until,
            shape: self.wishes[refused.wish].terms(&refused.grant).capacity.shape,
            constraint: refused.short.constraint,
            short_by: refused.short.short_by.clone(),
            alternatives: Vec::new(),
        });
        short.into_iter().next().or_else(|| self.lessened(&carried))
    }

    /// The first days on which a lease is given less than before, if there are any.
    fn lessened(&self, carried: &Carried) -> Option<OutageRefusal> {
        let plans = self.before.plans.iter().zip(&carried.plans);
        plans.zip(self.wishes).find_map(|((before, after), wish)| {
            let (old, new) = before.steps.iter().find_map(|old| {
                let less = |new: &&EntitlementStep| {
                    old.from <= new.until && new.from <= old.until && self.is_less(wish, old, new)
                };
                after.steps.iter().find(less).map(|new| (old, new))
            })?;
            Some(OutageRefusal {
                from: old.from.max(new.from),
                until: old.until.min(new.until),
                shape: wish.lease.latest().capacity.shape,
                constraint: Constraint::Nodes,
                short_by: format!(
                    "{} node",
                    old.nodes.get().saturating_sub(new.nodes.get()).max(1)
                ),
                alternatives: Vec::new(),
            })
        })
    }

    /// Whether `new` is less than `old`. Watts may buy other blocks that differ by less than one.
    fn is_less(&self, wish: &Wish<'_>, old: &EntitlementStep, new: &EntitlementStep) -> bool {
        let grant = wish.grants.iter().find(|grant| {
            grant.from <= new.until.min(old.until) && new.from.max(old.from) <= grant.until
        });
        let Some(grant) = grant else { return false };
        match grant.amount {
            Amount::Power(_) => {
                let block = least_block(self.site, &wish.terms(grant).capacity);
                let block = block.map_or(1, whole_watts_above).max(1);
                i128::from(old.watts.get()) - i128::from(new.watts.get()) >= block
            }
            _ => new.nodes < old.nodes,
        }
    }
}

/// The most of the first nodes that may go at the time that was asked for.
fn fewer(asked: &Works, does: &impl Fn(&Works) -> bool) -> Option<Works> {
    let (mut least, mut most) = (0, asked.count());
    while least + 1 < most {
        let middle = u32::midpoint(least, most);
        if does(&asked.first(middle)) { least = middle } else { most = middle }
    }
    (least > 0).then(|| asked.first(least))
}
