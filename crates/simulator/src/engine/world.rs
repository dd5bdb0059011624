//! The emulated cluster: how long jobs really run, how long they really take to leave, and what
//! became of them. The state machine sees none of it but by observation.

use std::collections::BTreeMap;

use leasehold_control::{Event, JobSlot, Party, State};
use leasehold_units::{Instant, Seconds};

use super::calendar::{Calendar, Happening};
use super::faults::TurnoverFailures;
use super::payers::Payers;
use super::record::{JobOutcome, JobRecord, Milestone, PartyTally};
use super::waits::Waits;

/// What is true of a job, whether or not anybody was told.
#[derive(Debug, Clone, Copy, Default)]
struct Truth {
    number: u64,
    submitted: i64,
    first_start: Option<Instant>,
    run_seconds: u32,
    vacate_seconds: u32,
    gpus: u32,
    started: i64,
    start: u32,
    evictions: u32,
    used_seconds: u32,
    borrowed_seconds: u32,
    party: Party,
    running: bool,
    guest: bool,
}

/// A job's truth before the job has a slot.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer {
    /// Seconds that it really runs.
    pub run_seconds: u32,
    /// Seconds that it really takes to leave.
    pub vacate_seconds: u32,
}

/// The emulated cluster.
#[derive(Debug)]
pub struct World {
    /// What is ahead.
    pub calendar: Calendar,
    /// What is known of each party's jobs.
    pub tallies: Vec<PartyTally>,
    /// What a reader of the report wants to be told.
    pub milestones: Vec<Milestone>,
    /// Facility watts that may be drawn, from each instant on.
    pub limits: Vec<(Instant, u64)>,
    /// Nodes that failed, counted each time.
    pub failures: u64,
    /// Jobs that ended since they were last taken.
    pub ended: Vec<JobRecord>,
    /// Tenants that pay.
    pub payers: Payers,
    /// The next job to be submitted.
    pub newcomer: Option<Newcomer>,
    /// The tenants' jobs that wait for nodes.
    pub waits: Waits,
    /// Turnovers that fail.
    pub turnovers: TurnoverFailures,
    /// Nodes whose turnover does not end, and when it should have.
    sticking: BTreeMap<u32, Instant>,
    /// Nodes that left a holding, and when, as of the last instant at which any did.
    released: BTreeMap<u32, Instant>,
    truths: Vec<Truth>,
}

impl World {
    /// A world without a job, in which these turnovers fail and these tenants pay.
    pub fn new(turnovers: TurnoverFailures, payers: Payers) -> Self {
        Self {
            turnovers,
            waits: Waits::default(),
            sticking: BTreeMap::new(),
            released: BTreeMap::new(),
            calendar: Calendar::default(),
            tallies: Vec::new(),
            milestones: Vec::new(),
            limits: Vec::new(),
            failures: 0,
            ended: Vec::new(),
            payers,
            newcomer: None,
            truths: Vec::new(),
        }
    }

    /// Whether the happening still concerns the start of the job that it was made for.
    pub fn concerns(&self, job: JobSlot, start: u32) -> bool {
        let truth = &self.truths[job as usize];
        truth.running && truth.start == start
    }

    /// Carries out what `event` asks of a cluster, and keeps account of the jobs.
    pub fn observe(&mut self, now: Instant, event: &Event, state: &State) {
        for (at, place) in self.payers.observe(now, event, state) {
            self.calendar.add(at, Happening::Payment(place));
        }
        self.note_stuck(now, event);
        self.note_swapped(now, event, state);
        self.waits.observe(now, event, state);
        match event {
            Event::JobSubmitted { job, .. } => self.submitted(*job, now, state),
            Event::JobStarted { job, at } => self.started(*job, at.guest, now, state),
            Event::EvictionRequested { job, deadline } => {
                let evicted = !state.jobs.get(*job).cancelled;
                self.told_to_leave(*job, (*deadline, evicted), now);
            }
            Event::JobVacated { job } | Event::JobStopped { job, .. } => self.left(*job, now),
            Event::JobFinished { job } => {
                self.left(*job, now);
                let record = self.record(*job, Some(now), JobOutcome::Finished);
                self.tallies[usize::from(record.party)].finished += 1;
                self.ended.push(record);
            }
            Event::JobCancelled { job } => {
                let record = self.record(*job, Some(now), JobOutcome::Cancelled);
                self.tally(record.party).cancelled += 1;
                self.ended.push(record);
            }
            Event::NodesFailed { nodes } => {
                self.failures += u64::from(nodes.count());
                self.milestones.extend(Milestone::of(now, event, state));
            }
            Event::EnvelopeChanged { limit } => self.limits.push((now, limit.get())),
            Event::TurnoverBegan { nodes, until } => {
                let clean = self.turnovers.come_clean(nodes);
                if !clean.is_empty() {
                    self.calendar.add_turnover(*until, &clean);
                }
                let stuck = nodes.iter().filter(|node| !clean.contains(*node));
                self.sticking.extend(stuck.map(|node| (node, *until)));
            }
            Event::TurnoverOverdue { nodes, .. } => {
                let back = now.after(self.turnovers.repair());
                nodes.iter().for_each(|node| self.calendar.add(back, Happening::Repaired(node)));
                self.milestones.extend(Milestone::of(now, event, state));
            }
            _ => self.milestones.extend(Milestone::of(now, event, state)),
        }
    }

    /// Notes the nodes whose turnover would never have ended: when that comes to an end, and when a
    /// bound passes while it should have ended before.
    fn note_stuck(&mut self, now: Instant, event: &Event) {
        let waits = &mut self.waits;
        match event {
            Event::ReclaimMissed { .. } => {
                let over = self.sticking.iter().filter(|(_, until)| **until < now);
                over.for_each(|(node, _)| waits.note_unclean(*node, now));
            }
            Event::NodesFailed { nodes }
            | Event::NodesCurtailed { nodes }
            | Event::MaintenanceBegan { nodes }
            | Event::HoldingChanged { nodes, .. } => {
                let over = self.sticking.extract_if(.., |node, _| nodes.contains(*node));
                over.for_each(|(node, _)| waits.note_unclean(node, now));
            }
            _ => {}
        }
    }

    /// Notes the nodes that pass from one holding to another at once, as contracts ask: nobody could scrub
    /// them before, of the tenant's work or of what the landlord had lent there. Works can wait.
    fn note_swapped(&mut self, now: Instant, event: &Event, state: &State) {
        let Event::HoldingChanged { to, nodes } = event else { return };
        let Some(lease) = to.lease() else {
            self.released.retain(|_, at| *at == now);
            self.released.extend(nodes.iter().map(|node| (node, now)));
            return;
        };
        if state.contracts.outages.iter().any(|outage| outage.interval.from == now) {
            return;
        }
        let holder = state.contracts.leases[usize::from(lease)].party;
        let foreign = |node: &u32| state.fleet.node(*node).soil.is_some_and(|soil| soil != holder);
        let at_once = |node: &u32| self.released.get(node) == Some(&now);
        for node in nodes.iter().filter(|node| foreign(node) && at_once(node)) {
            self.waits.note_unclean(node, now);
        }
    }

    /// What is known of the living jobs at the end, in the order of their slots.
    pub fn unfinished(&mut self, state: &State, now: Instant) -> Vec<JobRecord> {
        let slots: Vec<JobSlot> = state.jobs.iter().map(|(slot, _)| slot).collect();
        let mut records = Vec::with_capacity(slots.len());
        for slot in slots {
            let running = self.truths[slot as usize].running;
            if running {
                self.left(slot, now);
            }
            let outcome = if running { JobOutcome::Running } else { JobOutcome::Waiting };
            records.push(self.record(slot, None, outcome));
        }
        records.sort_by_key(|record| (record.party, record.number));
        records
    }

    fn submitted(&mut self, job: JobSlot, now: Instant, state: &State) {
        let newcomer = self.newcomer.take().expect("a submission comes from a workload");
        let spec = &state.jobs.get(job).spec;
        let truth = Truth {
            number: spec.number,
            submitted: now.unix(),
            run_seconds: newcomer.run_seconds.min(spec.request_seconds),
            vacate_seconds: newcomer.vacate_seconds,
            gpus: spec.gpus,
            party: spec.party,
            ..Truth::default()
        };
        let place = job as usize;
        if place >= self.truths.len() {
            self.truths.resize(place + 1, Truth::default());
        }
        // Starts are counted on from the job that had the slot before, so that nothing which is still
        // ahead for that one is taken for this one's.
        let start = self.truths[place].start;
        self.truths[place] = Truth { start, ..truth };
        self.tally(spec.party).submitted += 1;
    }

    fn started(&mut self, job: JobSlot, guest: bool, now: Instant, state: &State) {
        let kept = state.jobs.get(job).kept_seconds;
        let truth = &mut self.truths[job as usize];
        truth.start += 1;
        truth.running = true;
        truth.guest = guest;
        truth.started = now.unix();
        let first = truth.first_start.is_none();
        truth.first_start.get_or_insert(now);
        let left = truth.run_seconds.saturating_sub(kept).max(1);
        let (start, party, submitted) = (truth.start, truth.party, truth.submitted);
        let end = now.after(Seconds::new(u64::from(left)));
        self.calendar.add(end, Happening::End { job, start });
        let tally = self.tally(party);
        if first {
            tally.started += 1;
            let wait = now.since(Instant::from_unix(submitted)).get();
            tally.wait_seconds.push(u32::try_from(wait).unwrap_or(u32::MAX));
        }
    }

    /// `evicted`: told by somebody else than its own party.
    fn told_to_leave(&mut self, job: JobSlot, (deadline, evicted): (Instant, bool), now: Instant) {
        let truth = &mut self.truths[job as usize];
        truth.evictions += u32::from(evicted);
        let (start, party) = (truth.start, truth.party);
        let gone = now.after(Seconds::new(u64::from(truth.vacate_seconds))).min(deadline);
        self.calendar.add(gone, Happening::Vacated { job, start });
        self.tally(party).evicted += u64::from(evicted);
    }

    fn left(&mut self, job: JobSlot, now: Instant) {
        let truth = &mut self.truths[job as usize];
        truth.running = false;
        let ran = now.since(Instant::from_unix(truth.started)).get();
        let ran = u32::try_from(ran).unwrap_or(u32::MAX);
        let seconds =
            if truth.guest { &mut truth.borrowed_seconds } else { &mut truth.used_seconds };
        *seconds = seconds.saturating_add(ran);
        let gpu_seconds = u128::from(ran) * u128::from(truth.gpus);
        let (guest, party) = (truth.guest, truth.party);
        let tally = self.tally(party);
        if guest {
            tally.gpu_seconds_borrowed += gpu_seconds;
        } else {
            tally.gpu_seconds_used += gpu_seconds;
        }
    }

    fn record(&self, job: JobSlot, end: Option<Instant>, outcome: JobOutcome) -> JobRecord {
        let truth = &self.truths[job as usize];
        JobRecord {
            number: truth.number,
            party: truth.party,
            gpus: truth.gpus,
            submitted: Instant::from_unix(truth.submitted),
            started: truth.first_start,
            ended: end,
            evictions: truth.evictions,
            used_seconds: truth.used_seconds,
            borrowed_seconds: truth.borrowed_seconds,
            outcome,
        }
    }

    fn tally(&mut self, party: Party) -> &mut PartyTally {
        let place = usize::from(party);
        if place >= self.tallies.len() {
            self.tallies.resize(place + 1, PartyTally::default());
        }
        &mut self.tallies[place]
    }
}
