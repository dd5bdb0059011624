//! What the site could carry in the place of what it refuses.
//!
//! Places are looked for in what the carried leases leave, and each is then tried: the whole plan
//! is made with it, in the same order, so that nothing is offered that would be refused again.

use leasehold_lease::{Amount, Grant, Terms};
use leasehold_site::{Outage, Site};
use leasehold_units::{Day, Instant, Ratio};

use crate::plan::{Refused, Wish, carry};
use crate::refusal::{Alternative, Refusal};
use crate::shortage::{Left, buy, least_block};
use crate::sizing::{amount_of, fed, lease_power, size};
use crate::supply::{Supply, after};

/// Most alternatives of a refusal.
const ALTERNATIVES_MAX: usize = 3;

/// Refusals that alternatives are looked for. Each takes some plans to try, and whoever has more
/// refusals at once has another site in mind.
const REFUSALS_MAX: usize = 12;

/// Most plans that are made to find one alternative.
const TRIALS_MAX: usize = 4;

/// `refused` with what would fit in its place. `wishes` is all that was planned, in order.
pub fn refusals(
    site: &Site,
    wishes: &[Wish<'_>],
    outages: &[Outage],
    refused: &[Refused],
) -> Vec<Refusal> {
    let is_refused = |wish: usize| refused.iter().any(|other| other.wish == wish);
    let kept: Vec<usize> = (0..wishes.len()).filter(|wish| !is_refused(*wish)).collect();
    let carried: Vec<Wish<'_>> = kept.iter().map(|wish| wishes[*wish].clone()).collect();
    let supplies = carry(site, &carried, outages).supplies;
    let refusal = |(index, short): (usize, &Refused)| {
        let wish = &wishes[short.wish];
        let search = Search {
            site,
            outages,
            carried: &carried,
            place: kept.partition_point(|other| *other < short.wish),
            supplies: &supplies,
            terms: wish.terms(&short.grant),
            asked: short.grant,
            rest: rest(wish, refused.iter().filter(|other| other.wish == short.wish)),
            wish,
        };
        Refusal {
            lease: wish.lease.latest().id.clone(),
            from: short.grant.from,
            until: short.grant.until,
            shape: search.terms.capacity.shape,
            constraint: short.short.constraint,
            short_by: short.short.short_by.clone(),
            alternatives: if index < REFUSALS_MAX { search.alternatives() } else { Vec::new() },
        }
    };
    refused.iter().enumerate().map(refusal).collect()
}

/// The grants of `wish` without the days of `refused`.
fn rest<'a>(wish: &Wish<'_>, refused: impl Iterator<Item = &'a Refused>) -> Vec<Grant> {
    let cut =
        |grants: Vec<Grant>, short: &Refused| without(&grants, short.grant.from, short.grant.until);
    refused.fold(wish.grants.clone(), cut)
}

/// `grants` without the days from `from` to `until`.
fn without(grants: &[Grant], from: Day, until: Day) -> Vec<Grant> {
    let parts = |grant: &Grant| {
        let before =
            from.yesterday().ok().map(|eve| Grant { until: grant.until.min(eve), ..*grant });
        let later = Grant { from: grant.from.max(after(until)), ..*grant };
        [before, Some(later)].into_iter().flatten().filter(|grant| grant.from <= grant.until)
    };
    grants.iter().flat_map(parts).collect()
}

/// Days in a row, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Days {
    from: Day,
    until: Day,
}

impl Days {
    /// How many there are.
    fn count(self) -> i64 {
        self.until.duration_since(self.from).as_hours() / 24 + 1
    }
}

/// The search for what fits in the place of one refused step.
struct Search<'a> {
    site: &'a Site,
    outages: &'a [Outage],
    /// What is carried, in order.
    carried: &'a [Wish<'a>],
    /// Where the refused wish belongs in that order.
    place: usize,
    /// What the carried ones leave.
    supplies: &'a [Supply],
    wish: &'a Wish<'a>,
    terms: &'a Terms,
    asked: Grant,
    /// The other grants of the wish.
    rest: Vec<Grant>,
}

impl Search<'_> {
    fn alternatives(&self) -> Vec<Alternative> {
        let feasible: Vec<bool> =
            self.supplies.iter().map(|span| self.fits(std::slice::from_ref(span))).collect();
        let mut found: Vec<Alternative> = self.largest().into_iter().collect();
        found.extend(self.first_of(self.earlier(&feasible)));
        found.extend(self.first_of(self.later(&feasible)));
        for days in self.parts(&feasible).into_iter().take(ALTERNATIVES_MAX) {
            if found.len() < ALTERNATIVES_MAX {
                found.extend(self.tried(days, self.asked.amount));
            }
        }
        found
    }

    /// The most that fits on the days that were asked for.
    fn largest(&self) -> Option<Alternative> {
        let days = Days { from: self.asked.from, until: self.asked.until };
        let spans = self.spans(days)?;
        let capacity = &self.terms.capacity;
        let left = Left::of(self.site, capacity.shape, spans);
        let most = size(self.site, capacity, self.asked.amount, &left.free, left.power).blocks;
        let most = fed(self.site, capacity, &most, left.power);
        self.tried(days, amount_of(self.site, capacity, self.asked.amount, &most)?)
    }

    /// The first of `places` on which all that was asked for can be carried.
    fn first_of(&self, places: impl Iterator<Item = Days>) -> Option<Alternative> {
        let fits = |days: &Days| self.spans(*days).is_some_and(|spans| self.fits(spans));
        let mut places = places.filter(fits).take(TRIALS_MAX);
        places.find_map(|days| self.tried(days, self.asked.amount))
    }

    /// As many days as were asked for, earlier, the nearest first: what ends where something does.
    fn earlier<'a>(&'a self, feasible: &'a [bool]) -> impl Iterator<Item = Days> + 'a {
        let length = self.asked.until.duration_since(self.asked.from);
        let zone = &self.terms.time_zone;
        let ending = move |(span, _): (&Supply, &bool)| {
            let until = zone.day_of(span.from).yesterday().ok()?;
            Some(Days { from: until.checked_sub(length).ok()?, until })
        };
        // What ends at a breakpoint, ends with the span before it.
        let ends = self.supplies.iter().skip(1).zip(feasible).filter(|(_, before)| **before);
        let days = ends.rev().filter_map(ending);
        days.filter(|days| self.terms.signed <= days.from && days.from < self.asked.from)
    }

    /// As many days as were asked for, later, the nearest first: what begins where something does.
    fn later<'a>(&'a self, feasible: &'a [bool]) -> impl Iterator<Item = Days> + 'a {
        let length = self.asked.until.duration_since(self.asked.from);
        let starting = move |(span, _): (&Supply, &bool)| {
            let from = self.first_day(span.from);
            Some(Days { from, until: from.checked_add(length).ok()? })
        };
        let starts = self.supplies.iter().zip(feasible).filter(|(_, fits)| **fits);
        starts.filter_map(starting).filter(|days| days.from > self.asked.from)
    }

    /// Parts of the days that were asked for, the longest first.
    fn parts(&self, feasible: &[bool]) -> Vec<Days> {
        let zone = &self.terms.time_zone;
        let mut parts = Vec::new();
        let mut index = 0;
        while index < self.supplies.len() {
            let run = feasible[index..].iter().take_while(|fits| **fits).count();
            let run = (1..=run).rev().find(|run| self.fits(&self.supplies[index..index + run]));
            if let Some(run) = run {
                let next = self.supplies.get(index + run);
                let last = next.and_then(|next| zone.day_of(next.from).yesterday().ok());
                let from = self.first_day(self.supplies[index].from).max(self.asked.from);
                let until = last.unwrap_or(self.asked.until).min(self.asked.until);
                parts.push(Days { from, until });
            }
            index += run.unwrap_or(1);
        }
        parts.retain(|days| days.from <= days.until);
        parts.sort_by_key(|days| (std::cmp::Reverse(days.count()), days.from));
        parts
    }

    /// The first day of the lease that begins at `at` or later.
    fn first_day(&self, at: Instant) -> Day {
        let zone = &self.terms.time_zone;
        let day = zone.day_of(at);
        if zone.start_of(day) < at { after(day) } else { day }
    }

    /// What is left on `days`; none where the site has not begun by then.
    fn spans(&self, days: Days) -> Option<&[Supply]> {
        let zone = &self.terms.time_zone;
        let (start, over) = (zone.start_of(days.from), zone.start_of(after(days.until)));
        let first = self.supplies.partition_point(|span| span.from <= start).checked_sub(1)?;
        let end = self.supplies.partition_point(|span| span.from < over);
        Some(&self.supplies[first..end])
    }

    /// Whether all that was asked for is free in `spans`, and is more than nothing.
    fn fits(&self, spans: &[Supply]) -> bool {
        let buys = |spans: &[Supply]| {
            let capacity = &self.terms.capacity;
            let Ok(blocks) = buy(self.site, capacity, self.asked.amount, spans) else {
                return false;
            };
            let Amount::Power(watts) = self.asked.amount else {
                return blocks.iter().any(|blocks| *blocks > 0);
            };
            // A lease of watts is content with what there is; an offer of all of it is not.
            let missing = Ratio::whole(i128::from(watts.get()))
                .minus(lease_power(self.site, capacity, &blocks));
            least_block(self.site, capacity).is_some_and(|least| missing < least)
        };
        match self.asked.amount {
            Amount::All => spans.iter().all(|span| buys(std::slice::from_ref(span))),
            _ => buys(spans),
        }
    }

    /// `amount` on `days` if the plan succeeds with it.
    fn tried(&self, days: Days, amount: Amount) -> Option<Alternative> {
        let Days { from, until } = days;
        let mut grants = without(&self.rest, from, until);
        grants.push(Grant { from, until, amount, ..self.asked });
        grants.sort_by_key(|grant| grant.from);
        let mut wishes = self.carried.to_vec();
        wishes.insert(self.place, Wish { lease: self.wish.lease, grants });
        let tried = carry(self.site, &wishes, self.outages);
        if !tried.refused.is_empty() {
            return None;
        }
        let steps = tried.plans[self.place].steps.iter();
        let leanest = steps
            .filter(|step| from <= step.until && step.from <= until)
            .min_by_key(|step| step.nodes)?;
        let (gpus, nodes, watts) = (leanest.gpus, leanest.nodes, leanest.watts);
        Some(Alternative { from, until, amount, gpus, nodes, watts })
    }
}
