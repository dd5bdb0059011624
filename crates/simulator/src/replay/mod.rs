//! A plain trace on a plain cluster: identical processors and one queue, as other simulators have
//! them, so that schedules can be compared job for job.
//!
//! At one instant all completions come first, then all arrivals in order of job id, then one pass of
//! the policy. Jobs start in integer seconds, and nothing here draws lots.

mod conservative;
mod easy;
mod engine;
mod fcfs;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use engine::replay;

/// Who may start before whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// In order of arrival. A job that does not fit holds up all behind it.
    Fcfs,
    /// A job that does not fit gets a reserved start; others may pass it if they do not delay that.
    Easy,
    /// Every waiting job has a reserved start; others may pass it if they delay none.
    Conservative,
}

/// When a job ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Started {
    /// The number that the trace gives it.
    pub job_id: u64,
    /// Second of its submission.
    pub submit: i64,
    /// Second of its start.
    pub start: i64,
    /// First second after its end.
    pub end: i64,
}

/// A trace that cannot be replayed. `E` is what reading the trace may fail with.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E: std::error::Error + 'static> {
    /// The trace could not be read.
    #[error(transparent)]
    Trace(E),
    /// A job asks for more processors than there are.
    #[error("line {line}: job {job_id} needs {processors} processors, the cluster has {nodes}")]
    TooLarge {
        /// The job.
        job_id: u64,
        /// Its line in the trace.
        line: u64,
        /// What it asks for.
        processors: u32,
        /// What there is.
        nodes: u32,
    },
    /// A job was submitted before the one in front of it in the trace.
    #[error(
        "line {line}: job {job_id} was submitted at {submit} s, after a job submitted at {after} s"
    )]
    OutOfOrder {
        /// The job.
        job_id: u64,
        /// Its line in the trace.
        line: u64,
        /// When it was submitted.
        submit: i64,
        /// When the one in front of it was.
        after: i64,
    },
    /// A job has no processors, no run time, or runs longer than it requested.
    #[error("line {line}: job {job_id} has no processors or no run time within its request")]
    NoWork {
        /// The job.
        job_id: u64,
        /// Its line in the trace.
        line: u64,
    },
    /// Two jobs have the same number.
    #[error("job {job_id} is in the trace twice")]
    Duplicate {
        /// The job.
        job_id: u64,
    },
}

/// Writes `starts` as CSV: `job_id,submit,start,end`, in seconds.
///
/// # Errors
/// If `out` fails.
pub fn write_starts(mut out: impl Write, starts: &[Started]) -> io::Result<()> {
    out.write_all(b"job_id,submit,start,end\n")?;
    for Started { job_id, submit, start, end } in starts {
        writeln!(out, "{job_id},{submit},{start},{end}")?;
    }
    out.flush()
}

/// The mean time from submission to start, in seconds.
pub fn mean_wait_seconds(starts: &[Started]) -> f64 {
    let total: i128 = starts.iter().map(|job| i128::from(job.start - job.submit)).sum();
    if starts.is_empty() { 0.0 } else { total as f64 / starts.len() as f64 }
}
