//! A Slurm that is played: it prints what a cluster of a thousand nodes prints, and starts no process.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use leasehold_clusters::slurm::objects::Desired;
use leasehold_clusters::slurm::{Program, Slurm, SlurmError, hostlist};
use leasehold_units::Instant;

/// Between fields of squeue.
const UNIT: char = '\u{1f}';

/// What is printed now.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) jobs: String,
    pub(super) nodes: String,
    pub(super) qos: String,
    pub(super) accounts: String,
    pub(super) associations: String,
    pub(super) reservations: String,
    /// Commands that change something.
    pub(super) changes: usize,
}

/// Answers commands with what is printed now.
#[derive(Debug, Clone, Default)]
pub(super) struct Played(Arc<Mutex<Printed>>);

impl Played {
    /// Changes what is printed.
    pub(super) fn print<T>(&self, change: impl FnOnce(&mut Printed) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Slurm for Played {
    fn run(
        &self,
        program: Program,
        arguments: &[String],
        _: Option<&str>,
    ) -> Result<String, SlurmError> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(self.print(|printed| match (program, words.as_slice()) {
            (Program::Squeue, _) => printed.jobs.clone(),
            (Program::Scontrol, ["--version"]) => "slurm 22.05.8\n".to_owned(),
            (Program::Scontrol, ["show", "config"]) => CONFIG.to_owned(),
            (Program::Scontrol, ["show", "partition", ..]) => String::new(),
            (Program::Scontrol, ["show", "nodes", ..]) => printed.nodes.clone(),
            (Program::Scontrol, ["show", "reservation", ..]) => printed.reservations.clone(),
            (Program::Sacctmgr, ["-P", "-n", "show", "qos", ..]) => printed.qos.clone(),
            (Program::Sacctmgr, ["-P", "-n", "show", "account", ..]) => printed.accounts.clone(),
            (Program::Sacctmgr, ["-P", "-n", "show", "assoc", ..]) => printed.associations.clone(),
            (Program::Sacct, _) => String::new(),
            _ => {
                printed.changes += 1;
                String::new()
            }
        }))
    }
}

const CONFIG: &str = "AccountingStorageEnforce = associations,limits,qos,safe\n\
    AuthInfo                = cred_expire=5\nClusterName             = cluster\n\
    KillWait                = 5 sec\nMinJobAge               = 300 sec\nPreemptMode             = OFF\n\
    PreemptType             = preempt/none\nProlog                  = prolog\nPrologFlags             = Alloc\n\
    SLURM_VERSION           = 22.05.8\n";

/// A job as it is printed.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: u32,
    /// Its array and its place there.
    pub(super) task: Option<(u32, u32)>,
    pub(super) account: &'static str,
    pub(super) gpus: u32,
    pub(super) node_count: u32,
    pub(super) submit: Instant,
    pub(super) stands: Stands,
}

/// How a job stands.
#[derive(Debug, Clone)]
pub(super) enum Stands {
    Waits,
    Runs { since: Instant, nodes: String },
    Ended { since: Instant, nodes: String, at: Instant },
}

impl Job {
    /// State, nodes, start and end.
    fn stand(&self) -> (&'static str, &str, Option<Instant>, Option<Instant>) {
        match &self.stands {
            Stands::Waits => ("PENDING", "", None, None),
            Stands::Runs { since, nodes } => ("RUNNING", nodes, Some(*since), None),
            Stands::Ended { since, nodes, at } => ("COMPLETED", nodes, Some(*since), Some(*at)),
        }
    }

    /// As `squeue --Format` prints it.
    pub(super) fn text(&self, out: &mut String) {
        let (state, nodes, start, end) = self.stand();
        let (array, task) = match self.task {
            Some((array, task)) => (array, task.to_string()),
            None => (self.id, "N/A".to_owned()),
        };
        let at = |at: Option<Instant>| at.map_or("N/A".to_owned(), |at| at.unix().to_string());
        let reason = if state == "PENDING" { "Priority" } else { "None" };
        let tres = format!(
            "cpu={c},mem={m}M,node={n},billing={c},gres/gpu={g}",
            c = self.gpus * 8,
            m = self.gpus * 125_000,
            n = self.node_count,
            g = self.gpus
        );
        let fields = [
            self.id.to_string(),
            array.to_string(),
            task,
            self.account.to_owned(),
            "somebody".to_owned(),
            "normal".to_owned(),
            "main".to_owned(),
            state.to_owned(),
            nodes.to_owned(),
            self.node_count.to_string(),
            tres,
            self.submit.unix().to_string(),
            self.submit.unix().to_string(),
            at(start),
            at(end),
            "1-00:00:00".to_owned(),
            "0".to_owned(),
            "(null)".to_owned(),
            "N/A".to_owned(),
            reason.to_owned(),
        ];
        for field in fields {
            out.push_str(&field);
            out.push(UNIT);
        }
        out.push('\n');
    }

    /// As `squeue --json` prints it, with as much that nobody needs as 22.05 has: 3.5 kB a job.
    pub(super) fn json(&self, out: &mut String) {
        let (state, nodes, start, end) = self.stand();
        let at = |at: Option<Instant>| at.map_or(0, Instant::unix);
        let (array, task) = match self.task {
            Some((array, task)) => (array, task.to_string()),
            None => (0, "null".to_owned()),
        };
        let reason = if state == "PENDING" { "Priority" } else { "None" };
        let _ = write!(
            out,
            r#"{{"job_id": {}, "array_job_id": {array}, "array_task_id": {task}, "account": "{}",
"user_name": "somebody", "qos": "normal", "partition": "main", "job_state": "{state}", "state_reason": "{reason}",
"nodes": "{nodes}", "node_count": {}, "tres_alloc_str": "cpu={},gres/gpu={}", "submit_time": {submit},
"eligible_time": {submit}, "start_time": {}, "end_time": {}, "time_limit": 1440, "restart_cnt": 0,
"resv_name": "", "preempt_time": 0"#,
            self.id,
            self.account,
            self.node_count,
            self.gpus * 8,
            self.gpus,
            at(start),
            at(end),
            submit = self.submit.unix(),
        );
        for field in 0..70 {
            let _ = write!(out, ",\n      \"what_nobody_needs_{field}\": \"a word or two\"");
        }
        out.push('}');
    }
}

/// All jobs as squeue prints them.
pub(super) fn text(jobs: &[Job]) -> String {
    let mut out = String::new();
    jobs.iter().for_each(|job| job.text(&mut out));
    out
}

/// All jobs as `squeue --json` prints them.
pub(super) fn json(jobs: &[Job]) -> String {
    let mut out = r#"{"meta": {}, "errors": [], "jobs": ["#.to_owned();
    for (place, job) in jobs.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        job.json(&mut out);
    }
    out.push_str("]}");
    out
}

/// A node as scontrol prints it.
pub(super) fn node(name: &str) -> String {
    format!(
        "NodeName={name} Arch=x86_64 CoresPerSocket=32  CPUAlloc=64 CPUEfctv=64 CPUTot=64 CPULoad=6.84 AvailableFeatures=(null) \
         ActiveFeatures=(null) Gres=gpu:8 NodeAddr={name} NodeHostName={name} Version=22.05.8 OS=Linux 6.1.0-25-amd64 #1 SMP \
         RealMemory=1000000 AllocMem=0 FreeMem=200000 Sockets=2 Boards=1 State=MIXED ThreadsPerCore=1 TmpDisk=0 Weight=1 \
         Owner=N/A MCS_label=N/A Partitions=main  BootTime=1772300000 SlurmdStartTime=1772300001 LastBusyTime=1772300002 \
         CfgTRES=cpu=64,mem=1000000M,billing=64,gres/gpu=8 AllocTRES=cpu=48,gres/gpu=6 CapWatts=n/a CurrentWatts=0 AveWatts=0 \
         ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s\n"
    )
}

impl Printed {
    /// Prints the objects as they are once all calls for `desired` were made.
    pub(super) fn hold(&mut self, desired: &Desired, now: Instant) {
        for (name, qos) in &desired.qos {
            let limit = qos.gpus.map_or(String::new(), |gpus| format!("gres/gpu={gpus}"));
            let _ = writeln!(
                self.qos,
                "{name}|{}||{limit}||{}|00:00:00|made by leasehold",
                qos.priority, qos.preempt_mode
            );
        }
        let cluster = &desired.cluster;
        for (name, account) in &desired.accounts {
            let qos = &account.qos;
            let _ = writeln!(self.accounts, "{name}|leasehold|party {}", account.party);
            let _ = writeln!(self.associations, "{cluster}|{name}|||{qos}|{qos}");
        }
        for (name, reservation) in &desired.reservations {
            let nodes: Vec<&String> = reservation.nodes.iter().collect();
            let accounts: Vec<&str> = reservation.accounts.iter().map(String::as_str).collect();
            let or_null = |text: String| if text.is_empty() { "(null)".into() } else { text };
            let _ = writeln!(
                self.reservations,
                "ReservationName={name} StartTime={} EndTime={} Duration=365-00:00:00 Nodes={} NodeCnt={} Flags={},SPEC_NODES \
                 Users={} Accounts={} State=ACTIVE",
                now.unix(),
                now.unix() + 365 * 86_400,
                hostlist::compress(&nodes),
                nodes.len(),
                reservation.flags().join(","),
                or_null(reservation.users().to_owned()),
                or_null(accounts.join(",")),
            );
        }
    }
}
