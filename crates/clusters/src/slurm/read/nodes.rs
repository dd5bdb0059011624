//! Nodes as slurmctld sees them.

use leasehold_units::Instant;

use super::text::{self, INSTANT, Place, TRES};
use crate::slurm::command::{Program, Slurm};
use crate::slurm::error::{SlurmError, Unreadable};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmNode {
    /// Its name.
    pub name: String,
    /// The base state.
    pub base: NodeBase,
    /// What is true besides, in Slurm's words in capital letters and in order: `DRAIN`, `NOT_RESPONDING`, `CLOUD`, `RESERVED`.
    pub flags: Vec<String>,
    /// GPUs that it is configured with.
    pub gpus: u32,
    /// GPUs that jobs have.
    pub gpus_used: u32,
    /// Why it is down or drained, if somebody said.
    pub reason: Option<NodeReason>,
    /// When it was booted, if it ever answered.
    pub booted: Option<Instant>,
}

/// Why a node does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReason {
    /// The text.
    pub text: String,
    /// Who set it; `slurm` or the name of SlurmUser where Slurm did so itself.
    pub user: String,
    /// When.
    pub at: Option<Instant>,
}

/// Base state of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeBase {
    /// Has no job.
    Idle,
    /// Has jobs and room.
    Mixed,
    /// Is full.
    Allocated,
    /// Does not serve.
    Down,
    /// Slurm does not know yet.
    Unknown,
    /// Another word of Slurm's, in capital letters.
    Other(String),
}

/// What a node is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeCondition {
    /// Takes work.
    Able,
    /// Takes no new work since somebody said so; jobs on it go on.
    Drained,
    /// Does not work, from that instant if it is known.
    Failed(Option<Instant>),
    /// It does not answer or has not yet, and Slurm has not decided: what was known last holds.
    Undecided,
}

/// Arguments of scontrol. sinfo is not used: it prints a node once for each partition, and its words for states differ.
pub fn arguments() -> Vec<String> {
    ["show", "nodes", "--oneliner"].map(str::to_owned).to_vec()
}

/// All nodes.
///
/// # Errors
/// If slurmctld cannot be asked or its answer cannot be read.
pub fn ask(slurm: &dyn Slurm) -> Result<Vec<SlurmNode>, SlurmError> {
    Ok(read(&slurm.run(Program::Scontrol, &arguments(), None)?)?)
}

/// Nodes as scontrol prints them for [`arguments`].
///
/// # Errors
/// The first field that cannot be read.
pub fn read(text: &str) -> Result<Vec<SlurmNode>, Unreadable> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("NodeName="));
    lines.map(|(index, line)| node(Place { command: COMMAND, line: index + 1 }, line)).collect()
}

const COMMAND: &str = "scontrol show nodes --oneliner";

fn node(place: Place<'_>, line: &str) -> Result<SlurmNode, Unreadable> {
    let needed = |key: &'static str| {
        text::value(line, key).ok_or_else(|| place.fault(key, line, "the field"))
    };
    let state = needed("State")?;
    let (base, flags) =
        state_of(state).ok_or_else(|| place.fault("State", state, "a state such as IDLE+DRAIN"))?;
    let gres = needed("Gres")?;
    let gpus =
        text::gres_gpus(gres).ok_or_else(|| place.fault("Gres", gres, "gres such as `gpu:8`"))?;
    let used = text::value(line, "AllocTRES").unwrap_or_default();
    let booted = text::value(line, "BootTime").unwrap_or_default();
    Ok(SlurmNode {
        name: needed("NodeName")?.to_owned(),
        base,
        flags,
        gpus,
        gpus_used: text::gpus(used).ok_or_else(|| place.fault("AllocTRES", used, TRES))?,
        reason: text::after(line, "Reason").and_then(reason),
        booted: text::instant(booted).ok_or_else(|| place.fault("BootTime", booted, INSTANT))?,
    })
}

/// `IDLE+DRAIN`, `DOWN*`, `MIXED+CLOUD+NOT_RESPONDING`: base and flags. The signs that Slurm puts behind a state are flags too.
fn state_of(word: &str) -> Option<(NodeBase, Vec<String>)> {
    let mut flags = Vec::new();
    let mut base = None;
    for part in word.split('+') {
        let plain = part.trim_end_matches(['*', '~', '#', '!', '%', '$', '@', '^', '-']);
        if part[plain.len()..].contains('*') {
            flags.push("NOT_RESPONDING".to_owned());
        }
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        if plain.is_empty() || !plain.bytes().all(fits) {
            return None;
        }
        match base {
            None => base = Some(base_of(plain)),
            Some(_) => flags.push(plain.to_owned()),
        }
    }
    flags.sort();
    flags.dedup();
    Some((base?, flags))
}

fn base_of(word: &str) -> NodeBase {
    match word {
        "IDLE" => NodeBase::Idle,
        "MIXED" => NodeBase::Mixed,
        "ALLOCATED" => NodeBase::Allocated,
        "DOWN" => NodeBase::Down,
        "UNKNOWN" => NodeBase::Unknown,
        other => NodeBase::Other(other.to_owned()),
    }
}

/// `text [user@instant]`, and whatever other fields follow.
fn reason(rest: &str) -> Option<NodeReason> {
    for (open, _) in rest.match_indices(" [") {
        let Some((inside, _)) = rest[open + 2..].split_once(']') else { continue };
        let Some((user, at)) = inside.rsplit_once('@') else { continue };
        if let Some(at) = text::instant(at) {
            return Some(NodeReason {
                text: rest[..open].trim().to_owned(),
                user: user.to_owned(),
                at,
            });
        }
    }
    let text = rest.trim();
    (!text::is_nothing(text)).then(|| NodeReason {
        text: text.to_owned(),
        user: String::new(),
        at: None,
    })
}

impl SlurmNode {
    /// What it is good for.
    pub fn condition(&self) -> NodeCondition {
        let has = |flags: &[&str]| self.flags.iter().any(|flag| flags.contains(&flag.as_str()));
        let since = self.reason.as_ref().and_then(|reason| reason.at);
        let failed = matches!(&self.base, NodeBase::Down)
            || matches!(&self.base, NodeBase::Other(word) if word == "FAIL" || word == "ERROR")
            || has(&["FAIL", "INVALID_REG"]);
        if failed {
            NodeCondition::Failed(since)
        } else if self.base == NodeBase::Unknown || has(&["NOT_RESPONDING"]) {
            NodeCondition::Undecided
        } else if has(&["DRAIN"]) {
            NodeCondition::Drained
        } else {
            NodeCondition::Able
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(state: &str, rest: &str) -> SlurmNode {
        let line = format!(
            "NodeName=n14 Arch=x86_64 CoresPerSocket=32  CPUAlloc=0 CPULoad=6.84 Gres=gpu:h100:8(S:0-1) NodeAddr=127.0.0.1 \
             OS=Linux 6.1.0 #1 SMP State=x PREEMPT_DYNAMIC @0  RealMemory=1000000 ThreadsPerCore=1 Partitions=main  \
             BootTime=1795872162 SlurmdStartTime=1795872960 CfgTRES=cpu=64,gres/gpu=8 AllocTRES=cpu=1,mem=1M,gres/gpu=4 \
             AveWatts=0 {rest}\n"
        );
        let line = line
            .replace("State=x ", "")
            .replace("ThreadsPerCore", &format!("State={state} ThreadsPerCore"));
        read(&line).expect("readable").remove(0)
    }

    #[test]
    fn reads_a_node_at_work() {
        let node = shown("MIXED", "");
        assert_eq!((node.gpus, node.gpus_used), (8, 4));
        assert_eq!(node.booted, Some(Instant::from_unix(1_795_872_162)));
        assert_eq!((node.condition(), node.reason), (NodeCondition::Able, None));
    }

    #[test]
    fn tells_failed_from_drained_and_not_yet_known() {
        let reason = "Reason=Not responding [slurm@1795873383]";
        let failed = NodeCondition::Failed(Some(Instant::from_unix(1_795_873_383)));
        for state in
            ["DOWN", "DOWN*", "DOWN+NOT_RESPONDING", "IDLE+FAIL", "DOWN*+DRAIN", "DOWN+DRAIN"]
        {
            assert_eq!(shown(state, reason).condition(), failed, "{state}");
        }
        assert_eq!(shown("DOWN", "").condition(), NodeCondition::Failed(None));
        for state in ["IDLE+DRAIN", "MIXED+DRAIN", "ALLOCATED+DRAIN"] {
            assert_eq!(shown(state, "").condition(), NodeCondition::Drained, "{state}");
        }
        for state in ["IDLE*", "MIXED+NOT_RESPONDING", "UNKNOWN"] {
            assert_eq!(shown(state, "").condition(), NodeCondition::Undecided, "{state}");
        }
        for state in ["IDLE+CLOUD", "ALLOCATED+RESERVED", "IDLE+MAINTENANCE", "IDLE~"] {
            assert_eq!(shown(state, "").condition(), NodeCondition::Able, "{state}");
        }
    }

    #[test]
    fn a_reason_may_hold_anything() {
        let node = shown(
            "IDLE+DRAIN",
            "Reason=drained [x@y] by hand|or so [root@1795873383] Comment=State=DOWN",
        );
        let expected = NodeReason {
            text: "drained [x@y] by hand|or so".into(),
            user: "root".into(),
            at: Some(Instant::from_unix(1_795_873_383)),
        };
        assert_eq!(node.reason, Some(expected));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let field = |text: &str| read(text).expect_err("not readable").field;
        assert_eq!(field("NodeName=n1 Gres=gpu:8"), "State");
        assert_eq!(field("NodeName=n1 State=idle Gres=gpu:8"), "State");
        assert_eq!(field("NodeName=n1 State=IDLE Gres=gpu:x"), "Gres");
        assert_eq!(field("NodeName=n1 State=IDLE Gres=gpu:1 BootTime=then"), "BootTime");
    }
}
