//! What Slurm itself has on record, read here and not by what is tested.

use std::collections::BTreeSet;

use leasehold_clusters::slurm::hostlist;

use crate::stage::Stage;

/// One run of one job, or a job that was over before it ran.
#[derive(Debug, Clone)]
pub struct Run {
    /// As Slurm shows it: a task of an array has the array's number and its own.
    pub job: String,
    pub account: String,
    pub state: String,
    /// From when it could have started.
    pub eligible: Option<u64>,
    /// None where slurmdbd missed it, since the job was put back within a second or two; sacct counts nothing then.
    pub start: Option<u64>,
    pub end: u64,
    /// None of one that never ran.
    pub nodes: BTreeSet<String>,
    pub gpus: u64,
    pub reservation: String,
}

/// A reservation as it was for a while.
#[derive(Debug, Clone)]
pub struct Reserved {
    pub name: String,
    pub nodes: BTreeSet<String>,
    pub start: u64,
    pub end: u64,
}

impl Run {
    pub fn gpu_seconds(&self) -> u64 {
        self.gpu_seconds_in(0, u64::MAX)
    }

    /// Those from one second to another.
    pub fn gpu_seconds_in(&self, from: u64, until: u64) -> u64 {
        let start = self.start.unwrap_or(self.end).max(from);
        self.end.min(until).saturating_sub(start) * self.gpus
    }
}

/// All runs that are over, of all jobs.
pub fn runs(stage: &Stage) -> Vec<Run> {
    let (ran, _) = over(stage);
    ran
}

/// All runs that are over, and all jobs that were over before they ran.
pub fn over(stage: &Stage) -> (Vec<Run>, Vec<Run>) {
    let fields = "JobID,Account,State,Eligible,Start,End,NodeList,AllocTRES,Reservation";
    let told = rows(stage, "sacct", &["-D", "-X", "-a", "-S", "uts1000000000", "-o", fields]);
    told.iter().filter_map(|row| run(row)).partition(|run| !run.nodes.is_empty())
}

fn run(row: &[String]) -> Option<Run> {
    let [job, account, state, eligible, start, end, nodes, tres, reservation] = row else {
        panic!("{row:?}")
    };
    let gpus = tres.split(',').find_map(|one| one.strip_prefix("gres/gpu="));
    Some(Run {
        job: job.clone(),
        account: account.clone(),
        state: state.clone(),
        eligible: eligible.parse().ok(),
        start: start.parse().ok(),
        // Of what waits or runs there is none.
        end: end.parse().ok()?,
        nodes: expand(nodes),
        gpus: gpus.map_or(0, |gpus| gpus.parse().unwrap()),
        reservation: reservation.clone(),
    })
}

/// Every reservation with the nodes that it had and when.
pub fn reservations(stage: &Stage) -> Vec<Reserved> {
    let fields = "format=name,nodenames,start,end";
    let told = rows(stage, "sacctmgr", &["show", "reservation", "start=2020-01-01", fields]);
    let of = |row: &Vec<String>| {
        let [name, nodes, start, end] = row.as_slice() else { panic!("{row:?}") };
        let (start, end) = (start.parse().unwrap(), end.parse().unwrap_or(u64::MAX));
        Reserved { name: name.clone(), nodes: expand(nodes), start, end }
    };
    told.iter().map(of).collect()
}

fn rows(stage: &Stage, program: &str, arguments: &[&str]) -> Vec<Vec<String>> {
    let mut command = stage.cluster.command(program);
    command.args(["-n", "-P"]).args(arguments).env("SLURM_TIME_FORMAT", "%s").env("TZ", "UTC");
    let told = command.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).unwrap();
    text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

fn expand(nodes: &str) -> BTreeSet<String> {
    // Slurm's words for no node.
    let none = nodes.is_empty() || nodes.starts_with("None");
    if none { BTreeSet::new() } else { hostlist::expand(nodes).unwrap().into_iter().collect() }
}
