//! A pool's nodes under one holder, sorted by what could be placed on them.

use leasehold_scheduler::backfill::Releases;
use leasehold_scheduler::blocks::Geometry;
use leasehold_scheduler::nodes::NodeSet;
use serde::{Deserialize, Serialize};

use super::node::{Holding, Node, Party, Shelf, User};

/// What a partition is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// What its nodes stand for.
    pub holding: Holding,
    /// The party that holds it.
    pub holder: Party,
    /// Index of the pool in the site.
    pub pool: u16,
    /// GPUs on each of its nodes.
    pub gpus_per_node: u8,
    /// The longest that a borrower may take to leave, turnover not included; none: no borrowing.
    pub guest_vacate_seconds_max: Option<u32>,
}

/// A pool's nodes under one holder.
#[derive(Debug, Clone)]
pub struct Partition {
    /// What it is.
    pub role: Role,
    /// Idle and scrubbed.
    pub clean: NodeSet,
    /// Idle, last used by the holder.
    pub holder_soiled: NodeSet,
    /// Idle, last used by a borrower.
    pub guest_soiled: NodeSet,
    /// Idle, last used by a third party.
    pub foreign_soiled: NodeSet,
    /// In turnover or kept for a borrower.
    pub recallable: NodeSet,
    /// By free GPUs: nodes under the holder's jobs.
    pub holder_part: Vec<NodeSet>,
    /// By free GPUs: nodes under borrowers.
    pub guest_part: Vec<NodeSet>,
    /// Nodes in it, whatever their condition.
    pub members: u32,
    /// Nodes that take work, used or not.
    pub serving: u32,
    /// Nodes that the holder could have.
    pub claimable: u32,
    /// Nodes under the holder's jobs or kept for them; with `claimable` it makes `serving`.
    pub taken: u32,
    /// When the holder's nodes are expected back.
    pub holder_releases: Releases,
    /// When anybody's nodes are expected back.
    pub all_releases: Releases,
    /// Borrowers with nodes here, in no particular order.
    pub guests: Vec<u32>,
}

impl Role {
    /// The lease that grants it, if one does.
    pub const fn lease(&self) -> Option<u16> {
        self.holding.lease()
    }

    /// Whether it is set aside for failures.
    pub const fn is_reserve(&self) -> bool {
        matches!(self.holding, Holding::Reserve)
    }
}

impl Partition {
    /// A partition of the pool's nodes, numbered from `first_node` on, without any yet.
    pub fn new(role: Role, first_node: u32, geometry: Geometry) -> Self {
        let empty = || NodeSet::new(first_node, geometry);
        let parts = || (0..role.gpus_per_node).map(|_| empty()).collect::<Vec<_>>();
        Self {
            clean: empty(),
            holder_soiled: empty(),
            guest_soiled: empty(),
            foreign_soiled: empty(),
            recallable: empty(),
            holder_part: parts(),
            guest_part: parts(),
            members: 0,
            serving: 0,
            claimable: 0,
            taken: 0,
            holder_releases: Releases::new(),
            all_releases: Releases::new(),
            guests: Vec::new(),
            role,
        }
    }

    /// Whether the same nodes lie on the same shelves, and the same comes back.
    pub fn is_sorted_like(&self, other: &Self) -> bool {
        let counts = |one: &Self| {
            let total = (one.holder_releases.total(), one.all_releases.total());
            (one.members, one.serving, one.claimable, one.taken, total)
        };
        let shelves = |one: &Self| {
            let idle = [&one.clean, &one.holder_soiled, &one.guest_soiled, &one.foreign_soiled];
            let idle = idle.into_iter().chain([&one.recallable]).cloned();
            let parts = one.holder_part.iter().chain(&one.guest_part).cloned();
            idle.chain(parts).collect::<Vec<NodeSet>>()
        };
        self.role == other.role
            && self.guests == other.guests
            && counts(self) == counts(other)
            && shelves(self) == shelves(other)
    }

    /// Takes the nodes from `first` to `end`, all like `node`, off their shelf and out of the counts.
    pub fn remove(&mut self, first: u32, end: u32, node: &Node) {
        if let Some(set) = self.set(node.shelf(self.role.holder, self.role.gpus_per_node)) {
            set.remove(first, end);
        }
        let counts = Counts::of(node, end - first);
        self.members -= end - first;
        self.serving -= counts.serving;
        self.claimable -= counts.claimable;
        self.taken -= counts.taken;
    }

    /// Puts the nodes from `first` to `end`, all like `node`, on their shelf and into the counts.
    pub fn insert(&mut self, first: u32, end: u32, node: &Node) {
        if let Some(set) = self.set(node.shelf(self.role.holder, self.role.gpus_per_node)) {
            set.insert(first, end);
        }
        let counts = Counts::of(node, end - first);
        self.members += end - first;
        self.serving += counts.serving;
        self.claimable += counts.claimable;
        self.taken += counts.taken;
    }

    fn set(&mut self, shelf: Shelf) -> Option<&mut NodeSet> {
        match shelf {
            Shelf::Off => None,
            Shelf::Clean => Some(&mut self.clean),
            Shelf::HolderSoiled => Some(&mut self.holder_soiled),
            Shelf::GuestSoiled => Some(&mut self.guest_soiled),
            Shelf::ForeignSoiled => Some(&mut self.foreign_soiled),
            Shelf::Recallable => Some(&mut self.recallable),
            Shelf::HolderPart(free) => Some(&mut self.holder_part[usize::from(free)]),
            Shelf::GuestPart(free) => Some(&mut self.guest_part[usize::from(free)]),
        }
    }

    /// Idle nodes on which `user` may start at once, the ones to prefer first.
    pub fn ready(&self, user: User) -> [&NodeSet; 2] {
        match user {
            User::Guest => [&self.guest_soiled, &self.clean],
            User::Holder | User::Nobody => [&self.holder_soiled, &self.clean],
        }
    }

    /// Idle nodes on which `user` may start after a turnover.
    pub fn soiled(&self, user: User) -> [&NodeSet; 2] {
        match user {
            User::Guest => [&self.holder_soiled, &self.foreign_soiled],
            User::Holder | User::Nobody => [&self.guest_soiled, &self.foreign_soiled],
        }
    }

    /// The most free GPUs on a node that `user` shares already, and that node set.
    pub fn widest_part(&self, user: User) -> u8 {
        let parts = self.parts(user);
        let widest = (1..parts.len()).rev().find(|&free| parts[free].count() > 0);
        u8::try_from(widest.unwrap_or(0)).expect("a node has few GPUs")
    }

    /// The fullest shared node of `user` that still has `gpus` free.
    pub fn tightest_part(&self, user: User, gpus: u32) -> Option<u32> {
        self.parts(user).iter().skip(gpus as usize).find_map(NodeSet::first)
    }

    fn parts(&self, user: User) -> &[NodeSet] {
        match user {
            User::Guest => &self.guest_part,
            User::Holder | User::Nobody => &self.holder_part,
        }
    }

    /// Whole nodes that `user` could be given now, at whatever cost to borrowers.
    pub fn nodes_free(&self, user: User) -> u32 {
        match user {
            User::Guest => count(self.ready(user)) + count(self.soiled(user)),
            User::Holder | User::Nobody => self.claimable,
        }
    }

    /// The largest gang of `user`, in GPUs, that could be placed now. Every smaller one fits too.
    ///
    /// A gang that needs a turnover or an eviction first is given whole nodes only, so a shared
    /// node counts just where everything else is ready.
    pub fn gpus_free(&self, user: User) -> u64 {
        let nodes = self.nodes_free(user);
        let part = if count(self.ready(user)) == nodes { self.widest_part(user) } else { 0 };
        u64::from(nodes) * u64::from(self.role.gpus_per_node) + u64::from(part)
    }

    /// When nodes come back to `user`.
    pub fn releases(&self, user: User) -> &Releases {
        match user {
            User::Guest => &self.all_releases,
            User::Holder | User::Nobody => &self.holder_releases,
        }
    }
}

/// What some like nodes add to a partition's counts.
struct Counts {
    serving: u32,
    claimable: u32,
    taken: u32,
}

impl Counts {
    fn of(node: &Node, nodes: u32) -> Self {
        let some = |yes: bool| if yes { nodes } else { 0 };
        Self {
            serving: some(node.serves()),
            claimable: some(node.claimable()),
            taken: some(node.taken()),
        }
    }
}

fn count(sets: [&NodeSet; 2]) -> u32 {
    sets[0].count() + sets[1].count()
}
