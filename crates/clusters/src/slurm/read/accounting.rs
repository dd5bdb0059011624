//! What slurmdbd has on record: runs of jobs, also of those that were put back and ran again, and downtimes of nodes.

use leasehold_units::{Instant, Interval};

use super::jobs::{ArrayTask, JobState, STATE, label};
use super::text::{self, Row, UNIT, rows};
use crate::slurm::command::{Program, Slurm, word};
use crate::slurm::error::{SlurmError, Unreadable};

/// One run of one job: from a start to an end. A job that was put back into the queue has several, with one id: what names a run
/// is its job's id and its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Slurm's numeric id.
    pub id: u32,
    /// Which task of which array, if it is one.
    pub array: Option<ArrayTask>,
    /// Account.
    pub account: String,
    /// User name.
    pub user: String,
    /// QOS.
    pub qos: String,
    /// How it stands or ended.
    pub state: JobState,
    /// The numeric user who cancelled it, if somebody did.
    pub cancelled_by: Option<u32>,
    /// When this run's job was submitted or put back.
    pub submit: Instant,
    /// From when it could start.
    pub eligible: Option<Instant>,
    /// When it started; none if it never did.
    pub start: Option<Instant>,
    /// When it ended; none while it runs or waits.
    pub end: Option<Instant>,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// GPUs that it had, all nodes together.
    pub gpus: u32,
    /// Exit code and signal.
    pub exit: (u32, u32),
    /// Joules that it used, where the cluster measures any.
    pub joules: Option<u64>,
    /// Slurm's word for why.
    pub reason: String,
    /// The reservation it ran in.
    pub reservation: Option<String>,
}

/// A stretch in which a node did not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDowntime {
    /// The node.
    pub node: String,
    /// Since when.
    pub from: Instant,
    /// Until when; none if it still lasts.
    pub until: Option<Instant>,
    /// Slurm's state, such as `DOWN*` or `DRAIN`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub user: String,
}

/// Fields that are asked for, in order. All are there from 22.05 to 25.11; the separator is a control character that no name
/// has. The job's name is not asked for.
const FIELDS: [&str; 16] = [
    "JobIDRaw",
    "JobID",
    "Account",
    "User",
    "QOS",
    "State",
    "Submit",
    "Eligible",
    "Start",
    "End",
    "NodeList",
    "AllocTRES",
    "ExitCode",
    "ConsumedEnergyRaw",
    "Reservation",
    "Reason",
];

const EVENT_FIELDS: [&str; 6] = ["NodeName", "Start", "End", "State", "User", "Reason"];

/// Arguments of sacct for all runs that were waiting, running or ended in an interval. Without `-D` only the last run of a job that
/// was put back is shown, and its GPU-seconds before are lost.
pub fn arguments(interval: Interval) -> Vec<String> {
    let (from, until) = (interval.from.unix(), interval.until.unix());
    let mut arguments = basic();
    // Instants go in as seconds, so that no zone is in between.
    arguments.push(format!("--starttime=uts{from}"));
    arguments.push(format!("--endtime=uts{until}"));
    arguments
}

/// Arguments of sacct for all runs of some jobs, by the names that Slurm's commands take.
pub fn arguments_of(jobs: &[String]) -> Vec<String> {
    let mut arguments = basic();
    // An instant before any cluster: fewer digits are taken for no instant.
    arguments.push("--starttime=uts1000000000".to_owned());
    arguments.push(format!("--jobs={}", jobs.join(",")));
    arguments
}

fn basic() -> Vec<String> {
    let mut arguments = ["-D", "-X", "-P", "-n", "-a"].map(str::to_owned).to_vec();
    arguments.push(format!("--delimiter={UNIT}"));
    arguments.push(format!("--format={}", FIELDS.join(",")));
    arguments
}

/// All runs of some jobs, by the names that Slurm's commands take.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask_of(slurm: &dyn Slurm, jobs: &[String]) -> Result<Vec<Run>, SlurmError> {
    Ok(read(&slurm.run(Program::Sacct, &arguments_of(jobs), None)?)?)
}

/// All runs that were waiting, running or ended in an interval.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask(slurm: &dyn Slurm, interval: Interval) -> Result<Vec<Run>, SlurmError> {
    Ok(read(&slurm.run(Program::Sacct, &arguments(interval), None)?)?)
}

/// Runs as sacct prints them for [`arguments`].
///
/// # Errors
/// The first field that cannot be read.
pub fn read(text: &str) -> Result<Vec<Run>, Unreadable> {
    rows("sacct", text, UNIT, &FIELDS).map(|row| run(&row?)).collect()
}

fn run(row: &Row<'_>) -> Result<Run, Unreadable> {
    let (state, cancelled_by) = state(row.text(5)).ok_or_else(|| row.fault(5, STATE))?;
    let exit = row.text(12).split_once(':');
    let exit = exit.and_then(|(code, signal)| Some((code.parse().ok()?, signal.parse().ok()?)));
    let joules = match row.some(13) {
        None => None,
        Some(_) => Some(row.number(13, "joules")?),
    };
    Ok(Run {
        id: row.number(0, "a job id")?,
        array: array(row.text(1)),
        account: row.text(2).to_owned(),
        user: row.text(3).to_owned(),
        qos: row.text(4).to_owned(),
        state,
        cancelled_by,
        submit: row.needed_instant(6)?,
        eligible: row.instant(7)?,
        start: row.instant(8)?,
        end: row.instant(9)?,
        nodes: row.hosts(10)?,
        gpus: row.gpus(11)?,
        exit: exit.ok_or_else(|| row.fault(12, "exit code and signal such as 0:15"))?,
        joules: joules.and_then(text::measured),
        reservation: row.some(14).map(str::to_owned),
        reason: row.text(15).to_owned(),
    })
}

/// `CANCELLED by 1000`: state and who cancelled.
fn state(text: &str) -> Option<(JobState, Option<u32>)> {
    match text.split_once(" by ") {
        Some((state, user)) => Some((JobState::of_word(state)?, Some(user.trim().parse().ok()?))),
        None => Some((JobState::of_word(text)?, None)),
    }
}

/// `12_3`; what waits as a whole (`12_[4-9]`) is no task yet.
fn array(text: &str) -> Option<ArrayTask> {
    let (job, task) = text.split_once('_')?;
    Some(ArrayTask { job: job.parse().ok()?, task: task.parse().ok()? })
}

impl Run {
    /// The name by which Slurm's commands take its job.
    pub fn label(&self) -> String {
        label(self.id, self.array)
    }
}

/// Arguments of sacctmgr for the downtimes of nodes since an instant.
pub fn downtime_arguments(cluster: &str, since: Instant) -> Vec<String> {
    let mut arguments = ["-P", "-n", "show", "event"].map(str::to_owned).to_vec();
    arguments.push(format!("cluster={cluster}"));
    arguments.push(format!("start=uts{}", since.unix()));
    arguments.push(format!("format={}", EVENT_FIELDS.join(",")));
    arguments
}

/// Downtimes of nodes that lasted at `since` or began later.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask_downtimes(
    slurm: &dyn Slurm,
    cluster: &str,
    since: Instant,
) -> Result<Vec<NodeDowntime>, SlurmError> {
    let arguments = downtime_arguments(word(cluster)?, since);
    Ok(read_downtimes(&slurm.run(Program::Sacctmgr, &arguments, None)?)?)
}

/// Downtimes as sacctmgr prints them for [`downtime_arguments`]. What concerns the cluster and not a node is left out.
///
/// # Errors
/// The first field that cannot be read.
pub fn read_downtimes(text: &str) -> Result<Vec<NodeDowntime>, Unreadable> {
    let mut downtimes = Vec::new();
    for row in rows("sacctmgr show event", text, '|', &EVENT_FIELDS) {
        let row = row?;
        let Some(node) = row.some(0) else { continue };
        let user = row.text(4);
        downtimes.push(NodeDowntime {
            node: node.to_owned(),
            from: row.needed_instant(1)?,
            until: row.instant(2)?,
            state: row.text(3).to_owned(),
            user: user.split_once('(').map_or(user, |(name, _)| name).to_owned(),
            reason: row.text(5).to_owned(),
        });
    }
    Ok(downtimes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
        2|2|ta|lhta|normal|REQUEUED|1795872973|1795872973|1795872974|1795873378|n[7-8]|billing=3,cpu=3,gres/gpu=5,node=2|0:0|||None\n\
        2|2|ta|lhta|normal|COMPLETED|1795873378|1795873384|1795873390|1795873400|n7|gres/gpu=8|1:0|36000|leasehold_lab@a|None\n\
        6|1_2|ta|lhta|normal|RUNNING|1795872973|1795872973|1795872974|Unknown|n[3-4]|gres/gpu=8|0:0|||None\n\
        11|11|ta|lhta|normal|CANCELLED by 1000|1795873300|1795873300|None|1795873517|None assigned||0:0|0||ReqNodeNotAvail\n\
        30|30_[1-4%2]|ta|lhta|normal|PENDING|1795873300|Unknown|Unknown|Unknown|None assigned||0:0|||a|b\n";

    fn runs() -> Vec<Run> {
        // The recorded text has `|` for the sake of readers; the last field shows why it is not asked for.
        let text: String = LINES
            .lines()
            .map(|line| line.splitn(16, '|').collect::<Vec<_>>().join("\u{1f}") + "\n")
            .collect();
        read(&text).expect("readable")
    }

    #[test]
    fn a_job_that_was_put_back_has_several_runs() {
        let runs = runs();
        let spans: Vec<(String, Option<i64>, Option<i64>)> = runs
            .iter()
            .map(|run| (run.label(), run.start.map(Instant::unix), run.end.map(Instant::unix)))
            .collect();
        assert_eq!(spans[0], ("2".into(), Some(1_795_872_974), Some(1_795_873_378)));
        assert_eq!(spans[1], ("2".into(), Some(1_795_873_390), Some(1_795_873_400)));
        assert_eq!(spans[2], ("1_2".into(), Some(1_795_872_974), None));
        assert_eq!((&runs[0].state, runs[0].gpus), (&JobState::Requeued, 5));
        assert_eq!((runs[1].joules, runs[1].exit), (Some(36_000), (1, 0)));
        assert_eq!(runs[1].reservation.as_deref(), Some("leasehold_lab@a"));
    }

    #[test]
    fn what_never_started_has_no_start_and_no_nodes() {
        let runs = runs();
        assert_eq!((&runs[3].state, runs[3].cancelled_by), (&JobState::Cancelled, Some(1_000)));
        assert_eq!((runs[3].start, runs[3].joules, runs[3].nodes.len()), (None, None, 0));
        assert_eq!((runs[4].array, runs[4].reason.as_str()), (None, "a|b"));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let broken = LINES.lines().next().expect("a line").replace("REQUEUED", "REQUEUED by me");
        let broken = broken.replace('|', "\u{1f}");
        assert_eq!(read(&broken).expect_err("not readable").field, "State");
    }

    #[test]
    fn downtimes_of_nodes_alone() {
        let text = "|1795872960|Unknown||slurm|Cluster Registered TRES\n\
            n14|1795873383|Unknown|DRAIN|root(0)|drained [x@y] by hand\n\
            n15|1795873383|1795873480|DOWN*|root(0)|a|b c\n";
        let downtimes = read_downtimes(text).expect("readable");
        let [drained, down] = downtimes.as_slice() else { panic!("two nodes") };
        assert_eq!((drained.node.as_str(), drained.until), ("n14", None));
        assert_eq!((down.state.as_str(), down.user.as_str()), ("DOWN*", "root"));
        assert_eq!(down.reason, "a|b c");
        assert_eq!(down.until, Some(Instant::from_unix(1_795_873_480)));
    }
}
