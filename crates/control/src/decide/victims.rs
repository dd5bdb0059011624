//! Which borrowers make room for a holder.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_scheduler::reclaim::{Candidate, choose as choose_candidates};
use leasehold_units::{Instant, Seconds};
use smallvec::{SmallVec, smallvec};

use crate::event::Event;
use crate::fleet::{Claim, JobSlot, Node, PartitionId, User};
use crate::job::{Job, JobState};
use crate::state::State;

/// Nodes that will come free, and what is said to whom.
pub struct Evicted {
    /// As many as were asked for.
    pub nodes: Vec<u32>,
    /// The requests to leave.
    pub events: Vec<Event>,
}

/// One gang, or all that share nodes, by the jobs in it.
pub enum Group {
    /// Its nodes are its own.
    Gang(JobSlot),
    /// The shared nodes; nearly always one.
    Shared(SmallVec<[u32; 1]>),
}

/// Jobs of partition `id` in the role of `user` whose leaving frees `need` nodes at little loss; as
/// many nodes as there are where these are fewer. Only nodes of `among` count.
pub fn choose(
    state: &State,
    id: PartitionId,
    user: User,
    (need, among): (u32, &Range<u32>),
    now: Instant,
) -> Evicted {
    let groups = groups(state, id, user);
    let mut candidates: Vec<Candidate> = Vec::with_capacity(groups.len());
    for (key, group) in groups.iter().enumerate() {
        let key = u32::try_from(key).expect("few borrowers");
        let (nodes, lost) = weigh(state, group, (user, among), now);
        candidates.push(Candidate { key, nodes, lost });
    }
    let need = need.min(candidates.iter().map(|candidate| candidate.nodes).sum());
    let chosen = choose_candidates(&mut candidates, need).unwrap_or_default();
    let mut evicted = Evicted { nodes: Vec::new(), events: Vec::new() };
    for key in chosen {
        let group = &groups[key as usize];
        let open = need as usize - evicted.nodes.len();
        let nodes = nodes_of(state, group);
        let free = nodes.iter().filter(|node| among.contains(node));
        let free = free.filter(|node| is_free(state.fleet.node(*node), user));
        evicted.nodes.extend(free.take(open));
        for (slot, job) in members(state, group) {
            evicted.events.extend(request_to_leave(slot, job, now, None));
        }
    }
    evicted
}

/// How many nodes of `among` come free when `group` leaves, and what is lost with it.
fn weigh(
    state: &State,
    group: &Group,
    (user, among): (User, &Range<u32>),
    now: Instant,
) -> (u32, u64) {
    if let Group::Gang(slot) = group {
        // Nearly all are such, and there may be thousands: nothing is put together for them.
        let job = state.jobs.get(*slot);
        let whole = job.allocation().map(|at| &at.whole);
        let nodes = whole.map_or(0, |whole| count_free(state, whole, user, among));
        return (nodes, job.cost_at(now));
    }
    let members = members(state, group);
    let lost = members.iter().map(|(_, job)| job.cost_at(now)).sum();
    (count_free(state, &nodes_under(group, &members), user, among), lost)
}

/// Tells a running job to leave in its declared time, or by `latest` if that is sooner.
pub fn request_to_leave(
    slot: JobSlot,
    job: &Job,
    now: Instant,
    latest: Option<Instant>,
) -> Option<Event> {
    if !matches!(job.state, JobState::Running { .. }) {
        return None;
    }
    let declared = now.after(Seconds::new(u64::from(job.spec.vacate_seconds)));
    let deadline = latest.map_or(declared, |latest| declared.min(latest));
    Some(Event::EvictionRequested { job: slot, deadline })
}

/// Sends back the borrowers for which nodes of `nodes` are kept.
pub fn displace(state: &State, nodes: &NodeRanges, out: &mut Vec<Event>) {
    let mut displaced = BTreeSet::new();
    for node in nodes.iter() {
        if let Claim::Guest(job) = state.fleet.node(node).claim {
            displaced.insert(job);
        }
    }
    out.extend(displaced.into_iter().map(|job| Event::ClaimDropped { job }));
}

/// The gangs that have their nodes to themselves, and the nodes that several share.
pub fn groups(state: &State, id: PartitionId, user: User) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut shared: Vec<u32> = Vec::new();
    // Of shared nodes that go together the least, which stands for all; few gangs lie across several.
    let mut joined: BTreeMap<u32, u32> = BTreeMap::new();
    for slot in jobs_on(state, id, user) {
        let at = state.jobs.get(slot).allocation().expect("it has nodes");
        if at.part.is_none() {
            groups.push(Group::Gang(slot));
            continue;
        }
        let place = shared.len();
        shared.extend(at.parts().map(|(node, _)| node));
        if shared.len() - place > 1 {
            join(&mut joined, &shared[place..]);
        }
    }
    shared.sort_unstable();
    shared.dedup();
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    for node in shared {
        match joined.get(&node) {
            Some(least) if *least != node => match &mut groups[places[least]] {
                Group::Shared(nodes) => nodes.push(node),
                Group::Gang(_) => unreachable!("the least of shared nodes is shared"),
            },
            least => {
                places.extend(least.map(|least| (*least, groups.len())));
                groups.push(Group::Shared(smallvec![node]));
            }
        }
    }
    groups
}

/// Notes that `nodes` go together, with all that go with any of them.
fn join(joined: &mut BTreeMap<u32, u32>, nodes: &[u32]) {
    let known: BTreeSet<u32> =
        nodes.iter().map(|node| *joined.entry(*node).or_insert(*node)).collect();
    let least = *known.first().expect("there are several");
    joined.values_mut().filter(|of| known.contains(of)).for_each(|of| *of = least);
}

/// The jobs that stand in partition `id` in the role of `user`.
fn jobs_on(state: &State, id: PartitionId, user: User) -> Vec<JobSlot> {
    if user == User::Guest {
        return state.fleet.partition(id).guests.clone();
    }
    if state.fleet.partition(id).members == 0 {
        return Vec::new();
    }
    let stands = |job: &Job| {
        let stands = matches!(job.state, JobState::Running { .. } | JobState::Leaving { .. });
        stands && job.allocation().is_some_and(|at| at.partition == id && !at.guest)
    };
    state.jobs.iter().filter(|(_, job)| stands(job)).map(|(slot, _)| slot).collect()
}

/// The jobs of a group.
pub fn members<'a>(state: &'a State, group: &Group) -> SmallVec<[(JobSlot, &'a Job); 1]> {
    match group {
        Group::Gang(slot) => smallvec![(*slot, state.jobs.get(*slot))],
        Group::Shared(nodes) => {
            let residents = nodes.iter().flat_map(|node| &state.shared()[node].residents);
            let mut slots: SmallVec<[JobSlot; 1]> = residents.map(|(slot, ..)| *slot).collect();
            if nodes.len() > 1 {
                slots.sort_unstable();
                slots.dedup();
            }
            slots.into_iter().map(|slot| (slot, state.jobs.get(slot))).collect()
        }
    }
}

/// The nodes that `group` stands on.
pub fn nodes_of(state: &State, group: &Group) -> NodeRanges {
    nodes_under(group, &members(state, group))
}

/// The nodes that `group` stands on, whose jobs are `members`.
fn nodes_under(group: &Group, members: &[(JobSlot, &Job)]) -> NodeRanges {
    let shared: &[u32] = match group {
        Group::Gang(_) => &[],
        Group::Shared(nodes) => nodes,
    };
    let whole = members.iter().filter_map(|(_, job)| job.allocation());
    let whole = whole.flat_map(|at| at.whole.ranges().iter().copied());
    NodeRanges::from_ranges(whole.chain(shared.iter().map(|node| (*node, *node + 1))))
}

/// How many of `nodes` lie in `among`, come free when `user` leaves, and are promised to nobody.
fn count_free(state: &State, nodes: &NodeRanges, user: User, among: &Range<u32>) -> u32 {
    let within = |&(first, end): &(u32, u32)| first.max(among.start)..end.min(among.end);
    let runs = nodes.ranges().iter().map(within).filter(|run| !run.is_empty());
    let free = |run| state.fleet.nodes_in(run).iter().filter(|node| is_free(node, user)).count();
    u32::try_from(runs.map(free).sum::<usize>()).expect("a pool is small")
}

/// Whether `node` comes free when `user` leaves and is promised to nobody yet.
fn is_free(node: &Node, user: User) -> bool {
    node.user == user && node.serves() && !matches!(node.claim, Claim::Holder(_))
}
