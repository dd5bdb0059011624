//! What is delivered of what is granted, the ends of graces, and what a tenant elects then.

use leasehold_allocator::{Short, remedy_on};
use leasehold_lease::{ElectionRefusal, Remedy, ShortDays};
use leasehold_units::{Day, Gpus, Instant, LeaseId};

use super::inputs::RefusedInput;
use crate::event::{EndCause, Event};
use crate::state::{LeaseEntry, State};

/// Whether `short` is covered by what its lease says about delivery: its pool is late, and the terms
/// have a remedy for that.
pub fn is_covered(state: &State, short: &Short, now: Instant) -> bool {
    let entry = &state.contracts.leases[usize::from(short.lease)];
    let late = state.site.pools[short.pool].is_late(state.site.time_zone.day_of(now));
    late && remedy_on(&entry.lease, day_of(entry, now)).is_some()
}

/// What of the leases' deliveries changed, now that `short` cannot be met.
pub fn changes(state: &State, now: Instant, short: &[Short], out: &mut Vec<Event>) {
    for (lease, entry) in (0u16..).zip(&state.contracts.leases) {
        let mine = short.iter().filter(|one| one.lease == lease && is_covered(state, one, now));
        let gpus = |one: &Short| {
            let sku = state.site.sku(&state.site.pools[one.pool]);
            u64::from(one.nodes) * u64::from(sku.gpus_per_node)
        };
        let missing = Gpus::new(mine.map(gpus).sum());
        let step = entry.step_on(day_of(entry, now));
        let granted = step.map_or(Gpus::ZERO, |step| step.gpus);
        let delivered = granted.minus(missing);
        let touched = missing > Gpus::ZERO || entry.delivery.open().is_some();
        let last = entry.delivery.steps.last().map(|last| (last.granted, last.delivered));
        if touched && last != Some((granted, delivered)) {
            out.push(Event::DeliveryChanged { lease, granted, delivered });
        }
    }
}

/// Short days before `day` on which the fee follows what was delivered, beyond those `settled` already.
pub fn unsettled(entry: &LeaseEntry, settled: &[ShortDays], day: Day) -> Vec<ShortDays> {
    let eve = day.yesterday().expect("a lease begins after the calendar does");
    let from = settled.last().map(|last| last.until.tomorrow().expect("it is past"));
    let clipped = entry.short_days().into_iter().map(|days| ShortDays {
        from: from.map_or(days.from, |from| days.from.max(from)),
        until: days.until.min(eve),
        ..days
    });
    clipped.filter(|days| days.from <= days.until).collect()
}

/// What the end of a grace calls for, if something is short then.
pub fn grace(state: &State, now: Instant, lease: u16, out: &mut Vec<Event>) {
    let entry = &state.contracts.leases[usize::from(lease)];
    let today = day_of(entry, now);
    let open = entry.delivery.open().filter(|time| time.lapsed.is_none());
    let short = open.and_then(|_| entry.shortfall_on(today)).filter(|short| short.past_grace());
    let Some((short, remedy)) = short.zip(remedy_on(&entry.lease, today)) else { return };
    out.push(Event::GraceLapsed { lease, remedy, grace_until: short.grace_until });
    if remedy == Remedy::Terminate {
        let (last_day, cause) = (short.eve(), EndCause::Undelivered);
        out.push(Event::LeaseEnded { lease, last_day, cause });
    }
}

/// The tenant of the lease named `id` elects to terminate, with `day` as the last day of service.
pub fn elect(state: &State, id: &LeaseId, day: Day) -> Result<Event, RefusedInput> {
    let number = state.contracts.find(id).ok_or_else(|| RefusedInput::UnknownLease(id.clone()))?;
    let entry = &state.contracts.leases[usize::from(number)];
    let lease = || id.to_string();
    if remedy_on(&entry.lease, day) != Some(Remedy::TenantElects) {
        return Err(ElectionRefusal::NotAgreed { lease: lease() }.into());
    }
    let open = entry.delivery.open();
    let Some(short) = open.and_then(|_| entry.shortfall_on(day)) else {
        return Err(ElectionRefusal::NothingShort { lease: lease() }.into());
    };
    if !short.past_grace() {
        let grace_until = short.grace_until;
        return Err(ElectionRefusal::InGrace { lease: lease(), grace_until }.into());
    }
    Ok(Event::LeaseEnded { lease: number, last_day: day, cause: EndCause::Elected })
}

fn day_of(entry: &LeaseEntry, at: Instant) -> Day {
    entry.terms().time_zone.day_of(at)
}
