//! `deploy/slurm/prolog` on real slurmds: what it promises of nodes between parties.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use leasehold_clusters::slurm::emulated::{Cluster, Options};

use super::{PATIENCE, await_state};

const NODE: &str = "a-01-01-1";
const OTHER: &str = "a-01-01-2";

/// Notes that it began, waits as long as there is a gate, and fails on a node that is broken.
const SCRUB: &str = "cd \"$(dirname \"$0\")\"; touch began-$LEASEHOLD_NODE; while [ -e gate ]; do sleep 0.05; done; \
    [ ! -e broken-$LEASEHOLD_NODE ]";

/// A cluster of two nodes whose prolog is ours.
struct Stage {
    cluster: Cluster,
    folder: PathBuf,
}

impl Stage {
    fn new(name: &str) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("leasehold-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let own = folder.display();
        fs::write(folder.join("scrub"), SCRUB).unwrap();
        let conf = format!(
            "# Comment\nstate {own}/state\nscrub sh {own}/scrub\nscrub_seconds_max 600\n\nparty landlord own research\n"
        );
        fs::write(folder.join("conf"), conf).unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/slurm/prolog");
        let prolog = folder.join("prolog");
        let script =
            format!("#!/bin/sh\nLEASEHOLD_TURNOVER_CONF={own}/conf exec sh '{}'\n", ours.display());
        fs::write(&prolog, script).unwrap();
        fs::set_permissions(&prolog, Permissions::from_mode(0o755)).unwrap();
        let options = Options { prolog: Some(prolog), ..Options::with_nodes(2) };
        let Some(cluster) = Cluster::start(&options) else {
            fs::remove_dir_all(&folder).unwrap();
            return None;
        };
        for account in ["ta", "tb", "own", "research"] {
            cluster.run("sacctmgr", &["-i", "-Q", "add", "account", account]).unwrap();
            let account = format!("account={account}");
            cluster.run("sacctmgr", &["-i", "-Q", "add", "user", "root", &account]).unwrap();
        }
        Some(Self { cluster, folder })
    }

    /// A job of all GPUs of a node, or of any node.
    fn submit(&self, account: &str, node: Option<&str>, script: &str) -> String {
        let (account, node) =
            (format!("--account={account}"), node.map(|n| format!("--nodelist={n}")));
        let mut arguments = vec!["--parsable", "--output=/dev/null", "--gres=gpu:8", &account];
        arguments.extend(node.as_deref());
        arguments.extend(["--wrap", script]);
        self.cluster.run("sbatch", &arguments).unwrap().trim().to_owned()
    }

    fn complete(&self, account: &str, node: Option<&str>) -> String {
        let job = self.submit(account, node, "true");
        await_state(&self.cluster, &job, "COMPLETED");
        job
    }

    /// The scrubs of a node as `from>to outcome`.
    fn scrubs(&self, node: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(format!("state/{node}.scrubs")));
        let line = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(entry["node"], node);
            let word = |key: &str| entry[key].as_str().unwrap().to_owned();
            format!("{}>{} {}", word("from"), word("to"), word("outcome"))
        };
        text.unwrap_or_default().lines().map(line).collect()
    }

    fn remembered(&self, node: &str) -> String {
        fs::read_to_string(self.folder.join("state").join(node)).unwrap().trim().to_owned()
    }

    fn await_file(&self, name: &str) {
        let path = self.folder.join(name);
        let path = path.to_str().unwrap();
        let found = self.cluster.run_until(PATIENCE, "ls", &[path], &mut |told| !told.is_empty());
        assert!(found.is_some(), "{name} never appears");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Whatever waits at the gate ends with the cluster.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn another_party_begins_only_after_the_scrub() {
    let Some(stage) = Stage::new("turnover-order") else { return };
    stage.complete("ta", Some(NODE));
    assert_eq!(stage.scrubs(NODE), ["unknown>ta clean"], "an unknown party was there before");
    stage.complete("ta", Some(NODE));
    assert_eq!(stage.scrubs(NODE).len(), 1, "the same party needs no scrub");

    fs::write(stage.folder.join("gate"), "").unwrap();
    fs::remove_file(stage.folder.join(format!("began-{NODE}"))).unwrap();
    let ran = stage.folder.join("ran");
    let job = stage.submit("tb", Some(NODE), &format!("touch {}", ran.display()));
    stage.await_file(&format!("began-{NODE}"));
    // Long enough for a job that nothing holds up: another one got as far as its own scrub meanwhile.
    let other = stage.submit("ta", Some(OTHER), "true");
    stage.await_file(&format!("began-{OTHER}"));
    assert!(!ran.exists(), "the job began before the scrub was done");
    assert_eq!(stage.remembered(NODE), "scrubbing ta");
    fs::remove_file(stage.folder.join("gate")).unwrap();
    await_state(&stage.cluster, &job, "COMPLETED");
    await_state(&stage.cluster, &other, "COMPLETED");
    assert!(ran.exists());
    assert_eq!(stage.scrubs(NODE)[1..], ["ta>tb clean"]);

    stage.complete("own", Some(NODE));
    stage.complete("research", Some(NODE));
    assert_eq!(stage.scrubs(NODE)[2..], ["tb>landlord clean"], "two accounts of one party");
    assert_eq!(stage.remembered(NODE), "used landlord");
}

#[test]
fn a_node_that_cannot_be_scrubbed_takes_no_job() {
    let Some(stage) = Stage::new("turnover-fails") else { return };
    stage.complete("own", Some(NODE));
    stage.complete("own", Some(OTHER));
    let broken = stage.folder.join(format!("broken-{NODE}"));
    fs::write(&broken, "").unwrap();
    // Slurm tries the nodes in their order.
    let job = stage.complete("ta", None);
    assert_eq!(stage.scrubs(NODE)[1..], ["landlord>ta failed"]);
    assert_eq!(stage.scrubs(OTHER)[1..], ["landlord>ta clean"]);
    let told = stage.cluster.run("sacct", &["-nXPo", "NodeList", "-j", &job]).unwrap();
    assert_eq!(told.trim(), OTHER);
    let state = ["-h", "-N", "-n", NODE, "-o", "%T"];
    assert_eq!(stage.cluster.run("sinfo", &state).unwrap().trim(), "drained");
    assert_eq!(stage.remembered(NODE), "scrubbing landlord");

    // Half scrubbed is not clean, for nobody.
    fs::remove_file(&broken).unwrap();
    let node = format!("nodename={NODE}");
    stage.cluster.run("scontrol", &["update", &node, "state=resume"]).unwrap();
    stage.complete("own", Some(NODE));
    assert_eq!(stage.scrubs(NODE)[2..], ["landlord>landlord clean"]);
}
