//! The instants at which the civil days of one zone begin.

use std::ops::Range;

use leasehold_units::{Day, Instant, Interval, Month, Zone};
use serde::{Deserialize, Serialize};

/// Consecutive days of a zone, computed once so that metering never asks the zone database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calendar {
    zone: Zone,
    /// Day number 0.
    first: Day,
    /// Start of each day known so far, and one more: the end of the last.
    starts: Vec<Instant>,
    /// The day that the last entry of `starts` begins.
    next: Day,
}

impl Calendar {
    /// The calendar whose day 0 is the one that `from` lies in.
    pub fn starting(zone: &Zone, from: Instant) -> Self {
        let first = zone.day_of(from);
        let next = after(first);
        let starts = vec![zone.start_of(first), zone.start_of(next)];
        Self { zone: zone.clone(), first, starts, next }
    }

    /// Learns the days up to and including the one that `at` lies in.
    pub fn reach(&mut self, at: Instant) {
        while self.starts.last().is_some_and(|end| *end <= at) {
            self.next = after(self.next);
            self.starts.push(self.zone.start_of(self.next));
        }
    }

    /// Number of the day that `at` lies in; it must have been reached.
    pub fn number_at(&self, at: Instant) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// Days known.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// First instant after day `number`.
    pub fn end_of(&self, number: usize) -> Instant {
        self.starts[number + 1]
    }

    /// Numbers of the days from `start` to `end`, both included, as far as they are known.
    pub fn numbers(&self, start: Day, end: Day) -> Range<usize> {
        let number = |day: Day| usize::try_from((day - self.first).get_days()).unwrap_or(0);
        let from = number(start).min(self.count());
        let until = if end < self.first { 0 } else { number(end) + 1 };
        from..until.min(self.count()).max(from)
    }

    /// From the first instant of `month` until the first after it, whether it is known or not.
    pub fn interval_of(&self, month: Month) -> Interval {
        let start = |month: Month| self.zone.start_of(month.first_day());
        Interval::new(start(month), start(month.next()))
    }

    /// The month that `at` lies in, whether it is known or not.
    pub fn month_at(&self, at: Instant) -> Month {
        Month::of(self.zone.day_of(at))
    }
}

fn after(day: Day) -> Day {
    day.tomorrow().expect("a contract ends before the calendar does")
}
