//! `simulate`: plays a scenario and writes what it leaves behind.

use std::time::Instant as Clock;

use leasehold_ledger::SigningKey;
use leasehold_simulator::engine::{self, Outcome, RunError};
use leasehold_simulator::output::{Files, Folder, FolderError, Replace, Summary};
use leasehold_simulator::report::Heading;
use leasehold_simulator::scenario::Loaded;

use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::input;
use crate::keys;
use crate::output::{self, Align, Printable, Rows, grouped};
use crate::progress::Bar;

/// Plays and writes.
pub fn run(asked: &arguments::Simulate, common: &Common) -> Result<(), Failure> {
    let started = Clock::now();
    let (scenario, out) = match (asked.adversary, &asked.scenario, &asked.out) {
        (None, Some(scenario), Some(out)) => (scenario, out),
        (seed, ..) => return super::adversary::run(seed.unwrap_or_default(), common),
    };
    crate::files::must_be_file(scenario)?;
    let loaded = Loaded::read(scenario).map_err(|error| input::refused(&error))?;
    let replace = if asked.force { Replace::EarlierRun } else { Replace::Never };
    let key = match &asked.key {
        Some(path) => keys::load_or_make(path, common)?,
        None => SigningKey::of_simulation(loaded.scenario.seed),
    };
    let folder = Folder::create(out, replace).map_err(|error| unwritable(&error))?;
    let setting = loaded
        .setting(asked.max_bad_lines)
        .map_err(|error| Failure::impossible(error.to_string()))?;
    output::narrate(common, &format!("seed {}", loaded.scenario.seed));
    let traces = setting.bad_lines.clone();
    let outcome = play(&loaded, &folder, setting, common)?;
    for (trace, bad) in traces.iter().filter(|(_, bad)| bad.borrow().count > 0) {
        let (trace, bad) = (trace.display(), bad.borrow());
        let said = format!("warning: {trace}: malformed or truncated and left out: {bad}");
        output::narrate(common, &said);
    }
    let days = (loaded.scenario.from, loaded.scenario.until);
    let wall_seconds = started.elapsed().as_secs_f64();
    let summary = Summary::of(&outcome, days, loaded.scenario.seed, wall_seconds);
    let heading = Heading {
        from: days.0,
        until: days.1,
        interval: loaded.interval(),
        seed: loaded.scenario.seed,
    };
    leasehold_simulator::output::write_documents(&folder, &outcome, &summary, &heading, &key)
        .and_then(|()| folder.finish())
        .map_err(|error| unwritable(&error))?;
    output::narrate(common, &format!("wrote {}", out.display()));
    output::print(&Printed(summary), common)
}

fn play(
    loaded: &Loaded,
    folder: &Folder,
    setting: engine::Setting,
    common: &Common,
) -> Result<Outcome, Failure> {
    let interval = loaded.interval();
    let bar = Bar::new(interval.length().get(), common);
    let zone = loaded.site.time_zone.clone();
    let mut shown = 0;
    let mut on_progress = |now: leasehold_units::Instant, events: u64| {
        if events >= shown {
            shown = events + 50_000;
            bar.show(now.since(interval.from).get(), zone.day_of(now), events);
        }
    };
    let mut files = Files::create(folder, &mut on_progress).map_err(|error| unwritable(&error))?;
    let outcome = engine::run(setting, &mut files);
    let closed = files.close();
    bar.clear();
    let outcome = outcome.map_err(|error| stopped(&error))?;
    closed.map_err(|error| Failure::impossible(format!("cannot write the output: {error}")))?;
    Ok(outcome)
}

fn stopped(error: &RunError) -> Failure {
    let failure = Failure::impossible(error.to_string());
    match error {
        RunError::Violation { .. } => failure.with_hint(
            "this is a fault of the program, not of the scenario; the seed and the lines above \
             reproduce it",
        ),
        RunError::Workload(_) => {
            failure.with_hint("mend the trace, or put up with bad lines with `--max-bad-lines N`")
        }
        _ => failure,
    }
}

fn unwritable(error: &FolderError) -> Failure {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::impossible(format!("{error}{cause}"))
}

/// A summary as it is printed: the same keys as `summary.json`, or tables for reading.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Printed(Summary);

impl Printable for Printed {
    fn table(&self) -> String {
        let Self(summary) = self;
        let mut text = format!("{} to {}, seed {}\n\n", summary.from, summary.until, summary.seed);
        text.push_str(&self.states().to_table().to_string());
        text.push('\n');
        text.push_str(&self.parties().to_table().to_string());
        text.push('\n');
        text.push_str(&self.story());
        text
    }

    fn csv(&self) -> String {
        self.parties().to_csv()
    }
}

impl Printed {
    fn states(&self) -> Rows {
        let mut rows = Rows::new(&[
            ("GPUs that were", Align::Left),
            ("GPU-hours", Align::Right),
            ("%", Align::Right),
        ]);
        let installed = self.0.gpu_seconds["installed"];
        for (state, seconds) in &self.0.gpu_seconds {
            let permille = seconds * 1000 / installed.max(1);
            let share = format!("{}.{}", permille / 10, permille % 10);
            rows.push(vec![state.replace('_', " "), grouped(seconds / 3600), share]);
        }
        rows
    }

    fn parties(&self) -> Rows {
        let mut rows = Rows::new(&[
            ("party", Align::Left),
            ("submitted", Align::Right),
            ("started", Align::Right),
            ("finished", Align::Right),
            ("evicted", Align::Right),
            ("GPU-hours used", Align::Right),
            ("borrowed", Align::Right),
        ]);
        for party in &self.0.parties {
            rows.push(vec![
                party.party.clone(),
                grouped(party.submitted),
                grouped(party.started),
                grouped(party.finished),
                grouped(party.evicted),
                grouped(party.gpu_seconds_used / 3600),
                grouped(party.gpu_seconds_borrowed / 3600),
            ]);
        }
        rows
    }

    fn story(&self) -> String {
        let Self(summary) = self;
        let reclaim = &summary.reclaim;
        let checks: u64 = summary.invariant_checks.values().sum();
        let totals: Vec<String> = summary
            .invoices
            .total_by_currency
            .iter()
            .map(|(code, total)| format!("{code} {total}"))
            .collect();
        format!(
            "Reclaims: {}, {} within their bound, {} missed; p50 {} s, p99 {} s, longest {} s.\n\
             Power: peak {} MW of contracted draw, {} s above the envelope.\n\
             Invoices: {}, {}. Breaches recorded: {}. Node failures: {}.\n\
             Invariants: {} checks of nine, all held. {} events in {:.1} s.\n",
            grouped(reclaim.requests),
            grouped(reclaim.within_bound),
            grouped(reclaim.missed),
            reclaim.seconds_p50,
            reclaim.seconds_p99,
            reclaim.seconds_max,
            summary.power.peak_watts / 1_000_000,
            summary.power.envelope_exceeded_seconds,
            summary.invoices.count,
            totals.join(", "),
            grouped(summary.breaches),
            grouped(summary.node_failures),
            grouped(checks),
            grouped(summary.events),
            summary.wall_seconds,
        )
    }
}
