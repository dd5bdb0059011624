//! How many GPUs a gang has on each of its nodes, where that is not the same on all: `scontrol show job -d`.
//!
//! That output begins with the job's name, which may hold line breaks and so imitate anything. What is read is therefore believed
//! only if it fits what squeue says, whose fields no user writes: every node of the job exactly once, and the sum of the GPUs.

use std::collections::BTreeMap;

use super::jobs::SlurmJob;
use super::text::{self, Place};
use crate::slurm::command::{Program, Slurm, spelled};
use crate::slurm::error::{SlurmError, Unreadable};
use crate::slurm::hostlist;

/// GPUs of a job on some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGpus {
    /// The nodes, in order.
    pub nodes: Vec<String>,
    /// GPUs on each of them.
    pub gpus: u32,
}

/// Arguments of scontrol.
pub fn arguments(job: &SlurmJob) -> Vec<String> {
    vec!["show".into(), "job".into(), "-d".into(), job.label()]
}

/// GPUs of a running job by node.
///
/// # Errors
/// If it cannot be asked, or the answer does not fit the job.
pub fn ask(slurm: &dyn Slurm, job: &SlurmJob) -> Result<Vec<NodeGpus>, SlurmError> {
    Ok(read(&slurm.run(Program::Scontrol, &arguments(job), None)?, job)?)
}

/// GPUs by node as scontrol prints them for [`arguments`].
///
/// # Errors
/// If a line cannot be read, or the answer does not fit the job.
pub fn read(text: &str, job: &SlurmJob) -> Result<Vec<NodeGpus>, Unreadable> {
    let command = spelled(Program::Scontrol, &arguments(job));
    let mut by_node: BTreeMap<String, u32> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let place = Place { command: &command, line: index + 1 };
        let line = line.trim_start();
        if !line.starts_with("Nodes=") || !line.contains(" CPU_IDs=") {
            continue;
        }
        let nodes = text::value(line, "Nodes").unwrap_or_default();
        let gres = text::value(line, "GRES").unwrap_or_default();
        let hosts =
            hostlist::expand(nodes).map_err(|error| place.fault("Nodes", nodes, error.expected))?;
        let gpus = text::gres_gpus(gres)
            .ok_or_else(|| place.fault("GRES", gres, "gres such as `gpu:8(IDX:0-7)`"))?;
        for host in hosts {
            if by_node.insert(host, gpus).is_some() {
                return Err(place.fault("Nodes", nodes, "each node of the job once"));
            }
        }
    }
    fitting(by_node, job).ok_or_else(|| {
        let place = Place { command: &command, line: 1 };
        place.fault("GRES", "", "the nodes and the number of GPUs that squeue says the job has")
    })
}

fn fitting(by_node: BTreeMap<String, u32>, job: &SlurmJob) -> Option<Vec<NodeGpus>> {
    let same =
        by_node.len() == job.nodes.len() && job.nodes.iter().all(|node| by_node.contains_key(node));
    let sum = by_node.values().try_fold(0_u32, |sum, gpus| sum.checked_add(*gpus))?;
    if !same || sum != job.gpus {
        return None;
    }
    let mut groups: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (node, gpus) in by_node {
        groups.entry(gpus).or_default().push(node);
    }
    Some(groups.into_iter().rev().map(|(gpus, nodes)| NodeGpus { nodes, gpus }).collect())
}

#[cfg(test)]
mod tests {
    use leasehold_units::Instant;

    use super::super::jobs::JobState;
    use super::*;

    fn job(nodes: &str, gpus: u32) -> SlurmJob {
        let nodes = hostlist::expand(nodes).expect("well-formed");
        SlurmJob {
            id: 2,
            array: None,
            account: "ta".into(),
            user: "lhta".into(),
            qos: "normal".into(),
            partition: "main".into(),
            state: JobState::Running,
            reason: "None".into(),
            node_count: u32::try_from(nodes.len()).expect("few"),
            nodes,
            gpus,
            joules: None,
            submit: Instant::from_unix(1),
            eligible: None,
            start: None,
            end: None,
            limit: None,
            restarts: 0,
            reservation: None,
            preempted: None,
        }
    }

    const SHOWN: &str = "JobId=2 JobName=wrap\n   NodeList=n[7-8]\n   JOB_GRES=gpu:5\n     \
        Nodes=n7 CPU_IDs=0-1 Mem=1000000 GRES=gpu:4(IDX:0-3)\n     Nodes=n8 CPU_IDs=0 Mem=1000000 GRES=gpu:1(IDX:0)\n   \
        MinCPUsNode=1\n";

    #[test]
    fn reads_gpus_that_differ_by_node() {
        let read = read(SHOWN, &job("n[7-8]", 5)).expect("fits");
        let expected =
            [("n7", 4), ("n8", 1)].map(|(node, gpus)| NodeGpus { nodes: vec![node.into()], gpus });
        assert_eq!(read, expected);
    }

    #[test]
    fn a_name_cannot_add_nodes_or_gpus() {
        let named = |line: &str| SHOWN.replace("JobName=wrap", &format!("JobName=x\n     {line}"));
        for line in [
            "Nodes=n9 CPU_IDs=0 Mem=1 GRES=gpu:8(IDX:0-7)",
            "Nodes=n7 CPU_IDs=0 Mem=1 GRES=gpu:4(IDX:0-3)",
        ] {
            assert!(read(&named(line), &job("n[7-8]", 5)).is_err(), "{line}");
        }
        assert!(read("", &job("n[7-8]", 5)).is_err());
    }
}
