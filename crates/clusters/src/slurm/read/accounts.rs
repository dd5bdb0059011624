//! Accounts, QOS, associations and users of slurmdbd.

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its name, in lower case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text; `leasehold` on accounts that Leasehold made.
    pub organization: String,
}

/// A QOS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QosRow {
    /// Its name, in lower case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Priority.
    pub priority: u32,
    /// Flags in Slurm's words, in order.
    pub flags: Vec<String>,
    /// GPUs that its jobs may have together; none if unlimited.
    pub gpus: Option<u64>,
    /// QOS whose jobs it may push out, in order.
    pub preempt: Vec<String>,
    /// How its jobs are pushed out: `cluster`, `requeue`, `cancel`.
    pub preempt_mode: String,
    /// Seconds that its jobs get before they are pushed out.
    pub grace: u64,
}

/// An association: an account on a cluster, or a user in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationRow {
    /// Cluster.
    pub cluster: String,
    /// Account.
    pub account: String,
    /// User; none for the account's own.
    pub user: Option<String>,
    /// Partition that it is limited to.
    pub partition: Option<String>,
    /// QOS that may be used, in order.
    pub qos: Vec<String>,
    /// QOS of jobs that name none.
    pub default_qos: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Name.
    pub name: String,
    /// Account of jobs that name none.
    pub default_account: Option<String>,
    /// `None`, `Operator` or `Administrator`.
    pub admin: String,
}
