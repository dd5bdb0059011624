//! Planned maintenance and holds of quotes: what is set aside for a while, by word and not by chance.

use leasehold_allocator::{LeasePlan, Outage};
use leasehold_lease::{Lease, Terms};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Interval, LeaseId, OutageId};
use serde::{Deserialize, Serialize};

/// Maintenance, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageAsk {
    /// Its name.
    pub id: OutageId,
    /// What is done meanwhile, free text.
    pub what: String,
    /// The nodes that are to be out.
    pub nodes: NodeRanges,
    /// When.
    pub interval: Interval,
    /// Whose agreed hours are to be used.
    pub agreed: Agreed,
}

/// Whose leases let the landlord work on nodes of their holdings. The hours are what their terms
/// say: more is an amendment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreed {
    /// Nobody's: everything is planned around the outage.
    Nobody,
    /// All whose terms have hours for it.
    All,
    /// These.
    Leases(Vec<LeaseId>),
}

/// Maintenance, as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlannedOutage {
    /// Its name.
    pub id: OutageId,
    /// What is done meanwhile.
    pub what: String,
    /// Nodes that are out, whoever is promised them until then: the plan goes around them.
    pub around: NodeRanges,
    /// Nodes of a holding that are out by agreement, by the number of the lease. They stay in the
    /// holding, and are out for as long as they are in it.
    pub agreed: Vec<(u16, NodeRanges)>,
    /// When.
    pub interval: Interval,
}

impl PlannedOutage {
    /// What the plan goes around.
    pub fn parts(&self) -> impl Iterator<Item = Outage> + '_ {
        let interval = self.interval;
        let ranges = self.around.ranges().iter();
        ranges.map(move |(first, end)| Outage { nodes: *first..*end, interval })
    }

    /// Nodes that are out, by agreement or not.
    pub fn nodes(&self) -> NodeRanges {
        let agreed = self.agreed.iter().flat_map(|(_, nodes)| nodes.iter());
        NodeRanges::from_nodes(self.around.iter().chain(agreed))
    }
}

/// The capacity of a quote, set aside while it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The terms that were quoted.
    pub lease: Lease,
    /// From when on the capacity is for sale again.
    pub expires: Instant,
    /// What it would be granted.
    pub plan: LeasePlan,
}

impl Hold {
    /// Whether `terms` are what was quoted, whatever the day of their signature and the words of their
    /// file.
    pub fn is_of(&self, terms: &Terms) -> bool {
        let quoted = self.lease.latest();
        let unsigned = Terms {
            signed: quoted.signed,
            source: quoted.source.clone(),
            text: quoted.text.clone(),
            ..terms.clone()
        };
        unsigned == *quoted
    }
}
