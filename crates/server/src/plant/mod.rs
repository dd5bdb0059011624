//! What runs the jobs: the machine under the control plane, or one that is played.
//!
//! A plant hears every event and answers with what it sees. It decides nothing. What it does to the world it
//! does in [`Plant::act`], which is called once all that it heard is durable.

mod local;
mod simulated;
mod slurm;

use std::sync::Arc;
use std::time::Duration;

use leasehold_control::{Event, Input, JobSpec, State};
use leasehold_units::Instant;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::job::JobDescription;
use crate::log::Fact;
use crate::registry::Registry;

pub use local::{LocalLogs, LocalOptions, LocalPlant};
pub use simulated::SimulatedPlant;
#[cfg(feature = "bench")]
pub use slurm::Booking;
pub use slurm::{
    BookDifference, Drift, Names, NamesError, SlurmOptions, SlurmPlant, SlurmStatus, Status,
    Trouble, wanted,
};

/// Tells the loop that the plant saw something.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What a plant saw.
#[derive(Debug)]
pub enum Seen {
    /// Something that the state machine must hear.
    Input(Input),
    /// Something for the record.
    Fact(Fact),
    /// A party submitted a job there, not here.
    Job(Box<SeenJob>),
}

/// A job that a party submitted to the plant: an emulated party, or a user of the cluster's own scheduler. It gets the party's next number, if it is taken.
#[derive(Debug, Clone)]
pub struct SeenJob {
    /// What the party says of it.
    pub description: JobDescription,
    /// What it asks for; its number does not count.
    pub spec: JobSpec,
}

/// What runs the jobs.
pub trait Plant: Send {
    /// Is given what to call when it saw something.
    fn attach(&mut self, _wake: Waker) {}

    /// Whether it can only play a site from the beginning: it knows nothing of what another run left.
    fn begins_anew(&self) -> bool {
        false
    }

    /// Whether a job of a party that is submitted here can be run as it is described.
    ///
    /// # Errors
    /// Where it cannot, and why.
    fn takes(&self, _party: &str, _job: &JobDescription, _spec: &JobSpec) -> Result<(), String> {
        Ok(())
    }

    /// Up to when all that happened was told, at the latest `now`: the time of the site goes no further, so that
    /// nothing that belongs before a month's end is told after it.
    fn horizon(&self, now: Instant) -> Instant {
        now
    }

    /// When it will have something to say whatever happens, if it knows.
    fn next(&self) -> Option<Instant>;

    /// The next thing that it saw up to `now`, with all that belongs to it; empty where there is nothing
    /// more. What is said of a job that has ended meanwhile is dropped here.
    fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen>;

    /// Hears an event that was applied.
    fn hear(&mut self, at: Instant, event: &Event, state: &State, registry: &Registry);

    /// Carries out what it heard: that is durable now.
    fn act(&mut self);

    /// Hears all that should be the case, after a start: what it runs and nobody wants is stopped, what
    /// is wanted and does not run is started.
    fn take_over(&mut self, state: &State, registry: &Registry);

    /// Waits until it has heard what happened while nobody listened, so that each thing is taken up in its
    /// turn; no longer than `patience`.
    fn await_answer(&mut self, _patience: Duration) {}
}

/// A plant that runs nothing: jobs start and run until they are cancelled.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPlant;

impl Plant for NoPlant {
    fn next(&self) -> Option<Instant> {
        None
    }

    fn see(&mut self, _: Instant, _: &State, _: &Registry) -> Vec<Seen> {
        Vec::new()
    }

    fn hear(&mut self, _: Instant, _: &Event, _: &State, _: &Registry) {}

    fn act(&mut self) {}

    fn take_over(&mut self, _: &State, _: &Registry) {}
}

/// One of the two things that a job writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// What it says.
    #[default]
    Stdout,
    /// What it complains of.
    Stderr,
}

/// A start of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunName {
    /// Whose.
    pub party: String,
    /// The party's number for the job.
    pub number: u64,
    /// Which start, from 1.
    pub start: u32,
}

/// Where what jobs wrote is kept.
pub trait Logs: Send + Sync {
    /// What a run wrote from byte `offset` on, at most `max` bytes.
    ///
    /// # Errors
    /// Where nothing was kept of such a run.
    fn read(
        &self,
        run: &RunName,
        stream: Stream,
        offset: u64,
        max: u64,
    ) -> std::io::Result<Vec<u8>>;
}
