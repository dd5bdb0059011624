//! Jobs and the table that holds the living ones.

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds, Shape};
use serde::{Deserialize, Serialize};

use crate::fleet::{JobSlot, PartitionId, Party};

/// Borrowed work is spared for this long where other work could go instead.
pub const USEFUL_SECONDS_MIN: u64 = 600;

/// How long a job may not borrow after it was told to leave for the first time.
const BACK_OFF_SECONDS: u64 = 120;

/// How long it may not borrow at most.
const BACK_OFF_SECONDS_MAX: u64 = 3_600;

/// A job as its party submits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobSpec {
    /// The submitter's own number for it.
    pub number: u64,
    /// Whose it is.
    pub party: Party,
    /// GPUs of the gang, all or none.
    pub gpus: u32,
    /// Longest run that it asks for, in seconds.
    pub request_seconds: u32,
    /// Seconds that it may take to leave its nodes when told to; enforced on the node.
    pub vacate_seconds: u32,
    /// Seconds between checkpoints; what came after the last is lost when it leaves early.
    pub checkpoint_seconds: u32,
    /// The pools that it can run in, a bit each.
    pub pools: u64,
    /// The block that must hold all of its nodes; a node: any nodes will do.
    pub within: Shape,
    /// Its party's own priority: higher goes first.
    pub priority: i16,
    /// The party's account (a user, or a queue) that is charged.
    pub account: u16,
}

/// Where a gang is, or will be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Allocation {
    /// The partition; a gang never spans two.
    pub partition: PartitionId,
    /// Whether it is borrowed.
    pub guest: bool,
    /// Nodes that it has to itself.
    pub whole: NodeRanges,
    /// A node that it may share, and its GPUs there.
    pub part: Option<(u32, u8)>,
    /// Further ones: only a scheduler of the cluster's own divides a gang so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<(u32, u8)>,
}

impl Allocation {
    /// Its nodes that it may share, with its GPUs there.
    pub fn parts(&self) -> impl Iterator<Item = (u32, u8)> + '_ {
        self.part.into_iter().chain(self.also.iter().copied())
    }

    /// All its nodes.
    pub fn nodes(&self) -> NodeRanges {
        let parts = self.parts().map(|(node, _)| (node, node + 1));
        NodeRanges::from_ranges(self.whole.ranges().iter().copied().chain(parts))
    }
}

/// What a job is doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waiting in its party's queue.
    Queued,
    /// Too large for anything its party has; waits until that changes.
    Parked,
    /// Its nodes are kept; so many of them are not ready yet.
    Claiming {
        /// Where.
        at: Allocation,
        /// Nodes that are not ready.
        pending: u32,
        /// Since when.
        since: Instant,
        /// When the last borrower was gone from them.
        vacated: Instant,
    },
    /// Running.
    Running {
        /// Where.
        at: Allocation,
        /// Since when.
        since: Instant,
    },
    /// Told to leave its nodes.
    Leaving {
        /// Where.
        at: Allocation,
        /// When it had started.
        since: Instant,
        /// When the node kills what is left.
        deadline: Instant,
    },
}

/// A living job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// As submitted.
    pub spec: JobSpec,
    /// Its place in the order in which its party's jobs arrived.
    pub place: u64,
    /// When it was submitted.
    pub submitted: Instant,
    /// When it could first have its nodes: what a reclaim's clock runs from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Instant>,
    /// The lease in which nodes were last kept for it as their holder, and the bound that it had then:
    /// what the clock runs against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<(u16, Seconds)>,
    /// Whether the clock ran past the bound, which is recorded then.
    pub missed: bool,
    /// When it first started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Instant>,
    /// When its nodes are expected back; kept while it has or awaits nodes.
    pub expected_end: Instant,
    /// Useful seconds kept from earlier starts.
    pub kept_seconds: u32,
    /// How often it was told to leave, other than by its own party.
    pub evictions: u32,
    /// Until when it may not borrow, after it was told to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backs_off_until: Option<Instant>,
    /// Whether its party withdrew it while it had nodes: it is over when it is gone from them.
    pub cancelled: bool,
    /// How often it started; tells one run from the next.
    pub starts: u32,
    /// What it is doing.
    pub state: JobState,
}

impl Job {
    /// Seconds that it still asks for.
    pub const fn request_left(&self) -> u32 {
        let left = self.spec.request_seconds.saturating_sub(self.kept_seconds);
        if left == 0 { 1 } else { left }
    }

    /// Useful seconds it would keep if it stopped at `now`: whole checkpoints of this run on top of
    /// what it had.
    pub fn kept_at(&self, now: Instant) -> u32 {
        let (JobState::Running { since, .. } | JobState::Leaving { since, .. }) = &self.state
        else {
            return self.kept_seconds;
        };
        let run = u32::try_from(now.since(*since).get()).unwrap_or(u32::MAX);
        let step = self.spec.checkpoint_seconds.max(1);
        self.kept_seconds.saturating_add(run - run % step)
    }

    /// GPU-seconds lost if it stopped at `now`.
    pub fn lost_at(&self, now: Instant) -> u64 {
        let JobState::Running { since, .. } = &self.state else { return 0 };
        let step = u64::from(self.spec.checkpoint_seconds.max(1));
        (now.since(*since).get() % step) * u64::from(self.spec.gpus)
    }

    /// GPU-seconds that count against taking its nodes at `now`: what it would lose, and what it has
    /// not had yet of the least that makes a start worth while.
    pub fn cost_at(&self, now: Instant) -> u64 {
        let JobState::Running { since, .. } = &self.state else { return 0 };
        let early = USEFUL_SECONDS_MIN.saturating_sub(now.since(*since).get());
        self.lost_at(now) + early * u64::from(self.spec.gpus)
    }

    /// How long it may not borrow after it was told to leave for the last time: twice as long each
    /// time, up to a bound.
    pub fn back_off(&self) -> Seconds {
        let doublings = self.evictions.saturating_sub(1).min(16);
        Seconds::new((BACK_OFF_SECONDS << doublings).min(BACK_OFF_SECONDS_MAX))
    }

    /// Where it is or will be.
    pub const fn allocation(&self) -> Option<&Allocation> {
        match &self.state {
            JobState::Claiming { at, .. }
            | JobState::Running { at, .. }
            | JobState::Leaving { at, .. } => Some(at),
            JobState::Queued | JobState::Parked => None,
        }
    }

    /// When its nodes are expected back, if it runs from `since`.
    pub fn expected_end(&self, since: Instant) -> Instant {
        since.after(Seconds::new(u64::from(self.request_left())))
    }
}

/// The living jobs. Slots are reused, last freed first, so that a replay gives the same ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobTable {
    jobs: Vec<Option<Job>>,
    free: Vec<JobSlot>,
}

impl JobTable {
    /// The slot that the next job will get.
    pub fn next_slot(&self) -> JobSlot {
        let end = || JobSlot::try_from(self.jobs.len()).expect("fewer than four billion jobs live");
        self.free.last().copied().unwrap_or_else(end)
    }

    /// Adds a job in [`JobTable::next_slot`].
    pub fn insert(&mut self, job: Job) -> JobSlot {
        match self.free.pop() {
            Some(slot) => {
                self.jobs[slot as usize] = Some(job);
                slot
            }
            None => {
                self.jobs.push(Some(job));
                JobSlot::try_from(self.jobs.len() - 1).expect("fewer than four billion jobs live")
            }
        }
    }

    /// Removes a job that is over.
    pub fn remove(&mut self, slot: JobSlot) -> Job {
        let job = self.jobs[slot as usize].take().expect("the job lives");
        self.free.push(slot);
        job
    }

    /// A living job.
    ///
    /// # Panics
    /// If there is none in `slot`.
    pub fn get(&self, slot: JobSlot) -> &Job {
        self.jobs[slot as usize].as_ref().expect("the job lives")
    }

    /// A living job, if there is one in `slot`.
    pub fn find(&self, slot: JobSlot) -> Option<&Job> {
        self.jobs.get(slot as usize).and_then(Option::as_ref)
    }

    /// A living job, to change.
    pub fn get_mut(&mut self, slot: JobSlot) -> &mut Job {
        self.jobs[slot as usize].as_mut().expect("the job lives")
    }

    /// The living jobs with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (JobSlot, &Job)> {
        let numbered = self.jobs.iter().enumerate();
        numbered.filter_map(|(slot, job)| Some((JobSlot::try_from(slot).ok()?, job.as_ref()?)))
    }
}
