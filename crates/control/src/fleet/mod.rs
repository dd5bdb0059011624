//! Every node of the site: in which partition, in what condition, under whose jobs.
//!
//! All changes go through [`Fleet::change`], which keeps the partitions' shelves, the gauges of
//! GPUs per state, the power drawn and the usage intervals in step with the nodes.

mod node;
mod partition;
mod service;
mod stored;

use std::ops::Range;

use leasehold_ledger::{GpuState, LeaseIndex, PartyIndex, ServiceInterval, UsageInterval};
use leasehold_scheduler::blocks::Geometry;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_site::Site;
use leasehold_units::{Instant, Interval};

pub use node::{Claim, Condition, Holding, JobSlot, LANDLORD, Node, PartitionId, Party, User};
pub use partition::{Partition, Role};
use service::{ServiceBook, View};
pub use stored::StoredFleet;

/// What is the same for all nodes of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolFacts {
    /// Its first node.
    pub first_node: u32,
    /// Its racks and arrays.
    pub geometry: Geometry,
    /// GPUs on each node.
    pub gpus_per_node: u8,
    /// Contracted IT watts of a node.
    pub busy_watts: u64,
    /// IT watts of a node without a job.
    pub idle_watts: u64,
    /// Seconds of turnover.
    pub turnover_seconds: u32,
    /// Seconds after which a turnover has failed.
    pub turnover_seconds_max: u32,
}

/// Every node of the site.
#[derive(Debug, Clone)]
pub struct Fleet {
    nodes: Vec<Node>,
    since: Vec<Instant>,
    /// Which change each node was part of last. Those of one change are alike, and since the same
    /// instant, so that most neighbours need not be compared.
    changes: Vec<u64>,
    /// Changes so far.
    change_count: u64,
    /// Pools in site order.
    pub pools: Vec<PoolFacts>,
    partitions: Vec<Partition>,
    /// GPUs per state; one row per lease, and a last one for the landlord's own.
    gauges: Vec<[u64; GpuState::ALL.len()]>,
    it_watts: u64,
    scrubbing_due: Vec<u32>,
    /// How often each partition gained room.
    room: Vec<u64>,
    /// When each did last.
    room_gained: Vec<Instant>,
    open_usage: Option<[Option<UsageInterval>; 2]>,
    usage: Vec<UsageInterval>,
    service: ServiceBook,
    /// When it was made.
    founded: Instant,
}

impl Fleet {
    /// The fleet of `site` at `from`: all nodes the landlord's own, out of service.
    pub fn new(site: &Site, leases: usize, from: Instant) -> Self {
        let mut fleet = Self {
            nodes: Vec::new(),
            since: Vec::new(),
            changes: Vec::new(),
            change_count: 0,
            pools: Vec::new(),
            partitions: Vec::new(),
            gauges: vec![[0; GpuState::ALL.len()]; leases + 1],
            it_watts: 0,
            scrubbing_due: Vec::new(),
            room: Vec::new(),
            room_gained: Vec::new(),
            founded: from,
            open_usage: None,
            usage: Vec::new(),
            service: ServiceBook::default(),
        };
        for (index, pool) in site.pools.iter().enumerate() {
            let sku = site.sku(pool);
            let gpus_per_node = u8::try_from(sku.gpus_per_node).expect("at most 64");
            fleet.pools.push(PoolFacts {
                first_node: pool.first_node,
                geometry: Geometry {
                    arrays: pool.arrays,
                    racks_per_array: pool.racks_per_array,
                    nodes_per_rack: pool.nodes_per_rack,
                },
                gpus_per_node,
                busy_watts: sku.node_power.contracted.get(),
                idle_watts: sku.node_power.idle.get(),
                turnover_seconds: u32::try_from(sku.turnover.get()).expect("a turnover is short"),
                turnover_seconds_max: u32::try_from(sku.turnover_limit.get()).unwrap_or(u32::MAX),
            });
            let role = Role {
                holding: Holding::Own,
                holder: LANDLORD,
                pool: u16::try_from(index).expect("few pools"),
                gpus_per_node,
                guest_vacate_seconds_max: None,
            };
            let partition = fleet.add_partition(role);
            let node = Node::out_of_service(partition);
            fleet.partitions[usize::from(partition)].members = pool.nodes();
            fleet.nodes.extend((0..pool.nodes()).map(|_| node));
            fleet.changes.resize(fleet.nodes.len(), fleet.change_count);
            fleet.change_count += 1;
        }
        for pool in 0..site.pools.len() {
            let role = Role { holding: Holding::Reserve, ..fleet.partitions[pool].role.clone() };
            fleet.add_partition(role);
        }
        fleet.since = vec![from; fleet.nodes.len()];
        fleet.service = ServiceBook::new(fleet.nodes.len(), from);
        fleet
    }

    /// Adds a partition for the nodes of one pool under one holder.
    pub fn add_partition(&mut self, role: Role) -> PartitionId {
        if let Some(lease) = role.lease() {
            while self.gauges.len() < usize::from(lease) + 2 {
                let own = self.gauges.len() - 1;
                self.gauges.insert(own, [0; GpuState::ALL.len()]);
            }
        }
        let PoolFacts { first_node, geometry, .. } = self.pools[usize::from(role.pool)];
        self.partitions.push(Partition::new(role, first_node, geometry));
        self.room.push(0);
        self.room_gained.push(self.founded);
        PartitionId::try_from(self.partitions.len() - 1).expect("few partitions")
    }

    /// The partitions, by number.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// One partition.
    pub fn partition(&self, id: PartitionId) -> &Partition {
        &self.partitions[usize::from(id)]
    }

    /// One partition, to book releases and guests in.
    pub fn partition_mut(&mut self, id: PartitionId) -> &mut Partition {
        &mut self.partitions[usize::from(id)]
    }

    /// One node.
    pub fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes of `numbers`, which are nodes of the site.
    pub fn nodes_in(&self, numbers: Range<u32>) -> &[Node] {
        &self.nodes[numbers.start as usize..numbers.end as usize]
    }

    /// Index of the pool of `number`.
    pub fn pool_of(&self, number: u32) -> usize {
        self.pools.partition_point(|pool| pool.first_node <= number) - 1
    }

    /// GPUs per state over the whole site.
    pub fn gauge_total(&self) -> [u64; GpuState::ALL.len()] {
        let mut total = [0; GpuState::ALL.len()];
        for row in &self.gauges {
            for (sum, count) in total.iter_mut().zip(row) {
                *sum += count;
            }
        }
        total
    }

    /// GPUs per state in the holding of lease number `lease`.
    pub fn gauge(&self, lease: u16) -> [u64; GpuState::ALL.len()] {
        self.gauges[usize::from(lease)]
    }

    /// IT watts of what is switched on: contracted power under a job or in turnover, idle power else.
    pub const fn it_watts(&self) -> u64 {
        self.it_watts
    }

    /// IT watts that node `number` draws.
    pub fn drawn_by(&self, number: u32) -> u64 {
        watts(self.node(number), &self.pools[self.pool_of(number)])
    }

    /// Nodes that wait for their turnover to begin.
    pub fn scrubbing_due(&self) -> &[u32] {
        &self.scrubbing_due
    }

    /// How often partition `id` gained room for work so far.
    pub fn room(&self, id: PartitionId) -> u64 {
        self.room[usize::from(id)]
    }

    /// When partition `id` gained room for work last.
    pub fn room_gained(&self, id: PartitionId) -> Instant {
        self.room_gained[usize::from(id)]
    }

    /// Whether its nodes lie on the same shelves, and its books of what comes back are the same.
    pub fn is_sorted_like(&self, other: &Self) -> bool {
        self.since == other.since
            && self.service.since() == other.service.since()
            && self.gauges == other.gauges
            && self.scrubbing_due == other.scrubbing_due
            && self.room == other.room
            && self.room_gained == other.room_gained
            && self.partitions.len() == other.partitions.len()
            && self.partitions.iter().zip(&other.partitions).all(|(a, b)| a.is_sorted_like(b))
    }

    /// Forgets that `nodes` wait for a turnover; it was decided.
    pub fn scrubbing_decided(&mut self, nodes: &NodeRanges) {
        if nodes.count() as usize == self.scrubbing_due.len() {
            self.scrubbing_due.clear();
        } else {
            self.scrubbing_due.retain(|node| !nodes.contains(*node));
        }
    }

    /// Nodes of [`Fleet::scrubbing_due`] that still need it.
    pub fn scrubbing_needed(&self) -> impl Iterator<Item = u32> + '_ {
        self.scrubbing_due.iter().copied().filter(|node| needs_scrub(self, self.node(*node)))
    }

    /// The service intervals that were closed since the last call.
    pub fn take_service(&mut self) -> Vec<ServiceInterval> {
        self.service.take()
    }

    /// Moves the usage intervals that were closed since the last call behind those of `to`.
    pub fn move_usage_to(&mut self, to: &mut Vec<UsageInterval>) {
        to.append(&mut self.usage);
    }

    /// Changes each node of `numbers` by `edit`, at `now`. A node that changed later than that changes at
    /// that later instant: what is known of it stands.
    ///
    /// Like neighbours are changed as one: a gang's nodes mostly are.
    pub fn change(&mut self, numbers: &NodeRanges, now: Instant, edit: impl Fn(&mut Node)) {
        for &(first, end) in numbers.ranges() {
            let mut from = first;
            while from < end {
                let until = self.run_end(from, end);
                self.change_run(from, until, now, &edit);
                from = until;
            }
        }
        self.flush_open();
        self.service.flush();
    }

    /// The end of the run of nodes like `first`, at most `end`.
    fn run_end(&self, first: u32, end: u32) -> u32 {
        let (from, until) = (first as usize, end as usize);
        let (node, since) = (self.nodes[from], self.since[from]);
        let mut at = from;
        while at < until && self.since[at] == since && self.nodes[at] == node {
            let together = self.changes[at];
            let run = self.changes[at..until].iter().take_while(|change| **change == together);
            at += run.count();
        }
        u32::try_from(at).expect("a site has few nodes")
    }

    /// Closes every usage interval at `now`; the same states go on in new ones.
    pub fn close(&mut self, now: Instant) {
        let end = u32::try_from(self.nodes.len()).expect("a site has few nodes");
        let mut from = 0;
        while from < end {
            let until = self.run_end(from, end);
            let node = self.nodes[from as usize];
            self.close_usage(from, until, &node, now);
            self.service.close(from..until, self.view(&node), now);
            from = until;
        }
        self.flush_open();
        self.service.flush();
    }

    /// Changes the nodes from `first` to `end`, which are alike.
    fn change_run(&mut self, first: u32, end: u32, now: Instant, edit: &impl Fn(&mut Node)) {
        let before = self.nodes[first as usize];
        let mut after = before;
        edit(&mut after);
        let now = now.max(self.since[first as usize]);
        if before == after {
            return;
        }
        let same_row = before.partition == after.partition
            && before.condition == after.condition
            && before.used == after.used
            && before.user == after.user;
        if !same_row {
            self.close_usage(first, end, &before, now);
            let (seen, sees) = (self.view(&before), self.view(&after));
            if seen != sees {
                self.service.close(first..end, seen, now);
            }
            self.count(&before, end - first, false);
            self.count(&after, end - first, true);
        }
        self.partitions[usize::from(before.partition)].remove(first, end, &before);
        self.partitions[usize::from(after.partition)].insert(first, end, &after);
        self.nodes[first as usize..end as usize].fill(after);
        self.changes[first as usize..end as usize].fill(self.change_count);
        self.change_count += 1;
        if needs_scrub(self, &after) && !needs_scrub(self, &before) {
            self.scrubbing_due.extend(first..end);
        }
        if gains_room(&before, &after) {
            self.room[usize::from(after.partition)] += 1;
            let gained = &mut self.room_gained[usize::from(after.partition)];
            *gained = now.max(*gained);
        }
    }

    /// What the tenant sees of a node like `node`, if it is in a holding.
    fn view(&self, node: &Node) -> Option<View> {
        View::of(node, &self.partitions[usize::from(node.partition)].role)
    }

    fn states(&self, node: &Node) -> node::NodeStates {
        let role = &self.partitions[usize::from(node.partition)].role;
        node.states(role.lease().is_some(), role.gpus_per_node)
    }

    /// Counts `nodes` nodes like `node` into the gauges and the power, or out of them.
    fn count(&mut self, node: &Node, nodes: u32, add: bool) {
        if node.condition == Condition::OutOfService {
            return;
        }
        let role = &self.partitions[usize::from(node.partition)].role;
        let row = role.lease().map_or(self.gauges.len() - 1, usize::from);
        let states = node.states(role.lease().is_some(), role.gpus_per_node);
        let rest = role.gpus_per_node - states.busy_gpus;
        let nodes = u64::from(nodes);
        let watts = watts(node, &self.pools[usize::from(role.pool)]) * nodes;
        let gauge = &mut self.gauges[row];
        for (state, gpus) in [(states.busy, states.busy_gpus), (states.idle, rest)] {
            let cell = &mut gauge[state.index()];
            let gpus = u64::from(gpus) * nodes;
            *cell = if add { *cell + gpus } else { *cell - gpus };
        }
        self.it_watts = if add { self.it_watts + watts } else { self.it_watts - watts };
    }

    /// Closes the interval that the nodes from `first` to `end`, all like `node`, were in.
    fn close_usage(&mut self, first: u32, end: u32, node: &Node, now: Instant) {
        let since = self.since[first as usize];
        self.since[first as usize..end as usize].fill(now);
        if since == now || node.condition == Condition::OutOfService {
            return;
        }
        let role = &self.partitions[usize::from(node.partition)].role;
        let states = self.states(node);
        let party = match node.user {
            User::Nobody => None,
            User::Holder => Some(PartyIndex(role.holder)),
            User::Guest => Some(PartyIndex(LANDLORD)),
        };
        let row = |state, gpus: u8, party| {
            (gpus > 0).then_some(UsageInterval {
                first_node: first,
                nodes: end - first,
                gpus_per_node: u32::from(gpus),
                state,
                party,
                lease: role.lease().map(LeaseIndex),
                interval: Interval::new(since, now),
            })
        };
        let rows = [
            row(states.busy, states.busy_gpus, party),
            row(states.idle, role.gpus_per_node - states.busy_gpus, None),
        ];
        self.push_usage(rows);
    }

    /// Joins rows that continue the node before them.
    fn push_usage(&mut self, rows: [Option<UsageInterval>; 2]) {
        if let Some(open) = &mut self.open_usage {
            let joins = open.iter().zip(&rows).all(|(open, row)| match (open, row) {
                (Some(open), Some(row)) => continues(open, row),
                (None, None) => true,
                _ => false,
            });
            if joins {
                for (open, row) in open.iter_mut().flatten().zip(rows.iter().flatten()) {
                    open.nodes += row.nodes;
                }
                return;
            }
        }
        self.flush_open();
        self.open_usage = Some(rows);
    }

    fn flush_open(&mut self) {
        if let Some(rows) = self.open_usage.take() {
            self.usage.extend(rows.into_iter().flatten());
        }
    }
}

/// Whether the change lets somebody start who could not before.
fn gains_room(before: &Node, after: &Node) -> bool {
    let idle = |node: &Node| node.user == User::Nobody && node.serves();
    (after.claimable() && !before.claimable())
        || (idle(after) && (!idle(before) || before.claim != after.claim))
        || after.condition != before.condition
        || after.used < before.used
        || before.partition != after.partition
}

fn needs_scrub(fleet: &Fleet, node: &Node) -> bool {
    if node.condition != Condition::Up || node.user != User::Nobody {
        return false;
    }
    let role = &fleet.partition(node.partition).role;
    let party = match node.claim {
        Claim::Holder(_) => role.holder,
        Claim::Guest(_) => LANDLORD,
        // Nodes in reserve are kept clean, so that they can stand in at once.
        Claim::Free => return (node.draining || role.is_reserve()) && node.soil.is_some(),
    };
    node.soil.is_some_and(|soil| soil != party)
}

const fn watts(node: &Node, facts: &PoolFacts) -> u64 {
    match (node.condition, node.user) {
        (
            Condition::OutOfService
            | Condition::Down
            | Condition::Maintained
            | Condition::Curtailed,
            _,
        ) => 0,
        (Condition::Up, User::Nobody) => facts.idle_watts,
        (Condition::Turnover, _) | (Condition::Up, _) => facts.busy_watts,
    }
}

fn continues(open: &UsageInterval, row: &UsageInterval) -> bool {
    open.first_node + open.nodes == row.first_node
        && open.interval == row.interval
        && open.state == row.state
        && open.party == row.party
        && open.lease == row.lease
        && open.gpus_per_node == row.gpus_per_node
}
