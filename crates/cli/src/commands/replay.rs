//! `replay`: a plain trace on a plain cluster, its starts into a file, a summary to stdout.

use std::fs::File;
use std::io::BufReader;

use leasehold_simulator::replay::{self, Policy, ReplayError, Started};
use leasehold_simulator::trace::swf::{SwfError, SwfReader};
use serde::Serialize;

use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::files::{self, FileError};
use crate::output::{self, Align, Printable, Rows, grouped};

/// What was replayed and how it went.
#[derive(Debug, Serialize)]
struct Summary {
    policy: &'static str,
    nodes: u32,
    /// Jobs that were replayed.
    jobs: usize,
    /// Jobs of the trace without processors or run time.
    left_out: u64,
    bad_lines: u64,
    wait_seconds_mean: f64,
    wait_seconds_max: i64,
    /// From the first submission to the last end.
    makespan_seconds: i64,
}

/// Replays and writes the starts.
pub fn run(asked: &arguments::Replay, common: &Common) -> Result<(), Failure> {
    files::must_be_file(&asked.trace)?;
    files::must_be_free(&asked.out, asked.force)?;
    let opened = File::open(&asked.trace)
        .map_err(|error| FileError::Unreadable { path: asked.trace.clone(), error })?;
    let mut reader = SwfReader::new(BufReader::with_capacity(1 << 16, opened), asked.max_bad_lines);
    let starts = replay::replay(&mut reader, asked.nodes, asked.policy.into())
        .map_err(|error| refused(asked, &error))?;
    files::replace(&asked.out, |out| replay::write_starts(out, &starts))?;
    if reader.bad_lines().count > 0 {
        let bad = reader.bad_lines();
        output::narrate(common, &format!("warning: malformed or truncated and left out: {bad}"));
    }
    output::narrate(common, &format!("wrote {}", asked.out.display()));
    let summary = Summary {
        left_out: reader.left_out(),
        bad_lines: reader.bad_lines().count,
        ..summary(asked, &starts)
    };
    output::print(&summary, common)
}

fn summary(asked: &arguments::Replay, starts: &[Started]) -> Summary {
    let first = starts.iter().map(|job| job.submit).min().unwrap_or(0);
    let last = starts.iter().map(|job| job.end).max().unwrap_or(0);
    Summary {
        policy: name(asked.policy),
        nodes: asked.nodes,
        jobs: starts.len(),
        left_out: 0,
        bad_lines: 0,
        wait_seconds_mean: replay::mean_wait_seconds(starts),
        wait_seconds_max: starts.iter().map(|job| job.start - job.submit).max().unwrap_or(0),
        makespan_seconds: last - first,
    }
}

/// Adds the trace's name and what to do next.
fn refused(asked: &arguments::Replay, error: &ReplayError<SwfError>) -> Failure {
    let trace = asked.trace.display();
    let hint = match error {
        ReplayError::Trace(SwfError::BadLines { .. }) => {
            "mend the lines, or put up with them with `--max-bad-lines N`; the trace must be SWF"
        }
        ReplayError::TooLarge { .. } => "give the cluster as many `--nodes` as the trace's machine",
        ReplayError::OutOfOrder { .. } => "sort the trace by submission",
        ReplayError::Trace(SwfError::Read { .. })
        | ReplayError::NoWork { .. }
        | ReplayError::Duplicate { .. } => return Failure::impossible(format!("{trace}: {error}")),
    };
    Failure::impossible(format!("{trace}: {error}")).with_hint(hint)
}

impl From<arguments::Policy> for Policy {
    fn from(policy: arguments::Policy) -> Self {
        match policy {
            arguments::Policy::Fcfs => Self::Fcfs,
            arguments::Policy::Easy => Self::Easy,
            arguments::Policy::Conservative => Self::Conservative,
        }
    }
}

fn name(policy: arguments::Policy) -> &'static str {
    match policy {
        arguments::Policy::Fcfs => "fcfs",
        arguments::Policy::Easy => "easy",
        arguments::Policy::Conservative => "conservative",
    }
}

impl Summary {
    fn rows(&self, number: fn(String) -> String) -> Rows {
        let count = |count: String| number(count);
        let mut rows = Rows::new(&[
            ("policy", Align::Left),
            ("nodes", Align::Right),
            ("jobs", Align::Right),
            ("left_out", Align::Right),
            ("bad_lines", Align::Right),
            ("wait_seconds_mean", Align::Right),
            ("wait_seconds_max", Align::Right),
            ("makespan_seconds", Align::Right),
        ]);
        rows.push(vec![
            self.policy.into(),
            count(self.nodes.to_string()),
            count(self.jobs.to_string()),
            count(self.left_out.to_string()),
            count(self.bad_lines.to_string()),
            count(format!("{:.1}", self.wait_seconds_mean)),
            count(self.wait_seconds_max.to_string()),
            count(self.makespan_seconds.to_string()),
        ]);
        rows
    }
}

impl Printable for Summary {
    fn table(&self) -> String {
        self.rows(grouped).to_table()
    }

    fn csv(&self) -> String {
        self.rows(|plain| plain).to_csv()
    }
}
