//! `/leases/{lease}/evidence`: what its documents follow from, for `invoice verify --evidence`.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use leasehold_storage::OpenMode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, Shared, only};
use crate::auth::{Principal, Right};
use crate::problem::{Path, Problem};
use crate::view::{self, EvidenceFile, EvidenceView};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(file))
}

/// List the evidence of a lease: its files, and the documents that they prove. Asked for in this order, files are
/// at least as new as the documents of the list, so that they prove all of them.
#[utoipa::path(get, path = "/leases/{lease}/evidence", tag = "leases",
    params(("lease" = String, Path, description = "Its name")),
    responses((status = 200, body = EvidenceView), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Path(lease): Path<String>,
) -> Result<axum::Json<EvidenceView>, Problem> {
    let reach = who.reach(Right::ReadInvoices)?;
    let found = {
        let core = app.handle.core().await;
        let state = core.state();
        let found = view::lease_of(state, &lease, only(&reach));
        found.map(|(_, entry)| view::evidence(state, entry, &app.key.public()))
    };
    let found = found.ok_or_else(|| Problem::no_such("lease", &lease))?;
    let what = format!("list of evidence of {lease}");
    app.log_read(&who, Right::ReadInvoices, &found.tenant, &what).await?;
    Ok(axum::Json(found))
}

/// Read a file of the evidence of a lease.
#[utoipa::path(get, path = "/leases/{lease}/evidence/{file}", tag = "leases",
    params(("lease" = String, Path, description = "Its name"),
        ("file" = String, Path, description = "The file's name, as it is listed")),
    responses((status = 200, content_type = "text/plain; charset=utf-8", body = String), Problem))]
async fn file(
    app: Shared,
    who: Principal,
    Path((lease, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let reach = who.reach(Right::ReadInvoices)?;
    let (tenant, found) = {
        let core = app.handle.core().await;
        let state = core.state();
        let found = view::lease_of(state, &lease, only(&reach));
        let (number, entry) = found.ok_or_else(|| Problem::no_such("lease", &lease))?;
        let found = view::evidence_file(state, number, entry, &file);
        let found = found.ok_or_else(|| Problem::no_such("file of evidence", &file))?;
        (entry.terms().tenant.to_string(), found)
    };
    let what = format!("evidence of {lease}: {file}");
    app.log_read(&who, Right::ReadInvoices, &tenant, &what).await?;
    let text = match found {
        EvidenceFile::Text(text) => text,
        EvidenceFile::Kept(stream) => kept(&app, stream).await?,
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// What is kept in `stream`; empty where nothing was ever written. A month can be long, so that it is read beside
/// the loop, where there is a database.
async fn kept(app: &App, stream: String) -> Result<String, Problem> {
    let read = match app.place.clone() {
        Some(place) => {
            let read = tokio::task::spawn_blocking(move || {
                leasehold_storage::open(&place, OpenMode::Read)?.text(&stream)
            });
            read.await.map_err(|_| Problem::internal())?
        }
        None => {
            let read = app.handle.read(move |store| store.text(&stream)).await;
            read.map_err(|_| super::stopping())?
        }
    };
    read.map(Option::unwrap_or_default).map_err(|error| {
        tracing::error!(%error, "cannot read evidence");
        Problem::internal()
    })
}
