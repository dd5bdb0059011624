//! Slurm: what leases mean there, what is there, and the calls between the two.
//!
//! Leasehold does not replace Slurm. It compiles holdings into accounts, QOS and reservations ([`compile`]), compares these with
//! what the cluster has ([`difference`]) and names the commands that mend it ([`calls`]); it reads jobs, nodes and accounting
//! ([`read`]) and invents nothing. All of this is pure; only [`command`] starts processes.
//!
//! Slurm's commands are used and not its REST service, since their named fields have kept their names from 22.05 to 25.11 while
//! the schema of the service changes with each release.

pub mod calls;
pub mod cluster;
pub mod command;
pub mod compile;
pub mod concerns;
pub mod difference;
#[cfg(feature = "slurm-cluster")]
pub mod emulated;
pub mod error;
pub mod hostlist;
pub mod objects;
pub mod read;
pub mod settings;
pub mod submit;
pub mod version;
pub mod watch;

pub use command::{Program, Recorded, Slurm, SystemSlurm};
pub use error::{SlurmError, Unreadable};
pub use version::Version;
