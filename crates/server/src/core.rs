//! The state machine and what is remembered beside it, folded from one log.

use leasehold_control::{Control, Input, JobSpec, RefusedInput, State, Violation};
use leasehold_diagnostics::{Problem, Source};
use leasehold_site::Site;
use leasehold_storage::{ArchiveRow, Batch, Chunk, NewRecord, Record};
use leasehold_units::Instant;

use crate::log::{Entry, Fact, Said};
use crate::plant::{Plant, Seen, SeenJob};
use crate::registry::Registry;

/// The state machine and what is remembered beside it.
pub struct Core {
    control: Control,
    registry: Registry,
}

/// Why a log cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The first record does not open a site.
    #[error("record 1 does not open a site: this is no log of leasehold")]
    NotOpened,
    /// The site file in the first record cannot be read.
    #[error("the site in record 1 is not readable by this version: {0} problems")]
    Site(usize, Source, Vec<Problem>),
    /// A record that this version does not understand.
    #[error(
        "record {seq} is not readable by this version: {reason}; use the version that wrote it, or a later one"
    )]
    Unreadable {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
    /// An invariant is broken by what is stored.
    #[error(transparent)]
    Violation(Violation),
    /// The site cannot be opened.
    #[error("the site cannot be opened: {0}")]
    Refused(String),
}

impl Core {
    /// The site of the file `source`, without a lease, at `now`.
    ///
    /// # Errors
    /// Where the file is wrong.
    pub fn open(source: &Source, now: Instant) -> Result<Self, FoldError> {
        let site = Site::parse(source)
            .map_err(|problems| FoldError::Site(problems.len(), source.clone(), problems))?;
        let control = Control::new(site, Vec::new(), now).map_err(|refusals| {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            FoldError::Refused(refusals.join("; "))
        })?;
        Ok(Self { control, registry: Registry::default() })
    }

    /// What a snapshot had.
    pub const fn from_parts(control: Control, registry: Registry) -> Self {
        Self { control, registry }
    }

    /// A copy, to try something out on.
    pub fn copy(&self) -> Self {
        let control = Control::resume(self.control.state().clone());
        Self { control, registry: self.registry.clone() }
    }

    /// Whether the state machine would take an input; nothing happens.
    ///
    /// # Errors
    /// Where it would be refused.
    pub fn would_take(&self, now: Instant, input: &Input) -> Result<(), RefusedInput> {
        self.control.would_take(now, input)
    }

    /// The state machine's state.
    pub const fn state(&self) -> &State {
        self.control.state()
    }

    /// The instant of the last record: nothing happens before it any more.
    pub fn now(&self) -> Instant {
        self.state().now.max(self.registry.noted())
    }

    /// What is remembered beside it.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The state machine.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Goes over all of the books.
    ///
    /// # Errors
    /// Where an invariant is broken.
    pub fn check_books(&mut self) -> Result<(), Violation> {
        self.control.check_books()
    }

    /// The last events, oldest first, a line each.
    pub fn story(&self) -> Vec<String> {
        self.control.story()
    }

    /// Takes up a fact and puts it into the outbox.
    pub fn note(&mut self, now: Instant, fact: Fact, out: &mut Outbox) {
        self.registry.note(now, &fact);
        out.touches_tokens |= matches!(fact, Fact::Token(_));
        out.push(now, &Said::Fact(&fact));
    }

    /// Hands an input to the state machine.
    ///
    /// # Errors
    /// Where it is refused; nothing happened then.
    pub fn handle(
        &mut self,
        now: Instant,
        input: &Input,
        plant: &mut dyn Plant,
        out: &mut Outbox,
    ) -> Result<(), RefusedInput> {
        let registry = &mut self.registry;
        self.control.handle(now, input, &mut |at, event, state| {
            registry.observe(at, event, state);
            plant.hear(at, event, state, registry);
            out.push(at, &Said::Event(event));
        })
    }

    /// Lets everything follow that follows at `now`.
    ///
    /// # Errors
    /// Where an invariant is broken: the program must stop.
    pub fn settle(
        &mut self,
        now: Instant,
        plant: &mut dyn Plant,
        out: &mut Outbox,
    ) -> Result<(), Violation> {
        let registry = &mut self.registry;
        self.control.settle(now, &mut |at, event, state| {
            registry.observe(at, event, state);
            plant.hear(at, event, state, registry);
            out.push(at, &Said::Event(event));
        })?;
        self.take_records(out);
        Ok(())
    }

    /// Lets pass what passes by itself up to `now`: what is due, and what the plant saw, each at its instant.
    /// Whether it came so far: with a full outbox, or once `is_time_up`, it stops in between, and is at the
    /// instant of the state.
    ///
    /// # Errors
    /// Where an invariant is broken: the program must stop.
    pub fn catch_up(
        &mut self,
        now: Instant,
        plant: &mut dyn Plant,
        out: &mut Outbox,
        is_time_up: &mut dyn FnMut() -> bool,
    ) -> Result<bool, Violation> {
        loop {
            let next = [self.control.next_due(), plant.next()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= now) else {
                return self.see(now, plant, out).map(|()| true);
            };
            let at = at.max(self.now());
            self.see(at, plant, out)?;
            if out.is_full() || is_time_up() {
                return Ok(false);
            }
        }
    }

    /// Takes up all that the plant saw up to `now`, and settles.
    fn see(
        &mut self,
        now: Instant,
        plant: &mut dyn Plant,
        out: &mut Outbox,
    ) -> Result<(), Violation> {
        loop {
            let seen = plant.see(now, self.control.state(), &self.registry);
            if seen.is_empty() {
                break;
            }
            for seen in seen {
                match seen {
                    Seen::Fact(fact) => self.note(now, fact, out),
                    Seen::Job(job) => self.submit(now, *job, plant, out),
                    Seen::Input(input) => {
                        if let Err(refusal) = self.handle(now, &input, plant, out) {
                            tracing::debug!(%refusal, "what the plant asks for is refused");
                        }
                    }
                }
            }
        }
        self.settle(now, plant, out)
    }

    /// Submits a job under its party's next number. A refused job leaves no trace.
    fn submit(&mut self, now: Instant, job: SeenJob, plant: &mut dyn Plant, out: &mut Outbox) {
        let SeenJob { description, spec } = job;
        let party = self.state().parties[usize::from(spec.party)].id.as_str().to_owned();
        let number = self.registry.party(&party).map_or(0, |book| book.described) + 1;
        let input = Input::Submit(JobSpec { number, ..spec });
        if let Err(refusal) = self.control.would_take(now, &input) {
            tracing::debug!(%refusal, "a job that the plant saw is refused");
            return;
        }
        self.note(now, Fact::JobDescribed { party, number, description }, out);
        self.handle(now, &input, plant, out).expect("it was just tried");
    }

    /// Takes up a stored record.
    ///
    /// # Errors
    /// Where this version does not understand it.
    pub fn fold(&mut self, record: &Record) -> Result<(), FoldError> {
        let entry: Entry = serde_json::from_str(&record.body)
            .map_err(|reason| FoldError::Unreadable { seq: record.seq, reason })?;
        match entry {
            Entry::Fact(fact) => self.registry.note(record.at, &fact),
            Entry::Event(event) => {
                self.control.fold(record.at, &event).map_err(FoldError::Violation)?;
                self.registry.observe(record.at, &event, self.control.state());
            }
        }
        Ok(())
    }

    /// Forgets what was kept when it happened.
    pub fn forget_records(&mut self) {
        self.take_records(&mut Outbox::default());
    }

    fn take_records(&mut self, out: &mut Outbox) {
        self.control.take_records(&mut Vec::new());
        for chunk in self.control.take_evidence() {
            let lease = &self.control.state().contracts.leases[usize::from(chunk.lease.0)];
            let stream = evidence_stream(lease.terms().id.as_str(), &chunk.month.to_string());
            out.chunks.push(Chunk { stream, text: chunk.text });
        }
        out.archive.extend(self.registry.take_archive());
    }
}

/// Where the evidence of a lease for a month is kept.
pub fn evidence_stream(lease: &str, month: &str) -> String {
    format!("evidence/{lease}/{month}")
}

/// What is to be made durable together.
#[derive(Debug, Default)]
pub struct Outbox {
    records: Vec<NewRecord>,
    chunks: Vec<Chunk>,
    archive: Vec<ArchiveRow>,
    touches_tokens: bool,
}

/// So many records are made durable together at most, so that nobody waits long for a start-up to catch up.
const RECORDS_MAX: usize = 20_000;

impl Outbox {
    fn push(&mut self, at: Instant, entry: &Said<'_>) {
        let body = serde_json::to_string(entry).expect("an entry can be written");
        self.records.push(NewRecord { at, body });
    }

    /// Whether a token was made or taken back.
    pub const fn touches_tokens(&self) -> bool {
        self.touches_tokens
    }

    /// Whether it is time to make durable what there is.
    pub const fn is_full(&self) -> bool {
        self.records.len() >= RECORDS_MAX
    }

    /// All of it; the outbox is empty then.
    pub fn take(&mut self) -> Batch {
        let Self { records, chunks, archive, .. } = std::mem::take(self);
        Batch { records, chunks, archive, ..Batch::default() }
    }
}
