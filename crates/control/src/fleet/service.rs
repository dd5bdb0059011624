//! What tenants see of their nodes: service intervals, which end where a tenant can see that they
//! do, and nowhere else. Whether an idle node is lent, scrubbed or kept does not show.

use std::ops::Range;

use leasehold_ledger::{LeaseIndex, ServiceInterval, ServiceState};
use leasehold_units::{Instant, Interval};

use super::node::{Condition, Node, User};
use super::partition::Role;

/// What a tenant sees of one of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    lease: LeaseIndex,
    pool: u16,
    /// What the first `busy_gpus` of its GPUs are doing; the rest are idle.
    busy: ServiceState,
    busy_gpus: u8,
    gpus_per_node: u8,
}

/// Since when tenants see of each node what they see, and what was closed.
#[derive(Debug, Clone, Default)]
pub struct ServiceBook {
    since: Vec<Instant>,
    /// Like neighbours that were closed last: more may follow.
    open: Option<(Range<u32>, View, Interval)>,
    closed: Vec<ServiceInterval>,
}

impl View {
    /// What the tenant sees of `node`, which plays `role`; nothing where it is nobody's.
    pub fn of(node: &Node, role: &Role) -> Option<Self> {
        let whole = role.gpus_per_node;
        let (busy, busy_gpus) = match (node.condition, node.user) {
            (Condition::OutOfService, _) => return None,
            (Condition::Down | Condition::Maintained, _) => (ServiceState::Down, whole),
            (Condition::Curtailed, _) => (ServiceState::Curtailed, whole),
            (Condition::Up, User::Holder) => (ServiceState::Used, node.used),
            (Condition::Up | Condition::Turnover, _) => (ServiceState::Idle, 0),
        };
        let lease = LeaseIndex(role.lease()?);
        Some(Self { lease, pool: role.pool, busy, busy_gpus, gpus_per_node: whole })
    }

    fn rows(self, nodes: &Range<u32>, interval: Interval) -> impl Iterator<Item = ServiceInterval> {
        let idle = self.gpus_per_node - self.busy_gpus;
        let parts = [(self.busy, self.busy_gpus), (ServiceState::Idle, idle)];
        let (first_node, count) = (nodes.start, nodes.end - nodes.start);
        parts.into_iter().filter(|(_, gpus)| *gpus > 0).map(move |(state, gpus)| ServiceInterval {
            lease: self.lease,
            pool: self.pool,
            first_node,
            nodes: count,
            gpus_per_node: u32::from(gpus),
            state,
            interval,
        })
    }
}

impl super::Fleet {
    /// What tenants see of their nodes at `until` and did before, in intervals that go on: they are cut at
    /// `until`, and nothing is closed. `until`: no node changed later.
    pub fn running_service(&self, until: Instant) -> Vec<ServiceInterval> {
        let mut book = ServiceBook::restored(self.service.since().to_vec());
        let end = u32::try_from(self.nodes().len()).expect("a site has few nodes");
        let mut from = 0;
        while from < end {
            let next = self.run_end(from, end);
            book.close(from..next, self.view(self.node(from)), until);
            from = next;
        }
        book.flush();
        book.take()
    }
}

impl ServiceBook {
    /// A book for `nodes` nodes of which tenants see nothing before `from`.
    pub fn new(nodes: usize, from: Instant) -> Self {
        Self { since: vec![from; nodes], open: None, closed: Vec::new() }
    }

    /// A book as it stood between two events, when nothing was open: since when what is seen of each
    /// node is seen.
    pub const fn restored(since: Vec<Instant>) -> Self {
        Self { since, open: None, closed: Vec::new() }
    }

    /// Since when what is seen of each node is seen.
    pub fn since(&self) -> &[Instant] {
        &self.since
    }

    /// Closes what was seen of `nodes` until `now`, which was `view` of each.
    pub fn close(&mut self, nodes: Range<u32>, view: Option<View>, now: Instant) {
        let mut first = nodes.start;
        debug_assert!(
            self.since[nodes.start as usize..nodes.end as usize].iter().all(|since| *since <= now),
            "a tenant sees nothing of a node that did not change"
        );
        while first < nodes.end {
            let since = self.since[first as usize];
            let run = self.since[first as usize..nodes.end as usize].iter();
            let count = run.take_while(|other| **other == since).count();
            let end = first + u32::try_from(count).expect("a site has few nodes");
            if let Some(view) = view.filter(|_| since < now) {
                self.add(first..end, view, Interval::new(since, now));
            }
            first = end;
        }
        self.since[nodes.start as usize..nodes.end as usize].fill(now);
    }

    /// Adds a row, or lengthens the last one where it continues that.
    fn add(&mut self, nodes: Range<u32>, view: View, interval: Interval) {
        match &mut self.open {
            Some((open, seen, since))
                if open.end == nodes.start && *seen == view && *since == interval =>
            {
                open.end = nodes.end;
            }
            _ => {
                self.flush();
                self.open = Some((nodes, view, interval));
            }
        }
    }

    /// Closes the last row: nothing more follows at once.
    pub fn flush(&mut self) {
        if let Some((nodes, view, interval)) = self.open.take() {
            self.closed.extend(view.rows(&nodes, interval));
        }
    }

    /// What was closed since the last call.
    pub fn take(&mut self) -> Vec<ServiceInterval> {
        std::mem::take(&mut self.closed)
    }
}
