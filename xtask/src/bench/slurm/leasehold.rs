//! Leasehold on the cluster, as its operator starts it.

use std::fs;
use std::process::{Child, Stdio};

use leasehold_clusters::slurm::emulated::Cluster;

use super::super::binary;
use super::reclaim::Reclaim;
use super::stage::PATIENCE;

/// The accounts are there already, so that Leasehold makes reservations and nothing else.
const ACCOUNTS: &str = r#"
[[party]]
id = "landlord"
accounts = ["landlord"]
[[party]]
id = "tenant"
accounts = ["tenant"]
"#;

/// As many nodes as the cluster has, in racks of eight.
const SITE: &str = r#"
id = "s"
landlord = "landlord"
time_zone = "UTC"
pue = "1.2"
[[sku]]
id = "k"
gpu = "G"
gpus_per_node = 8
node_power = { nameplate = "10 kW", contracted = "8 kW", measured = "7 kW", idle = "1 kW" }
turnover = "0 s"
[[pool]]
id = "a"
sku = "k"
hall = "h"
arrays = 1
racks_per_array = 8
nodes_per_rack = 8
in_service = 2026-01-01
[[power]]
from = 2026-01-01
limit = "1 MW"
"#;

/// All of it, lent to the landlord while it is idle.
const LEASE: &str = r#"
id = "of-tenant"
site = "s"
landlord = "landlord"
tenant = "tenant"
signed = 2026-01-01
time_zone = "UTC"
[term]
start = 2026-01-01
end = 2095-12-31
[notice]
by = "either"
days = 30
[capacity]
amount = "all"
shape = "node"
[fee]
currency = "USD"
fixed = "0.00"
proration = "actual"
invoice = "arrears"
due_days = 30
[service]
idle_use = "landlord"
reclaim_within = "1 min"
availability = "99%"
"#;

/// A server that enforces. Killed when dropped.
pub(super) struct Leasehold(Child);

impl Leasehold {
    /// Starts it and waits until the cluster is as the lease has it.
    pub(super) fn start(cluster: &Cluster) -> Self {
        let folder = cluster.directory().join("leasehold");
        fs::create_dir_all(&folder).expect("the cluster's directory can be written");
        let files = [("site.toml", SITE), ("lease.toml", LEASE), ("slurm.toml", ACCOUNTS)];
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("the cluster's directory can be written");
        }
        let binary = binary::path();
        let words = "serve site.toml --lease lease.toml --cluster slurm --slurm slurm.toml --enforce \
                     --data data --listen 127.0.0.1:0";
        let child = cluster
            .command(binary.to_str().expect("a path in UTF-8"))
            .args(words.split_whitespace())
            .current_dir(&folder)
            .env("LEASEHOLD_LOG", "warn")
            .env_remove("LEASEHOLD_DATABASE")
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary was built");
        let server = Self(child);
        let mut held = |told: &str| told.contains("leasehold_");
        let reservations = ["-o", "show", "reservation"];
        let held = cluster.run_until(PATIENCE, "scontrol", &reservations, &mut held);
        assert!(held.is_some(), "the lease's reservation does not appear");
        server
    }
}

impl Reclaim for Leasehold {}

impl Drop for Leasehold {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
