//! `/tokens` and `/session`: who a token is, and whose tokens there are. A secret is shown once.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use leasehold_units::PartyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, CommandOptions, Shared, problem};
use crate::auth::{Principal, Right, Role, Scope, TokenId, TokenRequest};
use crate::command::{Command, Refusal, TokenCommand};
use crate::problem::{IdempotencyKey, Json, Path, Problem, Query};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(session))
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(revoke_all))
}

/// A token to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, 1 to 64 characters.
    name: String,
    /// The role of whoever has it.
    role: Role,
    /// The party of whoever has it; the caller's own if nothing is said.
    #[serde(default)]
    party: Option<String>,
    /// What it is good for.
    scopes: BTreeSet<Scope>,
    /// When it ends, RFC 3339, by the clock of the server's machine; never if nothing is said.
    #[serde(default)]
    expires: Option<String>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
struct TokenMade {
    /// Its public name.
    id: String,
    /// The token itself: shown this once, and kept nowhere.
    token: String,
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
struct Tokens {
    /// In order of their names.
    tokens: Vec<TokenView>,
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct TokenView {
    /// Its public name.
    id: String,
    /// What it is for.
    name: String,
    /// The role of whoever has it.
    role: Role,
    /// The party of whoever has it.
    party: Option<String>,
    /// What it is good for.
    scopes: BTreeSet<Scope>,
    /// When it was made.
    created: String,
    /// When it ends.
    expires: Option<String>,
    /// Since when it counts no more.
    revoked: Option<String>,
}

/// Who a token is.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// The principal's stable name.
    id: String,
    /// Its name for people.
    name: String,
    /// Its role.
    role: Role,
    /// Its party.
    party: Option<String>,
    /// What it is good for.
    scopes: BTreeSet<Scope>,
    /// When it ends.
    expires: Option<String>,
    /// What it may do.
    rights: Vec<Right>,
}

/// Who the token is, and what it may.
#[utoipa::path(get, path = "/session", tag = "tokens", responses((status = 200, body = Session), Problem))]
async fn session(who: Principal) -> Result<axum::Json<Session>, Problem> {
    who.reach(Right::ReadOwnSession)?;
    let rights = Right::ALL.iter().copied().filter(|right| who.reach(*right).is_ok());
    Ok(axum::Json(Session {
        id: who.id().to_owned(),
        name: who.name().to_owned(),
        role: who.role(),
        party: who.party().map(ToString::to_string),
        scopes: who.scopes().clone(),
        expires: who.expires().map(|at| at.to_string()),
        rights: rights.collect(),
    }))
}

/// List tokens: a party's own, or those of the site.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, body = Tokens), Problem))]
async fn list(app: Shared, who: Principal) -> Result<axum::Json<Tokens>, Problem> {
    let party = whose(&who)?;
    let core = app.handle.core().await;
    let tokens = core.registry().tokens().of(party.as_ref()).map(|(record, revoked)| TokenView {
        id: record.id.to_string(),
        name: record.name.clone(),
        role: record.role,
        party: record.party.as_ref().map(ToString::to_string),
        scopes: record.scopes.clone(),
        created: record.created.to_string(),
        expires: record.expires.map(|at| at.to_string()),
        revoked: revoked.map(|at| at.to_string()),
    });
    Ok(axum::Json(Tokens { tokens: tokens.collect() }))
}

/// Make a token. Its secret is shown this once; repeating the command does not show it again.
#[utoipa::path(post, path = "/tokens", tag = "tokens", params(IdempotencyKey),
    request_body = NewToken, responses((status = 201, body = TokenMade), Problem))]
async fn create(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Json(new): Json<NewToken>,
) -> Result<Response, Problem> {
    let party = match &new.party {
        Some(party) => Some(PartyId::new(party).map_err(|error| invalid(&error.to_string()))?),
        None => who.party().cloned(),
    };
    whose(&who)?;
    let expires = new.expires.as_deref().map(|at| super::instant("#/expires", at)).transpose()?;
    let request = TokenRequest {
        name: new.name.clone(),
        role: new.role,
        party,
        scopes: new.scopes.clone(),
        expires,
    };
    let at = app.wall.now();
    let drawn = request.clone().draw(who.id(), at).map_err(|_| Problem::internal())?;
    let command = Command::Token(TokenCommand::Create {
        by: Box::new(who.clone()),
        request: Box::new(request),
        event: Box::new(drawn.event),
        id: drawn.id.clone(),
        at,
    });
    let response = app.command(&who, key, &CommandOptions::default(), &new, command).await?;
    if response.headers().contains_key("idempotency-replayed") {
        return Ok(response);
    }
    let made = TokenMade { id: drawn.id.to_string(), token: drawn.secret.expose().to_owned() };
    Ok((StatusCode::CREATED, axum::Json(made)).into_response())
}

/// Revoke a token.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "Its public name, tok_…"), IdempotencyKey),
    responses((status = 200), Problem))]
async fn revoke(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let party = whose(&who)?;
    let id = TokenId::new(&name).ok_or_else(|| Problem::no_such("token", &name))?;
    let command = Command::Token(TokenCommand::Revoke { id, party, at: app.wall.now() });
    app.command(&who, key, &CommandOptions::default(), &name, command).await
}

/// Revoke all tokens of a party, unread, so that a new first admin can be made where they are lost.
#[utoipa::path(delete, path = "/parties/{party}/tokens", tag = "tokens",
    params(("party" = String, Path, description = "The party"), CommandOptions, IdempotencyKey),
    responses((status = 200), Problem))]
async fn revoke_all(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(name): Path<String>,
    Query(options): Query<CommandOptions>,
) -> Result<Response, Problem> {
    let reach = super::reach(&who, Right::RevokeTokensOfParty, Some(&name))?;
    let party = reach.party().cloned().ok_or_else(|| Problem::no_such("party", &name))?;
    let command = Command::Token(TokenCommand::RevokeAll { party, at: app.wall.now() });
    app.command(&who, key, &options, &name, command).await
}

/// Whose tokens `who` keeps: its party's, or the site's.
fn whose(who: &Principal) -> Result<Option<PartyId>, Problem> {
    let right = match who.party() {
        Some(_) => Right::ManageTokensOfParty,
        None => Right::ManageTokensOfSite,
    };
    who.reach(right)?;
    Ok(who.party().cloned())
}

fn invalid(detail: &str) -> Problem {
    problem(Refusal::new(422, "name-is-valid", detail, "name a party as in its leases"))
}
