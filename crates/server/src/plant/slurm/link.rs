//! The two threads that speak with Slurm, and what they share with the loop: one looks, one acts.
//!
//! Slurm may take seconds to answer. The loop never waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Monotonic};

use leasehold_clusters::slurm::cluster::{Cluster, ClusterError, Standing};
use leasehold_clusters::slurm::difference::{Difference, Object};
use leasehold_clusters::slurm::objects::Wanted;
use leasehold_clusters::slurm::read::SlurmConfig;
use leasehold_clusters::slurm::watch::{JobName, SeenRun, Sighting, Watch};
use leasehold_units::Instant;

use super::super::Waker;
use super::booking::Trouble;
use super::differing::BookDifference;
use super::names::Names;
use super::record::Record;
use crate::clock::Clock;

/// What is wanted is compared with what is there at least so often.
const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// The same where jobs were told to leave that keep nodes from where they belong.
const COMPARE_SOON: Duration = Duration::from_secs(2);

/// A job that was told to leave is told again after so long.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// Changes by hand that are kept, the latest.
const DRIFTS_KEPT: usize = 20;

/// Jobs that are told to leave with one command at most.
const TOLD_AT_ONCE: usize = 500;

/// What the threads and the loop share.
#[derive(Default)]
pub struct Link {
    inner: Mutex<Shared>,
    /// Something to look at or to do, or the end.
    called: Condvar,
    /// A look came in.
    looked: Condvar,
}

#[derive(Default)]
struct Shared {
    sightings: VecDeque<Sighting>,
    /// When the last look that came in began.
    seen: Option<Instant>,
    /// What is to be followed from now on, and since when the record is to be read.
    adopt: Option<(Vec<SeenRun>, Instant)>,
    /// Look at once.
    look_now: bool,
    leave: BTreeSet<JobName>,
    wanted: Option<Arc<Wanted>>,
    is_changed: bool,
    /// What Slurm is configured with, once it was read again, until somebody took it up.
    config: Option<SlurmConfig>,
    status: Status,
    is_over: bool,
}

/// An object that somebody changed by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which.
    pub object: Object,
    /// What of it: each field as it was found and as it should be.
    pub what: String,
    /// When that was found.
    pub found: Instant,
    /// When it was seen to be as it should be again.
    pub mended: Option<Instant>,
}

/// How Slurm stands to what is wanted of it, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Why the last look failed, and what to do.
    pub unseen: Option<String>,
    /// Why what is wanted could not be compared or given.
    pub unheld: Option<String>,
    /// What is not as it should be or is left alone, a line each.
    pub difference: Vec<String>,
    /// Objects that are not as they should be.
    pub differences: usize,
    /// What the leases allow and Slurm cannot give, a line each.
    pub notes: Vec<String>,
    /// What of Slurm's configuration does not go with leases, or is good to know.
    pub concerns: Vec<String>,
    /// Objects that were found changed by hand since the start.
    pub drifted: u64,
    /// The latest of them, oldest first.
    pub drifts: Vec<Drift>,
    /// When that was found.
    pub compared: Option<Instant>,
    /// Calls that were made to mend it since the start.
    pub calls: u64,
    /// Jobs that were told to leave since the start.
    pub told_to_leave: u64,
    /// Runs that go on without being booked.
    pub not_booked: Vec<(JobName, Trouble)>,
    /// Runs that are over and booked otherwise than Slurm has them on record, the latest.
    pub differing: Vec<BookDifference>,
}

/// Looks at how Slurm stands.
#[derive(Clone)]
pub struct SlurmStatus {
    link: Arc<Link>,
    /// Whether it is held to the leases, or only watched.
    pub enforces: bool,
}

impl SlurmStatus {
    pub(super) fn new(link: &Arc<Link>, enforces: bool) -> Self {
        Self { link: Arc::clone(link), enforces }
    }

    /// How Slurm stands now.
    pub fn now(&self) -> Status {
        self.link.status()
    }

    /// When the last look that came in began.
    pub fn seen(&self) -> Option<Instant> {
        self.link.seen()
    }
}

/// What the looking thread needs.
pub struct Looking {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// Names of the site's nodes.
    pub names: Names,
    /// GPUs of each node, by the site's number.
    pub gpus: Vec<u8>,
    /// From look to look.
    pub every: Duration,
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `runs` followed from now on, and the record read from `since`.
    pub fn adopt(&self, runs: Vec<SeenRun>, since: Instant) {
        let mut shared = self.lock();
        shared.adopt = Some((runs, since));
        shared.sightings.clear();
        shared.seen = None;
        shared.look_now = true;
        self.called.notify_all();
    }

    /// The next look.
    pub fn take(&self) -> Option<Sighting> {
        self.lock().sightings.pop_front()
    }

    /// Whether a look waits.
    pub fn has_some(&self) -> bool {
        !self.lock().sightings.is_empty()
    }

    /// When the last look that came in began.
    pub fn seen(&self) -> Option<Instant> {
        self.lock().seen
    }

    /// Waits for a look, no longer than `patience`; whether one came.
    pub fn await_look(&self, patience: Duration) -> bool {
        let until = Monotonic::now() + patience;
        let mut shared = self.lock();
        while shared.seen.is_none() {
            let left = until.saturating_duration_since(Monotonic::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.looked.wait_timeout(shared, left);
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Has jobs told to leave.
    pub fn tell_to_leave(&self, jobs: impl IntoIterator<Item = JobName>) {
        let mut shared = self.lock();
        let before = shared.leave.len();
        shared.leave.extend(jobs);
        if shared.leave.len() > before {
            self.called.notify_all();
        }
    }

    /// Says what is wanted.
    pub fn want(&self, wanted: Wanted) {
        let mut shared = self.lock();
        if shared.wanted.as_deref() != Some(&wanted) {
            shared.is_changed = true;
            shared.wanted = Some(Arc::new(wanted));
            self.called.notify_all();
        }
    }

    /// Says what of the configuration does not go with leases; what was not said before is logged.
    pub fn note_concerns(&self, concerns: Vec<String>) {
        let mut shared = self.lock();
        for concern in concerns.iter().filter(|one| !shared.status.concerns.contains(one)) {
            tracing::warn!(concern, "Slurm's configuration");
        }
        shared.status.concerns = concerns;
    }

    /// What Slurm is configured with, if it was read again.
    pub fn take_config(&self) -> Option<SlurmConfig> {
        self.lock().config.take()
    }

    /// Says which runs are not booked.
    pub fn note_troubles(&self, troubles: &BTreeMap<(JobName, Instant), Trouble>) {
        let of = |((name, _), trouble): (&(JobName, Instant), &Trouble)| (*name, trouble.clone());
        self.lock().status.not_booked = troubles.iter().map(of).collect();
    }

    /// Says which runs are booked otherwise than Slurm has them on record.
    pub fn note_differing(&self, differing: Vec<BookDifference>) {
        self.lock().status.differing = differing;
    }

    /// How Slurm stands to what is wanted.
    pub fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Ends both threads.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.called.notify_all();
    }

    /// Looks at Slurm until the end.
    pub fn look(&self, looking: &Looking, wake: &dyn Fn()) {
        let mut watch = Watch::default();
        let mut record = Record::default();
        while let Some(adopted) = self.await_turn(looking.every) {
            if let Some((runs, since)) = adopted {
                watch.adopt(runs);
                record = Record::from(since);
            }
            let gpus = |node: &str| {
                let number = looking.names.number(node);
                number.map_or(0, |number| u32::from(looking.gpus[number as usize]))
            };
            let at = Clock::Wall.now();
            match looking.cluster.look(&mut watch, at, record.due(at), &gpus) {
                Ok((sighting, was_recorded)) => {
                    record.note_look(at, was_recorded);
                    self.put(sighting);
                    wake();
                }
                Err(error) => {
                    record.note_failure();
                    self.note_unseen(&error.to_string(), error.advice());
                }
            }
        }
    }

    /// Waits for the next look: what is to be followed from now on, if that was said; none at the end.
    #[expect(clippy::option_option, reason = "whether there is a turn, and what it begins with")]
    fn await_turn(&self, every: Duration) -> Option<Option<(Vec<SeenRun>, Instant)>> {
        let until = Monotonic::now() + every;
        let mut shared = self.lock();
        loop {
            if shared.is_over {
                return None;
            }
            let left = until.saturating_duration_since(Monotonic::now());
            if left.is_zero() || std::mem::take(&mut shared.look_now) {
                return Some(shared.adopt.take());
            }
            let waited = self.called.wait_timeout(shared, left);
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn put(&self, sighting: Sighting) {
        let mut shared = self.lock();
        if shared.adopt.is_some() {
            // It was begun before that was said.
            return;
        }
        if shared.status.unseen.take().is_some() {
            tracing::info!("Slurm answers again");
        }
        shared.seen = Some(sighting.at);
        shared.sightings.push_back(sighting);
        self.looked.notify_all();
    }

    /// Says why Slurm cannot be looked at.
    pub fn note_unseen(&self, error: &str, advice: &str) {
        let text = format!("{error}; {advice}");
        let mut shared = self.lock();
        if shared.status.unseen.as_deref() != Some(text.as_str()) {
            tracing::warn!(error, advice, "cannot look at Slurm");
        }
        shared.status.unseen = Some(text);
    }

    /// Does what is to be done until the end: `enforces` or only compares.
    pub fn act(&self, cluster: &Cluster, enforces: bool) {
        let mut told: Vec<(Monotonic, JobName)> = Vec::new();
        let (mut compared, mut every): (Option<Monotonic>, Duration) = (None, COMPARE_EVERY);
        let mut last: Option<Standing> = None;
        loop {
            told.retain(|(at, _)| at.elapsed() < TELL_AGAIN);
            let due = compared.is_none_or(|at| at.elapsed() >= every);
            let Some((leave, wanted)) = self.await_work(due, &told) else { return };
            if enforces && !leave.is_empty() {
                self.clear(cluster, &leave);
                told.extend(leave.into_iter().map(|job| (Monotonic::now(), job)));
            }
            if due {
                self.read_config(cluster);
            }
            if let Some(wanted) = wanted {
                compared = Some(Monotonic::now());
                match self.hold(cluster, &wanted, last.as_ref(), enforces) {
                    Ok((standing, calls)) => {
                        self.note_held(calls);
                        let lingering = standing.lingering();
                        every = if lingering.is_empty() { COMPARE_EVERY } else { COMPARE_SOON };
                        self.tell_to_leave(lingering.iter().copied());
                        // Where no call is made, nothing can be otherwise than it was left.
                        last = enforces.then_some(standing);
                    }
                    Err(error) => {
                        last = None;
                        self.note_unheld(&error.to_string(), error.advice());
                    }
                }
            }
        }
    }

    /// Reads what Slurm is configured with: a slurmctld may have been started anew with something else.
    fn read_config(&self, cluster: &Cluster) {
        // Who is away now is asked the next time; the look says so.
        if let Ok(config) = cluster.configuration() {
            self.lock().config = Some(config);
        }
    }

    /// Jobs to be told to leave that were not `told` lately, and what is wanted if that is to be compared.
    fn await_work(
        &self,
        is_due: bool,
        told: &[(Monotonic, JobName)],
    ) -> Option<(Vec<JobName>, Option<Arc<Wanted>>)> {
        let until = Monotonic::now() + Duration::from_secs(1);
        let mut shared = self.lock();
        loop {
            if shared.is_over {
                return None;
            }
            let lately = |job: &JobName| told.iter().any(|(_, other)| other == job);
            let leave: Vec<JobName> = shared
                .leave
                .iter()
                .copied()
                .filter(|job| !lately(job))
                .take(TOLD_AT_ONCE)
                .collect();
            let compares = shared.wanted.is_some() && (is_due || shared.is_changed);
            let left = until.saturating_duration_since(Monotonic::now());
            if !leave.is_empty() || compares || left.is_zero() {
                shared.leave.clear();
                shared.is_changed &= !compares;
                return Some((leave, shared.wanted.clone().filter(|_| compares)));
            }
            let waited = self.called.wait_timeout(shared, left);
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn clear(&self, cluster: &Cluster, jobs: &[JobName]) {
        match cluster.put_back(jobs) {
            Ok(()) => {
                let mut shared = self.lock();
                shared.status.told_to_leave += jobs.len() as u64;
                shared.look_now = true;
                self.called.notify_all();
            }
            Err(error) => self.note_unheld(&error.to_string(), error.advice()),
        }
    }

    /// Compares the cluster with what is wanted and, if that is to be enforced, mends it. Says how it stands
    /// after that, and how many calls it took.
    fn hold(
        &self,
        cluster: &Cluster,
        wanted: &Wanted,
        last: Option<&Standing>,
        enforces: bool,
    ) -> Result<(Standing, usize), ClusterError> {
        let standing = cluster.compare(wanted, last, Clock::Wall.now())?;
        self.note_standing(&standing);
        self.note_drift(standing.difference());
        self.note_mended(standing.difference());
        if !enforces || standing.is_as_wanted() {
            return Ok((standing, 0));
        }
        let calls = cluster.mend(&standing)?;
        let after = cluster.compare(wanted, Some(&standing), Clock::Wall.now())?;
        self.note_standing(&after);
        self.note_mended(after.difference());
        Ok((after, calls))
    }

    fn note_drift(&self, difference: &Difference) {
        let now = Clock::Wall.now();
        let mut shared = self.lock();
        for entry in difference.drifted() {
            let what = entry.in_words();
            let known = |drift: &Drift| drift.object == entry.object && drift.mended.is_none();
            if shared.status.drifts.iter().any(|drift| known(drift) && drift.what == what) {
                continue;
            }
            tracing::warn!(object = %entry.object, what, "Slurm was changed by hand: it is set back");
            shared.status.drifted += 1;
            let object = entry.object.clone();
            shared.status.drifts.push(Drift { object, what, found: now, mended: None });
            if shared.status.drifts.len() > DRIFTS_KEPT {
                shared.status.drifts.remove(0);
            }
        }
    }

    /// Notes which objects that were changed by hand are as they should be again.
    fn note_mended(&self, difference: &Difference) {
        let now = Clock::Wall.now();
        for drift in &mut self.lock().status.drifts {
            let differs = difference.entries.iter().any(|entry| entry.object == drift.object);
            if drift.mended.is_none() && !differs {
                drift.mended = Some(now);
            }
        }
    }

    fn note_standing(&self, standing: &Standing) {
        let mut shared = self.lock();
        shared.status.difference = standing.lines();
        shared.status.differences = standing.difference().unsettled();
        shared.status.notes = standing.notes();
        shared.status.compared = Some(Clock::Wall.now());
    }

    fn note_held(&self, calls: usize) {
        let mut shared = self.lock();
        shared.status.calls += calls as u64;
        if shared.status.unheld.take().is_some() {
            tracing::info!("what is wanted of Slurm can be compared again");
        }
    }

    fn note_unheld(&self, error: &str, advice: &str) {
        let text = format!("{error}; {advice}");
        let mut shared = self.lock();
        if shared.status.unheld.as_deref() != Some(text.as_str()) {
            tracing::warn!(error, advice, "cannot hold Slurm to what is wanted");
        }
        shared.status.unheld = Some(text);
    }
}

/// Starts both threads over a link.
pub fn start(link: &Arc<Link>, looking: Looking, enforces: bool, wake: Option<Waker>) {
    let (looks, acts) = (Arc::clone(link), Arc::clone(link));
    let cluster = Arc::clone(&looking.cluster);
    std::thread::spawn(move || {
        looks.look(&looking, &move || {
            if let Some(wake) = &wake {
                wake();
            }
        });
    });
    std::thread::spawn(move || acts.act(&cluster, enforces));
}
