//! One version of a lease, as it was signed.

use std::sync::Arc;

use leasehold_units::{
    Day, Gpus, LeaseId, Money, Nodes, PartyId, PowerBasis, Ratio, Seconds, Shape, SiteId, SkuId,
    Watts, Zone,
};
use serde::{Deserialize, Serialize};

use crate::Fee;

/// One version of a lease's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The file that was signed, byte for byte.
    pub text: Arc<str>,
    /// Name shared by all versions.
    pub id: LeaseId,
    /// 1 for the lease as first signed, then one more for each amendment.
    pub version: u32,
    /// First day on which this version governs; the term's first day for version 1.
    pub effective: Day,
    /// The site it is on.
    pub site: SiteId,
    /// Who lets.
    pub landlord: PartyId,
    /// Who rents.
    pub tenant: PartyId,
    /// Day of signature.
    pub signed: Day,
    /// Zone of every civil day in the lease.
    pub time_zone: Zone,
    /// The words that the terms encode.
    pub source: Option<String>,
    /// First day of service.
    pub start: Day,
    /// Last day of service, included.
    pub end: Day,
    /// Termination for convenience; absent: nobody may.
    pub notice: Option<NoticeTerms>,
    /// What is granted.
    pub capacity: Capacity,
    /// What happens when a ramp step is short.
    pub delivery: Option<Delivery>,
    /// What is owed.
    pub fee: Fee,
    /// What is promised about the service.
    pub service: Service,
}

/// A side of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The party that lets.
    Landlord,
    /// The party that rents.
    Tenant,
}

/// Who may terminate for convenience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeBy {
    /// Both.
    Either,
    /// One of them.
    Only(Side),
}

/// Termination for convenience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeTerms {
    /// Who may give it.
    pub by: NoticeBy,
    /// Notice given on day D makes D + `days` the last day of service.
    pub days: u32,
    /// First day on which it may be given; absent: from signature on.
    pub not_before: Option<Day>,
}

/// A notice that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The side that gave it.
    pub by: Side,
    /// The day it was given.
    pub given: Day,
}

/// What is granted, and in what blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// The full amount, after the ramp.
    pub amount: Amount,
    /// On what watts are counted; absent where no amount is in watts.
    pub basis: Option<WattBasis>,
    /// Kinds of node it may be met from, in order of preference; empty: any, in pool order.
    pub skus: Vec<SkuId>,
    /// The whole blocks it is promised in.
    pub shape: Shape,
    /// What two parties never share.
    pub isolation: Isolation,
    /// Steps before the full amount, by first day; may be empty.
    pub ramp: Vec<RampStep>,
}

/// How much capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// What is in service and can be fed.
    All,
    /// As many whole blocks as fit.
    Power(Watts),
    /// At least so many GPUs.
    Gpus(Gpus),
    /// So many nodes.
    Nodes(Nodes),
    /// So many racks.
    Racks(u64),
    /// So many arrays.
    Arrays(u64),
}

/// Where watts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeteringPoint {
    /// At the grid connection, cooling included: IT times PUE.
    Facility,
    /// At the racks.
    It,
}

/// On what watts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WattBasis {
    /// Where.
    pub point: MeteringPoint,
    /// Which figure of a node's power.
    pub power: PowerBasis,
}

/// What two parties never share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// A node.
    Node,
    /// A rack.
    Rack,
}

/// One step of the ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RampStep {
    /// First day.
    pub from: Day,
    /// How much, from then on.
    pub amount: Amount,
    /// Share of the fixed fee, 0 to 1.
    pub fee: Ratio,
}

/// What happens when a ramp step is short on its day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Day by which the full amount is due.
    pub due: Day,
    /// Days of grace after it.
    pub grace_days: u32,
    /// The remedy.
    pub remedy: Remedy,
}

/// What a short delivery entitles the tenant to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// The fee follows what was delivered.
    ProRata,
    /// The lease ends.
    Terminate,
    /// The tenant chooses.
    TenantElects,
}

/// What is promised about the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Whether the landlord may run on idle nodes of the holding.
    pub idle_use: IdleUse,
    /// The reclaim bound; absent only where nobody may borrow.
    pub reclaim_within: Option<Seconds>,
    /// Delivered over entitled GPU-seconds that is promised per invoice period, 0 to 1.
    pub availability: Option<Ratio>,
    /// What the availability does not count.
    pub exclude: Exclusions,
    /// Credits, deepest last.
    pub credits: Vec<ServiceCredit>,
    /// Credit for each reclaim that was late.
    pub reclaim_miss_credit: Option<Money>,
    /// Share of the invoice period's fixed fee, 0 to 1, for a period in which a curtailment went
    /// beyond the agreed depth.
    pub curtail_credit: Option<Ratio>,
    /// When and how far this lease sheds under curtailment; absent: last, and not at all.
    pub curtail: Option<Curtail>,
    /// How long the landlord may work on nodes of the holding; absent: not at all, unless others
    /// stand for them meanwhile.
    pub maintenance: Option<Maintenance>,
}

/// Planned maintenance that a lease agrees to: it counts neither as unavailable nor as oversold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance {
    /// The longest that nodes of the holding may be out by agreement in a civil month, whether one
    /// of them or all.
    pub hours_per_month: u32,
    /// How long ahead it has to be announced.
    pub notice: Seconds,
}

/// What the availability does not count: GPU-seconds that are missing for such a reason are
/// neither entitled nor delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusions {
    /// Maintenance that the tenant agreed to.
    pub maintenance: bool,
    /// What the tenant brought about itself.
    pub tenant_fault: bool,
}

/// Who may use idle nodes of a holding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleUse {
    /// The landlord's own work may borrow them.
    Landlord,
    /// Nobody.
    None,
}

/// One step of the credit ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceCredit {
    /// Applies to an availability below this.
    pub below: Ratio,
    /// Share of the period's fixed fee.
    pub credit: Ratio,
}

/// When and how far a lease sheds under curtailment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Curtail {
    /// Sheds after all lower orders.
    pub order: u32,
    /// At most this share of its holding, 0 to 1.
    pub depth: Ratio,
}
