//! `/jobs`: a party's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use leasehold_units::Shape;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, CommandOptions, Shared, one, reach};
use crate::auth::{Principal, Reach, Right};
use crate::command::{Command, DryRun, JobRequest, JobsCommand};
use crate::job::{EndedJob, Work};
use crate::problem::{IdempotencyKey, Json, Path, Problem, Query};
use crate::registry::ENDED_JOBS;
use crate::view::{self, Content, JobView};

/// Jobs in one answer at most.
const PAGE_MAX: u32 = 1_000;

/// How much of a log is sent at once at most, in bytes.
const LOG_PAGE: u64 = 1 << 20;

/// The longest run that may be asked for, in seconds: 365 days.
const TIME_LIMIT_MAX: u32 = 31_536_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, submit))
        .routes(routes!(show, cancel))
        .routes(routes!(log))
}

/// A job to be run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// A name for people, 1 to 200 characters.
    #[serde(default)]
    #[schema(max_length = 200)]
    name: Option<String>,
    /// GPUs of the gang, all or none.
    #[schema(minimum = 1)]
    gpus: u32,
    /// Longest run in seconds; it is killed then.
    #[schema(minimum = 1, maximum = 31_536_000)]
    time_limit_seconds: u32,
    /// Seconds that it may take to leave its nodes when told to; it is killed then.
    #[serde(default = "vacate_seconds")]
    vacate_seconds: u32,
    /// Seconds between its checkpoints. Without, what it did is lost when it leaves early.
    #[serde(default)]
    checkpoint_seconds: Option<u32>,
    /// Kinds of node that it can run on; empty: any.
    #[serde(default)]
    skus: Vec<String>,
    /// `node`, `rack` or `array`: the block that must hold all of it; a node: any nodes will do.
    #[serde(default)]
    within: Within,
    /// Higher goes first among the party's own.
    #[serde(default)]
    priority: i16,
    /// The account of the party that is charged.
    #[serde(default)]
    #[schema(max_length = 64)]
    account: Option<String>,
    /// A program and its arguments; this or a script.
    #[serde(default)]
    command: Vec<String>,
    /// A script, run by the interpreter that its first line names.
    #[serde(default)]
    script: Option<String>,
    /// Arguments of the script.
    #[serde(default)]
    arguments: Vec<String>,
    /// Variables of its environment.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Where it starts; its own scratch directory if nothing is said.
    #[serde(default)]
    directory: Option<String>,
    /// Whose it is, where whoever asks has no party of its own.
    #[serde(default)]
    party: Option<String>,
}

/// A block of the site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// Any nodes.
    #[default]
    Node,
    /// One rack.
    Rack,
    /// One array.
    Array,
}

/// What was taken.
#[derive(Debug, Serialize, ToSchema)]
struct JobTaken {
    /// The party's number for the job.
    number: u64,
    /// Whose it is.
    party: String,
    /// Its name.
    name: String,
}

/// Jobs.
#[derive(Debug, Serialize, ToSchema)]
struct Jobs {
    /// The jobs; those that are not over in order of their numbers, then those that are, latest first.
    jobs: Vec<JobView>,
    /// What to pass as `before` for more of those that are over.
    next: Option<u64>,
    /// What to pass as `after` for more of those that are not over.
    next_live: Option<u64>,
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichJobs {
    /// `live`, `ended` or `all`.
    #[serde(default)]
    #[param(inline)]
    state: Which,
    /// Only those over with a smaller number than this; those not over only with `after`.
    before: Option<u64>,
    /// Only those not over with a larger number than this; those over only with `before`.
    after: Option<u64>,
    /// So many of those not over at most, and so many of those over, 1 to 1000; 100 if nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Whose; needed by nobody with a party of its own.
    party: Option<String>,
}

/// Which jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// Those that are not over.
    Live,
    /// Those that are over.
    Ended,
    /// All.
    #[default]
    All,
}

/// Which part of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichLog {
    /// `stdout` or `stderr`.
    #[serde(default)]
    #[param(inline)]
    stream: crate::plant::Stream,
    /// From this byte on.
    #[serde(default)]
    offset: u64,
    /// Of this start, from 1; of the latest if nothing is said.
    start: Option<u32>,
}

const fn vacate_seconds() -> u32 {
    30
}

/// Submit a job.
#[utoipa::path(post, path = "/jobs", tag = "jobs", params(CommandOptions, IdempotencyKey),
    request_body = NewJob, responses((status = 200, body = DryRun, description = "What a dry run finds"),
        (status = 201, body = JobTaken), Problem))]
async fn submit(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Query(options): Query<CommandOptions>,
    Json(job): Json<NewJob>,
) -> Result<Response, Problem> {
    let party = one(&reach(&who, Right::SubmitJob, job.party.as_deref())?)?;
    let request = Box::new(request(&job)?);
    let command = Command::Jobs(JobsCommand::Submit { party, request });
    app.command(&who, key, &options, &job, command).await
}

/// List jobs.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(WhichJobs),
    responses((status = 200, body = Jobs), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichJobs>,
) -> Result<axum::Json<Jobs>, Problem> {
    let party = one(&reach(&who, Right::ReadJobs, which.party.as_deref())?)?;
    let content = content(&who);
    let limit = super::page(which.limit, 100, PAGE_MAX)?;
    let (mut jobs, mut next_live, mut next) = (Vec::new(), None, None);
    if which.state != Which::Ended && (which.before.is_none() || which.after.is_some()) {
        let core = app.handle.core().await;
        let after = which.after.unwrap_or(0);
        let page = view::jobs(core.state(), core.registry(), &party, &content, after);
        jobs = page.take(limit as usize).collect();
        // A full page may be the last one, as elsewhere: the next is empty then.
        next_live = (jobs.len() == limit as usize).then(|| jobs.last().map_or(0, |job| job.number));
    }
    if which.state != Which::Live && (which.after.is_none() || which.before.is_some()) {
        let before = which.before.map(|before| before.min(super::NUMBER_MAX));
        let rows = app
            .handle
            .read(move |store| store.archived(ENDED_JOBS, &party, before, limit))
            .await
            .map_err(|_| super::stopping())?
            .map_err(|_| Problem::internal())?;
        next = (rows.len() == limit as usize).then(|| rows.last().map_or(0, |row| row.number));
        let ended = rows.iter().filter_map(|row| serde_json::from_str::<EndedJob>(&row.body).ok());
        jobs.extend(ended.map(|job| view::ended_job(&job, &content)));
    }
    Ok(axum::Json(Jobs { jobs, next, next_live }))
}

/// Show a job.
#[utoipa::path(get, path = "/jobs/{number}", tag = "jobs",
    params(("number" = u64, Path, description = "The party's number for the job")),
    responses((status = 200, body = JobView), Problem))]
async fn show(
    app: Shared,
    who: Principal,
    Path(number): Path<u64>,
) -> Result<axum::Json<JobView>, Problem> {
    let party = one(&reach(&who, Right::ReadJobs, None)?)?;
    let content = content(&who);
    {
        let core = app.handle.core().await;
        let live = core.registry().job(&party, number);
        if let Some(view) = live.and_then(|live| view::job(core.state(), number, live, &content)) {
            return Ok(axum::Json(view));
        }
    }
    let ended = ended(&app, party, number).await?;
    Ok(axum::Json(view::ended_job(&ended, &content)))
}

/// Cancel a job: one that runs is told to leave and has the time that it declared.
#[utoipa::path(delete, path = "/jobs/{number}", tag = "jobs",
    params(("number" = u64, Path, description = "The party's number for the job"), CommandOptions, IdempotencyKey),
    responses((status = 200), Problem))]
async fn cancel(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(number): Path<u64>,
    Query(options): Query<CommandOptions>,
) -> Result<Response, Problem> {
    let reach = reach(&who, Right::CancelJobs, None)?;
    let party = one(&reach)?;
    let only_of = match reach {
        Reach::Own { who, .. } => Some(who),
        _ => None,
    };
    let command = Command::Jobs(JobsCommand::Cancel { party, number, only_of });
    app.command(&who, key, &options, &number, command).await
}

/// Read what a job wrote.
#[utoipa::path(get, path = "/jobs/{number}/log", tag = "jobs",
    params(("number" = u64, Path, description = "The party's number for the job"), WhichLog),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), Problem))]
async fn log(
    app: Shared,
    who: Principal,
    Path(number): Path<u64>,
    Query(which): Query<WhichLog>,
) -> Result<Response, Problem> {
    let reach = reach(&who, Right::ReadJobContent, None)?;
    let party = one(&reach)?;
    let live = {
        let core = app.handle.core().await;
        let job = core.registry().job(&party, number);
        job.map(|job| (job.description.by.clone(), job.starts))
    };
    let (by, starts) = match live {
        Some(live) => live,
        None => {
            let job = ended(&app, party.clone(), number).await?;
            (job.description.by, job.starts)
        }
    };
    if matches!(&reach, Reach::Own { who, .. } if *who != by) {
        return Err(Problem::no_such("log", &number.to_string()));
    }
    if app.cluster.is_some() {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "log_is_elsewhere",
            "The log is elsewhere",
            "the jobs of this site run under Slurm, which keeps what they write",
            "Look into the directory of the job, or where its `#SBATCH --output` says.",
        ));
    }
    let Some(logs) = &app.logs else { return Err(Problem::no_such("log", &number.to_string())) };
    let run = crate::plant::RunName { party, number, start: which.start.unwrap_or(starts) };
    let bytes = logs
        .read(&run, which.stream, which.offset, LOG_PAGE)
        .map_err(|_| Problem::no_such("log", &number.to_string()))?;
    let kind = [(axum::http::header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, bytes).into_response())
}

/// Whose command lines `who` may read: all of its party, its own, or none.
fn content(who: &Principal) -> Content {
    match who.reach(Right::ReadJobContent) {
        Ok(Reach::Own { who, .. }) => Content::Of(who),
        Ok(_) => Content::All,
        Err(_) => Content::None,
    }
}

async fn ended(app: &App, party: String, number: u64) -> Result<EndedJob, Problem> {
    if number > super::NUMBER_MAX {
        return Err(Problem::no_such("job", &number.to_string()));
    }
    let row = app
        .handle
        .read(move |store| store.archived_one(ENDED_JOBS, &party, number))
        .await
        .map_err(|_| super::stopping())?
        .map_err(|_| Problem::internal())?;
    let ended = row.and_then(|row| serde_json::from_str(&row.body).ok());
    ended.ok_or_else(|| Problem::no_such("job", &number.to_string()))
}

/// What the loop takes, if it is complete.
fn request(job: &NewJob) -> Result<JobRequest, Problem> {
    let invalid = |detail: &str, hint: &str| {
        super::problem(crate::command::Refusal::new(422, "job-is-complete", detail, hint))
    };
    let work = match (&job.script, job.command.as_slice()) {
        (Some(text), []) => Work::Script { text: text.clone(), arguments: job.arguments.clone() },
        (None, [_, ..]) => Work::Command(job.command.clone()),
        (Some(_), _) => return Err(invalid("both a command and a script are given", "give one")),
        (None, []) => return Err(invalid("nothing is said of what to run", "give `command`")),
    };
    let nul = |text: &String| text.contains('\0');
    if job.command.iter().chain(&job.arguments).chain(job.environment.values()).any(nul) {
        return Err(invalid("an argument has a zero byte", "leave it out"));
    }
    if job.environment.keys().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err(invalid("a variable has no name, or `=` in it", "name it with letters"));
    }
    let default = job.command.first().map_or("script", String::as_str);
    let name = job.name.clone().unwrap_or_else(|| default.chars().take(200).collect());
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(invalid("the name is empty, too long or not printable", "1 to 200 characters"));
    }
    let account = job.account.clone().unwrap_or_else(|| "default".into());
    if leasehold_units::Name::new(&account).is_err() {
        return Err(invalid("the account is no name", "use letters, digits, `-`, `_` and `.`"));
    }
    if !(1..=TIME_LIMIT_MAX).contains(&job.time_limit_seconds) {
        let hint = "1 second to 365 days, in seconds";
        return Err(invalid("the time limit is none, or too long", hint));
    }
    Ok(JobRequest {
        name,
        gpus: job.gpus,
        time_limit_seconds: job.time_limit_seconds,
        vacate_seconds: job.vacate_seconds,
        checkpoint_seconds: job.checkpoint_seconds,
        skus: job.skus.clone(),
        within: match job.within {
            Within::Node => Shape::Node,
            Within::Rack => Shape::Rack,
            Within::Array => Shape::Array,
        },
        priority: job.priority,
        account,
        work,
        environment: job.environment.clone(),
        directory: job.directory.clone(),
    })
}
