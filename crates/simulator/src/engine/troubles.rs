//! What excuses a late reclaim: something failed beyond what the reserve could replace at once.

use leasehold_control::{Reclaim, State};
use leasehold_units::Instant;

/// When each lease's holding was last short of what it is granted.
#[derive(Debug, Default)]
pub struct Troubles {
    last: Vec<Option<Instant>>,
    /// Late reclaims that nothing explains: when answered, of which lease.
    pub without_cause: Vec<(Instant, u16)>,
}

impl Troubles {
    /// Looks at a settled state: a failed node of a holding that nothing stands in for yet, or a
    /// node that is switched off.
    pub fn note(&mut self, now: Instant, state: &State) {
        let leases = state.contracts.leases.len();
        self.last.resize(leases, None);
        if state.substitutes.is_empty() && state.curtailments.is_empty() {
            return;
        }
        for (index, entry) in state.contracts.leases.iter().enumerate() {
            let short = entry.partitions.iter().any(|id| {
                let partition = state.fleet.partition(*id);
                partition.serving < partition.members
            });
            if short {
                self.last[index] = Some(now);
            }
        }
    }

    /// Weighs a reclaim that was late.
    pub fn weigh(&mut self, reclaim: &Reclaim) {
        let last = self.last.get(usize::from(reclaim.lease)).copied().flatten();
        if last.is_none_or(|last| last < reclaim.asked) {
            self.without_cause.push((reclaim.answered, reclaim.lease));
        }
    }
}
