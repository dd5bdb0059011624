//! What a run must keep to on this host, whatever the server believes.

use super::{Agent, Known, Live, Turning};
use crate::local::wire::{Program, Run, RunId};
use leasehold_units::Name;

impl Agent {
    /// Why the run cannot be started here.
    pub(crate) fn check(&self, run: &Run) -> Result<(), String> {
        if run.nodes.is_empty() {
            return Err("the run names no node".into());
        }
        for (index, share) in run.nodes.iter().enumerate() {
            let name = &share.name;
            let node = self.nodes.iter().find(|node| node.name == *name);
            let gpus = node.ok_or_else(|| format!("{name:?} is no node of this host"))?.gpus;
            Name::new(name).map_err(|error| error.to_string())?;
            if let Some(gpu) = share.gpus.iter().find(|gpu| **gpu >= gpus) {
                return Err(format!("node {name} has {gpus} GPUs, so none with the index {gpu}"));
            }
            if run.nodes[..index].iter().any(|other| other.name == *name) {
                return Err(format!("the run names node {name} twice"));
            }
            if matches!(
                self.turnovers.get(name),
                Some((_, Turning::Waiting { .. } | Turning::Going))
            ) {
                return Err(format!("node {name} is in turnover"));
            }
        }
        self.check_neighbours(run)?;
        check_command(run)
    }

    fn check_neighbours(&self, run: &Run) -> Result<(), String> {
        for (id, live) in self.live() {
            // What leaves, and an earlier start of the same job, is waited for.
            if live.is_leaving() || is_earlier(id, &run.id) {
                continue;
            }
            for share in &run.nodes {
                let Some(taken) = live.nodes.iter().find(|taken| taken.name == share.name) else {
                    continue;
                };
                if id.party() != run.id.party() {
                    return Err(format!("node {} is in use by another party", share.name));
                }
                if let Some(gpu) = share.gpus.iter().find(|gpu| taken.gpus.contains(gpu)) {
                    return Err(format!("GPU {gpu} of node {} is in use by run {id}", share.name));
                }
            }
        }
        Ok(())
    }

    /// Whether a run that is intended cannot begin yet.
    pub(crate) fn must_wait(&self, id: &RunId) -> bool {
        let Some(Known::Intended(own)) = self.runs.get(id) else { return false };
        let is_in_place = |other: &Live| {
            other.nodes.iter().any(|taken| own.nodes.iter().any(|share| share.name == taken.name))
        };
        self.live().any(|(other, live)| {
            is_earlier(other, id) || (other != id && live.is_leaving() && is_in_place(live))
        })
    }

    /// Runs that may be going on.
    pub(crate) fn live(&self) -> impl Iterator<Item = (&RunId, &Live)> {
        self.runs.iter().filter_map(|(id, known)| match known {
            Known::Intended(live) | Known::Running(live) => Some((id, live)),
            Known::Ended(_) => None,
        })
    }
}

/// Whether one is a start of the same job before another.
fn is_earlier(one: &RunId, other: &RunId) -> bool {
    one.party() == other.party() && one.job() == other.job() && one.start() < other.start()
}

fn check_command(run: &Run) -> Result<(), String> {
    let command = &run.command;
    if matches!(&command.program, Program::Argv(argv) if argv.first().is_none_or(String::is_empty))
    {
        return Err("the command is empty: name a program".into());
    }
    if command.workdir.as_ref().is_some_and(|path| !path.is_absolute()) {
        return Err("the working directory is not an absolute path".into());
    }
    for name in command.env.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("{name:?} cannot be the name of an environment variable"));
        }
        if name.starts_with("LEASEHOLD_") || name == "CUDA_VISIBLE_DEVICES" {
            return Err(format!("the host sets {name} itself: leave it out"));
        }
    }
    Ok(())
}
