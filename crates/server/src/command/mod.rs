//! What can be asked of the loop, and what follows: a command reads the core, hands inputs to the state
//! machine, and answers. Whether somebody may ask is settled before; whether it can be is settled here.

mod books;
mod jobs;
mod leases;
mod nodes;
mod refusal;
mod tokens;

use leasehold_control::{Event, Input, RefusedInput};
use leasehold_units::Instant;
use serde::Serialize;
use utoipa::ToSchema;

pub use books::BooksCommand;
pub use jobs::{JobRequest, JobsCommand};
pub use leases::{LeaseCommand, begins_ahead};
pub use nodes::{CurtailmentRequest, DrainRequest, PlantCommand};
pub use refusal::Refusal;
pub use tokens::TokenCommand;

use crate::core::{Core, Outbox};
use crate::log::Fact;
use crate::plant::Plant;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The principal's stable name, as in the audit log.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// Of a party's jobs.
    Jobs(JobsCommand),
    /// Of leases.
    Lease(LeaseCommand),
    /// Of the plant: nodes and power.
    Plant(PlantCommand),
    /// Of the books.
    Books(BooksCommand),
    /// To write something down.
    Note(Vec<Fact>),
    /// Of tokens.
    Token(TokenCommand),
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
    /// Whether that was done before, under the same key.
    pub again: bool,
}

/// An answer to a command.
pub type Reply = Result<Done, Refusal>;

/// What a command works with.
pub struct Desk<'a> {
    /// The core.
    pub core: &'a mut Core,
    /// What runs the jobs.
    pub plant: &'a mut dyn Plant,
    /// What is to be made durable.
    pub out: &'a mut Outbox,
    /// The time.
    pub now: Instant,
    /// Who asks.
    pub by: &'a By,
}

impl Desk<'_> {
    fn note(&mut self, fact: Fact) {
        self.core.note(self.now, fact, self.out);
    }

    fn input(&mut self, input: &Input) -> Result<(), RefusedInput> {
        self.core.handle(self.now, input, self.plant, self.out)
    }
}

impl Done {
    /// Something new came to be.
    pub fn created(body: &impl Serialize) -> Self {
        Self::with(201, body)
    }

    /// Something was done.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::with(200, body)
    }

    fn with(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("an answer can be written");
        Self { status, body, again: false }
    }
}

impl Command {
    /// What kind of command it is: few names, for what is counted, and to tell two commands with the same
    /// body apart under one key.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Jobs(JobsCommand::Submit { .. }) => "job_submit",
            Self::Jobs(JobsCommand::Cancel { .. }) => "job_cancel",
            Self::Lease(LeaseCommand::Sign { .. }) => "lease_sign",
            Self::Lease(LeaseCommand::Amend { .. }) => "lease_amend",
            Self::Lease(LeaseCommand::GiveNotice { .. }) => "lease_notice",
            Self::Lease(LeaseCommand::WithdrawNotice { .. }) => "lease_withdrawal",
            Self::Lease(LeaseCommand::Terminate { .. }) => "lease_termination",
            Self::Plant(PlantCommand::Drain(_)) => "nodes_drain",
            Self::Plant(PlantCommand::Resume { .. }) => "nodes_resume",
            Self::Plant(PlantCommand::Down { .. }) => "nodes_down",
            Self::Plant(PlantCommand::Curtail(_)) => "power_event",
            Self::Books(_) => "books",
            Self::Note(_) => "note",
            Self::Token(TokenCommand::Create { .. }) => "token_create",
            Self::Token(TokenCommand::Revoke { .. }) => "token_revoke",
            Self::Token(TokenCommand::RevokeAll { .. }) => "token_revoke_all",
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// Where it is refused; nothing happened then.
    pub fn carry_out(&self, desk: &mut Desk<'_>) -> Reply {
        match self {
            Self::Jobs(command) => command.carry_out(desk),
            Self::Lease(command) => command.carry_out(desk),
            Self::Plant(command) => command.carry_out(desk),
            Self::Books(command) => command.carry_out(desk),
            Self::Token(command) => command.carry_out(desk),
            Self::Note(facts) => {
                facts.iter().for_each(|fact| desk.note(fact.clone()));
                Ok(Done::ok(&serde_json::json!({})))
            }
        }
    }

    /// Says what would follow at once, and does nothing.
    ///
    /// # Errors
    /// Where it would be refused.
    pub fn try_out(&self, desk: &Desk<'_>) -> Reply {
        let mut core = desk.core.copy();
        let mut listener = Listener::default();
        let mut out = Outbox::default();
        let mut trial = Desk {
            core: &mut core,
            plant: &mut listener,
            out: &mut out,
            now: desk.now,
            by: desk.by,
        };
        let done = self.carry_out(&mut trial)?;
        core.settle(desk.now, &mut listener, &mut out).map_err(|_| Refusal::stopped())?;
        let answer = serde_json::from_str(&done.body).unwrap_or(serde_json::Value::Null);
        let body = DryRun { dry_run: true, would_answer: answer, effects: self.effects(&listener) };
        Ok(Done::ok(&body))
    }

    /// What of the effects is the asker's to know: a party hears of its own job alone.
    fn effects(&self, heard: &Listener) -> Vec<Effect> {
        if let Self::Jobs(_) = self { Vec::new() } else { heard.effects.clone() }
    }
}

/// What a dry run answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRun {
    /// Always: nothing was done.
    dry_run: bool,
    /// What the command would have answered.
    would_answer: serde_json::Value,
    /// What would follow at once.
    effects: Vec<Effect>,
}

/// Something that would follow at once, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Effect {
    /// What, for people.
    what: &'static str,
    /// How often.
    count: u64,
}

/// Counts what follows instead of carrying it out.
#[derive(Debug, Default)]
struct Listener {
    effects: Vec<Effect>,
}

impl Plant for Listener {
    fn next(&self) -> Option<Instant> {
        None
    }

    fn see(
        &mut self,
        _: Instant,
        _: &leasehold_control::State,
        _: &crate::registry::Registry,
    ) -> Vec<crate::plant::Seen> {
        Vec::new()
    }

    fn hear(
        &mut self,
        _: Instant,
        event: &Event,
        _: &leasehold_control::State,
        _: &crate::registry::Registry,
    ) {
        let (what, count) = match event {
            Event::EvictionRequested { .. } => ("jobs told to leave", 1),
            Event::JobStopped { .. } => ("jobs stopped", 1),
            Event::HoldingChanged { nodes, .. } => ("nodes that change hands", nodes.count()),
            Event::NodesDrained { nodes } => ("nodes drained", nodes.count()),
            Event::NodesCurtailed { nodes } => ("nodes switched off", nodes.count()),
            Event::NodesFailed { nodes } => ("nodes down", nodes.count()),
            Event::MaintenanceBegan { nodes } => ("nodes out for maintenance", nodes.count()),
            Event::SubstituteChosen { .. } => ("nodes chosen to stand in", 1),
            Event::InvoiceIssued { .. } => ("documents issued", 1),
            Event::Breached(_) => ("promises not kept", 1),
            _ => return,
        };
        match self.effects.iter_mut().find(|effect| effect.what == what) {
            Some(effect) => effect.count += u64::from(count),
            None => self.effects.push(Effect { what, count: u64::from(count) }),
        }
    }

    fn act(&mut self) {}

    fn take_over(&mut self, _: &leasehold_control::State, _: &crate::registry::Registry) {}
}
