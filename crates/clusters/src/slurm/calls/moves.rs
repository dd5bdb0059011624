//! Commands that move nodes between reservations.
//!
//! What is known is which reservation has which node now. In each round a reservation takes what it should have of the nodes that
//! are its own or nobody's, and so gives up the others; rounds go on until nothing changes. Whoever cannot move since all that
//! it should have is with others gives up all but one node. Two that wait for each other's last node cannot be helped by
//! updates: the one without jobs is deleted and made again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, IN_A_YEAR};
use crate::slurm::command::Program;
use crate::slurm::difference::{
    Difference, Entry, Found, Kind, Object, is_marked, kept_while_busy, retired_fields,
};
use crate::slurm::hostlist;
use crate::slurm::objects::{Desired, Ground, Reservation};

/// Most rounds: each one moves a node at least, or ends.
const ROUNDS_MAX: usize = 64;

/// The commands and what waits.
#[derive(Default)]
pub(super) struct Moves {
    pub(super) calls: Vec<Call>,
    pub(super) waiting: Vec<String>,
    /// Nodes of each reservation after the commands.
    pub(super) nodes: BTreeMap<String, BTreeSet<String>>,
}

/// The commands, in order.
pub(super) fn calls(desired: &Desired, found: &Found, difference: &Difference) -> Moves {
    let mut mover = Mover::new(desired, found, difference);
    mover.let_go();
    mover.attributes();
    for _ in 0..ROUNDS_MAX {
        if !mover.round() && !mover.unlock() {
            break;
        }
    }
    mover.make();
    mover.rest();
    let nodes = mover.nodes.into_iter().map(|(name, nodes)| (name.to_owned(), nodes)).collect();
    Moves { nodes, ..mover.moves }
}

struct Mover<'a> {
    desired: &'a Desired,
    found: &'a Found,
    /// Fields to be set besides nodes, by reservation; taken out once a command has them.
    attributes: BTreeMap<&'a str, Vec<String>>,
    /// Flags to be taken away, by reservation.
    flags: BTreeMap<&'a str, Vec<String>>,
    /// Nodes of each marked reservation that is there.
    nodes: BTreeMap<&'a str, BTreeSet<String>>,
    moves: Moves,
}

impl<'a> Mover<'a> {
    fn new(desired: &'a Desired, found: &'a Found, difference: &'a Difference) -> Self {
        let ours = found.reservations.iter().filter(|reservation| is_marked(&reservation.name));
        let nodes = ours.map(|reservation| {
            (reservation.name.as_str(), reservation.nodes.iter().cloned().collect())
        });
        let mut mover = Self {
            desired,
            found,
            attributes: BTreeMap::new(),
            flags: BTreeMap::new(),
            nodes: nodes.collect(),
            moves: Moves::default(),
        };
        let entries = difference.entries.iter();
        for entry in entries.filter(|entry| matches!(entry.kind, Kind::Changed | Kind::Drifted)) {
            mover.note_attributes(entry);
        }
        mover
    }

    fn note_attributes(&mut self, entry: &'a Entry) {
        let Object::Reservation { name } = &entry.object else { return };
        if !self.nodes.contains_key(name.as_str()) {
            return;
        }
        let mut words = Vec::new();
        for field in &entry.fields {
            match field.field {
                "accounts" => words.push(format!("Accounts={}", field.wanted)),
                "users" => words.push(format!("Users={}", field.wanted)),
                "end" => words.push(IN_A_YEAR.to_owned()),
                "flags" => {
                    let found = field.found.as_deref().unwrap_or_default();
                    let (add, remove) = flags_apart(found, &field.wanted);
                    words.extend(add);
                    self.flags.insert(name, remove);
                }
                _ => {}
            }
        }
        if !words.is_empty() {
            self.attributes.insert(name, words);
        }
    }

    /// Reservations that nothing wants: deleted, or cut to one node while jobs run in them.
    fn let_go(&mut self) {
        for row in &self.found.reservations {
            let name = row.name.as_str();
            if !is_marked(name) || self.desired.reservations.contains_key(name) {
                continue;
            }
            let Some(node) = kept_while_busy(row, self.found) else {
                self.delete(name, "nothing is held under it any more");
                continue;
            };
            let fields = retired_fields(&node);
            let flags: Vec<&str> = row.flags.iter().map(String::as_str).collect();
            let accounts_gone = row.accounts.is_empty() && row.users == ["root"];
            if row.nodes != [node.clone()] || !accounts_gone {
                let mut words = vec![format!("Nodes={}", fields[0].1)];
                words.extend(["Users=root".to_owned(), "Accounts=".to_owned()]);
                self.update(name, words, "nothing is held under it; jobs still run in it");
            }
            if flags.contains(&"MAGNETIC") {
                self.update(name, vec!["Flags-=MAGNETIC".to_owned()], "it draws no jobs any more");
            }
            self.nodes.insert(name, BTreeSet::from([node]));
        }
    }

    /// Flags that somebody added; and who may no longer run, before nodes move.
    fn attributes(&mut self) {
        let flags = std::mem::take(&mut self.flags);
        for (name, gone) in flags {
            for flag in gone {
                self.update(name, vec![format!("Flags-={flag}")], "a flag that is not wanted");
            }
        }
    }

    /// Each reservation takes what it can reach of what it should have. Losers first, so that their nodes are free for others.
    fn round(&mut self) -> bool {
        let mut moved = false;
        for losing in [true, false] {
            for name in self.existing() {
                let (now, target) = (&self.nodes[name], &self.desired.reservations[name].nodes);
                if now == target || losing != now.iter().any(|node| !target.contains(node)) {
                    continue;
                }
                let reach = self.reachable(name);
                if reach.is_empty() || reach == *now {
                    continue;
                }
                let why = shifted(now, &reach);
                self.set_nodes(name, reach, &why);
                moved = true;
            }
        }
        moved
    }

    /// One that cannot move: it gives up all but one node, or is deleted if it has no jobs.
    fn unlock(&mut self) -> bool {
        for name in self.existing() {
            let (now, target) = (&self.nodes[name], &self.desired.reservations[name].nodes);
            if now == target || !self.reachable(name).is_empty() {
                continue;
            }
            if now.len() > 1 {
                let kept: BTreeSet<String> = now.iter().take(1).cloned().collect();
                let why = shifted(now, &kept);
                self.set_nodes(name, kept, &why);
                return true;
            }
            if !self.found.busy.contains_key(name) {
                self.delete(
                    name,
                    "its only node goes to another that waits for it; it is made again",
                );
                return true;
            }
            let text =
                format!("reservation {name} keeps its last node until a job in it has ended");
            if !self.moves.waiting.contains(&text) {
                self.moves.waiting.push(text);
            }
        }
        false
    }

    /// Reservations that are not there.
    fn make(&mut self) {
        let missing = self.desired.reservations.iter();
        let mut missing: Vec<(&String, &Reservation)> =
            missing.filter(|(name, _)| !self.nodes.contains_key(name.as_str())).collect();
        missing.sort_by_key(|(name, reservation)| (reservation.ground.rank(), *name));
        for (name, reservation) in missing {
            let reach = self.reachable(name);
            if reach.is_empty() {
                self.moves.waiting.push(format!("reservation {name} waits for its nodes"));
                continue;
            }
            let mut words = vec!["create".to_owned(), "reservation".to_owned()];
            words.push(format!("ReservationName={name}"));
            words.extend(["StartTime=now".to_owned(), "Duration=UNLIMITED".to_owned()]);
            words.push(format!("Flags={}", reservation.flags().join(",")));
            words.push(format!("Nodes={}", list(&reach)));
            let accounts: Vec<&str> = reservation.accounts.iter().map(String::as_str).collect();
            words.push(match accounts.as_slice() {
                [] => format!("Users={}", reservation.users()),
                accounts => format!("Accounts={}", accounts.join(",")),
            });
            self.moves.calls.push(Call::new(
                Program::Scontrol,
                words,
                format!("hold nodes as {name}"),
            ));
            self.nodes.insert(name, reach);
            if reservation.ground == Ground::Own {
                self.draw_before_lent(reservation);
            }
        }
    }

    /// Slurm draws a job into the first magnetic reservation that takes it, in the order in which they became magnetic. Those that
    /// lend and are older than the landlord's own, just made, become magnetic anew.
    fn draw_before_lent(&mut self, own: &Reservation) {
        let lent = self.desired.reservations.iter().filter(|(name, other)| {
            self.found.reservation(name).is_some()
                && matches!(other.ground, Ground::Lease(_))
                && !other.accounts.is_disjoint(&own.accounts)
        });
        let lent: Vec<&String> = lent.map(|(name, _)| name).collect();
        for name in lent {
            let why = "the landlord's jobs go to its own nodes before those that are lent";
            self.update(name, vec!["Flags-=MAGNETIC".to_owned()], why);
            self.update(name, vec!["Flags=MAGNETIC".to_owned()], why);
        }
    }

    /// What no move of nodes took along.
    fn rest(&mut self) {
        for (name, words) in std::mem::take(&mut self.attributes) {
            self.update(name, words, "as its holding is now");
        }
    }

    /// Marked reservations that are there and wanted, in the order in which they are made.
    fn existing(&self) -> Vec<&'a str> {
        let desired: &'a BTreeMap<String, Reservation> = &self.desired.reservations;
        let there = desired.iter().filter(|(name, _)| self.nodes.contains_key(name.as_str()));
        let mut names: Vec<(u8, &'a str)> =
            there.map(|(name, reservation)| (reservation.ground.rank(), name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// What a reservation should have of the nodes that are its own or nobody's.
    fn reachable(&self, name: &str) -> BTreeSet<String> {
        let others = self.nodes.iter().filter(|(other, _)| **other != name);
        let taken: BTreeSet<&String> = others.flat_map(|(_, nodes)| nodes).collect();
        let target = &self.desired.reservations[name].nodes;
        target.iter().filter(|node| !taken.contains(node)).cloned().collect()
    }

    fn set_nodes(&mut self, name: &'a str, nodes: BTreeSet<String>, why: &str) {
        let mut words = vec![format!("Nodes={}", list(&nodes))];
        words.extend(self.attributes.remove(name).unwrap_or_default());
        self.update(name, words, why);
        self.nodes.insert(name, nodes);
    }

    fn update(&mut self, name: &str, words: Vec<String>, why: &str) {
        let mut arguments = vec!["update".to_owned(), format!("ReservationName={name}")];
        arguments.extend(words);
        self.moves.calls.push(Call::new(Program::Scontrol, arguments, format!("{name}: {why}")));
    }

    fn delete(&mut self, name: &'a str, why: &str) {
        let arguments = vec!["delete".to_owned(), format!("ReservationName={name}")];
        self.moves.calls.push(Call::new(Program::Scontrol, arguments, format!("{name}: {why}")));
        self.nodes.remove(name);
        self.attributes.remove(name);
    }
}

/// Flags to be added, as a word, and flags to be taken away.
fn flags_apart(found: &str, wanted: &str) -> (Option<String>, Vec<String>) {
    let (found, wanted): (BTreeSet<&str>, BTreeSet<&str>) = (words(found), words(wanted));
    let add = wanted
        .difference(&found)
        .next()
        .map(|_| format!("Flags={}", wanted.iter().copied().collect::<Vec<_>>().join(",")));
    (add, found.difference(&wanted).map(|flag| (*flag).to_owned()).collect())
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(',').filter(|word| !word.is_empty()).collect()
}

fn list(nodes: &BTreeSet<String>) -> String {
    hostlist::compress(&nodes.iter().collect::<Vec<_>>())
}

/// What a change of nodes takes and gives, for people.
fn shifted(now: &BTreeSet<String>, then: &BTreeSet<String>) -> String {
    let lost: BTreeSet<String> = now.difference(then).cloned().collect();
    let gained: BTreeSet<String> = then.difference(now).cloned().collect();
    match (lost.is_empty(), gained.is_empty()) {
        (false, false) => format!("gives up {}, takes {}", list(&lost), list(&gained)),
        (false, true) => format!("gives up {}", list(&lost)),
        _ => format!("takes {}", list(&gained)),
    }
}
