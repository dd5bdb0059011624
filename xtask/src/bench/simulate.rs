//! How fast a scenario is played, and how long one decision takes at the size of the model deal.

use std::path::Path;
use std::time::Instant as Clock;

use leasehold_control::{Control, Input, JobSpec, JobState};
use leasehold_simulator::engine::{KeepNothing, Outcome, run};
use leasehold_simulator::scenario::Loaded;
use leasehold_units::{Instant, Seconds, Shape};

use super::Figure;

/// Measures.
pub fn figures(report: &mut dyn FnMut(Figure)) {
    growth(report);
    decisions(report);
    whole_term(report);
}

fn load(name: &str) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/colossus-1").join(name);
    Loaded::read(&path).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn play(loaded: &Loaded) -> (Outcome, f64) {
    let setting = loaded.setting(0).expect("nothing to open");
    let clock = Clock::now();
    let outcome = run(setting, &mut KeepNothing).unwrap_or_else(|error| panic!("{error}"));
    (outcome, clock.elapsed().as_secs_f64())
}

/// The model deal over its whole term, all invariants on.
fn whole_term(report: &mut dyn FnMut(Figure)) {
    let (outcome, seconds) = play(&load("whole-term.toml"));
    let jobs: u64 = outcome.tallies.iter().map(|tally| tally.submitted).sum();
    report(Figure::new("simulate_37_months_jobs", precise(jobs), "jobs"));
    report(Figure::new("simulate_37_months_events", precise(outcome.events), "events"));
    report(Figure::new("simulate_37_months_seconds", seconds, "s"));
    report(Figure::new("simulate_37_months", precise(outcome.events) / seconds, "events/s"));
    if let Some(kibibytes) = peak_kibibytes() {
        report(Figure::new("simulate_37_months_peak_memory", kibibytes / 1024.0, "MiB"));
    }
}

/// Once, twice, four and eight times the jobs.
fn growth(report: &mut dyn FnMut(Figure)) {
    for factor in [1_i16, 2, 4, 8] {
        let mut loaded = load("whole-term.toml");
        let first = loaded.scenario.from;
        loaded.scenario.until = first.saturating_add(jiff::ToSpan::days(90 * factor));
        let (outcome, seconds) = play(&loaded);
        let jobs: u64 = outcome.tallies.iter().map(|tally| tally.submitted).sum();
        let name = format!("simulate_growth_{factor}x");
        report(Figure::new(name, seconds * 1e9 / precise(jobs), "ns/job"));
    }
}

/// One end of a job, one arrival and all that follows, on a full site with 10,000 jobs waiting.
fn decisions(report: &mut dyn FnMut(Figure)) {
    const QUEUED: usize = 10_000;
    let loaded = load("scenario.toml");
    let start = loaded.site.time_zone.start_of("2026-07-02".parse().expect("a day"));
    let control = Control::new(loaded.site.clone(), loaded.leases.clone(), start);
    let mut control = control.unwrap_or_else(|refusals| panic!("{refusals:?}"));
    let mut now = start;
    let mut number = 0;
    settle(&mut control, now);
    while control.state().parties[1].queue.len() < QUEUED {
        submit(&mut control, now, &mut number);
        if number % 64 == 0 {
            settle(&mut control, now);
        }
    }
    settle(&mut control, now);
    let mut micros = Vec::new();
    for turn in 0..4_000_usize {
        now = now.after(Seconds::new(1));
        let running: Vec<u32> = control
            .state()
            .jobs
            .iter()
            .filter(|(_, job)| matches!(job.state, JobState::Running { .. }))
            .map(|(slot, _)| slot)
            .collect();
        let job = running[turn * 7919 % running.len()];
        let clock = Clock::now();
        control.handle(now, &Input::Ended { job }, &mut |_, _, _| {}).expect("it runs");
        submit(&mut control, now, &mut number);
        settle(&mut control, now);
        micros.push(clock.elapsed().as_secs_f64() * 1e6);
    }
    micros.sort_by(f64::total_cmp);
    let at = |percent: usize| micros[(micros.len() * percent / 100).min(micros.len() - 1)];
    report(Figure::new("decision_10k_queued_p50", at(50), "us"));
    report(Figure::new("decision_10k_queued_p99", at(99), "us"));
    report(Figure::new("decision_10k_queued_max", at(100), "us"));
}

fn settle(control: &mut Control, now: Instant) {
    control.settle(now, &mut |_, _, _| {}).expect("no invariant is broken");
    control.take_records(&mut Vec::new());
}

/// A gang of 1 to 4,096 GPUs for a quarter of an hour to some days, all by arithmetic.
fn submit(control: &mut Control, now: Instant, number: &mut u64) {
    *number += 1;
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let spec = JobSpec {
        number: *number,
        party: 1,
        gpus: 1 << (mixed % 13),
        request_seconds: 900 + u32::try_from(mixed / 13 % 300_000).expect("below 300,000"),
        vacate_seconds: 120,
        checkpoint_seconds: 1_800,
        pools: u64::MAX,
        within: Shape::Node,
        priority: 0,
        account: 0,
    };
    control.handle(now, &Input::Submit(spec), &mut |_, _, _| {}).expect("it is sound");
}

/// The most memory that this process ever had, as Linux counts it.
fn peak_kibibytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn precise(count: u64) -> f64 {
    count as f64
}
