//! The deterministic state machine: inputs are decided on, and the events applied.
//!
//! `decide` reads the state and answers with events or a refusal; `apply` changes the state and
//! chooses nothing. The state is the fold of the events. Nothing here waits, reads a clock, or
//! knows whether the time is real or simulated.

mod books;
mod decide;
mod event;
mod fleet;
mod invariants;
mod job;
mod queue;
mod state;
mod upkeep;

pub use books::{Books, EvidenceChunk, OtherDocument, Reclaim};
pub use decide::{NotBooked, RefusedInput, RefusedOutage, can_book, something_follows};
pub use event::{
    Ask, Cause, Curtailment, CurtailmentAsk, Election, EndCause, Event, Gone, Input, Placing,
    PowerStep, PowerStepKind, StopReason, Whose,
};
pub use fleet::{
    Claim, Condition, Fleet, Holding, JobSlot, LANDLORD, Node, Partition, PartitionId, Party, User,
};
pub use invariants::{Breach, Checks, Invariant, Violation};
pub use job::{Allocation, Job, JobSpec, JobState, JobTable};
pub use state::{
    AgendaItem, Contracts, DeliveryRecord, LeaseEntry, Lending, ShortTime, State,
    VACATE_SECONDS_MAX,
};

use std::collections::VecDeque;

pub use upkeep::{Agreed, Hold, OutageAsk, PlannedOutage};

use leasehold_allocator::Refusal;
use leasehold_lease::Lease;
use leasehold_site::Site;
use leasehold_units::{Day, Instant};

/// Every so many events a stretch of them is folded again from a copy of the state.
const REPLAY_EVERY: u64 = 1 << 19;
/// More events than this never follow from one instant: a decision undoes another.
const EVENTS_AT_ONCE_MAX: u64 = 10_000_000;
/// How many events are kept to tell how a broken invariant came about.
const STORY_LENGTH: usize = 48;
/// Length of that stretch, in events.
const REPLAY_LENGTH: usize = 1 << 12;

/// Drives a [`State`]: hands it inputs, lets what follows follow, and checks the invariants.
#[derive(Debug)]
pub struct Control {
    state: State,
    seen: decide::Seen,
    out: Vec<Event>,
    events: u64,
    replay: Option<Replay>,
    /// The last events, oldest first, to tell how a broken invariant came about.
    story: VecDeque<(Instant, Event)>,
}

/// A copy of the state and what happened since.
#[derive(Debug)]
struct Replay {
    state: State,
    events: Vec<(Instant, Event)>,
}

impl Control {
    /// A site under its leases at `from`.
    ///
    /// # Errors
    /// Where the site cannot carry the leases (invariant 1).
    pub fn new(site: Site, leases: Vec<Lease>, from: Instant) -> Result<Self, Vec<Refusal>> {
        let state = State::new(site, leases, from)?;
        Ok(Self {
            state,
            seen: decide::Seen::default(),
            out: Vec::new(),
            events: 0,
            replay: None,
            story: VecDeque::with_capacity(STORY_LENGTH),
        })
    }

    /// Goes on from a state that was stored, or folded from stored events.
    ///
    /// Settle the instant of its last event first, [`State::now`]: it may have been handed an input of
    /// which not everything followed any more. Where it was settled already, nothing follows.
    pub fn resume(state: State) -> Self {
        Self {
            seen: decide::Seen::resumed(&state),
            state,
            out: Vec::new(),
            events: 0,
            replay: None,
            story: VecDeque::with_capacity(STORY_LENGTH),
        }
    }

    /// Applies a stored event without deciding anything: a log folded so gives the state that wrote it.
    /// Nothing is recorded twice by that: take the records and the evidence as after any event.
    /// Documents that this version would issue otherwise are told by [`Books::others`], and stand.
    ///
    /// # Panics
    /// If the event does not follow from the state: the log is not of this site, or not whole.
    ///
    /// # Errors
    /// Where an invariant is broken that is checked at every event.
    pub fn fold(&mut self, now: Instant, event: &Event) -> Result<(), Violation> {
        self.state.apply(now, event);
        self.events += 1;
        self.tell(now, event.clone());
        self.seen = decide::Seen::resumed(&self.state);
        self.state.violation().cloned().map_or(Ok(()), Err)
    }

    /// The state.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Events so far.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The last events, oldest first, a line each.
    pub fn story(&self) -> Vec<String> {
        self.story.iter().map(|(at, event)| format!("{at} {event:?}")).collect()
    }

    /// The next instant at which [`Control::settle`] has to be called whatever happens.
    pub fn next_due(&self) -> Option<Instant> {
        self.state.next_due()
    }

    /// Hands an input over; `sink` is told each event after it was applied.
    ///
    /// # Errors
    /// Where the input is refused; nothing happened then.
    pub fn handle(
        &mut self,
        now: Instant,
        input: &Input,
        sink: &mut impl FnMut(Instant, &Event, &State),
    ) -> Result<(), RefusedInput> {
        let mut out = std::mem::take(&mut self.out);
        let decided = decide::decide(&self.state, now, input, &mut out);
        self.apply(now, &mut out, sink);
        self.out = out;
        decided
    }

    /// Whether an input would be taken at `now`; nothing happens.
    ///
    /// # Errors
    /// Where it would be refused.
    pub fn would_take(&self, now: Instant, input: &Input) -> Result<(), RefusedInput> {
        decide::decide(&self.state, now, input, &mut Vec::new())
    }

    /// Lets everything follow that follows from the state at `now`, and checks the invariants.
    /// Call it once all inputs of an instant are handed over.
    ///
    /// # Errors
    /// Where an invariant is broken; the program is wrong then and must stop.
    pub fn settle(
        &mut self,
        now: Instant,
        sink: &mut impl FnMut(Instant, &Event, &State),
    ) -> Result<(), Violation> {
        let mut out = std::mem::take(&mut self.out);
        let before = self.events;
        while decide::follow_up(&self.state, now, &mut self.seen, &mut out) {
            self.apply(now, &mut out, sink);
            if self.state.violation().is_some() {
                break;
            }
            assert!(self.events - before < EVENTS_AT_ONCE_MAX, "{now} does not settle");
        }
        self.out = out;
        self.seen.settle(now);
        self.state.check_instant();
        self.check_replay();
        self.state.violation().cloned().map_or(Ok(()), Err)
    }

    /// Closes all usage intervals at `now`, and recognises what was earned up to and including
    /// `through`, so that meters, totals and the journal are complete.
    pub fn close(
        &mut self,
        now: Instant,
        through: Day,
        sink: &mut impl FnMut(Instant, &Event, &State),
    ) {
        let mut out = vec![Event::UsageClosed, Event::RevenueRecognised { through }];
        self.apply(now, &mut out, sink);
    }

    /// Goes over all of the books: every document against its seal, every entry of the journal, and what
    /// is open of all documents. While it runs, [`Control::settle`] does that a part at a time.
    ///
    /// # Errors
    /// Where an invariant is broken; the program is wrong then and must stop.
    pub fn check_books(&mut self) -> Result<(), Violation> {
        self.state.check_all_books();
        self.state.violation().cloned().map_or(Ok(()), Err)
    }

    /// The state, when nothing more will happen.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Takes the usage intervals and reclaims since the last call.
    pub fn take_records(
        &mut self,
        usage: &mut Vec<leasehold_ledger::UsageInterval>,
    ) -> Vec<Reclaim> {
        usage.append(&mut self.state.usage);
        std::mem::take(&mut self.state.books.reclaims)
    }

    /// Takes the evidence since the last call, in the order in which it is to be written.
    pub fn take_evidence(&mut self) -> Vec<EvidenceChunk> {
        std::mem::take(&mut self.state.books.evidence)
    }

    fn apply(
        &mut self,
        now: Instant,
        out: &mut Vec<Event>,
        sink: &mut impl FnMut(Instant, &Event, &State),
    ) {
        for event in out.drain(..) {
            if self.events.is_multiple_of(REPLAY_EVERY) {
                self.replay = Some(Replay { state: self.state.clone(), events: Vec::new() });
            }
            self.events += 1;
            let others = self.state.books.others.len();
            self.state.apply(now, &event);
            if matches!(event, Event::InvoiceIssued { .. } | Event::Booked(_)) {
                self.state.check_issued(others);
            }
            sink(now, &event, &self.state);
            if let Some(replay) = &mut self.replay {
                replay.events.push((now, event.clone()));
            }
            self.tell(now, event);
        }
    }

    fn tell(&mut self, now: Instant, event: Event) {
        if self.story.len() == STORY_LENGTH {
            self.story.pop_front();
        }
        self.story.push_back((now, event));
    }

    /// Invariant 8: folding the events of a stretch again gives the same state.
    fn check_replay(&mut self) {
        if self.replay.as_ref().is_none_or(|replay| replay.events.len() < REPLAY_LENGTH) {
            return;
        }
        let Some(mut replay) = self.replay.take() else { return };
        for (at, event) in &replay.events {
            replay.state.apply(*at, event);
        }
        let difference = replay.state.difference(&self.state);
        self.state.require(Invariant::Replay, difference.is_none(), || {
            format!("{} events folded again give other {difference:?}", replay.events.len())
        });
    }
}
