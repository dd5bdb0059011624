//! Leases as their two sides see them.

use leasehold_control::{LeaseEntry, State};
use leasehold_units::LeaseId;
use serde::Serialize;
use utoipa::ToSchema;

/// A lease in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeaseView {
    /// Its name.
    pub lease: String,
    /// Who rents.
    pub tenant: String,
    /// The latest version of its terms.
    pub version: u32,
    /// First day of service.
    pub start: String,
    /// Last day of service, by its terms or the notice.
    pub last_day: String,
    /// Who gave notice, and when.
    pub notice: Option<NoticeView>,
    /// The next day on which a document of it may be issued.
    pub next_document: Option<String>,
    /// GPUs that it grants now.
    pub gpus_granted: u64,
    /// Nodes that stand for it now.
    pub nodes_held: u32,
}

/// A notice that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NoticeView {
    /// `landlord` or `tenant`.
    pub by: String,
    /// The day.
    pub given: String,
}

/// A lease with its terms and steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeaseDetail {
    /// In short.
    #[serde(flatten)]
    pub lease: LeaseView,
    /// The currency of its fee.
    pub currency: String,
    /// What it grants, step by step.
    pub entitlement: Vec<StepView>,
    /// The latest version, as it was signed.
    pub terms: String,
}

/// A step of an entitlement; both days included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepView {
    /// First day.
    pub from: String,
    /// Last day.
    pub until: String,
    /// GPUs granted.
    pub gpus: u64,
    /// Nodes that stand for them.
    pub nodes: u64,
}

/// The leases of `tenant`, or all.
pub fn leases(state: &State, tenant: Option<&str>) -> Vec<LeaseView> {
    let entries = state.contracts.leases.iter().enumerate();
    let seen = entries
        .filter(|(_, entry)| tenant.is_none_or(|tenant| entry.terms().tenant.as_str() == tenant));
    seen.map(|(index, entry)| lease_summary(state, index, entry)).collect()
}

/// The lease named `lease`, if it is `tenant`'s or anybody may be meant.
pub fn lease_of<'a>(
    state: &'a State,
    lease: &str,
    tenant: Option<&str>,
) -> Option<(usize, &'a LeaseEntry)> {
    let number = state.contracts.find(&LeaseId::new(lease).ok()?)?;
    let entry = &state.contracts.leases[usize::from(number)];
    let seen = tenant.is_none_or(|tenant| entry.terms().tenant.as_str() == tenant);
    seen.then_some((usize::from(number), entry))
}

/// A lease in short.
pub fn lease_summary(state: &State, index: usize, entry: &LeaseEntry) -> LeaseView {
    let lease = &entry.lease;
    let held = entry.partitions.iter().map(|id| state.fleet.partition(*id).members).sum();
    let number = u16::try_from(index).expect("few leases");
    debug_assert!(usize::from(number) < state.contracts.leases.len());
    LeaseView {
        lease: entry.terms().id.to_string(),
        tenant: entry.terms().tenant.to_string(),
        version: lease.latest().version,
        start: lease.first_day().to_string(),
        last_day: lease.last_day().to_string(),
        notice: lease.notice.map(|notice| NoticeView {
            by: notice.by.to_string(),
            given: notice.given.to_string(),
        }),
        next_document: state
            .contracts
            .next_invoice(number)
            .map(|at| entry.terms().time_zone.day_of(at).to_string()),
        gpus_granted: entry.granted_gpus,
        nodes_held: held,
    }
}

/// A lease with its terms and steps.
pub fn lease_detail(state: &State, index: usize, entry: &LeaseEntry) -> LeaseDetail {
    let steps = entry.plan.steps.iter().map(|step| StepView {
        from: step.from.to_string(),
        until: step.until.to_string(),
        gpus: step.gpus.get(),
        nodes: step.nodes.get(),
    });
    LeaseDetail {
        lease: lease_summary(state, index, entry),
        currency: entry.terms().fee.fixed.currency().code().into(),
        entitlement: steps.collect(),
        terms: entry.terms().text.to_string(),
    }
}
