//! What is wanted against what is there. Nothing that lacks Leasehold's mark is ever changed.

mod attainable;
mod comparison;
mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use leasehold_units::{Instant, Seconds};
use serde::Serialize;

use super::command::Slurm;
use super::error::SlurmError;
use super::objects::Desired;
use super::read::{
    AccountRow, AssociationRow, QosRow, SlurmJob, SlurmReservation, accounts, reservations,
};

pub(crate) use attainable::{attainable, is_marked, kept_while_busy};
pub(crate) use fields::{UNLIMITED, retired_fields};

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

impl Entry {
    /// Its fields, each as it was found and as it should be; its text where there are none.
    pub fn in_words(&self) -> String {
        let field = |change: &FieldChange| {
            let found = change.found.as_deref().unwrap_or("nothing");
            let some =
                |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
            format!("{} {} instead of {}", change.field, some(found), some(&change.wanted))
        };
        match self.fields.as_slice() {
            _ if self.fields.iter().all(|change| change.found.is_none()) => self.text.clone(),
            fields => fields.iter().map(field).collect::<Vec<_>>().join(", "),
        }
    }
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
            // A job may name several.
            for name in job.reservation.iter().flat_map(|names| names.split(',')) {
                busy.entry(name.to_owned()).or_default().extend(job.nodes.iter().cloned());
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

/// What differs between `desired` and `found`. `last` is what the last plan attained, if that is known and all of it has run: what
/// is not as it was left then was changed by hand.
pub fn difference(
    desired: &Desired,
    found: &Found,
    last: Option<&Desired>,
    now: Instant,
) -> Difference {
    let (attainable, missed) = attainable(desired, found);
    let mut entries = comparison::entries(&attainable, found, last, now, &missed);
    entries.sort_by(|a, b| a.object.cmp(&b.object));
    Difference { entries }
}

impl Difference {
    /// Whether nothing is to be done and nothing to be decided.
    pub fn is_settled(&self) -> bool {
        self.unsettled() == 0
    }

    /// How many objects are not as they should be. What waits or is left alone does not count.
    pub fn unsettled(&self) -> usize {
        let is_settled = |entry: &&Entry| matches!(entry.kind, Kind::Foreign | Kind::Waiting);
        self.entries.iter().filter(|entry| !is_settled(entry)).count()
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
