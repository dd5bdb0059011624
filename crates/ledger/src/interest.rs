//! Interest on what is paid late.

use jiff::ToSpan;
use leasehold_lease::LateInterest;
use leasehold_units::{Day, Money, Ratio};

/// Days over which the same amount bore interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterestSpan {
    /// First day.
    pub from: Day,
    /// The day after the last.
    pub until: Day,
    /// What was open and not paid within the grace.
    pub open: Money,
    /// Their part of a year.
    pub years: Ratio,
}

/// Interest, and how it comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterestDue {
    /// Open amount times rate times part of a year, summed over the spans and rounded half to even
    /// once.
    pub amount: Money,
    /// In order; only such with something open.
    pub spans: Vec<InterestSpan>,
}

/// The interest by `until`, that day not counted, on an amount due on `due`. What is paid within the
/// grace bears none, the rest bears it from the due day on; so there is none before the grace is
/// over. `history` says what was open from each day on, in order, as
/// [`crate::Receivable::open_history`] gives it; nothing comes of none. Whoever bills again later
/// bills what is due by then less what was billed before.
pub fn late_interest(
    terms: &LateInterest,
    due: Day,
    history: &[(Day, Money)],
    until: Day,
) -> Option<InterestDue> {
    let currency = history.first()?.1.currency();
    let grace_end = due.saturating_add(i64::from(terms.grace_days).days());
    let open_on = |day: Day| {
        let known = history.iter().rev().find(|(from, _)| *from <= day);
        known.map_or(Money::zero(currency), |(_, open)| *open)
    };
    let mut edges = vec![(due, open_on(grace_end))];
    edges.extend(history.iter().filter(|(day, _)| grace_end < *day && *day < until));
    let mut exact = Ratio::ZERO;
    let mut spans = Vec::new();
    for (index, (from, open)) in edges.iter().enumerate().filter(|_| grace_end < until) {
        let end = edges.get(index + 1).map_or(until, |(next, _)| *next);
        if open.minor() <= 0 {
            continue;
        }
        let years = terms.day_count.share_of_year(*from, end);
        exact = exact.plus(open.exact().times(terms.rate).times(years));
        spans.push(InterestSpan { from: *from, until: end, open: *open, years });
    }
    Some(InterestDue { amount: Money::rounded_half_even(exact, currency), spans })
}
