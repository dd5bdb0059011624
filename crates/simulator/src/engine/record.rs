//! What a run leaves behind, besides usage and documents.

use leasehold_control::{
    EndCause, Event, Input, Party, PowerStep, PowerStepKind, RefusedInput, State, Whose,
};
use leasehold_lease::{Remedy, Side};
use leasehold_ledger::{AccountFact, Dispute};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Gpus, Instant, Watts};

use crate::report::words::{grouped, local, watts};

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// It came to its own end.
    Finished,
    /// Its party withdrew it.
    Cancelled,
    /// It ran when the run ended.
    Running,
    /// It waited when the run ended.
    Waiting,
}

/// One job, as `jobs.csv` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobRecord {
    /// The workload's number for it.
    pub number: u64,
    /// Whose.
    pub party: Party,
    /// GPUs of the gang.
    pub gpus: u32,
    /// When it was submitted.
    pub submitted: Instant,
    /// When it first started.
    pub started: Option<Instant>,
    /// When it came to its own end.
    pub ended: Option<Instant>,
    /// How often it was told to leave.
    pub evictions: u32,
    /// Seconds on nodes that its party holds.
    pub used_seconds: u32,
    /// Seconds on borrowed nodes.
    pub borrowed_seconds: u32,
    /// What became of it.
    pub outcome: JobOutcome,
}

/// One party's jobs in sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartyTally {
    /// Submitted.
    pub submitted: u64,
    /// Started at least once.
    pub started: u64,
    /// Came to their own end.
    pub finished: u64,
    /// Withdrawn by the party itself.
    pub cancelled: u64,
    /// Times that a job was told to leave, other than by the party itself.
    pub evicted: u64,
    /// GPU-seconds on nodes that the party holds.
    pub gpu_seconds_used: u128,
    /// GPU-seconds on borrowed nodes.
    pub gpu_seconds_borrowed: u128,
    /// For each started job the seconds from submission to its first start.
    pub wait_seconds: Vec<u32>,
}

/// Something that a reader of the report wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// When.
    pub at: Instant,
    /// What, in a word or two, for a chart.
    pub name: &'static str,
    /// What, for a list.
    pub what: String,
}

impl Milestone {
    /// What `event` tells, if anything.
    pub fn of(at: Instant, event: &Event, state: &State) -> Option<Self> {
        let lease = |number: u16| &state.contracts.leases[usize::from(number)].terms().id;
        let (name, what) = match event {
            Event::EntitlementStepped { lease: number, gpus } => {
                let name = if *gpus == 0 { "ended" } else { "granted" };
                let gpus = grouped(u128::from(*gpus));
                (name, format!("{} is granted {gpus} GPUs", lease(*number)))
            }
            Event::NoticeGiven { lease: number, notice, last_day } => {
                let by = match notice.by {
                    Side::Landlord => "landlord",
                    Side::Tenant => "tenant",
                };
                let lease = lease(*number);
                ("notice", format!("notice of {lease} by the {by}: last day of service {last_day}"))
            }
            Event::WithdrawalAsked { lease: number } => {
                ("withdrawal", format!("the notice of {} is asked back", lease(*number)))
            }
            Event::NoticeWithdrawn { lease: number } => {
                ("withdrawn", format!("the notice of {} is withdrawn", lease(*number)))
            }
            Event::LeaseAmended { terms, .. } => {
                let (id, version, from) = (&terms.id, terms.version, terms.effective);
                ("amended", format!("{id} amended: version {version} from {from}"))
            }
            Event::OutagePlanned(_)
            | Event::OutageCancelled { .. }
            | Event::OutagePutOff { .. }
            | Event::MaintenanceBegan { .. }
            | Event::MaintenanceEnded { .. } => return Self::upkeep(at, event, state),
            Event::TurnoverOverdue { nodes, since } => {
                let after = at.since(*since);
                let nodes = counted(nodes);
                ("overdue", format!("{nodes} not clean {after} after the turnover began: failed"))
            }
            Event::LeaveHurried { jobs, given } => {
                let jobs = grouped(u128::from(*jobs));
                ("hurried", format!("{jobs} jobs have {given} to leave, less than they declare"))
            }
            // Whose quote it is concerns nobody else.
            Event::HoldPlaced { expires, .. } => {
                let until = local(*expires, &state.site.time_zone);
                ("quote", format!("capacity set aside for a quote until {until}"))
            }
            Event::HoldReleased { .. } => ("released", "a quote was withdrawn".into()),
            Event::HoldExpired { .. } => ("expired", "a quote ran out".into()),
            Event::LeaseSigned { terms } => {
                ("signed", format!("{} signed with {}", terms.id, terms.tenant))
            }
            Event::DeliveryChanged { .. }
            | Event::GraceLapsed { .. }
            | Event::LeaseEnded { .. } => return Self::delivery(at, event, state),
            Event::CurtailmentAnnounced(c) => {
                let zone = &state.site.time_zone;
                let (from, until) = (local(c.from, zone), local(c.until, zone));
                let limit = watts(c.limit.get());
                ("curtailment", format!("curtailment announced: {limit} from {from} until {until}"))
            }
            Event::Booked(fact) => return Self::booked(at, fact),
            Event::PowerStepped(step) => return Self::power(at, step, state),
            _ => return None,
        };
        Some(Self { at, name, what })
    }

    /// What becomes of maintenance.
    fn upkeep(at: Instant, event: &Event, state: &State) -> Option<Self> {
        let (name, what) = match event {
            Event::OutagePlanned(outage) => {
                let zone = &state.site.time_zone;
                let (from, until) = (outage.interval.from, outage.interval.until);
                let (from, until) = (local(from, zone), local(until, zone));
                let nodes = counted(&outage.nodes());
                let what = &outage.what;
                ("planned", format!("{what} planned: {nodes} out from {from} until {until}"))
            }
            Event::OutageCancelled { id } => ("called off", format!("maintenance {id} called off")),
            Event::OutagePutOff { id, from } => {
                let from = local(*from, &state.site.time_zone);
                ("put off", format!("maintenance {id} put off until {from}: a reclaim goes first"))
            }
            Event::MaintenanceBegan { nodes } => {
                ("maintenance", format!("{} out for maintenance", counted(nodes)))
            }
            Event::MaintenanceEnded { nodes } => {
                ("back", format!("{} back from maintenance", counted(nodes)))
            }
            _ => return None,
        };
        Some(Self { at, name, what })
    }

    /// What became of documents. Payments are too many to tell.
    fn booked(at: Instant, fact: &AccountFact) -> Option<Self> {
        let (name, what) = match fact {
            AccountFact::Paid(_) => return None,
            AccountFact::Disputed(Dispute { tenant, document, amount, .. }) => {
                let amount = format!("{} {amount}", amount.currency());
                ("dispute", format!("{tenant} disputes {amount} of {document}"))
            }
            AccountFact::Resolved { resolution, credit } => {
                let credit =
                    credit.as_ref().map(|credit| format!(", credited by {}", credit.number));
                let dispute = &resolution.dispute;
                ("resolved", format!("dispute {dispute} resolved{}", credit.unwrap_or_default()))
            }
            AccountFact::Corrected { credit, replacement } => {
                let wrong = replacement.replaces.as_deref().unwrap_or_default();
                let (back, again) = (&credit.number, &replacement.number);
                ("corrected", format!("{wrong} given back by {back} and replaced by {again}"))
            }
            AccountFact::Closed { through } => {
                ("closed", format!("books closed through {through}"))
            }
        };
        Some(Self { at, name, what })
    }

    /// What is short, what is delivered late, and what that does to the lease.
    fn delivery(at: Instant, event: &Event, state: &State) -> Option<Self> {
        let entry = |number: u16| &state.contracts.leases[usize::from(number)];
        let gpus = |gpus: Gpus| grouped(u128::from(gpus.get()));
        let (name, what) = match event {
            Event::DeliveryChanged { lease, granted, delivered } if delivered < granted => {
                let (entry, of) =
                    (entry(*lease), format!("{} of {}", gpus(*delivered), gpus(*granted)));
                let short = entry.shortfall_on(entry.terms().time_zone.day_of(at));
                let grace =
                    short.filter(|short| !short.past_grace()).map_or_else(String::new, |short| {
                        format!("; grace through {}", short.grace_until)
                    });
                ("short", format!("{} is short: {of} GPUs are delivered{grace}", entry.terms().id))
            }
            Event::DeliveryChanged { granted: Gpus::ZERO, .. } => return None,
            Event::DeliveryChanged { lease, granted, .. } => {
                let entry = entry(*lease);
                let id = &entry.terms().id;
                let today = entry.terms().time_zone.day_of(at);
                if entry.lease.governing(today).delivery.is_none() {
                    ("not covered", format!("the terms of {id} cover no late delivery any more"))
                } else {
                    ("delivered", format!("{id} has all of its {} GPUs", gpus(*granted)))
                }
            }
            Event::GraceLapsed { lease, remedy, grace_until } => {
                let id = &entry(*lease).terms().id;
                let remedy = match remedy {
                    Remedy::ProRata => "the fee follows what is delivered",
                    Remedy::Terminate => "the lease ends",
                    Remedy::TenantElects => {
                        "the fee follows what is delivered, and the tenant may elect to terminate"
                    }
                };
                ("grace over", format!("the grace of {id} was over on {grace_until}: {remedy}"))
            }
            Event::LeaseEnded { lease, last_day, cause } => {
                let id = &entry(*lease).terms().id;
                let why = match cause {
                    EndCause::Undelivered => "for want of delivery",
                    EndCause::Elected => "as its tenant elected over the late delivery",
                };
                ("terminated", format!("{id} ends {why}: last day of service {last_day}"))
            }
            _ => return None,
        };
        Some(Self { at, name, what })
    }

    /// Who was shed and who is back. What the landlord switches off later, as it becomes idle, is
    /// too much to tell.
    fn power(at: Instant, step: &PowerStep, state: &State) -> Option<Self> {
        let comes = state.curtailments.iter().any(|c| c.from == at);
        let held = matches!(step.whose, Whose::Lease(_));
        let shed = step.kind == PowerStepKind::Shed;
        if shed && !comes && !held && step.asked == Watts::ZERO {
            return None;
        }
        let whose = match step.whose {
            Whose::Borrowed => format!("{} borrowed jobs", grouped(u128::from(step.jobs))),
            Whose::Own => {
                format!("{} nodes of the landlord's own", grouped(u128::from(step.nodes)))
            }
            Whose::Lease(lease) => {
                let terms = state.contracts.leases[usize::from(lease)].terms();
                format!("{} nodes of {}", grouped(u128::from(step.nodes)), terms.id)
            }
        };
        let moved = watts(step.moved.get());
        let (name, what) = match step.kind {
            PowerStepKind::Shed => {
                ("shed", format!("shed {moved}: {whose}, {} after the call", step.after))
            }
            PowerStepKind::Restored => ("restored", format!("restored {moved}: {whose}")),
        };
        Some(Self { at, name, what })
    }

    /// Something that was asked for and refused.
    pub fn refused(at: Instant, refusal: &RefusedInput) -> Self {
        Self { at, name: "refused", what: format!("refused: {refusal}") }
    }

    /// What the scenario does to nodes. The failures that are drawn are too many to name.
    pub fn of_scenario(at: Instant, input: &Input) -> Option<Self> {
        let (name, what) = match input {
            Input::NodesDown(nodes) => ("failure", format!("{} failed", counted(nodes))),
            Input::NodesBroken(nodes) => {
                ("failure", format!("{} failed by the fault of their tenant", counted(nodes)))
            }
            Input::NodesUp(nodes) => ("repaired", format!("{} repaired", counted(nodes))),
            _ => return None,
        };
        Some(Self { at, name, what })
    }
}

fn counted(nodes: &NodeRanges) -> String {
    match nodes.count() {
        1 => "1 node".into(),
        count => format!("{} nodes", grouped(u128::from(count))),
    }
}
