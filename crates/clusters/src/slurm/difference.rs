//! What is wanted against what is there. Nothing that lacks Leasehold's mark is ever changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use leasehold_units::{Instant, Seconds};
use serde::Serialize;

use super::command::Slurm;
use super::error::SlurmError;
use super::hostlist;
use super::objects::{Desired, ORGANIZATION, PREFIX, Qos, Reservation};
use super::read::{
    AccountRow, AssociationRow, QosRow, SlurmJob, SlurmReservation, accounts, reservations,
};

/// A reservation with less left than this is prolonged to a year. Slurm ends all jobs in a reservation when it ends, so that this
/// is also how long Leasehold may be away.
pub const RENEW_BELOW: Seconds = Seconds::new(300 * 86_400);

/// What a cluster has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Accounts, by name.
    pub accounts: BTreeMap<String, AccountRow>,
    /// QOS, by name.
    pub qos: BTreeMap<String, QosRow>,
    /// Associations of the cluster.
    pub associations: Vec<AssociationRow>,
    /// Reservations, in Slurm's order.
    pub reservations: Vec<SlurmReservation>,
    /// Nodes of the jobs that run in each reservation. One with jobs cannot be deleted.
    pub busy: BTreeMap<String, BTreeSet<String>>,
}

/// What differs, in order of the objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// One for each object that is not as it should be, or is left alone.
    pub entries: Vec<Entry>,
}

/// An object that is not as it should be, or is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Which.
    #[serde(flatten)]
    pub object: Object,
    /// How it differs.
    pub kind: Kind,
    /// Fields that differ, or what a missing one will have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// For people: why, or what to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// An object of Slurm by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "object")]
pub enum Object {
    /// A QOS.
    Qos {
        /// Its name.
        name: String,
    },
    /// An account.
    Account {
        /// Its name.
        name: String,
    },
    /// A user in an account.
    Association {
        /// The account.
        account: String,
        /// The user.
        user: String,
    },
    /// A reservation.
    Reservation {
        /// Its name.
        name: String,
    },
}

/// How an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is not there.
    Missing,
    /// It is wanted otherwise than it is.
    Changed,
    /// It is not as Leasehold left it: somebody changed it by hand.
    Drifted,
    /// It has Leasehold's mark and nothing wants it any more.
    Surplus,
    /// It waits for jobs to end; nothing to do until then.
    Waiting,
    /// It is not Leasehold's and is left alone.
    Foreign,
    /// A person must decide; nothing is changed before.
    Conflict,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its name.
    pub field: &'static str,
    /// What is there; absent for a missing object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What is wanted.
    pub wanted: String,
}

impl Found {
    /// Asks Slurm for all of it. `jobs` say which reservations are in use.
    ///
    /// # Errors
    /// If Slurm cannot be asked or an answer cannot be read.
    pub fn ask(slurm: &dyn Slurm, cluster: &str, jobs: &[SlurmJob]) -> Result<Self, SlurmError> {
        let accounts = accounts::ask_accounts(slurm)?;
        let qos = accounts::ask_qos(slurm)?;
        let associations = accounts::ask_associations(slurm, cluster)?;
        let reservations = reservations::ask(slurm)?;
        let mut busy: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for job in jobs.iter().filter(|job| job.state.has_nodes()) {
            if let Some(name) = &job.reservation {
                busy.entry(name.clone()).or_default().extend(job.nodes.iter().cloned());
            }
        }
        Ok(Self {
            accounts: accounts.into_iter().map(|row| (row.name.clone(), row)).collect(),
            qos: qos.into_iter().map(|row| (row.name.clone(), row)).collect(),
            associations,
            reservations,
            busy,
        })
    }

    /// The reservation of that name.
    pub fn reservation(&self, name: &str) -> Option<&SlurmReservation> {
        self.reservations.iter().find(|reservation| reservation.name == name)
    }

    /// The association of an account (`user` none) or of a user in it.
    pub fn association(&self, account: &str, user: Option<&str>) -> Option<&AssociationRow> {
        self.associations.iter().find(|row| {
            row.account == account && row.user.as_deref() == user && row.partition.is_none()
        })
    }
}

/// What of `desired` can be had with what is found: without the nodes that others keep for now. These are reservations without
/// the mark, and marked ones that nothing wants but in which jobs still run. The second part says which nodes of which.
pub(crate) fn attainable(desired: &Desired, found: &Found) -> (Desired, BTreeMap<String, String>) {
    let mut attainable = desired.clone();
    let mut missed = BTreeMap::new();
    loop {
        let kept = kept_by_others(&attainable, found);
        for reservation in attainable.reservations.values_mut() {
            reservation.nodes.retain(|node| match kept.get(node) {
                Some(holder) => {
                    missed.insert(node.clone(), holder.clone());
                    false
                }
                None => true,
            });
        }
        let before = attainable.reservations.len();
        attainable.reservations.retain(|_, reservation| !reservation.nodes.is_empty());
        // One that is left without nodes is not wanted now, and may in turn be kept for its jobs.
        if attainable.reservations.len() == before {
            return (attainable, missed);
        }
    }
}

/// Nodes in reservations that are not to be had, with the reservation.
fn kept_by_others(desired: &Desired, found: &Found) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for reservation in &found.reservations {
        let nodes = if desired.reservations.contains_key(&reservation.name) {
            Vec::new()
        } else if is_marked(&reservation.name) {
            kept_while_busy(reservation, found).into_iter().collect()
        } else if may_overlap(reservation) {
            Vec::new()
        } else {
            reservation.nodes.clone()
        };
        kept.extend(nodes.into_iter().map(|node| (node, reservation.name.clone())));
    }
    kept
}

/// Slurm lets others overlap with these.
fn may_overlap(reservation: &SlurmReservation) -> bool {
    reservation.flags.iter().any(|flag| flag == "MAINT" || flag == "OVERLAP")
}

/// The node that a reservation keeps which nothing wants and in which jobs run: one of theirs, so that nobody misses it.
pub(crate) fn kept_while_busy(reservation: &SlurmReservation, found: &Found) -> Option<String> {
    let busy = found.busy.get(&reservation.name)?;
    let theirs = reservation.nodes.iter().find(|node| busy.contains(*node));
    theirs.or(reservation.nodes.first()).cloned()
}

/// Whether a name says that Leasehold made the object.
pub(crate) fn is_marked(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// What differs between `desired` and `found`. `last` is what the last plan attained, if that is known and all of it has run: what
/// is not as it was left then was changed by hand.
pub fn difference(
    desired: &Desired,
    found: &Found,
    last: Option<&Desired>,
    now: Instant,
) -> Difference {
    let (attainable, missed) = attainable(desired, found);
    let mut comparison = Comparison { desired: &attainable, found, last, now, entries: Vec::new() };
    comparison.qos();
    comparison.accounts();
    comparison.associations();
    comparison.reservations();
    comparison.foreign(&missed);
    let mut entries = comparison.entries;
    entries.sort_by(|a, b| a.object.cmp(&b.object));
    Difference { entries }
}

/// Fields of an object, by name.
pub(crate) type Fields = Vec<(&'static str, String)>;

pub(crate) fn qos_fields(qos: &Qos) -> Fields {
    vec![
        ("gpus", qos.gpus.map_or_else(|| UNLIMITED.to_owned(), |gpus| gpus.to_string())),
        ("priority", qos.priority.to_string()),
        ("preempt", qos.preempt.join(",")),
        ("preempt_mode", qos.preempt_mode.to_owned()),
        ("flags", String::new()),
        ("grace", "0".to_owned()),
    ]
}

/// A QOS without a limit of GPUs.
pub(crate) const UNLIMITED: &str = "unlimited";

fn found_qos_fields(row: &QosRow) -> Fields {
    vec![
        ("gpus", row.gpus.map_or_else(|| UNLIMITED.to_owned(), |gpus| gpus.to_string())),
        ("priority", row.priority.to_string()),
        ("preempt", row.preempt.join(",")),
        ("preempt_mode", row.preempt_mode.clone()),
        ("flags", row.flags.join(",")),
        ("grace", row.grace.to_string()),
    ]
}

fn association_fields(qos: &str) -> Fields {
    vec![("qos", qos.to_owned()), ("default_qos", qos.to_owned())]
}

fn found_association_fields(row: &AssociationRow) -> Fields {
    vec![("qos", row.qos.join(",")), ("default_qos", row.default_qos.clone().unwrap_or_default())]
}

fn reservation_fields(reservation: &Reservation) -> Fields {
    let nodes: Vec<&String> = reservation.nodes.iter().collect();
    let accounts: Vec<&str> = reservation.accounts.iter().map(String::as_str).collect();
    vec![
        ("nodes", hostlist::compress(&nodes)),
        ("accounts", accounts.join(",")),
        ("users", reservation.users().to_owned()),
        ("flags", reservation.flags().join(",")),
    ]
}

fn found_reservation_fields(row: &SlurmReservation) -> Fields {
    // The first follows from naming nodes; the second cannot be taken away again in 22.05, and does no harm alone.
    let flags = row.flags.iter().map(String::as_str);
    let flags: Vec<&str> =
        flags.filter(|flag| !matches!(*flag, "SPEC_NODES" | "OVERLAP")).collect();
    vec![
        ("nodes", hostlist::compress(&row.nodes)),
        ("accounts", row.accounts.join(",")),
        ("users", row.users.join(",")),
        ("flags", flags.join(",")),
    ]
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

/// A reservation that nothing wants and that cannot be deleted yet.
pub(crate) fn retired_fields(node: &str) -> Fields {
    vec![
        ("nodes", node.to_owned()),
        ("accounts", String::new()),
        ("users", "root".to_owned()),
        ("flags", "IGNORE_JOBS".to_owned()),
    ]
}

fn changes(found: &Fields, wanted: &Fields) -> Vec<FieldChange> {
    let pairs = found.iter().zip(wanted);
    pairs.filter(|(a, b)| a != b).map(|(a, b)| change(a.0, &a.1, &b.1)).collect()
}

fn change(field: &'static str, found: &str, wanted: &str) -> FieldChange {
    FieldChange { field, found: Some(found.to_owned()), wanted: wanted.to_owned() }
}

impl Difference {
    /// Whether nothing is to be done and nothing to be decided.
    pub fn is_settled(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry.kind, Kind::Foreign | Kind::Waiting))
    }

    /// What a person must decide before anything is changed.
    pub fn conflicts(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind == Kind::Conflict)
    }

    /// What somebody changed by hand.
    pub fn drifted(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind == Kind::Drifted)
    }
}

impl fmt::Display for Difference {
    /// Like a diff: `+` is missing, `~` is to change, `-` is to go, `=` is left as it is, `!` must be decided.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            let sign = match entry.kind {
                Kind::Missing => '+',
                Kind::Changed | Kind::Drifted => '~',
                Kind::Surplus => '-',
                Kind::Waiting | Kind::Foreign => '=',
                Kind::Conflict => '!',
            };
            write!(f, "{sign} {}", entry.object)?;
            if entry.text.is_empty() {
                writeln!(f)?;
            } else {
                writeln!(f, ": {}", entry.text)?;
            }
            for field in &entry.fields {
                let wanted = if field.wanted.is_empty() { "(none)" } else { &field.wanted };
                match field.found.as_deref() {
                    None if field.wanted.is_empty() => {}
                    None => writeln!(f, "    {} = {wanted}", field.field)?,
                    Some("") => writeln!(f, "    {}: (none) -> {wanted}", field.field)?,
                    Some(found) => writeln!(f, "    {}: {found} -> {wanted}", field.field)?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Qos { name } => write!(f, "qos {name}"),
            Self::Account { name } => write!(f, "account {name}"),
            Self::Association { account, user } => write!(f, "user {user} in account {account}"),
            Self::Reservation { name } => write!(f, "reservation {name}"),
        }
    }
}
