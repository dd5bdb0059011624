//! What a lease grants: a step function over the civil days of its service.

use leasehold_units::{Day, Ratio};

use crate::{Amount, Lease, Terms};

/// One step of what a lease grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub until: Day,
    /// How much.
    pub amount: Amount,
    /// Share of the fixed fee, 0 to 1.
    pub fee: Ratio,
    /// The version of the terms that says so.
    pub version: u32,
}

impl Lease {
    /// The steps from the first to the last day of service, without a gap. A later version takes
    /// over on its effective day. Steps of one version that grant and cost the same are one.
    pub fn grants(&self) -> Vec<Grant> {
        merged(self.steps(), |last, next| (last.amount, last.fee) == (next.amount, next.fee))
    }

    /// The steps of the fee factor alone: what is granted on the first day of each stands for all
    /// of it.
    pub(crate) fn fee_steps(&self) -> Vec<Grant> {
        merged(self.steps(), |last, next| last.fee == next.fee)
    }

    fn steps(&self) -> Vec<Grant> {
        let mut grants = Vec::new();
        for (index, terms) in self.versions.iter().enumerate() {
            let from = if index == 0 { terms.start } else { terms.effective };
            let next = self.versions.get(index + 1).map(|next| eve(next.effective));
            let until = next.map_or(self.last_day(), |eve| eve.min(self.last_day()));
            grants.extend(steps(terms).filter_map(|step| clip(step, from, until)));
        }
        grants
    }

    /// What is granted on `day`.
    pub fn grant_on(&self, day: Day) -> Option<Grant> {
        self.grants().into_iter().find(|grant| grant.from <= day && day <= grant.until)
    }
}

/// `grants` with neighbours of one version made one where `alike` says so.
fn merged(grants: Vec<Grant>, alike: impl Fn(&Grant, &Grant) -> bool) -> Vec<Grant> {
    let mut merged: Vec<Grant> = Vec::new();
    for next in grants {
        match merged.last_mut() {
            Some(last) if last.version == next.version && alike(last, &next) => {
                last.until = next.until;
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// The steps of one version over its whole term.
fn steps(terms: &Terms) -> impl Iterator<Item = Grant> + '_ {
    let ramp = &terms.capacity.ramp;
    let version = terms.version;
    let flat = ramp.is_empty().then_some(Grant {
        from: terms.start,
        until: terms.end,
        amount: terms.capacity.amount,
        fee: Ratio::ONE,
        version,
    });
    let ramped = ramp.iter().enumerate().map(move |(index, step)| Grant {
        from: step.from,
        until: ramp.get(index + 1).map_or(terms.end, |next| eve(next.from)),
        amount: step.amount,
        fee: step.fee,
        version,
    });
    flat.into_iter().chain(ramped)
}

fn clip(grant: Grant, from: Day, until: Day) -> Option<Grant> {
    let (from, until) = (grant.from.max(from), grant.until.min(until));
    (from <= until).then_some(Grant { from, until, ..grant })
}

fn eve(day: Day) -> Day {
    day.yesterday().expect("a contract does not begin with the calendar")
}
