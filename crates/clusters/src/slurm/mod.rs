//! Slurm: leases enforced on a cluster that Slurm runs.

#[cfg(feature = "slurm-cluster")]
pub mod emulated;
