//! Power as those see it who run the site.

use leasehold_control::{Cause, State};
use leasehold_units::Watts;
use serde::Serialize;
use utoipa::ToSchema;

/// Power now, and what is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PowerView {
    /// Facility watts that may be drawn.
    pub limit_watts: u64,
    /// Facility watts that are drawn by the site's own reckoning, rounded down.
    pub drawn_watts: u64,
    /// Curtailments that are announced or in force.
    pub curtailments: Vec<CurtailmentView>,
}

/// A lowered envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurtailmentView {
    /// Facility watts that may be drawn meanwhile.
    pub limit_watts: u64,
    /// `economic`, `emergency`, `planned` or `test`.
    pub cause: String,
    /// When it was asked for.
    pub announced: String,
    /// From when it counts.
    pub from: String,
    /// Until when, excluded.
    pub until: String,
}

/// Power now.
pub fn power(state: &State) -> PowerView {
    let drawn = state.site.facility_watts(Watts::new(state.fleet.it_watts()));
    let curtailments = state.curtailments.iter().map(|curtailment| CurtailmentView {
        limit_watts: curtailment.limit.get(),
        cause: cause(curtailment.cause).into(),
        announced: curtailment.announced.to_string(),
        from: curtailment.from.to_string(),
        until: curtailment.until.to_string(),
    });
    PowerView {
        limit_watts: state.limit.get(),
        drawn_watts: drawn.get(),
        curtailments: curtailments.collect(),
    }
}

const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Economic => "economic",
        Cause::Emergency => "emergency",
        Cause::Planned => "planned",
        Cause::Test => "test",
    }
}
