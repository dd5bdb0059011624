//! Jobs drawn by seed: arrivals as a Poisson process with a daily and a weekly shape, sizes and run
//! times from a profile.

use leasehold_units::{Day, Instant, Zone};

use super::profiles::Profile;
use super::{Manners, WorkloadError, WorkloadJob};
use crate::random::{Random, precise};

/// What is drawn.
#[derive(Debug, Clone)]
pub struct SyntheticPlan {
    /// From where.
    pub profile: &'static Profile,
    /// Jobs on an average day, at least 1.
    pub jobs_per_day: u32,
    /// Run times in percent of the profile's.
    pub run_percent: u32,
    /// No gang is larger; larger ones are drawn again.
    pub gpus_max: u32,
    /// How they behave.
    pub manners: Manners,
    /// First and last instant of submission, the last excluded.
    pub from: Instant,
    /// See `from`.
    pub until: Instant,
    /// The zone of the daily and weekly shape.
    pub zone: Zone,
}

/// The jobs of a [`SyntheticPlan`].
#[derive(Debug, Clone)]
pub struct Synthetic {
    plan: SyntheticPlan,
    random: Random,
    now: Instant,
    number: u64,
    today: Today,
    /// Mean gap at the busiest hour.
    gap_seconds: f64,
    busiest: u64,
}

/// The day that the clock is in.
#[derive(Debug, Clone, Copy)]
struct Today {
    day: Day,
    from: Instant,
    until: Instant,
}

impl Today {
    fn of(zone: &Zone, at: Instant) -> Self {
        let day = zone.day_of(at);
        let next = day.tomorrow().expect("a workload ends before the calendar does");
        Self { day, from: zone.start_of(day), until: zone.start_of(next) }
    }
}

impl Synthetic {
    /// The jobs of `plan`, from stream number `stream` of `seed`.
    pub fn new(plan: SyntheticPlan, seed: u64, stream: u64) -> Self {
        let sum = |weights: &[u32]| weights.iter().map(|weight| u64::from(*weight)).sum::<u64>();
        let most = |weights: &[u32]| u64::from(weights.iter().copied().max().unwrap_or(1));
        let profile = plan.profile;
        let busiest = most(&profile.hours) * most(&profile.weekdays);
        let mean = precise(sum(&profile.hours) * sum(&profile.weekdays)) / (24.0 * 7.0);
        let even_gap = 86_400.0 / f64::from(plan.jobs_per_day.max(1));
        Self {
            random: Random::new(seed, stream),
            now: plan.from,
            number: 0,
            today: Today::of(&plan.zone, plan.from),
            gap_seconds: even_gap * mean / precise(busiest),
            busiest,
            plan,
        }
    }

    /// The next submission: candidates at the rate of the busiest hour, kept in proportion to the
    /// weight of their own (Lewis and Shedler's thinning, 1979).
    fn next_submission(&mut self) -> Option<Instant> {
        loop {
            self.now = self.now.after(self.random.gap(self.gap_seconds));
            if self.now >= self.plan.until {
                return None;
            }
            if self.now >= self.today.until {
                self.today = Today::of(&self.plan.zone, self.now);
            }
            let hour = (self.now.since(self.today.from).get() / 3600).min(23);
            let hour = usize::try_from(hour).expect("an hour of a day");
            let weekday = self.today.day.weekday().to_monday_zero_offset();
            let weekday = usize::from(weekday.unsigned_abs());
            let profile = self.plan.profile;
            let weight = u64::from(profile.hours[hour]) * u64::from(profile.weekdays[weekday]);
            if self.random.below(self.busiest) < weight {
                return Some(self.now);
            }
        }
    }

    fn draw_size(&mut self) -> u32 {
        let profile = self.plan.profile;
        for _ in 0..64 {
            let size = profile.size_at(self.random.below(profile.size_weights()));
            if size <= self.plan.gpus_max {
                return size;
            }
        }
        self.plan.gpus_max
    }
}

impl Iterator for Synthetic {
    type Item = Result<WorkloadJob, WorkloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let submit = self.next_submission()?;
        let gpus = self.draw_size();
        let run = self.plan.profile.run_at(self.random.below(1_000_000));
        let run = run * u64::from(self.plan.run_percent) / 100;
        let run_seconds = u32::try_from(run).unwrap_or(u32::MAX).max(1);
        let manners = self.plan.manners;
        let (vacate_seconds, vacate_actual_seconds) = manners.job(&mut self.random);
        self.number += 1;
        Some(Ok(WorkloadJob {
            number: self.number,
            submit,
            gpus,
            run_seconds,
            request_seconds: manners.request(run_seconds),
            vacate_seconds,
            vacate_actual_seconds,
            checkpoint_seconds: manners.checkpoint_seconds,
            skus: manners.skus,
        }))
    }
}
