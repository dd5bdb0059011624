//! A cluster under Slurm: Slurm places the jobs; what it did is booked, and where leases are enforced it is
//! held to what they come to.

mod booking;
mod desk;
mod differing;
mod leaving;
mod link;
mod names;
mod record;
mod submission;
mod wanted;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use leasehold_clusters::slurm::cluster::Cluster;
use leasehold_clusters::slurm::read::SlurmConfig;
use leasehold_clusters::slurm::settings::{Preemption, Settings};
use leasehold_clusters::slurm::submit::BatchJob;
use leasehold_clusters::slurm::watch::{JobName, SeenRun};
use leasehold_control::{Event, Input, JobSlot, JobSpec, JobState, Placing, State};
use leasehold_units::{Instant, LeaseId, Seconds};

use super::{Plant, Seen, Waker};
use crate::job::{Exit, JobDescription};
use crate::log::Fact;
use crate::registry::Registry;

pub use booking::{Booking, Trouble};
use desk::{Answer, Desk};
pub use differing::BookDifference;
pub use link::{Drift, SlurmStatus, Status};
use link::{Link, Looking};
pub use names::{Names, NamesError};
pub use wanted::wanted;

#[cfg(test)]
mod tests;

/// Slurm may be out of reach for so long before time goes on without it. What happened meanwhile is booked
/// when it is known, at the instants at which it happened.
const LAG_MAX: Seconds = Seconds::new(30);

/// The record is read from so long before what is known last: slurmdbd may hear late of what ended.
const RECORD_LAG: Seconds = Seconds::new(3_600);

/// How Slurm is held to the leases.
#[derive(Debug, Clone)]
pub struct SlurmOptions {
    /// What slurm.toml says.
    pub settings: Settings,
    /// What the cluster is configured with.
    pub config: SlurmConfig,
    /// Whether anything is changed; otherwise it is watched, and what would be changed is shown.
    pub enforces: bool,
}

/// A cluster under Slurm.
pub struct SlurmPlant {
    options: SlurmOptions,
    cluster: Arc<Cluster>,
    /// Once the site is known.
    booking: Option<Booking>,
    link: Arc<Link>,
    desk: Arc<Desk>,
    wake: Option<Waker>,
    /// GPUs of a node, once the site is known.
    gpus_per_node: u32,
    /// What Slurm answered to submissions and nobody took up yet.
    answers: VecDeque<Answer>,
    /// Jobs that were submitted here since the last act.
    to_submit: Vec<BatchJob>,
    /// Jobs that were told to leave by what was decided since the last act.
    to_leave: Vec<JobName>,
    /// Jobs that may start by now, and jobs that their party withdrew.
    to_release: Vec<JobName>,
    to_cancel: Vec<JobName>,
    /// What is wanted of Slurm may have changed.
    is_changed: bool,
}

impl SlurmPlant {
    /// A plant that speaks with Slurm from when it takes over.
    pub fn new(cluster: Cluster, options: SlurmOptions) -> Self {
        Self {
            booking: None,
            cluster: Arc::new(cluster),
            options,
            link: Arc::default(),
            desk: Arc::default(),
            wake: None,
            gpus_per_node: 1,
            answers: VecDeque::new(),
            to_submit: Vec::new(),
            to_leave: Vec::new(),
            to_release: Vec::new(),
            to_cancel: Vec::new(),
            is_changed: true,
        }
    }

    /// How Slurm stands, for whoever looks.
    pub fn status(&self) -> SlurmStatus {
        SlurmStatus::new(&self.link, self.options.enforces)
    }

    const fn placing(&self) -> Placing {
        if self.options.enforces { Placing::Cluster } else { Placing::Observed }
    }

    /// Starts to look, if the site goes with the names in slurm.toml.
    fn start(&mut self, state: &State) {
        let names = match Names::new(&self.options.settings, &state.site) {
            Ok(names) => names,
            Err(error) => {
                self.link.note_unseen(&error.to_string(), "correct slurm.toml and start again");
                return;
            }
        };
        let mut booking = Booking::new(names.clone(), self.options.config.kill_wait);
        booking.preemption = self.options.settings.preemption;
        self.booking = Some(booking);
        self.note_concerns();
        let looking = Looking {
            cluster: Arc::clone(&self.cluster),
            names,
            gpus: (0..)
                .zip(state.fleet.nodes())
                .map(|(number, _)| state.fleet.pools[state.fleet.pool_of(number)].gpus_per_node)
                .collect(),
            every: Duration::from_secs(self.options.settings.poll.get()),
        };
        let (desk, cluster) = (Arc::clone(&self.desk), Arc::clone(&self.cluster));
        let wake = self.wake.clone();
        std::thread::spawn(move || {
            desk.work(&cluster, &move || {
                if let Some(wake) = &wake {
                    wake();
                }
            });
        });
        link::start(&self.link, looking, self.options.enforces, self.wake.clone());
    }

    /// Takes up what Slurm is configured with by now. What runs keeps the time to leave that it was booked with.
    fn take_config(&mut self, state: &State) {
        let Some(config) = self.link.take_config() else { return };
        if config == self.options.config {
            return;
        }
        let (before, now) = (self.options.config.kill_wait, config.kill_wait);
        if before != now {
            tracing::info!(%before, %now, "Slurm's KillWait was changed");
            for (lease, bound) in too_slow(state, now) {
                tracing::warn!(
                    %lease, kill_wait = %now, reclaim_bound = %bound,
                    "KillWait and the turnover are longer than the reclaim bound: what is idle of the lease is not lent"
                );
            }
        }
        self.options.config = config;
        self.is_changed = true;
        if let Some(booking) = &mut self.booking {
            booking.kill_wait = now;
        }
        self.note_concerns();
    }

    /// Says what of Slurm's configuration does not go with leases.
    fn note_concerns(&self) {
        let Some(booking) = &self.booking else { return };
        let SlurmOptions { settings, config, .. } = &self.options;
        let has = |node: &str| booking.names().number(node).is_some();
        self.link.note_concerns(config.concerns(settings.preemption, &has));
    }

    /// What Slurm is handed for a job that was submitted here and that it does not have yet.
    fn submission(&self, slot: JobSlot, state: &State, registry: &Registry) -> Option<BatchJob> {
        let (party, number) = registry.job_in(slot)?;
        let live = registry.job(party, number)?;
        if live.description.cluster_job.is_some() {
            return None;
        }
        let spec = &state.jobs.find(slot)?.spec;
        let (settings, gpus) = (&self.options.settings, self.gpus_per_node);
        let key = (party, number);
        submission::batch_job(key, &live.description, spec, settings, gpus).ok()
    }

    /// What an answer of Slurm to a submission comes to.
    fn answered(&mut self, answer: Answer, registry: &Registry) -> Vec<Seen> {
        let Answer { key: (party, number), said, at } = answer;
        let live = registry.job(&party, number);
        let waits = live.filter(|live| live.description.cluster_job.is_none());
        match (said, waits.and_then(|live| live.slot)) {
            (Ok(name), Some(_)) => {
                if let Some(booking) = &mut self.booking {
                    booking.note_submitted(name, at);
                }
                vec![Seen::Fact(Fact::JobNumbered { party, number, cluster_job: name })]
            }
            (Err(reason), Some(slot)) => {
                let (start, exit) = (0, Exit::NotStarted { reason });
                let measured_joules = None;
                let fact = Fact::RunEnded { party, number, start, exit, measured_joules };
                vec![Seen::Fact(fact), Seen::Input(Input::Cancel { job: slot })]
            }
            // It was withdrawn meanwhile.
            (Ok(name), None) if live.is_none() => {
                self.desk.put(Vec::new(), [], [name]);
                Vec::new()
            }
            (_, None) => Vec::new(),
        }
    }

    /// What is booked as running, in Slurm's words.
    fn running(names: &Names, state: &State, registry: &Registry) -> Vec<SeenRun> {
        let run = |(name, party, number): (JobName, &str, u64)| {
            let live = registry.job(party, number)?;
            let job = state.jobs.find(live.slot?)?;
            let (JobState::Running { at, since } | JobState::Leaving { at, since, .. }) =
                &job.state
            else {
                return None;
            };
            let per_node = u32::from(state.fleet.partition(at.partition).role.gpus_per_node);
            let whole = at.whole.iter().map(|node| (node, per_node));
            let parts = at.parts().map(|(node, gpus)| (node, u32::from(gpus)));
            Some(SeenRun {
                name,
                account: live.description.account.clone(),
                user: live.description.user.clone(),
                since: *since,
                nodes: whole
                    .chain(parts)
                    .map(|(node, gpus)| (names.node(node).to_owned(), gpus))
                    .collect(),
                limit: Some(Seconds::new(u64::from(job.spec.request_seconds))),
            })
        };
        registry.cluster().iter().filter_map(run).collect()
    }
}

/// Leases that lend and whose reclaim bound borrowers cannot keep who have so long to leave, with their bounds.
fn too_slow(state: &State, kill_wait: Seconds) -> Vec<(LeaseId, Seconds)> {
    let turnovers = state.fleet.pools.iter().map(|pool| pool.turnover_seconds);
    let turnover = Seconds::new(u64::from(turnovers.max().unwrap_or(0)));
    let leases = state.contracts.leases.iter();
    let bounds =
        leases.filter_map(|entry| Some((entry.terms().id.clone(), entry.reclaim_bound()?)));
    bounds.filter(|(_, bound)| kill_wait.plus(turnover) > *bound).collect()
}

impl Plant for SlurmPlant {
    fn attach(&mut self, wake: Waker) {
        self.wake = Some(wake);
    }

    fn next(&self) -> Option<Instant> {
        let told = self.booking.as_ref().and_then(Booking::next);
        let told = told.or_else(|| self.desk.has_some().then_some(Instant::from_unix(0)));
        // What a look has in it may be older than anything that is due.
        told.or_else(|| self.link.has_some().then_some(Instant::from_unix(0)))
    }

    fn horizon(&self, now: Instant) -> Instant {
        let seen = self.link.seen().filter(|seen| seen.after(LAG_MAX) >= now);
        seen.map_or(now, |seen| seen.min(now))
    }

    fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen> {
        if state.placing != self.placing() {
            return vec![Seen::Input(Input::PlacedBy(self.placing()))];
        }
        self.take_config(state);
        self.answers.extend(self.desk.take());
        while let Some(answer) = self.answers.pop_front() {
            let seen = self.answered(answer, registry);
            if !seen.is_empty() {
                return seen;
            }
        }
        let Some(booking) = &mut self.booking else { return Vec::new() };
        loop {
            let seen = booking.see(now, state, registry);
            if !seen.is_empty() {
                return seen;
            }
            if booking.next().is_some() {
                return Vec::new();
            }
            self.to_leave.extend(std::mem::take(&mut booking.to_leave));
            let (release, cancel) = booking.take_told();
            self.to_release.extend(release);
            self.to_cancel.extend(cancel);
            self.link.note_troubles(booking.troubles());
            self.link.note_differing(booking.differing());
            let Some(sighting) = self.link.take() else { break };
            booking.take(sighting);
        }
        if std::mem::take(&mut self.is_changed) {
            let SlurmOptions { settings, config, .. } = &self.options;
            self.link.want(wanted(state, booking.names(), settings, config));
        }
        Vec::new()
    }

    fn takes(&self, party: &str, job: &JobDescription, spec: &JobSpec) -> Result<(), String> {
        if !self.options.enforces {
            return Err("the cluster is only watched: nothing is submitted to it here".to_owned());
        }
        let (settings, gpus) = (&self.options.settings, self.gpus_per_node);
        submission::batch_job((party, spec.number), job, spec, settings, gpus).map(|_| ())
    }

    fn hear(&mut self, at: Instant, event: &Event, state: &State, registry: &Registry) {
        match event {
            Event::JobSubmitted { job, .. } => {
                self.to_submit.extend(self.submission(*job, state, registry));
            }
            // Slurm does it itself, and is told if that gets late.
            Event::EvictionRequested { job, .. }
                if self.options.settings.preemption == Preemption::Slurm
                    && state
                        .jobs
                        .find(*job)
                        .is_some_and(|job| !leaving::is_due(job, state, Preemption::Slurm, at)) => {
            }
            Event::EvictionRequested { job, .. } | Event::JobStopped { job, .. } => {
                let named = registry.job_in(*job);
                let live = named.and_then(|(party, number)| registry.job(party, number));
                self.to_leave.extend(live.and_then(|live| live.description.cluster_job));
            }
            Event::HoldingChanged { .. }
            | Event::NodesDrained { .. }
            | Event::NodesReopened { .. }
            | Event::NodesCurtailed { .. }
            | Event::NodesRestored { .. }
            | Event::NodesInService { .. }
            | Event::MaintenanceBegan { .. }
            | Event::MaintenanceEnded { .. }
            | Event::LendingChanged { .. }
            | Event::SubstituteChosen { .. }
            | Event::SubstituteDropped { .. }
            | Event::Substituted { .. }
            | Event::SubstituteStays { .. }
            | Event::SubstitutionEnded { .. }
            | Event::LeaseSigned { .. }
            | Event::LeaseAmended { .. }
            | Event::PlacingChanged { .. } => self.is_changed = true,
            _ => {}
        }
    }

    fn act(&mut self) {
        if !self.to_leave.is_empty() {
            self.link.tell_to_leave(self.to_leave.drain(..));
        }
        let is_idle = self.to_submit.is_empty() && self.to_release.is_empty();
        if self.options.enforces && !(is_idle && self.to_cancel.is_empty()) {
            let submit = std::mem::take(&mut self.to_submit);
            self.desk.put(submit, self.to_release.drain(..), self.to_cancel.drain(..));
        }
    }

    fn take_over(&mut self, state: &State, registry: &Registry) {
        self.to_leave.clear();
        self.to_release.clear();
        self.to_cancel.clear();
        self.is_changed = true;
        self.gpus_per_node = submission::gpus_per_node(state);
        let jobs = state.jobs.iter();
        self.to_submit =
            jobs.filter_map(|(slot, _)| self.submission(slot, state, registry)).collect();
        match &mut self.booking {
            Some(booking) => booking.forget(),
            None => self.start(state),
        }
        let Some(booking) = &self.booking else { return };
        let known = registry.noted().max(state.now);
        // What ended before a site was opened is not its own.
        let lag = if registry.cluster().is_empty() { Seconds::ZERO } else { RECORD_LAG };
        let since = known.before(lag);
        self.link.adopt(Self::running(booking.names(), state, registry), since);
    }

    fn await_answer(&mut self, patience: Duration) {
        if !self.link.await_look(patience) {
            let why = self.link.status().unseen.unwrap_or_default();
            tracing::error!(why, "Slurm does not answer yet: what it runs is booked when it does");
        }
    }
}

impl Drop for SlurmPlant {
    fn drop(&mut self) {
        self.link.end();
        self.desk.end();
    }
}
