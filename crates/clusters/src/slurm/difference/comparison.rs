//! The comparison itself, one kind of object after the other.

use std::collections::BTreeMap;

use leasehold_units::Instant;

use super::attainable::{is_marked, kept_while_busy};
use super::fields::{
    Fields, association_fields, change, changes, found_association_fields, found_qos_fields,
    found_reservation_fields, qos_fields, reservation_fields, retired_fields,
};
use super::{Entry, FieldChange, Found, Kind, Object, RENEW_BELOW};
use crate::slurm::hostlist;
use crate::slurm::objects::{Desired, ORGANIZATION};
use crate::slurm::read::SlurmReservation;

/// One entry for each object that is not as it should be, or is left alone. `missed` are nodes that others keep, with their
/// reservation.
pub(super) fn entries(
    desired: &Desired,
    found: &Found,
    last: Option<&Desired>,
    now: Instant,
    missed: &BTreeMap<String, String>,
) -> Vec<Entry> {
    let mut comparison = Comparison { desired, found, last, now, entries: Vec::new() };
    comparison.qos();
    comparison.accounts();
    comparison.associations();
    comparison.reservations();
    comparison.foreign(missed);
    comparison.entries
}

struct Comparison<'a> {
    desired: &'a Desired,
    found: &'a Found,
    last: Option<&'a Desired>,
    now: Instant,
    entries: Vec<Entry>,
}

impl Comparison<'_> {
    fn qos(&mut self) {
        for (name, qos) in &self.desired.qos {
            let object = Object::Qos { name: name.clone() };
            let row = self.found.qos.get(name).map(found_qos_fields);
            let last = self.last.and_then(|last| last.qos.get(name)).map(qos_fields);
            self.compare(object, &qos_fields(qos), row, last, Vec::new());
        }
        for (name, row) in &self.found.qos {
            let closed = row.gpus == Some(0);
            if is_marked(name) && !self.desired.qos.contains_key(name) && !closed {
                let change = change("gpus", &found_qos_fields(row)[0].1, "0");
                self.push(
                    Object::Qos { name: name.clone() },
                    Kind::Surplus,
                    vec![change],
                    "no party has it any more: it is kept for the record and closed",
                );
            }
        }
    }

    fn accounts(&mut self) {
        for (name, account) in &self.desired.accounts {
            let object = Object::Account { name: name.clone() };
            let row = self.found.accounts.get(name);
            if row.is_some_and(|row| row.organization != ORGANIZATION) {
                let text = format!(
                    "an account of this name exists and is not Leasehold's. If it is party {0}'s, say so in slurm.toml: [[party]] id = \
                     \"{0}\", accounts = [\"{name}\"]; else name another one there",
                    account.party
                );
                self.push(object, Kind::Conflict, Vec::new(), &text);
                continue;
            }
            let row = row.and(self.found.association(name, None)).map(found_association_fields);
            let last = self.last.and_then(|last| last.accounts.get(name));
            let last = last.map(|last| association_fields(&last.qos));
            self.compare(object, &association_fields(&account.qos), row, last, Vec::new());
        }
        for (name, party) in &self.desired.used_accounts {
            if self.found.association(name, None).is_none() {
                let text = format!(
                    "slurm.toml names it as party {party}'s, and the cluster has no such account: make it, or take it out there"
                );
                let object = Object::Account { name: name.clone() };
                self.push(object, Kind::Conflict, Vec::new(), &text);
            }
        }
    }

    fn associations(&mut self) {
        for (account, user) in &self.desired.associations {
            let Some(qos) = self.desired.accounts.get(account).map(|account| &account.qos) else {
                continue;
            };
            let object = Object::Association { account: account.clone(), user: user.clone() };
            let row = self.found.association(account, Some(user)).map(found_association_fields);
            let pair = (account.clone(), user.clone());
            let last = self.last.filter(|last| last.associations.contains(&pair));
            let last = last.map(|_| association_fields(qos));
            self.compare(object, &association_fields(qos), row, last, Vec::new());
        }
    }

    fn reservations(&mut self) {
        for (name, reservation) in &self.desired.reservations {
            let object = Object::Reservation { name: name.clone() };
            let row = self.found.reservation(name);
            let last = self.last.and_then(|last| last.reservations.get(name));
            let last = last.map(reservation_fields);
            let more = row.and_then(|row| self.renewal(row)).into_iter().collect();
            let row = row.map(found_reservation_fields);
            self.compare(object, &reservation_fields(reservation), row, last, more);
        }
        for row in &self.found.reservations {
            if is_marked(&row.name) && !self.desired.reservations.contains_key(&row.name) {
                self.surplus(row);
            }
        }
    }

    fn renewal(&self, row: &SlurmReservation) -> Option<FieldChange> {
        (row.end.since(self.now) < RENEW_BELOW)
            .then(|| change("end", &row.end.to_string(), "in a year"))
    }

    /// A reservation that nothing wants: deleted, or kept on one node for as long as jobs run in it.
    fn surplus(&mut self, row: &SlurmReservation) {
        let object = Object::Reservation { name: row.name.clone() };
        let Some(node) = kept_while_busy(row, self.found) else {
            self.push(object, Kind::Surplus, Vec::new(), "nothing is held under it any more");
            return;
        };
        let retired = retired_fields(&node);
        let fields = changes(&found_reservation_fields(row), &retired);
        if fields.is_empty() {
            self.push(object, Kind::Waiting, fields, "it goes when the last job in it has ended");
        } else {
            self.push(
                object,
                Kind::Surplus,
                fields,
                "nothing is held under it; jobs still run in it",
            );
        }
    }

    /// What is left alone, and what that keeps from being had.
    fn foreign(&mut self, missed: &BTreeMap<String, String>) {
        let mut by_holder: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (node, holder) in missed {
            by_holder.entry(holder).or_default().push(node);
        }
        for row in self.found.reservations.iter().filter(|row| !is_marked(&row.name)) {
            let text = match by_holder.get(row.name.as_str()) {
                Some(nodes) => format!(
                    "not Leasehold's: left alone; it keeps {} from their holding",
                    hostlist::compress(nodes)
                ),
                None => "not Leasehold's: left alone".to_owned(),
            };
            let object = Object::Reservation { name: row.name.clone() };
            self.push(object, Kind::Foreign, Vec::new(), &text);
        }
        let ours = |account: &str| self.desired.accounts.contains_key(account);
        let found = self.found;
        for row in found.associations.iter().filter(|row| ours(&row.account)) {
            let Some(user) = &row.user else { continue };
            let pair = (row.account.clone(), user.clone());
            if !self.desired.associations.contains(&pair) {
                let object = Object::Association { account: pair.0, user: pair.1 };
                let text = "added by hand: left alone";
                self.entries.push(Entry {
                    object,
                    kind: Kind::Foreign,
                    fields: Vec::new(),
                    text: text.into(),
                });
            }
        }
    }

    /// One object: missing, changed, or drifted where it is not as it was left.
    fn compare(
        &mut self,
        object: Object,
        wanted: &Fields,
        found: Option<Fields>,
        last: Option<Fields>,
        mut more: Vec<FieldChange>,
    ) {
        let Some(found) = found else {
            let fields = wanted.iter().map(|(field, wanted)| FieldChange {
                field,
                found: None,
                wanted: wanted.clone(),
            });
            let kind = if last.is_some() { Kind::Drifted } else { Kind::Missing };
            let text = if last.is_some() { "somebody took it away" } else { "" };
            self.push(object, kind, fields.collect(), text);
            return;
        };
        let by_hand = last.is_some_and(|last| !changes(&found, &last).is_empty());
        let mut fields = changes(&found, wanted);
        fields.append(&mut more);
        if !fields.is_empty() {
            let (kind, text) =
                if by_hand { (Kind::Drifted, "changed by hand") } else { (Kind::Changed, "") };
            self.push(object, kind, fields, text);
        }
    }

    fn push(&mut self, object: Object, kind: Kind, fields: Vec<FieldChange>, text: &str) {
        self.entries.push(Entry { object, kind, fields, text: text.to_owned() });
    }
}
