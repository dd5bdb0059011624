//! `/power` and `/calendar`: what is drawn, and what can still be sold.

use std::sync::Arc;

use axum::response::Response;
use leasehold_control::{Ask, Cause};
use leasehold_units::{Day, Watts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, CommandOptions, Shared, instant, problem};
use crate::auth::{Principal, Right};
use crate::command::{Command, CurtailmentRequest, PlantCommand, Refusal};
use crate::problem::{IdempotencyKey, Json, Problem, Query};
use crate::view::{self, CalendarView, Cut, PowerView};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(curtail)).routes(routes!(calendar))
}

/// A lowered envelope: either a limit, or a reduction of what is drawn now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Curtailment {
    /// Facility watts that may be drawn.
    #[serde(default)]
    limit_watts: Option<u64>,
    /// Facility watts less than now.
    #[serde(default)]
    reduction_watts: Option<u64>,
    /// Facility watts that need not be shed, with a reduction.
    #[serde(default)]
    protected_watts: u64,
    /// `economic`, `emergency`, `planned` or `test`.
    cause: CauseName,
    /// From when, RFC 3339; now if nothing is said.
    #[serde(default)]
    from: Option<String>,
    /// Until when, RFC 3339.
    until: String,
}

/// Why the envelope is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CauseName {
    /// Power is dear.
    Economic,
    /// The grid is in danger.
    Emergency,
    /// Works on the supply.
    Planned,
    /// The site has to show that it can.
    Test,
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichDays {
    /// The first, ISO 8601.
    from: Option<String>,
    /// The last, ISO 8601.
    until: Option<String>,
}

/// Power now, and what is announced.
#[utoipa::path(get, path = "/power", tag = "power", responses((status = 200, body = PowerView), Problem))]
async fn show(app: Shared, who: Principal) -> Result<axum::Json<PowerView>, Problem> {
    who.reach(Right::ReadPower)?;
    let core = app.handle.core().await;
    Ok(axum::Json(view::power(core.state())))
}

/// Lower the envelope for a while.
#[utoipa::path(post, path = "/power/events", tag = "power", params(CommandOptions, IdempotencyKey),
    request_body = Curtailment, responses((status = 201), Problem))]
async fn curtail(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Query(options): Query<CommandOptions>,
    Json(asked): Json<Curtailment>,
) -> Result<Response, Problem> {
    who.reach(Right::DeclarePowerEvent)?;
    let ask = match (asked.limit_watts, asked.reduction_watts) {
        (Some(limit), None) => Ask::Limit(Watts::new(limit)),
        (None, Some(by)) => {
            Ask::Reduction { by: Watts::new(by), protected: Watts::new(asked.protected_watts) }
        }
        _ => {
            return Err(problem(Refusal::new(
                422,
                "one-amount-is-named",
                "a limit and a reduction are named, or neither",
                "give either `limit_watts` or `reduction_watts`",
            )));
        }
    };
    let cause = match asked.cause {
        CauseName::Economic => Cause::Economic,
        CauseName::Emergency => Cause::Emergency,
        CauseName::Planned => Cause::Planned,
        CauseName::Test => Cause::Test,
    };
    let request = CurtailmentRequest {
        ask,
        cause,
        from: asked.from.as_deref().map(|at| instant("#/from", at)).transpose()?,
        until: instant("#/until", &asked.until)?,
    };
    let command = Command::Plant(PlantCommand::Curtail(request));
    app.command(&who, key, &options, &asked, command).await
}

/// What can still be sold, and when.
#[utoipa::path(get, path = "/calendar", tag = "capacity", params(WhichDays),
    responses((status = 200, body = CalendarView), Problem))]
async fn calendar(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichDays>,
) -> Result<axum::Json<CalendarView>, Problem> {
    who.reach(Right::ReadCalendar)?;
    let day = |name: &'static str, text: &Option<String>| {
        text.as_deref().map(|text| super::day(name, text)).transpose()
    };
    let (from, until): (Option<Day>, Option<Day>) =
        (day("?from", &which.from)?, day("?until", &which.until)?);
    let core = app.handle.core().await;
    let calendar = view::calendar(core.state(), Cut { from, until });
    calendar.map(axum::Json).map_err(|_| Problem::internal())
}
