//! The instants at which the civil months of one zone begin.

use leasehold_units::{Instant, Interval, Month, Zone};

/// Consecutive months of a zone, computed once so that metering never asks the zone database.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    zone: Zone,
    /// Month number 0.
    first: Month,
    /// Start of each month known so far, and one more: the end of the last.
    starts: Vec<Instant>,
    /// The month that the last entry of `starts` begins.
    next: Month,
}

impl Calendar {
    /// The calendar whose month 0 is the one that `from` lies in.
    pub fn starting(zone: &Zone, from: Instant) -> Self {
        let first = Month::of(zone.day_of(from));
        let next = first.next();
        let starts = vec![zone.start_of(first.first_day()), zone.start_of(next.first_day())];
        Self { zone: zone.clone(), first, starts, next }
    }

    /// Learns the months up to and including the one that `at` lies in.
    pub fn reach(&mut self, at: Instant) {
        while self.starts.last().is_some_and(|end| *end <= at) {
            self.next = self.next.next();
            self.starts.push(self.zone.start_of(self.next.first_day()));
        }
    }

    /// Number of the month that `at` lies in; it must have been reached.
    pub fn number_at(&self, at: Instant) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// Months known.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// First instant after month `number`.
    pub fn end_of(&self, number: usize) -> Instant {
        self.starts[number + 1]
    }

    /// Number of `month`, if it is known.
    pub fn number_of(&self, month: Month) -> Option<usize> {
        let count = |month: Month| i64::from(month.year) * 12 + i64::from(month.month);
        let number = usize::try_from(count(month) - count(self.first)).ok()?;
        (number < self.count()).then_some(number)
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
