//! From what differs to the commands that mend it, in an order in which a crash after any of them leaves something that the next
//! cycle finishes.
//!
//! Accounts and QOS come first, since reservations name accounts. Slurm refuses reservations that overlap, and 22.05 knows no
//! `Nodes+=`; so whoever loses nodes is shrunk before whoever gains them is grown, each command with the whole list. In between
//! a node is in no reservation, and a job that waits may start there; whoever watches sees a job outside its holding. What is
//! made comes last, the landlord's own before leases: a job that several magnetic reservations would take is drawn into the one
//! that became magnetic first.

mod accounting;
mod moves;
mod removal;

use std::fmt;

use super::command::{Program, Slurm, spelled};
use super::difference::{Difference, Found, Kind, attainable};
use super::error::SlurmError;
use super::objects::Desired;

pub use removal::{Removal, removal};

/// A command of Slurm and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which program.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it is for, for people.
    pub why: String,
}

/// Commands to be run one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The commands, in order. Running fewer of them is safe: the next plan has the rest.
    pub calls: Vec<Call>,
    /// How many more there would be, beyond the limit that was given.
    pub deferred: usize,
    /// What waits for jobs to end, for people.
    pub waiting: Vec<String>,
    /// What is there once all of it has run: to be handed over as `last` the next time.
    pub attained: Desired,
}

/// Why nothing is changed: a person must decide first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", conflicts.join("; "))]
pub struct Undecided {
    /// What is to be decided.
    pub conflicts: Vec<String>,
}

/// The commands that make `desired` of `found`, `limit` of them at most. `difference` is the one between the two.
///
/// # Errors
/// If a person must decide something first; then nothing is to be done.
pub fn plan(
    desired: &Desired,
    found: &Found,
    difference: &Difference,
    limit: usize,
) -> Result<Plan, Undecided> {
    let conflicts: Vec<String> =
        difference.conflicts().map(|entry| format!("{}: {}", entry.object, entry.text)).collect();
    if !conflicts.is_empty() {
        return Err(Undecided { conflicts });
    }
    let (mut attained, _) = attainable(desired, found);
    let mut calls = accounting::calls(&attained, difference);
    let moves = moves::calls(&attained, found, difference);
    calls.extend(moves.calls);
    for (name, nodes) in moves.nodes {
        if let Some(reservation) = attained.reservations.get_mut(&name) {
            reservation.nodes = nodes;
        }
    }
    let deferred = calls.len().saturating_sub(limit);
    calls.truncate(limit);
    let mut waiting = moves.waiting;
    let waits = difference.entries.iter().filter(|entry| entry.kind == Kind::Waiting);
    waiting.extend(waits.map(|entry| format!("{}: {}", entry.object, entry.text)));
    Ok(Plan { calls, deferred, waiting, attained })
}

/// Runs the commands of a plan in order and says how many there were.
///
/// # Errors
/// The first that fails; those before it stay done, and the next plan begins where this one stopped.
pub fn carry_out(slurm: &dyn Slurm, plan: &Plan) -> Result<usize, SlurmError> {
    for call in &plan.calls {
        match slurm.run(call.program, &call.arguments, None) {
            Err(error) if !is_done_already(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(plan.calls.len())
}

/// Whether Slurm refused since somebody else did it meanwhile, or since a job began in what was to go: the next cycle sees.
fn is_done_already(error: &SlurmError) -> bool {
    let SlurmError::Refused { said, .. } = error else { return false };
    ["Nothing new added", "Nothing modified", "Requested reservation is in use"]
        .iter()
        .any(|words| said.contains(words))
}

impl Call {
    fn new(program: Program, arguments: Vec<String>, why: impl Into<String>) -> Self {
        Self { program, arguments, why: why.into() }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spelled(self.program, &self.arguments))
    }
}

impl fmt::Display for Plan {
    /// The commands, each with what it is for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for call in &self.calls {
            writeln!(f, "# {}\n{call}", call.why)?;
        }
        if self.deferred > 0 {
            writeln!(f, "# and {} more in the next cycle", self.deferred)?;
        }
        for text in &self.waiting {
            writeln!(f, "# waits: {text}")?;
        }
        Ok(())
    }
}

/// A length from when the command runs, so that no zone is in between and a plan does not depend on when it was made.
const IN_A_YEAR: &str = "EndTime=now+365days";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::Recorded;

    fn refused(said: &str) -> Result<String, SlurmError> {
        Err(SlurmError::Refused { command: "scontrol".into(), said: said.into() })
    }

    fn plan_of(words: &[&str]) -> Plan {
        let call = |word: &&str| Call::new(Program::Scontrol, vec![(*word).to_owned()], "a test");
        Plan { calls: words.iter().map(call).collect(), ..Plan::default() }
    }

    #[test]
    fn what_is_done_already_is_no_failure() {
        let slurm = Recorded::new([
            ("scontrol a", refused("Nothing new added.")),
            ("scontrol b", refused("delete_reservation: Requested reservation is in use")),
            ("scontrol c", Ok(String::new())),
        ]);
        assert_eq!(carry_out(&slurm, &plan_of(&["a", "b", "c"])), Ok(3));
    }

    #[test]
    fn stops_at_the_first_failure() {
        let slurm = Recorded::new([
            ("scontrol a", refused("Invalid node name specified")),
            ("scontrol b", Ok("".into())),
        ]);
        let error = carry_out(&slurm, &plan_of(&["a", "b"])).expect_err("it fails");
        assert_eq!((error.code(), slurm.left()), ("slurm_refused", 1));
    }
}
