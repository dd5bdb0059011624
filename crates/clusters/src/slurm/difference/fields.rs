//! Objects as fields with a text each, so that what is wanted, what is there and what was left are compared alike.

use super::FieldChange;
use crate::slurm::hostlist;
use crate::slurm::objects::{Qos, Reservation};
use crate::slurm::read::{AssociationRow, QosRow, SlurmReservation};

/// Fields of an object, by name.
pub(crate) type Fields = Vec<(&'static str, String)>;

pub(super) fn qos_fields(qos: &Qos) -> Fields {
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

pub(super) fn found_qos_fields(row: &QosRow) -> Fields {
    vec![
        ("gpus", row.gpus.map_or_else(|| UNLIMITED.to_owned(), |gpus| gpus.to_string())),
        ("priority", row.priority.to_string()),
        ("preempt", row.preempt.join(",")),
        ("preempt_mode", row.preempt_mode.clone()),
        ("flags", row.flags.join(",")),
        ("grace", row.grace.to_string()),
    ]
}

pub(super) fn association_fields(qos: &str) -> Fields {
    vec![("qos", qos.to_owned()), ("default_qos", qos.to_owned())]
}

pub(super) fn found_association_fields(row: &AssociationRow) -> Fields {
    vec![("qos", row.qos.join(",")), ("default_qos", row.default_qos.clone().unwrap_or_default())]
}

pub(super) fn reservation_fields(reservation: &Reservation) -> Fields {
    let nodes: Vec<&String> = reservation.nodes.iter().collect();
    let accounts: Vec<&str> = reservation.accounts.iter().map(String::as_str).collect();
    vec![
        ("nodes", hostlist::compress(&nodes)),
        ("accounts", accounts.join(",")),
        ("users", reservation.users().to_owned()),
        ("flags", reservation.flags().join(",")),
    ]
}

pub(super) fn found_reservation_fields(row: &SlurmReservation) -> Fields {
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

/// A reservation that nothing wants and that cannot be deleted yet.
pub(crate) fn retired_fields(node: &str) -> Fields {
    vec![
        ("nodes", node.to_owned()),
        ("accounts", String::new()),
        ("users", "root".to_owned()),
        ("flags", "IGNORE_JOBS".to_owned()),
    ]
}

pub(super) fn changes(found: &Fields, wanted: &Fields) -> Vec<FieldChange> {
    let pairs = found.iter().zip(wanted);
    pairs.filter(|(a, b)| a != b).map(|(a, b)| change(a.0, &a.1, &b.1)).collect()
}

pub(super) fn change(field: &'static str, found: &str, wanted: &str) -> FieldChange {
    FieldChange { field, found: Some(found.to_owned()), wanted: wanted.to_owned() }
}
