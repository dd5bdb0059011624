//! Wishes and observations.

use leasehold_allocator::{Refusal, plan_changed};
use leasehold_lease::{
    AmendRefusal, ElectionRefusal, Lease, NoticeRefusal, Side, Terms, Withdrawal,
};
use leasehold_ledger::{AccountRefusal, Request};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Day, Instant, LeaseId, PartyId, Watts};

use super::observed::{self, NotBooked};
use super::upkeep::RefusedOutage;
use super::{ahead, clear_nodes, deliveries, jobs, moves, upkeep};
use crate::event::{Ask, Curtailment, CurtailmentAsk, Election, Event, Input, StopReason};
use crate::fleet::{Condition, JobSlot, Node};
use crate::state::{State, VACATE_SECONDS_MAX};

/// Why an input was refused. Nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedInput {
    /// A gang of no GPUs.
    #[error("job-needs-gpus: job {number} asks for no GPU")]
    NoGpus {
        /// The submitter's number.
        number: u64,
    },
    /// A gang that no pool could ever hold.
    #[error(
        "job-fits-a-pool: job {number} asks for {gpus} GPUs; the largest pool it may use has {largest}"
    )]
    TooLarge {
        /// The submitter's number.
        number: u64,
        /// What it asks for.
        gpus: u32,
        /// What the largest pool that it may use has.
        largest: u64,
    },
    /// Too long to leave.
    #[error(
        "vacate-is-bounded: job {number} may take {seconds} s to vacate; at most {VACATE_SECONDS_MAX} s are allowed"
    )]
    VacateTooLong {
        /// The submitter's number.
        number: u64,
        /// What it declares.
        seconds: u32,
    },
    /// No living job.
    #[error("job-lives: there is no job in slot {0}; it is over, or was never submitted")]
    UnknownJob(JobSlot),
    /// The cluster says of a job what cannot be: it has no nodes, or was not told to leave them.
    #[error("job-is-there: job {number} is not where the observation says; it was stopped before")]
    NotThere {
        /// The submitter's number.
        number: u64,
    },
    /// What a scheduler of the cluster's own did is not as the books have it.
    #[error("run-is-booked: {0}")]
    NotBooked(#[from] NotBooked),
    /// Who places jobs cannot change.
    #[error(
        "placing-is-settled: job {number} has nodes; who places jobs changes only while none has any"
    )]
    Placed {
        /// The submitter's number.
        number: u64,
    },
    /// No such lease.
    #[error("lease-is-known: there is no lease {0}")]
    UnknownLease(LeaseId),
    /// There is a lease of that name already.
    #[error("lease-is-new: there is a lease {0} already; a change to it is an amendment")]
    LeaseExists(LeaseId),
    /// A quote that would be over before it began.
    #[error("hold-lasts: the quote for {lease} would run out at {expires}, which is past")]
    HoldIsOver {
        /// What would be the lease.
        lease: LeaseId,
        /// When it would run out.
        expires: Instant,
    },
    /// No such quote.
    #[error("hold-is-known: nothing is set aside for a lease {0}")]
    UnknownHold(LeaseId),
    /// Maintenance that cannot be.
    #[error(transparent)]
    Outage(#[from] RefusedOutage),
    /// A notice that the terms do not allow.
    #[error(transparent)]
    Notice(#[from] NoticeRefusal),
    /// An election that the terms or the delivery do not allow.
    #[error(transparent)]
    Election(#[from] ElectionRefusal),
    /// An amendment that does not follow on the terms.
    #[error(transparent)]
    Amendment(#[from] AmendRefusal),
    /// A payment or dispute of somebody who is no tenant.
    #[error("tenant-is-known: there is no tenant {0}")]
    UnknownTenant(PartyId),
    /// What the books do not allow.
    #[error(transparent)]
    Account(#[from] AccountRefusal),
    /// Others would be left to a pool that is late.
    #[error(
        "delivery-of-others: with {0} changed so, leases that are signed would wait for a pool that is late; from the day on which it comes it can be tried again"
    )]
    OthersWait(LeaseId),
    /// What the site cannot carry.
    #[error("no-oversell: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Oversold(Vec<Refusal>),
}

/// Decides on `input` at `now`; the events are put behind `out`.
///
/// # Errors
/// Where the input is refused; `out` is as it was.
pub fn decide(
    state: &State,
    now: Instant,
    input: &Input,
    out: &mut Vec<Event>,
) -> Result<(), RefusedInput> {
    match input {
        Input::Submit(spec) => jobs::submit(state, *spec, out)?,
        Input::Cancel { job } => jobs::cancel(state, *job, now, out)?,
        Input::SetShare { party, account, share } => {
            out.push(Event::ShareSet { party: *party, account: *account, share: *share });
        }
        Input::Ended { job } => jobs::end(state, *job, out)?,
        Input::Vacated { job } => jobs::vacate(state, *job, out)?,
        Input::PlacedBy(to) => observed::placed_by(state, *to, out)?,
        Input::Found { job, at, since } => observed::found(state, *job, at, *since, out)?,
        Input::Gone { job, at, how } => observed::gone(state, *job, *at, *how, out)?,
        Input::TurnoverDone { nodes } => {
            let nodes = filter(state, nodes, |node| node.condition == Condition::Turnover);
            if !nodes.is_empty() {
                out.push(Event::TurnoverEnded { nodes });
            }
        }
        Input::NodesDown(nodes) => fail(state, nodes, now, out),
        Input::NodesBroken(nodes) => break_down(state, nodes, now, out),
        Input::NodesUp(nodes) => {
            let nodes = filter(state, nodes, |node| node.condition == Condition::Down);
            repair(state, nodes, now, out);
        }
        Input::GiveNotice { lease, by, day } => out.push(notice(state, lease, *by, *day)?),
        Input::WithdrawNotice { lease, by } => out.extend(withdrawal(state, lease, *by, now)?),
        Input::Elect { lease, choice: Election::Terminate, day } => {
            out.push(deliveries::elect(state, lease, *day)?);
        }
        Input::Amend(terms) => out.push(amend(state, terms, now)?),
        Input::Sign(terms) => out.push(sign(state, terms, now)?),
        Input::PlanOutage(ask) => out.push(upkeep::plan(state, ask, now)?),
        Input::CancelOutage { id } => out.push(upkeep::cancel(state, id, now)?),
        Input::Hold { terms, expires } => out.push(upkeep::hold(state, terms, *expires, now)?),
        Input::Release { lease } => out.push(upkeep::release(state, lease, now)?),
        Input::Curtail(asked) => {
            out.push(Event::CurtailmentAnnounced(announce(state, asked, now)));
        }
        Input::Account(request) => {
            let today = state.site.time_zone.day_of(now);
            let fact = state.books.weigh(known(state, request)?, today)?;
            out.extend(fact.map(|fact| Event::Booked(Box::new(fact))));
        }
        Input::Due => {}
    }
    debug_assert!(state.now <= now, "an input from the past");
    Ok(())
}

/// The request, if it comes from a tenant or from nobody in particular.
fn known<'a>(state: &State, request: &'a Request) -> Result<&'a Request, RefusedInput> {
    let tenant = match request {
        Request::Pay(payment) => &payment.tenant,
        Request::Dispute(dispute) => &dispute.tenant,
        Request::Resolve(resolution) => &resolution.tenant,
        Request::Correct(_) | Request::Close { .. } => return Ok(request),
    };
    let leases = state.contracts.leases.iter();
    if leases.flat_map(|entry| &entry.lease.versions).any(|terms| terms.tenant == *tenant) {
        return Ok(request);
    }
    Err(RefusedInput::UnknownTenant(tenant.clone()))
}

fn fail(state: &State, nodes: &NodeRanges, now: Instant, out: &mut Vec<Event>) {
    // A node that is switched off has nothing to fail, and must not come back with a repair.
    let on = |node: &Node| matches!(node.condition, Condition::Up | Condition::Turnover);
    let nodes = filter(state, nodes, on);
    if nodes.is_empty() {
        return;
    }
    clear_nodes(state, &nodes, StopReason::NodeFailed, out);
    out.push(Event::NodesFailed { nodes });
    // What failed may be what the next change hands over.
    ahead::prepare_again(state, now, out);
}

/// Nodes failed by the fault of whoever holds them. The landlord has nobody to blame for its own.
fn break_down(state: &State, nodes: &NodeRanges, now: Instant, out: &mut Vec<Event>) {
    let held = |number: u32| {
        let lease = state.fleet.partition(state.fleet.node(number).partition).role.lease();
        lease.map(|lease| (number, lease))
    };
    let blamed: Vec<(u32, u16)> = nodes.iter().filter_map(held).collect();
    fail(state, nodes, now, out);
    if !blamed.is_empty() {
        out.push(Event::FaultAttributed { nodes: blamed });
    }
}

/// Nodes are healthy again; those that are to be out for maintenance go on to that.
fn repair(state: &State, nodes: NodeRanges, now: Instant, out: &mut Vec<Event>) {
    if nodes.is_empty() {
        return;
    }
    let kept = upkeep::is_any(state).then(|| upkeep::out_at(state, now, &moves::holders(state)));
    let kept = kept.unwrap_or_default();
    let stays = nodes.iter().filter(|node| kept.get(*node as usize).is_some_and(|out| *out));
    let stays = NodeRanges::from_nodes(stays);
    out.push(Event::NodesRepaired { nodes });
    // What came back may be what the next change hands over.
    ahead::prepare_again(state, now, out);
    if !stays.is_empty() {
        out.push(Event::MaintenanceBegan { nodes: stays });
    }
}

/// What is asked of the site, in watts that it may draw.
fn announce(state: &State, asked: &CurtailmentAsk, now: Instant) -> Curtailment {
    let drawn = state.site.facility_watts(Watts::new(state.fleet.it_watts())).get();
    let limit = match asked.ask {
        Ask::Limit(limit) => limit,
        Ask::Reduction { by, protected } => {
            Watts::new(drawn.saturating_sub(by.get())).max(protected)
        }
    };
    let CurtailmentAsk { cause, from, until, .. } = *asked;
    Curtailment { limit, cause, announced: now, from, until }
}

fn filter(state: &State, nodes: &NodeRanges, keep: impl Fn(&Node) -> bool) -> NodeRanges {
    NodeRanges::from_nodes(nodes.iter().filter(|number| keep(state.fleet.node(*number))))
}

fn notice(state: &State, id: &LeaseId, by: Side, day: Day) -> Result<Event, RefusedInput> {
    let number = state.contracts.find(id).ok_or_else(|| RefusedInput::UnknownLease(id.clone()))?;
    let mut lease = state.contracts.leases[usize::from(number)].lease.clone();
    let last_day = lease.give_notice(by, day)?;
    let notice = lease.notice.expect("it was just given");
    Ok(Event::NoticeGiven { lease: number, notice, last_day })
}

/// What follows where `by` wants the notice withdrawn; nothing where that side asked before.
fn withdrawal(
    state: &State,
    id: &LeaseId,
    by: Side,
    now: Instant,
) -> Result<Option<Event>, RefusedInput> {
    let lease = state.contracts.find(id).ok_or_else(|| RefusedInput::UnknownLease(id.clone()))?;
    let index = usize::from(lease);
    let mut leases = state.contracts.lease_list(now);
    let day = leases[index].latest().time_zone.day_of(now);
    Ok(match leases[index].withdraw_notice(by, day)? {
        Withdrawal::Asked => Some(Event::WithdrawalAsked { lease }),
        Withdrawal::AskedBefore => None,
        Withdrawal::Agreed => {
            // What it would have given back may be sold by now.
            carry(state, &leases, index, now)?;
            Some(Event::NoticeWithdrawn { lease })
        }
    })
}

fn amend(state: &State, terms: &Terms, now: Instant) -> Result<Event, RefusedInput> {
    let unknown = || RefusedInput::UnknownLease(terms.id.clone());
    let number = state.contracts.find(&terms.id).ok_or_else(unknown)?;
    let mut leases = state.contracts.lease_list(now);
    let index = usize::from(number);
    leases[index].amend(terms.clone())?;
    carry(state, &leases, index, now)?;
    Ok(Event::LeaseAmended { lease: number, terms: Box::new(terms.clone()) })
}

fn sign(state: &State, terms: &Terms, now: Instant) -> Result<Event, RefusedInput> {
    if state.contracts.find(&terms.id).is_some() {
        return Err(RefusedInput::LeaseExists(terms.id.clone()));
    }
    // What was quoted is there, whatever came in between.
    let held = state.contracts.hold(&terms.id, now);
    if !held.is_some_and(|held| held.is_of(terms)) {
        let mut leases = state.contracts.lease_list(now);
        leases.retain(|lease| lease.latest().id != terms.id);
        leases.push(Lease::new(vec![terms.clone()])?);
        carry(state, &leases, leases.len() - 1, now)?;
    }
    Ok(Event::LeaseSigned { terms: Box::new(terms.clone()) })
}

/// Whether the site can carry `leases`, of which the one at `changed` is new or amended, around its
/// outages, without leaving anybody else to a pool that is late.
pub fn carry(
    state: &State,
    leases: &[Lease],
    changed: usize,
    now: Instant,
) -> Result<(), RefusedInput> {
    let contracts = &state.contracts;
    let plan = plan_changed(&state.site, leases, changed, &contracts.out());
    let plan = plan.map_err(RefusedInput::Oversold)?;
    let id = &leases[changed].latest().id;
    if contracts.leaves_behind(&state.site, &plan, Some(id), now) {
        return Err(RefusedInput::OthersWait(id.clone()));
    }
    Ok(())
}
