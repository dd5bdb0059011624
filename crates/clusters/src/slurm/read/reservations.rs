//! Reservations of slurmctld.

use leasehold_units::Instant;

use super::text::{self, INSTANT, Place};
use crate::slurm::command::{Program, Slurm};
use crate::slurm::error::{SlurmError, Unreadable};
use crate::slurm::hostlist;

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmReservation {
    /// Its name.
    pub name: String,
    /// First second.
    pub start: Instant,
    /// First second after it.
    pub end: Instant,
    /// Its nodes, in Slurm's order.
    pub nodes: Vec<String>,
    /// Accounts whose jobs may use it, in order; `-` in front of one keeps it out.
    pub accounts: Vec<String>,
    /// Users who may use it, in order.
    pub users: Vec<String>,
    /// Flags in Slurm's words, in order.
    pub flags: Vec<String>,
}

/// Arguments of scontrol.
pub fn arguments() -> Vec<String> {
    ["show", "reservation", "--oneliner"].map(str::to_owned).to_vec()
}

/// All reservations, in Slurm's order: a job that several magnetic ones would take is drawn into the first.
///
/// # Errors
/// If slurmctld cannot be asked or its answer cannot be read.
pub fn ask(slurm: &dyn Slurm) -> Result<Vec<SlurmReservation>, SlurmError> {
    Ok(read(&slurm.run(Program::Scontrol, &arguments(), None)?)?)
}

/// Reservations as scontrol prints them for [`arguments`].
///
/// # Errors
/// The first field that cannot be read.
pub fn read(text: &str) -> Result<Vec<SlurmReservation>, Unreadable> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("ReservationName="));
    lines
        .map(|(index, line)| reservation(Place { command: COMMAND, line: index + 1 }, line))
        .collect()
}

const COMMAND: &str = "scontrol show reservation --oneliner";

fn reservation(place: Place<'_>, line: &str) -> Result<SlurmReservation, Unreadable> {
    let needed = |key: &'static str| {
        text::value(line, key).ok_or_else(|| place.fault(key, line, "the field"))
    };
    let at = |key: &'static str| {
        let found = needed(key)?;
        text::instant(found).flatten().ok_or_else(|| place.fault(key, found, INSTANT))
    };
    let nodes = needed("Nodes")?;
    Ok(SlurmReservation {
        name: needed("ReservationName")?.to_owned(),
        start: at("StartTime")?,
        end: at("EndTime")?,
        nodes: hostlist::expand(nodes)
            .map_err(|error| place.fault("Nodes", nodes, error.expected))?,
        accounts: text::list(needed("Accounts")?),
        users: text::list(needed("Users")?),
        flags: text::list(needed("Flags")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "ReservationName=leasehold_lab@a StartTime=1795873382 EndTime=1827409382 Duration=365-00:00:00 \
        Nodes=n[1-4,9] NodeCnt=5 CoreCnt=320 Features=(null) PartitionName=(null) Flags=IGNORE_JOBS,SPEC_NODES,MAGNETIC \
        TRES=cpu=320 Users=(null) Groups=(null) Accounts=ta,own Licenses=(null) State=ACTIVE BurstBuffer=(null) Watts=n/a \
        MaxStartDelay=(null) \n";

    #[test]
    fn reads_a_reservation() {
        let reservation = read(SHOWN).expect("readable").remove(0);
        assert_eq!(reservation.name, "leasehold_lab@a");
        assert_eq!(reservation.nodes, ["n1", "n2", "n3", "n4", "n9"]);
        assert_eq!(reservation.accounts, ["own", "ta"]);
        assert!(reservation.users.is_empty());
        assert_eq!(reservation.flags, ["IGNORE_JOBS", "MAGNETIC", "SPEC_NODES"]);
        assert_eq!(reservation.end.since(reservation.start).get(), 365 * 86_400);
    }

    #[test]
    fn none_is_none() {
        assert_eq!(read("No reservations in the system\n"), Ok(Vec::new()));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let field =
            |from: &str, to: &str| read(&SHOWN.replace(from, to)).expect_err("not readable").field;
        assert_eq!(field("EndTime=1827409382", "EndTime=never"), "EndTime");
        assert_eq!(field("Nodes=n[1-4,9]", "Nodes=n[1-4,9"), "Nodes");
        assert_eq!(field(" Accounts=ta,own", ""), "Accounts");
    }
}
