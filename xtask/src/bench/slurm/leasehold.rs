//! Leasehold on the cluster, as its operator starts it.

use std::fs;
use std::process::{Child, Stdio};

use leasehold_clusters::slurm::emulated::Cluster;
use leasehold_fixtures::File;

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
fn site_file() -> File {
    leasehold_fixtures::site_file(1, 8, 8)
        .set("landlord", "'landlord'")
        .set("time_zone", "'UTC'")
        .set("sku.turnover", "'0 s'")
        .set("pool.id", "'a'")
        .set("power.limit", "'1 MW'")
}

/// All of it, lent to the landlord while it is idle.
fn lease_file() -> File {
    leasehold_fixtures::lease_file("tenant")
        .set("id", "'of-tenant'")
        .set("landlord", "'landlord'")
        .set("signed", "2026-01-01")
        .set("time_zone", "'UTC'")
        .set("term.start", "2026-01-01")
        .set("term.end", "2095-12-31")
        .set("capacity.amount", "'all'")
        .set("capacity.shape", "'node'")
        .set("fee.fixed", "'0.00'")
        .set("fee.invoice", "'arrears'")
        .set("service.reclaim_within", "'1 min'")
        .without_table("fee.usage")
}

/// A server that enforces. Killed when dropped.
pub(super) struct Leasehold(Child);

impl Leasehold {
    /// Starts it and waits until the cluster is as the lease has it.
    pub(super) fn start(cluster: &Cluster) -> Self {
        let folder = cluster.directory().join("leasehold");
        fs::create_dir_all(&folder).expect("the cluster's directory can be written");
        let files = [
            ("site.toml", site_file()),
            ("lease.toml", lease_file()),
            ("slurm.toml", File::new(ACCOUNTS)),
        ];
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
