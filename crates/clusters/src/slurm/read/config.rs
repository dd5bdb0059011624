//! What of a cluster's configuration matters to leases.

use leasehold_units::Seconds;

use crate::slurm::version::Version;

/// Parts of `scontrol show config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmConfig {
    /// Name of the cluster.
    pub cluster: String,
    /// The controller's version.
    pub version: Version,
    /// From being asked to end to being killed.
    pub kill_wait: Seconds,
    /// Such as `preempt/qos` or `preempt/none`.
    pub preempt_type: String,
    /// Such as `REQUEUE`.
    pub preempt_mode: String,
    /// Runs before a job on each node, if set.
    pub prolog: Option<String>,
    /// Runs after a job on each node, if set.
    pub epilog: Option<String>,
    /// Such as `Alloc`, in order.
    pub prolog_flags: Vec<String>,
    /// Such as `associations`, `limits`, `qos`, in order.
    pub enforced: Vec<String>,
    /// How long ended jobs are kept.
    pub min_job_age: Seconds,
    /// How long a credential lasts: a job that was put back cannot start again for a second longer. Slurm's own default is 120 s.
    pub cred_expire: Seconds,
}
