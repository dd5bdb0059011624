//! How a fee grows: the escalation factor as a step function over civil days, always exact.

use jiff::ToSpan;
use leasehold_units::{Day, Month, Ratio};

use crate::{Escalator, Grant, Growth, Index, Lease, Terms, UsageFee};

/// Most per kWh or GPU-hour. With it no product with a month's reading leaves 128 bits.
pub(crate) const PRICE_MAX: Ratio = Ratio::whole(1_000_000);

/// Most that a fee grows to, times what was signed. With it no amount of a bill leaves 128 bits.
const FACTOR_MAX: i128 = 1_000;

/// Most of either part of a factor, ten times of which still is a number of 128 bits.
const PART_MAX: i128 = 10_i128.pow(37);

/// Most that the parts of one month can be expanded by to add up: months of 30 and 31 days.
const MONTH_SPLIT_MAX: i128 = 930;

/// Digits after the point of a price.
const PRICE_DIGITS: u32 = 9;

/// A grant at one escalation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PricedGrant {
    /// The fee factor that it is at; what it grants on its first day stands for all of it.
    pub grant: Grant,
    /// The factor on the fixed fee.
    pub escalation: Ratio,
}

impl Escalator {
    /// The factor on `day` in a term that begins on `start`; 1 before the first anniversary.
    ///
    /// # Panics
    /// If the factor is not exact on `day`, which is refused where a lease is read or amended.
    pub fn factor_on(&self, start: Day, day: Day) -> Ratio {
        let steps = self.steps(start, day).expect("a signed escalation stays exact");
        steps.last().map_or(Ratio::ONE, |(_, factor)| *factor)
    }

    /// The anniversaries on or before `through` at which the factor changes, each with the new
    /// one. The factor is 1 before the first.
    ///
    /// # Errors
    /// The first anniversary on which the factor leaves its bounds.
    pub(crate) fn steps(&self, start: Day, through: Day) -> Result<Vec<(Day, Ratio)>, Day> {
        let mut steps: Vec<(Day, Ratio)> = Vec::new();
        let mut factor = Ratio::ONE;
        for day in self.anniversaries(start).take_while(|day| *day <= through) {
            let next = self.growth.after(factor, day).filter(in_bounds).ok_or(day)?;
            if next != factor {
                steps.push((day, next));
            }
            factor = next;
        }
        Ok(steps)
    }

    /// Each is counted from the first day, never from the one before: a year of months from
    /// 31 January ends on the last days of its months.
    fn anniversaries(&self, start: Day) -> impl Iterator<Item = Day> {
        let first = self.from.unwrap_or(start);
        let every = i64::from(self.every_months);
        let day = move |count: i64| first.checked_add((count * every).months()).ok();
        (1..).map_while(day)
    }
}

impl Growth {
    /// The factor that follows on `factor` on the anniversary `day`; none where it has too many
    /// digits.
    fn after(&self, factor: Ratio, day: Day) -> Option<Ratio> {
        match self {
            Self::Percent(percent) => factor.checked_times(Ratio::ONE.plus(*percent)),
            Self::Index(index) => index.after(factor, day),
        }
    }
}

impl Index {
    fn after(&self, factor: Ratio, day: Day) -> Option<Ratio> {
        let latest = self.entries.iter().rev().find(|entry| entry.publish <= day);
        let published = latest.map_or(Ratio::ONE, |entry| entry.value.over(self.base));
        match self.cap {
            None => Some(published),
            Some(cap) => factor.checked_times(Ratio::ONE.plus(cap)).map(|most| published.min(most)),
        }
    }
}

impl Terms {
    /// The factor on the fixed fee on `day`, as far as this version says.
    pub fn escalation_on(&self, day: Day) -> Ratio {
        let escalator = self.fee.escalator.as_ref().filter(|escalator| escalator.applies_to.fixed);
        escalator.map_or(Ratio::ONE, |escalator| escalator.factor_on(self.start, day))
    }

    /// The price of `usage` on `day`, as far as this version says: in currency units per kWh or
    /// GPU-hour. Where usage escalates, rounded half to even to nine digits after the point, which
    /// is as fine as prices are signed.
    pub fn price_on(&self, usage: &UsageFee, day: Day) -> Ratio {
        let escalator = self.fee.escalator.as_ref().filter(|escalator| escalator.applies_to.usage);
        escalator.map_or(usage.price, |escalator| {
            let price = escalated_price(usage.price, escalator.factor_on(self.start, day));
            price.expect("a signed escalation stays exact")
        })
    }

    /// The steps of the factor on the fixed fee over the term; 1 before the first.
    fn fixed_steps(&self) -> Result<Vec<(Day, Ratio)>, Day> {
        let escalator = self.fee.escalator.as_ref().filter(|escalator| escalator.applies_to.fixed);
        escalator.map_or(Ok(Vec::new()), |escalator| escalator.steps(self.start, self.end))
    }

    /// The first day from which on a price cannot be computed, or is more than may be signed.
    fn first_inexact_price(&self) -> Option<Day> {
        let escalator =
            self.fee.escalator.as_ref().filter(|escalator| escalator.applies_to.usage)?;
        let steps = match escalator.steps(self.start, self.end) {
            Ok(steps) => steps,
            Err(day) => return Some(day),
        };
        let fits = |price, factor| {
            escalated_price(price, factor).is_some_and(|escalated| escalated <= PRICE_MAX)
        };
        let all_fit = |factor| self.fee.usage.iter().all(|usage| fits(usage.price, factor));
        steps.into_iter().find(|(_, factor)| !all_fit(*factor)).map(|(day, _)| day)
    }
}

impl Lease {
    /// The price of `usage` on `day` under the version that governs it; see [`Terms::price_on`].
    pub fn price_on(&self, usage: &UsageFee, day: Day) -> Ratio {
        self.governing(day).price_on(usage, day)
    }

    /// The steps of the fee factor, cut where the escalation changes.
    pub(crate) fn priced_grants(&self) -> Vec<PricedGrant> {
        self.try_priced_grants().expect("a signed escalation stays exact")
    }

    /// The first day from which on the fixed fees of a month cannot be added up in 128 bits.
    ///
    /// A month is the sum of fixed fee × fee factor × escalation × days over days of the month.
    /// Its numerator is at most the largest of the full fees times the least common denominator.
    pub(crate) fn first_inexact_day(&self) -> Option<Day> {
        if let Some(day) = self.versions.iter().find_map(Terms::first_inexact_price) {
            return Some(day);
        }
        let priced = match self.try_priced_grants() {
            Ok(priced) => priced,
            Err(day) => return Some(day),
        };
        let mut reach = MonthReach::default();
        priced.iter().find(|priced| !reach.holds(self, priced)).map(|priced| priced.grant.from)
    }

    fn try_priced_grants(&self) -> Result<Vec<PricedGrant>, Day> {
        let steps: Vec<Vec<(Day, Ratio)>> =
            self.versions.iter().map(Terms::fixed_steps).collect::<Result<_, _>>()?;
        let priced = |grant: Grant| cut(grant, &steps[grant.version as usize - 1]);
        Ok(self.fee_steps().into_iter().flat_map(priced).collect())
    }
}

/// `grant` cut at the `steps` of the escalation.
fn cut(grant: Grant, steps: &[(Day, Ratio)]) -> Vec<PricedGrant> {
    let begun = steps.partition_point(|(day, _)| *day <= grant.from);
    let factor = begun.checked_sub(1).map_or(Ratio::ONE, |last| steps[last].1);
    let mut priced = vec![PricedGrant { grant, escalation: factor }];
    for (day, escalation) in steps[begun..].iter().take_while(|(day, _)| *day <= grant.until) {
        let last = &mut priced.last_mut().expect("one was put in").grant;
        last.until = day.yesterday().expect("after the first day of the grant");
        let grant = Grant { from: *day, ..grant };
        priced.push(PricedGrant { grant, escalation: *escalation });
    }
    priced
}

/// Whether a factor and what follows from it can be computed.
fn in_bounds(factor: &Ratio) -> bool {
    factor.floor() < FACTOR_MAX && factor.numerator().max(factor.denominator()) <= PART_MAX
}

/// What the numbers of the month at hand may grow to.
#[derive(Default)]
struct MonthReach {
    month: Option<Month>,
    denominator: i128,
    most: i128,
}

impl MonthReach {
    /// Whether all months of `priced`, which follows on what was asked before, can be added up.
    fn holds(&mut self, lease: &Lease, priced: &PricedGrant) -> bool {
        let PricedGrant { grant, escalation } = priced;
        let fixed = lease.versions[grant.version as usize - 1].fee.fixed.exact();
        let Some(full) = fixed.times(grant.fee).checked_times(*escalation) else { return false };
        // Its first month it may share with what came before, its last one with what follows.
        [grant.from, grant.until].iter().all(|day| self.admits(Month::of(*day), full))
    }

    fn admits(&mut self, month: Month, full: Ratio) -> bool {
        if self.month != Some(month) {
            *self = Self { month: Some(month), denominator: 1, most: 1 };
        }
        self.most = self.most.max(full.floor().saturating_add(1));
        let Some(denominator) = common_multiple(self.denominator, full.denominator()) else {
            return false;
        };
        self.denominator = denominator;
        // A quarter of the numbers is left for a month that is counted in two ways.
        let stretched = denominator.checked_mul(4 * MONTH_SPLIT_MAX);
        stretched.and_then(|stretched| stretched.checked_mul(self.most)).is_some()
    }
}

fn common_multiple(a: i128, b: i128) -> Option<i128> {
    // Reduced, `a / b` has what is left of `b` below the line.
    a.checked_mul(Ratio::new(a, b).denominator())
}

/// A price times a factor, rounded half to even as fine as prices are signed; none if the numbers
/// do not suffice.
fn escalated_price(price: Ratio, factor: Ratio) -> Option<Ratio> {
    let scale = 10_i128.pow(PRICE_DIGITS);
    let units = price.times(Ratio::whole(scale)).checked_times(factor)?;
    Some(Ratio::new(units.round_half_even(), scale))
}
