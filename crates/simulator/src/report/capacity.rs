//! Capacity over time by state, against what is granted; and power against the envelope.

use std::collections::BTreeMap;

use leasehold_ledger::GpuState;
use leasehold_units::{Instant, Interval};
use maud::{Markup, html};

use super::chart::{Frame, WIDTH, round_step, tenth};
use super::words::{grouped, megawatts, share};
use crate::engine::Outcome;
use crate::measure::Bucket;
use crate::random::precise;

/// From the bottom of the stack up, with what people call it.
const STACK: [(GpuState, &str, &str); 8] = [
    (GpuState::Used, "used", "by the tenant that holds it"),
    (GpuState::Borrowed, "borrowed", "by the landlord, from a holding"),
    (GpuState::Own, "own", "the landlord's work outside every holding"),
    (GpuState::IdleLeased, "idle, leased", "in a holding, without a job"),
    (GpuState::IdleUnleased, "idle, unleased", "outside every holding, without a job"),
    (GpuState::Turnover, "turnover", "scrub and check between two parties"),
    (GpuState::Down, "down", "failed or under repair"),
    (GpuState::Curtailed, "curtailed", "switched off for the envelope"),
];

/// Mean GPUs in `state` through a bucket.
fn mean(bucket: &Bucket, state: GpuState) -> f64 {
    let mean = bucket.gpu_seconds[state.index()] / u128::from(bucket.seconds.max(1));
    precise(u64::try_from(mean).expect("a site has few GPUs"))
}

/// The stacked areas with the entitlement over them, and the key that is also the account.
pub fn stack(outcome: &Outcome, interval: Interval) -> Markup {
    let installed = precise(outcome.state.installed_gpus.max(1));
    let frame = Frame { interval, height: 380.0, most: installed * 1.04 };
    let zone = &outcome.state.site.time_zone;
    let gpus = |value: f64| format!("{:.0}k", value / 1000.0);
    let step = round_step(installed);
    let small = |value: f64| step < 1000.0 || value == 0.0;
    let label = |value: f64| if small(value) { format!("{value:.0}") } else { gpus(value) };
    html! {
        figure {
            figcaption { "GPUs by state" span.unit { "mean of each stretch; the line is what leases grant" } }
            svg.chart viewBox={ "0 0 " (WIDTH) " " (frame.height) } role="img"
                aria-label="GPUs by state over time" data-chart="stack" {
                (frame.grid(step, &label))
                @for (index, (state, ..)) in STACK.iter().enumerate() {
                    path class={ "area " (state.key()) } d=(area(outcome, &frame, index)) {}
                }
                @for line in entitlement_lines(outcome, &frame) {
                    path.entitlement d=(line) {}
                }
                (frame.days(zone))
                rect.pointer x="0" y="0" width="1" height=(frame.height) {}
            }
            (key(outcome))
        }
    }
}

fn area(outcome: &Outcome, frame: &Frame, index: usize) -> String {
    let height = |bucket: &Bucket, upto: usize| -> f64 {
        STACK[..upto].iter().map(|(state, ..)| mean(bucket, *state)).sum()
    };
    let mut upper = String::new();
    let mut lower = Vec::new();
    let length = outcome.capacity.bucket_length();
    for (from, bucket) in outcome.capacity.iter().filter(|(_, bucket)| bucket.seconds > 0) {
        let until = from.after(length).min(frame.interval.until);
        let (x1, x2) = (tenth(frame.x(from)), tenth(frame.x(until)));
        let (top, base) = (height(bucket, index + 1), height(bucket, index));
        let (top, base) = (tenth(frame.y(top)), tenth(frame.y(base)));
        let command = if upper.is_empty() { 'M' } else { 'L' };
        upper.push_str(&format!("{command}{x1} {top}H{x2}"));
        lower.push(format!("L{x2} {base}H{x1}"));
    }
    lower.reverse();
    upper + &lower.concat() + "Z"
}

/// The sum of what all leases grant, as a step line.
fn entitlement_lines(outcome: &Outcome, frame: &Frame) -> Vec<String> {
    let mut changes: Vec<(Instant, i64)> = Vec::new();
    for entry in &outcome.state.contracts.leases {
        let zone = &entry.terms().time_zone;
        for step in &entry.plan.steps {
            let gpus = i64::try_from(step.gpus.get()).expect("a site has few GPUs");
            let end = step.until.tomorrow().expect("a term ends before the calendar does");
            changes.push((zone.start_of(step.from), gpus));
            changes.push((zone.start_of(end), -gpus));
        }
    }
    let mut by_instant: BTreeMap<Instant, i64> = BTreeMap::new();
    for (at, change) in changes {
        *by_instant.entry(at).or_default() += change;
    }
    let mut granted = 0;
    let mut path = String::new();
    for (at, change) in by_instant {
        let at = at.clamp(frame.interval.from, frame.interval.until);
        let x = tenth(frame.x(at));
        let level = |granted: i64| tenth(frame.y(precise(granted.unsigned_abs())));
        let command = if path.is_empty() { 'M' } else { 'L' };
        path.push_str(&format!("{command}{x} {}", level(granted)));
        granted += change;
        path.push_str(&format!("L{x} {}", level(granted)));
    }
    if path.is_empty() { Vec::new() } else { vec![path] }
}

/// States with their part of all GPU-seconds: key and account in one.
fn key(outcome: &Outcome) -> Markup {
    let totals = outcome.state.books.meter.totals();
    let installed = outcome.installed_gpu_seconds;
    html! {
        ul.key {
            @for (state, name, meaning) in STACK {
                @let seconds = totals.of(state).get();
                li {
                    span class={ "swatch " (state.key()) } {}
                    span.name { (name) }
                    span.figure { (share(seconds, installed)) }
                    span.meaning { (meaning) ", " (grouped(seconds / 3600)) " GPU-hours" }
                }
            }
        }
    }
}

/// Facility power over time against the envelope.
pub fn power(outcome: &Outcome, interval: Interval) -> Markup {
    let site = &outcome.state.site;
    let limit = site.envelope.iter().map(|(_, limit)| limit.get()).max().unwrap_or(0);
    let most = precise(limit.max(outcome.peak_watts)) * 1.06;
    let frame = Frame { interval, height: 240.0, most };
    let label = |watts: f64| format!("{:.0} MW", watts / 1e6);
    let peak = outcome.peak_watts;
    html! {
        figure {
            figcaption {
                "Facility power" span.unit {
                    "contracted draw, cooling included; filled: mean, thin line: peak of each stretch; "
                    "dashed: the envelope. Highest " (megawatts(peak)) " MW"
                }
            }
            svg.chart viewBox={ "0 0 " (WIDTH) " " (frame.height) } role="img"
                aria-label="facility power over time" data-chart="power" {
                (frame.grid(round_step(most), &label))
                path.watts d=(mean_area(outcome, &frame)) {}
                path.watts-peak d=(peak_line(outcome, &frame)) {}
                path.envelope d=(envelope_line(outcome, &frame)) {}
                (frame.days(&site.time_zone))
                rect.pointer x="0" y="0" width="1" height=(frame.height) {}
            }
        }
    }
}

fn mean_area(outcome: &Outcome, frame: &Frame) -> String {
    let mean = |bucket: &Bucket| {
        let mean = bucket.watt_seconds / u128::from(bucket.seconds.max(1));
        precise(u64::try_from(mean).expect("a site draws less"))
    };
    let line = bucket_line(outcome, frame, &mean);
    let base = tenth(frame.y(0.0));
    let (from, until) = (frame.interval.from, frame.interval.until);
    format!("{line}L{} {base}L{} {base}Z", tenth(frame.x(until)), tenth(frame.x(from)))
}

fn peak_line(outcome: &Outcome, frame: &Frame) -> String {
    bucket_line(outcome, frame, &|bucket| precise(bucket.watts_peak))
}

fn bucket_line(outcome: &Outcome, frame: &Frame, value: &dyn Fn(&Bucket) -> f64) -> String {
    let length = outcome.capacity.bucket_length();
    let mut path = String::new();
    for (from, bucket) in outcome.capacity.iter().filter(|(_, bucket)| bucket.seconds > 0) {
        let until = from.after(length).min(frame.interval.until);
        let command = if path.is_empty() { 'M' } else { 'L' };
        let (x, y) = (tenth(frame.x(from)), tenth(frame.y(value(bucket))));
        path.push_str(&format!("{command}{x} {y}H{}", tenth(frame.x(until))));
    }
    path
}

/// The envelope as it was in force, curtailments included.
fn envelope_line(outcome: &Outcome, frame: &Frame) -> String {
    let mut path = String::new();
    let mut level: Option<u64> = None;
    for (at, limit) in &outcome.limits {
        let x = tenth(frame.x((*at).max(frame.interval.from)));
        match level {
            None => path.push_str(&format!("M{x} {}", tenth(frame.y(precise(*limit))))),
            Some(_) => path.push_str(&format!("H{x}V{}", tenth(frame.y(precise(*limit))))),
        }
        level = Some(*limit);
    }
    path + &format!("H{}", tenth(frame.x(frame.interval.until)))
}

/// The numbers behind both charts, for the script: begin, then mean GPUs by state, then mean and
/// peak megawatts.
pub fn numbers(outcome: &Outcome) -> String {
    let zone = &outcome.state.site.time_zone;
    let rows: Vec<String> = outcome
        .capacity
        .iter()
        .filter(|(_, bucket)| bucket.seconds > 0)
        .map(|(from, bucket)| {
            let gpus: Vec<String> =
                STACK.iter().map(|(state, ..)| format!("{:.0}", mean(bucket, *state))).collect();
            let watts = bucket.watt_seconds / u128::from(bucket.seconds);
            let watts = u64::try_from(watts).expect("a site draws less");
            let (mean, peak) = (megawatts(watts), megawatts(bucket.watts_peak));
            let when = super::words::local(from, zone);
            format!("[\"{when}\",[{}],\"{mean}\",\"{peak}\"]", gpus.join(","))
        })
        .collect();
    let names: Vec<String> = STACK.iter().map(|(_, name, _)| format!("\"{name}\"")).collect();
    format!("{{\"names\":[{}],\"rows\":[{}]}}", names.join(","), rows.join(","))
}
