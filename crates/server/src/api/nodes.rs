//! `/nodes` and `/site`.

use std::sync::Arc;

use axum::response::Response;
use leasehold_units::Instant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, CommandOptions, Shared, instant, only};
use crate::auth::{Principal, Reach, Right};
use crate::command::{Command, DrainRequest, PlantCommand};
use crate::problem::{IdempotencyKey, Json, Path, Problem, Query};
use crate::view::{self, Eyes, NodeView, SiteView};

/// Nodes in one answer at most.
const PAGE_MAX: u32 = 5_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(site))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(drain))
        .routes(routes!(resume))
        .routes(routes!(down))
}

/// Nodes.
#[derive(Debug, Serialize, ToSchema)]
struct Nodes {
    /// In order of their numbers.
    nodes: Vec<NodeView>,
    /// What to pass as `after` for more.
    next: Option<String>,
}

/// Which nodes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichNodes {
    /// Go on from this `next`.
    after: Option<u32>,
    /// So many at most, 1 to 5000.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u32>,
}

/// Maintenance.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// Its name, to call it off by.
    #[serde(default)]
    id: Option<String>,
    /// What is done meanwhile.
    #[serde(default)]
    what: String,
    /// From when, RFC 3339; now if nothing is said.
    #[serde(default)]
    from: Option<String>,
    /// Until when, RFC 3339.
    until: String,
    /// Whether hours that leases agree to by their terms are to be used.
    #[serde(default)]
    agreed_hours: bool,
}

/// A failure.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Down {
    /// Whether the tenant that holds them is to blame.
    #[serde(default)]
    tenant_fault: bool,
}

/// The site in short.
#[utoipa::path(get, path = "/site", tag = "site", responses((status = 200, body = SiteView), Problem))]
async fn site(app: Shared, who: Principal) -> Result<axum::Json<SiteView>, Problem> {
    who.reach(Right::ReadSite)?;
    let core = app.handle.core().await;
    Ok(axum::Json(view::site(core.state())))
}

/// List nodes: a tenant sees those that it holds.
#[utoipa::path(get, path = "/nodes", tag = "nodes", params(WhichNodes),
    responses((status = 200, body = Nodes), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichNodes>,
) -> Result<axum::Json<Nodes>, Problem> {
    let reach = nodes_of(&who)?;
    let limit = super::page(which.limit, 1_000, PAGE_MAX)?;
    let core = app.handle.core().await;
    let (nodes, next) =
        view::nodes(core.state(), eyes(&reach), which.after.unwrap_or(0), limit as usize);
    Ok(axum::Json(Nodes { nodes, next: next.map(|next| next.to_string()) }))
}

/// Show a node.
#[utoipa::path(get, path = "/nodes/{node}", tag = "nodes",
    params(("node" = String, Path, description = "Its name: a-03-07-5")),
    responses((status = 200, body = NodeView), Problem))]
async fn show(
    app: Shared,
    who: Principal,
    Path(name): Path<String>,
) -> Result<axum::Json<NodeView>, Problem> {
    let reach = nodes_of(&who)?;
    let core = app.handle.core().await;
    let found = core.state().site.nodes_named(&name).filter(|range| range.len() == 1);
    let view = found.and_then(|range| view::node(core.state(), eyes(&reach), range.start));
    view.map(axum::Json).ok_or_else(|| Problem::no_such("node", &name))
}

/// Take nodes out of service for a while. It is refused if what is promised would be short.
#[utoipa::path(post, path = "/nodes/{nodes}/drain", tag = "nodes",
    params(("nodes" = String, Path, description = "A node, a rack, an array or a pool"), CommandOptions, IdempotencyKey),
    request_body = Drain, responses((status = 201), Problem))]
async fn drain(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(nodes): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(drain): Json<Drain>,
) -> Result<Response, Problem> {
    who.reach(Right::PlanMaintenance)?;
    let from: Option<Instant> =
        drain.from.as_deref().map(|at| instant("#/from", at)).transpose()?;
    let request = DrainRequest {
        nodes: nodes.clone(),
        id: drain.id.clone(),
        what: drain.what.clone(),
        from,
        until: instant("#/until", &drain.until)?,
        agreed_hours: drain.agreed_hours,
    };
    let command = Command::Plant(PlantCommand::Drain(request));
    app.command(&who, key, &options, &(nodes, drain), command).await
}

/// Bring nodes back: what was planned is called off, what had failed is healthy.
#[utoipa::path(post, path = "/nodes/{nodes}/resume", tag = "nodes",
    params(("nodes" = String, Path, description = "A node, a rack, an array, a pool, or the name of what was planned"),
        CommandOptions, IdempotencyKey),
    responses((status = 200), Problem))]
async fn resume(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(nodes): Path<String>,
    Query(options): Query<CommandOptions>,
) -> Result<Response, Problem> {
    who.reach(Right::ManageNodes)?;
    let command = Command::Plant(PlantCommand::Resume { nodes: nodes.clone() });
    app.command(&who, key, &options, &nodes, command).await
}

/// Say that nodes failed: what runs there is stopped and others stand in.
#[utoipa::path(post, path = "/nodes/{nodes}/down", tag = "nodes",
    params(("nodes" = String, Path, description = "A node, a rack, an array or a pool"), CommandOptions, IdempotencyKey),
    request_body = Down, responses((status = 200), Problem))]
async fn down(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(nodes): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(down): Json<Down>,
) -> Result<Response, Problem> {
    who.reach(Right::ManageNodes)?;
    let tenant_fault = down.tenant_fault;
    let command = Command::Plant(PlantCommand::Down { nodes: nodes.clone(), tenant_fault });
    app.command(&who, key, &options, &(nodes, down), command).await
}

/// Those who run the site see every node, a party those that it holds.
fn nodes_of(who: &Principal) -> Result<Reach, Problem> {
    if who.party().is_some() {
        return Ok(who.reach(Right::ReadCapacity)?);
    }
    Ok(who.reach(Right::ReadNodes)?)
}

fn eyes(reach: &Reach) -> Eyes<'_> {
    only(reach).map_or(Eyes::Site, Eyes::Tenant)
}
