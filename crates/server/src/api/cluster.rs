//! `/cluster`: how a cluster with a scheduler of its own stands to the leases.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, Shared};
use crate::auth::{Principal, Right};
use crate::problem::Problem;
use crate::view::{self, ClusterView};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How the cluster stands: when it was seen, what is not as the leases have it, which runs are not booked.
#[utoipa::path(get, path = "/cluster", tag = "nodes", responses((status = 200, body = ClusterView), Problem))]
async fn show(app: Shared, who: Principal) -> Result<axum::Json<ClusterView>, Problem> {
    who.reach(Right::ReadNodes)?;
    Ok(axum::Json(view::cluster(app.cluster.as_ref())))
}
