//! `/audit`: the log itself, without what only a party may know of its jobs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, Shared};
use crate::auth::{Principal, Right};
use crate::command::Refusal;
use crate::log;
use crate::problem::{Problem, Query};

/// Records in one answer at most.
const PAGE_MAX: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

/// Records.
#[derive(Debug, Serialize, ToSchema)]
struct Records {
    /// In order.
    records: Vec<RecordView>,
    /// What to pass as `after` for more.
    next: Option<u64>,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
struct RecordView {
    /// Its number, from 1.
    seq: u64,
    /// When.
    at: String,
    /// What kind of thing happened.
    kind: String,
    /// What; null where it is of a party's jobs or tokens.
    body: Option<serde_json::Value>,
    /// SHA-256 over this record and the hash of the one before, in hex.
    hash: String,
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichRecords {
    /// Only those after this number.
    #[serde(default)]
    after: u64,
    /// So many at most, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// What a check of the log found.
#[derive(Debug, Serialize, ToSchema)]
struct Verified {
    /// Records that were read, each with the hash that follows from the one before.
    records: u64,
    /// Hash of the last one, in hex.
    head: String,
}

/// Read the log.
#[utoipa::path(get, path = "/audit", tag = "audit", params(WhichRecords),
    responses((status = 200, body = Records), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichRecords>,
) -> Result<axum::Json<Records>, Problem> {
    who.reach(Right::ReadAudit)?;
    kept(&app)?;
    let limit = super::page(which.limit, 100, PAGE_MAX)?;
    // Numbers of records are positive in the signed columns of a database.
    let after = which.after.min(super::NUMBER_MAX - 1);
    let records = app
        .handle
        .read(move |store| store.read(after + 1, limit))
        .await
        .map_err(|_| super::stopping())?
        .map_err(|_| Problem::internal())?;
    let next = (records.len() == limit as usize).then(|| records.last().map_or(0, |last| last.seq));
    let records = records.iter().map(|record| {
        let (kind, body) = log::public(&record.body);
        let (seq, at) = (record.seq, record.at.to_string());
        RecordView { seq, at, kind, body, hash: log::hex(&record.hash) }
    });
    Ok(axum::Json(Records { records: records.collect(), next }))
}

/// Where the log is kept.
///
/// # Errors
/// Where it is not: in a demonstration without a database.
fn kept(app: &App) -> Result<&str, Problem> {
    app.place.as_deref().ok_or_else(|| {
        super::problem(Refusal::new(
            409,
            "log-is-kept",
            "this server keeps no log: it plays a demonstration without a database",
            "start it with `--database FILE`",
        ))
    })
}

/// Check the whole log: every record's hash follows from the one before.
#[utoipa::path(get, path = "/audit/verify", tag = "audit",
    responses((status = 200, body = Verified), Problem))]
async fn verify(app: Shared, who: Principal) -> Result<axum::Json<Verified>, Problem> {
    who.reach(Right::VerifyAudit)?;
    let place = kept(&app)?.to_owned();
    let checked = tokio::task::spawn_blocking(move || {
        let mut store = leasehold_storage::open(&place, leasehold_storage::OpenMode::Read)?;
        let head = *store.head();
        leasehold_storage::verify_chain(store.as_mut(), &mut |_| {})?;
        Ok::<_, leasehold_storage::StoreError>(head)
    });
    let head = checked.await.map_err(|_| Problem::internal())?.map_err(|error| {
        super::problem(Refusal::new(
            500,
            "log-is-whole",
            error.to_string(),
            "stop the server, keep the database as it is, and run `leasehold db verify`",
        ))
    })?;
    Ok(axum::Json(Verified { records: head.seq, head: log::hex(&head.hash) }))
}
