//! What is issued: an invoice, its lines, and how each amount was derived.

use leasehold_lease::Meter;
use leasehold_units::{Currency, Day, LeaseId, Money, PartyId};

/// A document that asks for an amount or gives one back. Never changed once issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// `landlord-year-sequence`; the sequence has no gap within a landlord.
    pub number: String,
    /// Who asks.
    pub landlord: PartyId,
    /// Who owes.
    pub tenant: PartyId,
    /// For which lease.
    pub lease: LeaseId,
    /// Currency of every amount.
    pub currency: Currency,
    /// Day of issue.
    pub issued: Day,
    /// Day by which it is to be paid.
    pub due: Day,
    /// Never empty.
    pub lines: Vec<Line>,
    /// The sum of the lines; negative: a credit note.
    pub total: Money,
}

/// One amount on an invoice, for service on some days of one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: LineKind,
    /// Which revenue it moves; tells what an adjustment adjusts.
    pub revenue: Revenue,
    /// What the tenant's finance department reads.
    pub description: String,
    /// First day of the service that it is for.
    pub start: Day,
    /// Last day, included.
    pub end: Day,
    /// Negative: in the tenant's favour.
    pub amount: Money,
    /// How the amount follows from terms and usage.
    pub derivation: Derivation,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// Fixed fee.
    Fixed,
    /// Metered charge.
    Usage(Meter),
    /// For an availability below what was promised.
    ServiceCredit,
    /// For reclaims later than was promised.
    ReclaimCredit,
    /// What is due now for something billed before, less what was billed.
    Adjustment,
}

/// Kinds of revenue, kept apart in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revenue {
    /// Fixed fees.
    Fixed,
    /// Metered charges.
    Usage,
    /// Service and reclaim credits, which reduce revenue.
    Credits,
}

/// How an amount was derived, so that anybody can do it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// The formula, in the names of the inputs.
    pub formula: String,
    /// Names and values, in the order in which the formula speaks of them.
    pub inputs: Vec<(String, String)>,
}

impl Derivation {
    pub(crate) fn new<const N: usize>(formula: &str, inputs: [(&str, String); N]) -> Self {
        let inputs = inputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { formula: formula.to_owned(), inputs }
    }
}

impl Invoice {
    /// Whether it gives back more than it asks for.
    pub fn is_credit_note(&self) -> bool {
        self.total.minor() < 0
    }
}

impl LineKind {
    /// Its name in files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Usage(_) => "usage",
            Self::ServiceCredit => "service_credit",
            Self::ReclaimCredit => "reclaim_credit",
            Self::Adjustment => "adjustment",
        }
    }

    /// The meter that a usage line reads.
    pub const fn meter(self) -> Option<Meter> {
        match self {
            Self::Usage(meter) => Some(meter),
            _ => None,
        }
    }
}

impl Revenue {
    /// Its name in files and accounts.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Usage => "usage",
            Self::Credits => "credits",
        }
    }
}
