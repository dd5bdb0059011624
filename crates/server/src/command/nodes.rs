//! Nodes and power: drained, failed, repaired; the envelope lowered for a while.

use leasehold_control::{Agreed, Ask, Cause, CurtailmentAsk, Input, OutageAsk};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Interval, OutageId, Watts};

use super::{Desk, Done, Refusal, Reply};

/// What is asked of the plant.
#[derive(Debug, Clone)]
pub enum PlantCommand {
    /// Nodes are to be out of service for a while, planned around.
    Drain(DrainRequest),
    /// What was planned is called off, or over sooner; failed nodes are healthy again.
    Resume {
        /// A node, a rack, an array, a pool, or the name of what was planned.
        nodes: String,
    },
    /// Nodes failed.
    Down {
        /// A node, a rack, an array or a pool.
        nodes: String,
        /// Whether the tenant that holds them is to blame.
        tenant_fault: bool,
    },
    /// The envelope is lowered for a while.
    Curtail(CurtailmentRequest),
}

/// Nodes that are to be out of service for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainRequest {
    /// A node, a rack, an array or a pool.
    pub nodes: String,
    /// Its name; made from the nodes and the time if nothing is said.
    pub id: Option<String>,
    /// What is done meanwhile.
    pub what: String,
    /// From when; now if nothing is said.
    pub from: Option<Instant>,
    /// Until when.
    pub until: Instant,
    /// Whether hours that leases agree to by their terms are to be used.
    pub agreed_hours: bool,
}

/// A lowered envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurtailmentRequest {
    /// How much.
    pub ask: Ask,
    /// Why.
    pub cause: Cause,
    /// From when; now if nothing is said.
    pub from: Option<Instant>,
    /// Until when.
    pub until: Instant,
}

impl PlantCommand {
    pub(super) fn carry_out(&self, desk: &mut Desk<'_>) -> Reply {
        match self {
            Self::Drain(request) => drain(desk, request),
            Self::Resume { nodes } => resume(desk, nodes),
            Self::Down { nodes, tenant_fault } => {
                let ranges = named(desk, nodes)?;
                let input = if *tenant_fault {
                    Input::NodesBroken(ranges.clone())
                } else {
                    Input::NodesDown(ranges.clone())
                };
                desk.input(&input)?;
                Ok(Done::ok(&serde_json::json!({ "nodes": ranges.count() })))
            }
            Self::Curtail(request) => curtail(desk, request),
        }
    }
}

fn drain(desk: &mut Desk<'_>, request: &DrainRequest) -> Reply {
    let nodes = named(desk, &request.nodes)?;
    let from = request.from.unwrap_or(desk.now);
    let id = request.id.clone().unwrap_or_else(|| format!("{}-{}", request.nodes, from.unix()));
    let id = OutageId::new(&id).map_err(|error| {
        Refusal::new(422, "name-is-valid", error.to_string(), "choose another id")
    })?;
    let interval = ahead(from, request.until)?;
    let agreed = if request.agreed_hours { Agreed::All } else { Agreed::Nobody };
    let count = nodes.count();
    let ask = OutageAsk { id: id.clone(), what: request.what.clone(), nodes, interval, agreed };
    desk.input(&Input::PlanOutage(Box::new(ask)))?;
    Ok(Done::created(&serde_json::json!({
        "id": id.as_str(), "nodes": count,
        "from": interval.from.to_string(), "until": interval.until.to_string(),
    })))
}

fn resume(desk: &mut Desk<'_>, name: &str) -> Reply {
    let planned = &desk.core.state().contracts.outages;
    let now = desk.now;
    let lasts = |interval: &Interval| now < interval.until;
    let outage =
        planned.iter().find(|outage| outage.id.as_str() == name && lasts(&outage.interval));
    if let Some(id) = outage.map(|outage| outage.id.clone()) {
        desk.input(&Input::CancelOutage { id: id.clone() })?;
        return Ok(Done::ok(&serde_json::json!({ "cancelled": [id.as_str()] })));
    }
    let nodes = named(desk, name)?;
    let inside = |outage: &&leasehold_control::PlannedOutage| {
        lasts(&outage.interval) && outage.nodes().iter().all(|node| nodes.contains(node))
    };
    let planned = desk.core.state().contracts.outages.iter().filter(inside);
    let ids: Vec<OutageId> = planned.map(|outage| outage.id.clone()).collect();
    for id in &ids {
        desk.input(&Input::CancelOutage { id: id.clone() })?;
    }
    desk.input(&Input::NodesUp(nodes.clone()))?;
    let ids: Vec<&str> = ids.iter().map(OutageId::as_str).collect();
    Ok(Done::ok(&serde_json::json!({ "nodes": nodes.count(), "cancelled": ids })))
}

fn curtail(desk: &mut Desk<'_>, request: &CurtailmentRequest) -> Reply {
    let from = request.from.unwrap_or(desk.now);
    if from < desk.now {
        return Err(Refusal::new(
            422,
            "time-is-ahead",
            format!("{from} is past"),
            "leave `from` out for now, or name a time to come",
        ));
    }
    let Interval { from, until } = ahead(from, request.until)?;
    let asked = CurtailmentAsk { ask: request.ask, cause: request.cause, from, until };
    desk.input(&Input::Curtail(asked))?;
    let announced = desk.core.state().curtailments.last();
    let limit = announced.map_or(Watts::ZERO, |curtailment| curtailment.limit);
    Ok(Done::created(&serde_json::json!({
        "limit_watts": limit.get(), "from": from.to_string(), "until": until.to_string(),
    })))
}

fn ahead(from: Instant, until: Instant) -> Result<Interval, Refusal> {
    if until <= from {
        return Err(Refusal::new(
            422,
            "time-is-ahead",
            format!("{until} is not after {from}"),
            "name an end that is later than the beginning",
        ));
    }
    Ok(Interval::new(from, until))
}

fn named(desk: &Desk<'_>, name: &str) -> Result<NodeRanges, Refusal> {
    let range = desk.core.state().site.nodes_named(name).ok_or_else(|| {
        let hint = "name a node (a-03-07-5), a rack (a-03-07), an array (a-03) or a pool (a)";
        Refusal::unknown("node", name, hint)
    })?;
    Ok(NodeRanges::from_range(range.start, range.end))
}
