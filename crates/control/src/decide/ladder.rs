//! What stops and what is switched off when the envelope falls, and what comes back when it rises.
//!
//! Two sums are kept below the envelope. What tenants may draw: a node of a holding that is on
//! counts with its contracted power whether it works or not, so that a holding that is fed can be
//! used in full without asking. And what is drawn: contracted power under work and in turnover, idle
//! power else, nothing where it is off. The ladder: borrowed work stops first, then the landlord's
//! own, whose nodes go off, each with the least lost; and only if what tenants may draw is too much by itself, nodes of
//! holdings go off, by the order and to the depth that their leases agree, and then beyond.
//!
//! The landlord's work may run on power that tenants do not draw at the moment. While it does,
//! nothing is lent and the landlord's nodes go off as they become idle; and when a tenant draws its
//! power after all, the ladder is walked again at that instant.

use std::collections::BTreeMap;

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_scheduler::reclaim::{Candidate, choose};
use leasehold_units::{Instant, Ratio, Watts, grouped};

use super::victims::{Group, groups, members, nodes_of};
use crate::event::{Event, PowerStep, PowerStepKind, StopReason, Whose};
use crate::fleet::{Claim, Condition, Holding, JobSlot, Node, User};
use crate::invariants::{Breach, Invariant};
use crate::state::{Lending, State, touches};

/// What the envelope calls for.
#[derive(Debug, Default)]
pub struct Balance {
    /// Borrowed jobs that stop.
    pub borrowed: Vec<JobSlot>,
    /// Nodes of the landlord's own that go off.
    pub own_off: Vec<u32>,
    /// Nodes of holdings that go off, by lease.
    pub held_off: Vec<HeldOff>,
    /// Nodes that come on again.
    pub on: Vec<u32>,
    /// Whether idle nodes of holdings may be lent.
    pub lending: Lending,
    /// IT watts that stopping borrowed work saves.
    borrowed_watts: u64,
    /// IT watts that switching the landlord's own nodes off saves.
    own_watts: u64,
}

/// Nodes of a holding that go off.
#[derive(Debug)]
pub struct HeldOff {
    lease: u16,
    nodes: Vec<u32>,
    /// How many of them are beyond the depth that the lease agrees to.
    beyond: u32,
    /// IT watts that this saves.
    saved: u64,
}

/// What is asked of the site at an instant.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Facility watts that may be drawn.
    pub limit: Watts,
    /// When that was known.
    pub since: Instant,
    /// When it changes next, if that is near.
    pub next: Instant,
}

impl Balance {
    /// Every node that goes off.
    pub fn off(&self) -> NodeRanges {
        let held = self.held_off.iter().flat_map(|held| held.nodes.iter().copied());
        NodeRanges::from_nodes(self.own_off.iter().copied().chain(held))
    }

    /// Gives the power of idle nodes of the landlord's own to those that are off, are to change hands and
    /// have to be scrubbed for that; and what was scrubbed gives it to those that take work.
    fn exchange(&mut self, state: &State) {
        let own = || (0..).zip(state.fleet.nodes()).filter(|(_, node)| is_own(state, node));
        let mut dark: Vec<(bool, u32)> = Vec::new();
        for (number, node) in own().filter(|(_, node)| node.condition == Condition::Curtailed) {
            if (is_awaited(node) || !node.draining) && !self.on.contains(&number) {
                dark.push((!is_awaited(node), number));
            }
        }
        if dark.is_empty() || self.lending != Lending::Open {
            return;
        }
        dark.sort_unstable();
        let off = self.off();
        let idle = |node: &Node| {
            let rests = node.user == User::Nobody && node.claim == Claim::Free;
            rests && !is_awaited(node) && node.condition == Condition::Up
        };
        let idle = own().filter(|(number, node)| idle(node) && !off.contains(*number));
        // What is clean and takes no work can as well wait in the dark.
        let mut idle: Vec<(bool, u32)> =
            idle.map(|(number, node)| (!node.draining, number)).collect();
        idle.sort_unstable();
        for (works, number) in idle {
            let pool = state.fleet.pool_of(number);
            let stays = works || state.substitutes.engages(number);
            let like = dark.iter().position(|(other_works, other)| {
                state.fleet.pool_of(*other) == pool && !(stays && *other_works)
            });
            if let Some(place) = like {
                self.on.push(dark.remove(place).1);
                self.own_watts += state.fleet.drawn_by(number);
                self.own_off.push(number);
            }
        }
    }

    /// Whether nothing changes.
    fn is_still(&self, state: &State) -> bool {
        self.borrowed.is_empty()
            && self.own_off.is_empty()
            && self.held_off.is_empty()
            && self.on.is_empty()
            && self.lending == state.lending
    }
}

/// What a node would draw, in IT watts, at work and idle.
fn watts(state: &State, number: u32) -> (u64, u64) {
    let pool = &state.fleet.pools[state.fleet.pool_of(number)];
    (pool.busy_watts, pool.idle_watts)
}

/// IT watts that working instead of idling takes on a node.
fn rise(state: &State, number: u32) -> u64 {
    let (busy, idle) = watts(state, number);
    busy - idle
}

fn holding(state: &State, node: &Node) -> Holding {
    state.fleet.partition(node.partition).role.holding
}

/// Works out what the site has to do to stay within `limit`.
pub fn balance(state: &State, limit: Watts, now: Instant) -> Balance {
    let mut walk = Walk {
        state,
        now,
        it_limit: it_limit(state, limit),
        drawn: state.fleet.it_watts(),
        result: Balance::default(),
    };
    walk.tenants();
    walk.borrowed();
    walk.landlords();
    walk.idle();
    walk.result
}

/// The most IT watts whose facility power is within `limit`.
pub fn it_limit(state: &State, limit: Watts) -> u64 {
    let it = Ratio::whole(i128::from(limit.get())).over(state.site.pue).floor();
    u64::try_from(it).expect("an envelope is not negative")
}

struct Walk<'a> {
    state: &'a State,
    now: Instant,
    it_limit: u64,
    /// IT watts that are drawn after what was decided so far.
    drawn: u64,
    result: Balance,
}

/// A node of a holding on the ladder; the lowest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rung {
    beyond_depth: bool,
    order: u32,
    /// What is off stays off before anything else goes.
    on: bool,
    /// Work that would be lost with the gang on it; idle nodes have none.
    work: (u8, u64),
    job: u32,
    number: u32,
    lease: u16,
}

impl Walk<'_> {
    fn nodes(&self) -> impl Iterator<Item = (u32, &Node)> {
        let nodes = (0..).zip(self.state.fleet.nodes());
        nodes.filter(|(_, node)| node.condition != Condition::OutOfService)
    }

    /// Switches nodes of holdings off as far as tenants alone may draw more than the envelope, and
    /// on as far as it feeds them.
    fn tenants(&mut self) {
        let held = self.nodes().filter(|(_, node)| holding(self.state, node).lease().is_some());
        let mut floor: u64 = held.map(|(number, _)| watts(self.state, number).0).sum();
        for rung in self.rungs() {
            let on = self.state.fleet.node(rung.number).condition != Condition::Curtailed;
            if floor > self.it_limit {
                floor -= watts(self.state, rung.number).0;
                if on {
                    self.switch_off(&rung);
                }
            } else if !on {
                self.result.on.push(rung.number);
            }
        }
        for index in 0..self.result.held_off.len() {
            let off = self.result.held_off[index].nodes.iter().copied();
            let saved = self.stop_all_on(&NodeRanges::from_nodes(off));
            self.result.held_off[index].saved = saved;
        }
    }

    fn switch_off(&mut self, rung: &Rung) {
        let all = &mut self.result.held_off;
        let place = all.iter().position(|held| held.lease == rung.lease).unwrap_or_else(|| {
            all.push(HeldOff { lease: rung.lease, nodes: Vec::new(), beyond: 0, saved: 0 });
            all.len() - 1
        });
        all[place].nodes.push(rung.number);
        all[place].beyond += u32::from(rung.beyond_depth);
    }

    /// Counts what is saved when all jobs on `off` stop and its turnovers end.
    fn stop_all_on(&mut self, off: &NodeRanges) -> u64 {
        if off.is_empty() {
            return 0;
        }
        let state = self.state;
        let stopped = state.jobs.iter().filter(|(_, job)| touches(job, off));
        let freed = stopped.filter_map(|(_, job)| job.allocation()).flat_map(|at| at.whole.iter());
        let freed = NodeRanges::from_nodes(freed.filter(|number| !off.contains(*number)));
        let stopped: u64 = freed
            .iter()
            .filter(|number| state.fleet.node(*number).user != User::Nobody)
            .map(|number| rise(state, number))
            .sum();
        let saved = stopped + off.iter().map(|number| state.fleet.drawn_by(number)).sum::<u64>();
        self.drawn -= saved;
        saved
    }

    /// The nodes of holdings, in the order in which they go off.
    fn rungs(&self) -> Vec<Rung> {
        let work = work_by_node(self.state, self.now);
        let mut rungs: Vec<Rung> = Vec::new();
        let mut held = vec![0_i128; self.state.contracts.leases.len()];
        for (number, node) in self.nodes() {
            let Some(lease) = holding(self.state, node).lease() else { continue };
            held[usize::from(lease)] += 1;
            // There is nothing to switch off on a node that is out.
            if !matches!(node.condition, Condition::Down | Condition::Maintained) {
                rungs.push(self.rung(number, node, lease, work[number as usize]));
            }
        }
        rungs.sort_unstable();
        for (index, entry) in self.state.contracts.leases.iter().enumerate() {
            let depth = entry.terms().service.curtail.map_or(Ratio::ZERO, |curtail| curtail.depth);
            let agreed = Ratio::whole(held[index]).times(depth).floor();
            let mine = rungs.iter_mut().filter(|rung| usize::from(rung.lease) == index);
            let beyond = mine.skip(usize::try_from(agreed).expect("a site is small"));
            beyond.for_each(|rung| rung.beyond_depth = true);
        }
        rungs.sort_unstable();
        rungs
    }

    fn rung(&self, number: u32, node: &Node, lease: u16, (job, lost): (u32, u64)) -> Rung {
        let curtail = self.state.contracts.leases[usize::from(lease)].terms().service.curtail;
        // What is kept for the tenant's work is as good as under it.
        let busy = match (node.claim, node.user) {
            (Claim::Holder(_), _) | (_, User::Holder) => 2,
            (_, User::Guest) => 1,
            (_, User::Nobody) => 0,
        };
        Rung {
            beyond_depth: false,
            order: curtail.map_or(u32::MAX, |curtail| curtail.order),
            on: node.condition != Condition::Curtailed,
            work: (busy, lost),
            job,
            number,
            lease,
        }
    }

    /// Stops borrowed work, as far as more is drawn than may be.
    fn borrowed(&mut self) {
        let partitions = self.state.fleet.partitions().iter();
        let lent = (0..).zip(partitions).filter(|(_, partition)| !partition.guests.is_empty());
        let all: Vec<Group> =
            lent.flat_map(|(id, _)| groups(self.state, id, User::Guest)).collect();
        let (stopped, saved) = self.stop(&all, rise);
        let jobs = stopped.iter().flat_map(|group| members(self.state, group));
        let mut jobs: Vec<JobSlot> = jobs.map(|(slot, _)| slot).collect();
        jobs.sort_unstable();
        jobs.dedup();
        self.result.borrowed = jobs;
        self.result.borrowed_watts = saved;
    }

    /// Switches nodes of the landlord's own off, as far as more is drawn than may be: idle ones,
    /// those in turnover, those with work, and the reserve last.
    fn landlords(&mut self) {
        if self.drawn <= self.it_limit {
            return;
        }
        let before = self.drawn;
        let off = |of: Holding, node: &Node| {
            let rests = node.user == User::Nobody && node.claim == Claim::Free;
            let on = matches!(node.condition, Condition::Up | Condition::Turnover);
            holding(self.state, node) == of && rests && on
        };
        let resting = |of: Holding| -> Vec<u32> {
            let nodes = self.nodes().filter(|(_, node)| off(of, node));
            let mut nodes: Vec<(bool, u32)> =
                nodes.map(|(number, node)| (is_awaited(node), number)).collect();
            nodes.sort_unstable();
            nodes.into_iter().map(|(_, number)| number).collect()
        };
        let (own, reserve) = (resting(Holding::Own), resting(Holding::Reserve));
        self.switch_off_idle(&own);
        self.own_work();
        self.switch_off_idle(&reserve);
        self.result.own_watts = before - self.drawn;
    }

    /// Switches nodes without work off, as far as more is drawn than may be.
    fn switch_off_idle(&mut self, nodes: &[u32]) {
        for number in nodes {
            if self.drawn <= self.it_limit {
                return;
            }
            self.drawn -= self.state.fleet.drawn_by(*number);
            self.result.own_off.push(*number);
        }
    }

    /// Stops the landlord's own work, as far as more is drawn than may be. Its nodes go off.
    fn own_work(&mut self) {
        let pools = 0..self.state.site.pools.len();
        let own = pools.map(|pool| self.state.partition_of(Holding::Own, pool));
        let all: Vec<Group> = own.flat_map(|id| groups(self.state, id, User::Holder)).collect();
        let (stopped, _) = self.stop(&all, |state, number| watts(state, number).0);
        for group in stopped {
            self.result.own_off.extend(nodes_of(self.state, group).iter());
        }
    }

    /// The groups to stop so that no more is drawn than may be, and the IT watts that this saves.
    fn stop<'g>(
        &mut self,
        all: &'g [Group],
        saves: impl Fn(&State, u32) -> u64,
    ) -> (Vec<&'g Group>, u64) {
        if self.drawn <= self.it_limit {
            return (Vec::new(), 0);
        }
        let state = self.state;
        let worth = |group: &Group| -> u64 {
            nodes_of(state, group).iter().map(|number| saves(state, number)).sum()
        };
        let mut candidates: Vec<Candidate> = Vec::with_capacity(all.len());
        for (key, group) in (0..).zip(all) {
            let lost = members(state, group).iter().map(|(_, job)| job.lost_at(self.now)).sum();
            let nodes = u32::try_from(worth(group)).unwrap_or(u32::MAX);
            candidates.push(Candidate { key, nodes, lost });
        }
        let excess = u32::try_from(self.drawn - self.it_limit).unwrap_or(u32::MAX);
        let keys = choose(&mut candidates, excess)
            .unwrap_or_else(|| candidates.iter().map(|candidate| candidate.key).collect());
        let stopped: Vec<&Group> = keys.iter().map(|key| &all[*key as usize]).collect();
        let saved = stopped.iter().map(|group| worth(group)).sum();
        self.drawn = self.drawn.saturating_sub(saved);
        (stopped, saved)
    }

    /// Switches idle nodes of the landlord's own off or on, so that what is on could all work; if
    /// it could not even then, nothing is lent.
    fn idle(&mut self) {
        let leaving = self.result.off();
        let coming = NodeRanges::from_nodes(self.result.on.iter().copied());
        let could_draw = |(number, node): (u32, &Node)| {
            let (busy, idle) = watts(self.state, number);
            let off = node.condition == Condition::Curtailed && !coming.contains(number);
            // The reserve takes the power of what it stands in for; until then it only idles.
            let reserve = holding(self.state, node) == Holding::Reserve;
            let spare = reserve && node.condition != Condition::Turnover;
            match off || leaving.contains(number) {
                true => 0,
                false if spare => idle,
                false => busy,
            }
        };
        let mut could: u64 = self.nodes().map(could_draw).sum();
        let (mut idle, mut off) = (Vec::new(), Vec::new());
        for (number, node) in self.nodes() {
            let of = holding(self.state, node);
            if of.lease().is_some() || leaving.contains(number) {
                continue;
            }
            match node.condition {
                Condition::Curtailed => off.push((!is_awaited(node), number)),
                // What is awaited takes no work, and goes off once it is scrubbed.
                Condition::Up | Condition::Turnover
                    if of == Holding::Own && node.user == User::Nobody && !is_awaited(node) =>
                {
                    idle.push((!node.draining, node.claim != Claim::Free, number));
                }
                _ => {}
            }
        }
        idle.sort_unstable();
        off.sort_unstable();
        for (_, _, number) in idle {
            if could <= self.it_limit {
                break;
            }
            could -= watts(self.state, number).0;
            self.result.own_watts += self.state.fleet.drawn_by(number);
            self.result.own_off.push(number);
        }
        for (_, number) in off {
            if could + watts(self.state, number).0 <= self.it_limit {
                could += watts(self.state, number).0;
                self.result.on.push(number);
            }
        }
        self.result.lending = if could <= self.it_limit { Lending::Open } else { Lending::Closed };
    }
}

fn is_own(state: &State, node: &Node) -> bool {
    holding(state, node) == Holding::Own
}

/// Whether a node is to change hands and has to be scrubbed for that, which takes power.
const fn is_awaited(node: &Node) -> bool {
    node.draining && node.soil.is_some()
}

/// For each node the job with the most to lose on it, and what that is.
fn work_by_node(state: &State, now: Instant) -> Vec<(u32, u64)> {
    let mut work = vec![(0, 0); state.fleet.nodes().len()];
    for (slot, job) in state.jobs.iter() {
        let Some(at) = job.allocation() else { continue };
        let lost = job.lost_at(now);
        for node in at.whole.iter().chain(at.parts().map(|(node, _)| node)) {
            let entry = &mut work[node as usize];
            *entry = (*entry).max((slot, lost));
        }
    }
    work
}

/// Whether more is drawn than may be, or the landlord's own nodes stand idle while its work runs on
/// power that tenants may ask for.
pub fn is_due(state: &State) -> bool {
    let idle = |pool: usize| {
        let own = state.fleet.partition(state.partition_of(Holding::Own, pool));
        let sets = own.ready(User::Holder).into_iter().chain(own.soiled(User::Holder));
        sets.map(leasehold_scheduler::nodes::NodeSet::count).sum::<u32>() > 0
    };
    state.fleet.it_watts() > state.it_limit
        || state.lending == Lending::Closed && (0..state.site.pools.len()).any(idle)
}

/// Puts what keeps the site within what is `asked` behind `out`; false where nothing has to change.
pub fn keep_within(state: &State, asked: Asked, now: Instant, out: &mut Vec<Event>) -> bool {
    let mut balance = balance(state, asked.limit, now);
    balance.exchange(state);
    if state.lending == Lending::Closing && now < asked.next {
        balance.lending = Lending::Closing;
    }
    if balance.is_still(state) {
        return false;
    }
    let off = balance.off();
    let on_them = |slot: JobSlot| touches(state.jobs.get(slot), &off);
    let stops = balance.borrowed.iter().filter(|slot| !on_them(**slot));
    stops.for_each(|job| super::stop(state, *job, StopReason::Curtailed, out));
    if !off.is_empty() {
        super::clear_nodes(state, &off, StopReason::Curtailed, out);
        out.push(Event::NodesCurtailed { nodes: off });
    }
    if !balance.on.is_empty() {
        out.push(Event::NodesRestored { nodes: NodeRanges::from_nodes(balance.on.clone()) });
    }
    if balance.lending != state.lending {
        out.push(Event::LendingChanged { to: balance.lending });
    }
    record(state, &balance, asked, now, out);
    true
}

/// Records who was shed and who is back, and the breaches that this is.
fn record(state: &State, balance: &Balance, asked: Asked, now: Instant, out: &mut Vec<Event>) {
    let wanted = state.fleet.it_watts().saturating_sub(it_limit(state, asked.limit));
    let count = |nodes: usize| u32::try_from(nodes).expect("a site is small");
    let step = |kind, whose, (nodes, jobs): (usize, usize), it_watts: u64, beyond| {
        (nodes + jobs > 0).then_some(Event::PowerStepped(PowerStep {
            at: now,
            kind,
            whose,
            asked: facility(state, wanted),
            moved: facility(state, it_watts),
            nodes: count(nodes),
            beyond,
            jobs: count(jobs),
            after: now.since(asked.since),
        }))
    };
    let shed =
        |whose, moved, it_watts, beyond| step(PowerStepKind::Shed, whose, moved, it_watts, beyond);
    out.extend(shed(Whose::Borrowed, (0, balance.borrowed.len()), balance.borrowed_watts, 0));
    out.extend(shed(Whose::Own, (balance.own_off.len(), 0), balance.own_watts, 0));
    for held in &balance.held_off {
        let nodes = held.nodes.len();
        let whose = Whose::Lease(held.lease);
        out.extend(shed(whose, (nodes, 0), held.saved, held.beyond));
        out.push(Event::Breached(Breach {
            at: now,
            invariant: Invariant::Power,
            lease: state.contracts.leases[usize::from(held.lease)].terms().id.clone(),
            what: format!(
                "{nodes} nodes of the holding were switched off for an envelope of {} kW, \
                 {} of them beyond the agreed depth",
                grouped(&(asked.limit.get() / 1000).to_string()),
                held.beyond
            ),
        }));
    }
    let mut back: BTreeMap<Whose, (usize, u64)> = BTreeMap::new();
    for number in &balance.on {
        let whose = match holding(state, state.fleet.node(*number)) {
            Holding::Lease(lease) => Whose::Lease(lease),
            Holding::Own | Holding::Reserve => Whose::Own,
        };
        let entry = back.entry(whose).or_default();
        *entry = (entry.0 + 1, entry.1 + watts(state, *number).0);
    }
    for (whose, (nodes, it_watts)) in back {
        out.extend(step(PowerStepKind::Restored, whose, (nodes, 0), it_watts, 0));
    }
}

/// Facility power for IT power, in whole watts.
fn facility(state: &State, it: u64) -> Watts {
    state.site.facility_watts(Watts::new(it))
}
