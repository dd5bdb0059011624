//! A cluster that is played: jobs come and end, nodes fail and are mended, tenants pay, as a scenario says.
//!
//! Jobs that people submit are emulated with the others: `sleep N` takes N seconds of the site's time, all
//! else the whole time that it asks for. Nothing is run, so that nothing is written either. Workloads have
//! accounts of their own beside those that people use. It cannot go on from what another run left.

use leasehold_control::{Event, Input, JobSlot, JobSpec, State};
use leasehold_simulator::engine::{Emulation, Newcomer, Script};
use leasehold_simulator::workload::WorkloadError;
use leasehold_units::Instant;

use super::{Plant, Seen, SeenJob};
use crate::job::{Exit, JobDescription, Work};
use crate::log::Fact;
use crate::registry::Registry;

/// Who submits the jobs of workloads.
const WORKLOAD: &str = "workload";

/// How long jobs that people submit take to leave when told to, in seconds.
const LEAVES_AFTER: u32 = 1;

/// A cluster that is played.
pub struct SimulatedPlant {
    emulation: Emulation,
    from: Instant,
    /// Whether the accounts of the workloads are known: before anybody uses one.
    has_begun: bool,
    /// Whether the state went back behind what was played: then nothing is played any more.
    is_adrift: bool,
}

impl SimulatedPlant {
    /// A plant that plays `script`.
    ///
    /// # Errors
    /// Where a workload cannot be read.
    pub fn new(script: Script) -> Result<Self, WorkloadError> {
        let from = script.interval.from;
        let emulation = Emulation::new(script)?;
        Ok(Self { emulation, from, has_begun: false, is_adrift: false })
    }

    fn accounts(&self) -> Vec<Seen> {
        let opened = self.emulation.workloads().map(|(workload, account)| {
            let party = workload.party.as_str().to_owned();
            Seen::Fact(Fact::AccountOpened { party, account: account_name(account) })
        });
        opened.collect()
    }

    fn job(&self, spec: JobSpec, workload: Option<usize>) -> Seen {
        let name = workload.map_or("job", |place| &self.emulation.workload(place).0.name);
        let description = JobDescription {
            name: name.to_owned(),
            user: WORKLOAD.into(),
            by: WORKLOAD.into(),
            account: account_name(spec.account),
            ..JobDescription::default()
        };
        Seen::Job(Box::new(SeenJob { description, spec }))
    }
}

impl Plant for SimulatedPlant {
    fn begins_anew(&self) -> bool {
        true
    }

    fn next(&self) -> Option<Instant> {
        match (self.is_adrift, self.has_begun) {
            (true, _) => None,
            (false, false) => Some(self.from),
            (false, true) => self.emulation.next(),
        }
    }

    fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen> {
        if self.is_adrift {
            return Vec::new();
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let accounts = self.accounts();
            if !accounts.is_empty() {
                return accounts;
            }
        }
        loop {
            match self.emulation.take(now, state) {
                Ok(Some(cue)) => {
                    return match cue.input {
                        Input::Submit(spec) => vec![self.job(spec, cue.workload)],
                        Input::Ended { job } => ended(job, state, registry),
                        input => vec![Seen::Input(input)],
                    };
                }
                Ok(None) => return Vec::new(),
                Err(error) => tracing::error!(%error, "a workload ends here"),
            }
        }
    }

    fn hear(&mut self, at: Instant, event: &Event, state: &State, registry: &Registry) {
        if self.is_adrift {
            return;
        }
        if let Event::JobSubmitted { spec, .. } = event
            && !self.emulation.expects_newcomer()
        {
            self.emulation.expect(newcomer(spec, state, registry));
        }
        self.emulation.observe(at, event, state);
    }

    fn act(&mut self) {
        self.emulation.forget();
    }

    fn take_over(&mut self, _: &State, _: &Registry) {
        if self.has_begun {
            tracing::error!("an emulated cluster cannot go back: start the demonstration again");
            self.is_adrift = true;
        }
    }
}

/// The name of a workload's account: the first of a party is number 0.
fn account_name(account: u16) -> String {
    format!("{WORKLOAD}-{}", u32::from(account) + 1)
}

/// A job comes to its own end: its party is told how, if it is not emulated.
fn ended(job: JobSlot, state: &State, registry: &Registry) -> Vec<Seen> {
    let end = Seen::Input(Input::Ended { job });
    let Some((party, number)) = registry.job_in(job) else { return vec![end] };
    let is_asked_for =
        registry.job(party, number).is_some_and(|job| job.description.by != WORKLOAD);
    if !is_asked_for {
        return vec![end];
    }
    let fact = Fact::RunEnded {
        party: party.to_owned(),
        number,
        start: state.jobs.get(job).starts,
        exit: Exit::Code(0),
        measured_joules: None,
    };
    vec![Seen::Fact(fact), end]
}

/// What is true of a job that somebody submitted.
fn newcomer(spec: &JobSpec, state: &State, registry: &Registry) -> Newcomer {
    let party = state.parties[usize::from(spec.party)].id.as_str();
    let work = registry.job(party, spec.number).map(|job| &job.description.work);
    let slept = work.and_then(slept_seconds);
    Newcomer {
        run_seconds: slept.map_or(spec.request_seconds, |slept| slept.min(spec.request_seconds)),
        vacate_seconds: spec.vacate_seconds.min(LEAVES_AFTER),
    }
}

/// The seconds that `sleep` takes with its arguments, as in a shell; nothing of any other program.
fn slept_seconds(work: &Work) -> Option<u32> {
    let Work::Command(argv) = work else { return None };
    let [program, lengths @ ..] = argv.as_slice() else { return None };
    if program.rsplit('/').next() != Some("sleep") || lengths.is_empty() {
        return None;
    }
    lengths.iter().try_fold(0, |sum: u32, length| {
        let digits = length.trim_end_matches(['s', 'm', 'h', 'd']);
        let unit = match &length[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        sum.checked_add(digits.parse::<u32>().ok()?.checked_mul(unit)?)
    })
}

#[cfg(test)]
mod tests;
