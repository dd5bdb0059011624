//! A cluster full of borrowers, and one try on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use leasehold_clusters::slurm::emulated::Cluster;

use super::reclaim::Reclaim;
use super::{Borrowers, NODES, Work};

pub(super) const LANDLORD: &str = "landlord";
pub(super) const TENANT: &str = "tenant";
/// How long the tenant's work may take to start.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A cluster with the accounts of landlord and tenant.
pub(super) struct Stage {
    cluster: Cluster,
    /// Each job of the tenant writes here when it started.
    starts: PathBuf,
}

/// What a try gave.
pub(super) struct Outcome {
    /// Seconds from submission to start of the jobs that started.
    pub(super) waits: Vec<f64>,
    /// Borrowers that were evicted, each time counted.
    pub(super) evicted: usize,
}

impl Stage {
    pub(super) fn new(cluster: Cluster) -> Self {
        let starts = cluster.directory().join("starts");
        fs::create_dir_all(&starts).expect("the cluster's directory can be written");
        let stage = Self { cluster, starts };
        let manage = |words: &str| {
            let words: Vec<&str> = ["-i", "-Q"].into_iter().chain(words.split(' ')).collect();
            stage.run("sacctmgr", &words)
        };
        manage("add qos filler priority=0 preemptmode=requeue flags=NoReserve");
        manage("add qos lease priority=1000 preempt=filler grptres=gres/gpu=64");
        for (account, qos) in [(LANDLORD, "filler"), (TENANT, "lease")] {
            manage(&format!("add account {account}"));
            manage(&format!("modify account {account} set qos={qos} defaultqos={qos}"));
            manage(&format!("add user root account={account}"));
        }
        stage
    }

    pub(super) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.cluster.run(program, arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Fills all nodes with borrowers that behave like this, instead of those that are there.
    pub(super) fn fill(&self, borrowers: Borrowers) {
        self.clear(LANDLORD);
        let script = match borrowers {
            Borrowers::Prompt => "exec sleep 100000",
            Borrowers::Stubborn => "trap '' TERM; exec sleep 100000",
        };
        let tasks = format!("--array=1-{NODES}");
        self.submit(LANDLORD, &["--gres=gpu:8", &tasks], script);
    }

    /// Submits the work, waits until it has started, and clears it away again.
    pub(super) fn attempt(&self, work: Work, reclaim: &mut dyn Reclaim) -> Outcome {
        self.await_full();
        let before = self.restarts();
        self.forget_starts();
        reclaim.begin();
        let submitted = self.submit_work(work);
        let until = Instant::now() + PATIENCE;
        while self.started().len() < work.starts() && Instant::now() < until {
            reclaim.look();
            std::thread::park_timeout(LOOK_AGAIN);
        }
        let started = self.started().into_iter();
        let waits = started.filter_map(|(job, at)| Some(at - submitted.get(&job)?)).collect();
        self.clear(TENANT);
        self.await_full();
        Outcome { waits, evicted: self.restarts() - before }
    }

    /// Jobs with the second at which they were submitted; the tasks of an array under the array's number.
    fn submit_work(&self, work: Work) -> BTreeMap<String, f64> {
        let note = format!("date +%s.%N >{}/$NAME; exec sleep 100000", self.starts.display());
        let alone = note.replace("$NAME", "$SLURM_JOB_ID");
        let task = note.replace("$NAME", "$SLURM_ARRAY_JOB_ID.$SLURM_ARRAY_TASK_ID");
        let one = |options: &[&str], script: &str| {
            let at = now();
            (self.submit(TENANT, options, script), at)
        };
        match work {
            Work::Gang => [one(&["--nodes=8", "--gres=gpu:8"], &alone)].into(),
            Work::Jobs => (0..8).map(|_| one(&["--gres=gpu:8"], &alone)).collect(),
            Work::Array => [one(&["--gres=gpu:8", "--array=1-8"], &task)].into(),
            Work::Gpus => (0..64).map(|_| one(&["--gres=gpu:1"], &alone)).collect(),
        }
    }

    fn submit(&self, account: &str, options: &[&str], script: &str) -> String {
        let account = format!("--account={account}");
        let mut arguments = vec!["--parsable", "--output=/dev/null", &account];
        arguments.extend(options);
        arguments.extend(["--wrap", script]);
        self.run("sbatch", &arguments).trim().to_owned()
    }

    /// When each job started, under the number that it was submitted as.
    fn started(&self) -> Vec<(String, f64)> {
        let files = fs::read_dir(&self.starts).into_iter().flatten().flatten();
        let start = |file: fs::DirEntry| {
            // Empty while it is being written.
            let at = fs::read_to_string(file.path()).ok()?.trim().parse().ok()?;
            let name = file.file_name().to_str()?.to_owned();
            Some((name.split('.').next()?.to_owned(), at))
        };
        files.filter_map(start).collect()
    }

    fn forget_starts(&self) {
        for file in fs::read_dir(&self.starts).into_iter().flatten().flatten() {
            fs::remove_file(file.path()).expect("the cluster's directory can be written");
        }
    }

    /// Cancels an account's jobs and waits until none is left.
    fn clear(&self, account: &str) {
        self.run("scancel", &["--quiet", "-A", account]);
        let gone = ["-h", "-A", account, "-o", "%i"];
        let mut none = |told: &str| told.is_empty();
        let gone = self.cluster.run_until(PATIENCE, "squeue", &gone, &mut none);
        assert!(gone.is_some(), "the jobs of {account} do not end");
    }

    /// Waits until a borrower runs on each node and nothing else does.
    fn await_full(&self) {
        let running = ["-h", "-r", "-A", LANDLORD, "-t", "R", "-o", "%i"];
        let mut full = |told: &str| told.lines().count() == NODES as usize;
        let full = self.cluster.run_until(PATIENCE, "squeue", &running, &mut full);
        assert!(full.is_some(), "the borrowers do not fill the cluster");
    }

    /// How often borrowers were requeued so far.
    fn restarts(&self) -> usize {
        let told = self.run("squeue", &["-h", "-r", "-A", LANDLORD, "-O", "RestartCnt"]);
        told.lines().filter_map(|line| line.trim().parse::<usize>().ok()).sum()
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
