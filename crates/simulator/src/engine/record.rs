//! What a run leaves behind, besides usage and documents.

use leasehold_control::{Event, Party, State};
use leasehold_lease::Side;
use leasehold_units::Instant;

use crate::report::words::{grouped, local, megawatts};

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// It came to its own end.
    Finished,
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
    /// Times that a job was told to leave.
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
    /// What.
    pub what: String,
}

impl Milestone {
    /// What `event` tells, if anything.
    pub fn of(at: Instant, event: &Event, state: &State) -> Option<Self> {
        let lease = |number: u16| &state.contracts.leases[usize::from(number)].terms().id;
        let what = match event {
            Event::EntitlementStepped { lease: number, gpus } => {
                format!("{} is granted {} GPUs", lease(*number), grouped(u128::from(*gpus)))
            }
            Event::NoticeGiven { lease: number, notice, last_day } => {
                let by = match notice.by {
                    Side::Landlord => "landlord",
                    Side::Tenant => "tenant",
                };
                format!("notice of {} by the {by}: last day of service {last_day}", lease(*number))
            }
            Event::LeaseAmended { terms, .. } => {
                format!("{} amended: version {} from {}", terms.id, terms.version, terms.effective)
            }
            Event::LeaseSigned { terms } => format!("{} signed with {}", terms.id, terms.tenant),
            Event::CurtailmentAnnounced(c) => {
                let zone = &state.site.time_zone;
                let (from, until) = (local(c.from, zone), local(c.until, zone));
                format!(
                    "curtailment announced: {} MW from {from} until {until}",
                    megawatts(c.limit.get())
                )
            }
            Event::NodesCurtailed { nodes } => format!("{} nodes switched off", nodes.count()),
            Event::NodesRestored { nodes } => format!("{} nodes switched on again", nodes.count()),
            _ => return None,
        };
        Some(Self { at, what })
    }
}
