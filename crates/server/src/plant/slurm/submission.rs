//! From a job that a party submits over the API to one that Slurm is handed.

use leasehold_clusters::slurm::settings::Settings;
use leasehold_clusters::slurm::submit::{BatchJob, script_of};
use leasehold_control::{JobSpec, State};
use leasehold_units::{PartyId, Seconds, Shape};

use crate::job::{JobDescription, Work};

/// Where a job starts that says nothing.
const DIRECTORY: &str = "/tmp";

/// What Slurm is handed for job `number` of a party.
///
/// # Errors
/// Where Slurm could not take it so, for whoever submits it.
pub fn batch_job(
    (party, number): (&str, u64),
    job: &JobDescription,
    spec: &JobSpec,
    settings: &Settings,
    gpus_per_node: u32,
) -> Result<BatchJob, String> {
    let id = PartyId::new(party).map_err(|error| error.to_string())?;
    let names = settings.party(&id);
    let user = names.and_then(|names| names.users.first()).ok_or_else(|| {
        format!("no user of {party} is named in slurm.toml, as whom its jobs would run")
    })?;
    let accounts = names.map(|names| names.accounts.as_slice()).unwrap_or_default();
    let named = accounts.iter().find(|account| **account == job.account);
    let account = named.or(accounts.first()).cloned().unwrap_or_else(|| party.to_lowercase());
    if spec.within != Shape::Node {
        return Err("Slurm places the jobs of this site, and keeps none within a block".to_owned());
    }
    let nodes = spec.gpus.div_ceil(gpus_per_node.max(1));
    if nodes > 1 && !spec.gpus.is_multiple_of(gpus_per_node) {
        return Err(format!(
            "{} GPUs fill no whole nodes: ask for a multiple of {gpus_per_node}, or for fewer than that",
            spec.gpus
        ));
    }
    let (script, arguments) = match &job.work {
        Work::Command(command) => (script_of(command), Vec::new()),
        Work::Script { text, arguments } => (text.clone(), arguments.clone()),
    };
    let batch = BatchJob {
        party: party.to_owned(),
        number,
        account,
        user: user.clone(),
        name: job.name.clone(),
        nodes,
        gpus_per_node: spec.gpus / nodes.max(1),
        limit: Seconds::new(u64::from(spec.request_seconds)),
        directory: job.directory.clone().unwrap_or_else(|| DIRECTORY.to_owned()),
        environment: job.environment.clone(),
        script,
        arguments,
    };
    batch.check().map_err(|error| error.to_string())?;
    Ok(batch)
}

/// GPUs of a node, where all nodes have as many; of the largest else.
pub fn gpus_per_node(state: &State) -> u32 {
    state.fleet.pools.iter().map(|pool| u32::from(pool.gpus_per_node)).max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use leasehold_clusters::slurm::settings::PartyNames;

    use super::*;

    fn settings() -> Settings {
        let renter = PartyNames {
            id: PartyId::new("renter").expect("a name"),
            accounts: Vec::new(),
            users: vec!["ada".into()],
        };
        Settings { parties: vec![renter], ..Settings::default() }
    }

    fn asked(gpus: u32, command: &[&str]) -> Result<BatchJob, String> {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let job = JobDescription { work: Work::Command(command), ..JobDescription::default() };
        batch_job(("renter", 3), &job, &spec(gpus), &settings(), 8)
    }

    fn spec(gpus: u32) -> JobSpec {
        JobSpec {
            number: 3,
            party: 1,
            gpus,
            request_seconds: 90,
            vacate_seconds: 0,
            checkpoint_seconds: 0,
            pools: 1,
            within: Shape::Node,
            priority: 0,
            account: 0,
        }
    }

    #[test]
    fn gpus_become_whole_nodes_or_a_part_of_one() {
        let shape = |gpus| asked(gpus, &["x"]).map(|job| (job.nodes, job.gpus_per_node));
        assert_eq!(shape(3), Ok((1, 3)));
        assert_eq!(shape(8), Ok((1, 8)));
        assert_eq!(shape(24), Ok((3, 8)));
        assert!(shape(12).expect_err("no whole nodes").contains("multiple of 8"));
    }

    #[test]
    fn no_shell_sees_the_words_of_a_command() {
        let job = asked(1, &["echo", "a b", "$(id)", "it's"]).expect("it is taken");
        assert_eq!(job.script, "#!/bin/sh\nexec 'echo' 'a b' '$(id)' 'it'\\''s'\n");
        assert_eq!((job.account.as_str(), job.user.as_str()), ("renter", "ada"));
    }

    #[test]
    fn what_slurm_could_not_take_is_refused_by_name() {
        let refused = |job: &JobDescription, spec: &JobSpec, settings: &Settings| {
            batch_job(("renter", 3), job, spec, settings, 8).expect_err("it is refused")
        };
        let job = JobDescription::default();
        let nobody = Settings::default();
        assert!(refused(&job, &spec(1), &nobody).contains("slurm.toml"));
        let within = JobSpec { within: Shape::Rack, ..spec(8) };
        assert!(refused(&job, &within, &settings()).contains("within a block"));
        let split = JobDescription { environment: [("A".into(), "1,2".into())].into(), ..job };
        assert!(refused(&split, &spec(1), &settings()).contains("the variable A"));
        let text = Work::Script { text: "echo".into(), arguments: Vec::new() };
        let script = JobDescription { work: text, ..JobDescription::default() };
        assert!(refused(&script, &spec(1), &settings()).contains("interpreter"));
    }
}
