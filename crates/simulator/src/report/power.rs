//! Facility power over time against the envelope.

use leasehold_units::{Instant, Interval};
use maud::{Markup, html};

use super::capacity::area;
use super::chart::{Plot, Scale, calendar, percent, tenth};
use super::events;
use super::stretches::Stretch;
use super::words::{length, rounded, watts};
use crate::engine::Outcome;
use crate::random::precise;

/// Mean and peak of each stretch under the envelope.
pub fn section(outcome: &Outcome, interval: Interval, stretches: &[Stretch]) -> Markup {
    let limit = outcome.limits.iter().map(|(_, limit)| *limit).max().unwrap_or(0);
    // Room for the words over the highest line.
    let scale = Scale::of_time(interval, precise(limit.max(outcome.peak_watts).max(1)) * 1.18);
    let each = stretches.first().map_or(0, |stretch| stretch.until.since(stretch.from).get());
    let plot = Plot {
        name: "Facility power over time, against the envelope".into(),
        data: Some("power"),
        size: "middle",
        up: scale.up(&label),
        along: calendar(interval, &outcome.state.site.time_zone),
        above: html! {},
        shapes: html! {
            path.peak d=(area(interval, stretches, &scale, &|stretch| precise(stretch.bucket.watts_peak))) {}
            path.mean d=(area(interval, stretches, &scale, &Stretch::watts)) {}
            (events::hairlines(&outcome.milestones, interval))
            path.envelope d=(envelope(outcome, interval, &scale)) {}
        },
        words: words(outcome, &scale),
    };
    html! {
        figure {
            figcaption { "Facility power" span.unit {
                "on the contracted basis, cooling included: "
                span.swatch.mean {} " mean and " span.swatch.peak {} " peak of each " (length(each))
            } }
            (plot.draw())
        }
    }
}

/// Up the side.
fn label(value: f64) -> String {
    let whole = u64::try_from(rounded(value)).expect("a site draws less");
    if whole == 0 { "0".into() } else { watts(whole) }
}

/// The envelope as it was in force, curtailments included.
fn envelope(outcome: &Outcome, interval: Interval, scale: &Scale) -> String {
    let x = |at: Instant| tenth(scale.x(precise(at.since(interval.from).get())));
    let mut path = String::new();
    for (at, limit) in &outcome.limits {
        let y = tenth(scale.y(precise(*limit)));
        let step =
            if path.is_empty() { format!("M{} {y}", x(*at)) } else { format!("H{}V{y}", x(*at)) };
        path.push_str(&step);
    }
    if path.is_empty() { path } else { path + "H1000" }
}

fn words(outcome: &Outcome, scale: &Scale) -> Markup {
    let Some((_, first)) = outcome.limits.first() else { return html! {} };
    let lowest = outcome.limits.iter().map(|(_, limit)| *limit).min().unwrap_or(*first);
    html! {
        span.word.over.limit style={ "left:0;top:" (percent(scale.y(precise(*first)))) } {
            "envelope " (watts(*first))
            @if lowest < *first { span.more { ", for a while " (watts(lowest)) } }
        }
    }
}
