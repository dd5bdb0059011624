//! Who frees nodes for the tenant.

use std::collections::BTreeSet;

use leasehold_clusters::slurm::emulated::{Cluster, Preempt};

use super::GPUS_PER_NODE;
use super::stage::{LANDLORD, TENANT};

/// A way to free nodes.
pub(super) trait Reclaim {
    /// As in the figures.
    fn name(&self) -> &'static str;

    /// Whether Slurm itself evicts.
    fn preempt(&self) -> Preempt;

    /// A try begins.
    fn begin(&mut self);

    /// Looks at the cluster once, and does what there is to do. Called again and again while work waits.
    fn look(&mut self, cluster: &Cluster);
}

/// Slurm's own: nothing is left to do.
pub(super) struct Qos;

impl Reclaim for Qos {
    fn name(&self) -> &'static str {
        "qos"
    }

    fn preempt(&self) -> Preempt {
        Preempt::Qos
    }

    fn begin(&mut self) {}

    fn look(&mut self, _cluster: &Cluster) {}
}

/// Slurm evicts nobody; as many borrowers as are needed are requeued from outside.
#[derive(Default)]
pub(super) struct Chosen {
    /// Those of this try.
    told: BTreeSet<String>,
}

impl Reclaim for Chosen {
    fn name(&self) -> &'static str {
        "chosen"
    }

    fn preempt(&self) -> Preempt {
        Preempt::None
    }

    fn begin(&mut self) {
        self.told.clear();
    }

    fn look(&mut self, cluster: &Cluster) {
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
