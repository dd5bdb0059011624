//! Jobs that are submitted for somebody: first held, so that none runs before its number is known for good.

use std::collections::BTreeMap;

use leasehold_units::Seconds;

use super::command::{Program, Slurm, word};
use super::error::{SlurmError, Unreadable};
use super::watch::JobName;

/// Marks a job as submitted here, in its comment.
const MARK: &str = "leasehold";

/// Where sbatch reads the script that it is given: so that the script may have arguments.
const SCRIPT: &str = "/dev/stdin";

/// A job to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchJob {
    /// The party and its number for the job: what its comment says, so that it is never submitted twice.
    pub party: String,
    /// The number.
    pub number: u64,
    /// Slurm's account.
    pub account: String,
    /// The unix user that it runs as.
    pub user: String,
    /// Its name for people.
    pub name: String,
    /// Nodes.
    pub nodes: u32,
    /// GPUs on each of them.
    pub gpus_per_node: u32,
    /// The longest that it may run.
    pub limit: Seconds,
    /// Where it starts, and writes what it says.
    pub directory: String,
    /// Variables of its environment.
    pub environment: BTreeMap<String, String>,
    /// What runs: the first line names the interpreter.
    pub script: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Why a job cannot be handed to Slurm, for whoever submits it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsubmittable {
    /// A variable that sbatch would split.
    #[error(
        "the variable {0} has a comma or an equals sign where Slurm would split it: set it in the script"
    )]
    Variable(String),
    /// The script names no interpreter.
    #[error("the script does not begin with `#!`: its first line has to name an interpreter")]
    NoInterpreter,
}

impl BatchJob {
    /// Whether Slurm could take it as it is.
    ///
    /// # Errors
    /// Where it could not.
    pub fn check(&self) -> Result<(), Unsubmittable> {
        let splits = |(name, value): &(&String, &String)| {
            name.is_empty() || name.contains([',', '=']) || value.contains([',', '\n', '\0'])
        };
        if let Some((name, _)) = self.environment.iter().find(splits) {
            return Err(Unsubmittable::Variable(name.clone()));
        }
        if self.script.starts_with("#!") { Ok(()) } else { Err(Unsubmittable::NoInterpreter) }
    }

    fn comment(&self) -> String {
        format!("{MARK}:{}:{}", self.party, self.number)
    }

    fn sbatch(&self) -> Result<Vec<String>, SlurmError> {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let export: Vec<String> = std::iter::once("NIL".to_owned()).chain(variables).collect();
        let mut arguments = vec![
            "--parsable".to_owned(),
            "--hold".to_owned(),
            "--requeue".to_owned(),
            format!("--account={}", word(&self.account)?),
            format!("--uid={}", word(&self.user)?),
            format!("--comment={}", self.comment()),
            format!("--job-name={}", self.name),
            format!("--nodes={}", self.nodes),
            format!("--gpus-per-node={}", self.gpus_per_node),
            format!("--time={}", minutes(self.limit)),
            format!("--chdir={}", self.directory),
            format!("--export={}", export.join(",")),
            SCRIPT.to_owned(),
        ];
        arguments.extend(self.arguments.iter().cloned());
        Ok(arguments)
    }
}

/// A limit in whole minutes, as Slurm keeps it, rounded up.
fn minutes(limit: Seconds) -> u64 {
    limit.get().div_ceil(60).max(1)
}

/// A script that runs a command: no shell sees its arguments.
pub fn script_of(command: &[String]) -> String {
    let quoted = command.iter().map(|word| format!(" '{}'", word.replace('\'', "'\\''")));
    format!("#!/bin/sh\nexec{}\n", quoted.collect::<String>())
}

/// Submits a job, held, unless it was before. Says what Slurm calls it.
///
/// # Errors
/// If Slurm cannot be asked, or refuses it.
pub fn submit_held(slurm: &dyn Slurm, job: &BatchJob) -> Result<JobName, SlurmError> {
    if let Some(name) = find(slurm, job)? {
        return Ok(name);
    }
    let said = slurm.run(Program::Sbatch, &job.sbatch()?, Some(&job.script))?;
    // Behind the number there may be the cluster.
    let number = said.trim().split(';').next().unwrap_or_default();
    number.parse().map(|job| JobName { job, task: None }).map_err(|_| {
        SlurmError::Unreadable(Unreadable {
            command: "sbatch --parsable".to_owned(),
            line: 1,
            field: "job id",
            found: said.chars().take(80).collect(),
            expected: "a number",
        })
    })
}

/// The job that was submitted so before, if it was and is not over.
fn find(slurm: &dyn Slurm, job: &BatchJob) -> Result<Option<JobName>, SlurmError> {
    let arguments = ["--noheader", "--format=%A %k"].map(str::to_owned).to_vec();
    let account = format!("--account={}", word(&job.account)?);
    let said = slurm.run(Program::Squeue, &[arguments, vec![account]].concat(), None)?;
    let comment = job.comment();
    let mut jobs = said.lines().filter_map(|line| line.trim().split_once(' '));
    let found = jobs.find(|(_, said)| said.trim() == comment);
    Ok(found.and_then(|(number, _)| Some(JobName { job: number.parse().ok()?, task: None })))
}

/// Lets held jobs start.
///
/// # Errors
/// If Slurm cannot be told.
pub fn release(slurm: &dyn Slurm, jobs: &[JobName]) -> Result<(), SlurmError> {
    each(slurm, Program::Scontrol, &["release"], jobs)
}

/// Cancels jobs. One that is gone already is none to complain of.
///
/// # Errors
/// If Slurm cannot be told.
pub fn cancel(slurm: &dyn Slurm, jobs: &[JobName]) -> Result<(), SlurmError> {
    each(slurm, Program::Scancel, &[], jobs)
}

fn each(
    slurm: &dyn Slurm,
    program: Program,
    verb: &[&str],
    jobs: &[JobName],
) -> Result<(), SlurmError> {
    for job in jobs {
        let words = verb.iter().map(|word| (*word).to_owned());
        let arguments: Vec<String> = words.chain([job.to_string()]).collect();
        match slurm.run(program, &arguments, None) {
            // It is in another state by now.
            Ok(_) | Err(SlurmError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
