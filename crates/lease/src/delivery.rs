//! What a late delivery does to a lease: when a step is due, how long its grace is, what short days
//! take off the fixed fee, and when the lease ends over it.
//!
//! Says nothing about why or whether something is late; that is what whoever asks knows.

use jiff::ToSpan;
use leasehold_units::{Day, Gpus, Money, Month, Ratio};
use serde::{Deserialize, Serialize};

use crate::{Delivery, FeePeriod, Lease, Remedy, Terms};

/// Days on which less was delivered than was granted, the grace being over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortDays {
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub until: Day,
    /// GPUs granted; above zero.
    pub granted: Gpus,
    /// The least that was delivered on each of the days; less than was granted.
    pub delivered: Gpus,
}

/// Why a tenant cannot elect to terminate over a late delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElectionRefusal {
    /// The terms leave the tenant no choice.
    #[error("election-agreed: the terms of {lease} do not let its tenant elect to terminate")]
    NotAgreed {
        /// The lease.
        lease: String,
    },
    /// All that is granted is delivered.
    #[error("election-while-short: {lease} has all that it is granted")]
    NothingShort {
        /// The lease.
        lease: String,
    },
    /// The grace runs.
    #[error(
        "election-after-grace: {lease} is in its grace through {grace_until}; its tenant may elect from the day after on"
    )]
    InGrace {
        /// The lease.
        lease: String,
        /// Last day of the grace.
        grace_until: Day,
    },
}

impl ShortDays {
    /// What is missing of what is granted, 0 to 1.
    pub fn missing(&self) -> Ratio {
        let count = |gpus: Gpus| i128::from(gpus.get());
        Ratio::new(count(self.granted) - count(self.delivered), count(self.granted))
    }
}

impl Remedy {
    /// Its word in files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ProRata => "pro-rata",
            Self::Terminate => "terminate",
            Self::TenantElects => "tenant-elects",
        }
    }
}

impl Delivery {
    /// The last day of the grace of what is due on `due`.
    pub fn grace_until(&self, due: Day) -> Day {
        due.saturating_add(i64::from(self.grace_days).days())
    }
}

impl Terms {
    /// The day on which a step that starts on `from` is due: its own first day; for the full amount
    /// the agreed day, if that is later. None without a `[delivery]`.
    pub fn due_day(&self, from: Day) -> Option<Day> {
        let delivery = self.delivery.as_ref()?;
        let full = self.capacity.ramp.last().is_none_or(|last| last.from <= from);
        Some(if full { from.max(delivery.due) } else { from })
    }
}

impl Lease {
    /// What `short` takes off the fixed fees for the days from `from` to `until`, both included: zero
    /// or less. Cumulative inside a month like the fees themselves, so that touching ranges add up.
    pub fn shortfall_between(&self, short: &[ShortDays], from: Day, until: Day) -> Money {
        let zero = Money::zero(self.latest().fee.fixed.currency());
        if until < from {
            return zero;
        }
        let before = from.yesterday().map(|eve| self.shortfall_through(short, eve));
        self.shortfall_through(short, until).minus(before.unwrap_or(zero))
    }

    fn shortfall_through(&self, short: &[ShortDays], day: Day) -> Money {
        let periods = self.periods_through(day.min(self.last_day()));
        let month = |period: &FeePeriod| Month::of(period.start);
        let months = periods.chunk_by(|one, next| month(one) == month(next));
        months.fold(Money::zero(self.latest().fee.fixed.currency()), |sum, periods| {
            let terms = |period: &FeePeriod| &self.versions[period.version as usize - 1];
            let of_month: Vec<_> = periods.iter().map(|period| (period, terms(period))).collect();
            sum.plus(taken_off(&of_month, short))
        })
    }
}

/// What `short` takes off the fixed fee of one month, zero or less: the fee of each short day counts
/// at delivered over granted. What is left of the month is rounded once, half to even; the result is
/// that less what the month costs in full.
pub fn taken_off(month: &[(&FeePeriod, &Terms)], short: &[ShortDays]) -> Money {
    let currency = month[0].1.fee.fixed.currency();
    let exact = |sum: Ratio, (period, terms): &(&FeePeriod, &Terms)| {
        let missing = short.iter().map(|days| fee_of(period, terms, days).times(days.missing()));
        let missing = missing.fold(Ratio::ZERO, Ratio::plus);
        sum.plus(period.exact(terms)).minus(missing)
    };
    let left = month.iter().fold(Ratio::ZERO, exact);
    let billed =
        month.iter().fold(Money::zero(currency), |sum, (period, _)| sum.plus(period.amount));
    Money::rounded_half_even(left, currency).minus(billed)
}

/// What those of `days` that lie in `period` cost in full, exactly, in minor units.
pub fn fee_of(period: &FeePeriod, terms: &Terms, days: &ShortDays) -> Ratio {
    let (start, end) = (period.start.max(days.from), period.end.min(days.until));
    if end < start || period.days == 0 {
        return Ratio::ZERO;
    }
    let counted = terms.fee.proration.days(start, end);
    period.exact(terms).times(Ratio::new(i128::from(counted), i128::from(period.days)))
}
