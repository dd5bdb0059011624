//! `/leases`: both sides see them; versions are only ever added.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use leasehold_lease::Side;
use serde::{Deserialize, Serialize};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, CommandOptions, Shared, only, problem, reach};
use crate::auth::{Principal, Right};
use crate::command::{Command, DryRun, LeaseCommand, Refusal};
use crate::problem::{IdempotencyKey, Json, Path, Problem, Query};
use crate::view::{self, LeaseDetail, LeaseView};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, sign))
        .routes(routes!(show))
        .routes(routes!(amend))
        .routes(routes!(notice))
        .routes(routes!(withdraw))
        .routes(routes!(terminate))
}

/// Terms, as they were signed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedTerms {
    /// The lease file, byte for byte.
    terms: String,
    /// Whether its service may have begun before today: all since then is billed at once.
    #[serde(default)]
    backdated: bool,
}

/// Which side acts, where whoever acts may be either.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActingSide {
    /// `landlord` or `tenant`: must be the side that the caller stands on.
    #[serde(default)]
    by: Option<SideName>,
}

/// A side of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideName {
    /// The party that lets.
    Landlord,
    /// The party that rents.
    Tenant,
}

/// Leases.
#[derive(Debug, Serialize, ToSchema)]
struct Leases {
    /// In order of signature.
    leases: Vec<LeaseView>,
}

/// Where a lease stands after a command.
#[derive(Debug, Serialize, ToSchema)]
struct LeaseNow {
    /// Its name.
    lease: String,
    /// The latest version of its terms.
    version: u32,
    /// Last day of service.
    last_day: String,
}

/// Where a lease stands after a command, or what a dry run finds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the loop writes the answers; this describes them")]
enum LeaseAnswer {
    /// It was carried out.
    Now(LeaseNow),
    /// Nothing was done.
    DryRun(DryRun),
}

/// Of whom.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfTenant {
    /// Only the leases of this tenant.
    tenant: Option<String>,
}

/// List leases.
#[utoipa::path(get, path = "/leases", tag = "leases", params(OfTenant),
    responses((status = 200, body = Leases), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Query(of): Query<OfTenant>,
) -> Result<axum::Json<Leases>, Problem> {
    let reach = reach(&who, Right::ReadLeaseTerms, of.tenant.as_deref())?;
    let leases = {
        let core = app.handle.core().await;
        view::leases(core.state(), only(&reach))
    };
    app.log_reads(
        &who,
        Right::ReadLeaseTerms,
        leases.iter().map(|lease| lease.tenant.as_str()),
        "list of leases",
    )
    .await?;
    Ok(axum::Json(Leases { leases }))
}

/// Sign a lease. It is refused if the site cannot carry it beside all that was signed.
#[utoipa::path(post, path = "/leases", tag = "leases", params(CommandOptions, IdempotencyKey),
    request_body = SignedTerms, responses((status = 200, body = DryRun, description = "What a dry run finds"),
        (status = 201, body = LeaseNow), Problem))]
async fn sign(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Query(options): Query<CommandOptions>,
    Json(signed): Json<SignedTerms>,
) -> Result<Response, Problem> {
    who.reach(Right::SignLease)?;
    let command = Command::Lease(LeaseCommand::Sign {
        terms: signed.terms.clone(),
        backdated: signed.backdated,
    });
    app.command(&who, key, &options, &signed, command).await
}

/// Show a lease. Its `ETag` is the version to amend.
#[utoipa::path(get, path = "/leases/{lease}", tag = "leases",
    params(("lease" = String, Path, description = "Its name")),
    responses((status = 200, body = LeaseDetail), Problem))]
async fn show(app: Shared, who: Principal, Path(lease): Path<String>) -> Result<Response, Problem> {
    let reach = who.reach(Right::ReadLeaseTerms)?;
    let detail = {
        let core = app.handle.core().await;
        let state = core.state();
        let found = view::lease_of(state, &lease, only(&reach));
        found.map(|(index, entry)| view::lease_detail(state, index, entry))
    };
    let detail = detail.ok_or_else(|| Problem::no_such("lease", &lease))?;
    app.log_read(&who, Right::ReadLeaseTerms, &detail.lease.tenant, &format!("lease {lease}"))
        .await?;
    let tag = [(axum::http::header::ETAG, format!("\"{}\"", detail.lease.version))];
    Ok((tag, axum::Json(detail)).into_response())
}

/// Amend a lease by a later version. With `If-Match` it is refused if another version came between.
#[utoipa::path(post, path = "/leases/{lease}/amendments", tag = "leases",
    params(("lease" = String, Path, description = "Its name"), CommandOptions, IdempotencyKey,
        IfMatch),
    request_body = SignedTerms, responses((status = 200, body = LeaseAnswer), Problem))]
async fn amend(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    headers: HeaderMap,
    Path(lease): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(signed): Json<SignedTerms>,
) -> Result<Response, Problem> {
    who.reach(Right::AmendLease)?;
    let follows = if_match(&headers)?;
    let asked = (&lease, follows, &signed);
    let terms = signed.terms.clone();
    let command = Command::Lease(LeaseCommand::Amend { lease: lease.clone(), follows, terms });
    app.command(&who, key, &options, &asked, command).await
}

/// Give notice today: the last day of service follows from the terms.
#[utoipa::path(post, path = "/leases/{lease}/notice", tag = "leases",
    params(("lease" = String, Path, description = "Its name"), CommandOptions, IdempotencyKey),
    request_body = ActingSide, responses((status = 200, body = LeaseAnswer), Problem))]
async fn notice(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(lease): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(acting): Json<ActingSide>,
) -> Result<Response, Problem> {
    let rights = [Right::GiveNoticeAsLandlord, Right::GiveNoticeAsTenant];
    let by = side(&app, &who, &lease, acting, rights).await?;
    let command = Command::Lease(LeaseCommand::GiveNotice { lease: lease.clone(), by });
    app.command(&who, key, &options, &(&lease, acting), command).await
}

/// Take a notice back, or agree that the other side does: it takes both.
#[utoipa::path(post, path = "/leases/{lease}/withdrawal", tag = "leases",
    params(("lease" = String, Path, description = "Its name"), CommandOptions, IdempotencyKey),
    request_body = ActingSide, responses((status = 200, body = LeaseAnswer), Problem))]
async fn withdraw(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(lease): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(acting): Json<ActingSide>,
) -> Result<Response, Problem> {
    let rights = [Right::WithdrawNoticeAsLandlord, Right::WithdrawNoticeAsTenant];
    let by = side(&app, &who, &lease, acting, rights).await?;
    let command = Command::Lease(LeaseCommand::WithdrawNotice { lease: lease.clone(), by });
    app.command(&who, key, &options, &(&lease, acting), command).await
}

/// End a lease today over a late delivery, where its terms leave that to the tenant.
#[utoipa::path(post, path = "/leases/{lease}/termination", tag = "leases",
    params(("lease" = String, Path, description = "Its name"), CommandOptions, IdempotencyKey),
    responses((status = 200, body = LeaseAnswer), Problem))]
async fn terminate(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(lease): Path<String>,
    Query(options): Query<CommandOptions>,
) -> Result<Response, Problem> {
    let reach = who.reach(Right::ElectRemedy)?;
    visible(&app, &lease, only(&reach)).await?;
    let command = Command::Lease(LeaseCommand::Terminate { lease: lease.clone() });
    app.command(&who, key, &options, &lease, command).await
}

/// The side that `who` acts for.
async fn side(
    app: &App,
    who: &Principal,
    lease: &str,
    acting: ActingSide,
    [as_landlord, as_tenant]: [Right; 2],
) -> Result<Side, Problem> {
    let tenant = who.reach(as_tenant);
    let (side, reach) = match tenant {
        Ok(tenant) => (Side::Tenant, tenant),
        Err(_) => (Side::Landlord, who.reach(as_landlord)?),
    };
    visible(app, lease, only(&reach)).await?;
    let named = acting.by.map(|by| match by {
        SideName::Landlord => Side::Landlord,
        SideName::Tenant => Side::Tenant,
    });
    if named.is_some_and(|named| named != side) {
        return Err(problem(Refusal::new(
            403,
            "side-is-ones-own",
            format!("this token acts for the {side}"),
            "leave `by` out, or use a token of the other side",
        )));
    }
    Ok(side)
}

async fn visible(app: &App, lease: &str, tenant: Option<&str>) -> Result<(), Problem> {
    let core = app.handle.core().await;
    let found = view::lease_of(core.state(), lease, tenant);
    found.map(|_| ()).ok_or_else(|| Problem::no_such("lease", lease))
}

/// The version that a command follows, for the description.
struct IfMatch;

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        // One entity tag, as the lease was answered with.
        let tag = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^\"[0-9]{1,9}\"$"));
        let parameter = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The `ETag` of the version that is amended"))
            .schema(Some(tag));
        vec![parameter.build()]
    }
}

/// The version in `If-Match`, if there is one.
fn if_match(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(value) = headers.get(axum::http::header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let version = version.and_then(|version| version.parse().ok());
    version.map(Some).ok_or_else(|| {
        problem(Refusal::new(
            412,
            "if-match-is-a-version",
            format!("{text:?} is no ETag of a lease"),
            "send the ETag that `GET /leases/{lease}` answered with",
        ))
    })
}
