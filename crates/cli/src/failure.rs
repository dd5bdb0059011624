//! How a command fails, and how that is told: what happened, where, and what to do next.

use std::io::Write as _;

use crate::files::FileError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Input was refused; every problem has been laid out with its place.
    #[error("{summary}")]
    Refused {
        /// The problems, ready to print.
        problems: String,
        /// How many there are, and in what.
        summary: String,
    },
    /// Something asked for cannot be had.
    #[error("{message}")]
    Impossible {
        /// What and why.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A job that was waited for failed.
    #[error("{message}")]
    Job {
        /// Which, and how.
        message: String,
        /// What to exit with.
        status: u8,
    },
    /// Stdout does not take what is printed.
    #[error("cannot write to stdout: {0}")]
    Stdout(std::io::Error),
}

impl Failure {
    /// Something asked for cannot be had, without advice.
    pub fn impossible(message: impl Into<String>) -> Self {
        Self::Impossible { message: message.into(), hint: None }
    }

    /// The same failure with advice on what to do next.
    #[must_use]
    pub fn with_hint(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Impossible { message, .. } => {
                Self::Impossible { message, hint: Some(advice.into()) }
            }
            other => other,
        }
    }

    /// What the program exits with.
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Job { status, .. } => *status,
            _ => 1,
        }
    }

    /// Prints the failure on stderr.
    pub fn report(&self) {
        let mut err = anstream::stderr().lock();
        // Stripped by the stream where no colour is wanted.
        let (red, cyan, plain) = ("\x1b[31;1m", "\x1b[36;1m", "\x1b[0m");
        if let Self::Refused { problems, .. } = self {
            // Nobody is left to tell if stderr is closed.
            let _ = write!(err, "{problems}");
        }
        let _ = writeln!(err, "{red}error{plain}: {self}");
        if let Some(hint) = self.hint() {
            let _ = writeln!(err, "{cyan}hint{plain}: {hint}");
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint().map(Into::into),
            Self::Impossible { hint, .. } => hint.clone(),
            Self::Refused { .. } | Self::Job { .. } | Self::Stdout(_) => None,
        }
    }
}
