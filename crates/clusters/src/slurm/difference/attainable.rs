//! What can be had now: without the nodes that others keep.

use std::collections::BTreeMap;

use super::Found;
use crate::slurm::objects::{Desired, PREFIX};
use crate::slurm::read::SlurmReservation;

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
