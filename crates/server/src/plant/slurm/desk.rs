//! Jobs that are submitted over the API: handed to Slurm for their party, released once what Slurm calls them is
//! durable, and cancelled where that is asked. A thread of its own does it, so that nobody waits for Slurm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Monotonic};

use leasehold_clusters::slurm::cluster::Cluster;
use leasehold_clusters::slurm::submit::BatchJob;
use leasehold_clusters::slurm::watch::JobName;
use leasehold_units::Instant;

use crate::clock::Clock;

/// What Slurm did not take for now is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// A party and its number for a job.
pub type JobKey = (String, u64);

/// What became of a submission.
#[derive(Debug)]
pub struct Answer {
    /// Which job.
    pub key: JobKey,
    /// What Slurm calls it, or why it refuses it.
    pub said: Result<JobName, String>,
    /// When that was said.
    pub at: Instant,
}

/// What is to be handed to Slurm.
#[derive(Default)]
pub struct Desk {
    inner: Mutex<Tray>,
    called: Condvar,
}

#[derive(Default)]
struct Tray {
    submit: BTreeMap<JobKey, BatchJob>,
    answers: Vec<Answer>,
    release: BTreeSet<JobName>,
    cancel: BTreeSet<JobName>,
    is_over: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Tray> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts work on the desk.
    pub fn put(
        &self,
        submit: Vec<BatchJob>,
        release: impl IntoIterator<Item = JobName>,
        cancel: impl IntoIterator<Item = JobName>,
    ) {
        let mut tray = self.lock();
        tray.submit.extend(submit.into_iter().map(|job| ((job.party.clone(), job.number), job)));
        tray.release.extend(release);
        tray.cancel.extend(cancel);
        self.called.notify_all();
    }

    /// What was answered since the last call.
    pub fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut self.lock().answers)
    }

    /// Whether something was answered.
    pub fn has_some(&self) -> bool {
        !self.lock().answers.is_empty()
    }

    /// Ends the thread.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.called.notify_all();
    }

    /// Works until the end.
    pub fn work(&self, cluster: &Cluster, wake: &dyn Fn()) {
        while let Some((submit, release, cancel)) = self.await_work() {
            let mut is_stuck = false;
            for (key, job) in submit {
                let said = match cluster.submit_held(&job) {
                    Err(error) if error.may_pass() => {
                        is_stuck = true;
                        self.lock().submit.entry(key).or_insert(job);
                        continue;
                    }
                    said => said.map_err(|error| format!("{error}; {}", error.advice())),
                };
                self.lock().answers.push(Answer { key, said, at: Clock::Wall.now() });
                wake();
            }
            let told = cluster.release(&release).and_then(|()| cluster.cancel(&cancel));
            if let Err(error) = &told {
                tracing::warn!(%error, advice = error.advice(), "cannot tell Slurm of jobs");
                self.put(Vec::new(), release, cancel);
            }
            if is_stuck || told.is_err() {
                self.rest();
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "three kinds of work, or the end")]
    fn await_work(&self) -> Option<(BTreeMap<JobKey, BatchJob>, Vec<JobName>, Vec<JobName>)> {
        let mut tray = self.lock();
        loop {
            if tray.is_over {
                return None;
            }
            let (release, cancel) =
                (std::mem::take(&mut tray.release), std::mem::take(&mut tray.cancel));
            let submit = std::mem::take(&mut tray.submit);
            if !(submit.is_empty() && release.is_empty() && cancel.is_empty()) {
                return Some((submit, release.into_iter().collect(), cancel.into_iter().collect()));
            }
            tray = self.called.wait(tray).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits a while, or for the end.
    fn rest(&self) {
        let until = Monotonic::now() + AGAIN;
        let mut tray = self.lock();
        while !tray.is_over {
            let left = until.saturating_duration_since(Monotonic::now());
            if left.is_zero() {
                return;
            }
            let waited = self.called.wait_timeout(tray, left);
            tray = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
