//! Jobs of a trace, thinned or repeated, moved to where the scenario wants them.

use std::path::PathBuf;

use leasehold_units::{Instant, Seconds};

use super::{Manners, WorkloadError, WorkloadJob};
use crate::random::Random;
use crate::trace::{Jobs, TraceJob};

/// What a trace is made into.
#[derive(Debug, Clone)]
pub struct TracedPlan {
    /// The trace, to name it in errors.
    pub path: PathBuf,
    /// Copies of each job in thousandths: 500 keeps every other one at random, 2000 doubles.
    pub scale_milli: u64,
    /// When the first job is submitted.
    pub start: Instant,
    /// How they behave.
    pub manners: Manners,
}

/// The jobs of a [`TracedPlan`].
pub struct Traced {
    plan: TracedPlan,
    jobs: Jobs,
    random: Random,
    first_submit: Option<u64>,
    pending: Option<(TraceJob, u64)>,
    number: u64,
}

impl Traced {
    /// The jobs of `jobs` under `plan`, from stream number `stream` of `seed`.
    pub fn new(plan: TracedPlan, jobs: Jobs, seed: u64, stream: u64) -> Self {
        let random = Random::new(seed, stream);
        Self { plan, jobs, random, first_submit: None, pending: None, number: 0 }
    }

    /// The next job of the trace with how many copies of it are wanted.
    fn draw(&mut self) -> Option<Result<(TraceJob, u64), WorkloadError>> {
        loop {
            let job = match self.jobs.next()? {
                Ok(job) => job,
                Err(error) => {
                    let path = self.plan.path.clone();
                    return Some(Err(WorkloadError::Trace { path, error }));
                }
            };
            let (whole, part) = (self.plan.scale_milli / 1000, self.plan.scale_milli % 1000);
            let copies = whole + u64::from(self.random.below(1000) < part);
            self.first_submit.get_or_insert(job.submit_seconds);
            if copies > 0 {
                return Some(Ok((job, copies)));
            }
        }
    }

    fn place(&mut self, job: TraceJob) -> WorkloadJob {
        let manners = self.plan.manners;
        let since = job.submit_seconds - self.first_submit.unwrap_or(job.submit_seconds);
        let run_seconds = u32::try_from(job.run_seconds).unwrap_or(u32::MAX).max(1);
        let asked = job.requested_seconds.map(|asked| u32::try_from(asked).unwrap_or(u32::MAX));
        let (vacate_seconds, vacate_actual_seconds) = manners.job(&mut self.random);
        self.number += 1;
        WorkloadJob {
            number: if self.plan.scale_milli == 1000 { job.number } else { self.number },
            submit: self.plan.start.after(Seconds::new(since)),
            gpus: job.gpus,
            run_seconds,
            request_seconds: asked.unwrap_or(manners.request(run_seconds)).max(1),
            vacate_seconds,
            vacate_actual_seconds,
            checkpoint_seconds: manners.checkpoint_seconds,
            skus: manners.skus,
        }
    }
}

impl Iterator for Traced {
    type Item = Result<WorkloadJob, WorkloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (job, copies) = match self.pending.take() {
            Some(pending) => pending,
            None => match self.draw()? {
                Ok(drawn) => drawn,
                Err(error) => return Some(Err(error)),
            },
        };
        if copies > 1 {
            self.pending = Some((job, copies - 1));
        }
        Some(Ok(self.place(job)))
    }
}
