//! What Slurm itself has on record, read here and not by what is tested.

use std::collections::BTreeSet;

use leasehold_clusters::slurm::hostlist;

use crate::stage::Stage;

/// One run of one job: from a start to an end.
#[derive(Debug, Clone)]
pub struct Run {
    /// As Slurm shows it.
    pub job: String,
    start: u64,
    end: u64,
    pub nodes: BTreeSet<String>,
    gpus: u64,
}

impl Run {
    pub fn gpu_seconds(&self) -> u64 {
        (self.end - self.start) * self.gpus
    }
}

/// All runs that are over, of all jobs.
pub fn runs(stage: &Stage) -> Vec<Run> {
    let fields = "JobID,Start,End,NodeList,AllocTRES";
    let told = rows(stage, "sacct", &["-D", "-X", "-a", "-S", "uts1000000000", "-o", fields]);
    told.iter().filter_map(|row| run(row)).collect()
}

fn run(row: &[String]) -> Option<Run> {
    let [job, start, end, nodes, tres] = row else { panic!("{row:?}") };
    let gpus = tres.split(',').find_map(|one| one.strip_prefix("gres/gpu="));
    // Of what waits or runs there is no end, and of what was cancelled before it ran no node.
    let (start, end, nodes) = (start.parse().ok()?, end.parse().ok()?, expand(nodes));
    let gpus = gpus.map_or(0, |gpus| gpus.parse().unwrap());
    (!nodes.is_empty()).then_some(Run { job: job.clone(), start, end, nodes, gpus })
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
    hostlist::expand(nodes).unwrap_or_default().into_iter().collect()
}
