//! Playing a scenario: the state machine on a virtual clock, with an emulated cluster.
//!
//! The clock jumps from one happening to the next; nothing ticks. One seed gives one run, to the
//! byte.

mod calendar;
mod deed;
mod faults;
mod payers;
mod record;
mod troubles;
mod waits;
mod world;

use std::cell::RefCell;
use std::rc::Rc;

use leasehold_control::{Control, EvidenceChunk, Input, JobSpec, RefusedInput, State, Violation};
use leasehold_lease::Lease;
use leasehold_ledger::UsageInterval;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_site::Site;
use leasehold_units::{Instant, Interval, PartyId, Shape};

pub use deed::{Act, Deed, Watcher};
pub use faults::{Faults, TurnoverFailures};
pub use payers::Payers;
pub use record::{JobOutcome, JobRecord, Milestone, PartyTally};

use crate::measure::{CapacitySeries, ReclaimHistogram};
use crate::workload::WorkloadJob;
use calendar::Happening;
use troubles::Troubles;
use world::{Newcomer, World};

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
        Self { party, jobs, priority: 0, share: 1, within: Shape::Node }
    }
}

/// Jobs in order of submission.
pub type JobStream = Box<dyn Iterator<Item = Result<WorkloadJob, JobStreamError>>>;

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
    /// Highest facility draw, in watts, rounded up.
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
    world: World,
    workloads: Vec<Source>,
    inputs: Vec<(Instant, Input)>,
    deeds: Vec<Deed>,
    watcher: Option<Box<dyn Watcher>>,
    deed_log: Option<Rc<RefCell<Vec<Deed>>>>,
    troubles: Troubles,
    faults: Option<Faults>,
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
    refused: u64,
}

struct Source {
    workload: Workload,
    /// Its number, once it is a party: a tenant may sign during the run.
    party: Option<u16>,
    account: u16,
    next: Option<WorkloadJob>,
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

impl<'a> Run<'a> {
    fn new(setting: Setting, keeper: &'a mut dyn Keeper) -> Result<Self, RunError> {
        let Setting {
            site,
            leases,
            interval,
            workloads,
            inputs,
            deeds,
            watcher,
            deed_log,
            faults,
            turnovers,
            payers,
            ..
        } = setting;
        let control = Control::new(site, leases, interval.from).map_err(RunError::Oversold)?;
        let mut run = Self {
            control,
            world: World::new(turnovers, payers),
            workloads: Vec::new(),
            inputs,
            deeds: Vec::new(),
            watcher,
            deed_log,
            troubles: Troubles::default(),
            faults,
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
            refused: 0,
        };
        for workload in workloads {
            run.add_source(workload)?;
        }
        for place in 0..run.workloads.len() {
            run.draw_arrival(place)?;
        }
        for (place, (at, _)) in (0..).zip(&run.inputs) {
            run.world.calendar.add(*at, Happening::Scenario(place));
        }
        run.add_deeds(deeds);
        run.draw_fault(interval.from);
        Ok(run)
    }

    fn add_source(&mut self, workload: Workload) -> Result<(), RunError> {
        let party = self.control.state().party(&workload.party);
        let signs =
            |input: &Input| matches!(input, Input::Sign(terms) if terms.tenant == workload.party);
        if party.is_none() && !self.inputs.iter().any(|(_, input)| signs(input)) {
            return Err(RunError::UnknownParty(workload.party));
        }
        let before = self.workloads.iter().filter(|other| other.workload.party == workload.party);
        let account = u16::try_from(before.count()).expect("few workloads");
        self.workloads.push(Source { workload, party, account, next: None });
        Ok(())
    }

    /// The number of the party that the workload at `place` belongs to, if it is one by now. What
    /// is said of its account is said with its first job.
    fn party_of(&mut self, now: Instant, place: usize) -> Option<u16> {
        let source = &self.workloads[place];
        let party = source.party.or_else(|| self.control.state().party(&source.workload.party))?;
        let (account, share) = (source.account, source.workload.share);
        let known = self.control.state().parties[usize::from(party)].accounts.len();
        if share != 1 && usize::from(account) >= known {
            self.hand_over(now, &Input::SetShare { party, account, share });
        }
        self.workloads[place].party = Some(party);
        Some(party)
    }

    fn next_instant(&self) -> Option<Instant> {
        let next = [self.world.calendar.next(), self.control.next_due()];
        next.into_iter().flatten().min()
    }

    /// Everything that happens at `now`, and what follows from it.
    fn instant(&mut self, now: Instant) -> Result<(), RunError> {
        while let Some(happening) = self.world.calendar.pop(now) {
            self.happen(now, happening)?;
        }
        self.keeper.told(now, None);
        let world = &mut self.world;
        let settled = self.control.settle(now, &mut |at, event, state| {
            world.observe(at, event, state);
        });
        if let Err(violation) = settled {
            return Err(RunError::Violation { violation, story: self.control.story() });
        }
        self.peak_it_watts = self.peak_it_watts.max(self.control.state().fleet.it_watts());
        self.troubles.note(now, self.control.state());
        self.keep()?;
        if let Some(watcher) = &mut self.watcher {
            let deeds = watcher.watch(now, self.control.state());
            self.add_deeds(deeds);
        }
        Ok(())
    }

    fn add_deeds(&mut self, deeds: Vec<Deed>) {
        for deed in deeds {
            let place = u32::try_from(self.deeds.len()).expect("few deeds");
            self.world.calendar.add(deed.at, Happening::Deed(place));
            self.deeds.push(deed);
        }
    }

    /// Does what may be refused, and writes it down.
    fn deed(&mut self, now: Instant, place: usize) {
        let deed = self.deeds[place].clone();
        let done = match &deed.act {
            Act::Look => return,
            Act::StickTurnover(node) => {
                self.world.turnovers.stick(*node);
                true
            }
            Act::Cancel { number } => {
                let jobs = &self.control.state().jobs;
                let found = jobs.iter().find(|(_, job)| job.spec.number == *number);
                let slot = found.map(|(slot, _)| slot);
                slot.is_some_and(|job| self.submit(now, &Input::Cancel { job }).is_ok())
            }
            Act::Input(input) => match self.submit(now, input) {
                Ok(()) => true,
                Err(refusal) => {
                    if let Input::Sign(terms) = input {
                        self.troubles.refused(terms, now, self.control.state());
                    }
                    self.world.milestones.push(Milestone::refused(now, &refusal));
                    false
                }
            },
            Act::Submit { party, job, priority, within } => {
                let found = self.control.state().party(party);
                found.is_some_and(|party| self.submit_job(now, (party, 0), job, *priority, *within))
            }
        };
        self.refused += u64::from(!done);
        if let Some(log) = &self.deed_log {
            log.borrow_mut().push(deed);
        }
    }

    /// Whether the job was taken.
    fn submit_job(
        &mut self,
        now: Instant,
        (party, account): (u16, u16),
        job: &WorkloadJob,
        priority: i16,
        within: Shape,
    ) -> bool {
        let pools = self.pools(job.skus);
        let spec = JobSpec {
            number: job.number,
            party,
            gpus: job.gpus,
            request_seconds: job.request_seconds,
            vacate_seconds: job.vacate_seconds,
            checkpoint_seconds: job.checkpoint_seconds,
            pools,
            within: self.within(within, job.gpus, pools),
            priority,
            account,
        };
        let newcomer =
            Newcomer { run_seconds: job.run_seconds, vacate_seconds: job.vacate_actual_seconds };
        self.world.newcomer = Some(newcomer);
        self.submit(now, &Input::Submit(spec)).is_ok()
    }

    fn happen(&mut self, now: Instant, happening: Happening) -> Result<(), RunError> {
        match happening {
            Happening::End { job, start } => {
                if self.world.concerns(job, start) {
                    self.hand_over(now, &Input::Ended { job });
                }
            }
            Happening::Vacated { job, start } => {
                if self.world.concerns(job, start) {
                    self.hand_over(now, &Input::Vacated { job });
                }
            }
            Happening::TurnoverDone(place) => {
                let nodes = self.world.calendar.take_turnover(place);
                self.hand_over(now, &Input::TurnoverDone { nodes });
            }
            Happening::Repaired(node) => {
                let nodes = NodeRanges::from_range(node, node + 1);
                self.hand_over(now, &Input::NodesUp(nodes));
            }
            Happening::Fault => self.fault(now),
            Happening::Scenario(place) => {
                let input = self.inputs[place as usize].1.clone();
                self.world.milestones.extend(Milestone::of_scenario(now, &input));
                if let Err(refusal) = self.submit(now, &input) {
                    return Err(RunError::Refused { at: now, refusal });
                }
            }
            Happening::Deed(place) => self.deed(now, place as usize),
            Happening::Payment(place) => self.pay(now, place)?,
            Happening::Arrival(place) => self.arrive(now, place as usize)?,
        }
        Ok(())
    }

    fn pay(&mut self, now: Instant, place: u32) -> Result<(), RunError> {
        let request = self.world.payers.request(now, place, self.control.state());
        let input = request.map(|request| Input::Account(Box::new(request)));
        input.map_or(Ok(()), |input| {
            let refused = |refusal| RunError::Refused { at: now, refusal };
            self.submit(now, &input).map_err(refused)
        })
    }

    /// Hands over an observation, which is never refused.
    fn hand_over(&mut self, now: Instant, input: &Input) {
        self.submit(now, input).expect("an observation is not refused");
    }

    fn submit(&mut self, now: Instant, input: &Input) -> Result<(), RefusedInput> {
        self.keeper.told(now, Some(input));
        let world = &mut self.world;
        self.control.handle(now, input, &mut |at, event, state| world.observe(at, event, state))
    }

    fn arrive(&mut self, now: Instant, place: usize) -> Result<(), RunError> {
        let party = self.party_of(now, place);
        let source = &mut self.workloads[place];
        let job = source.next.take().expect("an arrival was drawn");
        let Some(party) = party else {
            self.refused += 1;
            return self.draw_arrival(place);
        };
        let source = &self.workloads[place];
        let (account, workload) = (source.account, &source.workload);
        let (priority, within) = (workload.priority, workload.within);
        if !self.submit_job(now, (party, account), &job, priority, within) {
            self.refused += 1;
        }
        self.draw_arrival(place)
    }

    /// `wish`, if a job of `gpus` fits such a block of a pool that it may use; else anywhere.
    fn within(&self, wish: Shape, gpus: u32, allowed: u64) -> Shape {
        let site = &self.control.state().site;
        let fits = |(index, pool): (usize, &leasehold_site::Pool)| {
            let block = pool.nodes_per(wish) * site.sku(pool).gpus_per_node;
            allowed & (1 << index) != 0 && gpus <= block
        };
        if site.pools.iter().enumerate().any(fits) { wish } else { Shape::Node }
    }

    /// The pools of the skus in `skus`, a bit each.
    fn pools(&self, skus: u32) -> u64 {
        let pools = self.control.state().site.pools.iter().enumerate();
        pools.filter(|(_, pool)| skus & (1 << pool.sku) != 0).fold(0, |bits, (i, _)| bits | 1 << i)
    }

    fn draw_arrival(&mut self, place: usize) -> Result<(), RunError> {
        let source = &mut self.workloads[place];
        if let Some(job) = source.workload.jobs.next().transpose()? {
            let at = job.submit.max(self.interval.from);
            if at < self.interval.until {
                source.next = Some(job);
                let place = u32::try_from(place).expect("few workloads");
                self.world.calendar.add(at, Happening::Arrival(place));
            }
        }
        Ok(())
    }

    fn fault(&mut self, now: Instant) {
        if let Some(faults) = &mut self.faults {
            let node = faults.draw_node();
            let repaired = now.after(faults.repair());
            if self.control.state().fleet.node(node).condition == leasehold_control::Condition::Up {
                self.hand_over(now, &Input::NodesDown(NodeRanges::from_range(node, node + 1)));
                self.world.calendar.add(repaired, Happening::Repaired(node));
            }
        }
        self.draw_fault(now);
    }

    fn draw_fault(&mut self, now: Instant) {
        if let Some(faults) = &mut self.faults {
            let at = now.after(faults.draw_gap());
            self.world.calendar.add(at, Happening::Fault);
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
        for missed in self.world.waits.missed.drain(..) {
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
        if self.world.ended.len() >= 1024 {
            self.keeper.jobs(&self.world.ended, self.control.state())?;
            self.world.ended.clear();
        }
        Ok(())
    }

    /// Integrates what holds from `now` until `next`.
    fn pass_time(&mut self, now: Instant, next: Instant) {
        let state = self.control.state();
        let watts = state.site.facility(leasehold_units::Watts::new(state.fleet.it_watts()));
        let watts = u64::try_from(watts.floor()).expect("a site draws less");
        self.capacity.add(now, next, state.fleet.gauge_total(), watts);
        self.installed_gpu_seconds +=
            u128::from(state.installed_gpus) * u128::from(next.since(now).get());
        self.keeper.progress(next, self.control.events());
    }

    fn finish(mut self) -> Result<Outcome, RunError> {
        let until = self.interval.until;
        let eve = until.before(leasehold_units::Seconds::new(1));
        let through = self.control.state().site.time_zone.day_of(eve);
        let world = &mut self.world;
        self.control.close(until, through, &mut |at, event, state| {
            world.observe(at, event, state);
        });
        if let Err(violation) = self.control.check_books() {
            return Err(RunError::Violation { violation, story: self.control.story() });
        }
        self.keep()?;
        self.keeper.usage(&self.usage, self.control.state())?;
        self.keeper.jobs(&self.world.ended, self.control.state())?;
        let left = self.world.unfinished(self.control.state(), until);
        self.keeper.jobs(&left, self.control.state())?;
        self.conserve(until)?;
        let peak = leasehold_units::Watts::new(self.peak_it_watts);
        let peak = self.control.state().site.facility(peak);
        let events = self.control.events();
        self.world.tallies.resize(self.control.state().parties.len(), PartyTally::default());
        Ok(Outcome {
            peak_watts: u64::try_from(peak.floor()).expect("a site draws less"),
            events,
            tallies: self.world.tallies,
            milestones: self.world.milestones,
            capacity: self.capacity,
            reclaims: self.reclaims,
            reclaims_within: self.reclaims_within,
            reclaims_missed: self.reclaims_missed,
            reclaim_parts_max: self.reclaim_parts_max,
            late_without_cause: self.troubles.without_cause,
            broken_quotes: self.troubles.broken_quotes,
            installed_gpu_seconds: self.installed_gpu_seconds,
            refused: self.refused,
            failures: self.world.failures,
            limits: self.world.limits,
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
