//! The meter of one lease: adds up service intervals by civil day, sku and state.
//!
//! One addition costs a few dozen instructions: days are found in a table, and energy follows from
//! the GPU-seconds only when it is read.

use std::collections::BTreeMap;

use leasehold_lease::ShortDays;
use leasehold_units::{Day, GpuSeconds, Gpus, Instant, Interval, Month, Ratio, Watts, Zone};
use serde::{Deserialize, Serialize};

use super::ServiceState;
use crate::PeriodReadings;
use crate::calendar::Calendar;

/// GPU-seconds by state.
type Row = [u128; ServiceState::ALL.len()];

/// Adds up what one lease was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseMeter {
    pue: Ratio,
    skus: Vec<SkuRating>,
    calendar: Calendar,
    /// One row for each sku of each day.
    #[serde(with = "stored_rows")]
    rows: Vec<Row>,
    /// GPUs granted from each instant on, in order.
    entitlement: Vec<(Instant, Gpus)>,
    /// GPUs out for agreed maintenance from each instant on, in order.
    excluded: Vec<(Instant, Gpus)>,
    reclaims: BTreeMap<Month, ReclaimCount>,
    curtailed_beyond: BTreeMap<Month, u64>,
    /// Days past the grace on which less was delivered than was granted, in order.
    short: Vec<ShortDays>,
    /// Use to be compared with the entitlement, where that is priced.
    over: Option<OverMeter>,
}

/// What energy is reckoned with for a kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuRating {
    /// GPUs on each node; each carries an equal part of its power.
    pub gpus_per_node: u32,
    /// IT watts of a node at work, as measured.
    pub measured: Watts,
    /// IT watts of a node without a job.
    pub idle: Watts,
}

/// GPUs in use, instant by instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OverMeter {
    /// From when on.
    from: Instant,
    /// By how much their number changes at each instant.
    steps: BTreeMap<Instant, i64>,
}

/// How a reclaim was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReclaimOutcome {
    /// The nodes were clean within the lease's bound.
    WithinBound,
    /// They were not.
    Missed,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ReclaimCount {
    requests: u64,
    missed: u64,
}

impl LeaseMeter {
    /// A meter that has read nothing, for a lease whose days are those of `zone`; what is added
    /// begins at `from` or later. `pue`: facility watts for one watt of IT.
    pub fn new(zone: &Zone, from: Instant, pue: Ratio, skus: Vec<SkuRating>) -> Self {
        Self {
            pue,
            calendar: Calendar::starting(zone, from),
            rows: vec![Row::default(); skus.len()],
            skus,
            entitlement: Vec::new(),
            excluded: Vec::new(),
            reclaims: BTreeMap::new(),
            curtailed_beyond: BTreeMap::new(),
            short: Vec::new(),
            over: None,
        }
    }

    /// Adds `gpus` GPUs of sku number `sku` that were in `state` through `interval`.
    pub fn add(&mut self, sku: usize, gpus: u64, state: ServiceState, interval: Interval) {
        self.calendar.reach(interval.until);
        self.rows.resize(self.calendar.count() * self.skus.len(), Row::default());
        let mut from = interval.from;
        let mut day = self.calendar.number_at(from);
        while from < interval.until {
            let until = self.calendar.end_of(day).min(interval.until);
            let cell = &mut self.rows[day * self.skus.len() + sku][state.index()];
            *cell += u128::from(gpus) * u128::from(until.since(from).get());
            from = until;
            day += 1;
        }
        if state == ServiceState::Used {
            self.add_use_step(gpus, interval);
        }
    }

    fn add_use_step(&mut self, gpus: u64, interval: Interval) {
        let Some(OverMeter { from, steps }) = &mut self.over else { return };
        let begun = interval.from.max(*from);
        if interval.until <= begun {
            return;
        }
        let gpus = i64::try_from(gpus).expect("GPUs of a site fit in 63 bits");
        *steps.entry(begun).or_default() += gpus;
        *steps.entry(interval.until).or_default() -= gpus;
    }

    /// Meters use beyond the entitlement from `from` on, if it did not before. It costs memory for
    /// each job, so it is asked for only once it is priced.
    pub fn meter_over(&mut self, from: Instant) {
        self.over.get_or_insert_with(|| OverMeter { from, steps: BTreeMap::new() });
    }

    /// From the first instant of `month` until the first after it.
    pub fn interval_of(&self, month: Month) -> Interval {
        self.calendar.interval_of(month)
    }

    /// Records days on which the fixed fee follows what was delivered.
    pub fn short(&mut self, days: ShortDays) {
        self.short.push(days);
    }

    /// The days on which the fixed fee follows what was delivered, as far as recorded.
    pub fn short_days(&self) -> &[ShortDays] {
        &self.short
    }

    /// Records that `gpus` are granted from `from` on.
    ///
    /// # Panics
    /// If `from` is before a step that was recorded already.
    pub fn entitle(&mut self, from: Instant, gpus: Gpus) {
        let steps = &mut self.entitlement;
        assert!(steps.last().is_none_or(|(last, _)| *last <= from), "entitlement out of order");
        steps.push((from, gpus));
    }

    /// Records that `gpus` of the holding are out for maintenance from `from` on, as the lease agrees.
    ///
    /// # Panics
    /// If `from` is before what was recorded already.
    pub fn exclude(&mut self, from: Instant, gpus: Gpus) {
        let steps = &mut self.excluded;
        assert!(steps.last().is_none_or(|(last, _)| *last <= from), "exclusion out of order");
        steps.push((from, gpus));
    }

    /// Records a reclaim that was answered at `answered`.
    pub fn reclaimed(&mut self, answered: Instant, outcome: ReclaimOutcome) {
        let count = self.reclaims.entry(self.calendar.month_at(answered)).or_default();
        count.requests += 1;
        count.missed += u64::from(outcome == ReclaimOutcome::Missed);
    }

    /// Records that `nodes` nodes were switched off at `at` beyond the depth that was agreed.
    pub fn curtailed_beyond(&mut self, at: Instant, nodes: u32) {
        *self.curtailed_beyond.entry(self.calendar.month_at(at)).or_default() += u64::from(nodes);
    }

    /// What was read in `month` before `until`. Whoever reads first adds what runs on as intervals
    /// that end then.
    pub fn readings(&self, month: Month, until: Instant) -> PeriodReadings {
        let whole = self.interval_of(month);
        let read = Interval::new(whole.from, whole.until.min(until).max(whole.from));
        let rows = self.rows_of(month.first_day(), month.last_day());
        let sum =
            |state: ServiceState| GpuSeconds::new(rows.iter().map(|row| row[state.index()]).sum());
        let entitled = GpuSeconds::new(sum_within(&self.entitlement, read));
        let used = sum(ServiceState::Used);
        let delivered = used.plus(sum(ServiceState::Idle));
        let lost = sum(ServiceState::Down).plus(sum(ServiceState::Curtailed));
        let count = self.reclaims.get(&month).copied().unwrap_or_default();
        PeriodReadings {
            entitled,
            delivered: delivered.min(entitled),
            excluded: GpuSeconds::new(sum_within(&self.excluded, read)),
            held: delivered.plus(lost),
            used,
            over: GpuSeconds::new(self.over(read)),
            energy: self.energy(rows),
            reclaim_requests: count.requests,
            reclaim_missed: count.missed,
            curtailed_beyond: self.curtailed_beyond.get(&month).copied().unwrap_or(0),
            short: self.short.clone(),
            usage: None,
        }
    }

    /// GPU-seconds used, and delivered but not used, from `start` to `end`, both included.
    pub fn used_and_idle(&self, start: Day, end: Day) -> (GpuSeconds, GpuSeconds) {
        let rows = self.rows_of(start, end);
        let sum =
            |state: ServiceState| GpuSeconds::new(rows.iter().map(|row| row[state.index()]).sum());
        (sum(ServiceState::Used), sum(ServiceState::Idle))
    }

    /// The rows from `start` to `end`, both included: by day, and in it by sku.
    fn rows_of(&self, start: Day, end: Day) -> &[Row] {
        let days = self.calendar.numbers(start, end);
        let skus = self.skus.len();
        self.rows.get(days.start * skus..days.end * skus).unwrap_or_default()
    }

    /// Facility watt-seconds that the tenant pays for: the measured draw of what it used, the idle
    /// draw of what stood ready for it. A GPU carries an equal part of its node's power. What was
    /// lent meanwhile counts as idle, since whoever borrows must not move the tenant's bill.
    fn energy(&self, rows: &[Row]) -> Ratio {
        let mut it = Ratio::ZERO;
        for day in rows.chunks(self.skus.len()) {
            for (sku, row) in self.skus.iter().zip(day) {
                let drawn = |state: ServiceState, watts: Watts| {
                    let gpu_seconds = i128::try_from(row[state.index()]);
                    gpu_seconds.expect("a site has few GPUs") * i128::from(watts.get())
                };
                let used = drawn(ServiceState::Used, sku.measured);
                let idle = drawn(ServiceState::Idle, sku.idle);
                it = it.plus(Ratio::new(used + idle, i128::from(sku.gpus_per_node)));
            }
        }
        it.times(self.pue)
    }

    /// GPU-seconds within `read` used beyond what was granted at the same instant.
    fn over(&self, read: Interval) -> u128 {
        let Some(OverMeter { steps: use_steps, .. }) = &self.over else { return 0 };
        let mut instants: Vec<Instant> = use_steps.keys().copied().collect();
        instants.extend(self.entitlement.iter().map(|(from, _)| *from));
        instants.sort_unstable();
        instants.dedup();
        let mut used = 0;
        let mut over = 0;
        for (index, at) in instants.iter().enumerate() {
            used += use_steps.get(at).copied().unwrap_or_default();
            let until = instants.get(index + 1).copied().unwrap_or(read.until.max(*at));
            let beyond = i128::from(used) - i128::from(self.granted_at(*at).get());
            let beyond = u128::try_from(beyond).unwrap_or_default();
            over += beyond * seconds_within(read, *at, until);
        }
        over
    }

    fn granted_at(&self, at: Instant) -> Gpus {
        let after = self.entitlement.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map_or(Gpus::ZERO, |index| self.entitlement[index].1)
    }
}

/// GPU-seconds of `steps` within `read`.
fn sum_within(steps: &[(Instant, Gpus)], read: Interval) -> u128 {
    let last = steps.last().map_or(read.until, |(from, _)| read.until.max(*from));
    let ends = steps.iter().skip(1).map(|(from, _)| *from).chain([last]);
    let pieces = steps.iter().zip(ends);
    pieces
        .map(|((from, gpus), until)| seconds_within(read, *from, until) * u128::from(gpus.get()))
        .sum()
}

fn seconds_within(bounds: Interval, from: Instant, until: Instant) -> u128 {
    let shared = bounds.overlap(Interval::new(from, until));
    u128::from(shared.map_or(0, |shared| shared.length().get()))
}

/// Rows as lists of GPU-seconds, which are stored as text.
mod stored_rows {
    use leasehold_units::GpuSeconds;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Row;

    pub fn serialize<S: Serializer>(rows: &[Row], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(rows.iter().map(|row| row.map(GpuSeconds::new)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Row>, D::Error> {
        let rows = Vec::<[GpuSeconds; size_of::<Row>() / size_of::<u128>()]>::deserialize(from)?;
        Ok(rows.into_iter().map(|row| row.map(GpuSeconds::get)).collect())
    }
}
