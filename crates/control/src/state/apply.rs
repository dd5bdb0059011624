//! Applying events. Nothing is chosen here: an event says everything.

use leasehold_allocator::DeliveryStep;
use leasehold_ledger::Fact;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Gpus, Instant};

use super::{State, contracts};
use crate::books::Reclaim;
use crate::event::{Event, Whose};
use crate::fleet::{Claim, Condition, Holding, JobSlot, LANDLORD, User};
use crate::invariants::{Invariant, Violation};
use crate::job::{Allocation, Job, JobSpec, JobState};

impl State {
    /// Applies `event`, which happened at `now`.
    ///
    /// # Panics
    /// If the event does not follow from the state, such as the end of a job that does not run.
    pub fn apply(&mut self, now: Instant, event: &Event) {
        self.advance(now);
        match event {
            Event::JobSubmitted { job, spec } => self.submit(*job, *spec),
            Event::JobParked { job } => self.park(*job),
            Event::JobsUnparked { party } => self.unpark(*party),
            Event::NodesClaimed { job, at } => self.claim(*job, at.clone()),
            Event::ClaimDropped { job } => self.drop_claim(*job),
            Event::JobStarted { job, at } => self.start_and_meter(*job, at),
            Event::PlacingChanged { to } => self.placing = *to,
            Event::JobFound { job, at, since } => self.find(*job, at, *since),
            Event::JobGone { job, at, how } => self.go(*job, *at, *how),
            Event::EvictionRequested { job, deadline } => self.evict(*job, *deadline),
            Event::CancellationRequested { job } => self.jobs.get_mut(*job).cancelled = true,
            Event::JobCancelled { job } => self.cancel(*job),
            Event::JobVacated { job } => {
                self.leave(*job);
                self.back_off(*job);
                self.enqueue(*job);
            }
            Event::JobStopped { job, .. } => {
                self.leave(*job);
                self.enqueue(*job);
            }
            Event::JobOvertaken { job } | Event::ReclaimLapsed { job } => self.give_up_turn(*job),
            Event::ReclaimMissed { job, lease } => self.miss(*job, *lease),
            Event::BackOffEnded { job } => self.end_back_off(*job),
            Event::ShareSet { party, account, share } => {
                self.account_mut(*party, *account).share = *share;
            }
            Event::JobFinished { job } => {
                self.leave(*job);
                self.finish(*job);
            }
            Event::TurnoverBegan { nodes, .. } => {
                self.fleet.scrubbing_decided(nodes);
                self.set_condition(nodes, Condition::Turnover);
                self.time_turnover(nodes);
            }
            Event::TurnoverOverdue { nodes, .. } => self.scrubs.end(nodes),
            Event::MaintenanceBegan { nodes } => self.set_condition(nodes, Condition::Maintained),
            Event::MaintenanceEnded { nodes } => self.repair(nodes, true),
            Event::TurnoverEnded { nodes } => self.come_clean(nodes),
            Event::NodesFailed { nodes } => self.set_condition(nodes, Condition::Down),
            Event::FaultAttributed { nodes } => self.at_fault.extend(nodes.iter().copied()),
            Event::NodesRepaired { nodes } => self.repair(nodes, true),
            Event::NodesRestored { nodes } => self.repair(nodes, false),
            Event::NodesInService { nodes, serving } => self.put_in_service(nodes, *serving),
            Event::NodesDrained { nodes } => {
                self.fleet.change(nodes, now, |node| node.draining = true);
            }
            Event::NodesReopened { nodes } => {
                self.fleet.change(nodes, now, |node| node.draining = false);
            }
            Event::NodesCurtailed { nodes } => self.set_condition(nodes, Condition::Curtailed),
            Event::HoldingChanged { to, nodes } => self.change_holder(*to, nodes),
            Event::SubstituteChosen { home, node } => self.choose_substitute(*home, *node),
            Event::SubstituteDropped { home } => self.drop_substitute(*home),
            Event::Substituted { home } => self.substitute(*home),
            Event::SubstituteStays { home } => self.keep_substitute(*home),
            Event::SubstitutionEnded { home } => self.end_substitution(*home),
            _ => self.apply_contract(now, event),
        }
        self.meter_usage();
        self.meter_excluded(event);
    }

    fn apply_contract(&mut self, now: Instant, event: &Event) {
        match event {
            Event::EntitlementStepped { lease, gpus } => {
                self.books.record(*lease, now, Fact::Entitled { gpus: Gpus::new(*gpus) });
                self.contracts.leases[usize::from(*lease)].granted_gpus = *gpus;
                self.check_holding(*lease);
            }
            Event::NoticeGiven { lease, notice, .. } => {
                self.books.record(*lease, now, Fact::NoticeGiven(*notice));
                self.contracts.give_notice(&self.site, *lease, *notice, now);
            }
            Event::WithdrawalAsked { lease } => {
                self.contracts.leases[usize::from(*lease)].lease.withdrawal_asked = true;
            }
            Event::NoticeWithdrawn { lease } => {
                self.books.record(*lease, now, Fact::NoticeWithdrawn);
                self.contracts.withdraw_notice(&self.site, *lease, now);
            }
            Event::LeaseAmended { lease, terms } => {
                self.books.amend(*lease, now, terms);
                self.contracts.amend(&self.site, *lease, terms, now);
            }
            Event::LeaseSigned { terms } => {
                let index = self.contracts.sign(&self.site, terms, now);
                self.open_lease(index);
            }
            Event::OutagePlanned(outage) => self.contracts.plan_outage(&self.site, outage, now),
            Event::OutageCancelled { id } => self.contracts.cancel_outage(&self.site, id, now),
            Event::OutagePutOff { id, from } => {
                self.contracts.put_off_outage(&self.site, id, *from, now);
            }
            Event::HoldPlaced { terms, expires } => {
                self.contracts.place_hold(&self.site, terms, *expires, now);
            }
            Event::HoldReleased { lease } | Event::HoldExpired { lease } => {
                self.contracts.drop_hold(&self.site, lease, now);
            }
            Event::LeaveHurried { .. } => {}
            Event::AgendaOpened(item) => self.contracts.open_item(*item),
            Event::CurtailmentAnnounced(curtailment) => {
                self.curtailments.push(*curtailment);
                self.contracts.announce(curtailment, now, contracts::handover_lead(&self.site));
            }
            Event::EnvelopeChanged { limit } => {
                self.limit = *limit;
                self.it_limit = crate::decide::it_limit(self, *limit);
                self.curtailments.retain(|curtailment| now < curtailment.until);
            }
            Event::LendingChanged { to } => {
                self.lending = *to;
                self.stir(LANDLORD);
            }
            Event::AgendaDone(item) => {
                if let (_, contracts::AgendaItem::Invoice(lease)) = *item {
                    let entry = &self.contracts.leases[usize::from(lease)];
                    let day = entry.terms().time_zone.day_of(now);
                    self.books.looked_at(lease, entry, day);
                }
                self.contracts.done(item);
            }
            _ => self.apply_books(now, event),
        }
    }

    fn apply_books(&mut self, now: Instant, event: &Event) {
        match event {
            Event::PowerStepped(step) => {
                if let (Whose::Lease(lease), true) = (step.whose, step.beyond > 0) {
                    self.books.record(lease, now, Fact::CurtailedBeyond { nodes: step.beyond });
                }
                self.books.power_steps.push(*step);
            }
            Event::RevenueRecognised { through } => self.books.recognise_through(*through),
            Event::Breached(breach) => self.books.breach(breach.clone()),
            Event::UsageClosed => {
                self.fleet.close(now);
                self.usage_closed = Some(now);
            }
            Event::InvoiceIssued { lease, invoice } => {
                let entry = &self.contracts.leases[usize::from(*lease)];
                self.books.issue(*lease, entry, invoice, now);
                self.check_books();
            }
            Event::Booked(fact) => {
                self.books.book(fact, now);
                self.check_books();
            }
            _ => self.apply_delivery(now, event),
        }
    }

    fn apply_delivery(&mut self, now: Instant, event: &Event) {
        match event {
            Event::DeliveryChanged { lease, granted, delivered } => {
                // What is not delivered is remedied by itself and counts in no availability.
                self.books.record(*lease, now, Fact::Entitled { gpus: *delivered });
                let step = DeliveryStep { from: now, granted: *granted, delivered: *delivered };
                self.contracts.deliver(*lease, step, now);
            }
            Event::ShortDaysSettled { lease, days } => {
                for days in days {
                    self.books.record(*lease, now, Fact::Short(*days));
                }
            }
            Event::GraceLapsed { lease, .. } => {
                self.contracts.leases[usize::from(*lease)].delivery.lapse(now);
            }
            Event::LeaseEnded { lease, last_day, .. } => {
                self.books.record(*lease, now, Fact::Ended { last_day: *last_day });
                self.contracts.end(&self.site, *lease, *last_day, now);
            }
            _ => unreachable!("applied before"),
        }
    }

    /// Moves the clock and checks what must hold between two instants.
    fn advance(&mut self, now: Instant) {
        assert!(self.now <= now, "an event at {now} after one at {}", self.now);
        self.now = now;
    }

    fn submit(&mut self, slot: JobSlot, spec: JobSpec) {
        let job = Job {
            spec,
            place: self.parties[usize::from(spec.party)].submitted,
            submitted: self.now,
            asked: None,
            promised: None,
            missed: false,
            started: None,
            expected_end: self.now,
            kept_seconds: 0,
            evictions: 0,
            backs_off_until: None,
            cancelled: false,
            starts: 0,
            state: JobState::Queued,
        };
        self.parties[usize::from(spec.party)].submitted += 1;
        let given = self.jobs.insert(job);
        assert_eq!(given, slot, "the job table gave another slot than was decided");
        self.enqueue(slot);
    }

    fn park(&mut self, slot: JobSlot) {
        self.dequeue(slot);
        let job = self.jobs.get_mut(slot);
        job.state = JobState::Parked;
        let (party, order) = (usize::from(job.spec.party), job.place);
        self.parties[party].queue.parked.insert(order, slot);
    }

    fn unpark(&mut self, party: u16) {
        let parked = std::mem::take(&mut self.parties[usize::from(party)].queue.parked);
        for slot in parked.into_values() {
            self.enqueue(slot);
        }
    }

    fn start_and_meter(&mut self, slot: JobSlot, at: &Allocation) {
        self.meter_reclaim(slot, at, self.now);
        self.stop_clock(slot);
        self.start(slot, at.clone());
    }

    /// Records the answer to a reclaim, if the job of `slot` that starts at `answered` had asked for one.
    pub(super) fn meter_reclaim(&mut self, slot: JobSlot, at: &Allocation, answered: Instant) {
        let job = self.jobs.get(slot);
        let (asked, missed) = (job.asked, job.missed);
        let lease = self.fleet.partition(at.partition).role.lease();
        let (Some(asked), Some(lease), false) = (asked, lease, at.guest) else { return };
        let (decided, vacated) = match job.state {
            JobState::Claiming { since, vacated, .. } => (since, vacated),
            _ => (answered, answered),
        };
        let within = job.spec.within;
        let reclaim = Reclaim { lease, within, asked, decided, vacated, answered, missed };
        self.books.reclaimed(reclaim, self.now);
    }

    fn evict(&mut self, slot: JobSlot, deadline: Instant) {
        let job = self.jobs.get_mut(slot);
        job.evictions += u32::from(!job.cancelled);
        let JobState::Running { at, since } = &job.state else {
            panic!("job {} does not run", job.spec.number)
        };
        job.state = JobState::Leaving { at: at.clone(), since: *since, deadline };
    }

    fn set_condition(&mut self, nodes: &NodeRanges, condition: Condition) {
        let now = self.now;
        self.scrubs.end(nodes);
        self.fleet.change(nodes, now, |node| node.condition = condition);
        self.note_failed(nodes);
        self.substitutes.hear_of(nodes);
    }

    fn come_clean(&mut self, nodes: &NodeRanges) {
        let now = self.now;
        self.scrubs.end(nodes);
        self.fleet.change(nodes, now, |node| {
            node.condition = Condition::Up;
            node.soil = None;
        });
        self.substitutes.hear_of(nodes);
        for number in nodes.iter() {
            if let Claim::Holder(job) | Claim::Guest(job) = self.fleet.node(number).claim {
                self.claimed_node_ready(job);
            }
        }
    }

    /// Nodes come back: repaired ones scrubbed, those that were switched off as they were left.
    fn repair(&mut self, nodes: &NodeRanges, scrubbed: bool) {
        let now = self.now;
        for number in nodes.iter() {
            self.at_fault.remove(&number);
            let one = NodeRanges::from_range(number, number + 1);
            let engaged = self.substitutes.engages(number);
            self.fleet.change(&one, now, |node| {
                node.condition = Condition::Up;
                node.soil = node.soil.filter(|_| !scrubbed);
                node.draining &= engaged;
            });
        }
        self.note_failed(nodes);
        self.substitutes.hear_of(nodes);
    }

    fn put_in_service(&mut self, nodes: &NodeRanges, serving: bool) {
        let condition = if serving { Condition::Up } else { Condition::OutOfService };
        self.set_condition(nodes, condition);
        for number in nodes.iter() {
            let pool = self.fleet.pool_of(number);
            let gpus = u64::from(self.fleet.pools[pool].gpus_per_node);
            self.installed_gpus =
                if serving { self.installed_gpus + gpus } else { self.installed_gpus - gpus };
        }
    }

    fn change_holder(&mut self, to: Holding, nodes: &NodeRanges) {
        let now = self.now;
        let pool = nodes.ranges().first().map_or(0, |(first, _)| self.fleet.pool_of(*first));
        let partition = self.partition_of(to, pool);
        let user = |number: u32| self.fleet.node(number).user;
        let busy = nodes.iter().find(|node| user(*node) != User::Nobody);
        self.require(Invariant::Isolation, busy.is_none(), || {
            format!("node {busy:?} changed hands under a job")
        });
        self.fleet.change(nodes, now, |node| {
            node.partition = partition;
            node.draining = false;
        });
        self.note_failed(nodes);
    }

    /// Adds what was closed by the last change to the meters.
    fn meter_usage(&mut self) {
        let from = self.usage.len();
        self.fleet.move_usage_to(&mut self.usage);
        for row in &self.usage[from..] {
            self.books.meter(row);
        }
        for row in self.fleet.take_service() {
            self.books.serve(&row, &self.site);
        }
    }

    /// Tells the meters how much of each holding its availability does not count, where that may have
    /// changed.
    fn meter_excluded(&mut self, event: &Event) {
        let moves = matches!(
            event,
            Event::MaintenanceBegan { .. }
                | Event::MaintenanceEnded { .. }
                | Event::HoldingChanged { .. }
                | Event::NodesInService { .. }
        );
        if !moves && !moves_faults(event) {
            return;
        }
        for lease in 0..self.contracts.leases.len() {
            let gpus = self.maintained_gpus(lease) + self.at_fault_gpus(lease);
            let entry = &mut self.contracts.leases[lease];
            if std::mem::replace(&mut entry.excluded_gpus, gpus) != gpus {
                let lease = u16::try_from(lease).expect("few leases");
                self.books.record(lease, self.now, Fact::Excluded { gpus: Gpus::new(gpus) });
            }
        }
    }

    /// GPUs of the holding of lease number `lease` that are down by its tenant's own fault, which its
    /// availability does not count. One that another node stands in for is not in the holding.
    fn at_fault_gpus(&self, lease: usize) -> u64 {
        if !self.contracts.leases[lease].terms().service.exclude.tenant_fault {
            return 0;
        }
        let mine = self.at_fault.iter().filter(|(_, blamed)| usize::from(**blamed) == lease);
        let down = mine.filter(|(number, _)| {
            let node = self.fleet.node(**number);
            let held = self.fleet.partition(node.partition).role.lease();
            node.condition == Condition::Down && held.map(usize::from) == Some(lease)
        });
        let pool = |number: &u32| &self.fleet.pools[self.fleet.pool_of(*number)];
        down.map(|(number, _)| u64::from(pool(number).gpus_per_node)).sum()
    }

    /// GPUs of the holding of lease number `lease` that are out for maintenance which its availability
    /// does not count.
    fn maintained_gpus(&self, lease: usize) -> u64 {
        if !self.contracts.leases[lease].terms().service.exclude.maintenance {
            return 0;
        }
        let agreed = self.contracts.outages.iter().flat_map(|outage| &outage.agreed);
        let mine = agreed.filter(|(number, _)| usize::from(*number) == lease);
        let out = |number: &u32| {
            let node = self.fleet.node(*number);
            let held = self.fleet.partition(node.partition).role.lease();
            node.condition == Condition::Maintained && held.map(usize::from) == Some(lease)
        };
        let nodes: std::collections::BTreeSet<u32> =
            mine.flat_map(|(_, nodes)| nodes.iter()).filter(out).collect();
        let gpus =
            |number: &u32| u64::from(self.fleet.pools[self.fleet.pool_of(*number)].gpus_per_node);
        nodes.iter().map(gpus).sum()
    }

    /// Checks one invariant, and keeps the first violation.
    pub(crate) fn require(
        &mut self,
        invariant: Invariant,
        holds: bool,
        what: impl FnOnce() -> String,
    ) {
        let checked: Result<(), Violation> = self.checks.require(invariant, self.now, holds, what);
        if let (Err(violation), None) = (checked, &self.violation) {
            self.violation = Some(violation);
        }
    }
}

/// Whether what tenants are to blame for may be otherwise after `event`.
const fn moves_faults(event: &Event) -> bool {
    matches!(
        event,
        Event::FaultAttributed { .. }
            | Event::NodesRepaired { .. }
            | Event::Substituted { .. }
            | Event::SubstitutionEnded { .. }
    )
}
