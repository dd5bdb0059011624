//! Partitions of slurmctld: how they give out nodes.

use super::text::{self, Place};
use crate::slurm::command::{Program, Slurm};
use crate::slurm::error::{SlurmError, Unreadable};
use crate::slurm::hostlist;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmPartition {
    /// Its name.
    pub name: String,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// Whether a job has its nodes to itself, however small it is.
    pub gives_whole_nodes: bool,
    /// Whether only jobs of one user are on a node at a time.
    pub is_one_users: bool,
}

/// Arguments of scontrol.
pub fn arguments() -> Vec<String> {
    ["show", "partition", "--oneliner"].map(str::to_owned).to_vec()
}

/// All partitions, in Slurm's order.
///
/// # Errors
/// If slurmctld cannot be asked or its answer cannot be read.
pub fn ask(slurm: &dyn Slurm) -> Result<Vec<SlurmPartition>, SlurmError> {
    Ok(read(&slurm.run(Program::Scontrol, &arguments(), None)?)?)
}

/// Partitions as scontrol prints them for [`arguments`].
///
/// # Errors
/// The first field that cannot be read.
pub fn read(text: &str) -> Result<Vec<SlurmPartition>, Unreadable> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("PartitionName="));
    lines
        .map(|(index, line)| partition(Place { command: COMMAND, line: index + 1 }, line))
        .collect()
}

const COMMAND: &str = "scontrol show partition --oneliner";

fn partition(place: Place<'_>, line: &str) -> Result<SlurmPartition, Unreadable> {
    let needed = |key: &'static str| {
        text::value(line, key).ok_or_else(|| place.fault(key, line, "the field"))
    };
    let nodes = needed("Nodes")?;
    Ok(SlurmPartition {
        name: needed("PartitionName")?.to_owned(),
        nodes: hostlist::expand(nodes)
            .map_err(|error| place.fault("Nodes", nodes, error.expected))?,
        gives_whole_nodes: needed("OverSubscribe")? == "EXCLUSIVE",
        is_one_users: needed("ExclusiveUser")? == "YES",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "PartitionName=main AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES QoS=N/A \
        DefaultTime=01:00:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO MaxNodes=UNLIMITED MaxTime=UNLIMITED \
        MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes=a-01-01-[1-4] PriorityJobFactor=1 PriorityTier=1 RootOnly=NO \
        ReqResv=NO OverSubscribe=NO OverTimeLimit=NONE PreemptMode=OFF State=UP TotalCPUs=256 TotalNodes=4 \
        SelectTypeParameters=NONE JobDefaults=(null) DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED TRES=cpu=256,node=4\n";

    #[test]
    fn reads_how_nodes_are_given_out() {
        let main = read(SHOWN).expect("readable").remove(0);
        assert_eq!((main.name.as_str(), main.nodes.len()), ("main", 4));
        assert!(!main.gives_whole_nodes && !main.is_one_users);
        let other = SHOWN.replace("OverSubscribe=NO", "OverSubscribe=EXCLUSIVE");
        let other = other.replace("ExclusiveUser=NO", "ExclusiveUser=YES");
        let other = read(&other).expect("readable").remove(0);
        assert!(other.gives_whole_nodes && other.is_one_users);
        assert_eq!(read("No partitions in the system\n"), Ok(Vec::new()));
    }

    #[test]
    fn one_without_nodes_has_none_and_one_without_a_field_says_so() {
        let empty = read(&SHOWN.replace("a-01-01-[1-4]", "(null)")).expect("readable").remove(0);
        assert_eq!(empty.nodes, [""; 0]);
        let error = read(&SHOWN.replace(" OverSubscribe=NO", "")).expect_err("not readable");
        assert_eq!((error.field, error.line), ("OverSubscribe", 1));
        assert_eq!(error.command, "scontrol show partition --oneliner");
    }
}
