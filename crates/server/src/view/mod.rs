//! What readers are shown: plain values made from the core, as the API sends them. Keys are snake_case and
//! stable; what is new is added. Money is a decimal string, counts are integers, instants RFC 3339 in UTC,
//! days ISO 8601.

mod capacity;
mod cluster;
mod evidence;
mod jobs;
mod leases;
mod money;
mod nodes;
mod power;

pub use capacity::{CalendarView, Cut, calendar};
pub use cluster::{ClusterView, NotBookedView, cluster};
pub use evidence::{EvidenceFile, EvidenceView, evidence, evidence_file};
pub use jobs::{Content, EndedJobs, JobState, JobView, ended_job, job, jobs};
pub use leases::{LeaseDetail, LeaseView, lease_detail, lease_of, lease_summary, leases};
pub use money::{DocumentView, UsageView, document, documents, invoice_json, usage};
pub use nodes::{Eyes, NodeView, SiteView, node, nodes, site};
pub use power::{CurtailmentView, PowerView, power};
