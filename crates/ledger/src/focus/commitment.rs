//! The ContractCommitment dataset of FOCUS 1.3 and 1.4: what each version of a lease commits its tenant to.

use leasehold_lease::{Lease, Terms};
use leasehold_units::{Currency, Day, Instant, Money, Ratio};

use super::value::{Cell, Column, ColumnKind, Decimal};

/// The fixed fees of the days that one version of a lease governs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentRow {
    /// Of this version.
    pub id: String,
    /// The lease.
    pub contract: String,
    /// What the version is.
    pub description: String,
    /// First instant that it governs, and the first that it does not.
    pub period: (Instant, Instant),
    /// First instant of the term, and the first after it or after the notice.
    pub contract_period: (Instant, Instant),
    /// Fixed fees of the period, as far as the fee schedule goes.
    pub cost: Money,
    /// Currency of the cost.
    pub currency: Currency,
    /// Who lets.
    pub landlord: String,
    /// JSON: the charges that it is for.
    pub applicability: String,
    /// Where it stands on the day of the export.
    pub status: LifecycleStatus,
    /// When the version was signed.
    pub created: Instant,
    /// When it was signed, superseded or under notice, whichever was last.
    pub updated: Instant,
    /// The term in words: `37 Months`.
    pub duration: String,
    /// What of the cost is paid ahead, from 0 to 1.
    pub upfront: Decimal,
}

/// Where a commitment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleStatus {
    /// It governs later.
    Pending,
    /// It governs.
    Active,
    /// Its term is over.
    Expired,
    /// It ended by notice.
    Canceled,
    /// Another version governs.
    Superseded,
}

impl LifecycleStatus {
    const fn key(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Expired => "Expired",
            Self::Canceled => "Canceled",
            Self::Superseded => "Superseded",
        }
    }
}

/// A row for each version of `lease` that governs at least a day, as things stand on `as_of`.
pub fn contract_commitments(lease: &Lease, as_of: Day) -> Vec<CommitmentRow> {
    let versions = &lease.versions;
    let last = lease.last_day();
    let next = versions.iter().skip(1).map(Some).chain([None]);
    let governed = versions.iter().zip(next).map(|(terms, next)| {
        let end = next.map_or(last, |next| eve(next.effective).min(last));
        Governed { terms, next, start: first_day(terms), end }
    });
    let governed = governed.filter(|governed| governed.start <= governed.end);
    governed.map(|governed| governed.row(lease, as_of)).collect()
}

/// A version and the days that it governs.
struct Governed<'a> {
    terms: &'a Terms,
    next: Option<&'a Terms>,
    start: Day,
    end: Day,
}

impl Governed<'_> {
    fn row(&self, lease: &Lease, as_of: Day) -> CommitmentRow {
        let Self { terms, start, end, .. } = *self;
        let currency = terms.fee.fixed.currency();
        let periods = lease.fee_periods();
        let own = periods.iter().filter(|period| period.version == terms.version);
        let cost = own.fold(Money::zero(currency), |sum, period| sum.plus(period.amount));
        CommitmentRow {
            id: format!("{}/terms-{}", terms.id, terms.version),
            contract: terms.id.to_string(),
            description: format!(
                "Fixed fees of {} from {start} to {end} under version {} of its terms",
                terms.id, terms.version
            ),
            period: instants(terms, start, end),
            contract_period: instants(terms, lease.first_day(), lease.last_day()),
            cost,
            currency,
            landlord: terms.landlord.to_string(),
            applicability: applicability(terms),
            status: self.status(lease, as_of),
            created: terms.time_zone.start_of(terms.signed),
            updated: terms.time_zone.start_of(self.updated(lease)),
            duration: duration(terms),
            upfront: upfront(terms, cost),
        }
    }

    fn status(&self, lease: &Lease, as_of: Day) -> LifecycleStatus {
        if as_of < self.start {
            LifecycleStatus::Pending
        } else if as_of <= self.end {
            LifecycleStatus::Active
        } else if self.next.is_some_and(|next| next.effective <= as_of) {
            LifecycleStatus::Superseded
        } else if lease.notice.is_some() && self.end < self.terms.end {
            LifecycleStatus::Canceled
        } else {
            LifecycleStatus::Expired
        }
    }

    fn updated(&self, lease: &Lease) -> Day {
        let next = self.next.map(|next| next.signed);
        let notice = lease.notice.filter(|_| self.next.is_none()).map(|notice| notice.given);
        self.terms.signed.max(next.or(notice).unwrap_or(self.terms.signed))
    }
}

fn instants(terms: &Terms, start: Day, end: Day) -> (Instant, Instant) {
    let after = end.tomorrow().expect("a lease ends before the calendar does");
    (terms.time_zone.start_of(start), terms.time_zone.start_of(after))
}

/// The charges for the capacity of the lease, in the words of the specification. Names need no
/// escape in JSON.
fn applicability(terms: &Terms) -> String {
    let rule = |dimension: &str, value: &str| {
        format!("{{\"Dimension\":\"{dimension}\",\"Operator\":\"In\",\"Values\":[\"{value}\"]}}")
    };
    let rules = [rule("SubAccountId", terms.id.as_str()), rule("SkuId", "capacity")].join(",");
    format!("{{\"InclusionOperator\":\"And\",\"Inclusions\":[{rules}]}}")
}

/// The whole months of the term, else its days.
fn duration(terms: &Terms) -> String {
    let after = terms.end.tomorrow().expect("a lease ends before the calendar does");
    let months = i32::from(after.year()) * 12 + i32::from(after.month())
        - i32::from(terms.start.year()) * 12
        - i32::from(terms.start.month());
    let (count, unit) = if after.day() == terms.start.day() {
        (months, "Month")
    } else {
        ((after - terms.start).get_days(), "Day")
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// What is paid ahead, as a share of `cost`.
fn upfront(terms: &Terms, cost: Money) -> Decimal {
    let ahead = terms.fee.prepayments.iter().map(|prepayment| prepayment.amount.minor()).sum();
    let share = Ratio::checked_new(ahead, cost.minor()).unwrap_or(Ratio::ZERO);
    Decimal::rounded_half_even(share.min(Ratio::ONE)).expect("it is at most 1")
}

fn first_day(terms: &Terms) -> Day {
    terms.effective.max(terms.start)
}

fn eve(day: Day) -> Day {
    day.yesterday().expect("a lease begins after the calendar does")
}

type Value = fn(&CommitmentRow) -> Cell<'_>;

const fn text(name: &'static str, value: Value) -> Column<CommitmentRow> {
    Column { name, kind: ColumnKind::Text, value }
}

const fn time(name: &'static str, value: Value) -> Column<CommitmentRow> {
    Column { name, kind: ColumnKind::Time, value }
}

const fn decimal(name: &'static str, value: Value) -> Column<CommitmentRow> {
    Column { name, kind: ColumnKind::Decimal, value }
}

impl CommitmentRow {
    fn cost(&self) -> Cell<'_> {
        let cost = Decimal::of_money(self.cost);
        Cell::Decimal(cost.expect("an amount has at most 20 digits before the point"))
    }

    fn is_all_upfront(&self) -> bool {
        Decimal::rounded_half_even(Ratio::ONE) == Some(self.upfront)
    }

    fn payment_model(&self) -> &'static str {
        if self.upfront == Decimal::ZERO {
            "No Upfront"
        } else if self.is_all_upfront() {
            "All Upfront"
        } else {
            "Partial Upfront"
        }
    }
}

/// The columns of the dataset in version 1.3, by name.
pub const COMMITMENT_COLUMNS: [Column<CommitmentRow>; 13] = [
    text("BillingCurrency", |row| Cell::Text(row.currency.code())),
    text("ContractCommitmentCategory", |_| Cell::Text("Spend")),
    decimal("ContractCommitmentCost", CommitmentRow::cost),
    text("ContractCommitmentDescription", |row| Cell::Text(&row.description)),
    text("ContractCommitmentId", |row| Cell::Text(&row.id)),
    time("ContractCommitmentPeriodEnd", |row| Cell::Time(row.period.1)),
    time("ContractCommitmentPeriodStart", |row| Cell::Time(row.period.0)),
    decimal("ContractCommitmentQuantity", |_| Cell::Null),
    text("ContractCommitmentType", |_| Cell::Text("GPU capacity lease")),
    text("ContractCommitmentUnit", |_| Cell::Null),
    text("ContractId", |row| Cell::Text(&row.contract)),
    time("ContractPeriodEnd", |row| Cell::Time(row.contract_period.1)),
    time("ContractPeriodStart", |row| Cell::Time(row.contract_period.0)),
];

/// The columns of the dataset in version 1.4, by name.
pub const COMMITMENT_COLUMNS_1_4: [Column<CommitmentRow>; 30] = [
    text("BillingCurrency", |row| Cell::Text(row.currency.code())),
    text("ContractCommitmentApplicability", |row| Cell::Text(&row.applicability)),
    text("ContractCommitmentBenefitCategory", |_| Cell::Text("Availability")),
    text("ContractCommitmentCategory", |_| Cell::Text("Spend")),
    decimal("ContractCommitmentCost", CommitmentRow::cost),
    time("ContractCommitmentCreated", |row| Cell::Time(row.created)),
    text("ContractCommitmentDescription", |row| Cell::Text(&row.description)),
    decimal("ContractCommitmentDiscountPercentage", |_| Cell::Null),
    text("ContractCommitmentDurationType", |row| Cell::Text(&row.duration)),
    text("ContractCommitmentFulfillmentInterval", |_| Cell::Text("Monthly")),
    text("ContractCommitmentId", |row| Cell::Text(&row.id)),
    time("ContractCommitmentLastUpdated", |row| Cell::Time(row.updated)),
    text("ContractCommitmentLifecycleStatus", |row| Cell::Text(row.status.key())),
    text("ContractCommitmentModel", |_| Cell::Text("Continuous")),
    text("ContractCommitmentOfferCategory", |_| Cell::Text("Negotiated")),
    text("ContractCommitmentPaymentInterval", |row| {
        Cell::Text(if row.is_all_upfront() { "One-Time" } else { "Monthly" })
    }),
    text("ContractCommitmentPaymentModel", |row| Cell::Text(row.payment_model())),
    decimal("ContractCommitmentPaymentUpfrontPercentage", |row| Cell::Decimal(row.upfront)),
    time("ContractCommitmentPeriodEnd", |row| Cell::Time(row.period.1)),
    time("ContractCommitmentPeriodStart", |row| Cell::Time(row.period.0)),
    decimal("ContractCommitmentQuantity", |_| Cell::Null),
    text("ContractCommitmentType", |_| Cell::Text("GPU capacity lease")),
    text("ContractCommitmentUnit", |_| Cell::Null),
    text("ContractId", |row| Cell::Text(&row.contract)),
    time("ContractPeriodEnd", |row| Cell::Time(row.contract_period.1)),
    time("ContractPeriodStart", |row| Cell::Time(row.contract_period.0)),
    text("InvoiceIssuerName", |row| Cell::Text(&row.landlord)),
    text("PricingCurrency", |row| Cell::Text(row.currency.code())),
    decimal("PricingCurrencyContractCommitmentCost", CommitmentRow::cost),
    text("ServiceProviderName", |row| Cell::Text(&row.landlord)),
];
