//! Planned maintenance and holds of quotes: what may be set aside, and what is out when.

use std::ops::Range;

use leasehold_allocator::{OutageRefusal, Works, plan_outage};
use leasehold_lease::{Lease, Maintenance, Terms};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Interval, LeaseId, Month, OutageId, Seconds};

use super::inputs::{RefusedInput, carry};
use super::moves::{self, Moves};
use crate::event::Event;
use crate::fleet::{Condition, User};
use crate::job::{Job, JobState};
use crate::state::{LeaseEntry, State, Substitute, touches};
use crate::upkeep::{Agreed, OutageAsk, PlannedOutage};

/// Why maintenance was refused. Nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedOutage {
    /// There is maintenance of that name already.
    #[error("outage-is-new: maintenance {0} is planned already")]
    Exists(OutageId),
    /// No such maintenance, or it is over.
    #[error("outage-is-known: no maintenance {0} is ahead or going on")]
    Unknown(OutageId),
    /// No nodes, or no time.
    #[error("outage-of-something: maintenance {0} is of no node, or takes no time")]
    Nothing(OutageId),
    /// It would have begun before it was announced.
    #[error("outage-is-ahead: maintenance {0} would begin at {1}, which is past")]
    Past(OutageId, Instant),
    /// It is announced too late for nodes of holdings to be replaced by clean ones.
    #[error("outage-is-ahead: nodes of {0} are held; it can begin at {1} at the soonest")]
    TooLate(OutageId, Instant),
    /// A lease that has no hours for it.
    #[error("maintenance-is-agreed: the terms of {0} have no hours for maintenance")]
    NotAgreed(LeaseId),
    /// It is announced too late for the lease.
    #[error("maintenance-notice: {lease} has to be told {notice} ahead, by {latest}")]
    TooSoon {
        /// Which lease.
        lease: LeaseId,
        /// How long ahead its terms ask for.
        notice: Seconds,
        /// Until when it could have been announced.
        latest: Instant,
    },
    /// It takes more than the hours of a month.
    #[error(
        "maintenance-hours: {lease} agrees to {hours} h in a month; this would make {asked} in \
         {year}-{month:02}"
    )]
    TooLong {
        /// Which lease.
        lease: LeaseId,
        /// Hours of a month that its terms have.
        hours: u32,
        /// What it would come to in that month.
        asked: Seconds,
        /// The month's year.
        year: i16,
        /// The month.
        month: i8,
    },
    /// What is promised would be short.
    #[error("no-oversell: {0}")]
    Short(OutageRefusal),
    /// Leases would be left to a pool that is late.
    #[error(
        "delivery-of-others: around maintenance {0}, leases that are signed would wait for a pool that is late; from the day on which it comes it can be tried again"
    )]
    OthersWait(OutageId),
}

/// Decides on maintenance that is asked for.
pub fn plan(state: &State, ask: &OutageAsk, now: Instant) -> Result<Event, RefusedInput> {
    let known = state.contracts.outages.iter().any(|outage| outage.id == ask.id);
    let nothing = ask.nodes.is_empty() || ask.interval.length() == Seconds::ZERO;
    let refused = if known {
        Some(RefusedOutage::Exists(ask.id.clone()))
    } else if nothing {
        Some(RefusedOutage::Nothing(ask.id.clone()))
    } else if ask.interval.from < now {
        Some(RefusedOutage::Past(ask.id.clone(), ask.interval.from))
    } else {
        None
    };
    if let Some(refused) = refused {
        return Err(refused.into());
    }
    let agreed = agreed(state, ask, now)?;
    let lent = NodeRanges::from_nodes(agreed.iter().flat_map(|(_, nodes)| nodes.iter()));
    let around = NodeRanges::from_nodes(ask.nodes.iter().filter(|node| !lent.contains(*node)));
    let soonest = now.after(crate::state::handover_lead(&state.site));
    let holders = moves::holders(state);
    let held = around.iter().any(|node| holders[node as usize].is_some());
    if held && ask.interval.from < soonest {
        return Err(RefusedOutage::TooLate(ask.id.clone(), soonest).into());
    }
    let works = Works {
        nodes: around.ranges().iter().map(|(first, end)| *first..*end).collect(),
        interval: ask.interval,
    };
    let contracts = &state.contracts;
    let leases = contracts.lease_list(now);
    let plan = plan_outage(&state.site, &leases, &contracts.out(), &works, now)
        .map_err(RefusedOutage::Short)?;
    if contracts.leaves_behind(&state.site, &plan, None, now) {
        return Err(RefusedOutage::OthersWait(ask.id.clone()).into());
    }
    let OutageAsk { id, what, interval, .. } = ask.clone();
    Ok(Event::OutagePlanned(Box::new(PlannedOutage { id, what, around, agreed, interval })))
}

/// The nodes of each agreeing lease that are to be out.
fn agreed(
    state: &State,
    ask: &OutageAsk,
    now: Instant,
) -> Result<Vec<(u16, NodeRanges)>, RefusedInput> {
    let holders = moves::holders(state);
    let mut agreed = Vec::new();
    for number in agreeing(state, &ask.agreed)? {
        let held = ask.nodes.iter().filter(|node| holders[*node as usize] == Some(number));
        let nodes = NodeRanges::from_nodes(held);
        if !nodes.is_empty() {
            within_terms(state, number, ask.interval, now)?;
            agreed.push((number, nodes));
        }
    }
    Ok(agreed)
}

/// The numbers of the leases whose hours are to be used.
fn agreeing(state: &State, agreed: &Agreed) -> Result<Vec<u16>, RefusedInput> {
    let contracts = &state.contracts;
    let named = match agreed {
        Agreed::Nobody => return Ok(Vec::new()),
        Agreed::All => {
            let has = |(_, entry): &(u16, &LeaseEntry)| hours(entry).is_some();
            return Ok((0..)
                .zip(&contracts.leases)
                .filter(has)
                .map(|(number, _)| number)
                .collect());
        }
        Agreed::Leases(named) => named,
    };
    let number = |id: &LeaseId| {
        let number = contracts.find(id).ok_or_else(|| RefusedInput::UnknownLease(id.clone()))?;
        match hours(&contracts.leases[usize::from(number)]) {
            Some(_) => Ok(number),
            None => Err(RefusedOutage::NotAgreed(id.clone()).into()),
        }
    };
    let mut numbers: Vec<u16> = named.iter().map(number).collect::<Result<_, RefusedInput>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn hours(entry: &LeaseEntry) -> Option<Maintenance> {
    entry.terms().service.maintenance
}

/// Whether maintenance of a holding is announced as its lease asks for, and within its hours.
fn within_terms(
    state: &State,
    number: u16,
    interval: Interval,
    now: Instant,
) -> Result<(), RefusedOutage> {
    let entry = &state.contracts.leases[usize::from(number)];
    let (terms, agreed) = (entry.terms(), hours(entry).expect("a lease that agrees"));
    let lease = terms.id.clone();
    let latest = interval.from.before(agreed.notice);
    if latest < now {
        return Err(RefusedOutage::TooSoon { lease, notice: agreed.notice, latest });
    }
    let mut all = vec![interval];
    for outage in &state.contracts.outages {
        if outage.agreed.iter().any(|(other, _)| *other == number) {
            all.push(outage.interval);
        }
    }
    let zone = &terms.time_zone;
    let mut month = Month::of(zone.day_of(interval.from));
    loop {
        let begins = zone.start_of(month.first_day());
        if interval.until <= begins {
            return Ok(());
        }
        let span = Interval::new(begins, zone.start_of(month.next().first_day()));
        let asked = covered(&all, span);
        if asked > Seconds::new(u64::from(agreed.hours_per_month) * 3_600) {
            let (hours, first) = (agreed.hours_per_month, month.first_day());
            let (year, month) = (first.year(), first.month());
            return Err(RefusedOutage::TooLong { lease, hours, asked, year, month });
        }
        month = month.next();
    }
}

/// Seconds of `span` that any of `intervals` covers.
fn covered(intervals: &[Interval], span: Interval) -> Seconds {
    let mut parts: Vec<Interval> =
        intervals.iter().filter_map(|interval| interval.overlap(span)).collect();
    parts.sort_unstable_by_key(|part| (part.from, part.until));
    let mut reached = span.from;
    let mut sum = Seconds::ZERO;
    for part in parts {
        sum = sum.plus(part.until.since(part.from.max(reached)));
        reached = reached.max(part.until);
    }
    sum
}

/// Calls maintenance off.
pub fn cancel(state: &State, id: &OutageId, now: Instant) -> Result<Event, RefusedOutage> {
    let open = |outage: &&PlannedOutage| outage.id == *id && now < outage.interval.until;
    let found = state.contracts.outages.iter().find(open);
    found.ok_or_else(|| RefusedOutage::Unknown(id.clone()))?;
    Ok(Event::OutageCancelled { id: id.clone() })
}

/// Decides on a quote whose capacity is to be set aside.
pub fn hold(
    state: &State,
    terms: &Terms,
    expires: Instant,
    now: Instant,
) -> Result<Event, RefusedInput> {
    if expires <= now {
        return Err(RefusedInput::HoldIsOver { lease: terms.id.clone(), expires });
    }
    let known = state.contracts.find(&terms.id).is_some();
    if known || state.contracts.holds.iter().any(|hold| hold.lease.latest().id == terms.id) {
        return Err(RefusedInput::LeaseExists(terms.id.clone()));
    }
    let mut leases = state.contracts.lease_list(now);
    leases.push(Lease::new(vec![terms.clone()])?);
    carry(state, &leases, leases.len() - 1, now)?;
    Ok(Event::HoldPlaced { terms: Box::new(terms.clone()), expires })
}

/// Withdraws a quote.
pub fn release(state: &State, lease: &LeaseId, now: Instant) -> Result<Event, RefusedInput> {
    match state.contracts.hold(lease, now) {
        Some(_) => Ok(Event::HoldReleased { lease: lease.clone() }),
        None => Err(RefusedInput::UnknownHold(lease.clone())),
    }
}

/// Puts off maintenance that would begin at `now`, where a tenant's job waits for nodes that would leave its
/// holding for others that are not ready, or whose block it would lose: until its bound passes, by when it has
/// them, and what comes in their place could be cleared. Where it would be over by then it is called off.
pub fn put_off(state: &State, now: Instant, moves: &Moves, out: &mut Vec<Event>) -> bool {
    let begins = |one: &&PlannedOutage| one.interval.from == now && !one.around.is_empty();
    let begin = || state.contracts.outages.iter().filter(begins);
    if begin().next().is_none() {
        return false;
    }
    let waits = state.jobs.iter().filter(|(_, job)| loses_by(state, job, moves));
    let bounds = waits.filter_map(|(_, job)| Some(job.asked?.after(job.promised?.1)));
    let Some(last) = bounds.max() else { return false };
    let cleared = now.after(crate::state::handover_lead(&state.site));
    let from = cleared.max(last.after(Seconds::new(1)));
    out.extend(begin().map(|outage| {
        let id = outage.id.clone();
        match from < outage.interval.until {
            true => Event::OutagePutOff { id, from },
            false => Event::OutageCancelled { id },
        }
    }));
    true
}

/// Whether a job whose clock runs loses nodes by `moves` that are kept for it, and what comes in their place
/// may be too late for it.
fn loses_by(state: &State, job: &Job, moves: &Moves) -> bool {
    let (JobState::Claiming { .. }, Some((lease, _)), false) =
        (&job.state, job.promised, job.missed)
    else {
        return false;
    };
    let of = |list: &[(u16, Range<u32>)]| {
        let mine = list.iter().filter(|(number, _)| *number == lease);
        NodeRanges::from_nodes(mine.flat_map(|(_, range)| range.clone()))
    };
    let ready = |number: u32| {
        let node = state.fleet.node(number);
        let on = matches!(node.condition, Condition::Up | Condition::Curtailed);
        let clean = node.soil.is_none_or(|soil| soil == job.spec.party);
        on && clean && node.user == User::Nobody
    };
    let released = of(&moves.changes.released);
    let stands_in = |(home, stands): &(u32, Substitute)| {
        stands.active && released.contains(*home) && !moves.stays.contains(home)
    };
    let back = state.substitutes.iter().filter(stands_in).map(|(_, stands)| stands.node);
    let shape = state.contracts.leases[usize::from(lease)].terms().capacity.shape;
    touches(job, &NodeRanges::from_nodes(released.iter().chain(back)))
        && (job.spec.within > shape || !of(&moves.changes.taken).iter().all(ready))
}

/// The nodes that are to be out at `at`, where `holders` hold them then: everything that the plan
/// goes around, and of holdings what their leases agree to.
pub fn out_at(state: &State, at: Instant, holders: &[Option<u16>]) -> Vec<bool> {
    let mut out = around_at(state, at);
    for outage in state.contracts.outages.iter().filter(|outage| outage.interval.contains(at)) {
        for (lease, nodes) in &outage.agreed {
            let held = nodes.iter().filter(|node| holders[*node as usize] == Some(*lease));
            held.for_each(|node| out[node as usize] = true);
        }
    }
    out
}

/// The nodes that the plan goes around at `at`.
pub fn around_at(state: &State, at: Instant) -> Vec<bool> {
    let mut out = vec![false; state.fleet.nodes().len()];
    let planned = state.contracts.outages.iter().flat_map(PlannedOutage::parts);
    let declared = state.site.outages.iter().flat_map(leasehold_site::DeclaredOutage::parts);
    for outage in planned.chain(declared).filter(|outage| outage.interval.contains(at)) {
        out[outage.nodes.start as usize..outage.nodes.end as usize].fill(true);
    }
    out
}

/// Whether any maintenance was ever planned, so that there is something to look at.
pub fn is_any(state: &State) -> bool {
    !state.contracts.outages.is_empty() || !state.site.outages.is_empty()
}

/// What goes out and what comes back where the nodes marked in `out` are to be out. A failed node
/// stays failed until it is repaired.
pub fn changes(state: &State, out: &[bool]) -> (NodeRanges, NodeRanges) {
    let nodes = || (0..).zip(state.fleet.nodes()).zip(out);
    let goes = nodes().filter(|((_, node), out)| {
        **out
            && matches!(node.condition, Condition::Up | Condition::Turnover | Condition::Curtailed)
    });
    let comes =
        nodes().filter(|((_, node), out)| !**out && node.condition == Condition::Maintained);
    (
        NodeRanges::from_nodes(goes.map(|((number, _), _)| number)),
        NodeRanges::from_nodes(comes.map(|((number, _), _)| number)),
    )
}
