//! Who frees nodes for the tenant.

use std::collections::BTreeSet;

use leasehold_clusters::slurm::emulated::Cluster;

use super::GPUS_PER_NODE;
use super::stage::{LANDLORD, TENANT};

/// What frees nodes.
pub(super) trait Reclaim {
    /// A try begins.
    fn begin(&mut self) {}

    /// Looks at the cluster once, and does what there is to do. Called again and again while work waits.
    fn look(&mut self) {}
}

/// Slurm's own: nothing is left to do.
pub(super) struct Qos;

impl Reclaim for Qos {}

/// Slurm evicts nobody; as many borrowers as are needed are requeued from outside.
pub(super) struct Chosen<'a> {
    cluster: &'a Cluster,
    /// Those of this try.
    told: BTreeSet<String>,
}

impl<'a> Chosen<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, told: BTreeSet::new() }
    }
}

impl Reclaim for Chosen<'_> {
    fn begin(&mut self) {
        self.told.clear();
    }

    fn look(&mut self) {
        let cluster = self.cluster;
        let wanted = gpus_wanted(cluster).div_ceil(GPUS_PER_NODE) as usize;
        let lacking = wanted.saturating_sub(self.told.len());
        if lacking == 0 {
            return;
        }
        let running = squeue(cluster, LANDLORD, "R", "%i");
        let victims: Vec<String> = running
            .lines()
            .filter(|id| !self.told.contains(*id))
            .take(lacking)
            .map(Into::into)
            .collect();
        if !victims.is_empty() {
            // Who ended meanwhile cannot be requeued, and the others are.
            let _ = cluster.run("scontrol", &["requeue", &victims.join(",")]);
            self.told.extend(victims);
        }
    }
}

/// Of all the tenant's jobs, running ones too.
fn gpus_wanted(cluster: &Cluster) -> u32 {
    let told = squeue(cluster, TENANT, "PD,CF,R", "%D %b");
    let gpus = |line: &str| {
        let (nodes, gres) = line.split_once(' ')?;
        let each: u32 = gres.trim().rsplit(':').next()?.parse().ok()?;
        Some(nodes.parse::<u32>().ok()? * each)
    };
    told.lines().filter_map(gpus).sum()
}

/// One line for each job and each task of an array.
fn squeue(cluster: &Cluster, account: &str, states: &str, format: &str) -> String {
    let arguments = ["-h", "-r", "-A", account, "-t", states, "-o", format];
    cluster.run("squeue", &arguments).unwrap_or_default()
}
