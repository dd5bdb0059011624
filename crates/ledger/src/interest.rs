//! Interest on what is paid late.

use jiff::ToSpan;
use leasehold_units::{Day, Money, Ratio};

/// At what rate late money bears interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRate {
    /// A share of one, for a year: 8 % is 8/100.
    pub yearly: Ratio,
    /// How a year is counted.
    pub day_count: DayCount,
    /// Days after the due day that bear none.
    pub grace_days: u32,
}

/// How days become parts of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DayCount {
    /// Days over 365, in leap years too.
    Actual365,
    /// Days over 360.
    Actual360,
    /// Days over the days of the calendar year that each lies in.
    ActualActual,
    /// Months of 30 days over 360: the 31st bears nothing, and the last day of February bears what
    /// is missing to 30.
    Thirty360,
}

/// Days over which the same amount was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterestSpan {
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub through: Day,
    /// What was open.
    pub open: Money,
    /// Their part of a year.
    pub years: Ratio,
}

/// Interest, and how it comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateInterest {
    /// Open amount times rate times part of a year, summed over the spans and rounded half to even
    /// once.
    pub amount: Money,
    /// In order; only such with something open.
    pub spans: Vec<InterestSpan>,
}

/// The interest on an amount due on `due`, for the days after the grace from `from` to `through`,
/// both included. `history` says what was open from each day on, in order, as
/// [`crate::Receivable::open_history`] gives it. Parts that touch do not add up to the whole to the
/// minor unit, since each is rounded: whoever bills in parts bills the running total less what was
/// billed before.
pub fn late_interest(
    rate: LateRate,
    due: Day,
    history: &[(Day, Money)],
    (from, through): (Day, Day),
) -> Option<LateInterest> {
    let currency = history.first()?.1.currency();
    let first = due.saturating_add((i64::from(rate.grace_days) + 1).days()).max(from);
    let mut exact = Ratio::ZERO;
    let mut spans = Vec::new();
    for (index, (day, open)) in history.iter().enumerate() {
        let next = history.get(index + 1).and_then(|(next, _)| next.yesterday().ok());
        let (from, through) = ((*day).max(first), next.unwrap_or(through).min(through));
        if from > through || open.minor() <= 0 {
            continue;
        }
        let years = rate.day_count.years(from, through);
        exact = exact.plus(open.exact().times(rate.yearly).times(years));
        spans.push(InterestSpan { from, through, open: *open, years });
    }
    Some(LateInterest { amount: Money::rounded_half_even(exact, currency), spans })
}

impl DayCount {
    /// The part of a year from `from` to `through`, both included.
    pub fn years(self, from: Day, through: Day) -> Ratio {
        match self {
            Self::Actual365 => Ratio::new(days(from, through), 365),
            Self::Actual360 => Ratio::new(days(from, through), 360),
            Self::ActualActual => calendar_years(from, through),
            Self::Thirty360 => {
                let eve = from.yesterday().map_or(0, thirties);
                Ratio::new(thirties(through) - eve, 360)
            }
        }
    }
}

fn days(from: Day, through: Day) -> i128 {
    i128::from((through - from).get_days()) + 1
}

fn calendar_years(from: Day, through: Day) -> Ratio {
    let mut sum = Ratio::ZERO;
    let mut at = from;
    loop {
        let end = at.last_of_year().min(through);
        sum = sum.plus(Ratio::new(days(at, end), i128::from(at.days_in_year())));
        match end.tomorrow() {
            Ok(next) if next <= through => at = next,
            _ => return sum,
        }
    }
}

/// Days from the year 0 to the end of `day`, where every month has 30: the 31st adds none, and the
/// last day of February all that are missing.
fn thirties(day: Day) -> i128 {
    let months = i128::from(day.year()) * 12 + i128::from(day.month());
    let ends = day.day() == day.days_in_month();
    months * 30 + if ends { 30 } else { i128::from(day.day().min(30)) }
}
