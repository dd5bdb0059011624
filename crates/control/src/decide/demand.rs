//! What the waiting jobs of a tenant need, where a scheduler of the cluster's own starts them: enough of the
//! holding is cleared of borrowers, and no more.
//!
//! A job that waits keeps nodes as it would where the state machine places it, borrowers in the way are told
//! to leave, and its clock runs. Jobs smaller than a node ride: they keep none while there is room for them
//! on nodes that their party uses in part or that are kept for others of its kind.

use std::collections::BTreeMap;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_scheduler::placement::Gang;
use leasehold_units::{Instant, Shape};

use super::placing::{could_ever_fit, keep_nodes, rooms};
use crate::event::Event;
use crate::fleet::{JobSlot, LANDLORD, PartitionId, Party, User};
use crate::job::{Allocation, Job, JobState};
use crate::state::{State, lane_of};

/// Puts the next thing that a tenant's queue calls for behind `out`; false where there is none.
pub fn next(state: &State, party: Party, now: Instant, out: &mut Vec<Event>) -> bool {
    if party == LANDLORD {
        return false;
    }
    if let Some(job) = rider_without_room(state, party) {
        out.push(Event::ClaimDropped { job });
        return true;
    }
    let mut parts = BTreeMap::new();
    for slot in in_turn(state, party) {
        let job = state.jobs.get(slot);
        if let Some(at) = ride(state, party, job, &mut parts) {
            out.push(Event::NodesClaimed { job: slot, at });
            return true;
        }
        if let Some((reach, gang)) = room(state, party, job) {
            keep_nodes(state, slot, reach, gang, now, out);
            return true;
        }
        if !could_ever_fit(state, party, job) {
            out.push(Event::JobParked { job: slot });
            return true;
        }
    }
    false
}

/// The waiting jobs of a party: first those that lost what was kept for them, then by priority and arrival.
fn in_turn(state: &State, party: Party) -> Vec<JobSlot> {
    let lanes = state.parties[usize::from(party)].queue.lanes();
    let waiting =
        lanes.flat_map(|(key, lane)| lane.iter().map(move |queued| (key.priority, queued)));
    let mut turns: Vec<_> = waiting
        .map(|(priority, queued)| {
            let lost = state.jobs.get(queued.handle).asked.is_some();
            (!lost, priority, queued.seq, queued.handle)
        })
        .collect();
    turns.sort_unstable();
    turns.into_iter().map(|(.., slot)| slot).collect()
}

fn gang(state: &State, id: PartitionId, job: &Job) -> Gang {
    Gang::of(job.spec.gpus, u32::from(state.fleet.partition(id).role.gpus_per_node))
}

/// Where whole nodes could be kept for a job now.
fn room(state: &State, party: Party, job: &Job) -> Option<((PartitionId, User), Gang)> {
    if job.spec.within != Shape::Node {
        return None;
    }
    rooms(state, party, lane_of(job)).find_map(|(id, user)| {
        let gang = gang(state, id, job);
        (gang.nodes() <= state.fleet.partition(id).nodes_free(user)).then_some(((id, user), gang))
    })
}

/// A place without nodes of its own for a job smaller than a node, if there is room for one more. What is
/// known of the partitions is kept in `parts`.
fn ride(
    state: &State,
    party: Party,
    job: &Job,
    parts: &mut BTreeMap<PartitionId, OpenParts>,
) -> Option<Allocation> {
    rooms(state, party, lane_of(job)).find_map(|(id, _)| {
        let gang = gang(state, id, job);
        let fits = gang.whole == 0 && {
            let open = parts.entry(id).or_insert_with(|| OpenParts::of(state, party, id));
            open.is_enough_with(gang.part)
        };
        fits.then(|| Allocation {
            partition: id,
            guest: false,
            whole: NodeRanges::new(),
            part: None,
            also: Vec::new(),
        })
    })
}

/// Nodes of a partition that its holder uses in part or that are kept for a small job of it, and the jobs
/// that ride on them.
struct OpenParts {
    /// How many nodes have so many GPUs free, from 0 on.
    nodes: Vec<u32>,
    /// GPUs of each job that rides.
    riding: Vec<u32>,
    /// GPUs of those jobs and of nothing else.
    sum: u64,
    /// The job among them that came last.
    last: Option<JobSlot>,
}

impl OpenParts {
    fn of(state: &State, party: Party, id: PartitionId) -> Self {
        let partition = state.fleet.partition(id);
        let per_node = u32::from(partition.role.gpus_per_node);
        let mut nodes: Vec<u32> = partition.holder_part.iter().map(|set| set.count()).collect();
        nodes.resize(per_node as usize + 1, 0);
        let mut open = Self { nodes, riding: Vec::new(), sum: 0, last: None };
        for (slot, job) in state.jobs.iter().filter(|(_, job)| job.spec.party == party) {
            let JobState::Claiming { at, .. } = &job.state else { continue };
            let gang = Gang::of(job.spec.gpus, per_node);
            if at.partition != id || gang.whole > 0 {
                continue;
            }
            if at.part.is_some() {
                open.nodes[(per_node - gang.part) as usize] += 1;
            } else {
                open.riding.push(gang.part);
                open.sum += u64::from(gang.part);
                open.last = open.last.max(Some(slot));
            }
        }
        open
    }

    /// Whether all that ride find room, and one of so many GPUs more.
    fn is_enough_with(&self, gpus: u32) -> bool {
        let room: u64 =
            (0..).zip(&self.nodes).map(|(free, nodes): (u64, _)| free * u64::from(*nodes)).sum();
        self.sum + u64::from(gpus) <= room
            && fit(self.nodes.clone(), [&self.riding[..], &[gpus]].concat())
    }

    /// Whether all that ride find room.
    fn is_enough(&self) -> bool {
        fit(self.nodes.clone(), self.riding.clone())
    }
}

/// Whether gangs smaller than a node fit on nodes of which so many have so many GPUs free: the largest
/// first, each where it leaves least.
fn fit(mut nodes: Vec<u32>, mut gangs: Vec<u32>) -> bool {
    gangs.sort_unstable();
    gangs.iter().rev().all(|gpus| {
        let gpus = *gpus as usize;
        let roomy = (gpus..nodes.len()).find(|free| nodes[*free] > 0);
        roomy.is_some_and(|free| {
            nodes[free] -= 1;
            nodes[free - gpus] += 1;
            true
        })
    })
}

/// A job that rides although there is no room for all that do any more.
fn rider_without_room(state: &State, party: Party) -> Option<JobSlot> {
    let reach = state.parties[usize::from(party)].reach.iter();
    reach.filter(|(_, user)| *user == User::Holder).find_map(|(id, _)| {
        let open = OpenParts::of(state, party, *id);
        let last = open.last?;
        (!open.is_enough()).then_some(last)
    })
}
