//! Commands that take away all that bears Leasehold's mark, for whoever lets go of a cluster. The record of jobs stays.

use std::collections::BTreeSet;

use super::Call;
use crate::slurm::command::{self, Program};
use crate::slurm::difference::{Found, is_marked};
use crate::slurm::error::SlurmError;
use crate::slurm::objects::ORGANIZATION;

/// What is taken away, and what cannot be yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// The commands, in order: reservations, then accounts with their users, then QOS, which accounts name.
    pub calls: Vec<Call>,
    /// What waits for jobs to end, for people.
    pub waiting: Vec<String>,
}

/// The commands that take away all of Leasehold's that is `found` on `cluster`. Whoever runs them stops Leasehold before,
/// or it makes everything anew.
///
/// # Errors
/// If something that was found has a name that cannot stand in a command.
pub fn removal(found: &Found, cluster: &str) -> Result<Removal, SlurmError> {
    let mut removal = Removal::default();
    removal.reservations(found)?;
    for row in found.accounts.values().filter(|row| row.organization == ORGANIZATION) {
        removal.account(found, &row.name, cluster)?;
    }
    let qos: Vec<&str> = names(found.qos.keys().filter(|name| is_marked(name)))?;
    if !qos.is_empty() {
        removal.delete("qos", &format!("name={}", qos.join(",")), &[]);
    }
    Ok(removal)
}

impl Removal {
    fn reservations(&mut self, found: &Found) -> Result<(), SlurmError> {
        for row in found.reservations.iter().filter(|row| is_marked(&row.name)) {
            let name = command::word(&row.name)?;
            if found.busy.contains_key(name) {
                let text =
                    format!("reservation {name}: jobs run in it, and Slurm deletes none in use");
                self.waiting.push(text);
            }
            let words = vec!["delete".to_owned(), format!("ReservationName={name}")];
            self.calls.push(Call::new(Program::Scontrol, words, format!("let go of {name}")));
        }
        Ok(())
    }

    /// An account and its users in it: Slurm refuses to delete one that is somebody's default, unless its users are named.
    fn account(&mut self, found: &Found, name: &str, cluster: &str) -> Result<(), SlurmError> {
        if found.association(name, None).is_none() {
            return Ok(());
        }
        let (name, cluster) = (command::word(name)?, format!("cluster={cluster}"));
        let of_it = found.associations.iter().filter(|row| row.account == name);
        let users: BTreeSet<&String> = of_it.filter_map(|row| row.user.as_ref()).collect();
        let users = names(users.into_iter())?;
        if !users.is_empty() {
            let users = format!("name={}", users.join(","));
            self.delete("user", &users, &[&format!("account={name}"), &cluster]);
        }
        self.delete("account", &format!("name={name}"), &[&cluster]);
        Ok(())
    }

    fn delete(&mut self, what: &str, which: &str, rest: &[&str]) {
        let words = ["-i", "delete", what, "where", which].into_iter().chain(rest.iter().copied());
        let words = words.map(str::to_owned).collect();
        self.calls.push(Call::new(Program::Sacctmgr, words, format!("take away {what} {which}")));
    }
}

fn names<'a>(all: impl Iterator<Item = &'a String>) -> Result<Vec<&'a str>, SlurmError> {
    all.map(|name| command::word(name)).collect()
}
