//! What can go wrong between Leasehold and Slurm, each with a stable name and what to do about it.

use leasehold_units::Seconds;

use super::command::Program;
use super::version::Version;

/// Why something could not be asked of Slurm, or not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlurmError {
    /// The program is not there or may not be started.
    #[error("{program} could not be started: {why}")]
    NotInstalled {
        /// Which one.
        program: Program,
        /// What the system says.
        why: String,
    },
    /// A version that is older than what is understood.
    #[error("Slurm {found} is too old: {} or later is needed", Version::OLDEST)]
    TooOld {
        /// What is installed.
        found: Version,
    },
    /// Commands of another program that bears Slurm's names.
    #[error("`scontrol --version` says {said:?}: that is not Slurm {} or later", Version::OLDEST)]
    NotSlurm {
        /// What it says.
        said: String,
    },
    /// The authentication service does not answer.
    #[error("`{command}`: munge does not answer: {said}")]
    MungeDown {
        /// The command.
        command: String,
        /// Slurm's words.
        said: String,
    },
    /// The controller does not answer.
    #[error("`{command}`: slurmctld does not answer: {said}")]
    ControllerSilent {
        /// The command.
        command: String,
        /// Slurm's words.
        said: String,
    },
    /// The accounting service does not answer.
    #[error("`{command}`: slurmdbd does not answer: {said}")]
    DatabaseSilent {
        /// The command.
        command: String,
        /// Slurm's words.
        said: String,
    },
    /// The user that Leasehold runs as may not do this.
    #[error("`{command}`: not allowed: {said}")]
    NoRights {
        /// The command.
        command: String,
        /// Slurm's words.
        said: String,
    },
    /// The command did not end in time and was killed.
    #[error("`{command}` did not end within {limit}")]
    TimedOut {
        /// The command.
        command: String,
        /// The limit that it ran under.
        limit: Seconds,
    },
    /// The command said more than is read.
    #[error("`{command}` printed more than {limit_bytes} bytes")]
    TooMuch {
        /// The command.
        command: String,
        /// The most that is read.
        limit_bytes: usize,
    },
    /// Slurm understood and said no.
    #[error("`{command}`: refused: {said}")]
    Refused {
        /// The command.
        command: String,
        /// Slurm's words.
        said: String,
    },
    /// The answer is not what was expected.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A name that Slurm's own syntax would split or take for an option.
    #[error("{text:?} cannot be handed to Slurm: {why}")]
    UnsafeWord {
        /// The refused text.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// An answer of Slurm that cannot be read: which command, where in its output, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{command}`, line {line}, field {field}: found {found:?}, expected {expected}")]
pub struct Unreadable {
    /// The command whose output it is.
    pub command: String,
    /// Line of the output, from 1.
    pub line: usize,
    /// Name of the field.
    pub field: &'static str,
    /// What stands there, cut to what fits a line.
    pub found: String,
    /// What was expected.
    pub expected: &'static str,
}

impl SlurmError {
    /// Its stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled { .. } => "slurm_not_installed",
            Self::TooOld { .. } => "slurm_too_old",
            Self::NotSlurm { .. } => "not_slurm",
            Self::MungeDown { .. } => "munge_down",
            Self::ControllerSilent { .. } => "slurmctld_silent",
            Self::DatabaseSilent { .. } => "slurmdbd_silent",
            Self::NoRights { .. } => "slurm_no_rights",
            Self::TimedOut { .. } => "slurm_timed_out",
            Self::TooMuch { .. } => "slurm_too_much_output",
            Self::Refused { .. } => "slurm_refused",
            Self::Unreadable(_) => "slurm_unreadable",
            Self::UnsafeWord { .. } => "slurm_unsafe_word",
        }
    }

    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NotInstalled { .. } => {
                "install Slurm's client commands here, or name their directory as `binaries` in slurm.toml"
            }
            Self::TooOld { .. } => "upgrade Slurm to 22.05 or later",
            Self::NotSlurm { .. } => {
                "name the directory of Slurm's own commands as `binaries` in slurm.toml; docs/slurm.md says what others lack"
            }
            Self::MungeDown { .. } => {
                "start munged on this host with the cluster's key, and check that clocks agree; `munge -n | unmunge` must succeed"
            }
            Self::ControllerSilent { .. } => {
                "check that slurmctld runs and that SLURM_CONF names its configuration; `scontrol ping` must say UP"
            }
            Self::DatabaseSilent { .. } => {
                "check that slurmdbd runs and reaches its database; `sacctmgr show cluster` must answer"
            }
            Self::NoRights { .. } => {
                "give the user that Leasehold runs as AdminLevel=Admin in sacctmgr; Operator is enough where slurm.toml names \
                 accounts of every party"
            }
            Self::TimedOut { .. } => {
                "look at the load of slurmctld with `sdiag`; the next cycle asks again"
            }
            Self::TooMuch { .. } => {
                "lower MinJobAge, so that fewer finished jobs are kept in slurmctld"
            }
            Self::Refused { .. } => "read Slurm's words; slurmctld.log has more",
            Self::Unreadable(_) => {
                "run the command by hand and compare; a version of Slurm that writes this otherwise is not known yet"
            }
            Self::UnsafeWord { .. } => "choose a name of letters, digits, `-`, `_` and `.`",
        }
    }

    /// Whether asking again later may succeed without anybody changing anything.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::MungeDown { .. }
                | Self::ControllerSilent { .. }
                | Self::DatabaseSilent { .. }
                | Self::TimedOut { .. }
        )
    }
}

/// Which error a failed command's words mean. Slurm exits with 1 for all of them; its words are the only difference, and they
/// are the same from 22.05 to 25.11.
pub(crate) fn told_apart(command: String, words: &str) -> SlurmError {
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    let said = shortened(words);
    if has(&[
        "Munge ",
        "munge",
        "Protocol authentication error",
        "Invalid authentication credential",
    ]) {
        SlurmError::MungeDown { command, said }
    } else if has(&[
        "Sending PersistInit msg",
        "slurm_persist_conn_open",
        "open persistent connection",
        "slurmdbd",
        "Problem talking to the database",
    ]) {
        SlurmError::DatabaseSilent { command, said }
    } else if has(&[
        "Unable to contact slurm controller",
        "Could not establish a configuration source",
        "Unable to process configuration file",
        "controller not responding",
        "Socket timed out",
        "Zero Bytes were transmitted",
        "in standby mode",
    ]) {
        SlurmError::ControllerSilent { command, said }
    } else if has(&[
        "Access/permission denied",
        "Invalid user id",
        "must be an admin",
        "Your user/uid",
        "Insufficient privileges",
    ]) {
        SlurmError::NoRights { command, said }
    } else {
        SlurmError::Refused { command, said }
    }
}

/// The words on one line, without repetition, cut to what a person reads.
fn shortened(words: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in words.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("; ").chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_apart_what_slurm_says() {
        let check = |words: &str, code: &str| {
            assert_eq!(told_apart("squeue".into(), words).code(), code, "{words}");
        };
        check(
            "squeue: error: Munge encode failed: Failed to access \"munge.sock\": No such file or directory\nslurm_load_jobs error: Protocol authentication error",
            "munge_down",
        );
        check(
            "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
            "slurmctld_silent",
        );
        check(
            "sacctmgr: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:127.0.0.1:6819: Connection refused\nsacctmgr: error: Sending PersistInit msg: Connection refused",
            "slurmdbd_silent",
        );
        check(" Problem adding accounts: Access/permission denied", "slurm_no_rights");
        check("slurm_update error: Invalid user id", "slurm_no_rights");
        check(
            "Error updating the reservation: Requested reservation overlaps with another reservation",
            "slurm_refused",
        );
    }

    #[test]
    fn keeps_words_short() {
        assert_eq!(shortened(" a \n\nb\na\n"), "a; b");
        assert_eq!(shortened(&"x".repeat(5_000)).len(), 600);
    }
}
