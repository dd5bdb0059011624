//! The frame of a chart over time: axes, grid, days along the bottom.

use leasehold_units::{Day, Instant, Interval, Month, Zone};
use maud::{Markup, html};

use crate::random::precise;

/// Width of every chart, in its own units.
pub const WIDTH: f64 = 1000.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;

/// Where data lands in a chart.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// What the chart spans.
    pub interval: Interval,
    /// Height in its own units, axis included.
    pub height: f64,
    /// The value at the top.
    pub most: f64,
}

impl Frame {
    /// Across, for an instant.
    pub fn x(&self, at: Instant) -> f64 {
        let whole = precise(self.interval.length().get().max(1));
        let share = precise(at.since(self.interval.from).get()) / whole;
        LEFT + share.min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Across, for a share from 0 to 1.
    pub fn across(share: f64) -> f64 {
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    /// Down, for a value.
    pub fn y(&self, value: f64) -> f64 {
        let inner = self.height - TOP - BOTTOM;
        TOP + inner * (1.0 - (value / self.most).min(1.0))
    }

    /// The horizontal grid with its labels, a line each `step`.
    pub fn grid(&self, step: f64, label: &dyn Fn(f64) -> String) -> Markup {
        let mut values = Vec::new();
        let mut value = 0.0;
        while value <= self.most {
            values.push(value);
            value += step;
        }
        html! {
            @for value in values {
                @let y = self.y(value);
                line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(tenth(y)) y2=(tenth(y)) {}
                text.tick x=(LEFT - 8.0) y=(tenth(y + 3.5)) text-anchor="end" { (label(value)) }
            }
        }
    }

    /// Names of months along the bottom, or of days where it is short.
    pub fn days(&self, zone: &Zone) -> Markup {
        let marks = marks(self.interval, zone);
        let bottom = self.height - BOTTOM;
        html! {
            @for (at, name) in marks {
                @let x = tenth(self.x(at));
                line.mark x1=(x) x2=(x) y1=(tenth(bottom)) y2=(tenth(bottom + 5.0)) {}
                text.tick x=(x) y=(tenth(bottom + 17.0)) { (name) }
            }
        }
    }
}

/// Instants to name along the bottom: at most about a dozen.
fn marks(interval: Interval, zone: &Zone) -> Vec<(Instant, String)> {
    let (first, last) = (zone.day_of(interval.from), zone.day_of(interval.until));
    let days = interval.length().get() / 86_400;
    if days <= 45 {
        let step = usize::try_from(days.div_ceil(10).max(1)).expect("few days");
        let named = first.series(jiff::ToSpan::days(1)).take_while(|day| *day < last).step_by(step);
        return named.map(|day| (zone.start_of(day), day.to_string())).collect();
    }
    let mut months: Vec<Day> = Vec::new();
    let mut month = Month::of(first);
    while month.first_day() < last {
        months.push(month.first_day().max(first));
        month = month.next();
    }
    let step = months.len().div_ceil(12);
    let named = months.into_iter().step_by(step);
    named.map(|day| (zone.start_of(day), month_name(day))).collect()
}

fn month_name(day: Day) -> String {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = NAMES[usize::from(day.month().unsigned_abs()) - 1];
    format!("{name} {}", day.year())
}

/// A coordinate with one digit after the point: small pages, and the same everywhere.
pub fn tenth(value: f64) -> String {
    format!("{value:.1}")
}

/// A round step that divides `most` into about five.
pub fn round_step(most: f64) -> f64 {
    let mut scale = 1.0;
    while most / scale > 50.0 {
        scale *= 10.0;
    }
    let wanted = most / scale / 5.0;
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| *step >= wanted);
    scale * step.unwrap_or(10.0)
}
