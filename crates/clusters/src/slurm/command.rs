//! The only place that starts Slurm's commands.

use std::fmt;

use super::error::SlurmError;

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
