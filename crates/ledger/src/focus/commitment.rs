//! The ContractCommitment dataset of FOCUS 1.3: what each version of a lease commits its tenant to.

use leasehold_lease::{Lease, Terms};
use leasehold_units::{Currency, Day, Instant, Money};

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
}

/// A row for each version of `lease` that governs at least a day.
pub fn contract_commitments(lease: &Lease) -> Vec<CommitmentRow> {
    let versions = &lease.versions;
    let last = lease.last_day();
    let ends = versions.iter().skip(1).map(|next| eve(next.effective).min(last)).chain([last]);
    let governed = versions.iter().zip(ends).map(|(terms, end)| (terms, first_day(terms), end));
    let governed = governed.filter(|(_, start, end)| start <= end);
    governed.map(|(terms, start, end)| row(lease, terms, start, end)).collect()
}

fn row(lease: &Lease, terms: &Terms, start: Day, end: Day) -> CommitmentRow {
    let currency = terms.fee.fixed.currency();
    let periods = lease.fee_periods();
    let own = periods.iter().filter(|period| period.version == terms.version);
    let cost = own.fold(Money::zero(currency), |sum, period| sum.plus(period.amount));
    let instants = |start: Day, end: Day| {
        let after = end.tomorrow().expect("a lease ends before the calendar does");
        (terms.time_zone.start_of(start), terms.time_zone.start_of(after))
    };
    CommitmentRow {
        id: format!("{}/terms-{}", terms.id, terms.version),
        contract: terms.id.to_string(),
        description: format!(
            "Fixed fees of {} from {start} to {end} under version {} of its terms",
            terms.id, terms.version
        ),
        period: instants(start, end),
        contract_period: instants(lease.first_day(), lease.last_day()),
        cost,
        currency,
    }
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

/// The columns of the dataset in version 1.3, by name.
pub const COMMITMENT_COLUMNS: [Column<CommitmentRow>; 13] = [
    text("BillingCurrency", |row| Cell::Text(row.currency.code())),
    text("ContractCommitmentCategory", |_| Cell::Text("Spend")),
    decimal("ContractCommitmentCost", |row| {
        let cost = Decimal::of_money(row.cost);
        Cell::Decimal(cost.expect("an amount has at most 20 digits before the point"))
    }),
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
