//! The nine invariants, by name, and what is recorded when a promise is not kept.

use std::fmt;

use leasehold_units::{Instant, LeaseId};
use serde::{Deserialize, Serialize};

/// What must hold at every instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// Entitlements fit the supply.
    NoOversell,
    /// A tenant's job that fits its holding starts within the reclaim bound.
    Guarantee,
    /// What runs never draws more than the envelope.
    Power,
    /// Two parties are never on one node, and a turnover lies between them.
    Isolation,
    /// Every GPU is in exactly one state.
    Conservation,
    /// An invoice is its lines is its postings.
    ExactMoney,
    /// What was issued never changes.
    ClosedIsClosed,
    /// The state is the fold of the events.
    Replay,
    /// What a tenant is given does not depend on anybody else's jobs.
    Confidentiality,
}

/// A promise that was not kept: recorded, credited, never silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// When.
    pub at: Instant,
    /// Which promise.
    pub invariant: Invariant,
    /// To whom, by the lease.
    pub lease: LeaseId,
    /// What happened, with its numbers.
    pub what: String,
}

/// An invariant that does not hold: the program is wrong, and stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("invariant {invariant} is broken at {at}: {what}")]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When.
    pub at: Instant,
    /// The numbers that disagree.
    pub what: String,
}

/// How often each invariant was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checks([u64; Invariant::ALL.len()]);

impl Invariant {
    /// All nine, in the order of the design.
    pub const ALL: [Self; 9] = [
        Self::NoOversell,
        Self::Guarantee,
        Self::Power,
        Self::Isolation,
        Self::Conservation,
        Self::ExactMoney,
        Self::ClosedIsClosed,
        Self::Replay,
        Self::Confidentiality,
    ];

    /// Its name in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoOversell => "no-oversell",
            Self::Guarantee => "guarantee",
            Self::Power => "power",
            Self::Isolation => "isolation",
            Self::Conservation => "conservation",
            Self::ExactMoney => "exact-money",
            Self::ClosedIsClosed => "closed-is-closed",
            Self::Replay => "replay",
            Self::Confidentiality => "confidentiality",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Checks {
    /// Counts one more check of `invariant`.
    pub const fn count(&mut self, invariant: Invariant) {
        self.0[invariant as usize] += 1;
    }

    /// How often each was checked.
    pub fn iter(&self) -> impl Iterator<Item = (Invariant, u64)> + '_ {
        Invariant::ALL.iter().map(|&invariant| (invariant, self.0[invariant as usize]))
    }

    /// `Ok` where `holds`, else the violation told by `what`; counted either way.
    pub fn require(
        &mut self,
        invariant: Invariant,
        at: Instant,
        holds: bool,
        what: impl FnOnce() -> String,
    ) -> Result<(), Violation> {
        self.count(invariant);
        if holds { Ok(()) } else { Err(Violation { invariant, at, what: what() }) }
    }
}
