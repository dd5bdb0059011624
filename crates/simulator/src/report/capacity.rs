//! Capacity over time by state, against what is granted; and where every GPU-hour went.

use leasehold_ledger::GpuState;
use leasehold_units::{Instant, Interval};
use maud::{Markup, html};

use super::chart::{Plot, SIDE, Scale, calendar, percent, tenth};
use super::stretches::Stretch;
use super::words::{grouped, length, local, rounded, share, watts};
use super::{events, stretches};
use crate::engine::Outcome;
use crate::random::precise;

/// From the bottom of the stack up: first what is held, so that its top follows what is granted;
/// over it the landlord's; last what nobody can use.
pub const STACK: [(GpuState, &str, &str); 8] = [
    (GpuState::Used, "used", "by the tenant that holds it"),
    (GpuState::Borrowed, "borrowed", "by the landlord, from a holding"),
    (GpuState::IdleLeased, "idle, leased", "in a holding, without a job"),
    (GpuState::Own, "own", "the landlord's work outside every holding"),
    (GpuState::IdleUnleased, "idle, unleased", "outside every holding, without a job"),
    (GpuState::Turnover, "turnover", "scrub and check between two parties"),
    (GpuState::Down, "down", "failed or under repair"),
    (GpuState::Curtailed, "curtailed", "switched off for the envelope"),
];

/// Entitlements in sum through a stretch of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// From when.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// GPUs of all leases together.
    pub gpus: u64,
}

/// The stacked areas with the entitlement over them, and the key that is also the account.
pub fn section(outcome: &Outcome, interval: Interval, stretches: &[Stretch]) -> Markup {
    let each = stretches.first().map_or(0, |stretch| stretch.until.since(stretch.from).get());
    html! {
        figure {
            figcaption { "GPUs by state" span.unit {
                "mean of each " (length(each)) "; the line is what leases grant"
                @if !outcome.milestones.is_empty() { "; numbers lead to " a href="#events" { "what happened" } }
            } }
            (stack(outcome, interval, stretches))
        }
        (account(outcome))
    }
}

fn stack(outcome: &Outcome, interval: Interval, stretches: &[Stretch]) -> Markup {
    let total = |stretch: &Stretch| STACK.iter().map(|(state, ..)| stretch.gpus(*state)).sum();
    let installed = stretches.iter().map(total).fold(1.0, f64::max);
    // Room for the words over the highest line.
    let scale = Scale::of_time(interval, installed * 1.1);
    let granted = granted(outcome, interval);
    let plot = Plot {
        name: "GPUs by state over time".into(),
        data: Some("stack"),
        size: "tall",
        up: scale.up(&|gpus| grouped(rounded(gpus))),
        along: calendar(interval, &outcome.state.site.time_zone),
        above: events::marks(&outcome.milestones, interval),
        shapes: html! {
            // The whole stack first and the lowest layer last: no seam shows between neighbours.
            @for (index, (state, ..)) in STACK.iter().enumerate().rev() {
                path class={ "area " (state.key()) } d=(layer(interval, stretches, &scale, index)) {}
            }
            (events::hairlines(&outcome.milestones, interval))
            @let line = granted_line(&granted, interval, &scale);
            path.halo d=(line) {}
            path.entitlement d=(line) {}
        },
        words: granted_words(&granted, interval, &scale),
    };
    plot.draw()
}

/// From the bottom to the top of the layer with `index`.
fn layer(interval: Interval, stretches: &[Stretch], scale: &Scale, index: usize) -> String {
    let height =
        |stretch: &Stretch| STACK[..=index].iter().map(|(state, ..)| stretch.gpus(*state)).sum();
    area(interval, stretches, scale, &height)
}

/// From the bottom to `height`, a step for each stretch.
pub fn area(
    interval: Interval,
    stretches: &[Stretch],
    scale: &Scale,
    height: &dyn Fn(&Stretch) -> f64,
) -> String {
    let mut path = String::from("M0 1000");
    for stretch in stretches {
        let x = scale.x(precise(stretch.until.since(interval.from).get()));
        path.push_str(&format!("V{}H{}", tenth(scale.y(height(stretch))), tenth(x)));
    }
    path + "V1000Z"
}

/// What all leases grant together, step by step, as far as it is more than nothing.
pub fn granted(outcome: &Outcome, interval: Interval) -> Vec<Granted> {
    let mut steps: Vec<(Interval, u64)> = Vec::new();
    for entry in &outcome.state.contracts.leases {
        let zone = &entry.terms().time_zone;
        for step in &entry.plan.steps {
            let end = step.until.tomorrow().expect("a term ends before the calendar does");
            let whole = Interval::new(zone.start_of(step.from), zone.start_of(end));
            steps.extend(whole.overlap(interval).map(|inside| (inside, step.gpus.get())));
        }
    }
    let mut edges: Vec<Instant> =
        steps.iter().flat_map(|(inside, _)| [inside.from, inside.until]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut sums: Vec<Granted> = Vec::new();
    for pair in edges.windows(2) {
        let here = steps.iter().filter(|(inside, _)| inside.contains(pair[0]));
        let gpus = here.map(|(_, gpus)| gpus).sum();
        match sums.last_mut().filter(|last| last.gpus == gpus && last.until == pair[0]) {
            Some(last) => last.until = pair[1],
            None => sums.push(Granted { from: pair[0], until: pair[1], gpus }),
        }
    }
    sums.retain(|sum| sum.gpus > 0);
    sums
}

fn granted_line(granted: &[Granted], interval: Interval, scale: &Scale) -> String {
    let x = |at: Instant| tenth(scale.x(precise(at.since(interval.from).get())));
    let mut path = String::new();
    let mut reached: Option<Instant> = None;
    for sum in granted {
        let y = tenth(scale.y(precise(sum.gpus)));
        if reached == Some(sum.from) {
            path.push_str(&format!("V{y}"));
        } else {
            path.push_str(&format!("M{} {y}", x(sum.from)));
        }
        path.push_str(&format!("H{}", x(sum.until)));
        reached = Some(sum.until);
    }
    path
}

/// The number over each step that is wide enough for it.
fn granted_words(granted: &[Granted], interval: Interval, scale: &Scale) -> Markup {
    let x = |at: Instant| scale.x(precise(at.since(interval.from).get()));
    let wide = |sum: &&Granted| x(sum.until) - x(sum.from) >= SIDE * 0.16;
    let widest = granted.iter().max_by_key(|sum| sum.until.since(sum.from));
    html! {
        @for sum in granted.iter().filter(wide) {
            span.word.over style={ "left:" (percent(x(sum.from))) ";top:" (percent(scale.y(precise(sum.gpus)))) } {
                (grouped(u128::from(sum.gpus)))
                @if Some(sum) == widest { span.more { " granted" } }
            }
        }
    }
}

/// States with their part of all GPU-seconds: key and account in one.
fn account(outcome: &Outcome) -> Markup {
    let totals = outcome.state.books.meter.totals();
    let installed = outcome.installed_gpu_seconds;
    html! {
        h3 { "Where every GPU-hour went" span.unit { (grouped(installed / 3600)) " installed" } }
        div.bar100 aria-hidden="true" {
            @for (state, ..) in STACK {
                @let mille = totals.of(state).get() * 100_000 / installed.max(1);
                @if mille > 0 {
                    i class=(state.key()) style={ "width:" (mille / 1000) "." (format!("{:03}", mille % 1000)) "%" } {}
                }
            }
        }
        ul.key {
            @for (state, name, meaning) in STACK {
                @let seconds = totals.of(state).get();
                li {
                    span class={ "swatch " (state.key()) } {}
                    span.name { (name) }
                    span.figure { (share(seconds, installed)) }
                    span.meaning { (meaning) br; (grouped(seconds / 3600)) " GPU-hours" }
                }
            }
        }
    }
}

/// The numbers behind the charts over time, for the script: names and styles of the states, then
/// for each stretch its share of the run at its end, when it begins, mean GPUs by state, and mean
/// and peak power.
pub fn numbers(outcome: &Outcome, interval: Interval, stretches: &[stretches::Stretch]) -> String {
    let zone = &outcome.state.site.time_zone;
    let scale = Scale::of_time(interval, 1.0);
    let rows: Vec<String> = stretches
        .iter()
        .map(|stretch| {
            let gpus: Vec<String> =
                STACK.iter().map(|(state, ..)| rounded(stretch.gpus(*state)).to_string()).collect();
            let end = tenth(scale.x(precise(stretch.until.since(interval.from).get())));
            let mean = u64::try_from(rounded(stretch.watts())).expect("a site draws less");
            let (mean, peak) = (watts(mean), watts(stretch.bucket.watts_peak));
            let when = local(stretch.from, zone);
            format!("[{end},\"{when}\",[{}],\"{mean}\",\"{peak}\"]", gpus.join(","))
        })
        .collect();
    let states: Vec<String> =
        STACK.iter().map(|(state, name, _)| format!("[\"{}\",\"{name}\"]", state.key())).collect();
    format!("{{\"states\":[{}],\"rows\":[{}]}}", states.join(","), rows.join(","))
}
