//! Submitting and withdrawing jobs.

use std::collections::BTreeMap;

use leasehold_control::{Input, JobSpec};
use leasehold_units::Shape;
use serde::{Deserialize, Serialize};

use super::{Desk, Done, Refusal, Reply};
use crate::job::{JobDescription, Work};
use crate::log::Fact;

/// Seconds between checkpoints of a job that says nothing: it never keeps any.
const NO_CHECKPOINT: u32 = u32::MAX;

/// Accounts that a party may use.
const ACCOUNTS_MAX: usize = 10_000;

/// What a party asks of its jobs.
#[derive(Debug, Clone)]
pub enum JobsCommand {
    /// A job is to run.
    Submit {
        /// Whose.
        party: String,
        /// What.
        request: Box<JobRequest>,
    },
    /// A job is to be over.
    Cancel {
        /// Whose.
        party: String,
        /// The party's number for it.
        number: u64,
        /// Only if this principal submitted it.
        only_of: Option<String>,
    },
}

/// A job as it is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// A name for people.
    pub name: String,
    /// GPUs of the gang, all or none.
    pub gpus: u32,
    /// Longest run in seconds; it is killed then.
    pub time_limit_seconds: u32,
    /// Seconds that it may take to leave its nodes when told to; it is killed then.
    pub vacate_seconds: u32,
    /// Seconds between checkpoints; none: what it did is lost when it leaves early.
    pub checkpoint_seconds: Option<u32>,
    /// Kinds of node that it can run on; empty: any.
    pub skus: Vec<String>,
    /// The block that must hold all of it.
    pub within: Shape,
    /// Higher goes first among the party's own.
    pub priority: i16,
    /// The account that is charged.
    pub account: String,
    /// What is run.
    pub work: Work,
    /// Variables of its environment.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub directory: Option<String>,
}

/// What is answered about a job that was taken.
#[derive(Debug, Serialize)]
struct Taken<'a> {
    number: u64,
    party: &'a str,
    name: &'a str,
}

impl JobsCommand {
    pub(super) fn carry_out(&self, desk: &mut Desk<'_>) -> Reply {
        match self {
            Self::Submit { party, request } => submit(desk, party, request),
            Self::Cancel { party, number, only_of } => {
                cancel(desk, party, *number, only_of.as_deref())
            }
        }
    }
}

fn submit(desk: &mut Desk<'_>, party: &str, request: &JobRequest) -> Reply {
    let state = desk.core.state();
    let Some(index) = state.parties.iter().position(|entry| entry.id.as_str() == party) else {
        return Err(Refusal::new(
            409,
            "party-has-a-lease",
            format!("{party} leases nothing of this site, so that none of its jobs can run"),
            "ask the landlord for a lease",
        ));
    };
    let pools = pools_of(desk, &request.skus)?;
    let book = desk.core.registry().party(party);
    let number = book.map_or(0, |book| book.described) + 1;
    let known = book.and_then(|book| book.accounts.iter().position(|a| *a == request.account));
    let accounts = book.map_or(0, |book| book.accounts.len());
    if known.is_none() && accounts >= ACCOUNTS_MAX {
        return Err(Refusal::new(
            422,
            "accounts-are-few",
            format!("{party} uses {ACCOUNTS_MAX} accounts already"),
            "submit under an account that is in use",
        ));
    }
    let account = known.unwrap_or(accounts);
    let spec = JobSpec {
        number,
        party: u16::try_from(index).expect("few parties"),
        gpus: request.gpus,
        request_seconds: request.time_limit_seconds,
        vacate_seconds: request.vacate_seconds,
        checkpoint_seconds: request.checkpoint_seconds.unwrap_or(NO_CHECKPOINT),
        pools,
        within: request.within,
        priority: request.priority,
        account: u16::try_from(account).expect("accounts are few"),
    };
    let description = JobDescription {
        name: request.name.clone(),
        user: desk.by.name.clone(),
        by: desk.by.id.clone(),
        account: request.account.clone(),
        work: request.work.clone(),
        environment: request.environment.clone(),
        directory: request.directory.clone(),
        cluster_job: None,
    };
    desk.plant.takes(party, &description, &spec).map_err(|why| {
        let hint = "submit it with the cluster's own commands, or ask whoever runs the site";
        Refusal::new(409, "cluster-takes-jobs", why, hint)
    })?;
    // A refused job leaves no trace, so that it is tried before anything is written down.
    desk.core.would_take(desk.now, &Input::Submit(spec))?;
    if known.is_none() {
        let (party, account) = (party.to_owned(), request.account.clone());
        desk.note(Fact::AccountOpened { party, account });
    }
    desk.note(Fact::JobDescribed { party: party.to_owned(), number, description });
    desk.input(&Input::Submit(spec))?;
    Ok(Done::created(&Taken { number, party, name: &request.name }))
}

/// The pools of the kinds of node that are named, a bit each.
fn pools_of(desk: &Desk<'_>, skus: &[String]) -> Result<u64, Refusal> {
    let site = &desk.core.state().site;
    let known = |sku: &&String| site.skus.iter().any(|known| known.id.as_str() == sku.as_str());
    if let Some(unknown) = skus.iter().find(|sku| !known(sku)) {
        let names: Vec<&str> = site.skus.iter().map(|sku| sku.id.as_str()).collect();
        let hint = format!("the site has {}", names.join(", "));
        return Err(Refusal::unknown("sku", unknown, &hint));
    }
    let allowed = site.pools.iter().enumerate().filter(|(_, pool)| {
        skus.is_empty() || skus.iter().any(|sku| *sku == site.sku(pool).id.as_str())
    });
    Ok(allowed.fold(0, |bits, (index, _)| bits | 1 << index))
}

fn cancel(desk: &mut Desk<'_>, party: &str, number: u64, only_of: Option<&str>) -> Reply {
    let unknown = || {
        Refusal::unknown(
            "job",
            &number.to_string(),
            "list the jobs that are not over with `leasehold job list`",
        )
    };
    let job = desk.core.registry().job(party, number).ok_or_else(unknown)?;
    if only_of.is_some_and(|by| by != job.description.by) {
        return Err(unknown());
    }
    let slot = job.slot.ok_or_else(unknown)?;
    if job.description.cluster_job.is_some() {
        // It is over when the cluster says so.
        if !job.cancelled {
            desk.note(Fact::JobWithdrawn { party: party.to_owned(), number });
        }
        return Ok(Done::ok(&serde_json::json!({ "number": number })));
    }
    desk.input(&Input::Cancel { job: slot })?;
    Ok(Done::ok(&serde_json::json!({ "number": number })))
}
