//! What is issued: an invoice, its lines, and how each amount was derived.

use leasehold_lease::{Meter, Terms};
use leasehold_units::{Currency, Day, LeaseId, Money, Name, PartyId};
use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use crate::UsageDigest;
use crate::formula::{FormulaError, evaluate};
use crate::record::RecordDigest;

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
    /// The versions of its terms that were signed by then.
    pub terms: Vec<TermsDigest>,
    /// The facts that it rests on.
    pub record: RecordDigest,
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
    /// What of which lines is tax. A tax on top is a line that is wholly tax.
    pub taxes: Vec<TaxPart>,
    /// For a credit note: number of the invoice that it gives back, wholly or in part.
    pub corrects: Option<String>,
    /// For an invoice issued in place of another: that one's number.
    pub replaces: Option<String>,
}

/// The part of a line that the landlord owes to a tax office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxPart {
    /// Which tax; the last level of its account.
    pub name: Name,
    /// Place of the line on its invoice, from 0.
    pub line: usize,
    /// At most the line's amount.
    pub amount: Money,
}

/// What proves which words a version of the terms has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermsDigest {
    /// Number of the version.
    pub version: u32,
    /// SHA-256 of the file that was signed.
    pub sha256: [u8; 32],
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
    /// What was granted and not delivered, the grace being over.
    DeliveryShortfall,
    /// For an availability below what was promised.
    ServiceCredit,
    /// For reclaims later than was promised.
    ReclaimCredit,
    /// What is due now for something billed before, less what was billed.
    Adjustment,
    /// For being shed deeper than was agreed.
    CurtailCredit,
    /// What was charged less than the minimum.
    Minimum,
    /// A tax on top of other lines.
    Tax,
    /// Paid ahead, to be drawn down later.
    Prepayment,
    /// What is taken from a prepayment; negative.
    DrawDown,
    /// Security, taken or (negative) given back.
    Deposit,
    /// Interest on what was paid late.
    LateInterest,
    /// A line of another document given back because that document is replaced.
    Correction,
    /// A share of a line given back because the tenant's dispute was right.
    DisputeCredit,
}

/// What a line moves in the journal: a kind of revenue, or something that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revenue {
    /// Fixed fees.
    Fixed,
    /// Metered charges.
    Usage,
    /// Service, reclaim and dispute credits, which reduce revenue in an account of their own.
    Credits,
    /// Late interest.
    Interest,
    /// No revenue: owed to a tax office.
    Tax,
    /// No revenue: owed to the tenant as service.
    Prepayments,
    /// No revenue: owed to the tenant as money.
    Deposits,
}

/// How an amount was derived, so that anybody can do it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derivation {
    /// The version of the terms that asks for it.
    pub terms_version: u32,
    /// The formula, in the names of the inputs; see [`crate::formula`].
    pub formula: String,
    /// Names and values, in the order in which the formula speaks of them; and what was looked at
    /// to choose it.
    pub inputs: Vec<(String, String)>,
    /// What proves the intervals that were metered, where any were.
    pub usage: Option<UsageDigest>,
    /// The lines that the input `due` is the sum of, in an adjustment.
    pub due_lines: Vec<DueLine>,
}

/// What is due now of something that was billed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLine {
    /// What it is.
    pub description: String,
    /// How much.
    pub amount: Money,
    /// How it follows.
    pub derivation: Derivation,
}

impl Derivation {
    pub(crate) fn new<'a>(
        terms_version: u32,
        formula: &str,
        inputs: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let inputs = inputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let formula = formula.to_owned();
        Self { terms_version, formula, inputs, usage: None, due_lines: Vec::new() }
    }

    /// The same, resting on the intervals that `usage` proves.
    pub(crate) fn metered(mut self, usage: Option<UsageDigest>) -> Self {
        self.usage = usage;
        self
    }

    /// What the formula gives.
    ///
    /// # Errors
    /// Where it gives no amount: a derivation that was read from a file may say anything.
    pub fn evaluate(&self, currency: Currency) -> Result<Money, FormulaError> {
        evaluate(&self.formula, &self.inputs, currency)
    }

    /// What the formula gives, where it was made here.
    pub(crate) fn amount(&self, currency: Currency) -> Money {
        self.evaluate(currency).expect("a formula of the ledger gives an amount")
    }
}

impl TermsDigest {
    /// The digest of `terms`.
    pub fn of(terms: &Terms) -> Self {
        let sha256 = Sha256::digest(terms.text.as_bytes()).into();
        Self { version: terms.version, sha256 }
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
            Self::DeliveryShortfall => "delivery_shortfall",
            Self::ServiceCredit => "service_credit",
            Self::ReclaimCredit => "reclaim_credit",
            Self::Adjustment => "adjustment",
            Self::CurtailCredit => "curtail_credit",
            Self::Minimum => "minimum",
            Self::Tax => "tax",
            Self::Prepayment => "prepayment",
            Self::DrawDown => "draw_down",
            Self::Deposit => "deposit",
            Self::LateInterest => "late_interest",
            Self::Correction => "correction",
            Self::DisputeCredit => "dispute_credit",
        }
    }

    /// The kind that is called `key` in files, with the meter that it reads.
    pub fn from_key(key: &str, meter: Option<Meter>) -> Option<Self> {
        let plain = [
            Self::Fixed,
            Self::DeliveryShortfall,
            Self::ServiceCredit,
            Self::ReclaimCredit,
            Self::CurtailCredit,
            Self::Minimum,
            Self::Adjustment,
            Self::Tax,
            Self::Prepayment,
            Self::DrawDown,
            Self::Deposit,
            Self::LateInterest,
            Self::Correction,
            Self::DisputeCredit,
        ];
        let mut all = plain.into_iter().chain(meter.map(Self::Usage));
        all.find(|kind| kind.key() == key && kind.meter() == meter)
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
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Fixed,
        Self::Usage,
        Self::Credits,
        Self::Interest,
        Self::Tax,
        Self::Prepayments,
        Self::Deposits,
    ];

    /// The kind that is called `key` in files.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revenue| revenue.key() == key)
    }

    /// Whether it is earned by service, and so may wait for it.
    pub const fn is_earned(self) -> bool {
        matches!(self, Self::Fixed | Self::Usage | Self::Credits | Self::Interest)
    }

    /// Its name in files and accounts.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Usage => "usage",
            Self::Credits => "credits",
            Self::Interest => "interest",
            Self::Tax => "tax",
            Self::Prepayments => "prepayments",
            Self::Deposits => "deposits",
        }
    }
}
