//! The HTTP API: `/api/v1`. Each route names the right that it takes; the table of rights says who has it.
//! A handler reads the core and shows a view of it, or hands a command to the loop. No rule lives here.

mod audit;
mod documents;
mod events;
mod jobs;
mod leases;
mod meta;
mod nodes;
mod parties;
mod power;
mod tokens;
mod usage;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leasehold_ledger::SigningKey;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa_axum::router::OpenApiRouter;

use crate::auth::rights::{Grant, Right};
use crate::auth::{Principal, ReadLogged};
use crate::command::{By, Command, Refusal};
use crate::engine::Handle;
use crate::log::Fact;
use crate::problem::{IdempotencyKey, Problem};

/// What every handler works with.
pub struct App {
    /// Reaches the loop.
    pub handle: Handle,
    /// Seals documents.
    pub key: SigningKey,
    /// Where logs of jobs are read.
    pub logs: Option<Box<dyn crate::plant::Logs>>,
    /// What is counted.
    pub metrics: crate::metrics::Metrics,
}

/// How handlers get it.
pub type Shared = axum::extract::State<Arc<App>>;

/// Whose data somebody may see with a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    Site,
    /// One party's own.
    Party(String),
}

/// What a command can be asked with.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CommandOptions {
    /// Only say what would follow.
    #[serde(default)]
    dry_run: bool,
}

/// All routes below `/api/v1`, with their description.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(meta::routes())
        .merge(jobs::routes())
        .merge(leases::routes())
        .merge(nodes::routes())
        .merge(power::routes())
        .merge(usage::routes())
        .merge(documents::routes())
        .merge(audit::routes())
        .merge(parties::routes())
        .merge(tokens::routes())
        .merge(events::routes())
}

/// What `who` may see with `right`.
///
/// # Errors
/// Where it may not at all.
pub fn scope(who: &Principal, right: Right) -> Result<Scope, Problem> {
    match who.grant(right) {
        Grant::Allowed => Ok(Scope::Site),
        Grant::OwnParty => {
            let party = who.party.as_ref().ok_or_else(|| Problem::forbidden(right))?;
            Ok(Scope::Party(party.to_string()))
        }
        Grant::Refused => Err(Problem::forbidden(right)),
    }
}

impl Scope {
    /// The party, if it is only one's.
    pub fn party(&self) -> Option<&str> {
        match self {
            Self::Site => None,
            Self::Party(party) => Some(party),
        }
    }

    /// The scope narrowed to what was asked for: a party sees only itself.
    ///
    /// # Errors
    /// Where another party was asked for than the one that may be seen.
    pub fn narrowed(self, asked: Option<&str>) -> Result<Self, Problem> {
        match (self, asked) {
            (scope, None) => Ok(scope),
            (Self::Site, Some(party)) => Ok(Self::Party(party.to_owned())),
            (Self::Party(own), Some(party)) if own == party => Ok(Self::Party(own)),
            (Self::Party(_), Some(party)) => Err(Problem::no_such("party", party)),
        }
    }
}

impl App {
    /// Hands a command over and answers with what it came to.
    ///
    /// # Errors
    /// Where it is refused.
    pub async fn command(
        &self,
        who: &Principal,
        key: Option<IdempotencyKey>,
        options: &CommandOptions,
        asked: &(impl Serialize + Sync),
        command: Command,
    ) -> Result<Response, Problem> {
        let digest = digest(&command, asked);
        let by = By { id: who.id.clone(), name: who.name.clone() };
        let key = key.map(|key| key.as_str().to_owned());
        let reply = self.handle.ask(by, key, digest, options.dry_run, command).await;
        let done = reply.map_err(|_| stopping())?.map_err(problem)?;
        let status = StatusCode::from_u16(done.status).expect("statuses are valid");
        let mut response = (status, done.body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if done.again {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Writes down that somebody reads what is another party's, before it is shown.
    ///
    /// # Errors
    /// Where that cannot be written down: then nothing is shown.
    pub async fn log_read(
        &self,
        who: &Principal,
        party: &str,
        what: &str,
    ) -> Result<(), Problem> {
        if !who.reads_others(party) {
            return Ok(());
        }
        let by = By { id: who.id.clone(), name: who.name.clone() };
        let read = ReadLogged::of(who, party, what);
        let command = Command::Note(Fact::Read(read));
        let reply = self.handle.ask(by, None, [0; 32], false, command).await;
        reply.map_err(|_| stopping())?.map(|_| ()).map_err(problem)
    }
}

/// Tells a repetition of a command from another one under the same key.
fn digest(command: &Command, asked: &impl Serialize) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(command.name().as_bytes());
    hasher.update([0]);
    hasher.update(serde_json::to_vec(asked).expect("a request can be written"));
    hasher.finalize().into()
}

/// A refusal as it is sent.
pub fn problem(refusal: Refusal) -> Problem {
    let status = StatusCode::from_u16(refusal.status).expect("statuses are valid");
    let problem = Problem::of_refusal(status, refusal.code, refusal.detail, refusal.hint);
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(2) } else { problem }
}

fn stopping() -> Problem {
    problem(Refusal::new(
        503,
        "server-is-stopping",
        "the server is stopping",
        "repeat the command with the same Idempotency-Key once it is back",
    ))
}
