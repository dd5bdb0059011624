//! A cluster as whoever holds it to leases speaks with it: look at it, compare it, mend it, have jobs leave.

use std::collections::BTreeSet;

use leasehold_units::{Instant, Interval, Seconds};

use super::calls::{self, Plan, Removal, Undecided};
use super::command::{Program, Slurm};
use super::compile::{CompileError, account_names, compile};
use super::difference::{Difference, Found, difference, is_marked};
use super::error::SlurmError;
use super::objects::{Desired, Note, Wanted};
use super::read::{JobState, SlurmConfig, SlurmJob, accounting, config, gpus_by_node, jobs, nodes};
use super::submit::{self, BatchJob};
use super::version::Version;
use super::watch::{JobName, Sighting, Watch};

/// Jobs that are asked for with one command at most: a list of more is longer than a command may be.
const NAMED_AT_ONCE: usize = 1_000;

/// Gangs that are asked for their GPUs by node in one look at most; the others come with the next ones.
const DIVIDED_AT_ONCE: usize = 50;

/// Calls that are made before the cluster is compared again, at most.
const CALLS_AT_ONCE: usize = 200;

/// A cluster under Slurm.
pub struct Cluster {
    slurm: Box<dyn Slurm + Send + Sync>,
}

/// How a cluster stands to what is wanted of it.
#[derive(Debug)]
pub struct Standing {
    difference: Difference,
    notes: Vec<Note>,
    plan: Result<Plan, Undecided>,
    lingering: Vec<JobName>,
}

/// Why a cluster cannot be held to what is wanted.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Slurm cannot be asked, or refuses.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
    /// What is wanted goes into no words of Slurm's.
    #[error("{}", joined(.0))]
    Wanted(Vec<CompileError>),
    /// A person must decide something first.
    #[error(transparent)]
    Undecided(Undecided),
}

impl Cluster {
    /// The cluster that these commands speak with.
    pub fn new(slurm: Box<dyn Slurm + Send + Sync>) -> Self {
        Self { slurm }
    }

    /// Who answers, and what it is configured with.
    ///
    /// # Errors
    /// If nobody answers, or somebody who is too old.
    pub fn greet(&self) -> Result<(Version, SlurmConfig), SlurmError> {
        let version = Version::ask(self.slurm.as_ref())?;
        Ok((version, config::ask(self.slurm.as_ref())?))
    }

    /// What slurmctld is configured with now.
    ///
    /// # Errors
    /// If it cannot be asked, or its answer cannot be read.
    pub fn configuration(&self) -> Result<SlurmConfig, SlurmError> {
        config::ask(self.slurm.as_ref())
    }

    /// Looks at jobs and nodes, and at the record for runs that are gone; at all of it since `record_since`, if
    /// that is given. Also says whether the record could be read: if slurmdbd is away, a later look reads it.
    ///
    /// # Errors
    /// If slurmctld cannot be asked, or something cannot be read.
    pub fn look(
        &self,
        watch: &mut Watch,
        at: Instant,
        record_since: Option<Instant>,
        gpus_per_node: &dyn Fn(&str) -> u32,
    ) -> Result<(Sighting, bool), SlurmError> {
        let slurm = self.slurm.as_ref();
        let jobs = jobs::ask(slurm)?;
        let nodes = nodes::ask(slurm)?;
        let uneven: BTreeSet<JobName> =
            watch.uneven(&jobs, gpus_per_node).into_iter().map(|(_, name)| name).collect();
        let uneven = jobs.iter().filter(|job| uneven.contains(&JobName::new(job.id, job.array)));
        for job in uneven.take(DIVIDED_AT_ONCE) {
            // One that ended meanwhile has nothing to say.
            if let Ok(divided) = gpus_by_node::ask(slurm, job) {
                watch.divide(JobName::new(job.id, job.array), &jobs, &divided);
            }
        }
        let look = watch.look(at, &jobs, nodes);
        let asked = self.record(look.to_look_up(), record_since, at);
        match asked {
            Ok(rows) => Ok((watch.resolve(look, &rows, gpus_per_node), true)),
            Err(error) if error.may_pass() => Ok((watch.resolve_without(look), false)),
            Err(error) => Err(error),
        }
    }

    fn record(
        &self,
        jobs: &BTreeSet<JobName>,
        since: Option<Instant>,
        at: Instant,
    ) -> Result<Vec<accounting::Run>, SlurmError> {
        let slurm = self.slurm.as_ref();
        let mut rows = Vec::new();
        if let Some(since) = since {
            let until = at.after(Seconds::new(1));
            rows.extend(accounting::ask(slurm, Interval::new(since.min(at), until))?);
        }
        let named: Vec<String> = jobs.iter().map(ToString::to_string).collect();
        for some in named.chunks(NAMED_AT_ONCE) {
            rows.extend(accounting::ask_of(slurm, some)?);
        }
        Ok(rows)
    }

    /// Has jobs leave their nodes and queues them again; those that cannot be queued again are cancelled. One that
    /// is gone already is none to complain of.
    ///
    /// # Errors
    /// If Slurm cannot be told, or refuses.
    pub fn put_back(&self, jobs: &[JobName]) -> Result<(), SlurmError> {
        for some in jobs.chunks(NAMED_AT_ONCE) {
            let names: Vec<String> = some.iter().map(ToString::to_string).collect();
            let arguments = ["requeue".to_owned(), names.join(",")];
            match self.slurm.run(Program::Scontrol, &arguments, None) {
                Ok(_) => {}
                // One of many is in another state by now, and the others were put back all the same; or it
                // forbids to be.
                Err(SlurmError::Refused { .. }) => self.put_back_each(&names)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn put_back_each(&self, names: &[String]) -> Result<(), SlurmError> {
        for name in names {
            let told =
                self.slurm.run(Program::Scontrol, &["requeue".to_owned(), name.clone()], None);
            let Err(SlurmError::Refused { said, .. }) = told else {
                told?;
                continue;
            };
            if said.contains("Requested operation is presently disabled")
                || said.contains("can not be requeued")
            {
                self.slurm.run(Program::Scancel, std::slice::from_ref(name), None)?;
            }
        }
        Ok(())
    }

    /// Submits a job, held, unless it was before. Says what Slurm calls it.
    ///
    /// # Errors
    /// If Slurm cannot be asked, or refuses it.
    pub fn submit_held(&self, job: &BatchJob) -> Result<JobName, SlurmError> {
        submit::submit_held(self.slurm.as_ref(), job)
    }

    /// Lets held jobs start.
    ///
    /// # Errors
    /// If Slurm cannot be told.
    pub fn release(&self, jobs: &[JobName]) -> Result<(), SlurmError> {
        submit::release(self.slurm.as_ref(), jobs)
    }

    /// Cancels jobs.
    ///
    /// # Errors
    /// If Slurm cannot be told.
    pub fn cancel(&self, jobs: &[JobName]) -> Result<(), SlurmError> {
        submit::cancel(self.slurm.as_ref(), jobs)
    }

    /// Compares what is wanted with what is there. `last` is what the last comparison came to, if all of its calls
    /// were made since: what is otherwise by now was changed by hand.
    ///
    /// # Errors
    /// If Slurm cannot be asked, something cannot be read, or what is wanted goes into no words of Slurm's.
    pub fn compare(
        &self,
        wanted: &Wanted,
        last: Option<&Standing>,
        now: Instant,
    ) -> Result<Standing, ClusterError> {
        let slurm = self.slurm.as_ref();
        let desired = compile(wanted).map_err(ClusterError::Wanted)?;
        let jobs = jobs::ask(slurm)?;
        let found = Found::ask(slurm, &wanted.cluster, &jobs)?;
        let lingering = lingering(wanted, &desired, &jobs);
        let last = last.and_then(|last| last.plan.as_ref().ok());
        // Calls that were put off were not made.
        let last = last.filter(|plan| plan.deferred == 0).map(|plan| &plan.attained);
        let difference = difference(&desired, &found, last, now);
        let plan = calls::plan(&desired, &found, &difference, CALLS_AT_ONCE);
        Ok(Standing { difference, notes: desired.notes, plan, lingering })
    }

    /// What would take away all that Leasehold made on the cluster of that name; nothing is changed.
    ///
    /// # Errors
    /// If Slurm cannot be asked or something cannot be read.
    pub fn removal(&self, cluster: &str) -> Result<Removal, SlurmError> {
        let slurm = self.slurm.as_ref();
        let found = Found::ask(slurm, cluster, &jobs::ask(slurm)?)?;
        calls::removal(&found, cluster)
    }

    /// Makes the calls that mend it, one after the other, and says how many there were. What an interruption
    /// leaves, the next comparison finds.
    ///
    /// # Errors
    /// Where a person must decide something first; then nothing is done. Where a call fails; those before it were
    /// made.
    pub fn mend(&self, standing: &Standing) -> Result<usize, ClusterError> {
        let plan = standing
            .plan
            .as_ref()
            .map_err(|undecided| ClusterError::Undecided(undecided.clone()))?;
        Ok(calls::carry_out(self.slurm.as_ref(), plan)?)
    }
}

/// The landlord's jobs in reservations that nothing wants any more: each keeps a node out of the holding that it is in by
/// now. They began when their holding had ended and its nodes had not moved yet.
fn lingering(wanted: &Wanted, desired: &Desired, jobs: &[SlurmJob]) -> Vec<JobName> {
    let landlord = wanted.parties.iter().find(|party| party.id == wanted.landlord);
    let accounts = landlord.map(account_names).unwrap_or_default();
    let lingers = |job: &&SlurmJob| {
        let reservation = job.reservation.as_deref().unwrap_or_default();
        job.state == JobState::Running
            && accounts.contains(&job.account)
            && is_marked(reservation)
            && !desired.reservations.contains_key(reservation)
    };
    let jobs = jobs.iter().filter(lingers);
    jobs.map(|job| JobName::new(job.id, job.array)).collect()
}

impl Standing {
    /// The landlord's jobs that keep what nothing wants any more.
    pub fn lingering(&self) -> &[JobName] {
        &self.lingering
    }

    /// Whether nothing is to be done.
    pub fn is_as_wanted(&self) -> bool {
        self.plan.as_ref().is_ok_and(|plan| plan.calls.is_empty() && plan.waiting.is_empty())
    }

    /// What the leases allow and could not be had, a line each.
    pub fn notes(&self) -> Vec<String> {
        self.notes.iter().map(|note| format!("{}: {}", note.about, note.text)).collect()
    }

    /// What differs, for programs.
    pub const fn difference(&self) -> &Difference {
        &self.difference
    }

    /// What differs, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.difference.to_string().lines().map(str::to_owned).collect()
    }

    /// The commands that mend it, as they would be typed; none where a person must decide first.
    pub fn commands(&self) -> Vec<String> {
        let calls = self.plan.as_ref().map(|plan| plan.calls.as_slice()).unwrap_or_default();
        calls.iter().map(ToString::to_string).collect()
    }
}

impl ClusterError {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Slurm(error) => error.advice(),
            Self::Wanted(_) => "change the names in slurm.toml",
            Self::Undecided(_) => "decide what is said, and the next comparison goes on",
        }
    }
}

fn joined(errors: &[CompileError]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}
