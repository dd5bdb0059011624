//! The HTTP API: `/api/v1`. Each route names the right that it takes; the table of rights says who has it.
//! A handler reads the core and shows a view of it, or hands a command to the loop. No rule lives here.

mod audit;
mod cluster;
mod documents;
mod events;
mod evidence;
mod jobs;
mod leases;
mod meta;
mod nodes;
mod parties;
mod power;
mod tokens;
mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leasehold_ledger::SigningKey;
use leasehold_units::{Day, Instant, PartyId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{Principal, Reach, ReadLogged, Right};
use crate::clock::Clock;
use crate::command::{By, Command, Refusal};
use crate::engine::Handle;
use crate::log::Fact;
use crate::metrics::{Metrics, Outcome};
use crate::problem::{IdempotencyKey, Problem};

/// The highest number that a store keeps: beyond it there is nothing.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// What every handler works with.
pub struct App {
    /// Reaches the loop.
    pub handle: Handle,
    /// Seals documents.
    pub key: SigningKey,
    /// Where logs of jobs are read.
    pub logs: Option<Box<dyn crate::plant::Logs>>,
    /// How the cluster stands, if it has a scheduler of its own.
    pub cluster: Option<crate::plant::SlurmStatus>,
    /// What is counted.
    pub metrics: Metrics,
    /// The time of the site.
    pub clock: Clock,
    /// The time outside, by which tokens are made and end: that of the machine, whatever time the site has.
    pub wall: Clock,
    /// The database, to check the log by; none where nothing is kept.
    pub place: Option<String>,
    /// Whether the server is stopping: streams end then.
    pub stopping: tokio::sync::watch::Sender<bool>,
}

/// How handlers get it.
pub type Shared = axum::extract::State<Arc<App>>;

/// What a command can be asked with.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CommandOptions {
    /// Only say what would follow.
    #[serde(default)]
    dry_run: bool,
}

/// What the API says of itself.
pub fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Leasehold")
        .version("1")
        .description(Some(
            "Leases of a GPU data centre, live. Every command carries an `Idempotency-Key`: repeating it gives \
             the first answer. What is refused says why in `code` and what to do in `hint` (RFC 9457). Money \
             is a decimal string, instants are RFC 3339 in UTC, days ISO 8601. What is new is added; nothing \
             changes its meaning within `v1`.",
        ))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// The routes that anybody may ask.
pub fn open_routes() -> OpenApiRouter<Arc<App>> {
    meta::open_routes()
}

/// The routes that take a token.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().merge(meta::routes()).nest("/api/v1", versioned())
}

fn versioned() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(jobs::routes())
        .merge(leases::routes())
        .merge(evidence::routes())
        .merge(nodes::routes())
        .merge(power::routes())
        .merge(cluster::routes())
        .merge(usage::routes())
        .merge(documents::routes())
        .merge(audit::routes())
        .merge(parties::routes())
        .merge(tokens::routes())
        .merge(events::routes())
}

/// Whose data `who` may see with `right`, narrowed to the party that was asked for: a party sees only itself.
///
/// # Errors
/// Where it may not at all, or asked for another party than its own.
fn reach(who: &Principal, right: Right, asked: Option<&str>) -> Result<Reach, Problem> {
    let reach = who.reach(right)?;
    let Some(asked) = asked else { return Ok(reach) };
    let unknown = || Problem::no_such("party", asked);
    match reach {
        Reach::Site => Ok(Reach::Party(PartyId::new(asked).map_err(|_| unknown())?)),
        reach if reach.party().is_some_and(|own| own.as_str() == asked) => Ok(reach),
        _ => Err(unknown()),
    }
}

/// The name of the party that may be seen, if it is only one's.
fn only(reach: &Reach) -> Option<&str> {
    reach.party().map(PartyId::as_str)
}

/// The one party that is meant.
///
/// # Errors
/// Where several may be meant and none is named.
fn one(reach: &Reach) -> Result<String, Problem> {
    only(reach).map(str::to_owned).ok_or_else(|| {
        problem(Refusal::new(
            422,
            "party-is-named",
            "whoever may see several parties has to name one",
            "pass `party`",
        ))
    })
}

/// How much of a list is answered: what was asked for, or `usual`.
///
/// # Errors
/// Where that is nothing, or more than `most`.
fn page(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(problem(Refusal::new(
        422,
        "limit-is-in-range",
        format!("a list of {limit} was asked for"),
        format!("ask for 1 to {most}, and go on from `next`"),
    )))
}

/// An instant of a request.
fn instant(pointer: &str, text: &str) -> Result<Instant, Problem> {
    Instant::from_rfc3339(text).ok_or_else(|| {
        let detail = format!("{text:?} is no instant");
        let hint = "write it in RFC 3339: 2026-05-01T00:00:00Z";
        problem(Refusal::new(422, "instant-is-valid", detail.clone(), hint)).field(pointer, detail)
    })
}

/// A civil day of a request.
fn day(pointer: &str, text: &str) -> Result<Day, Problem> {
    text.parse().map_err(|_| {
        let detail = format!("{text:?} is no day");
        let hint = "write it in ISO 8601: 2026-05-01";
        problem(Refusal::new(422, "day-is-valid", detail.clone(), hint)).field(pointer, detail)
    })
}

impl App {
    /// Hands a command over and answers with what it came to.
    ///
    /// # Errors
    /// Where it is refused.
    pub async fn command(
        &self,
        who: &Principal,
        key: IdempotencyKey,
        options: &CommandOptions,
        asked: &(impl Serialize + Sync),
        command: Command,
    ) -> Result<Response, Problem> {
        let digest = digest(&command, asked);
        let (kind, began) = (command.name(), std::time::Instant::now());
        let key = Some(key.as_str().to_owned());
        let reply = self.handle.ask(by(who), key, digest, options.dry_run, command).await;
        let reply = reply.map_err(|_| stopping())?;
        self.metrics.count(kind, Outcome::of(&reply), began.elapsed().as_secs_f64());
        let done = reply.map_err(problem)?;
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
        right: Right,
        party: &str,
        what: &str,
    ) -> Result<(), Problem> {
        self.log_reads(who, right, std::iter::once(party), what).await
    }

    /// The same of several parties, each once.
    ///
    /// # Errors
    /// Where that cannot be written down: then nothing is shown.
    pub async fn log_reads(
        &self,
        who: &Principal,
        right: Right,
        parties: impl Iterator<Item = &str> + Send,
        what: &str,
    ) -> Result<(), Problem> {
        let parties: BTreeSet<&str> = parties.collect();
        let now = self.clock.now();
        let read = |party: &&str| ReadLogged::of(who, right, &PartyId::new(party).ok()?, what, now);
        let reads: Vec<ReadLogged> = parties.iter().filter_map(read).collect();
        if reads.is_empty() {
            return Ok(());
        }
        let command = Command::Note(reads.into_iter().map(Fact::Read).collect());
        let reply = self.handle.ask(by(who), None, [0; 32], false, command).await;
        reply.map_err(|_| stopping())?.map(|_| ()).map_err(problem)
    }
}

fn by(who: &Principal) -> By {
    By { id: who.id().to_owned(), name: who.name().to_owned() }
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
    let problem = Problem::refused(status, &refusal.code, refusal.detail, refusal.hint);
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
