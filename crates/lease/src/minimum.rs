//! The minimum commitment through time: what is the least of which stretch of service.

use jiff::ToSpan;
use leasehold_units::{Day, Money, Ratio};

use crate::{ChargeKinds, Lease, Minimum, MinimumPeriod};

/// A stretch of service and the least that is charged for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumShare {
    /// First day of service.
    pub start: Day,
    /// Last day of service, included.
    pub end: Day,
    /// Its days.
    pub days: u32,
    /// Days of the whole period that it is a part of.
    pub days_in_period: u32,
    /// The minimum of a whole period × `days` / `days_in_period`, rounded half to even.
    pub amount: Money,
    /// The charges that count towards it.
    pub counts: ChargeKinds,
    /// The version of the terms that says so.
    pub version: u32,
}

/// Consecutive versions with one minimum.
#[derive(Debug)]
struct Run {
    minimum: Minimum,
    from: Day,
    until: Day,
    /// The end of the term as the last of the versions has it.
    term_end: Day,
    version: u32,
}

impl Lease {
    /// Every stretch of service that has a minimum, in order. What is charged for it less than
    /// its amount is owed on the day after it.
    ///
    /// Periods are counted from the first day of the term. One that is cut short, by the end of
    /// service or by a version with another minimum, counts by its days.
    pub fn minimum_shares(&self) -> Vec<MinimumShare> {
        self.minimum_runs().iter().flat_map(|run| self.shares_of(run)).collect()
    }

    fn minimum_runs(&self) -> Vec<Run> {
        let mut runs: Vec<Option<Run>> = Vec::new();
        for (index, terms) in self.versions.iter().enumerate() {
            let from = if index == 0 { terms.start } else { terms.effective };
            let next =
                self.versions.get(index + 1).and_then(|next| next.effective.yesterday().ok());
            let until = next.map_or(self.last_day(), |eve| eve.min(self.last_day()));
            let same = |run: &&mut Run| Some(run.minimum) == terms.fee.minimum;
            if let Some(run) = runs.last_mut().and_then(Option::as_mut).filter(same) {
                (run.until, run.term_end, run.version) = (until, terms.end, terms.version);
                continue;
            }
            let run =
                |minimum| Run { minimum, from, until, term_end: terms.end, version: terms.version };
            runs.push(terms.fee.minimum.map(run));
        }
        runs.into_iter().flatten().collect()
    }

    fn shares_of(&self, run: &Run) -> Vec<MinimumShare> {
        let mut shares = Vec::new();
        for (first, last) in self.periods_of(run) {
            let (start, end) = (first.max(run.from), last.min(run.until));
            if start > end {
                continue;
            }
            let (days, days_in_period) = (days(start, end), days(first, last));
            let share = Ratio::new(i128::from(days), i128::from(days_in_period));
            let exact = run.minimum.amount.exact().times(share);
            shares.push(MinimumShare {
                start,
                end,
                days,
                days_in_period,
                amount: Money::rounded_half_even(exact, run.minimum.amount.currency()),
                counts: run.minimum.counts,
                version: run.version,
            });
        }
        shares
    }

    /// First and last days of the whole periods from the start of the term to the end of `run`.
    fn periods_of(&self, run: &Run) -> Vec<(Day, Day)> {
        let first = self.first_day();
        let Some(months) = run.minimum.per.months() else { return vec![(first, run.term_end)] };
        let begin = |count: i64| first.saturating_add((count * months).months());
        (0..)
            .map(|count| (begin(count), eve(begin(count + 1))))
            .take_while(|(begin, _)| *begin <= run.until)
            .collect()
    }
}

impl MinimumPeriod {
    /// Its months; none for the whole term.
    const fn months(self) -> Option<i64> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
            Self::Term => None,
        }
    }
}

/// Days from `start` to `end`, both included.
fn days(start: Day, end: Day) -> u32 {
    let days = start.until(end).map_or(0, |span| span.get_days()) + 1;
    u32::try_from(days).expect("it ends after it starts")
}

fn eve(day: Day) -> Day {
    day.yesterday().expect("a contract does not begin with the calendar")
}
