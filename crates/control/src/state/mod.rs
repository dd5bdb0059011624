//! Everything that the state machine remembers. Changed by [`State::apply`] alone.

mod apply;
mod checks;
mod contracts;
mod deliveries;
mod observed;
mod promises;
mod running;
mod scrubs;
mod stored;
mod substitutes;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use leasehold_allocator::Refusal;
use leasehold_lease::Lease;
use leasehold_ledger::{Audit, UsageInterval};
use leasehold_site::Site;
use leasehold_units::{Instant, PartyId, Watts};
use serde::{Deserialize, Serialize};

pub use contracts::{AgendaItem, Contracts, LeaseEntry, VACATE_SECONDS_MAX, handover_lead};
pub use deliveries::{DeliveryRecord, ShortTime};
pub use running::{SharedNode, touches};
pub use scrubs::Scrubs;
pub use substitutes::{Substitute, Substitutes};

use crate::books::Books;
use crate::event::{Curtailment, Placing};
use crate::fleet::{Fleet, JobSlot, LANDLORD, PartitionId, Party, User};
use crate::invariants::{Checks, Violation};
use crate::job::{Job, JobTable};
use crate::queue::{Account, LaneKey, PartyQueue};

/// A party and what it can reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyEntry {
    /// Its name.
    pub id: PartyId,
    /// Partitions that its jobs may be placed in, and in what role.
    pub reach: Vec<(PartitionId, User)>,
    /// Its waiting jobs.
    #[serde(skip)]
    pub queue: PartyQueue,
    /// Jobs that it submitted so far.
    pub submitted: u64,
    /// Its users or queues, by number.
    pub accounts: Vec<Account>,
    /// When it was last given nodes.
    pub placed: Option<Instant>,
    /// Submissions and returns to the queue so far; with the room of its partitions this tells
    /// whether another look at the queue can find anything.
    pub arrivals: u64,
    /// When `arrivals` changed last.
    pub arrived: Instant,
}

/// Whether idle nodes of holdings may be lent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lending {
    /// They may.
    #[default]
    Open,
    /// They may not: the envelope is about to fall.
    Closing,
    /// They may not: work of the landlord's own runs on power that tenants may ask for.
    Closed,
}

/// Everything that the state machine remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "stored::Stored")]
pub struct State {
    /// The plant.
    pub site: Site,
    /// The time of the last event.
    pub now: Instant,
    /// The nodes.
    pub fleet: Fleet,
    /// The jobs.
    pub jobs: JobTable,
    /// The parties; the landlord first, then the tenants in the order of their first lease.
    pub parties: Vec<PartyEntry>,
    /// The leases and what they call for next.
    pub contracts: Contracts,
    /// Meters, invoices and the journal.
    pub books: Books,
    /// Facility power that may be drawn now.
    pub limit: Watts,
    /// The most IT watts within that.
    pub it_limit: u64,
    /// Whether idle nodes of holdings may be lent.
    pub lending: Lending,
    /// Who decides where and when a job starts.
    pub placing: Placing,
    /// GPUs in service.
    pub installed_gpus: u64,
    /// Curtailments that are announced or in force.
    pub curtailments: Vec<Curtailment>,
    /// Nodes that stand in for failed ones.
    pub substitutes: Substitutes,
    /// Failed nodes for which a tenant is to blame, each with the lease that held it.
    at_fault: BTreeMap<u32, u16>,
    /// Turnovers in progress.
    pub scrubs: Scrubs,
    /// How often each invariant was checked.
    #[serde(skip)]
    pub checks: Checks,
    /// When all usage intervals were closed last.
    pub usage_closed: Option<Instant>,
    /// Usage intervals that were closed and metered, for whoever keeps them to take.
    pub usage: Vec<UsageInterval>,
    /// Goes over the books.
    audit: Audit,
    /// Instants that were settled since the state was made or restored.
    #[serde(skip)]
    settled: u64,
    /// Nodes that jobs share, or that a job fills in part.
    shared: BTreeMap<u32, SharedNode>,
    /// Jobs all of whose kept nodes are ready.
    ready_claims: Vec<JobSlot>,
    /// Waiting jobs that lost the nodes that were kept for them: their clocks run on.
    bereft: BTreeSet<JobSlot>,
    /// Waiting jobs whose clock runs against a bound, by the first instant past it.
    promises: BTreeSet<(Instant, JobSlot)>,
    /// Jobs that may not borrow yet, by when they may again.
    backing_off: BTreeSet<(Instant, JobSlot)>,
    /// The first invariant found broken.
    violation: Option<Violation>,
}

impl State {
    /// The state of `site` under `leases` at `from`, before anything happened.
    ///
    /// # Errors
    /// Where the site cannot carry the leases (invariant 1).
    pub fn new(site: Site, leases: Vec<Lease>, from: Instant) -> Result<Self, Vec<Refusal>> {
        let contracts = Contracts::new(&site, leases, from)?;
        let mut state = Self {
            now: from,
            fleet: Fleet::new(&site, 0, from),
            jobs: JobTable::default(),
            parties: Vec::new(),
            books: Books::new(&site, from),
            limit: Watts::ZERO,
            it_limit: 0,
            lending: Lending::Open,
            placing: Placing::Here,
            installed_gpus: 0,
            curtailments: Vec::new(),
            substitutes: Substitutes::default(),
            at_fault: BTreeMap::new(),
            scrubs: Scrubs::default(),
            checks: Checks::default(),
            usage: Vec::new(),
            usage_closed: None,
            audit: Audit::default(),
            settled: 0,
            shared: BTreeMap::new(),
            ready_claims: Vec::new(),
            bereft: BTreeSet::new(),
            promises: BTreeSet::new(),
            backing_off: BTreeSet::new(),
            violation: None,
            contracts,
            site,
        };
        state.add_party(state.site.landlord.clone());
        for pool in 0..state.site.pools.len() {
            let id = PartitionId::try_from(pool).expect("few pools");
            state.parties[usize::from(LANDLORD)].reach.push((id, User::Holder));
        }
        for index in 0..state.contracts.leases.len() {
            state.open_lease(index);
        }
        Ok(state)
    }

    /// The number of the party named `id`, if it is one.
    pub fn party(&self, id: &PartyId) -> Option<Party> {
        let found = self.parties.iter().position(|party| party.id == *id);
        found.map(|index| Party::try_from(index).expect("few parties"))
    }

    /// Nodes that jobs share, or that a job fills in part.
    pub const fn shared(&self) -> &BTreeMap<u32, SharedNode> {
        &self.shared
    }

    /// Jobs all of whose kept nodes are ready.
    pub fn ready_claims(&self) -> &[JobSlot] {
        &self.ready_claims
    }

    /// The first invariant found broken, if any.
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Waiting jobs that lost the nodes that were kept for them.
    pub fn bereft(&self) -> impl Iterator<Item = JobSlot> + '_ {
        self.bereft.iter().copied()
    }

    /// The first job that may borrow again at `now`.
    pub fn back_off_over(&self, now: Instant) -> Option<JobSlot> {
        self.backing_off.first().filter(|(at, _)| *at <= now).map(|(_, slot)| *slot)
    }

    /// When something has to be looked at next, whatever happens.
    pub fn next_due(&self) -> Option<Instant> {
        let back_off = self.backing_off.first().map(|(at, _)| *at);
        let overdue = self.scrubs.next_deadline();
        let bound = self.promises.first().map(|(at, _)| *at);
        [self.contracts.next_due(), back_off, overdue, bound].into_iter().flatten().min()
    }

    /// A number that changes whenever a look at the party's queue could find something new.
    pub fn prospects(&self, party: Party) -> u64 {
        let entry = &self.parties[usize::from(party)];
        let room: u64 = entry.reach.iter().map(|(id, _)| self.fleet.room(*id)).sum();
        room + entry.arrivals
    }

    /// When the party's prospects changed last.
    pub fn stirred(&self, party: Party) -> Instant {
        let entry = &self.parties[usize::from(party)];
        let rooms = entry.reach.iter().map(|(id, _)| self.fleet.room_gained(*id));
        rooms.fold(entry.arrived, Instant::max)
    }

    /// Notes that another look at the party's queue could find something.
    fn stir(&mut self, party: Party) {
        let entry = &mut self.parties[usize::from(party)];
        entry.arrivals += 1;
        entry.arrived = self.now;
    }

    /// Whether `job` may be placed in partition `id` in the role of `user`.
    pub fn admits(&self, id: PartitionId, user: User, key: LaneKey) -> bool {
        let role = &self.fleet.partition(id).role;
        let in_pool = key.pools & (1 << role.pool) != 0;
        let leaves_in_time =
            role.guest_vacate_seconds_max.is_some_and(|max| key.vacate_seconds <= max);
        in_pool
            && (user != User::Guest
                || leaves_in_time
                    && key.may_borrow
                    && self.lending == Lending::Open
                    && !self.is_waited_for(role.holder))
    }

    /// Whether a job of `party` lost what was kept for it and its clock runs: who borrowed now could not
    /// be gone in what is left of its time.
    fn is_waited_for(&self, party: Party) -> bool {
        let waits = |job: &Job| job.spec.party == party && !job.missed;
        self.bereft.iter().any(|slot| waits(self.jobs.get(*slot)))
    }

    fn add_party(&mut self, id: PartyId) -> Party {
        self.party(&id).unwrap_or_else(|| {
            self.parties.push(PartyEntry {
                id,
                reach: Vec::new(),
                queue: PartyQueue::default(),
                submitted: 0,
                placed: None,
                accounts: Vec::new(),
                arrivals: 0,
                arrived: self.now,
            });
            Party::try_from(self.parties.len() - 1).expect("few parties")
        })
    }

    /// Gives lease number `index` its partitions and its place in the books.
    fn open_lease(&mut self, index: usize) {
        let entry = &self.contracts.leases[index];
        let tenant = self.add_party(entry.terms().tenant.clone());
        let ids =
            contracts::open_partitions(&mut self.fleet, &self.site, &self.contracts, index, tenant);
        let lends = |id: &PartitionId, fleet: &Fleet| {
            fleet.partition(*id).role.guest_vacate_seconds_max.is_some()
        };
        for id in &ids {
            self.parties[usize::from(tenant)].reach.push((*id, User::Holder));
            if lends(id, &self.fleet) {
                self.parties[usize::from(LANDLORD)].reach.push((*id, User::Guest));
            }
        }
        let entry = &mut self.contracts.leases[index];
        entry.party = tenant;
        entry.partitions = ids;
        self.books.open_lease(&self.site, &self.contracts.leases[index], self.now);
    }
}

/// The lane that `job` waits in.
pub const fn lane_of(job: &Job) -> LaneKey {
    LaneKey {
        priority: Reverse(job.spec.priority),
        account: job.spec.account,
        pools: job.spec.pools,
        within: job.spec.within,
        vacate_seconds: job.spec.vacate_seconds,
        may_borrow: job.backs_off_until.is_none(),
    }
}
