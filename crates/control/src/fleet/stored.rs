//! The stored form of a fleet: runs of like nodes. What is sorted, counted and summed from the nodes
//! is worked out again.

use leasehold_site::Site;
use leasehold_units::Instant;
use serde::{Deserialize, Serialize, Serializer};

use super::service::ServiceBook;
use super::{Fleet, Node, Role};

/// A fleet as it is stored, between two events.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredFleet {
    /// In order of their numbers, over the whole site; none reaches into another pool.
    runs: Vec<StoredRun>,
    partitions: Vec<StoredPartition>,
    scrubbing_due: Vec<u32>,
    founded: Instant,
}

/// Neighbours that are alike.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRun {
    count: u32,
    node: Node,
    since: Instant,
    seen_since: Instant,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredPartition {
    role: Role,
    guests: Vec<u32>,
    room: u64,
    room_gained: Instant,
}

impl Serialize for Fleet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        debug_assert!(self.open_usage.is_none() && self.usage.is_empty(), "an event is half done");
        let partitions = (0..).zip(&self.partitions).map(|(id, partition)| StoredPartition {
            role: partition.role.clone(),
            guests: partition.guests.clone(),
            room: self.room(id),
            room_gained: self.room_gained(id),
        });
        let stored = StoredFleet {
            runs: self.runs(),
            partitions: partitions.collect(),
            scrubbing_due: self.scrubbing_due.clone(),
            founded: self.founded,
        };
        stored.serialize(to)
    }
}

impl Fleet {
    fn runs(&self) -> Vec<StoredRun> {
        let seen = self.service.since();
        let mut runs: Vec<StoredRun> = Vec::new();
        for pool in 0..self.pools.len() {
            let first = self.pools[pool].first_node as usize;
            let end = self.pools.get(pool + 1).map_or(self.nodes.len(), |p| p.first_node as usize);
            let mut from = first;
            while from < end {
                let (node, since, seen_since) = (self.nodes[from], self.since[from], seen[from]);
                let like = |at: &usize| {
                    self.nodes[*at] == node && self.since[*at] == since && seen[*at] == seen_since
                };
                let until = from + (from..end).take_while(like).count();
                let count = u32::try_from(until - from).expect("a site has few nodes");
                runs.push(StoredRun { count, node, since, seen_since });
                from = until;
            }
        }
        runs
    }

    /// The fleet of `site` that was stored. What runs on it is booked by whoever knows the jobs.
    ///
    /// # Errors
    /// Where it is no fleet of that site.
    pub fn restored(stored: StoredFleet, site: &Site) -> Result<Self, String> {
        let mut fleet = Self::new(site, 0, stored.founded);
        let nodes: u64 = stored.runs.iter().map(|run| u64::from(run.count)).sum();
        if nodes != site.nodes().get() {
            return Err(format!("{nodes} nodes are stored, the site has {}", site.nodes()));
        }
        let known = fleet.partitions.len();
        if stored.partitions.len() < known {
            return Err("a partition of the site is missing".into());
        }
        for (place, partition) in stored.partitions.into_iter().enumerate() {
            if place >= known {
                fleet.add_partition(partition.role);
            }
            fleet.partitions[place].guests = partition.guests;
            fleet.partitions[place].members = 0;
            fleet.room[place] = partition.room;
            fleet.room_gained[place] = partition.room_gained;
        }
        let mut seen = Vec::with_capacity(fleet.nodes.len());
        let mut first = 0;
        for run in stored.runs {
            let end = first + run.count;
            if usize::from(run.node.partition) >= fleet.partitions.len() {
                return Err(format!("nodes {first} to {end} are in a partition that is not there"));
            }
            seen.resize(end as usize, run.seen_since);
            fleet.take_up(first, end, &run);
            first = end;
        }
        fleet.scrubbing_due = stored.scrubbing_due;
        fleet.service = ServiceBook::restored(seen);
        Ok(fleet)
    }

    /// Puts a run of nodes where it was.
    fn take_up(&mut self, first: u32, end: u32, run: &StoredRun) {
        let range = first as usize..end as usize;
        self.nodes[range.clone()].fill(run.node);
        self.since[range.clone()].fill(run.since);
        self.changes[range].fill(self.change_count);
        self.change_count += 1;
        self.count(&run.node, end - first, true);
        self.partitions[usize::from(run.node.partition)].insert(first, end, &run.node);
    }
}
