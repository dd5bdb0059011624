//! Usage and documents, for the two sides of a lease.

use leasehold_control::{LeaseEntry, State};
use leasehold_ledger::{DocumentState, Invoice, ServiceInterval, SigningKey};
use leasehold_units::{Instant, Month};
use serde::Serialize;
use utoipa::ToSchema;

/// A document in a list. The document itself is its sealed JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DocumentView {
    /// Its number.
    pub document: String,
    /// `invoice` or `credit_note`.
    pub kind: String,
    /// Of which lease.
    pub lease: String,
    /// To whom.
    pub tenant: String,
    /// The day of issue.
    pub issued: String,
    /// The day on which it is due.
    pub due: String,
    /// ISO 4217.
    pub currency: String,
    /// What it asks for; negative for a credit note.
    pub total: String,
    /// What is open of it.
    pub open: String,
    /// Where it stands.
    pub state: String,
}

/// What a lease was given in a month, up to now where the month is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageView {
    /// Which lease.
    pub lease: String,
    /// Who rents.
    pub tenant: String,
    /// The civil month, `2026-05`.
    pub month: String,
    /// GPU-seconds granted.
    pub entitled_gpu_seconds: String,
    /// GPU-seconds in the holding, neither down nor curtailed.
    pub delivered_gpu_seconds: String,
    /// GPU-seconds in the holding.
    pub held_gpu_seconds: String,
    /// GPU-seconds on which the tenant's jobs ran.
    pub used_gpu_seconds: String,
    /// Times that the tenant asked for nodes that were lent.
    pub reclaim_requests: u64,
    /// Of these, answered late.
    pub reclaim_missed: u64,
    /// Up to when it is counted: the end of the month, or now. What runs is counted as if it ended then.
    pub until: String,
    /// Whether the month goes on, so that this is no bill's figure yet.
    pub provisional: bool,
}

/// The documents to `tenant`, or all, in the order of issue.
pub fn documents<'a>(
    state: &'a State,
    tenant: Option<&'a str>,
) -> impl DoubleEndedIterator<Item = &'a Invoice> {
    let seen =
        move |invoice: &&Invoice| tenant.is_none_or(|tenant| invoice.tenant.as_str() == tenant);
    state.books.invoices.iter().filter(seen)
}

/// A document in a list.
pub fn document(state: &State, invoice: &Invoice) -> DocumentView {
    let receivables = state.books.receivables();
    let kind = if invoice.is_credit_note() { "credit_note" } else { "invoice" };
    let open = receivables.document(&invoice.number).map(|document| document.open);
    DocumentView {
        document: invoice.number.clone(),
        kind: kind.into(),
        lease: invoice.lease.to_string(),
        tenant: invoice.tenant.to_string(),
        issued: invoice.issued.to_string(),
        due: invoice.due.to_string(),
        currency: invoice.currency.code().into(),
        total: invoice.total.to_string(),
        open: open.unwrap_or(invoice.total).to_string(),
        state: standing(receivables.state(&invoice.number)).into(),
    }
}

/// The document itself: sealed JSON, the same bytes each time.
pub fn invoice_json(invoice: &Invoice, key: &SigningKey) -> String {
    key.seal(invoice).to_json()
}

/// What the lease `entry`, number `number`, was given in `month`, read at `now`: the state's own time would tell
/// when somebody else last did something. `running`: what goes on then, of all leases.
pub fn usage(
    state: &State,
    (number, entry): (usize, &LeaseEntry),
    month: Month,
    now: Instant,
    running: &[ServiceInterval],
) -> UsageView {
    let basis = &state.books.bases[number];
    let own = running.iter().filter(|row| usize::from(row.lease.0) == number);
    let readings = basis.readings_so_far(month, now, own, &state.site);
    let end = basis.meter().interval_of(month).until;
    UsageView {
        lease: entry.terms().id.to_string(),
        tenant: entry.terms().tenant.to_string(),
        month: month.to_string(),
        entitled_gpu_seconds: readings.entitled.get().to_string(),
        delivered_gpu_seconds: readings.delivered.get().to_string(),
        held_gpu_seconds: readings.held.get().to_string(),
        used_gpu_seconds: readings.used.get().to_string(),
        reclaim_requests: readings.reclaim_requests,
        reclaim_missed: readings.reclaim_missed,
        until: now.min(end).to_string(),
        provisional: now < end,
    }
}

const fn standing(state: DocumentState) -> &'static str {
    match state {
        DocumentState::Draft => "draft",
        DocumentState::Issued => "issued",
        DocumentState::PartlyPaid => "partly_paid",
        DocumentState::Paid => "paid",
        DocumentState::Disputed => "disputed",
    }
}
