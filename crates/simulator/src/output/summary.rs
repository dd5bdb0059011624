//! `summary.json`: what a run came to, in numbers.

use std::collections::BTreeMap;

use leasehold_control::Invariant;
use leasehold_ledger::GpuState;
use leasehold_units::{Day, Money};
use serde::Serialize;

use crate::engine::Outcome;

/// What a run came to. Counts are integers, money is a decimal string, days are civil.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// First day.
    pub from: String,
    /// First day after the run.
    pub until: String,
    /// Seed of everything that was drawn.
    pub seed: u64,
    /// GPUs in service at the end.
    pub installed_gpus: u64,
    /// GPU-seconds installed, and in each state.
    pub gpu_seconds: BTreeMap<&'static str, u128>,
    /// By party.
    pub parties: Vec<PartySummary>,
    /// Reclaims.
    pub reclaim: ReclaimSummary,
    /// Power.
    pub power: PowerSummary,
    /// Invoices.
    pub invoices: InvoiceSummary,
    /// Deliveries that were short.
    pub deliveries: DeliverySummary,
    /// Promises that were recorded as not kept.
    pub breaches: u64,
    /// Nodes that failed.
    pub node_failures: u64,
    /// Jobs that were refused.
    pub jobs_refused: u64,
    /// How often each invariant was checked; all held, or there would be no summary.
    pub invariant_checks: BTreeMap<&'static str, u64>,
    /// Events in all.
    pub events: u64,
    /// Seconds that the run took. The only figure that differs from run to run.
    pub wall_seconds: f64,
}

/// One party's jobs in sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartySummary {
    /// Whose.
    pub party: String,
    /// Submitted.
    pub submitted: u64,
    /// Started at least once.
    pub started: u64,
    /// Came to their own end.
    pub finished: u64,
    /// Times that a job was told to leave.
    pub evicted: u64,
    /// GPU-seconds on nodes that the party holds.
    pub gpu_seconds_used: u128,
    /// GPU-seconds on borrowed nodes.
    pub gpu_seconds_borrowed: u128,
}

/// Reclaims: a tenant's job that fit its holding and had to wait for nodes to come clean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReclaimSummary {
    /// How many were answered, or not within the bound.
    pub requests: u64,
    /// Within the bound.
    pub within_bound: u64,
    /// Later, or not at all.
    pub missed: u64,
    /// Median of the seconds.
    pub seconds_p50: u64,
    /// 99th percentile of the seconds.
    pub seconds_p99: u64,
    /// Longest.
    pub seconds_max: u64,
    /// Longest from when the nodes could be had until they were kept for the job.
    pub decide_seconds_max: u64,
    /// Longest from then until the last borrower was gone.
    pub vacate_seconds_max: u64,
    /// Longest from then until all were clean.
    pub turnover_seconds_max: u64,
}

/// Power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PowerSummary {
    /// Highest facility draw on the contracted basis.
    pub peak_watts: u64,
    /// Seconds above the envelope; the invariant stops a run that has any.
    pub envelope_exceeded_seconds: u64,
}

/// Invoices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvoiceSummary {
    /// How many were issued.
    pub count: u64,
    /// What they ask for.
    pub total_by_currency: BTreeMap<&'static str, String>,
}

/// Times that less was delivered than a lease with a date of delivery grants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeliverySummary {
    /// How many there were.
    pub opened: u64,
    /// All was delivered before a grace was over.
    pub delivered_in_grace: u64,
    /// A grace was over, and the remedy counted.
    pub remedied: u64,
}

impl Summary {
    /// The summary of `outcome`.
    pub fn of(outcome: &Outcome, days: (Day, Day), seed: u64, wall_seconds: f64) -> Self {
        let state = &outcome.state;
        let totals = state.books.meter.totals();
        let mut gpu_seconds = BTreeMap::from([("installed", outcome.installed_gpu_seconds)]);
        gpu_seconds.extend(GpuState::ALL.map(|state| (state.key(), totals.of(state).get())));
        Self {
            from: days.0.to_string(),
            until: days.1.to_string(),
            seed,
            installed_gpus: state.installed_gpus,
            gpu_seconds,
            parties: parties(outcome),
            reclaim: reclaim(outcome),
            power: PowerSummary { peak_watts: outcome.peak_watts, envelope_exceeded_seconds: 0 },
            invoices: invoices(outcome),
            deliveries: deliveries(outcome),
            breaches: count(state.books.breaches.len()),
            node_failures: outcome.failures,
            jobs_refused: outcome.refused,
            invariant_checks: state
                .checks
                .iter()
                .map(|(invariant, times): (Invariant, u64)| (invariant.name(), times))
                .collect(),
            events: outcome.events,
            wall_seconds,
        }
    }
}

fn parties(outcome: &Outcome) -> Vec<PartySummary> {
    let parties = outcome.state.parties.iter().zip(&outcome.tallies);
    let summary = parties.map(|(party, tally)| PartySummary {
        party: party.id.to_string(),
        submitted: tally.submitted,
        started: tally.started,
        finished: tally.finished,
        evicted: tally.evicted,
        gpu_seconds_used: tally.gpu_seconds_used,
        gpu_seconds_borrowed: tally.gpu_seconds_borrowed,
    });
    summary.collect()
}

fn reclaim(outcome: &Outcome) -> ReclaimSummary {
    let requests = outcome.reclaims_asked();
    ReclaimSummary {
        requests,
        within_bound: outcome.reclaims_within,
        missed: outcome.reclaims_missed,
        seconds_p50: outcome.reclaims.percentile(50),
        seconds_p99: outcome.reclaims.percentile(99),
        seconds_max: outcome.reclaims.max(),
        decide_seconds_max: outcome.reclaim_parts_max[0],
        vacate_seconds_max: outcome.reclaim_parts_max[1],
        turnover_seconds_max: outcome.reclaim_parts_max[2],
    }
}

fn invoices(outcome: &Outcome) -> InvoiceSummary {
    let issued = &outcome.state.books.invoices;
    let mut totals: BTreeMap<&'static str, Money> = BTreeMap::new();
    for invoice in issued {
        let zero = Money::zero(invoice.currency);
        let total = totals.entry(invoice.currency.code()).or_insert(zero);
        *total = total.plus(invoice.total);
    }
    let total_by_currency = totals.into_iter().map(|(code, total)| (code, total.to_string()));
    InvoiceSummary { count: count(issued.len()), total_by_currency: total_by_currency.collect() }
}

fn deliveries(outcome: &Outcome) -> DeliverySummary {
    let leases = outcome.state.contracts.leases.iter();
    let mut summary = DeliverySummary::default();
    for time in leases.flat_map(|entry| &entry.delivery.times) {
        summary.opened += 1;
        summary.remedied += u64::from(time.lapsed.is_some());
        summary.delivered_in_grace += u64::from(time.delivered && time.lapsed.is_none());
    }
    summary
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a count fits")
}
