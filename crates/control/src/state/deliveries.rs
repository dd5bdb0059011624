//! What was delivered of what leases grant, as it was recorded.

use leasehold_allocator::{DeliveryStep, Shortfall, remedied, shortfalls};
use leasehold_lease::ShortDays;
use leasehold_units::{Day, Gpus, Instant};
use serde::{Deserialize, Serialize};

use super::LeaseEntry;

/// What was delivered of what one lease grants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// From each instant on, in order; nothing as long as all was delivered.
    pub steps: Vec<DeliveryStep>,
    /// The times that it was short, in order.
    pub times: Vec<ShortTime>,
}

/// A time during which less was delivered than was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortTime {
    /// When it began.
    pub opened: Instant,
    /// When the grace was over.
    pub lapsed: Option<Instant>,
    /// When it was over.
    pub closed: Option<Instant>,
    /// Whether all was delivered then; else nothing was granted any more.
    pub delivered: bool,
}

impl DeliveryRecord {
    /// The time during which it is short now, if it is.
    pub fn open(&self) -> Option<&ShortTime> {
        self.times.last().filter(|time| time.closed.is_none())
    }

    /// GPUs that are granted and not delivered now.
    pub fn missing(&self) -> Gpus {
        let last = self.steps.last();
        last.map_or(Gpus::ZERO, |step| step.granted.minus(step.delivered))
    }

    pub(super) fn change(&mut self, step: DeliveryStep) {
        let (was_short, is_short) = (self.open().is_some(), step.is_short());
        self.steps.push(step);
        if is_short && !was_short {
            let opened = step.from;
            self.times.push(ShortTime { opened, lapsed: None, closed: None, delivered: false });
        }
        if let Some(time) = self.times.last_mut().filter(|_| was_short && !is_short) {
            (time.closed, time.delivered) = (Some(step.from), step.granted > Gpus::ZERO);
        }
    }

    pub(super) fn lapse(&mut self, at: Instant) {
        self.times.last_mut().expect("a grace lapses while something is short").lapsed = Some(at);
    }
}

impl LeaseEntry {
    /// The days on which less was delivered than was granted; the last step recorded is taken to go on.
    pub fn shortfalls(&self) -> Vec<Shortfall> {
        shortfalls(&self.lease, &self.plan, &self.delivery.steps)
    }

    /// What is short on `day`.
    pub fn shortfall_on(&self, day: Day) -> Option<Shortfall> {
        self.shortfalls()
            .into_iter()
            .find(|short| short.days.from <= day && day <= short.days.until)
    }

    /// The days on which the fixed fee follows what was delivered.
    pub fn short_days(&self) -> Vec<ShortDays> {
        remedied(&self.lease, &self.shortfalls())
    }
}
