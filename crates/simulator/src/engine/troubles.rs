//! What excuses a late reclaim: something failed beyond what the reserve could replace at once.

use leasehold_control::State;
use leasehold_lease::Terms;
use leasehold_units::{Instant, LeaseId, Shape};

use super::waits::Missed;

/// When each lease's holding was last short of what it is granted.
#[derive(Debug, Default)]
pub struct Troubles {
    /// By lease: when nodes were missing.
    short: Vec<Option<Instant>>,
    /// By lease: when a node stood in for another, so that a block had a hole.
    holes: Vec<Option<Instant>>,
    /// Late reclaims that nothing explains: when their bound passed, of which lease.
    pub without_cause: Vec<(Instant, u16)>,
    /// Quotes that could not be signed although they lasted.
    pub broken_quotes: Vec<LeaseId>,
}

impl Troubles {
    /// Looks at a settled state: a failed node of a holding that nothing stands in for yet, a node
    /// that is switched off, or one that stands in.
    pub fn note(&mut self, now: Instant, state: &State) {
        let leases = state.contracts.leases.len();
        self.short.resize(leases, None);
        self.holes.resize(leases, None);
        let upkeep = !state.contracts.outages.is_empty() || !state.site.outages.is_empty();
        if state.substitutes.is_empty() && state.curtailments.is_empty() && !upkeep {
            return;
        }
        for (_, substitute) in state.substitutes.iter() {
            self.holes[usize::from(substitute.lease)] = Some(now);
        }
        for (index, entry) in state.contracts.leases.iter().enumerate() {
            let short = entry.partitions.iter().any(|id| {
                let partition = state.fleet.partition(*id);
                partition.serving < partition.members
            });
            if short {
                self.short[index] = Some(now);
            }
        }
    }

    /// Notes that `terms` were refused at `now`, where they were quoted and the quote lasts.
    pub fn refused(&mut self, terms: &Terms, now: Instant, state: &State) {
        let held = state.contracts.hold(&terms.id, now);
        if held.is_some_and(|hold| hold.lease.latest() == terms) {
            self.broken_quotes.push(terms.id.clone());
        }
    }

    /// Weighs a reclaim that is late: it lost its nodes while its holding was short, or one of them did
    /// not come clean. A job that asked for one block lost it with any node of it, whatever stands in
    /// elsewhere.
    pub fn weigh(&mut self, missed: &Missed) {
        let lease = usize::from(missed.lease);
        let since = |last: &[Option<Instant>]| {
            last.get(lease).copied().flatten().is_some_and(|last| missed.asked <= last)
        };
        let hole = missed.within != Shape::Node && since(&self.holes);
        let lost = missed.lost && (since(&self.short) || hole);
        if !lost && !missed.unclean {
            self.without_cause.push((missed.at, missed.lease));
        }
    }
}
