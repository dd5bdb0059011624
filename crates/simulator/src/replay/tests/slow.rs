//! Simulators that look at every second and at every job, and do what the rules say word for word.

use crate::replay::Policy;
use crate::trace::swf::SwfJob;

#[derive(Debug, Clone, Copy)]
struct Job {
    trace: SwfJob,
    start: Option<i64>,
    /// Only under conservative backfilling.
    reserved: Option<i64>,
}

impl Job {
    fn size(&self) -> u32 {
        self.trace.processors
    }

    fn runs_at(&self, second: i64) -> bool {
        self.start.is_some_and(|start| start <= second && second < start + self.trace.run)
    }

    fn waits_at(&self, second: i64) -> bool {
        self.trace.submit <= second && self.start.is_none()
    }

    /// What it takes at `second`, seen from `now`: a running job its estimate, a waiting one its
    /// reservation, one that has ended nothing.
    fn takes(&self, second: i64, now: i64) -> u32 {
        let ended = self.start.is_some() && !self.runs_at(now);
        let from = self.start.or(self.reserved);
        let takes = from.is_some_and(|from| from <= second && second < from + self.trace.requested);
        if takes && !ended { self.size() } else { 0 }
    }
}

struct Cluster {
    nodes: u32,
    /// In order of submission, then of id.
    jobs: Vec<Job>,
}

/// The start of each job of `jobs`, in order of id.
pub(super) fn starts(jobs: &[SwfJob], nodes: u32, policy: Policy) -> Vec<(u64, i64)> {
    let mut jobs: Vec<Job> =
        jobs.iter().map(|&trace| Job { trace, start: None, reserved: None }).collect();
    jobs.sort_by_key(|job| (job.trace.submit, job.trace.id));
    let mut cluster = Cluster { nodes, jobs };
    let mut now = 0;
    while cluster.jobs.iter().any(|job| job.start.is_none()) {
        match policy {
            Policy::Fcfs => cluster.start_heads(now),
            Policy::Easy => cluster.easy(now),
            Policy::Conservative => cluster.conservative(now),
        }
        now += 1;
    }
    let mut starts: Vec<_> =
        cluster.jobs.iter().map(|job| (job.trace.id, job.start.expect("all started"))).collect();
    starts.sort_unstable();
    starts
}

impl Cluster {
    fn free(&self, now: i64) -> u32 {
        let used = self.jobs.iter().filter(|job| job.runs_at(now)).map(Job::size).sum::<u32>();
        self.nodes - used
    }

    fn waiting(&self, now: i64) -> Vec<usize> {
        (0..self.jobs.len()).filter(|index| self.jobs[*index].waits_at(now)).collect()
    }

    fn start_heads(&mut self, now: i64) {
        for index in self.waiting(now) {
            if self.jobs[index].size() > self.free(now) {
                return;
            }
            self.jobs[index].start = Some(now);
        }
    }

    fn easy(&mut self, now: i64) {
        self.start_heads(now);
        let waiting = self.waiting(now);
        let Some((head, rest)) = waiting.split_first() else { return };
        let need = self.jobs[*head].size();
        let free_then = |cluster: &Self, then: i64| {
            let used = cluster.jobs.iter().map(|job| job.takes(then, now)).sum::<u32>();
            cluster.nodes - used
        };
        let shadow = (now + 1..).find(|then| free_then(self, *then) >= need);
        let shadow = shadow.expect("every job fits an idle cluster");
        let mut extra = free_then(self, shadow) - need;
        for &index in rest {
            let job = self.jobs[index].trace;
            let in_time = now + job.requested <= shadow;
            if job.processors <= self.free(now) && (in_time || job.processors <= extra) {
                self.jobs[index].start = Some(now);
                extra -= if in_time { 0 } else { job.processors };
            }
        }
    }

    fn conservative(&mut self, now: i64) {
        let ended_early = self.jobs.iter().any(|job| {
            let Job { trace: SwfJob { run, requested, .. }, start, .. } = *job;
            run < requested && start.is_some_and(|start| start + run == now)
        });
        let waiting = self.waiting(now);
        for &index in &waiting {
            let arrived = self.jobs[index].reserved.is_none();
            if ended_early || arrived {
                self.jobs[index].reserved = None;
                self.jobs[index].reserved = (now..).find(|start| self.fits(index, *start, now));
            }
        }
        for index in waiting {
            if self.jobs[index].reserved == Some(now) {
                assert!(self.jobs[index].size() <= self.free(now), "a reservation holds");
                self.jobs[index].start = Some(now);
            }
        }
    }

    fn fits(&self, index: usize, start: i64, now: i64) -> bool {
        let job = self.jobs[index].trace;
        (start..start + job.requested).all(|second| {
            let used = self.jobs.iter().map(|job| job.takes(second, now)).sum::<u32>();
            used + job.processors <= self.nodes
        })
    }
}
