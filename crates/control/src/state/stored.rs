//! The stored form of a state, for a format that describes itself.
//!
//! What follows from the rest is left out and worked out again: the queues and what is expected back
//! from the jobs, the shelves and gauges from the nodes. How often invariants were checked is no part
//! of it: it says nothing of what happened.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_ledger::{Audit, UsageInterval};
use leasehold_scheduler::backfill::Queued;
use leasehold_site::Site;
use leasehold_units::{Instant, Watts};
use serde::Deserialize;

use super::{Contracts, Lending, PartyEntry, Scrubs, SharedNode, State, Substitutes, lane_of};
use crate::books::Books;
use crate::event::{Curtailment, Placing};
use crate::fleet::{Fleet, JobSlot, StoredFleet};
use crate::invariants::{Checks, Violation};
use crate::job::{JobState, JobTable};

/// The fields of [`State`] that are stored.
#[derive(Deserialize)]
pub struct Stored {
    site: Site,
    now: Instant,
    fleet: StoredFleet,
    jobs: JobTable,
    parties: Vec<PartyEntry>,
    contracts: Contracts,
    books: Books,
    limit: Watts,
    it_limit: u64,
    lending: Lending,
    #[serde(default)]
    placing: Placing,
    installed_gpus: u64,
    curtailments: Vec<Curtailment>,
    substitutes: Substitutes,
    at_fault: BTreeMap<u32, u16>,
    scrubs: Scrubs,
    usage_closed: Option<Instant>,
    usage: Vec<UsageInterval>,
    audit: Audit,
    shared: BTreeMap<u32, SharedNode>,
    ready_claims: Vec<JobSlot>,
    bereft: BTreeSet<JobSlot>,
    promises: BTreeSet<(Instant, JobSlot)>,
    backing_off: BTreeSet<(Instant, JobSlot)>,
    violation: Option<Violation>,
}

impl TryFrom<Stored> for State {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let fleet = Fleet::restored(stored.fleet, &stored.site)?;
        let mut state = Self {
            fleet,
            site: stored.site,
            now: stored.now,
            jobs: stored.jobs,
            parties: stored.parties,
            contracts: stored.contracts,
            books: stored.books,
            limit: stored.limit,
            it_limit: stored.it_limit,
            lending: stored.lending,
            placing: stored.placing,
            installed_gpus: stored.installed_gpus,
            curtailments: stored.curtailments,
            substitutes: stored.substitutes,
            at_fault: stored.at_fault,
            scrubs: stored.scrubs,
            checks: Checks::default(),
            usage_closed: stored.usage_closed,
            usage: stored.usage,
            audit: stored.audit,
            settled: 0,
            shared: stored.shared,
            ready_claims: stored.ready_claims,
            bereft: stored.bereft,
            promises: stored.promises,
            backing_off: stored.backing_off,
            violation: stored.violation,
        };
        state.queue_again()?;
        state.book_releases_again()?;
        Ok(state)
    }
}

impl State {
    /// Puts the waiting jobs into their parties' queues, in the order in which they arrived.
    fn queue_again(&mut self) -> Result<(), String> {
        let mut waiting: Vec<(u64, JobSlot)> = Vec::new();
        for (slot, job) in self.jobs.iter() {
            let Some(entry) = self.parties.get_mut(usize::from(job.spec.party)) else {
                return Err(format!("job {} is of a party that is not there", job.spec.number));
            };
            match job.state {
                JobState::Queued => waiting.push((job.place, slot)),
                JobState::Parked => {
                    entry.queue.parked.insert(job.place, slot);
                }
                _ => {}
            }
        }
        waiting.sort_unstable();
        for (place, slot) in waiting {
            let job = self.jobs.get(slot);
            let request = i64::from(job.request_left());
            let queued = Queued { seq: place, size: job.spec.gpus, request, handle: slot };
            self.parties[usize::from(job.spec.party)].queue.insert(lane_of(job), queued);
        }
        Ok(())
    }

    /// Books when the nodes of jobs are expected back.
    fn book_releases_again(&mut self) -> Result<(), String> {
        let mut releases = Vec::new();
        for (_, job) in self.jobs.iter() {
            match &job.state {
                JobState::Queued | JobState::Parked => {}
                JobState::Claiming { at, .. } => {
                    releases.push((at.clone(), job.expected_end, at.nodes().count()));
                }
                JobState::Running { at, .. } | JobState::Leaving { at, .. } => {
                    releases.push((at.clone(), job.expected_end, at.whole.count()));
                }
            }
        }
        for (node, shared) in &self.shared {
            let first = shared.residents.first().and_then(|(slot, ..)| self.jobs.find(*slot));
            let at = first.and_then(|job| job.allocation());
            let Some((at, end)) = at.zip(shared.expected_end()) else {
                return Err(format!("nobody is on the shared node {node}"));
            };
            releases.push((at.clone(), end, 1));
        }
        for (at, end, nodes) in releases {
            if usize::from(at.partition) >= self.fleet.partitions().len() {
                return Err(format!("a job is in partition {}, which is not there", at.partition));
            }
            self.book_release(&at, end, nodes, true);
        }
        Ok(())
    }
}
