//! What goes into the state machine and what comes out of it.

use leasehold_lease::{Notice, Remedy, ShortDays, Side, Terms};
use leasehold_ledger::{AccountFact, Invoice, Request};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Day, Gpus, Instant, LeaseId, OutageId, Seconds, Watts};
use serde::{Deserialize, Serialize};

use crate::fleet::{Holding, JobSlot, Party};
use crate::invariants::Breach;
use crate::job::{Allocation, JobSpec};
use crate::state::{AgendaItem, Lending};
use crate::upkeep::{OutageAsk, PlannedOutage};

/// A wish of a party or an observation of the cluster.
#[derive(Debug, Clone)]
pub enum Input {
    /// A party submits a job.
    Submit(JobSpec),
    /// A party withdraws a job of its own. One that runs is told to leave and is over when it is gone;
    /// one that waits is over at once.
    Cancel {
        /// Which.
        job: JobSlot,
    },
    /// A party says how much one of its accounts may use against the others.
    SetShare {
        /// Which party.
        party: Party,
        /// Which account.
        account: u16,
        /// At least 1; an account that nothing is said of has 1.
        share: u16,
    },
    /// The cluster saw a job's gang come to its own end.
    Ended {
        /// Which.
        job: JobSlot,
    },
    /// The cluster saw a job that was told to leave gone from its nodes.
    Vacated {
        /// Which.
        job: JobSlot,
    },
    /// Who places jobs is said; only while no job has nodes.
    PlacedBy(Placing),
    /// A scheduler of the cluster's own started a waiting job.
    Found {
        /// Which.
        job: JobSlot,
        /// Where.
        at: Allocation,
        /// When; it may be told of late.
        since: Instant,
    },
    /// A scheduler of the cluster's own saw a job gone from its nodes, or the cluster tells of it late.
    Gone {
        /// Which.
        job: JobSlot,
        /// When; it may be told of late.
        at: Instant,
        /// Whether it will come back.
        how: Gone,
    },
    /// The cluster finished a turnover.
    TurnoverDone {
        /// The nodes, as they were announced.
        nodes: NodeRanges,
    },
    /// Nodes failed.
    NodesDown(NodeRanges),
    /// Nodes failed by the fault of the tenants that hold them.
    NodesBroken(NodeRanges),
    /// Failed nodes are healthy and scrubbed again.
    NodesUp(NodeRanges),
    /// A side terminates for convenience.
    GiveNotice {
        /// Which lease.
        lease: LeaseId,
        /// Which side.
        by: Side,
        /// The day it is given.
        day: Day,
    },
    /// The side that gave notice asks to withdraw it, or the other side agrees to that.
    WithdrawNotice {
        /// Which lease.
        lease: LeaseId,
        /// Which side.
        by: Side,
    },
    /// A tenant makes the choice that a late delivery gives it.
    Elect {
        /// Which lease.
        lease: LeaseId,
        /// What it chooses.
        choice: Election,
        /// The day on which it does.
        day: Day,
    },
    /// A later version of a lease's terms is signed.
    Amend(Box<Terms>),
    /// A new lease is signed.
    Sign(Box<Terms>),
    /// Nodes are to be out of service for a while.
    PlanOutage(Box<OutageAsk>),
    /// Maintenance is called off, or is over sooner than it was planned.
    CancelOutage {
        /// Which.
        id: OutageId,
    },
    /// The capacity of a quote is to be set aside. Signing the same terms turns it into the lease.
    Hold {
        /// The terms that are quoted; no lease is named like that yet.
        terms: Box<Terms>,
        /// From when on it is for sale again.
        expires: Instant,
    },
    /// A quote is withdrawn.
    Release {
        /// What would have been the lease.
        lease: LeaseId,
    },
    /// The grid or the site lowers the envelope for a while.
    Curtail(CurtailmentAsk),
    /// A payment, a dispute or its end, a correction, or days to be closed.
    Account(Box<Request>),
    /// The clock reached [`crate::Control::next_due`].
    Due,
}

/// Who decides where and when a job starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placing {
    /// The state machine.
    #[default]
    Here,
    /// A scheduler of the cluster's own, which is watched and nothing more.
    Observed,
    /// A scheduler of the cluster's own. Nodes are cleared of borrowers for the jobs of tenants that wait.
    Cluster,
}

/// How a job left its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// It is over.
    Over,
    /// It was told to leave, and waits again.
    Vacated,
    /// A node under it failed, or it was stopped from outside; it waits again.
    Stopped,
}

/// What a tenant may choose over a late delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Election {
    /// The lease ends with the day of the election.
    Terminate,
}

/// Why a lease ended ahead of its term, other than by notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// Its grace was over, and that ends it.
    Undelivered,
    /// Its tenant elected so.
    Elected,
}

/// A lowered envelope for a while, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CurtailmentAsk {
    /// How much.
    pub ask: Ask,
    /// Why.
    pub cause: Cause,
    /// From when it counts.
    pub from: Instant,
    /// Until when, excluded.
    pub until: Instant,
}

/// How much of a site's power is asked for. All in facility watts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// To draw no more than this.
    Limit(Watts),
    /// To draw so much less than when it was asked, but never to go below what is protected.
    Reduction {
        /// How much less.
        by: Watts,
        /// What need not be shed.
        protected: Watts,
    },
}

/// Why the envelope is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Power is dear.
    Economic,
    /// The grid is in danger.
    Emergency,
    /// Works on the supply.
    Planned,
    /// The site has to show that it can.
    Test,
}

/// A lowered envelope for a while, as it will be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Curtailment {
    /// Facility power that may be drawn meanwhile.
    pub limit: Watts,
    /// Why.
    pub cause: Cause,
    /// When it was asked for.
    pub announced: Instant,
    /// From when it counts.
    pub from: Instant,
    /// Until when, excluded.
    pub until: Instant,
}

/// A step down or up the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PowerStep {
    /// When.
    pub at: Instant,
    /// Down or up.
    pub kind: PowerStepKind,
    /// Whose work or nodes.
    pub whose: Whose,
    /// Facility watts by which the draw was above what it may be, before.
    pub asked: Watts,
    /// Facility watts that were shed, or that may be drawn again.
    pub moved: Watts,
    /// Nodes that went off or came on.
    pub nodes: u32,
    /// Of the nodes of a holding that went off, those beyond the depth that its lease agrees.
    pub beyond: u32,
    /// Jobs that were stopped on nodes that stay on.
    pub jobs: u32,
    /// How long after it was asked for.
    pub after: Seconds,
}

/// Down or up the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerStepKind {
    /// Something stopped or went off.
    Shed,
    /// Something came back.
    Restored,
}

/// Who is shed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The landlord's work on nodes that tenants hold.
    Borrowed,
    /// The landlord's own nodes.
    Own,
    /// The holding of a lease, by its number.
    Lease(u16),
}

/// Why a gang was stopped without being given time to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A node under it failed.
    NodeFailed,
    /// Its nodes changed hands on a day that the lease had named.
    HoldingEnded,
    /// The envelope fell.
    Curtailed,
}

/// What was decided, complete enough to be applied without another choice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A job entered its party's queue.
    JobSubmitted {
        /// Its slot.
        job: JobSlot,
        /// As submitted.
        spec: JobSpec,
    },
    /// A job is too large for anything its party has now.
    JobParked {
        /// Which.
        job: JobSlot,
    },
    /// All parked jobs of a party are queued again.
    JobsUnparked {
        /// Whose.
        party: Party,
    },
    /// Nodes are kept for a job until they are ready.
    NodesClaimed {
        /// For which.
        job: JobSlot,
        /// Which.
        at: Allocation,
    },
    /// A borrower that had not started gives its nodes back to the holder.
    ClaimDropped {
        /// Which.
        job: JobSlot,
    },
    /// A gang started.
    JobStarted {
        /// Which.
        job: JobSlot,
        /// Where.
        at: Allocation,
    },
    /// Who places jobs from now on.
    PlacingChanged {
        /// Who.
        to: Placing,
    },
    /// A scheduler of the cluster's own started a gang.
    JobFound {
        /// Which.
        job: JobSlot,
        /// Where.
        at: Allocation,
        /// When. What is known of a node that came later stands.
        since: Instant,
    },
    /// A gang is gone from its nodes: one that a scheduler of the cluster's own had started, or one of which that
    /// is told late.
    JobGone {
        /// Which.
        job: JobSlot,
        /// When. What is known of a node that came later stands.
        at: Instant,
        /// Whether it is over.
        how: Gone,
    },
    /// A job is told to leave its nodes.
    EvictionRequested {
        /// Which.
        job: JobSlot,
        /// When the nodes kill what is left.
        deadline: Instant,
    },
    /// The party of a job that has nodes withdrew it: it is over when it is gone from them.
    CancellationRequested {
        /// Which.
        job: JobSlot,
    },
    /// A waiting job is over: its party withdrew it.
    JobCancelled {
        /// Which.
        job: JobSlot,
    },
    /// Some jobs were told to leave in less than the time that they declare.
    LeaveHurried {
        /// How many.
        jobs: u32,
        /// The time that they have.
        given: Seconds,
    },
    /// A job that was told to leave is gone; it is queued again from its last checkpoint.
    JobVacated {
        /// Which.
        job: JobSlot,
    },
    /// A gang was stopped at once; it is queued again from its last checkpoint.
    JobStopped {
        /// Which.
        job: JobSlot,
        /// Why.
        reason: StopReason,
    },
    /// A job that waits for nodes of its holding was passed by its own party's other work, so that
    /// its reclaim is none any more.
    JobOvertaken {
        /// Which.
        job: JobSlot,
    },
    /// The bound of a lease passed while a tenant's job waits for nodes of its holding.
    ReclaimMissed {
        /// Which job.
        job: JobSlot,
        /// Whose promise was not kept.
        lease: u16,
    },
    /// The bound of a lease passed while a job waits that is larger than what its party holds by now:
    /// nothing was promised for that, and its clock stops.
    ReclaimLapsed {
        /// Which job.
        job: JobSlot,
    },
    /// A job that was told to leave may borrow again.
    BackOffEnded {
        /// Which.
        job: JobSlot,
    },
    /// A party gave one of its accounts a share.
    ShareSet {
        /// Whose.
        party: Party,
        /// Which account.
        account: u16,
        /// Its share against the others'.
        share: u16,
    },
    /// A job came to its own end.
    JobFinished {
        /// Which.
        job: JobSlot,
    },
    /// Nodes are scrubbed and checked.
    TurnoverBegan {
        /// Which.
        nodes: NodeRanges,
        /// When they will be done.
        until: Instant,
    },
    /// Nodes came clean.
    TurnoverEnded {
        /// Which.
        nodes: NodeRanges,
    },
    /// Nodes failed; what ran there was stopped before.
    NodesFailed {
        /// Which.
        nodes: NodeRanges,
    },
    /// A turnover is not over although it should be: the nodes count as failed.
    TurnoverOverdue {
        /// Which.
        nodes: NodeRanges,
        /// When their turnover began.
        since: Instant,
    },
    /// Maintenance is planned.
    OutagePlanned(Box<PlannedOutage>),
    /// Maintenance was called off, or ended early.
    OutageCancelled {
        /// Which.
        id: OutageId,
    },
    /// Maintenance begins later than was planned: a tenant is owed nodes by then that would leave its holding.
    OutagePutOff {
        /// Which.
        id: OutageId,
        /// When it begins now.
        from: Instant,
    },
    /// Nodes are out for maintenance.
    MaintenanceBegan {
        /// Which.
        nodes: NodeRanges,
    },
    /// Nodes are back from maintenance, clean.
    MaintenanceEnded {
        /// Which.
        nodes: NodeRanges,
    },
    /// Tenants are to blame that nodes of theirs failed.
    FaultAttributed {
        /// The nodes, each with the lease that held it.
        nodes: Vec<(u32, u16)>,
    },
    /// Nodes came back.
    NodesRepaired {
        /// Which.
        nodes: NodeRanges,
    },
    /// Pools entered service or were retired.
    NodesInService {
        /// Which.
        nodes: NodeRanges,
        /// Whether they serve from now on.
        serving: bool,
    },
    /// Nodes take no new work: they are about to change hands or lose their power.
    NodesDrained {
        /// Which.
        nodes: NodeRanges,
    },
    /// Drained nodes take work again after all.
    NodesReopened {
        /// Which.
        nodes: NodeRanges,
    },
    /// Nodes passed from one holder to another.
    HoldingChanged {
        /// What they stand for from now on.
        to: Holding,
        /// Which.
        nodes: NodeRanges,
    },
    /// A node is set aside to stand in for a failed one; it is cleared and scrubbed for that.
    SubstituteChosen {
        /// The failed node of a holding.
        home: u32,
        /// The node that will stand in.
        node: u32,
    },
    /// A node that was set aside is not needed, or not able, to stand in.
    SubstituteDropped {
        /// The node that it was set aside for.
        home: u32,
    },
    /// A node stands in for a failed one, in the holding of the lease.
    Substituted {
        /// The failed node.
        home: u32,
    },
    /// A node that stands in stays in the holding: the one that it stood in for is given up.
    SubstituteStays {
        /// The node that it stood in for.
        home: u32,
    },
    /// A node no longer stands in: both are where they were before.
    SubstitutionEnded {
        /// The node that it stood in for.
        home: u32,
    },
    /// The entitlement of a lease took a step.
    EntitlementStepped {
        /// Whose.
        lease: u16,
        /// GPUs granted from now on.
        gpus: u64,
    },
    /// A notice was given.
    NoticeGiven {
        /// For which lease.
        lease: u16,
        /// By whom, on what day.
        notice: Notice,
        /// The last day of service that follows.
        last_day: Day,
    },
    /// The side that gave notice asks to withdraw it.
    WithdrawalAsked {
        /// For which lease.
        lease: u16,
    },
    /// The other side agreed: the lease goes on as if no notice had been given.
    NoticeWithdrawn {
        /// For which lease.
        lease: u16,
    },
    /// What is delivered of what a lease grants opened, changed or, where both are the same, closed a
    /// shortfall.
    DeliveryChanged {
        /// Which lease.
        lease: u16,
        /// GPUs granted from now on.
        granted: Gpus,
        /// GPUs delivered of them.
        delivered: Gpus,
    },
    /// Short days that are over and past the grace, ready to be billed.
    ShortDaysSettled {
        /// Of which lease.
        lease: u16,
        /// Which, in order.
        days: Vec<ShortDays>,
    },
    /// The grace was over and something was short.
    GraceLapsed {
        /// Of which lease.
        lease: u16,
        /// What the terms provide.
        remedy: Remedy,
        /// Last day of the grace.
        grace_until: Day,
    },
    /// A late delivery ended a lease.
    LeaseEnded {
        /// Which lease.
        lease: u16,
        /// The last day of service.
        last_day: Day,
        /// By whose doing.
        cause: EndCause,
    },
    /// A lease has a later version.
    LeaseAmended {
        /// Which lease.
        lease: u16,
        /// The version.
        terms: Box<Terms>,
    },
    /// A lease was signed.
    LeaseSigned {
        /// Its terms.
        terms: Box<Terms>,
    },
    /// The capacity of a quote was set aside.
    HoldPlaced {
        /// The terms that were quoted.
        terms: Box<Terms>,
        /// From when on it is for sale again.
        expires: Instant,
    },
    /// A quote was withdrawn.
    HoldReleased {
        /// What would have been the lease.
        lease: LeaseId,
    },
    /// A quote ran out.
    HoldExpired {
        /// What would have been the lease.
        lease: LeaseId,
    },
    /// What is due at an instant is to be looked at.
    AgendaOpened((Instant, AgendaItem)),
    /// The envelope will be lowered.
    CurtailmentAnnounced(Curtailment),
    /// Nodes were switched off.
    NodesCurtailed {
        /// Which.
        nodes: NodeRanges,
    },
    /// Nodes may be used again.
    NodesRestored {
        /// Which.
        nodes: NodeRanges,
    },
    /// Idle nodes of holdings may be lent from now on, or not.
    LendingChanged {
        /// Whether they may.
        to: Lending,
    },
    /// Somebody was shed, or is back.
    PowerStepped(PowerStep),
    /// The power that may be drawn changed.
    EnvelopeChanged {
        /// Facility watts from now on.
        limit: Watts,
    },
    /// A promise was not kept.
    Breached(Breach),
    /// Open usage intervals end here and go on in new ones, so that meters can be read.
    UsageClosed,
    /// What was billed ahead is earned up to and including a day.
    RevenueRecognised {
        /// The day.
        through: Day,
    },
    /// An invoice was issued.
    InvoiceIssued {
        /// For which lease.
        lease: u16,
        /// The document.
        invoice: Box<Invoice>,
    },
    /// Something happened to the books after documents were issued.
    Booked(Box<AccountFact>),
    /// What was due at an instant was looked at.
    AgendaDone((Instant, AgendaItem)),
}
