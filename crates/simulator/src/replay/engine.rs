//! The clock of a replay: instants at which something completes, arrives or was promised a start.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use super::conservative::Conservative;
use super::easy::Easy;
use super::fcfs::Fcfs;
use super::{Policy, ReplayError, Started};
use crate::trace::swf::SwfJob;

/// A job in the hands of a policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// Its index in order of arrival.
    pub handle: u32,
    pub size: u32,
    /// Seconds requested; it runs no longer.
    pub request: i64,
}

/// What decides who starts.
pub(super) trait Discipline {
    /// A job came in.
    fn arrive(&mut self, job: Waiting, now: i64);

    /// A job ended that was estimated to end at `estimated_end`, `now` or later.
    fn complete(&mut self, estimated_end: i64, size: u32, now: i64);

    /// All completions of this instant are in, its arrivals are not.
    fn completed(&mut self, _now: i64) {}

    /// The next job to start, which the policy takes out of its queue.
    fn next(&mut self, now: i64, free: u32) -> Option<Waiting>;

    /// The next instant at which a start was promised, even if nothing else happens.
    fn promised(&mut self) -> Option<i64> {
        None
    }
}

/// Replays `jobs`, which come in order of submission, on `nodes` processors. The answer is in order
/// of job id and takes 32 bytes a job.
///
/// # Errors
/// If the trace cannot be read, or names a job that this cluster can never run.
pub fn replay<E: std::error::Error + 'static>(
    jobs: impl IntoIterator<Item = Result<SwfJob, E>>,
    nodes: u32,
    policy: Policy,
) -> Result<Vec<Started>, ReplayError<E>> {
    match policy {
        Policy::Fcfs => Cluster::new(nodes, Fcfs::default()).run(jobs),
        Policy::Easy => Cluster::new(nodes, Easy::default()).run(jobs),
        Policy::Conservative => Cluster::new(nodes, Conservative::new(nodes)).run(jobs),
    }
}

/// A running job; the first to end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Running {
    end: i64,
    estimated_end: i64,
    size: u32,
}

struct Cluster<D> {
    nodes: u32,
    free: u32,
    running: BinaryHeap<Reverse<Running>>,
    policy: D,
    /// Every job that arrived. Until a job starts, its end is its run time.
    jobs: Vec<Started>,
    /// The arrivals of one instant, kept to save the allocation.
    arriving: Vec<SwfJob>,
}

impl<D: Discipline> Cluster<D> {
    fn new(nodes: u32, policy: D) -> Self {
        let (running, jobs, arriving) = (BinaryHeap::new(), Vec::new(), Vec::new());
        Self { nodes, free: nodes, running, policy, jobs, arriving }
    }

    fn run<E: std::error::Error + 'static>(
        mut self,
        jobs: impl IntoIterator<Item = Result<SwfJob, E>>,
    ) -> Result<Vec<Started>, ReplayError<E>> {
        let mut trace = jobs.into_iter().peekable();
        self.jobs.reserve(trace.size_hint().0);
        while let Some(now) = self.next_instant(&mut trace) {
            self.complete(now);
            self.arrive(now, &mut trace)?;
            while let Some(job) = self.policy.next(now, self.free) {
                self.start(job, now);
            }
        }
        self.finish()
    }

    /// When something happens next. A trace that fails is looked into at once.
    fn next_instant<E>(
        &mut self,
        trace: &mut Peekable<impl Iterator<Item = Result<SwfJob, E>>>,
    ) -> Option<i64> {
        let arrival = trace.peek().map(|job| job.as_ref().map_or(i64::MIN, |job| job.submit));
        let completion = self.running.peek().map(|running| running.0.end);
        let promise = self.policy.promised();
        [arrival, completion, promise].into_iter().flatten().min()
    }

    fn complete(&mut self, now: i64) {
        while let Some(&Reverse(running)) = self.running.peek()
            && running.end == now
        {
            self.running.pop();
            self.free += running.size;
            self.policy.complete(running.estimated_end, running.size, now);
        }
        self.policy.completed(now);
    }

    fn arrive<E: std::error::Error + 'static>(
        &mut self,
        now: i64,
        trace: &mut Peekable<impl Iterator<Item = Result<SwfJob, E>>>,
    ) -> Result<(), ReplayError<E>> {
        let due = |job: &Result<SwfJob, E>| job.as_ref().map_or(true, |job| job.submit <= now);
        while let Some(job) = trace.next_if(due) {
            let job = job.map_err(ReplayError::Trace)?;
            self.check(&job, now)?;
            self.arriving.push(job);
        }
        if self.arriving.len() > 1 {
            self.arriving.sort_by_key(|job| job.id);
        }
        for job in self.arriving.drain(..) {
            let handle = u32::try_from(self.jobs.len()).expect("so many jobs fill 128 GiB");
            let SwfJob { id: job_id, submit, run, .. } = job;
            self.jobs.push(Started { job_id, submit, start: submit, end: run });
            let waiting = Waiting { handle, size: job.processors, request: job.requested };
            self.policy.arrive(waiting, now);
        }
        Ok(())
    }

    fn check<E: std::error::Error>(&self, job: &SwfJob, now: i64) -> Result<(), ReplayError<E>> {
        let &SwfJob { id: job_id, line, processors, submit, run, requested } = job;
        if submit < now {
            return Err(ReplayError::OutOfOrder { job_id, line, submit, after: now });
        }
        if processors == 0 || run <= 0 || requested < run {
            return Err(ReplayError::NoWork { job_id, line });
        }
        if processors > self.nodes {
            return Err(ReplayError::TooLarge { job_id, line, processors, nodes: self.nodes });
        }
        Ok(())
    }

    fn start(&mut self, waiting: Waiting, now: i64) {
        let Waiting { handle, size, request } = waiting;
        let job = &mut self.jobs[handle as usize];
        job.start = now;
        job.end += now;
        self.free -= size;
        self.running.push(Reverse(Running { end: job.end, estimated_end: now + request, size }));
    }

    fn finish<E: std::error::Error + 'static>(mut self) -> Result<Vec<Started>, ReplayError<E>> {
        assert!(self.free == self.nodes, "all that started has ended");
        if !self.jobs.is_sorted_by_key(|job| job.job_id) {
            self.jobs.sort_by_key(|job| job.job_id);
        }
        match self.jobs.windows(2).find(|pair| pair[0].job_id == pair[1].job_id) {
            Some(pair) => Err(ReplayError::Duplicate { job_id: pair[0].job_id }),
            None => Ok(self.jobs),
        }
    }
}
