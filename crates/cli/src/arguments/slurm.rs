//! Arguments of the commands about a Slurm cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Watch;

/// What to do with a Slurm cluster.
#[derive(Debug, Subcommand)]
pub enum Slurm {
    /// Print what leases come to in Slurm, and how that differs from what is there; nothing is changed
    ///
    /// `+` is missing, `~` is otherwise, `-` is left over from a lease that ended, `=` is as it should be, `!` is
    /// somebody else's and in the way. What of slurm.conf does not go with leases is said first.
    Plan(SlurmPlan),
    /// Say how the cluster of a live site stands: when it was seen, what differs, which runs are not booked
    Status(Watch),
}

/// Arguments of `slurm plan`.
#[derive(Debug, Args)]
pub struct SlurmPlan {
    /// The site file, or a directory with site.toml and leases/*.toml
    #[arg(value_name = "SITE")]
    pub site: PathBuf,
    /// Leases, in the order in which they were signed
    #[arg(value_name = "LEASE")]
    pub leases: Vec<PathBuf>,
    /// How the site's names and Slurm's go together, in TOML
    #[arg(long, value_name = "FILE")]
    pub slurm: Option<PathBuf>,
    /// Print the commands that would be given instead
    #[arg(long)]
    pub commands: bool,
    /// Print the commands that take away all that bears Leasehold's mark; stop the server before you run them
    #[arg(long, conflicts_with = "commands")]
    pub remove: bool,
}
