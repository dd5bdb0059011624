//! The plant as those see it who run it, and a holding as its tenant sees it.

use leasehold_control::{Condition, Holding, Node, State, User};
use leasehold_ledger::GpuState;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeView {
    /// Its name: pool, array, rack, node.
    pub node: String,
    /// What kind it is.
    pub sku: String,
    /// GPUs on it.
    pub gpus: u8,
    /// `up`, `turnover`, `down`, `maintenance`, `curtailed` or `out_of_service`.
    pub condition: String,
    /// `own`, `reserve`, or the lease that it stands for.
    pub holding: String,
    /// GPUs on which its holder's jobs run; for a tenant, nothing else is told of its use.
    pub gpus_used: u8,
    /// GPUs on which the landlord's jobs run while a tenant holds it; told to those who run the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus_borrowed: Option<u8>,
    /// Whether it takes no new work; told to those who run the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining: Option<bool>,
}

/// The site in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SiteView {
    /// Its name.
    pub site: String,
    /// Who owns it.
    pub landlord: String,
    /// The zone of its civil days.
    pub time_zone: String,
    /// What time it is there.
    pub now: String,
    /// Nodes, whether in service or not.
    pub nodes: u64,
    /// GPUs in service.
    pub gpus: u64,
    /// Of these, by state, in the words of the glossary.
    pub gpus_by_state: BTreeMap<String, u64>,
    /// Leases that were signed.
    pub leases: usize,
}

/// Whose view of nodes.
#[derive(Debug, Clone, Copy)]
pub enum Eyes<'a> {
    /// Of those who run the site: everything but whose work in particular.
    Site,
    /// Of a tenant: its own holdings.
    Tenant(&'a str),
}

/// The nodes that somebody sees, from number `from` on, at most `limit`, and the number to go on with.
pub fn nodes(
    state: &State,
    eyes: Eyes<'_>,
    from: u32,
    limit: usize,
) -> (Vec<NodeView>, Option<u32>) {
    let count = u32::try_from(state.fleet.nodes().len()).expect("a site has few nodes");
    let mut views = Vec::new();
    for number in from..count {
        if views.len() == limit {
            return (views, Some(number));
        }
        views.extend(node(state, eyes, number));
    }
    (views, None)
}

/// A node, if it is seen.
pub fn node(state: &State, eyes: Eyes<'_>, number: u32) -> Option<NodeView> {
    let node = state.fleet.node(number);
    let role = &state.fleet.partition(node.partition).role;
    if let Eyes::Tenant(tenant) = eyes {
        let lease = role.lease()?;
        let holder = state.contracts.leases[usize::from(lease)].terms().tenant.as_str();
        if holder != tenant {
            return None;
        }
    }
    let pool = &state.site.pools[state.site.pool_of(number)];
    let site = matches!(eyes, Eyes::Site);
    let by = |user: User| if node.user == user { node.used } else { 0 };
    Some(NodeView {
        node: state.site.node_name(number),
        sku: state.site.sku(pool).id.to_string(),
        gpus: role.gpus_per_node,
        condition: condition(node, site).into(),
        holding: match role.holding {
            Holding::Own => "own".into(),
            Holding::Reserve => "reserve".into(),
            Holding::Lease(lease) => {
                state.contracts.leases[usize::from(lease)].terms().id.to_string()
            }
        },
        gpus_used: by(User::Holder),
        gpus_borrowed: site.then(|| by(User::Guest)),
        draining: site.then_some(node.draining),
    })
}

/// A tenant is not told of a turnover: that would tell that somebody else was there.
const fn condition(node: &Node, site: bool) -> &'static str {
    match node.condition {
        Condition::OutOfService => "out_of_service",
        Condition::Turnover if site => "turnover",
        Condition::Up | Condition::Turnover => "up",
        Condition::Down => "down",
        Condition::Maintained => "maintenance",
        Condition::Curtailed => "curtailed",
    }
}

/// The site in short.
pub fn site(state: &State) -> SiteView {
    let gauges = state.fleet.gauge_total();
    let by_state = GpuState::ALL.iter().map(|gpus| (gpus.key().to_owned(), gauges[gpus.index()]));
    SiteView {
        site: state.site.id.to_string(),
        landlord: state.site.landlord.to_string(),
        time_zone: state.site.time_zone.name().to_owned(),
        now: state.now.to_string(),
        nodes: state.site.nodes().get(),
        gpus: state.installed_gpus,
        gpus_by_state: by_state.collect(),
        leases: state.contracts.leases.len(),
    }
}
