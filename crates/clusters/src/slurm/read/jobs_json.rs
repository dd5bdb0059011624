//! The same jobs out of `squeue --json`, for programs that print nothing else. Fields that are not needed are skipped while
//! reading, names of jobs among them. Between versions a number is plain or `{"set", "infinite", "number"}`, and a state a text
//! or a list of texts.

use std::borrow::Cow;

use leasehold_units::{Instant, Seconds};
use serde::Deserialize;

use super::jobs::{ArrayTask, JobState, STATE, SlurmJob};
use super::text::{self, Place, TRES};
use crate::slurm::error::Unreadable;
use crate::slurm::hostlist;

/// Arguments of squeue.
pub fn arguments() -> Vec<String> {
    vec!["--json".into(), "--states=all".into()]
}

/// Jobs as squeue prints them for [`arguments`].
///
/// # Errors
/// The first field that cannot be read; its line is the place among the jobs, from 1.
pub fn read(json: &str) -> Result<Vec<SlurmJob>, Unreadable> {
    let answer: Answer<'_> = serde_json::from_str(json).map_err(|error| Unreadable {
        command: COMMAND.into(),
        line: error.line(),
        field: "jobs",
        found: error.to_string(),
        expected: "JSON with a list `jobs`",
    })?;
    answer.jobs.iter().enumerate().map(|(index, job)| job.read(index + 1)).collect()
}

const COMMAND: &str = "squeue --json";

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    jobs: Vec<Job<'a>>,
}

#[derive(Deserialize)]
struct Job<'a> {
    job_id: u32,
    #[serde(default)]
    array_job_id: Number,
    #[serde(default)]
    array_task_id: Number,
    #[serde(borrow, default)]
    account: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_name: Cow<'a, str>,
    #[serde(borrow, default)]
    qos: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    partition: Option<Cow<'a, str>>,
    #[serde(borrow)]
    job_state: Words<'a>,
    #[serde(borrow, default)]
    state_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    nodes: Option<Cow<'a, str>>,
    #[serde(default)]
    node_count: Number,
    #[serde(borrow, default)]
    tres_alloc_str: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tres_req_str: Option<Cow<'a, str>>,
    submit_time: Number,
    #[serde(default)]
    eligible_time: Number,
    #[serde(default)]
    start_time: Number,
    #[serde(default)]
    end_time: Number,
    #[serde(default)]
    time_limit: Number,
    #[serde(default)]
    restart_cnt: Number,
    #[serde(borrow, default)]
    resv_name: Option<Cow<'a, str>>,
    #[serde(default)]
    preempt_time: Number,
}

/// A number, plain or wrapped; none where it is null, not set or infinite.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(from = "NumberShape")]
struct Number(Option<u64>);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberShape {
    Plain(u64),
    Wrapped {
        #[serde(default)]
        set: bool,
        #[serde(default)]
        infinite: bool,
        #[serde(default)]
        number: u64,
    },
    Null(()),
}

impl From<NumberShape> for Number {
    fn from(shape: NumberShape) -> Self {
        Self(match shape {
            NumberShape::Plain(number) => Some(number),
            NumberShape::Wrapped { set: true, infinite: false, number } => Some(number),
            NumberShape::Wrapped { .. } | NumberShape::Null(()) => None,
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Many(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl Job<'_> {
    fn read(&self, line: usize) -> Result<SlurmJob, Unreadable> {
        let place = Place { command: COMMAND, line };
        let words: Vec<&str> = match &self.job_state {
            Words::One(word) => vec![word],
            Words::Many(words) => words.iter().map(AsRef::as_ref).collect(),
        };
        let state = JobState::of_words(words.iter().copied())
            .ok_or_else(|| place.fault("job_state", &words.join("+"), STATE))?;
        let nodes = self.nodes.as_deref().unwrap_or_default();
        let hosts =
            hostlist::expand(nodes).map_err(|error| place.fault("nodes", nodes, error.expected))?;
        let given = [&self.tres_alloc_str, &self.tres_req_str];
        let tres = given.into_iter().flatten().find(|tres| !tres.is_empty());
        let tres = tres.map(AsRef::as_ref).unwrap_or_default();
        let gpus = text::gpus(tres).ok_or_else(|| place.fault("tres_alloc_str", tres, TRES))?;
        let joules = text::joules(tres).ok_or_else(|| place.fault("tres_alloc_str", tres, TRES))?;
        let submit = at(self.submit_time)
            .ok_or_else(|| place.fault("submit_time", "none", "seconds since 1970"))?;
        Ok(SlurmJob {
            id: self.job_id,
            array: self.array(),
            account: owned(&self.account),
            user: self.user_name.clone().into_owned(),
            qos: owned(&self.qos),
            partition: owned(&self.partition),
            state,
            reason: owned(&self.state_reason),
            nodes: hosts,
            node_count: small(self.node_count),
            gpus,
            joules,
            submit,
            eligible: at(self.eligible_time),
            start: at(self.start_time),
            end: at(self.end_time),
            limit: self.time_limit.0.map(|minutes| Seconds::new(minutes.saturating_mul(60))),
            restarts: small(self.restart_cnt),
            reservation: Some(owned(&self.resv_name)).filter(|name| !text::is_nothing(name)),
            preempted: at(self.preempt_time),
        })
    }

    /// A task has an array whose id is not 0.
    fn array(&self) -> Option<ArrayTask> {
        let job = self.array_job_id.0.filter(|job| *job > 0)?;
        let task = self.array_task_id.0?;
        Some(ArrayTask { job: u32::try_from(job).ok()?, task: u32::try_from(task).ok()? })
    }
}

fn owned(text: &Option<Cow<'_, str>>) -> String {
    text.as_deref().unwrap_or_default().to_owned()
}

fn small(number: Number) -> u32 {
    number.0.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

fn at(number: Number) -> Option<Instant> {
    let count = number.0.filter(|count| *count > 0)?;
    i64::try_from(count).ok().map(Instant::from_unix)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job as 22.05 prints it and the same as later versions do.
    const OLD: &str = r#"{"meta": {}, "errors": [], "jobs": [{"job_id": 26, "array_job_id": 0, "array_task_id": null,
        "account": "ta", "user_name": "lhta", "qos": "normal", "partition": "main", "job_state": "RUNNING", "state_reason": "None",
        "name": "a\nb", "nodes": "n[3-4]", "node_count": 2, "tres_alloc_str": "cpu=2,gres/gpu=16", "submit_time": 1795873685,
        "eligible_time": 1795873685, "start_time": 1795873686, "end_time": 1795877286, "time_limit": 60, "restart_cnt": 0,
        "resv_name": "leasehold_lab@a", "preempt_time": 0, "gres_detail": ["gpu:8(IDX:0-7)"]}]}"#;
    const NEW: &str = r#"{"jobs": [{"job_id": 26, "array_job_id": {"set": true, "infinite": false, "number": 0},
        "array_task_id": {"set": false, "infinite": false, "number": 0}, "account": "ta", "user_name": "lhta", "qos": "normal",
        "partition": "main", "job_state": ["RUNNING"], "state_reason": "None", "nodes": "n[3-4]",
        "node_count": {"set": true, "infinite": false, "number": 2}, "tres_alloc_str": "cpu=2,gres/gpu=16",
        "submit_time": {"set": true, "infinite": false, "number": 1795873685},
        "eligible_time": {"set": true, "infinite": false, "number": 1795873685},
        "start_time": {"set": true, "infinite": false, "number": 1795873686},
        "end_time": {"set": true, "infinite": false, "number": 1795877286},
        "time_limit": {"set": true, "infinite": false, "number": 60}, "restart_cnt": 0, "resv_name": "leasehold_lab@a",
        "preempt_time": {"set": true, "infinite": false, "number": 0}}], "last_update": {"set": true}, "warnings": []}"#;

    #[test]
    fn old_and_new_shapes_say_the_same() {
        let (old, new) = (read(OLD).expect("readable"), read(NEW).expect("readable"));
        assert_eq!(old, new);
        let job = &old[0];
        assert_eq!((job.label().as_str(), job.gpus, job.nodes.len()), ("26", 16, 2));
        assert_eq!(job.limit, Some(Seconds::new(3_600)));
        assert_eq!(job.reservation.as_deref(), Some("leasehold_lab@a"));
    }

    #[test]
    fn infinite_and_absent_are_none() {
        let json = NEW.replace(
            r#""time_limit": {"set": true, "infinite": false, "number": 60}"#,
            r#""time_limit": {"set": false, "infinite": true, "number": 0}"#,
        );
        assert_eq!(read(&json).expect("readable")[0].limit, None);
        let json = NEW.replace(r#"["RUNNING"]"#, r#"["RUNNING", "COMPLETING"]"#);
        assert_eq!(read(&json).expect("readable")[0].state, JobState::Completing);
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let error = read(&OLD.replace("n[3-4]", "n[3-")).expect_err("not readable");
        assert_eq!((error.line, error.field), (1, "nodes"));
        assert_eq!(read("{}").expect_err("no jobs").field, "jobs");
        assert_eq!(read("").expect_err("nothing").command, "squeue --json");
    }
}
