//! From holdings to the objects that Slurm is to have. A pure function: the same holdings give the same objects.
//!
//! A holding is a **reservation** that names its nodes: scalar limits do not keep a guarantee, since one-GPU jobs on all nodes are
//! within a limit and leave nobody a whole one. Each node of the site is in exactly one, so that no job runs anywhere else.
//! Jobs that name no reservation are drawn into theirs. The **QOS** of a tenant holds the sum as a second belt.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_units::PartyId;

use super::command;
use super::objects::{
    Account, Desired, Ground, Note, PREFIX, Qos, Reservation, Wanted, WantedHolding, WantedParty,
};
use super::settings::Preemption;

/// Of the landlord's jobs, and of tenants': a tenant's goes first where both may run.
const PRIORITY_LANDLORD: u32 = 0;
const PRIORITY_TENANT: u32 = 1_000;

/// Why holdings make no objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A node is held twice.
    #[error("node {node} is in {first} and in {second}")]
    NodeTwice {
        /// The node.
        node: String,
        /// One reservation.
        first: String,
        /// The other.
        second: String,
    },
    /// Two holdings on one ground and pool.
    #[error("{reservation} is wanted twice")]
    HoldingTwice {
        /// Its name.
        reservation: String,
    },
    /// A holder that is no party.
    #[error("{holder} holds {reservation} and is not among the parties")]
    UnknownHolder {
        /// The holder.
        holder: PartyId,
        /// What it holds.
        reservation: String,
    },
    /// Two parties would have one account. Slurm folds names to small letters.
    #[error(
        "{first} and {second} would both have Slurm's account {account}: name another one for one of them in slurm.toml"
    )]
    AccountOfTwo {
        /// The account.
        account: String,
        /// One party.
        first: PartyId,
        /// The other.
        second: PartyId,
    },
    /// A name that Slurm would split.
    #[error("{text:?} cannot be a name in Slurm: {why}")]
    UnsafeName {
        /// The name.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The objects that Slurm is to have for `wanted`.
///
/// # Errors
/// All that is wrong with it; then nothing is to be done.
pub fn compile(wanted: &Wanted) -> Result<Desired, Vec<CompileError>> {
    let mut compiler = Compiler { wanted, desired: Desired::default(), errors: Vec::new() };
    compiler.desired.cluster.clone_from(&wanted.cluster);
    let accounts = compiler.parties();
    compiler.holdings(&accounts);
    compiler.names_are_safe();
    if compiler.errors.is_empty() { Ok(compiler.desired) } else { Err(compiler.errors) }
}

/// Slurm's name of a party's QOS.
pub fn qos_name(party: &PartyId) -> String {
    format!("{PREFIX}{}", party.as_str().to_ascii_lowercase())
}

/// Slurm's names of a party's accounts: those that exist, or the one that is made.
pub fn account_names(party: &WantedParty) -> Vec<String> {
    if party.accounts.is_empty() {
        vec![party.id.as_str().to_ascii_lowercase()]
    } else {
        party.accounts.clone()
    }
}

struct Compiler<'a> {
    wanted: &'a Wanted,
    desired: Desired,
    errors: Vec<CompileError>,
}

impl<'a> Compiler<'a> {
    /// Accounts, users and QOS; the accounts of each party.
    fn parties(&mut self) -> BTreeMap<&'a PartyId, Vec<String>> {
        let mut accounts = BTreeMap::new();
        let mut owners: BTreeMap<String, &PartyId> = BTreeMap::new();
        for party in &self.wanted.parties {
            let names = account_names(party);
            for name in &names {
                if let Some(first) = owners.insert(name.clone(), &party.id) {
                    self.errors.push(CompileError::AccountOfTwo {
                        account: name.clone(),
                        first: first.clone(),
                        second: party.id.clone(),
                    });
                }
            }
            if party.accounts.is_empty() {
                self.made_account(party);
            } else {
                self.used_accounts(party);
            }
            accounts.insert(&party.id, names);
        }
        accounts
    }

    fn made_account(&mut self, party: &WantedParty) {
        let (name, qos) = (account_names(party).remove(0), qos_name(&party.id));
        let users = party.users.iter().map(|user| (name.clone(), user.clone()));
        self.desired.associations.extend(users);
        let account = Account { party: party.id.clone(), qos: qos.clone() };
        self.desired.accounts.insert(name, account);
        let landlord = party.id == self.wanted.landlord;
        let native = self.wanted.preemption == Preemption::Slurm;
        let held = self.wanted.holdings.iter().filter(|holding| holding.holder == party.id);
        let gpus = (!landlord).then(|| held.map(|holding| holding.gpus).sum());
        let preempt = if native && !landlord { self.landlords_qos() } else { Vec::new() };
        self.desired.qos.insert(
            qos,
            Qos {
                party: party.id.clone(),
                gpus,
                priority: if landlord { PRIORITY_LANDLORD } else { PRIORITY_TENANT },
                preempt,
                preempt_mode: if native && landlord { "requeue" } else { "cluster" },
            },
        );
    }

    fn used_accounts(&mut self, party: &WantedParty) {
        for name in &party.accounts {
            self.desired.used_accounts.insert(name.clone(), party.id.clone());
        }
        if self.wanted.preemption == Preemption::Slurm {
            let text = "its accounts exist and are not changed, so no QOS of theirs takes part in Slurm's preemption";
            self.note(party.id.as_str(), text.to_owned());
        }
    }

    /// The landlord's QOS, if one is made for it.
    fn landlords_qos(&self) -> Vec<String> {
        let landlord = self.wanted.parties.iter().find(|party| party.id == self.wanted.landlord);
        let made = landlord.filter(|party| party.accounts.is_empty());
        made.map(|party| qos_name(&party.id)).into_iter().collect()
    }

    /// A reservation for each holding that has nodes.
    fn holdings(&mut self, accounts: &BTreeMap<&PartyId, Vec<String>>) {
        let mut places: BTreeMap<&str, String> = BTreeMap::new();
        for holding in self.wanted.holdings.iter().filter(|holding| !holding.nodes.is_empty()) {
            let name = holding.ground.reservation(&holding.pool);
            for node in &holding.nodes {
                if let Some(first) = places.insert(node, name.clone()) {
                    let (node, second) = (node.clone(), name.clone());
                    self.errors.push(CompileError::NodeTwice { node, first, second });
                }
            }
            let Some(holders) = accounts.get(&holding.holder) else {
                let holder = holding.holder.clone();
                self.errors.push(CompileError::UnknownHolder { holder, reservation: name });
                continue;
            };
            let allowed = self.allowed(holding, &name, holders, accounts);
            let reservation = Reservation {
                ground: holding.ground.clone(),
                nodes: holding.nodes.iter().cloned().collect(),
                accounts: allowed,
            };
            if self.desired.reservations.insert(name.clone(), reservation).is_some() {
                self.errors.push(CompileError::HoldingTwice { reservation: name });
            }
        }
    }

    /// Who may run in a holding: its holder, and the landlord where it borrows.
    fn allowed(
        &mut self,
        holding: &WantedHolding,
        name: &str,
        holders: &[String],
        accounts: &BTreeMap<&PartyId, Vec<String>>,
    ) -> BTreeSet<String> {
        if holding.ground == Ground::Reserve {
            return BTreeSet::new();
        }
        let mut allowed: BTreeSet<String> = holders.iter().cloned().collect();
        if self.lends(holding, name) {
            let landlords = accounts.get(&self.wanted.landlord).into_iter().flatten();
            allowed.extend(landlords.cloned());
        }
        allowed
    }

    /// Whether the landlord may run here: only if whoever is told to leave is gone and the node is clean within the bound.
    fn lends(&mut self, holding: &WantedHolding, name: &str) -> bool {
        let Some(lending) = holding.lending else { return false };
        let kill = self.wanted.kill_wait;
        let fits = kill.plus(lending.turnover) <= lending.reclaim_bound;
        if !fits {
            let text = format!(
                "not lent: KillWait of {kill} and a turnover of {} are longer than the reclaim bound of {}",
                lending.turnover, lending.reclaim_bound
            );
            self.note(name, text);
        }
        fits
    }

    fn note(&mut self, about: &str, text: String) {
        self.desired.notes.push(Note { about: about.to_owned(), text });
    }

    /// Every name that will stand in a command.
    fn names_are_safe(&mut self) {
        let desired = &self.desired;
        let users = desired.associations.iter().map(|(_, user)| user);
        let accounts = desired.accounts.keys().chain(desired.used_accounts.keys());
        let nodes = desired.reservations.values().flat_map(|reservation| &reservation.nodes);
        let names = users.chain(accounts).chain(desired.qos.keys()).chain(nodes);
        let names = names.chain(desired.reservations.keys()).chain([&desired.cluster]);
        for name in names {
            if let Err(error) = command::word(name) {
                let (text, why) = (name.clone(), error.to_string());
                self.errors.push(CompileError::UnsafeName { text, why });
            }
        }
    }
}
