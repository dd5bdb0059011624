//! What a lease costs: its fixed fee, month by month, exact to the minor unit.
//!
//! Inside a month each line is the rounded running total less what was billed before, so that the
//! lines of a month add up to the month rounded once.

use leasehold_units::{Day, Money, Month, Ratio};

use crate::escalation::PricedGrant;
use crate::{Lease, Proration, Terms};

/// One calendar month's share of service at one fee factor and one escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeePeriod {
    /// First day of service.
    pub start: Day,
    /// Last day of service, included, in the same month.
    pub end: Day,
    /// Days that are owed, as the lease's proration counts them.
    pub days: u32,
    /// Days of the whole month, as the lease's proration counts them.
    pub days_in_month: u32,
    /// Share of the fixed fee, 0 to 1.
    pub fee: Ratio,
    /// The factor by which the escalator has multiplied the fixed fee; 1 without one.
    pub escalation: Ratio,
    /// What is owed: the month's rounded running total less its earlier periods.
    pub amount: Money,
    /// The version of the terms that says so.
    pub version: u32,
}

impl FeePeriod {
    /// What it costs, exactly, in minor units; `terms` are those of its version.
    pub fn exact(&self, terms: &Terms) -> Ratio {
        let days = Ratio::new(i128::from(self.days), i128::from(self.days_in_month));
        terms.fee.fixed.exact().times(self.fee).times(self.escalation).times(days)
    }
}

impl Proration {
    /// Days from `start` to `end`, both included and in one month, as it counts them.
    pub fn days(self, start: Day, end: Day) -> u32 {
        count_days(self, start, end).0
    }
}

impl Lease {
    /// The fee schedule from the first to the last day of service.
    pub fn fee_periods(&self) -> Vec<FeePeriod> {
        self.periods_through(self.last_day())
    }

    /// Fixed fees for the days of service from `from` to `until`, both included; none where `until`
    /// is the earlier. What a day inside a month costs is the difference of the month's rounded running totals, so that sums over
    /// touching ranges add up to the sum over both.
    pub fn fixed_between(&self, from: Day, until: Day) -> Money {
        let zero = Money::zero(self.latest().fee.fixed.currency());
        if until < from {
            return zero;
        }
        let before = from.yesterday().map(|eve| self.fixed_through(eve));
        self.fixed_through(until).minus(before.unwrap_or(zero))
    }

    /// Days from `start` to `end`, both included and in one month, as the proration of `version`
    /// counts them.
    pub fn days_counted(&self, version: u32, start: Day, end: Day) -> u32 {
        count_days(self.versions[version as usize - 1].fee.proration, start, end).0
    }

    /// The fixed fee of a whole month at what holds on `day`.
    pub fn monthly_fee_on(&self, day: Day) -> Money {
        let fixed = self.governing(day).fee.fixed;
        let holds = |priced: &PricedGrant| priced.grant.from <= day && day <= priced.grant.until;
        let full =
            |priced: PricedGrant| fixed.exact().times(priced.grant.fee).times(priced.escalation);
        let exact = self.priced_grants().into_iter().find(holds).map_or(Ratio::ZERO, full);
        Money::rounded_half_even(exact, fixed.currency())
    }

    fn fixed_through(&self, day: Day) -> Money {
        let zero = Money::zero(self.latest().fee.fixed.currency());
        let periods = self.periods_through(day.min(self.last_day()));
        periods.iter().fold(zero, |sum, period| sum.plus(period.amount))
    }

    /// The fee schedule as if service ended with `last`.
    pub(crate) fn periods_through(&self, last: Day) -> Vec<FeePeriod> {
        let mut periods: Vec<FeePeriod> = Vec::new();
        let mut running = Running::default();
        for priced in self.priced_grants() {
            let until = priced.grant.until.min(last);
            let mut start = priced.grant.from;
            while start <= until {
                let end = Month::of(start).last_day().min(until);
                periods.push(running.bill(self, &priced, start, end));
                start = end.tomorrow().expect("a term ends before the calendar does");
            }
        }
        periods
    }
}

/// What one month came to so far.
#[derive(Default)]
struct Running {
    month: Option<Month>,
    exact: Option<Ratio>,
    billed: Option<Money>,
}

impl Running {
    fn bill(&mut self, lease: &Lease, priced: &PricedGrant, start: Day, end: Day) -> FeePeriod {
        let PricedGrant { grant, escalation } = *priced;
        let version = grant.version as usize - 1;
        let fee = &lease.versions[version].fee;
        let currency = fee.fixed.currency();
        if self.month != Some(Month::of(start)) {
            *self = Self { month: Some(Month::of(start)), exact: None, billed: None };
        }
        let (days, days_in_month) = count_days(fee.proration, start, end);
        let share = Ratio::new(i128::from(days), i128::from(days_in_month));
        let exact = fee.fixed.exact().times(grant.fee).times(escalation).times(share);
        let exact = self.exact.unwrap_or(Ratio::ZERO).plus(exact);
        let total = Money::rounded_half_even(exact, currency);
        let amount = total.minus(self.billed.unwrap_or(Money::zero(currency)));
        (self.exact, self.billed) = (Some(exact), Some(total));
        FeePeriod {
            start,
            end,
            days,
            days_in_month,
            fee: grant.fee,
            escalation,
            amount,
            version: grant.version,
        }
    }
}

/// Days from `start` to `end`, both included and in one month, and days of that month.
///
/// `actual`: as the calendar has them. `30/360`: every month has 30; the 31st counts as the 30th,
/// and the last day of February closes it. A piece has the difference of two such day numbers, so
/// that pieces of a month add up to 30.
fn count_days(proration: Proration, start: Day, end: Day) -> (u32, u32) {
    let month = Month::of(start);
    let number = |day: Day| match proration {
        Proration::Actual => i64::from(day.day()),
        Proration::Thirty360 if day == month.last_day() => 30,
        Proration::Thirty360 => i64::from(day.day()).min(30),
    };
    let before = if start == month.first_day() {
        0
    } else {
        number(start.yesterday().expect("not the first day of a month"))
    };
    let in_month = match proration {
        Proration::Actual => month.days(),
        Proration::Thirty360 => 30,
    };
    let count = |days: i64| u32::try_from(days).expect("days of a month");
    (count(number(end) - before), count(in_month))
}
