//! The leases in force and the agenda that follows from them.

use std::collections::BTreeSet;

use leasehold_allocator::{
    DeliveryStep, EntitlementStep, LeasePlan, Outage, Plan, Refusal, falls_behind, plan_around,
};
use leasehold_lease::{IdleUse, Isolation, Lease, Notice, Terms};
use leasehold_site::Site;
use leasehold_units::{Day, Instant, LeaseId, OutageId, Seconds};
use serde::{Deserialize, Serialize};

use super::deliveries::DeliveryRecord;
use crate::event::Curtailment;
use crate::fleet::{Fleet, Holding, LANDLORD, PartitionId, Party, Role};
use crate::upkeep::{Hold, PlannedOutage};

/// Longest time to vacate that a job may declare. Nodes that are about to change hands stop taking
/// work this long, and a turnover, ahead.
pub const VACATE_SECONDS_MAX: u32 = 1800;

/// A lease and what the site gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseEntry {
    /// Its versions, and the notice if one was given.
    pub lease: Lease,
    /// Its tenant.
    pub party: Party,
    /// Its partitions, one a pool.
    pub partitions: Vec<PartitionId>,
    /// What it is granted when, in nodes of each pool.
    pub plan: LeasePlan,
    /// GPUs granted by the last step that was taken.
    pub granted_gpus: u64,
    /// GPUs of the holding that its availability does not count now: out for maintenance as the lease
    /// agrees, or down by the tenant's own fault.
    pub excluded_gpus: u64,
    /// What was delivered of it.
    pub delivery: DeliveryRecord,
}

/// What has to be looked at, at an instant known ahead. At one instant, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgendaItem {
    /// Quotes run out.
    Quotes,
    /// Pools enter service or retire.
    Service,
    /// The power that may be drawn may change.
    Envelope,
    /// Entitlements take a step.
    Holdings,
    /// The grace of this lease may be over.
    Grace(u16),
    /// What is switched on follows the holdings.
    Power,
    /// Holdings or the envelope change soon: nodes are cleared for that.
    Prepare,
    /// An invoice of this lease may be due.
    Invoice(u16),
}

/// The leases in force and the agenda that follows from them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contracts {
    /// By number, in the order in which they came.
    pub leases: Vec<LeaseEntry>,
    /// Quotes whose capacity is set aside, in the order in which they came.
    pub holds: Vec<Hold>,
    /// Maintenance, past and to come, in the order in which it was planned.
    pub outages: Vec<PlannedOutage>,
    agenda: BTreeSet<(Instant, AgendaItem)>,
}

impl LeaseEntry {
    /// The version that was signed last.
    pub fn terms(&self) -> &Terms {
        self.lease.versions.last().expect("a lease has a version")
    }

    /// The reclaim bound.
    pub fn reclaim_bound(&self) -> Option<Seconds> {
        self.terms().service.reclaim_within
    }

    /// What it is granted on `day`.
    pub fn step_on(&self, day: Day) -> Option<&EntitlementStep> {
        self.plan.steps.iter().find(|step| step.from <= day && day <= step.until)
    }
}

impl Contracts {
    /// The contracts of `leases` on `site`, with everything to look at after `now`.
    pub fn new(site: &Site, leases: Vec<Lease>, now: Instant) -> Result<Self, Vec<Refusal>> {
        let mut contracts = Self {
            leases: Vec::new(),
            holds: Vec::new(),
            outages: Vec::new(),
            agenda: BTreeSet::new(),
        };
        let plan = plan_around(site, &leases, &[])?;
        for (lease, plan) in leases.into_iter().zip(plan.leases) {
            contracts.leases.push(LeaseEntry {
                lease,
                party: LANDLORD,
                partitions: Vec::new(),
                plan,
                granted_gpus: 0,
                excluded_gpus: 0,
                delivery: DeliveryRecord::default(),
            });
        }
        contracts.reopen_agenda(site, now);
        Ok(contracts)
    }

    /// The number of the lease named `id`.
    pub fn find(&self, id: &leasehold_units::LeaseId) -> Option<u16> {
        let found = self.leases.iter().position(|entry| entry.terms().id == *id);
        found.map(|index| u16::try_from(index).expect("few leases"))
    }

    /// The leases as they are, to try a change on, and behind them what is set aside for quotes that
    /// last at `now`.
    pub fn lease_list(&self, now: Instant) -> Vec<Lease> {
        let signed = self.leases.iter().map(|entry| entry.lease.clone());
        let lasting = self.holds.iter().filter(|hold| now < hold.expires);
        signed.chain(lasting.map(|hold| hold.lease.clone())).collect()
    }

    /// The quote for lease `id`, if it lasts at `now`.
    pub fn hold(&self, id: &LeaseId, now: Instant) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.lease.latest().id == *id && now < hold.expires)
    }

    /// Planned maintenance, as the plan goes around it. What the site declares is not among it.
    pub fn out(&self) -> Vec<Outage> {
        self.outages.iter().flat_map(PlannedOutage::parts).collect()
    }

    /// Everything that is to be looked at, and when.
    pub(super) const fn agenda(&self) -> &BTreeSet<(Instant, AgendaItem)> {
        &self.agenda
    }

    /// When a document of the lease of this number may be due next.
    pub fn next_invoice(&self, lease: u16) -> Option<Instant> {
        let due = |(_, item): &&(Instant, AgendaItem)| *item == AgendaItem::Invoice(lease);
        self.agenda.iter().find(due).map(|(at, _)| *at)
    }

    /// When something has to be looked at next.
    pub fn next_due(&self) -> Option<Instant> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// The first thing to look at that is due at `now`.
    pub fn due(&self, now: Instant) -> Option<(Instant, AgendaItem)> {
        self.agenda.first().copied().filter(|(at, _)| *at <= now)
    }

    /// The next instant after `now` at which holdings or the envelope change.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let changes = |item: &AgendaItem| {
            matches!(item, AgendaItem::Holdings | AgendaItem::Envelope | AgendaItem::Service)
        };
        self.agenda.iter().find(|(at, item)| *at > now && changes(item)).map(|(at, _)| *at)
    }

    /// The instants after `now` and until `last` at which holdings or the envelope change.
    pub fn changes_until(&self, now: Instant, last: Instant) -> Vec<Instant> {
        let mut changes = Vec::new();
        let mut from = now;
        while let Some(at) = self.next_change(from).filter(|at| *at <= last) {
            changes.push(at);
            from = at;
        }
        changes
    }

    pub(super) fn done(&mut self, item: &(Instant, AgendaItem)) {
        self.agenda.remove(item);
    }

    pub(super) fn give_notice(&mut self, site: &Site, lease: u16, notice: Notice, now: Instant) {
        let entry = &mut self.leases[usize::from(lease)];
        entry.lease.give_notice(notice.by, notice.given).expect("the notice was decided on");
        self.replan(site, None, now);
    }

    /// The lease goes on; what its end called for is not looked at any more.
    pub(super) fn withdraw_notice(&mut self, site: &Site, lease: u16, now: Instant) {
        let entry = &mut self.leases[usize::from(lease)];
        entry.lease.drop_notice();
        let id = entry.terms().id.clone();
        // The day after the notice would have ended it is none on which anything is billed, and reading
        // meters then would leave a trace in what proves the bills.
        self.agenda.retain(|(at, item)| *at <= now || *item != AgendaItem::Invoice(lease));
        self.replan(site, Some(&id), now);
    }

    /// Takes down what is delivered of a lease; where its grace is over already, that is looked at now.
    pub(super) fn deliver(&mut self, lease: u16, step: DeliveryStep, now: Instant) {
        self.leases[usize::from(lease)].delivery.change(step);
        self.agenda.insert((now, AgendaItem::Grace(lease)));
    }

    /// Ends a lease over a late delivery; what was billed ahead is settled now or on the day after.
    pub(super) fn end(&mut self, site: &Site, lease: u16, last_day: Day, now: Instant) {
        self.leases[usize::from(lease)].lease.end_undelivered(last_day);
        self.replan(site, None, now);
        self.agenda.insert((now, AgendaItem::Invoice(lease)));
    }

    /// What was delivered, by lease.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = &DeliveryRecord> {
        self.leases.iter().map(|entry| &entry.delivery)
    }

    pub(super) fn amend(&mut self, site: &Site, lease: u16, terms: &Terms, now: Instant) {
        let entry = &mut self.leases[usize::from(lease)];
        entry.lease.amend(terms.clone()).expect("the amendment was decided on");
        self.replan(site, Some(&terms.id), now);
    }

    pub(super) fn sign(&mut self, site: &Site, terms: &Terms, now: Instant) -> usize {
        let lease = Lease::new(vec![terms.clone()]).expect("the lease was decided on");
        let held = self.take_hold(&terms.id).filter(|hold| hold.is_of(terms));
        // What was quoted is kept like what is signed.
        let changed = if held.is_some() { None } else { Some(&terms.id) };
        let plan = held.map_or_else(
            || LeasePlan { lease: terms.id.clone(), steps: Vec::new() },
            |hold| hold.plan,
        );
        self.leases.push(LeaseEntry {
            lease,
            party: LANDLORD,
            partitions: Vec::new(),
            plan,
            granted_gpus: 0,
            excluded_gpus: 0,
            delivery: DeliveryRecord::default(),
        });
        self.replan(site, changed, now);
        // Signed in the middle of the day on which its first document is due: that is due now.
        let number = self.leases.len() - 1;
        let item = AgendaItem::Invoice(u16::try_from(number).expect("few leases"));
        self.agenda.insert((now, item));
        number
    }

    pub(super) fn announce(&mut self, curtailment: &Curtailment, now: Instant, lead: Seconds) {
        let ahead = curtailment.from.before(lead).max(now);
        self.agenda.insert((ahead, AgendaItem::Prepare));
        self.agenda.insert((curtailment.from, AgendaItem::Envelope));
        self.agenda.insert((curtailment.until, AgendaItem::Envelope));
    }

    pub(super) fn place_hold(
        &mut self,
        site: &Site,
        terms: &Terms,
        expires: Instant,
        now: Instant,
    ) {
        let lease = Lease::new(vec![terms.clone()]).expect("the quote was decided on");
        let plan = LeasePlan { lease: terms.id.clone(), steps: Vec::new() };
        self.holds.push(Hold { lease, expires, plan });
        self.agenda.insert((expires, AgendaItem::Quotes));
        self.replan(site, Some(&terms.id), now);
    }

    pub(super) fn drop_hold(&mut self, site: &Site, id: &LeaseId, now: Instant) {
        self.take_hold(id).expect("the quote lasted");
        self.replan(site, None, now);
    }

    fn take_hold(&mut self, id: &LeaseId) -> Option<Hold> {
        let place = self.holds.iter().position(|hold| hold.lease.latest().id == *id)?;
        Some(self.holds.remove(place))
    }

    pub(super) fn plan_outage(&mut self, site: &Site, outage: &PlannedOutage, now: Instant) {
        self.outages.push(outage.clone());
        self.replan(site, None, now);
    }

    /// What was out until now was out; what was to come is forgotten.
    pub(super) fn cancel_outage(&mut self, site: &Site, id: &OutageId, now: Instant) {
        let place = self.outages.iter().position(|outage| outage.id == *id);
        let place = place.expect("the outage was planned");
        let interval = &mut self.outages[place].interval;
        if interval.from < now {
            interval.until = now;
        } else {
            self.outages.remove(place);
        }
        self.replan(site, None, now);
    }

    /// Begins maintenance later; what was planned around it fits still.
    pub(super) fn put_off_outage(
        &mut self,
        site: &Site,
        id: &OutageId,
        from: Instant,
        now: Instant,
    ) {
        let outage = self.outages.iter_mut().find(|outage| outage.id == *id);
        outage.expect("the outage was planned").interval.from = from;
        self.open(site, from, now, &[AgendaItem::Holdings, AgendaItem::Power]);
    }

    pub(super) fn open_item(&mut self, item: (Instant, AgendaItem)) {
        self.agenda.insert(item);
    }

    /// Plans again after a change that was decided on, of the lease or quote named `changed`, and looks at
    /// everything that is now ahead.
    fn replan(&mut self, site: &Site, changed: Option<&LeaseId>, now: Instant) {
        match plan_around(site, &self.lease_list(now), &self.out()) {
            Ok(plan) if !self.leaves_behind(site, &plan, changed, now) => self.take_plans(plan),
            // Where leases may choose their pools, less may be planned worse in order of signature,
            // or in pools that are late. What everybody has fits still.
            _ => self.shorten_plans(),
        }
        self.reopen_agenda(site, now);
    }

    /// Whether anybody but the lease or quote named `changed` waits longer for a late pool under `plan`.
    pub fn leaves_behind(
        &self,
        site: &Site,
        plan: &Plan,
        changed: Option<&LeaseId>,
        now: Instant,
    ) -> bool {
        let leases = self.leases.iter().map(|entry| (&entry.lease, &entry.plan));
        let holds = self.holds.iter().map(|hold| (&hold.lease, &hold.plan));
        let mut others = leases.chain(holds).filter(|(_, old)| Some(&old.lease) != changed);
        others.any(|(lease, old)| {
            let new = plan.leases.iter().find(|new| new.lease == old.lease);
            new.is_some_and(|new| falls_behind(site, lease, old, new, now))
        })
    }

    fn take_plans(&mut self, plan: Plan) {
        let leases = self.leases.iter_mut().map(|entry| &mut entry.plan);
        let holds = self.holds.iter_mut().map(|hold| &mut hold.plan);
        let mut places: Vec<&mut LeasePlan> = leases.chain(holds).collect();
        for new in plan.leases {
            let place = places.iter_mut().find(|place| place.lease == new.lease);
            **place.expect("a plan is of a lease or a quote") = new;
        }
    }

    /// Ends every plan with its lease.
    fn shorten_plans(&mut self) {
        for entry in &mut self.leases {
            let last = entry.lease.last_day();
            entry.plan.steps.retain(|step| step.from <= last);
            if let Some(step) = entry.plan.steps.last_mut() {
                step.until = step.until.min(last);
            }
        }
    }

    /// Adds everything that the site and the leases call for from `now` on.
    fn reopen_agenda(&mut self, site: &Site, now: Instant) {
        self.agenda.insert((now, AgendaItem::Service));
        self.agenda.insert((now, AgendaItem::Envelope));
        self.agenda.insert((now, AgendaItem::Holdings));
        self.agenda.insert((now, AgendaItem::Power));
        for at in service_changes(site) {
            self.open(
                site,
                at,
                now,
                &[AgendaItem::Service, AgendaItem::Holdings, AgendaItem::Power],
            );
        }
        for at in self.outage_changes(site) {
            self.open(site, at, now, &[AgendaItem::Holdings, AgendaItem::Power]);
        }
        for (day, _) in site.envelope.iter() {
            self.open(site, site.time_zone.start_of(day), now, &[AgendaItem::Envelope]);
        }
        for index in 0..self.leases.len() {
            let entry = &self.leases[index];
            let zone = entry.terms().time_zone.clone();
            let steps: Vec<Day> = entry.plan.steps.iter().map(|step| step.from).collect();
            let last = entry.plan.steps.last().map(|step| step.until);
            let after = last.and_then(|day| day.tomorrow().ok());
            let versions = entry.lease.versions.windows(2);
            // What is short may be covered by the one version and not by the other.
            let other = versions.filter(|pair| pair[0].delivery != pair[1].delivery);
            let other: Vec<Day> = other.map(|pair| pair[1].effective).collect();
            for day in steps.into_iter().chain(after).chain(other) {
                self.open(
                    site,
                    zone.start_of(day),
                    now,
                    &[AgendaItem::Holdings, AgendaItem::Power],
                );
            }
            self.open_graces(index, now);
            self.open_invoices(index, now);
        }
    }

    /// When nodes go out for maintenance and come back.
    fn outage_changes(&self, site: &Site) -> Vec<Instant> {
        let planned = self.outages.iter().map(|outage| outage.interval);
        let intervals = site.outages.iter().map(|outage| outage.interval).chain(planned);
        intervals.flat_map(|interval| [interval.from, interval.until]).collect()
    }

    /// What is short is looked at on the day after each grace.
    fn open_graces(&mut self, index: usize, now: Instant) {
        let entry = &self.leases[index];
        let over = |step: &EntitlementStep| {
            let terms = entry.lease.governing(step.from);
            let delivery = terms.delivery.as_ref()?;
            let after = delivery.grace_until(terms.due_day(step.from)?).tomorrow().ok()?;
            Some(terms.time_zone.start_of(after))
        };
        let number = u16::try_from(index).expect("few leases");
        let ahead = entry.plan.steps.iter().filter_map(over).filter(|at| *at >= now);
        self.agenda.extend(ahead.map(|at| (at, AgendaItem::Grace(number))));
    }

    /// An invoice may be due on the first of each month, on the first day of the term, on the day
    /// after the last, and on days that the fee names.
    fn open_invoices(&mut self, index: usize, now: Instant) {
        let entry = &self.leases[index];
        let zone = &entry.terms().time_zone;
        let Some((first, last)) = entry.plan.steps.first().zip(entry.plan.steps.last()) else {
            return;
        };
        let after = last.until.tomorrow().expect("a term ends before the end of time");
        let number = u16::try_from(index).expect("few leases");
        let mut day = first.from;
        while day <= after {
            let at = zone.start_of(day);
            if at >= now {
                self.agenda.insert((at, AgendaItem::Invoice(number)));
            }
            day = leasehold_units::Month::of(day).next().first_day();
        }
        let named = leasehold_ledger::standing_days(&entry.lease);
        for day in named.into_iter().chain([after]) {
            let at = zone.start_of(day);
            if at >= now {
                self.agenda.insert((at, AgendaItem::Invoice(number)));
            }
        }
    }

    fn open(&mut self, site: &Site, at: Instant, now: Instant, items: &[AgendaItem]) {
        if at < now {
            return;
        }
        self.agenda.extend(items.iter().map(|item| (at, *item)));
        let ahead = at.before(handover_lead(site));
        if ahead > now {
            self.agenda.insert((ahead, AgendaItem::Prepare));
        }
    }
}

/// How long ahead nodes that change hands, or lose their power, stop taking work.
pub fn handover_lead(site: &Site) -> Seconds {
    let turnover = site.skus.iter().map(|sku| sku.turnover).max().unwrap_or(Seconds::ZERO);
    turnover.plus(Seconds::new(u64::from(VACATE_SECONDS_MAX)))
}

fn service_changes(site: &Site) -> Vec<Instant> {
    let days = site.pools.iter().flat_map(|pool| [Some(pool.first_day()), pool.retire]);
    days.flatten().map(|day| site.time_zone.start_of(day)).collect()
}

/// The partition of `pool` under `holding`. The landlord's own come first, one a pool, then the
/// reserves, then those of the leases.
pub fn partition_of(
    contracts: &Contracts,
    pools: usize,
    holding: Holding,
    pool: usize,
) -> PartitionId {
    match holding {
        Holding::Lease(lease) => contracts.leases[usize::from(lease)].partitions[pool],
        Holding::Own => PartitionId::try_from(pool).expect("few pools"),
        Holding::Reserve => PartitionId::try_from(pools + pool).expect("few pools"),
    }
}

/// Opens one partition a pool for lease number `index` of `tenant`.
pub fn open_partitions(
    fleet: &mut Fleet,
    site: &Site,
    contracts: &Contracts,
    index: usize,
    tenant: Party,
) -> Vec<PartitionId> {
    let entry = &contracts.leases[index];
    let service = &entry.terms().service;
    let mut ids = Vec::new();
    for (number, pool) in site.pools.iter().enumerate() {
        let sku = site.sku(pool);
        // A borrower on one node of a rack would share the rack with the tenant on the others.
        let apart = entry.terms().capacity.isolation == Isolation::Rack;
        let lends = service.idle_use == IdleUse::Landlord && !apart;
        let bound = service.reclaim_within.filter(|_| lends);
        let vacate = bound.and_then(|bound| bound.get().checked_sub(sku.turnover.get()));
        let role = Role {
            holding: Holding::Lease(u16::try_from(index).expect("few leases")),
            holder: tenant,
            pool: u16::try_from(number).expect("few pools"),
            gpus_per_node: u8::try_from(sku.gpus_per_node).expect("at most 64"),
            guest_vacate_seconds_max: vacate.map(|v| u32::try_from(v).unwrap_or(u32::MAX)),
        };
        ids.push(fleet.add_partition(role));
    }
    ids
}
