//! What happens to a site from outside, emulated: jobs that come and end, nodes that fail and come clean,
//! tenants that pay, what a scenario calls for.
//!
//! Whoever drives the state machine asks for one thing after the other, hands it over, and lets this hear
//! the events. Whether time is real or virtual is the driver's business.

use std::collections::VecDeque;

use leasehold_control::{Condition, Event, Input, JobSpec, State};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Interval, Shape};

use super::calendar::Happening;
use super::deed::{Act, Deed};
use super::faults::{Faults, TurnoverFailures};
use super::payers::Payers;
use super::record::Milestone;
use super::world::{Newcomer, World};
use super::{JobStreamError, Workload};
use crate::workload::WorkloadJob;

/// What is to happen.
pub struct Script {
    /// From when until when: afterwards no job comes any more.
    pub interval: Interval,
    /// Jobs to come.
    pub workloads: Vec<Workload>,
    /// What the scenario calls for, in any order.
    pub inputs: Vec<(Instant, Input)>,
    /// What happens whether or not it can be refused.
    pub deeds: Vec<Deed>,
    /// Random failures.
    pub faults: Option<Faults>,
    /// Turnovers that fail.
    pub turnovers: TurnoverFailures,
    /// Tenants that pay.
    pub payers: Payers,
}

/// Something to be handed to the state machine.
#[derive(Debug, Clone)]
pub struct Cue {
    /// What.
    pub input: Input,
    /// Where it comes from.
    pub origin: Origin,
    /// The workload that a job comes from, by its place in the script.
    pub workload: Option<usize>,
    newcomer: Option<Newcomer>,
    deed: Option<u32>,
}

/// Where something comes from, and so whether it may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cluster: it is never refused.
    Observation,
    /// The scenario: where it is refused, the scenario is wrong.
    Scenario,
    /// Somebody who tries.
    Attempt,
    /// A job, or its withdrawal: what cannot run is refused.
    Job,
}

/// What happens to a site from outside.
pub struct Emulation {
    pub(super) world: World,
    sources: Vec<Source>,
    inputs: Vec<(Instant, Input)>,
    deeds: Vec<Deed>,
    /// Deeds that were done since they were last taken, by their places.
    done: Vec<u32>,
    faults: Option<Faults>,
    interval: Interval,
    /// What else belongs to the happening that was taken last.
    ahead: VecDeque<Cue>,
    refused: u64,
}

struct Source {
    workload: Workload,
    /// Its number, once it is a party: a tenant may sign during the run.
    party: Option<u16>,
    account: u16,
    next: Option<WorkloadJob>,
}

impl Cue {
    const fn new(input: Input, origin: Origin) -> Self {
        Self { input, origin, workload: None, newcomer: None, deed: None }
    }
}

impl Emulation {
    /// What happens by `script`.
    ///
    /// # Errors
    /// Where a workload cannot be read.
    pub fn new(script: Script) -> Result<Self, JobStreamError> {
        let Script { interval, workloads, inputs, deeds, faults, turnovers, payers } = script;
        let mut emulation = Self {
            world: World::new(turnovers, payers),
            sources: Vec::new(),
            inputs,
            deeds: Vec::new(),
            done: Vec::new(),
            faults,
            interval,
            ahead: VecDeque::new(),
            refused: 0,
        };
        for workload in workloads {
            emulation.add_source(workload);
        }
        for place in 0..emulation.sources.len() {
            emulation.draw_arrival(place)?;
        }
        for (place, (at, _)) in (0..).zip(&emulation.inputs) {
            emulation.world.calendar.add(*at, Happening::Scenario(place));
        }
        emulation.add_deeds(deeds);
        emulation.draw_fault(interval.from);
        Ok(emulation)
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<Instant> {
        self.world.calendar.next()
    }

    /// The next thing that happens up to `now`, to be handed over before anything else is: what was
    /// expected of the one before is forgotten.
    ///
    /// # Errors
    /// Where a workload cannot be read on.
    pub fn take(&mut self, now: Instant, state: &State) -> Result<Option<Cue>, JobStreamError> {
        loop {
            self.world.newcomer = None;
            if let Some(cue) = self.ahead.pop_front() {
                self.world.newcomer = cue.newcomer;
                return Ok(Some(cue));
            }
            let Some(happening) = self.world.calendar.pop(now) else { return Ok(None) };
            self.happen(now, happening, state)?;
        }
    }

    /// Hears whether what was handed over last was taken.
    pub fn answered(&mut self, cue: Cue, taken: bool) {
        self.refused += u64::from(!taken);
        self.done.extend(cue.deed);
    }

    /// Carries out what an event asks of a cluster.
    pub fn observe(&mut self, now: Instant, event: &Event, state: &State) {
        self.world.observe(now, event, state);
    }

    /// Whether the job that is submitted next comes from a workload.
    pub const fn expects_newcomer(&self) -> bool {
        self.world.newcomer.is_some()
    }

    /// Says what is true of the job that is submitted next, where it comes from no workload.
    pub const fn expect(&mut self, newcomer: Newcomer) {
        self.world.newcomer = Some(newcomer);
    }

    /// The account of its party that the workload at `place` is, and its name.
    pub fn workload(&self, place: usize) -> (&Workload, u16) {
        let source = &self.sources[place];
        (&source.workload, source.account)
    }

    /// All workloads with the accounts that they are.
    pub fn workloads(&self) -> impl Iterator<Item = (&Workload, u16)> {
        self.sources.iter().map(|source| (&source.workload, source.account))
    }

    /// Forgets what only the report of a whole run needs.
    pub fn forget(&mut self) {
        let world = &mut self.world;
        world.ended.clear();
        world.milestones.clear();
        world.limits.clear();
        world.waits.missed.clear();
        world.tallies.iter_mut().for_each(|tally| tally.wait_seconds.clear());
        self.done.clear();
    }

    /// What was refused so far.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn add_deeds(&mut self, deeds: Vec<Deed>) {
        for deed in deeds {
            let place = u32::try_from(self.deeds.len()).expect("few deeds");
            self.world.calendar.add(deed.at, Happening::Deed(place));
            self.deeds.push(deed);
        }
    }

    /// The deeds that were done since the last call, in their order.
    pub(super) fn take_deeds(&mut self) -> impl Iterator<Item = Deed> {
        let deeds = &self.deeds;
        self.done.drain(..).map(|place| deeds[place as usize].clone())
    }

    fn add_source(&mut self, workload: Workload) {
        let before = self.sources.iter().filter(|other| other.workload.party == workload.party);
        let account = u16::try_from(before.count()).expect("few workloads");
        self.sources.push(Source { workload, party: None, account, next: None });
    }

    fn happen(
        &mut self,
        now: Instant,
        happening: Happening,
        state: &State,
    ) -> Result<(), JobStreamError> {
        match happening {
            Happening::End { job, start } => {
                if self.world.concerns(job, start) {
                    self.observed(Input::Ended { job });
                }
            }
            Happening::Vacated { job, start } => {
                if self.world.concerns(job, start) {
                    self.observed(Input::Vacated { job });
                }
            }
            Happening::TurnoverDone(place) => {
                let nodes = self.world.calendar.take_turnover(place);
                self.observed(Input::TurnoverDone { nodes });
            }
            Happening::Repaired(node) => {
                self.observed(Input::NodesUp(NodeRanges::from_range(node, node + 1)));
            }
            Happening::Fault => self.fault(now, state),
            Happening::Scenario(place) => {
                let input = self.inputs[place as usize].1.clone();
                self.world.milestones.extend(Milestone::of_scenario(now, &input));
                self.ahead.push_back(Cue::new(input, Origin::Scenario));
            }
            Happening::Deed(place) => self.deed(place, state),
            Happening::Payment(place) => {
                let request = self.world.payers.request(now, place, state);
                let input = request.map(|request| Input::Account(Box::new(request)));
                self.ahead.extend(input.map(|input| Cue::new(input, Origin::Scenario)));
            }
            Happening::Arrival(place) => self.arrive(place as usize, state)?,
        }
        Ok(())
    }

    fn observed(&mut self, input: Input) {
        self.ahead.push_back(Cue::new(input, Origin::Observation));
    }

    /// Does what may be refused.
    fn deed(&mut self, place: u32, state: &State) {
        let act = &self.deeds[place as usize].act;
        let cue = match act {
            Act::Look => return,
            Act::StickTurnover(node) => {
                self.world.turnovers.stick(*node);
                self.done.push(place);
                return;
            }
            Act::Cancel { number } => {
                let found = state.jobs.iter().find(|(_, job)| job.spec.number == *number);
                found.map(|(job, _)| Cue::new(Input::Cancel { job }, Origin::Job))
            }
            Act::Input(input) => Some(Cue::new(input.clone(), Origin::Attempt)),
            Act::Submit { party, job, priority, within } => state
                .party(party)
                .map(|party| submission((party, 0), job, (*priority, *within), state)),
        };
        match cue {
            Some(cue) => self.ahead.push_back(Cue { deed: Some(place), ..cue }),
            None => {
                self.refused += 1;
                self.done.push(place);
            }
        }
    }

    fn arrive(&mut self, place: usize, state: &State) -> Result<(), JobStreamError> {
        let source = &mut self.sources[place];
        let job = source.next.take().expect("an arrival was drawn");
        source.party = source.party.or_else(|| state.party(&source.workload.party));
        let Some(party) = source.party else {
            self.refused += 1;
            return self.draw_arrival(place);
        };
        let (account, workload) = (source.account, &source.workload);
        // What is said of an account is said with its first job.
        let known = state.parties[usize::from(party)].accounts.len();
        if workload.share != 1 && usize::from(account) >= known {
            let input = Input::SetShare { party, account, share: workload.share };
            self.ahead.push_back(Cue::new(input, Origin::Observation));
        }
        let wish = (workload.priority, workload.within);
        let cue = submission((party, account), &job, wish, state);
        self.ahead.push_back(Cue { workload: Some(place), ..cue });
        self.draw_arrival(place)
    }

    fn draw_arrival(&mut self, place: usize) -> Result<(), JobStreamError> {
        let source = &mut self.sources[place];
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

    fn fault(&mut self, now: Instant, state: &State) {
        if let Some(faults) = &mut self.faults {
            let node = faults.draw_node();
            let repaired = now.after(faults.repair());
            if state.fleet.node(node).condition == Condition::Up {
                self.observed(Input::NodesDown(NodeRanges::from_range(node, node + 1)));
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
}

/// A job that somebody submits.
fn submission(
    (party, account): (u16, u16),
    job: &WorkloadJob,
    (priority, within): (i16, Shape),
    state: &State,
) -> Cue {
    let pools = pools(job.skus, state);
    let spec = JobSpec {
        number: job.number,
        party,
        gpus: job.gpus,
        request_seconds: job.request_seconds,
        vacate_seconds: job.vacate_seconds,
        checkpoint_seconds: job.checkpoint_seconds,
        pools,
        within: block(within, job.gpus, pools, state),
        priority,
        account,
    };
    let newcomer =
        Newcomer { run_seconds: job.run_seconds, vacate_seconds: job.vacate_actual_seconds };
    Cue { newcomer: Some(newcomer), ..Cue::new(Input::Submit(spec), Origin::Job) }
}

/// `wish`, if a job of `gpus` fits such a block of a pool that it may use; else anywhere.
fn block(wish: Shape, gpus: u32, allowed: u64, state: &State) -> Shape {
    let site = &state.site;
    let fits = |(index, pool): (usize, &leasehold_site::Pool)| {
        let block = pool.nodes_per(wish) * site.sku(pool).gpus_per_node;
        allowed & (1 << index) != 0 && gpus <= block
    };
    if site.pools.iter().enumerate().any(fits) { wish } else { Shape::Node }
}

/// The pools of the skus in `skus`, a bit each.
fn pools(skus: u32, state: &State) -> u64 {
    let pools = state.site.pools.iter().enumerate();
    pools.filter(|(_, pool)| skus & (1 << pool.sku) != 0).fold(0, |bits, (i, _)| bits | 1 << i)
}
