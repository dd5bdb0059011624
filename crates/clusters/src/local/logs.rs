//! The output of runs: written by supervisors up to a size, read by the server.

use super::clock;
use super::files;
use super::wire::RunId;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant as Moment};

/// One of the two outputs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

/// A piece of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The bytes, as the command wrote them.
    pub bytes: Vec<u8>,
    /// Where the next piece begins.
    pub next: u64,
    /// Whether the run has ended, so that nothing follows once `next` is reached.
    pub is_ended: bool,
}

/// Why an output cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No such run is kept.
    #[error(
        "run {0} has no output here: it has not begun on this host, or its output was removed after its time"
    )]
    Unknown(RunId),
    /// The host fails.
    #[error("the output of run {0} cannot be read")]
    Io(RunId, #[source] io::Error),
}

/// Reads at most `bytes_max` bytes of an output from `offset` on. `directory` is the agent's.
pub fn read_log(
    directory: &Path,
    id: &RunId,
    stream: Stream,
    offset: u64,
    bytes_max: usize,
) -> Result<LogPart, LogError> {
    let is_absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    // A run that is forgotten between the two looks has moved on to the second.
    for kept in ["runs", "past", "runs"] {
        match read_kept(directory, kept, id, stream, offset, bytes_max) {
            Err(error) if is_absent(&error) => {}
            other => return other.map_err(|error| LogError::Io(id.clone(), error)),
        }
    }
    Err(LogError::Unknown(id.clone()))
}

fn read_kept(
    root: &Path,
    kept: &str,
    id: &RunId,
    stream: Stream,
    offset: u64,
    max: usize,
) -> io::Result<LogPart> {
    let kept = files::open_directory_in(files::open_directory(root)?, kept)?;
    let run = files::open_directory_in(kept, &id.to_string())?;
    // Looked at first: what is written before the end is then surely read after.
    let is_ended = files::open_in(&run, "exit").is_ok();
    let mut file = files::open_in(&run, stream.file())?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let length = file.take(max as u64).read_to_end(&mut bytes)?;
    Ok(LogPart { bytes, next: offset + length as u64, is_ended })
}

/// Like [`read_log`], but waits up to `wait` until there is more, or the run has ended.
pub fn follow_log(
    directory: &Path,
    id: &RunId,
    stream: Stream,
    offset: u64,
    bytes_max: usize,
    wait: Duration,
) -> Result<LogPart, LogError> {
    let give_up = Moment::now() + wait;
    loop {
        let part = read_log(directory, id, stream, offset, bytes_max);
        let is_worth_waiting = match &part {
            Ok(part) => part.bytes.is_empty() && !part.is_ended,
            Err(LogError::Unknown(_)) => true,
            Err(LogError::Io(..)) => false,
        };
        if !is_worth_waiting || Moment::now() >= give_up {
            return part;
        }
        clock::pause(Duration::from_millis(50));
    }
}

/// Copies an output into its file until its end. What is beyond `bytes_max` is read, so that the command goes on, and
/// dropped; the file ends with a note then. The first part is kept, since it says what went wrong first.
pub(crate) fn keep(mut from: impl Read, to: &mut File, bytes_max: u64) {
    let mut buffer = vec![0_u8; 64 << 10];
    let mut left = bytes_max;
    let mut is_full = false;
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let kept = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        left -= kept as u64;
        let is_written = to.write_all(&buffer[..kept]).is_ok();
        let is_cut = kept < length || !is_written;
        if is_cut && !is_full {
            is_full = true;
            left = 0;
            let _ = to.write_all(b"\n[leasehold: output beyond this is not kept]\n");
        }
    }
}
