//! What the control plane remembers beside the state machine: who is known, what parties say of their jobs,
//! what each party was told. A pure fold over the log, like the state.

mod cluster;
mod feed;

use std::collections::BTreeMap;

use leasehold_control::{Allocation, Event, Gone, JobSlot, State};
use leasehold_storage::ArchiveRow;
use leasehold_units::{Instant, PartyId};
use serde::{Deserialize, Serialize};

pub use cluster::{BookedEnd, ClusterJobs, RunKey};
pub use feed::{Feed, FeedItem, News};

use crate::auth::TokenBook;
use crate::job::{EndedJob, LiveJob};
use crate::log::Fact;

/// Of which kind a job that is over is kept.
pub const ENDED_JOBS: &str = "job";

/// Of which kind a read of a party's data is kept.
pub const READS: &str = "read";

/// What is remembered of all parties.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    parties: BTreeMap<String, PartyBook>,
    /// When a fact was noted last.
    #[serde(default)]
    noted: Instant,
    /// What those who run the site are told. The landlord's research side is not among them.
    site: Feed,
    /// Whose job is in which slot of the job table, and its number.
    slots: BTreeMap<JobSlot, (String, u64)>,
    /// Who has which GPUs of nodes that jobs share or fill in part.
    shared: BTreeMap<u32, BTreeMap<JobSlot, u64>>,
    /// On which such node a job has GPUs.
    shared_by: BTreeMap<JobSlot, u32>,
    /// Jobs that have a number with a scheduler of the cluster's own.
    #[serde(default)]
    cluster: ClusterJobs,
    /// Jobs that are over and reads that were logged, not kept yet.
    #[serde(skip)]
    archive: Vec<ArchiveRow>,
    tokens: TokenBook,
}

/// What is remembered of one party.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyBook {
    /// Its accounts, in the order of their numbers.
    pub accounts: Vec<String>,
    /// Jobs that it described so far: the number of the last one.
    pub described: u64,
    /// Its jobs that are not over, by number.
    pub jobs: BTreeMap<u64, LiveJob>,
    /// What it was told.
    pub feed: Feed,
    /// How often others read its data.
    pub reads: u64,
}

impl Registry {
    /// What is remembered of the party named `party`.
    pub fn party(&self, party: &str) -> Option<&PartyBook> {
        self.parties.get(party)
    }

    /// All tokens.
    pub const fn tokens(&self) -> &TokenBook {
        &self.tokens
    }

    /// What those who run the site are told.
    pub const fn site_feed(&self) -> &Feed {
        &self.site
    }

    /// Everybody who is known.
    pub fn parties(&self) -> impl Iterator<Item = (&str, &PartyBook)> {
        self.parties.iter().map(|(name, book)| (name.as_str(), book))
    }

    /// Whose job is in `slot`, and its number.
    pub fn job_in(&self, slot: JobSlot) -> Option<(&str, u64)> {
        self.slots.get(&slot).map(|(party, number)| (party.as_str(), *number))
    }

    /// Jobs that have a number with a scheduler of the cluster's own.
    pub const fn cluster(&self) -> &ClusterJobs {
        &self.cluster
    }

    /// A job that is not over.
    pub fn job(&self, party: &str, number: u64) -> Option<&LiveJob> {
        self.parties.get(party)?.jobs.get(&number)
    }

    /// Jobs that are over and reads that were logged since the last call.
    pub fn take_archive(&mut self) -> Vec<ArchiveRow> {
        std::mem::take(&mut self.archive)
    }

    /// When a fact was noted last.
    pub const fn noted(&self) -> Instant {
        self.noted
    }

    /// Takes up a fact.
    pub fn note(&mut self, at: Instant, fact: &Fact) {
        self.noted = self.noted.max(at);
        match fact {
            Fact::Opened { .. } => {}
            Fact::PartyAdded { party } => {
                self.parties.entry(party.clone()).or_default();
            }
            Fact::Token(event) => self.tokens.apply(event),
            Fact::Read(read) => {
                let owner = read.party.as_str().to_owned();
                let book = self.book(&owner);
                book.reads += 1;
                let number = book.reads;
                let body = serde_json::to_string(read).expect("a read can be written");
                self.archive.push(ArchiveRow { kind: READS.into(), owner, number, body });
            }
            Fact::AccountOpened { party, account } => {
                self.book(party).accounts.push(account.clone());
            }
            Fact::JobDescribed { party, number, description } => {
                if let Some(cluster_job) = description.cluster_job {
                    self.cluster.describe(cluster_job, party, *number);
                }
                let job = LiveJob::new(description.clone(), at);
                let book = self.book(party);
                book.described = *number;
                book.jobs.insert(*number, job);
            }
            Fact::JobNumbered { party, number, cluster_job } => {
                if let Some(job) = self.book(party).jobs.get_mut(number) {
                    job.description.cluster_job = Some(*cluster_job);
                    self.cluster.describe(*cluster_job, party, *number);
                }
            }
            Fact::JobWithdrawn { party, number } => {
                if let Some(job) = self.book(party).jobs.get_mut(number) {
                    job.cancelled = true;
                }
            }
            Fact::RunEnded { party, number, exit, measured_joules, .. } => {
                if let Some(job) = self.book(party).jobs.get_mut(number) {
                    job.note_end(exit.clone(), *measured_joules);
                }
            }
        }
    }

    /// Takes up an event that was applied to `state`.
    pub fn observe(&mut self, at: Instant, event: &Event, state: &State) {
        match event {
            Event::JobSubmitted { job, spec } => {
                let party = state.parties[usize::from(spec.party)].id.as_str().to_owned();
                let book = self.book(&party);
                let entry = book.jobs.get_mut(&spec.number);
                if let Some(entry) = entry {
                    entry.slot = Some(*job);
                    entry.gpus = spec.gpus;
                    self.slots.insert(*job, (party.clone(), spec.number));
                }
                self.tell(&party, at, News::JobSubmitted { job: spec.number });
            }
            Event::JobStarted { job, at: place } => {
                let guest = place.guest;
                let mask = place.part.map_or(0, |(node, gpus)| self.take_gpus(*job, node, gpus));
                self.change_job(*job, |entry| {
                    entry.starts += 1;
                    entry.gpu_mask = mask;
                    entry.first_started.get_or_insert(at);
                    entry.running_since = Some(at);
                    entry.borrows = guest;
                });
                self.tell_of(*job, at, |job| News::JobStarted { job });
            }
            Event::JobFound { job, at: place, since } => {
                let gpus = gpus_of(place, state);
                self.change_job(*job, |entry| {
                    entry.starts += 1;
                    entry.gpus = gpus;
                    entry.first_started.get_or_insert(*since);
                    entry.running_since = Some(*since);
                    entry.borrows = place.guest;
                });
                self.tell_of(*job, at, |job| News::JobStarted { job });
            }
            Event::JobGone { job, at: left, how } => {
                self.note_booked(*job, BookedEnd { at: *left, is_decided: false }, at);
                if *how == Gone::Over {
                    let cancelled = self.job_is_cancelled(*job);
                    self.change_job(*job, |entry| entry.close_run(*left));
                    self.end_job(*left, *job, cancelled);
                } else {
                    self.give_gpus_back(*job);
                    self.change_job(*job, |entry| entry.close_run(*left));
                    self.tell_of(*job, at, |job| News::JobRequeued { job });
                }
            }
            Event::EvictionRequested { job, deadline } => {
                let deadline = *deadline;
                self.change_job(*job, |entry| entry.evictions += 1);
                self.tell_of(*job, at, |job| News::JobToldToLeave { job, deadline });
            }
            Event::JobVacated { job } | Event::JobStopped { job, .. } => {
                self.note_booked(*job, BookedEnd { at, is_decided: true }, at);
                self.give_gpus_back(*job);
                self.change_job(*job, |entry| entry.close_run(at));
                self.tell_of(*job, at, |job| News::JobRequeued { job });
            }
            Event::CancellationRequested { job } => {
                self.change_job(*job, |entry| entry.cancelled = true);
            }
            Event::JobFinished { job } => {
                let cancelled = self.job_is_cancelled(*job);
                self.end_job(at, *job, cancelled);
            }
            Event::JobCancelled { job } => self.end_job(at, *job, true),
            _ => self.observe_contract(at, event, state),
        }
    }

    /// Keeps a job that is over.
    fn end_job(&mut self, at: Instant, slot: JobSlot, cancelled: bool) {
        self.give_gpus_back(slot);
        let Some((party, number)) = self.slots.remove(&slot) else { return };
        let book = self.parties.get_mut(&party).expect("a job has a party");
        if let Some(mut job) = book.jobs.remove(&number) {
            job.close_run(at);
            if let Some(cluster_job) = job.description.cluster_job {
                self.cluster.end(cluster_job, &party, number);
            }
            let ended = EndedJob::new(number, job, at, cancelled);
            let body = serde_json::to_string(&ended).expect("a job can be written");
            let row = ArchiveRow { kind: ENDED_JOBS.into(), owner: party.clone(), number, body };
            self.archive.push(row);
        }
        self.tell(&party, at, News::JobEnded { job: number, cancelled });
    }

    fn observe_contract(&mut self, at: Instant, event: &Event, state: &State) {
        let tenant_of = |lease: u16| {
            let terms = state.contracts.leases[usize::from(lease)].terms();
            (terms.id.as_str().to_owned(), terms.tenant.clone())
        };
        let changed = match event {
            Event::LeaseSigned { terms } => {
                Some((terms.id.as_str().to_owned(), terms.tenant.clone()))
            }
            Event::LeaseAmended { lease, .. }
            | Event::NoticeGiven { lease, .. }
            | Event::WithdrawalAsked { lease }
            | Event::NoticeWithdrawn { lease }
            | Event::EntitlementStepped { lease, .. }
            | Event::DeliveryChanged { lease, .. }
            | Event::GraceLapsed { lease, .. }
            | Event::LeaseEnded { lease, .. } => Some(tenant_of(*lease)),
            Event::InvoiceIssued { lease, invoice } => {
                let (_, tenant) = tenant_of(*lease);
                let news = News::DocumentIssued { document: invoice.number.clone() };
                self.tell_both(&tenant, at, &news);
                None
            }
            Event::Breached(breach) => {
                let lease = state.contracts.find(&breach.lease);
                if let Some((lease, tenant)) = lease.map(tenant_of) {
                    self.tell_both(&tenant, at, &News::PromiseBroken { lease });
                }
                None
            }
            _ => None,
        };
        if let Some((lease, tenant)) = changed {
            self.tell_both(&tenant, at, &News::LeaseChanged { lease });
        }
    }

    /// Tells the tenant and those who run the site.
    fn tell_both(&mut self, tenant: &PartyId, at: Instant, news: &News) {
        self.tell(tenant.as_str(), at, news.clone());
        self.site.push(at, news.clone());
    }

    fn tell_of(&mut self, slot: JobSlot, at: Instant, news: impl Fn(u64) -> News) {
        if let Some((party, number)) = self.slots.get(&slot) {
            let (party, news) = (party.clone(), news(*number));
            self.tell(&party, at, news);
        }
    }

    fn tell(&mut self, party: &str, at: Instant, what: News) {
        self.book(party).feed.push(at, what);
    }

    /// Finds `count` GPUs of a shared node for the job in `slot`, the lowest free ones, a bit each.
    fn take_gpus(&mut self, slot: JobSlot, node: u32, count: u8) -> u64 {
        let residents = self.shared.entry(node).or_default();
        let taken = residents.values().fold(0, |all, mask| all | mask);
        let free = (0..u64::BITS).map(|gpu| 1 << gpu).filter(|gpu| taken & gpu == 0);
        let mask = free.take(usize::from(count)).fold(0, |all, gpu| all | gpu);
        residents.insert(slot, mask);
        self.shared_by.insert(slot, node);
        mask
    }

    fn give_gpus_back(&mut self, slot: JobSlot) {
        let Some(node) = self.shared_by.remove(&slot) else { return };
        if let Some(residents) = self.shared.get_mut(&node) {
            residents.remove(&slot);
            if residents.is_empty() {
                self.shared.remove(&node);
            }
        }
    }

    /// Notes that the latest run of a job is booked to its end, if it has one with a scheduler of the cluster's own.
    fn note_booked(&mut self, slot: JobSlot, end: BookedEnd, now: Instant) {
        let Some((party, number)) = self.slots.get(&slot) else { return };
        let Some(job) = self.job(party, *number) else { return };
        if let Some(run) = job.description.cluster_job.zip(job.running_since) {
            self.cluster.book(run, end, now);
        }
    }

    fn job_is_cancelled(&self, slot: JobSlot) -> bool {
        let job = self.slots.get(&slot).and_then(|(party, number)| self.job(party, *number));
        job.is_some_and(|job| job.cancelled)
    }

    fn change_job(&mut self, slot: JobSlot, change: impl FnOnce(&mut LiveJob)) {
        let Some((party, number)) = self.slots.get(&slot) else { return };
        let book = self.parties.get_mut(party).expect("a job has a party");
        if let Some(job) = book.jobs.get_mut(number) {
            change(job);
        }
    }

    fn book(&mut self, party: &str) -> &mut PartyBook {
        if !self.parties.contains_key(party) {
            self.parties.insert(party.to_owned(), PartyBook::default());
        }
        self.parties.get_mut(party).expect("it was just put there")
    }
}

/// GPUs that a gang has at `place`.
fn gpus_of(place: &Allocation, state: &State) -> u32 {
    let per_node = state.fleet.partition(place.partition).role.gpus_per_node;
    let parts: u32 = place.parts().map(|(_, gpus)| u32::from(gpus)).sum();
    place.whole.count() * u32::from(per_node) + parts
}
