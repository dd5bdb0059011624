//! Playing a scenario: the state machine on a virtual clock, with an emulated cluster.
//!
//! The clock jumps from one happening to the next; nothing ticks. One seed gives one run, to the
//! byte.

mod calendar;
mod deed;
mod emulation;
mod faults;
mod payers;
mod record;
mod troubles;
mod waits;
mod world;

use std::cell::RefCell;
use std::rc::Rc;

use leasehold_control::{Control, EvidenceChunk, Input, RefusedInput, State, Violation};
use leasehold_lease::Lease;
use leasehold_ledger::UsageInterval;
use leasehold_site::Site;
use leasehold_units::{Instant, Interval, PartyId, Shape};

pub use deed::{Act, Deed, Watcher};
pub use emulation::{Cue, Emulation, Origin, Script};
pub use faults::{Faults, TurnoverFailures};
pub use payers::Payers;
pub use record::{JobOutcome, JobRecord, Milestone, PartyTally};

use crate::measure::{CapacitySeries, ReclaimHistogram};
use crate::workload::WorkloadJob;
use troubles::Troubles;
pub use world::Newcomer;

/// What a run needs.
pub struct Setting {
    /// The plant.
    pub site: Site,
    /// The leases, as signed before the run.
    pub leases: Vec<Lease>,
    /// From when until when.
    pub interval: Interval,
    /// Jobs to come.
    pub workloads: Vec<Workload>,
    /// What the scenario calls for, in any order.
    pub inputs: Vec<(Instant, Input)>,
    /// What happens whether or not it can be refused.
    pub deeds: Vec<Deed>,
    /// Says what happens next from what it sees.
    pub watcher: Option<Box<dyn Watcher>>,
    /// Where deeds are written down when they are done.
    pub deed_log: Option<Rc<RefCell<Vec<Deed>>>>,
    /// Random failures.
    pub faults: Option<Faults>,
    /// Turnovers that fail.
    pub turnovers: TurnoverFailures,
    /// Tenants that pay.
    pub payers: Payers,
    /// Traces that are read, with the bad lines that were left out so far.
    pub bad_lines: Vec<(std::path::PathBuf, crate::trace::BadLineCount)>,
}

/// Jobs to come of one party. Each of a party's workloads is an account of its own: they share what
/// the party holds.
pub struct Workload {
    /// What kind of jobs, for people.
    pub name: String,
    /// Whose.
    pub party: PartyId,
    /// The jobs.
    pub jobs: JobStream,
    /// Priority of the jobs among the party's own: higher goes first.
    pub priority: i16,
    /// The account's share against the party's others.
    pub share: u16,
    /// Jobs that fit a block of this shape ask for all of their nodes in one.
    pub within: Shape,
}

impl Workload {
    /// Jobs without any special wish.
    pub fn plain(party: PartyId, jobs: JobStream) -> Self {
        Self { name: "jobs".into(), party, jobs, priority: 0, share: 1, within: Shape::Node }
    }
}

/// Jobs in order of submission.
pub type JobStream = Box<dyn Iterator<Item = Result<WorkloadJob, JobStreamError>> + Send>;

/// A workload that could not be read on.
pub type JobStreamError = crate::workload::WorkloadError;

/// Takes what a run leaves behind while it goes on.
pub trait Keeper {
    /// Keeps usage intervals, in order of their end.
    fn usage(&mut self, rows: &[UsageInterval], state: &State) -> std::io::Result<()>;
    /// Keeps what proves what leases were given, behind what was kept before.
    fn evidence(&mut self, chunks: &[EvidenceChunk], state: &State) -> std::io::Result<()>;
    /// Keeps jobs that are over.
    fn jobs(&mut self, records: &[JobRecord], state: &State) -> std::io::Result<()>;
    /// Hears every input before it is handed over and, with none, that an instant is settled next: told
    /// again in this order they give the same events.
    fn told(&mut self, _now: Instant, _input: Option<&Input>) {}
    /// Hears how far the run is.
    fn progress(&mut self, now: Instant, events: u64);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepNothing;

impl Keeper for KeepNothing {
    fn usage(&mut self, _: &[UsageInterval], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn evidence(&mut self, _: &[EvidenceChunk], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn jobs(&mut self, _: &[JobRecord], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn progress(&mut self, _: Instant, _: u64) {}
}

/// Why a run stopped early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The site cannot carry the leases.
    #[error("the leases do not fit the site: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Oversold(Vec<leasehold_allocator::Refusal>),
    /// An invariant does not hold.
    #[error("{violation}\nwhat led there, oldest first:\n  {}", story.join("\n  "))]
    Violation {
        /// Which, when and how.
        violation: Violation,
        /// The last events.
        story: Vec<String>,
    },
    /// Something of the scenario was refused.
    #[error("at {at}, the scenario asks for what cannot be: {refusal}")]
    Refused {
        /// When.
        at: Instant,
        /// Why.
        refusal: RefusedInput,
    },
    /// A workload could not be read on.
    #[error(transparent)]
    Workload(#[from] JobStreamError),
    /// What was to be kept could not be written.
    #[error("cannot write what the run leaves behind")]
    Write(#[from] std::io::Error),
    /// A workload of a party that is none.
    #[error("party {0} has a workload but neither owns the site nor leases any of it")]
    UnknownParty(PartyId),
}

/// What a run came to.
pub struct Outcome {
    /// The state at the end.
    pub state: State,
    /// Events in all.
    pub events: u64,
    /// By party.
    pub tallies: Vec<PartyTally>,
    /// What a reader of the report wants to be told.
    pub milestones: Vec<Milestone>,
    /// Capacity and power over time.
    pub capacity: CapacitySeries,
    /// Answered reclaims by seconds.
    pub reclaims: ReclaimHistogram,
    /// Reclaims within their bound.
    pub reclaims_within: u64,
    /// Reclaims later than their bound, answered or not.
    pub reclaims_missed: u64,
    /// Highest facility draw, in watts, rounded down.
    pub peak_watts: u64,
    /// GPUs in service times seconds.
    pub installed_gpu_seconds: u128,
    /// Longest parts of a reclaim, in seconds: until decided, until vacated, until clean.
    pub reclaim_parts_max: [u64; 3],
    /// Late reclaims that nothing beyond the reserve explains: when their bound passed, of which lease.
    pub late_without_cause: Vec<(Instant, u16)>,
    /// Quotes that could not be signed although they lasted.
    pub broken_quotes: Vec<leasehold_units::LeaseId>,
    /// Jobs that were refused, as too large or too slow to leave.
    pub refused: u64,
    /// Nodes that failed.
    pub failures: u64,
    /// Facility watts that may be drawn, from each instant on.
    pub limits: Vec<(Instant, u64)>,
}

impl Outcome {
    /// Reclaims whose bound was kept or passed.
    pub const fn reclaims_asked(&self) -> u64 {
        self.reclaims_within + self.reclaims_missed
    }
}

struct Run<'a> {
    control: Control,
    emulation: Emulation,
    watcher: Option<Box<dyn Watcher>>,
    deed_log: Option<Rc<RefCell<Vec<Deed>>>>,
    troubles: Troubles,
    keeper: &'a mut dyn Keeper,
    usage: Vec<UsageInterval>,
    interval: Interval,
    capacity: CapacitySeries,
    reclaims: ReclaimHistogram,
    reclaims_within: u64,
    reclaims_missed: u64,
    reclaim_parts_max: [u64; 3],
    peak_it_watts: u64,
    installed_gpu_seconds: u128,
}

/// Width of the capacity series, in buckets.
const BUCKETS: usize = 480;

/// Plays `setting` to its end.
///
/// # Errors
/// See [`RunError`]. Nothing that was kept is complete then.
pub fn run(setting: Setting, keeper: &mut dyn Keeper) -> Result<Outcome, RunError> {
    let mut run = Run::new(setting, keeper)?;
    let mut now = run.interval.from;
    loop {
        run.instant(now)?;
        let Some(next) = run.next_instant().filter(|next| *next < run.interval.until) else {
            break;
        };
        run.pass_time(now, next);
        now = next;
    }
    run.pass_time(now, run.interval.until);
    run.finish()
}

impl Setting {
    /// What happens from outside, without what it happens to.
    pub fn script(self) -> Script {
        Script {
            interval: self.interval,
            workloads: self.workloads,
            inputs: self.inputs,
            deeds: self.deeds,
            faults: self.faults,
            turnovers: self.turnovers,
            payers: self.payers,
        }
    }

    /// Whether every workload is of a party that the site has, or that signs during the run.
    fn check_parties(&self, state: &State) -> Result<(), RunError> {
        for Workload { party, .. } in &self.workloads {
            let signs =
                |input: &Input| matches!(input, Input::Sign(terms) if terms.tenant == *party);
            let is_known = state.party(party).is_some();
            if !is_known && !self.inputs.iter().any(|(_, input)| signs(input)) {
                return Err(RunError::UnknownParty(party.clone()));
            }
        }
        Ok(())
    }
}

impl<'a> Run<'a> {
    fn new(mut setting: Setting, keeper: &'a mut dyn Keeper) -> Result<Self, RunError> {
        let (site, leases) = (setting.site.clone(), std::mem::take(&mut setting.leases));
        let interval = setting.interval;
        let control = Control::new(site, leases, interval.from).map_err(RunError::Oversold)?;
        setting.check_parties(control.state())?;
        let (watcher, deed_log) = (setting.watcher.take(), setting.deed_log.take());
        Ok(Self {
            control,
            emulation: Emulation::new(setting.script())?,
            watcher,
            deed_log,
            troubles: Troubles::default(),
            keeper,
            usage: Vec::new(),
            interval,
            capacity: CapacitySeries::new(interval, BUCKETS),
            reclaims: ReclaimHistogram::new(),
            reclaims_within: 0,
            reclaims_missed: 0,
            reclaim_parts_max: [0; 3],
            peak_it_watts: 0,
            installed_gpu_seconds: 0,
        })
    }

    fn next_instant(&self) -> Option<Instant> {
        let next = [self.emulation.next(), self.control.next_due()];
        next.into_iter().flatten().min()
    }

    /// Everything that happens at `now`, and what follows from it.
    fn instant(&mut self, now: Instant) -> Result<(), RunError> {
        while let Some(cue) = self.emulation.take(now, self.control.state())? {
            self.hand_over(now, cue)?;
        }
        self.log_deeds();
        self.keeper.told(now, None);
        let emulation = &mut self.emulation;
        let settled = self.control.settle(now, &mut |at, event, state| {
            emulation.observe(at, event, state);
        });
        if let Err(violation) = settled {
            return Err(RunError::Violation { violation, story: self.control.story() });
        }
        self.peak_it_watts = self.peak_it_watts.max(self.control.state().fleet.it_watts());
        self.troubles.note(now, self.control.state());
        self.keep()?;
        if let Some(watcher) = &mut self.watcher {
            let deeds = watcher.watch(now, self.control.state());
            self.emulation.add_deeds(deeds);
        }
        Ok(())
    }

    /// Hands over what happens, and says what became of it.
    fn hand_over(&mut self, now: Instant, cue: Cue) -> Result<(), RunError> {
        self.log_deeds();
        self.keeper.told(now, Some(&cue.input));
        let emulation = &mut self.emulation;
        let told = self.control.handle(now, &cue.input, &mut |at, event, state| {
            emulation.observe(at, event, state);
        });
        let taken = told.is_ok();
        match (cue.origin, told) {
            (Origin::Observation, told) => told.expect("an observation is not refused"),
            (Origin::Scenario, told) => {
                told.map_err(|refusal| RunError::Refused { at: now, refusal })?;
            }
            (Origin::Attempt, Err(refusal)) => {
                if let Input::Sign(terms) = &cue.input {
                    self.troubles.refused(terms, now, self.control.state());
                }
                let milestone = Milestone::refused(now, &refusal);
                self.emulation.world.milestones.push(milestone);
            }
            (Origin::Attempt, Ok(())) | (Origin::Job, _) => {}
        }
        self.emulation.answered(cue, taken);
        Ok(())
    }

    /// Writes down what was done, before anything follows from it that may be wrong.
    fn log_deeds(&mut self) {
        let done = self.emulation.take_deeds();
        if let Some(log) = &self.deed_log {
            log.borrow_mut().extend(done);
        }
    }

    /// Hands on what the last instant left behind.
    fn keep(&mut self) -> Result<(), RunError> {
        for reclaim in self.control.take_records(&mut self.usage) {
            let seconds = reclaim.answered.since(reclaim.asked).get();
            self.reclaims.add(seconds);
            let edges = [reclaim.asked, reclaim.decided, reclaim.vacated, reclaim.answered];
            for (most, edge) in self.reclaim_parts_max.iter_mut().zip(edges.windows(2)) {
                *most = (*most).max(edge[1].since(edge[0]).get());
            }
            self.reclaims_within += u64::from(!reclaim.missed);
        }
        for missed in self.emulation.world.waits.missed.drain(..) {
            self.reclaims_missed += 1;
            self.troubles.weigh(&missed);
        }
        let evidence = self.control.take_evidence();
        if !evidence.is_empty() {
            self.keeper.evidence(&evidence, self.control.state())?;
        }
        if self.usage.len() >= 4096 {
            self.keeper.usage(&self.usage, self.control.state())?;
            self.usage.clear();
        }
        if self.emulation.world.ended.len() >= 1024 {
            self.keeper.jobs(&self.emulation.world.ended, self.control.state())?;
            self.emulation.world.ended.clear();
        }
        Ok(())
    }

    /// Integrates what holds from `now` until `next`.
    fn pass_time(&mut self, now: Instant, next: Instant) {
        let state = self.control.state();
        let watts = state.site.facility_watts(leasehold_units::Watts::new(state.fleet.it_watts()));
        self.capacity.add(now, next, state.fleet.gauge_total(), watts.get());
        self.installed_gpu_seconds +=
            u128::from(state.installed_gpus) * u128::from(next.since(now).get());
        self.keeper.progress(next, self.control.events());
    }

    fn finish(mut self) -> Result<Outcome, RunError> {
        let until = self.interval.until;
        let eve = until.before(leasehold_units::Seconds::new(1));
        let through = self.control.state().site.time_zone.day_of(eve);
        let emulation = &mut self.emulation;
        self.control.close(until, through, &mut |at, event, state| {
            emulation.observe(at, event, state);
        });
        if let Err(violation) = self.control.check_books() {
            return Err(RunError::Violation { violation, story: self.control.story() });
        }
        self.keep()?;
        self.keeper.usage(&self.usage, self.control.state())?;
        self.keeper.jobs(&self.emulation.world.ended, self.control.state())?;
        let left = self.emulation.world.unfinished(self.control.state(), until);
        self.keeper.jobs(&left, self.control.state())?;
        self.conserve(until)?;
        let peak = leasehold_units::Watts::new(self.peak_it_watts);
        let peak = self.control.state().site.facility_watts(peak);
        let events = self.control.events();
        let refused = self.emulation.refused();
        let mut world = self.emulation.world;
        world.tallies.resize(self.control.state().parties.len(), PartyTally::default());
        Ok(Outcome {
            peak_watts: peak.get(),
            events,
            tallies: world.tallies,
            milestones: world.milestones,
            capacity: self.capacity,
            reclaims: self.reclaims,
            reclaims_within: self.reclaims_within,
            reclaims_missed: self.reclaims_missed,
            reclaim_parts_max: self.reclaim_parts_max,
            late_without_cause: self.troubles.without_cause,
            broken_quotes: self.troubles.broken_quotes,
            installed_gpu_seconds: self.installed_gpu_seconds,
            refused,
            failures: world.failures,
            limits: world.limits,
            state: self.control.into_state(),
        })
    }

    /// Invariant 5 over the whole run, from the usage intervals alone.
    fn conserve(&self, until: Instant) -> Result<(), RunError> {
        let state = self.control.state();
        let metered = state.books.meter.totals().sum().get();
        let story = || self.control.story();
        let broken = |what: String| {
            let invariant = leasehold_control::Invariant::Conservation;
            let violation = Violation { invariant, at: until, what };
            RunError::Violation { violation, story: story() }
        };
        state.books.meter.conservation(until).map_err(|error| broken(error.to_string()))?;
        if metered == self.installed_gpu_seconds {
            return Ok(());
        }
        let installed = self.installed_gpu_seconds;
        Err(broken(format!("{metered} GPU-seconds were metered, {installed} were installed")))
    }
}
