//! Readers of job traces. They stream: a line is in memory no longer than it takes to read it. Two
//! published logs are not in order of submission; of these, 32 bytes a job are kept and sorted.
//!
//! | format | recognised by | jobs |
//! |---|---|---|
//! | `swf` | lines of 18 numbers, remarks with `;` | a processor counts as a GPU |
//! | `csv` | a header with `submit`, `gpus` and `run` | the plain format: `job_id,submit,gpus,run[,request]`, seconds |
//! | `philly` | `timestamp,duration,num_gpus` | Philly as published with Sia |
//! | `philly-arrivals` | `#job id,arrival time (sec)` | Philly, the whole log, as published with RFold |
//! | `chronus` | `job_id,user,num_gpu,submit_time` | Philly as published with Chronus |
//! | `openb` | `name,cpu_milli,…,creation_time,deletion_time,scheduled_time` | Alibaba 2023; pods without a GPU are left out, shared GPUs count whole |
//!
//! Columns may come in any order; others are ignored.

mod columns;
pub mod swf;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use columns::{CsvJobs, Layout};
use swf::{BadLines, SwfError, SwfReader};

/// A job of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceJob {
    /// The number that the trace gives it, else its place in the file from 1.
    pub number: u64,
    /// Seconds from the trace's own zero to its submission.
    pub submit_seconds: u64,
    /// GPUs of the gang.
    pub gpus: u32,
    /// Seconds that it runs.
    pub run_seconds: u64,
    /// Seconds that it asks for, if the trace says.
    pub requested_seconds: Option<u64>,
}

/// Bad lines of a trace that were left out, as far as it has been read; shared with its reader.
#[derive(Debug, Clone, Default)]
pub struct BadLineCount(Arc<Mutex<BadLines>>);

impl BadLineCount {
    /// What was left out so far.
    pub fn borrow(&self) -> MutexGuard<'_, BadLines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, bad: BadLines) {
        *self.borrow() = bad;
    }
}

/// The jobs of a trace, in order of submission.
pub type Jobs = Box<dyn Iterator<Item = Result<TraceJob, TraceError>> + Send>;

/// A trace that cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// An SWF log that cannot be read.
    #[error(transparent)]
    Swf(#[from] SwfError),
    /// Its first line is that of no known format.
    #[error(
        "is in no known format; its first line is {first:?}; expected SWF or one of the headers {}",
        Layout::names()
    )]
    UnknownFormat {
        /// The first line, cut.
        first: String,
    },
    /// It was said to be in a format that does not exist.
    #[error("format {0:?} does not exist; expected swf or one of {names}", names = Layout::names())]
    NoSuchFormat(String),
    /// The header lacks a column.
    #[error("has no column {column:?}, which format {format} needs")]
    MissingColumn {
        /// Which column.
        column: &'static str,
        /// The format.
        format: &'static str,
    },
    /// More bad lines than allowed.
    #[error("malformed or truncated: {bad}; at most {bad_lines_max} allowed; the first: {why}")]
    BadLines {
        /// Those up to here.
        bad: BadLines,
        /// How many were allowed.
        bad_lines_max: u64,
        /// What is wrong with the first.
        why: String,
    },
    /// A submission before an earlier line's.
    #[error("line {line} is submitted before the line above it; sort the trace by submission")]
    OutOfOrder {
        /// Which line.
        line: u64,
    },
}

/// The jobs of the trace at `path`, in `format` or in what its first line says.
///
/// # Errors
/// If it cannot be opened or is in no known format. What is wrong further down comes with the jobs.
pub fn open(
    path: &Path,
    format: Option<&str>,
    bad_lines_max: u64,
    bad: &BadLineCount,
) -> Result<Jobs, TraceError> {
    let mut source = BufReader::with_capacity(1 << 16, File::open(path)?);
    let first = first_line(&mut source)?;
    let layout = match format {
        Some("swf") => None,
        Some(name) => {
            let layout = Layout::named(name);
            Some(layout.ok_or_else(|| TraceError::NoSuchFormat(name.to_owned()))?)
        }
        None => Layout::of_header(&first),
    };
    if let Some(layout) = layout {
        return CsvJobs::open(source, layout, bad_lines_max, bad);
    }
    let is_swf = first.starts_with(';') || first.split_whitespace().count() == 18;
    if is_swf || format == Some("swf") {
        return Ok(Box::new(swf_jobs(source, bad_lines_max, bad.clone())));
    }
    Err(TraceError::UnknownFormat { first: first.chars().take(80).collect() })
}

/// The first line, read without taking it.
fn first_line(source: &mut BufReader<File>) -> Result<String, TraceError> {
    let ahead = source.fill_buf()?;
    let line = ahead.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).trim_end().to_owned())
}

fn swf_jobs(
    source: impl Read + Send,
    bad_lines_max: u64,
    bad: BadLineCount,
) -> impl Iterator<Item = Result<TraceJob, TraceError>> + Send {
    let mut reader = SwfReader::new(BufReader::new(source), bad_lines_max);
    let mut latest = 0;
    std::iter::from_fn(move || {
        let job = reader.next();
        if reader.bad_lines().count > bad.borrow().count {
            bad.replace(reader.bad_lines().clone());
        }
        let job = match job? {
            Ok(job) => job,
            Err(error) => return Some(Err(error.into())),
        };
        let seconds = |count: i64| u64::try_from(count).unwrap_or(0);
        let submit_seconds = seconds(job.submit);
        if submit_seconds < latest {
            return Some(Err(TraceError::OutOfOrder { line: job.line }));
        }
        latest = submit_seconds;
        Some(Ok(TraceJob {
            number: job.id,
            submit_seconds,
            gpus: job.processors,
            run_seconds: seconds(job.run),
            requested_seconds: Some(seconds(job.requested)),
        }))
    })
}

#[cfg(test)]
mod tests;
