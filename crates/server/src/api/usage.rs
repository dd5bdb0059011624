//! `/usage`: what leases were given, by month.

use std::sync::Arc;

use leasehold_units::Month;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, Shared, only, problem, reach};
use crate::auth::{Principal, Right};
use crate::command::Refusal;
use crate::problem::{Problem, Query};
use crate::view::{self, UsageView};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Usage.
#[derive(Debug, Serialize, ToSchema)]
struct Usage {
    /// By lease.
    usage: Vec<UsageView>,
}

/// Which usage.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichUsage {
    /// The civil month, `2026-05`; this one if nothing is said.
    month: Option<String>,
    /// Only of this lease.
    lease: Option<String>,
    /// Only of this tenant.
    tenant: Option<String>,
}

/// What leases were given in a month; of one that is not over, up to now.
#[utoipa::path(get, path = "/usage", tag = "usage", params(WhichUsage),
    responses((status = 200, body = Usage), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichUsage>,
) -> Result<axum::Json<Usage>, Problem> {
    let reach = reach(&who, Right::ReadUsage, which.tenant.as_deref())?;
    let month = which.month.as_deref().map(month).transpose()?;
    let usage: Vec<UsageView> = {
        let core = app.handle.core().await;
        let state = core.state();
        // A clock that was set back does not take back what happened.
        let now = app.clock.now().max(state.now);
        let running = state.fleet.running_service(now);
        let leases = state.contracts.leases.iter().enumerate();
        let seen = leases.filter(|(_, entry)| {
            let terms = entry.terms();
            let named = which.lease.as_deref().is_none_or(|lease| lease == terms.id.as_str());
            named && only(&reach).is_none_or(|party| party == terms.tenant.as_str())
        });
        seen.map(|(number, entry)| {
            let this = Month::of(entry.terms().time_zone.day_of(now));
            view::usage(state, (number, entry), month.unwrap_or(this), now, &running)
        })
        .collect()
    };
    app.log_reads(&who, Right::ReadUsage, usage.iter().map(|usage| usage.tenant.as_str()), "usage")
        .await?;
    Ok(axum::Json(Usage { usage }))
}

fn month(text: &str) -> Result<Month, Problem> {
    let parts = text.split_once('-').and_then(|(year, month)| {
        let (year, month): (i16, i8) = (year.parse().ok()?, month.parse().ok()?);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        // The days around a month must be days, too: the calendar ends with the year 9999.
        let known = (1900..9999).contains(&year) && (1..=12).contains(&month);
        (text.len() == 7 && digits && known).then_some(Month { year, month })
    });
    parts.ok_or_else(|| {
        let detail = format!("{text:?} is no month");
        problem(Refusal::new(422, "month-is-valid", detail, "write it like 2026-05"))
    })
}
