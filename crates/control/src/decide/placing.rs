//! Which job of a party starts next, and where: EASY backfilling over the partitions it reaches.
//!
//! Each event changes the state before the next is decided, so nothing is remembered between two
//! calls. That gives the same starts as one pass that keeps count: what was started under the
//! reservation ends before it or fits beside it, and moves neither its time nor its room.

use std::cmp::Reverse;

use leasehold_scheduler::backfill::Limits;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_scheduler::placement::{Gang, pick, pick_within};
use leasehold_units::{Instant, Shape};
use smallvec::SmallVec;

use super::{blocks, victims};
use crate::event::Event;
use crate::fleet::{JobSlot, Partition, PartitionId, Party, User};
use crate::job::{Allocation, Job, JobState};
use crate::queue::{LaneKey, Standing};
use crate::state::{State, lane_of};

/// A room that a party's jobs may be placed in.
type Reach = (PartitionId, User);

/// Puts the next placement of `party`'s queue behind `out`; false where nothing can start.
pub fn next(state: &State, party: Party, now: Instant, out: &mut Vec<Event>) -> bool {
    if let Some((slot, reach)) = bereft(state, party) {
        place_job(state, slot, reach, now, out);
        return true;
    }
    let Some((head, place)) = head(state, party, now) else { return false };
    let job = state.jobs.get(head);
    if let Some(reach) = fit(state, party, job) {
        place_job(state, head, reach, now, out);
        return true;
    }
    let reserved = reservation(state, party, job);
    if reserved.is_none() && !could_ever_fit(state, party, job) {
        out.push(Event::JobParked { job: head });
        return true;
    }
    match backfill(state, party, (lane_of(job), place), reserved, now) {
        Some((slot, reach)) => {
            place_job(state, slot, reach, now, out);
            true
        }
        None => false,
    }
}

/// Whether a job that lost the nodes that were kept for it waits for its own party's other work
/// only: that was given nodes at `now`, or the job fits and it is not its turn.
pub fn is_overtaken(state: &State, slot: JobSlot, now: Instant) -> bool {
    let job = state.jobs.get(slot);
    let party = job.spec.party;
    state.parties[usize::from(party)].placed == Some(now) || fit(state, party, job).is_some()
}

/// Whether a job that was too large for anything its party had is so no longer.
pub fn room_for_parked(state: &State, party: Party) -> bool {
    let entry = &state.parties[usize::from(party)];
    if entry.queue.parked.is_empty() {
        return false;
    }
    let gpus = |id: PartitionId| {
        let partition = state.fleet.partition(id);
        u64::from(partition.serving) * u64::from(partition.role.gpus_per_node)
    };
    let most = entry.reach.iter().map(|(id, _)| gpus(*id)).max().unwrap_or(0);
    let parked = entry.queue.parked.values().map(|slot| state.jobs.get(*slot));
    // Many are parked, of few lanes.
    let mut known: SmallVec<[(LaneKey, u64); 4]> = SmallVec::new();
    parked.filter(|job| u64::from(job.spec.gpus) <= most).any(|job| {
        let key = lane_of(job);
        let largest = known.iter().find(|(lane, _)| *lane == key).map(|(_, gpus)| *gpus);
        let largest = largest.unwrap_or_else(|| {
            let gpus = largest_ever(state, party, key);
            known.push((key, gpus));
            gpus
        });
        u64::from(job.spec.gpus) <= largest
    })
}

/// A job that lost the nodes that were kept for it, and where it fits now: it has had its turn.
fn bereft(state: &State, party: Party) -> Option<(JobSlot, Reach)> {
    let mine = state.bereft().filter(|slot| state.jobs.get(*slot).spec.party == party);
    let queued = mine.filter(|slot| state.jobs.get(*slot).state == JobState::Queued);
    let mut places =
        queued.filter_map(|slot| Some((slot, fit(state, party, state.jobs.get(slot))?)));
    places.next()
}

/// Whose turn it is, the least first: by priority, then by how far an account is ahead of its share,
/// then by arrival.
type Turn = (Reverse<i16>, Option<Standing>, u64);

/// The turn of the job at `place` of the lane `key`. Standing is asked for only where several
/// accounts compete.
fn turn(state: &State, party: Party, key: LaneKey, place: u64, now: Instant) -> Turn {
    let accounts = &state.parties[usize::from(party)].accounts;
    let account = accounts.get(usize::from(key.account)).filter(|_| accounts.len() > 1);
    (key.priority, account.map(|account| account.standing(now)), place)
}

/// The job whose turn it is, and its place in its lane.
fn head(state: &State, party: Party, now: Instant) -> Option<(JobSlot, u64)> {
    let lanes = state.parties[usize::from(party)].queue.lanes();
    let heads = lanes.filter_map(|(key, lane)| lane.first().map(|queued| (key, queued)));
    let first = heads.min_by_key(|(key, queued)| turn(state, party, *key, queued.seq, now));
    first.map(|(_, queued)| (queued.handle, queued.seq))
}

/// Where `job` fits now: where all is ready if there is such a place, else the first.
fn fit(state: &State, party: Party, job: &Job) -> Option<Reach> {
    let fits = |reach: &Reach| u64::from(job.spec.gpus) <= free(state, *reach, job.spec.within);
    let mut found = None;
    for reach in rooms(state, party, lane_of(job)).filter(fits) {
        if ready_at_once(state.fleet.partition(reach.0), reach.1, job.spec.gpus) {
            return Some(reach);
        }
        found = found.or(Some(reach));
    }
    found
}

/// The largest gang, in GPUs, that could be placed in a room now, in one block of `within`.
fn free(state: &State, (id, user): Reach, within: Shape) -> u64 {
    let partition = state.fleet.partition(id);
    match within {
        Shape::Node => partition.gpus_free(user),
        Shape::Rack | Shape::Array => {
            let nodes = blocks::widest(state, id, user, within);
            u64::from(nodes) * u64::from(partition.role.gpus_per_node)
        }
    }
}

pub(super) fn rooms(state: &State, party: Party, key: LaneKey) -> impl Iterator<Item = Reach> + '_ {
    let reach = state.parties[usize::from(party)].reach.iter().copied();
    reach.filter(move |(id, user)| state.admits(*id, *user, key))
}

fn ready_at_once(partition: &Partition, user: User, gpus: u32) -> bool {
    let gang = Gang::of(gpus, u32::from(partition.role.gpus_per_node));
    let ready: u32 = partition.ready(user).iter().map(|set| set.count()).sum();
    gang.nodes() <= ready
        || (gang.whole <= ready && u32::from(partition.widest_part(user)) >= gang.part)
}

/// Where and when the head of the queue is expected to start, and what stays free beside it then.
#[derive(Debug, Clone, Copy)]
struct Reserved {
    room: PartitionId,
    shadow: i64,
    extra_gpus: u32,
}

/// The earliest place for a job that does not fit now.
fn reservation(state: &State, party: Party, job: &Job) -> Option<Reserved> {
    let mut best: Option<Reserved> = None;
    for (id, user) in rooms(state, party, lane_of(job)) {
        let partition = state.fleet.partition(id);
        let per_node = u32::from(partition.role.gpus_per_node);
        let need = Gang::of(job.spec.gpus, per_node).nodes();
        if job.spec.within != Shape::Node {
            // Nothing may run past that instant in the whole room: which block it will be is open.
            let shadow = blocks::shadow(state, id, user, (job.spec.within, need));
            let reserved = shadow.map(|shadow| Reserved { room: id, shadow, extra_gpus: 0 });
            best = [best, reserved].into_iter().flatten().min_by_key(|reserved| reserved.shadow);
            continue;
        }
        let Some(shadow) = partition.releases(user).shadow(partition.nodes_free(user), need) else {
            continue;
        };
        if best.is_none_or(|best| shadow.end < best.shadow) {
            let spare = u32::try_from(shadow.free).expect("a pool is small") - need;
            best = Some(Reserved { room: id, shadow: shadow.end, extra_gpus: spare * per_node });
        }
    }
    best
}

/// Whether any room that `job` may use is large enough when all of it is free.
pub(super) fn could_ever_fit(state: &State, party: Party, job: &Job) -> bool {
    u64::from(job.spec.gpus) <= largest_ever(state, party, lane_of(job))
}

/// The largest gang of a lane, in GPUs, that any of its rooms could hold when all of it is free.
fn largest_ever(state: &State, party: Party, key: LaneKey) -> u64 {
    let gpus = |(id, _): Reach| {
        let partition = state.fleet.partition(id);
        let nodes = match key.within {
            Shape::Node => partition.serving,
            block => blocks::widest_serving(state, id, block),
        };
        u64::from(nodes) * u64::from(partition.role.gpus_per_node)
    };
    rooms(state, party, key).map(gpus).max().unwrap_or(0)
}

/// The first job behind the head that may start without delaying it, and where.
fn backfill(
    state: &State,
    party: Party,
    (head_lane, head_place): (LaneKey, u64),
    reserved: Option<Reserved>,
    now: Instant,
) -> Option<(JobSlot, Reach)> {
    let mut best: Option<(Turn, JobSlot, Reach)> = None;
    for (key, lane) in state.parties[usize::from(party)].queue.lanes() {
        let after = (key == head_lane).then_some(head_place);
        for reach in rooms(state, party, key) {
            let free = free(state, reach, key.within);
            let free = u32::try_from(free).unwrap_or(u32::MAX - 1);
            let limits = match reserved {
                Some(reserved) if reserved.room == reach.0 => Limits {
                    free,
                    window: reserved.shadow - now.unix(),
                    extra: reserved.extra_gpus,
                },
                _ => Limits::open(free),
            };
            let Some(queued) = (free > 0).then(|| lane.next_fit(after, limits)).flatten() else {
                continue;
            };
            let turn = turn(state, party, key, queued.seq, now);
            if best.is_none_or(|(best, ..)| turn < best) {
                best = Some((turn, queued.handle, reach));
            }
        }
    }
    best.map(|(_, slot, reach)| (slot, reach))
}

/// Puts the start of `slot` in a room that it fits behind `out`, or the keeping of its nodes where
/// some are not ready.
fn place_job(state: &State, slot: JobSlot, (id, user): Reach, now: Instant, out: &mut Vec<Event>) {
    let partition = state.fleet.partition(id);
    let spec = state.jobs.get(slot).spec;
    let gang = Gang::of(spec.gpus, u32::from(partition.role.gpus_per_node));
    let guest = user == User::Guest;
    let ready = match spec.within {
        Shape::Node => at_once(partition, user, gang),
        block => at_once_within(partition, user, block, gang),
    };
    match ready {
        Some((whole, part)) => {
            let at = Allocation { partition: id, guest, whole, part, also: Vec::new() };
            out.push(Event::JobStarted { job: slot, at });
        }
        None => keep_nodes(state, slot, (id, user), gang, now, out),
    }
}

type Nodes = (NodeRanges, Option<(u32, u8)>);

/// Nodes on which the gang may start at once, if there are enough.
fn at_once(partition: &Partition, user: User, gang: Gang) -> Option<Nodes> {
    let ready = partition.ready(user);
    let count: u32 = ready.iter().map(|set| set.count()).sum();
    let shared = (gang.part > 0).then(|| partition.tightest_part(user, gang.part)).flatten();
    if let Some(node) = shared.filter(|_| gang.whole <= count) {
        return Some((pick(&ready, gang.whole), Some((node, part(gang)))));
    }
    (gang.nodes() <= count).then(|| divide(pick(&ready, gang.nodes()), gang))
}

/// Nodes of one block on which the gang may start at once, if one has enough.
fn at_once_within(partition: &Partition, user: User, shape: Shape, gang: Gang) -> Option<Nodes> {
    let nodes = pick_within(&partition.ready(user), gang.nodes(), shape)?;
    Some(divide(nodes, gang))
}

/// Splits a gang's nodes into those it fills and the one that it may share.
fn divide(nodes: NodeRanges, gang: Gang) -> Nodes {
    if gang.part == 0 {
        return (nodes, None);
    }
    let last = nodes.ranges().last().expect("a gang has a node").1 - 1;
    let mut whole = NodeRanges::new();
    for &(first, end) in nodes.ranges() {
        whole.push(first, end.min(last));
    }
    (whole, Some((last, part(gang))))
}

fn part(gang: Gang) -> u8 {
    u8::try_from(gang.part).expect("a node has few GPUs")
}

/// Keeps nodes for a gang that has to wait for some of them; borrowers in the way are told to go.
pub(super) fn keep_nodes(
    state: &State,
    slot: JobSlot,
    (id, user): Reach,
    gang: Gang,
    now: Instant,
    out: &mut Vec<Event>,
) {
    let partition = state.fleet.partition(id);
    let [ready_first, ready_then] = partition.ready(user);
    let [soiled_first, soiled_then] = partition.soiled(user);
    let mut sets = vec![ready_first, ready_then, soiled_first, soiled_then];
    if user == User::Holder {
        // A job whose clock runs already lost a node that was kept for it. The others are in
        // turnover by now, and so are ready before any that would begin theirs.
        let runs = state.jobs.get(slot).asked.is_some();
        sets.insert(if runs { 2 } else { 4 }, &partition.recallable);
    }
    let within = state.jobs.get(slot).spec.within;
    // What lies ready for a guest is all that it may have; a holder's block may be lent in part.
    let block = (within != Shape::Node && user != User::Guest)
        .then(|| blocks::choose(state, id, within, gang.nodes()).expect("it fits a block"));
    let chosen = match &block {
        Some(block) => NodeRanges::from_nodes(blocks::pick(&sets, block, gang.nodes())),
        None if within != Shape::Node => {
            pick_within(&sets, gang.nodes(), within).expect("it fits a block")
        }
        None => {
            let idle: u32 = sets.iter().map(|set| set.count()).sum();
            pick(&sets, gang.nodes().min(idle))
        }
    };
    let short = gang.nodes() - chosen.count();
    let mut nodes = chosen.clone();
    let mut leaving = Vec::new();
    if short > 0 {
        let everywhere = 0..u32::MAX;
        let among = block.as_ref().unwrap_or(&everywhere);
        let evicted = victims::choose(state, id, User::Guest, (short, among), now);
        let evicted_nodes = evicted.nodes.iter().map(|node| (*node, *node + 1));
        nodes = NodeRanges::from_ranges(chosen.ranges().iter().copied().chain(evicted_nodes));
        leaving = evicted.events;
    }
    victims::displace(state, &chosen, out);
    let (whole, part) = divide(nodes, gang);
    let at =
        Allocation { partition: id, guest: user == User::Guest, whole, part, also: Vec::new() };
    out.push(Event::NodesClaimed { job: slot, at });
    out.append(&mut leaving);
}
