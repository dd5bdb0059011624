//! What is asked of any server: whether it lives, whether it is ready, what it counts.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, Shared};
use crate::auth::{Principal, Right};
use crate::metrics::ClusterCounts;
use crate::plant::SlurmStatus;
use crate::problem::Problem;

/// What Prometheus is answered with.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn open_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Whether the server lives.
#[utoipa::path(get, path = "/healthz", tag = "server", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the server can take commands.
#[utoipa::path(get, path = "/readyz", tag = "server", security(()),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain")))]
async fn readyz(app: Shared) -> Response {
    match app.handle.read(|store| store.head().seq).await {
        Ok(_) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
    }
}

/// What is counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), Problem))]
async fn metrics(app: Shared, who: Principal) -> Result<Response, Problem> {
    who.reach(Right::ReadMetrics)?;
    let core = app.handle.core().await;
    let records = *app.handle.news().borrow();
    let cluster = app.cluster.as_ref().map(counts);
    let text = app.metrics.text(core.state(), records, cluster.as_ref());
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}

fn counts(status: &SlurmStatus) -> ClusterCounts {
    let now = status.now();
    ClusterCounts {
        seen: status.seen(),
        enforces: status.enforces,
        differences: now.differences as u64,
        drifted: now.drifted,
        calls: now.calls,
        told_to_leave: now.told_to_leave,
        not_booked: now.not_booked.len() as u64,
    }
}
