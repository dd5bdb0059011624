//! `/parties` and `/access`: who is known, and who read whose data.

use std::sync::Arc;

use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, CommandOptions, Shared, one, problem, reach};
use crate::auth::{Principal, ReadLogged, Right};
use crate::command::{Command, Refusal};
use crate::log::Fact;
use crate::problem::{IdempotencyKey, Json, Problem, Query};
use crate::registry::READS;

/// Entries in one answer at most.
const PAGE_MAX: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(reads))
}

/// A party.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewParty {
    /// Its name, as in the leases.
    party: String,
}

/// Parties.
#[derive(Debug, Serialize, ToSchema)]
struct Parties {
    /// In order of their names.
    parties: Vec<PartyView>,
}

/// A party.
#[derive(Debug, Serialize, ToSchema)]
struct PartyView {
    /// Its name.
    party: String,
    /// `landlord` or `tenant`.
    side: &'static str,
    /// Leases that it signed as a tenant.
    leases: usize,
}

/// Who read whose data.
#[derive(Debug, Serialize, ToSchema)]
struct Reads {
    /// Latest first.
    reads: Vec<ReadView>,
    /// What to pass as `before` for more.
    next: Option<u64>,
}

/// Somebody read a party's data.
#[derive(Debug, Serialize, ToSchema)]
struct ReadView {
    /// 1, 2, 3 for each party.
    number: u64,
    /// When.
    at: String,
    /// The principal.
    who: String,
    /// In which role.
    role: String,
    /// Whose data.
    party: String,
    /// What was read.
    what: String,
}

/// Which reads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichReads {
    /// Whose data; needed by nobody with a party of its own.
    party: Option<String>,
    /// Only those before this number.
    before: Option<u64>,
    /// So many at most, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List parties.
#[utoipa::path(get, path = "/parties", tag = "parties", responses((status = 200, body = Parties), Problem))]
async fn list(app: Shared, who: Principal) -> Result<axum::Json<Parties>, Problem> {
    who.reach(Right::ReadParties)?;
    let core = app.handle.core().await;
    let state = core.state();
    let landlord = state.site.landlord.as_str();
    let mut names: Vec<&str> = core.registry().parties().map(|(name, _)| name).collect();
    names.extend(state.parties.iter().map(|party| party.id.as_str()));
    names.sort_unstable();
    names.dedup();
    let leases = |party: &str| {
        let entries = state.contracts.leases.iter();
        entries.filter(|entry| entry.terms().tenant.as_str() == party).count()
    };
    let parties = names.into_iter().map(|party| PartyView {
        party: party.to_owned(),
        side: if party == landlord { "landlord" } else { "tenant" },
        leases: leases(party),
    });
    Ok(axum::Json(Parties { parties: parties.collect() }))
}

/// Add a party, so that it can have tokens before it has a lease.
#[utoipa::path(post, path = "/parties", tag = "parties", params(CommandOptions, IdempotencyKey),
    request_body = NewParty, responses((status = 200), Problem))]
async fn add(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Query(options): Query<CommandOptions>,
    Json(new): Json<NewParty>,
) -> Result<Response, Problem> {
    who.reach(Right::ManageParties)?;
    if let Err(error) = leasehold_units::PartyId::new(&new.party) {
        let hint = "name it as in its leases";
        return Err(problem(Refusal::new(422, "name-is-valid", error.to_string(), hint)));
    }
    let command = Command::Note(vec![Fact::PartyAdded { party: new.party.clone() }]);
    app.command(&who, key, &options, &new, command).await
}

/// Who, other than the party itself, read its data.
#[utoipa::path(get, path = "/access", tag = "parties", params(WhichReads),
    responses((status = 200, body = Reads), Problem))]
async fn reads(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichReads>,
) -> Result<axum::Json<Reads>, Problem> {
    let right = if who.party().is_some() { Right::ReadOwnAccessLog } else { Right::ReadAccessLog };
    let party = one(&reach(&who, right, which.party.as_deref())?)?;
    let limit = super::page(which.limit, 100, PAGE_MAX)?;
    let before = which.before.map(|before| before.min(super::NUMBER_MAX));
    let rows = app
        .handle
        .read(move |store| store.archived(READS, &party, before, limit))
        .await
        .map_err(|_| super::stopping())?
        .map_err(|_| Problem::internal())?;
    let next = (rows.len() == limit as usize).then(|| rows.last().map_or(0, |row| row.number));
    let reads = rows.iter().filter_map(|row| {
        let read: ReadLogged = serde_json::from_str(&row.body).ok()?;
        Some(ReadView {
            number: row.number,
            at: read.at.to_string(),
            who: read.who,
            role: read.role.to_string(),
            party: read.party.to_string(),
            what: format!("{} {}", read.right, read.what).trim_end().to_owned(),
        })
    });
    Ok(axum::Json(Reads { reads: reads.collect(), next }))
}
