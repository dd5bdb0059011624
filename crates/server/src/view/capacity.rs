//! What can still be sold, for those who sell it.

use leasehold_allocator::{Refusal, available};
use leasehold_control::State;
use leasehold_units::{Day, Shape};
use serde::Serialize;
use utoipa::ToSchema;

/// What can still be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CalendarView {
    /// The site.
    pub site: String,
    /// Spans between two changes.
    pub spans: Vec<SpanView>,
}

/// Between two changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpanView {
    /// First day, in the site's zone.
    pub from: String,
    /// Last day; none where it stays so for good.
    pub until: Option<String>,
    /// First second.
    pub starts_at: String,
    /// First second after.
    pub ends_at: Option<String>,
    /// Facility watts that can still be sold.
    pub headroom_watts: u64,
    /// By pool.
    pub pools: Vec<PoolView>,
}

/// Whole blocks of a pool that can still be sold; shapes stand for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PoolView {
    /// Its name.
    pub pool: String,
    /// Its kind of node.
    pub sku: String,
    /// As single nodes.
    pub nodes: u32,
    /// As racks.
    pub racks: u32,
    /// As arrays.
    pub arrays: u32,
}

/// Which days.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cut {
    /// The first.
    pub from: Option<Day>,
    /// The last.
    pub until: Option<Day>,
}

/// What can still be sold, around leases, quotes and maintenance.
///
/// # Errors
/// Where the leases do not fit, which never is so for what was signed.
pub fn calendar(state: &State, cut: Cut) -> Result<CalendarView, Vec<Refusal>> {
    let leases = state.contracts.lease_list(state.now);
    let spans = available(&state.site, &leases, &state.contracts.out())?;
    let zone = &state.site.time_zone;
    let seen = spans.iter().filter(|span| {
        let starts = cut.until.is_none_or(|until| span.first_day <= until);
        let today = zone.day_of(state.now);
        let from = cut.from.map_or(today, |from| from.max(today));
        starts && span.last_day.is_none_or(|last| from <= last)
    });
    let spans = seen.map(|span| SpanView {
        from: span.first_day.to_string(),
        until: span.last_day.map(|day| day.to_string()),
        starts_at: span.from.to_string(),
        ends_at: span.until.map(|at| at.to_string()),
        headroom_watts: span.headroom.get(),
        pools: state
            .site
            .pools
            .iter()
            .zip(&span.pools)
            .map(|(pool, blocks)| PoolView {
                pool: pool.id.to_string(),
                sku: state.site.sku(pool).id.to_string(),
                nodes: blocks.of(Shape::Node),
                racks: blocks.of(Shape::Rack),
                arrays: blocks.of(Shape::Array),
            })
            .collect(),
    });
    Ok(CalendarView { site: state.site.id.to_string(), spans: spans.collect() })
}
