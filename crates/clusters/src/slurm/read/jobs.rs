//! Jobs that slurmctld knows: waiting, running, and ended within `MinJobAge`.

use leasehold_units::{Instant, Seconds};

use super::text::{self, Row, UNIT, rows};
use crate::slurm::command::{Program, Slurm};
use crate::slurm::error::{SlurmError, Unreadable};

/// A job, or one task of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmJob {
    /// Slurm's numeric id. Tasks of an array that have not started share the id of the array; once started each has its own.
    pub id: u32,
    /// Which task of which array, if it is one.
    pub array: Option<ArrayTask>,
    /// Account, as Slurm's database has it: in lower case.
    pub account: String,
    /// User name.
    pub user: String,
    /// QOS.
    pub qos: String,
    /// Partition of Slurm; several with commas while it waits.
    pub partition: String,
    /// State.
    pub state: JobState,
    /// Why it waits or how it ended, in Slurm's word, such as `Resources`, `JobHeldUser`, `Dependency`.
    pub reason: String,
    /// Nodes that it has, in Slurm's order; none while it waits.
    pub nodes: Vec<String>,
    /// How many nodes it has, or asks for at least.
    pub node_count: u32,
    /// GPUs that it has on all nodes together, or asks for.
    pub gpus: u32,
    /// Joules that it used, where the cluster measures any; once it is over.
    pub joules: Option<u64>,
    /// When it was submitted.
    pub submit: Instant,
    /// From when it may start; none while it depends on another or is held.
    pub eligible: Option<Instant>,
    /// When it started; while it waits, when Slurm expects it to, if it does.
    pub start: Option<Instant>,
    /// When it ended; while it runs, when its limit ends.
    pub end: Option<Instant>,
    /// The longest that it may run; none if unlimited or not set.
    pub limit: Option<Seconds>,
    /// How often it was started anew.
    pub restarts: u32,
    /// The reservation that it asked for, or runs in where that is magnetic.
    pub reservation: Option<String>,
    /// When it was told to leave, if it was.
    pub preempted: Option<Instant>,
}

/// A task of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArrayTask {
    /// The id of the array.
    pub job: u32,
    /// The number of the task.
    pub task: u32,
}

/// State of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Waits.
    Pending,
    /// Has nodes that are being made ready.
    Configuring,
    /// Runs.
    Running,
    /// Stopped for a while, keeps its nodes.
    Suspended,
    /// Is being told to end.
    Completing,
    /// Ended with exit code 0.
    Completed,
    /// Cancelled by its user or an admin.
    Cancelled,
    /// Ended with another exit code.
    Failed,
    /// Ended by its limit.
    TimedOut,
    /// Lost a node.
    NodeFailed,
    /// Told to leave for another job.
    Preempted,
    /// Put back into the queue.
    Requeued,
    /// Another word of Slurm's, in capital letters.
    Other(String),
}

impl JobState {
    /// Whether the job has its nodes to itself in this state: also while it is being told to end.
    pub const fn has_nodes(&self) -> bool {
        matches!(self, Self::Configuring | Self::Running | Self::Suspended | Self::Completing)
    }

    /// Whether it is over for good.
    pub const fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Completed
                | Self::Cancelled
                | Self::Failed
                | Self::TimedOut
                | Self::NodeFailed
                | Self::Preempted
        )
    }
}

/// Fields that are asked for, in order. `squeue -O` takes names (`-o` takes letters, and has none for TRES, eligible time and
/// restarts); these names are the same in 22.05, 23.02, 23.11, 24.05, 24.11, 25.05 and 25.11. A width of nothing prints a field
/// whole, and what follows the colon after it: a control character that no name has. The job's name is not among them: it is
/// its owner's secret, and whoever names a job could imitate fields with it.
const FIELDS: [&str; 20] = [
    "JobID",
    "ArrayJobID",
    "ArrayTaskID",
    "Account",
    "UserName",
    "QOS",
    "Partition",
    "State",
    "NodeList",
    "NumNodes",
    "tres-alloc",
    "SubmitTime",
    "EligibleTime",
    "StartTime",
    "EndTime",
    "TimeLimit",
    "RestartCnt",
    "Reservation",
    "PreemptTime",
    "Reason",
];

/// Arguments of squeue. The text form is the default and not `--json`: with 20,000 jobs, 22.05 takes 0.24 s for it and 5.4 s for
/// 71 MB of JSON, while slurmctld is held up.
pub fn arguments() -> Vec<String> {
    let format: Vec<String> = FIELDS.iter().map(|name| format!("{name}:{UNIT}")).collect();
    let format = format!("--Format={}", format.join(","));
    vec!["--noheader".into(), "--array".into(), "--states=all".into(), format]
}

/// All jobs that slurmctld knows.
///
/// # Errors
/// If it cannot be asked or its answer cannot be read.
pub fn ask(slurm: &dyn Slurm) -> Result<Vec<SlurmJob>, SlurmError> {
    Ok(read(&slurm.run(Program::Squeue, &arguments(), None)?)?)
}

/// Jobs as squeue prints them for [`arguments`].
///
/// # Errors
/// The first field that cannot be read.
pub fn read(text: &str) -> Result<Vec<SlurmJob>, Unreadable> {
    rows("squeue", text, UNIT, &FIELDS).map(|row| job(&row?)).collect()
}

fn job(row: &Row<'_>) -> Result<SlurmJob, Unreadable> {
    const COUNT: &str = "a whole number";
    let id = row.number(0, "a job id")?;
    let task = match row.some(2) {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| row.fault(2, "a task number or N/A"))?),
    };
    let array_job = row.number(1, "a job id")?;
    Ok(SlurmJob {
        id,
        array: task.map(|task| ArrayTask { job: array_job, task }),
        account: row.some(3).unwrap_or_default().to_owned(),
        user: row.text(4).to_owned(),
        qos: row.some(5).unwrap_or_default().to_owned(),
        partition: row.text(6).to_owned(),
        state: JobState::of_word(row.text(7)).ok_or_else(|| row.fault(7, STATE))?,
        nodes: row.hosts(8)?,
        node_count: row.number(9, COUNT)?,
        gpus: row.gpus(10)?,
        joules: row.joules(10)?,
        submit: row.needed_instant(11)?,
        eligible: row.instant(12)?,
        start: row.instant(13)?,
        end: row.instant(14)?,
        limit: text::limit(row.text(15)).ok_or_else(|| row.fault(15, "a limit such as 1:00:00"))?,
        restarts: row.number(16, COUNT)?,
        reservation: row.some(17).map(str::to_owned),
        preempted: row.instant(18)?,
        // The last field has the separator behind it.
        reason: row.text(19).trim_end_matches(UNIT).to_owned(),
    })
}

/// What a state looks like.
pub(super) const STATE: &str = "a state in capital letters, such as RUNNING";

impl SlurmJob {
    /// The name by which Slurm's commands take it: `12_3` for a task of an array, else the id.
    pub fn label(&self) -> String {
        label(self.id, self.array)
    }
}

/// The name by which Slurm's commands take a job.
pub(super) fn label(id: u32, array: Option<ArrayTask>) -> String {
    array.map_or_else(|| id.to_string(), |array| format!("{}_{}", array.job, array.task))
}

impl JobState {
    /// The state that Slurm's word means; none if it is no word.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "PENDING" => Self::Pending,
            "CONFIGURING" => Self::Configuring,
            "RUNNING" => Self::Running,
            "SUSPENDED" => Self::Suspended,
            "COMPLETING" => Self::Completing,
            "COMPLETED" => Self::Completed,
            "CANCELLED" => Self::Cancelled,
            "FAILED" | "OUT_OF_MEMORY" | "BOOT_FAIL" => Self::Failed,
            "TIMEOUT" | "DEADLINE" => Self::TimedOut,
            "NODE_FAIL" => Self::NodeFailed,
            "PREEMPTED" => Self::Preempted,
            "REQUEUED" => Self::Requeued,
            other => {
                let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
                return (!other.is_empty() && other.bytes().all(fits))
                    .then(|| Self::Other(other.to_owned()));
            }
        })
    }

    /// The state of a list of words, as JSON has it: a base state and what is true besides. What changes whether nodes are held
    /// goes first, as squeue's one word does.
    pub(super) fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let states: Option<Vec<Self>> = words.into_iter().map(Self::of_word).collect();
        let states = states?;
        let loud =
            states.iter().find(|state| matches!(state, Self::Completing | Self::Configuring));
        loud.or(states.first()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: &[&str]) -> String {
        fields.iter().map(|field| format!("{field}{UNIT}")).collect::<String>() + "\n"
    }

    const RUNNING: [&str; 20] = [
        "5",
        "1",
        "1",
        "ta",
        "lhta",
        "normal",
        "main",
        "RUNNING",
        "n[1-2]",
        "2",
        "cpu=2,mem=2000000M,node=2,billing=2,gres/gpu=8",
        "1795872973",
        "1795872973",
        "1795872974",
        "1795876574",
        "1:00:00",
        "0",
        "(null)",
        "N/A",
        "None",
    ];

    fn with(changes: &[(usize, &'static str)]) -> Vec<&'static str> {
        let mut fields = RUNNING.to_vec();
        changes.iter().for_each(|(index, text)| fields[*index] = text);
        fields
    }

    #[test]
    fn reads_a_running_task_of_an_array() {
        let jobs = read(&line(&RUNNING)).expect("readable");
        let [job] = jobs.as_slice() else { panic!("one job") };
        assert_eq!((job.label().as_str(), job.id), ("1_1", 5));
        assert_eq!(job.nodes, ["n1", "n2"]);
        assert_eq!((job.gpus, job.node_count, job.limit), (8, 2, Some(Seconds::new(3_600))));
        assert_eq!(job.start, Some(Instant::from_unix(1_795_872_974)));
        assert_eq!((&job.reservation, job.preempted), (&None, None));
        assert!(job.state.has_nodes());
    }

    #[test]
    fn reads_a_waiting_job_and_why_it_waits() {
        let fields = with(&[
            (1, "5"),
            (2, "N/A"),
            (7, "PENDING"),
            (8, ""),
            (12, "N/A"),
            (13, "N/A"),
            (14, "N/A"),
            (15, "UNLIMITED"),
            (19, "ReqNodeNotAvail, May be reserved for other job"),
        ]);
        let job = read(&line(&fields)).expect("readable").remove(0);
        assert_eq!((job.label().as_str(), job.array), ("5", None));
        assert!(job.nodes.is_empty() && job.start.is_none() && job.limit.is_none());
        assert_eq!(job.reason, "ReqNodeNotAvail, May be reserved for other job");
        assert_eq!(job.joules, None);
    }

    #[test]
    fn reads_the_energy_of_what_is_over() {
        let over = with(&[(7, "COMPLETED"), (10, "cpu=2,energy=10000,node=2,gres/gpu=16")]);
        let job = read(&line(&over)).expect("readable").remove(0);
        assert_eq!((job.gpus, job.joules), (16, Some(10_000)));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let text = line(&RUNNING) + &line(&with(&[(11, "yesterday")]));
        let error = read(&text).expect_err("not readable");
        assert_eq!(
            error.to_string(),
            "`squeue`, line 2, field SubmitTime: found \"yesterday\", expected seconds since 1970, or a word such as Unknown"
        );
        assert_eq!(read("garbage\n").expect_err("not readable").field, "ArrayJobID");
        assert_eq!(read(&line(&with(&[(7, "running")]))).expect_err("not readable").field, "State");
        assert_eq!(read(&line(&with(&[(8, "n[1-")]))).expect_err("not readable").field, "NodeList");
    }

    #[test]
    fn names_of_jobs_are_never_asked_for() {
        let format = arguments().join(" ");
        assert!(!format.split([',', '=']).any(|field| field.to_lowercase().starts_with("name")));
        assert!(!format.contains("Comment") && !format.contains("Command"));
    }
}
