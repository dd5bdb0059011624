//! The only place that starts Slurm's commands. No shell is used; what Slurm's own syntax would split is refused before.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use leasehold_units::Seconds;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::error::{self, SlurmError};

/// Most that is read of one command's output: 100,000 jobs make some 20 MiB.
const OUTPUT_BYTES_MAX: usize = 128 << 20;

/// Most that is kept of what a command says on standard error.
const SAID_BYTES_MAX: usize = 4 << 10;

/// A command of Slurm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Jobs in the queue.
    Squeue,
    /// The controller.
    Scontrol,
    /// The record of jobs.
    Sacct,
    /// Accounts.
    Sacctmgr,
    /// Nodes.
    Sinfo,
    /// Submission.
    Sbatch,
    /// Cancelling.
    Scancel,
}

/// Something that carries out commands of Slurm: the system, or a recording.
pub trait Slurm {
    /// What `program` prints with `arguments`, given `stdin` if there is any.
    ///
    /// # Errors
    /// If it cannot be started, does not end in time, fails, or says more than is read.
    fn run(
        &self,
        program: Program,
        arguments: &[String],
        stdin: Option<&str>,
    ) -> Result<String, SlurmError>;
}

/// Slurm's commands on this machine.
#[derive(Debug, Clone)]
pub struct SystemSlurm {
    /// Their directory; absent: wherever PATH finds them.
    pub binaries: Option<PathBuf>,
    /// What they find as SLURM_CONF; absent: what this process has.
    pub conf: Option<PathBuf>,
    /// A command that takes longer is killed.
    pub limit: Seconds,
}

/// Answers that were recorded, handed out in order; for tests.
#[derive(Debug, Default)]
pub struct Recorded {
    answers: Mutex<VecDeque<(String, Result<String, SlurmError>)>>,
}

impl Program {
    /// Its file name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Squeue => "squeue",
            Self::Scontrol => "scontrol",
            Self::Sacct => "sacct",
            Self::Sacctmgr => "sacctmgr",
            Self::Sinfo => "sinfo",
            Self::Sbatch => "sbatch",
            Self::Scancel => "scancel",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The command as a person would type it; for errors and plans, never run by a shell.
pub fn spelled(program: Program, arguments: &[String]) -> String {
    let mut text = program.name().to_owned();
    for argument in arguments {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:=/+@%[]".contains(c);
        let quoted = if !argument.is_empty() && argument.chars().all(plain) {
            argument.clone()
        } else {
            format!("'{}'", argument.replace('\u{1f}', "\\x1f").replace('\'', "'\\''"))
        };
        text.push(' ');
        text.push_str(&quoted);
    }
    text
}

/// `text`, if it may stand in a command as one name: Slurm splits at commas, takes `=` for an assignment, and folds quotes.
///
/// # Errors
/// If it may not.
pub fn word(text: &str) -> Result<&str, SlurmError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@+".contains(c);
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > 200 {
        "it is longer than 200 bytes"
    } else if text.starts_with(['-', '+', '@']) {
        "it would be taken for an option"
    } else if !text.chars().all(allowed) {
        "it has characters other than letters, digits, `-`, `_`, `.`, `@` and `+`"
    } else {
        return Ok(text);
    };
    Err(SlurmError::UnsafeWord { text: text.chars().take(200).collect(), why })
}

impl Slurm for SystemSlurm {
    fn run(
        &self,
        program: Program,
        arguments: &[String],
        stdin: Option<&str>,
    ) -> Result<String, SlurmError> {
        let missing = |why: io::Error| SlurmError::NotInstalled { program, why: why.to_string() };
        let mut child =
            self.command(program, arguments, stdin.is_some()).spawn().map_err(missing)?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("it was asked for");
        let errors = child.stderr.take().expect("it was asked for");
        let (status, said, heard) = thread::scope(|scope| {
            let said = scope.spawn(move || read_some(errors, SAID_BYTES_MAX).0);
            let heard = scope.spawn(move || read_some(output, OUTPUT_BYTES_MAX));
            if let (Some(mut input), Some(text)) = (input, stdin) {
                // A command that ends without reading says why itself.
                scope.spawn(move || input.write_all(text.as_bytes()));
            }
            let status = within(&mut child, self.limit);
            (status, said.join().unwrap_or_default(), heard.join().unwrap_or_default())
        });
        let command = spelled(program, arguments);
        let status = status.map_err(missing)?;
        let Some(status) = status else {
            return Err(SlurmError::TimedOut { command, limit: self.limit });
        };
        let (heard, cut) = heard;
        if cut {
            return Err(SlurmError::TooMuch { command, limit_bytes: OUTPUT_BYTES_MAX });
        }
        let output = String::from_utf8_lossy(&heard).into_owned();
        if status.success() {
            return Ok(output);
        }
        let mut words = String::from_utf8_lossy(&said).into_owned();
        if words.trim().is_empty() {
            words = output.chars().take(SAID_BYTES_MAX).collect();
        }
        Err(error::told_apart(command, &words))
    }
}

impl SystemSlurm {
    fn command(&self, program: Program, arguments: &[String], has_input: bool) -> Command {
        let path = match &self.binaries {
            Some(directory) => directory.join(program.name()),
            None => PathBuf::from(program.name()),
        };
        let mut command = Command::new(path);
        command.args(arguments);
        // Instants as seconds since 1970, whatever the zone; messages in the language that is told apart.
        command.env("LC_ALL", "C").env("TZ", "UTC").env("SLURM_TIME_FORMAT", "%s");
        // What users set for their own convenience must not change what is read.
        for name in
            ["SQUEUE_FORMAT", "SQUEUE_FORMAT2", "SACCT_FORMAT", "SINFO_FORMAT", "SLURM_CLUSTERS"]
        {
            command.env_remove(name);
        }
        if let Some(conf) = &self.conf {
            command.env("SLURM_CONF", conf);
        }
        command.stdin(if has_input { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// How the child ended; none if it had to be killed.
fn within(child: &mut Child, limit: Seconds) -> io::Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a pid");
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let limit = Duration::from_secs(limit.get());
    let limit = Timespec::try_from(limit).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    let ready = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit))?;
    if ready == 0 {
        child.kill()?;
        child.wait()?;
        return Ok(None);
    }
    child.wait().map(Some)
}

/// Up to `most` bytes, and whether there were more; the rest is read and dropped, so that the writer ends.
fn read_some(mut from: impl Read, most: usize) -> (Vec<u8>, bool) {
    let mut kept = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    // What could not be read to its end is judged by the command's exit.
    let _ = from.by_ref().take(limit).read_to_end(&mut kept);
    let rest = io::copy(&mut from, &mut io::sink()).unwrap_or(0);
    (kept, rest > 0)
}

impl Recorded {
    /// Answers for commands as [`spelled`], in the order in which they will be asked.
    pub fn new<C: Into<String>>(
        answers: impl IntoIterator<Item = (C, Result<String, SlurmError>)>,
    ) -> Self {
        let answers = answers.into_iter().map(|(command, answer)| (command.into(), answer));
        Self { answers: Mutex::new(answers.collect()) }
    }

    /// How many answers were not asked for.
    pub fn left(&self) -> usize {
        self.answers.lock().map_or(0, |answers| answers.len())
    }
}

impl Slurm for Recorded {
    fn run(
        &self,
        program: Program,
        arguments: &[String],
        _: Option<&str>,
    ) -> Result<String, SlurmError> {
        let asked = spelled(program, arguments);
        let next = self.answers.lock().ok().and_then(|mut answers| answers.pop_front());
        match next {
            Some((command, answer)) if command == asked => answer,
            other => {
                let said = match other {
                    Some((command, _)) => format!("the recording has `{command}` here"),
                    None => "the recording is over".to_owned(),
                };
                Err(SlurmError::Refused { command: asked, said })
            }
        }
    }
}
