//! The stored form of every kind of event: `tests/golden/KIND.jsonl`, one event a line.
//!
//! THESE FILES ARE NEVER REWRITTEN. Logs that people keep have such lines in them, and every later
//! version has to read them and to write them again as they are. A change that makes this test fail
//! breaks those logs: give a new field a default and leave it out of the text while it has that, or add
//! a kind of event beside the old one. New lines and new files may be added.

use std::collections::BTreeSet;
use std::path::PathBuf;

use leasehold_control::{
    AgendaItem, Cause, EndCause, Event, Gone, Holding, Invariant, Lending, Placing, PowerStepKind,
    StopReason, Whose,
};
use leasehold_lease::{Remedy, Side};
use leasehold_ledger::AccountFact;
use leasehold_units::Shape;

/// A function from a value to a name, by a match without a wildcard, and the list of all names: a new
/// variant does not compile until it is named here, and fails until a line has it.
macro_rules! names {
    ($function:ident, $all:ident: $type:ty { $($pattern:pat => $name:literal),* $(,)? }) => {
        fn $function(value: &$type) -> &'static str {
            match value {
                $($pattern => $name),*
            }
        }

        const $all: &[&str] = &[$($name),*];
    };
}

names! { kind, KINDS: Event {
    Event::JobSubmitted { .. } => "job_submitted",
    Event::JobParked { .. } => "job_parked",
    Event::JobsUnparked { .. } => "jobs_unparked",
    Event::NodesClaimed { .. } => "nodes_claimed",
    Event::ClaimDropped { .. } => "claim_dropped",
    Event::JobStarted { .. } => "job_started",
    Event::PlacingChanged { .. } => "placing_changed",
    Event::JobFound { .. } => "job_found",
    Event::JobGone { .. } => "job_gone",
    Event::EvictionRequested { .. } => "eviction_requested",
    Event::CancellationRequested { .. } => "cancellation_requested",
    Event::JobCancelled { .. } => "job_cancelled",
    Event::LeaveHurried { .. } => "leave_hurried",
    Event::JobVacated { .. } => "job_vacated",
    Event::JobStopped { .. } => "job_stopped",
    Event::JobOvertaken { .. } => "job_overtaken",
    Event::ReclaimMissed { .. } => "reclaim_missed",
    Event::ReclaimLapsed { .. } => "reclaim_lapsed",
    Event::BackOffEnded { .. } => "back_off_ended",
    Event::ShareSet { .. } => "share_set",
    Event::JobFinished { .. } => "job_finished",
    Event::TurnoverBegan { .. } => "turnover_began",
    Event::TurnoverEnded { .. } => "turnover_ended",
    Event::NodesFailed { .. } => "nodes_failed",
    Event::TurnoverOverdue { .. } => "turnover_overdue",
    Event::OutagePlanned(_) => "outage_planned",
    Event::OutageCancelled { .. } => "outage_cancelled",
    Event::OutagePutOff { .. } => "outage_put_off",
    Event::MaintenanceBegan { .. } => "maintenance_began",
    Event::MaintenanceEnded { .. } => "maintenance_ended",
    Event::FaultAttributed { .. } => "fault_attributed",
    Event::NodesRepaired { .. } => "nodes_repaired",
    Event::NodesInService { .. } => "nodes_in_service",
    Event::NodesDrained { .. } => "nodes_drained",
    Event::NodesReopened { .. } => "nodes_reopened",
    Event::HoldingChanged { .. } => "holding_changed",
    Event::SubstituteChosen { .. } => "substitute_chosen",
    Event::SubstituteDropped { .. } => "substitute_dropped",
    Event::Substituted { .. } => "substituted",
    Event::SubstituteStays { .. } => "substitute_stays",
    Event::SubstitutionEnded { .. } => "substitution_ended",
    Event::EntitlementStepped { .. } => "entitlement_stepped",
    Event::NoticeGiven { .. } => "notice_given",
    Event::WithdrawalAsked { .. } => "withdrawal_asked",
    Event::NoticeWithdrawn { .. } => "notice_withdrawn",
    Event::DeliveryChanged { .. } => "delivery_changed",
    Event::ShortDaysSettled { .. } => "short_days_settled",
    Event::GraceLapsed { .. } => "grace_lapsed",
    Event::LeaseEnded { .. } => "lease_ended",
    Event::LeaseAmended { .. } => "lease_amended",
    Event::LeaseSigned { .. } => "lease_signed",
    Event::HoldPlaced { .. } => "hold_placed",
    Event::HoldReleased { .. } => "hold_released",
    Event::HoldExpired { .. } => "hold_expired",
    Event::AgendaOpened(_) => "agenda_opened",
    Event::CurtailmentAnnounced(_) => "curtailment_announced",
    Event::NodesCurtailed { .. } => "nodes_curtailed",
    Event::NodesRestored { .. } => "nodes_restored",
    Event::LendingChanged { .. } => "lending_changed",
    Event::PowerStepped(_) => "power_stepped",
    Event::EnvelopeChanged { .. } => "envelope_changed",
    Event::Breached(_) => "breached",
    Event::UsageClosed => "usage_closed",
    Event::RevenueRecognised { .. } => "revenue_recognised",
    Event::InvoiceIssued { .. } => "invoice_issued",
    Event::Booked(_) => "booked",
    Event::AgendaDone(_) => "agenda_done",
}}

names! { shape, SHAPES: Shape {
    Shape::Node => "node", Shape::Rack => "rack", Shape::Array => "array",
}}
names! { reason, REASONS: StopReason {
    StopReason::NodeFailed => "node_failed",
    StopReason::HoldingEnded => "holding_ended",
    StopReason::Curtailed => "curtailed",
}}
names! { placing, PLACINGS: Placing {
    Placing::Here => "here", Placing::Observed => "observed", Placing::Cluster => "cluster",
}}
names! { gone, GONE: Gone {
    Gone::Over => "over", Gone::Vacated => "vacated", Gone::Stopped => "stopped",
}}
names! { holding, HOLDINGS: Holding {
    Holding::Own => "own", Holding::Reserve => "reserve", Holding::Lease(_) => "of a lease",
}}
names! { lending, LENDINGS: Lending {
    Lending::Open => "open", Lending::Closing => "closing", Lending::Closed => "closed",
}}
names! { item, ITEMS: AgendaItem {
    AgendaItem::Quotes => "quotes",
    AgendaItem::Service => "service",
    AgendaItem::Envelope => "envelope",
    AgendaItem::Holdings => "holdings",
    AgendaItem::Grace(_) => "grace",
    AgendaItem::Power => "power",
    AgendaItem::Prepare => "prepare",
    AgendaItem::Invoice(_) => "invoice",
}}
names! { cause, CAUSES: Cause {
    Cause::Economic => "economic",
    Cause::Emergency => "emergency",
    Cause::Planned => "planned",
    Cause::Test => "test",
}}
names! { step, STEPS: PowerStepKind {
    PowerStepKind::Shed => "shed", PowerStepKind::Restored => "restored",
}}
names! { whose, WHOSE: Whose {
    Whose::Borrowed => "borrowed", Whose::Own => "own work", Whose::Lease(_) => "of lease",
}}
names! { remedy, REMEDIES: Remedy {
    Remedy::ProRata => "pro_rata",
    Remedy::Terminate => "terminate",
    Remedy::TenantElects => "tenant_elects",
}}
names! { end, ENDS: EndCause {
    EndCause::Undelivered => "undelivered", EndCause::Elected => "elected",
}}
names! { side, SIDES: Side {
    Side::Landlord => "landlord", Side::Tenant => "tenant",
}}
names! { invariant, INVARIANTS: Invariant {
    Invariant::NoOversell => "no_oversell",
    Invariant::Guarantee => "guarantee",
    Invariant::Power => "power",
    Invariant::Isolation => "isolation",
    Invariant::Conservation => "conservation",
    Invariant::ExactMoney => "exact_money",
    Invariant::ClosedIsClosed => "closed_is_closed",
    Invariant::Replay => "replay",
    Invariant::Confidentiality => "confidentiality",
}}
names! { fact, FACTS: AccountFact {
    AccountFact::Paid(_) => "paid",
    AccountFact::Disputed(_) => "disputed",
    AccountFact::Resolved { credit: None, .. } => "resolved without a credit",
    AccountFact::Resolved { credit: Some(_), .. } => "resolved with a credit",
    AccountFact::Corrected { .. } => "corrected",
    AccountFact::Closed { .. } => "closed books",
}}

/// What an event has inside that comes in variants, each with the field that it is in.
fn variants(event: &Event) -> Vec<(&'static str, &'static str)> {
    match event {
        Event::JobSubmitted { spec, .. } => vec![("shape", shape(&spec.within))],
        Event::JobStopped { reason: why, .. } => vec![("reason", reason(why))],
        Event::PlacingChanged { to } => vec![("placing", placing(to))],
        Event::JobGone { how, .. } => vec![("gone", gone(how))],
        Event::HoldingChanged { to, .. } => vec![("holding", holding(to))],
        Event::LendingChanged { to } => vec![("lending", lending(to))],
        Event::AgendaOpened((_, opened)) => vec![("opened", item(opened))],
        Event::AgendaDone((_, done)) => vec![("done", item(done))],
        Event::CurtailmentAnnounced(curtailment) => vec![("cause", cause(&curtailment.cause))],
        Event::PowerStepped(power) => {
            vec![("step", step(&power.kind)), ("whose", whose(&power.whose))]
        }
        Event::GraceLapsed { remedy: provided, .. } => vec![("remedy", remedy(provided))],
        Event::LeaseEnded { cause: doing, .. } => vec![("end", end(doing))],
        Event::NoticeGiven { notice, .. } => vec![("side", side(&notice.by))],
        Event::Breached(breach) => vec![("invariant", invariant(&breach.invariant))],
        Event::Booked(booked) => vec![("fact", fact(booked))],
        _ => Vec::new(),
    }
}

/// Every variant of what events have inside.
const VARIANTS: [(&str, &[&str]); 16] = [
    ("shape", SHAPES),
    ("reason", REASONS),
    ("placing", PLACINGS),
    ("gone", GONE),
    ("holding", HOLDINGS),
    ("lending", LENDINGS),
    ("opened", ITEMS),
    ("done", ITEMS),
    ("cause", CAUSES),
    ("step", STEPS),
    ("whose", WHOSE),
    ("remedy", REMEDIES),
    ("end", ENDS),
    ("side", SIDES),
    ("invariant", INVARIANTS),
    ("fact", FACTS),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn lines(kind: &str) -> String {
    let path = folder().join(format!("{kind}.jsonl"));
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{kind} needs a golden file of its lines: {error}"))
}

#[test]
fn every_kind_of_event_reads_and_writes_its_golden_lines() {
    for name in KINDS {
        let text = lines(name);
        assert!(!text.trim().is_empty(), "{name} has no line");
        for line in text.lines() {
            let event: Event = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{name} does not read {line}: {error}"));
            assert_eq!(kind(&event), *name);
            assert_eq!(serde_json::to_string(&event).expect("it can be written"), line);
        }
    }
}

#[test]
fn every_golden_file_is_of_a_kind_of_event() {
    let files = std::fs::read_dir(folder()).expect("the golden files are there");
    let found = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let found: BTreeSet<String> = found.collect();
    let expected: BTreeSet<String> = KINDS.iter().map(|kind| format!("{kind}.jsonl")).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_variant_inside_an_event_has_a_golden_line() {
    let texts: Vec<String> = KINDS.iter().map(|kind| lines(kind)).collect();
    let events = texts.iter().flat_map(|text| text.lines()).map(|line| {
        serde_json::from_str::<Event>(line).expect("the other test says what is wrong with it")
    });
    let seen: BTreeSet<_> = events.flat_map(|event| variants(&event)).collect();
    for (field, names) in VARIANTS {
        for name in names {
            assert!(seen.contains(&(field, name)), "no golden line has the {field} {name}");
        }
    }
}

#[test]
fn what_is_no_event_is_refused_with_a_reason() {
    let refused = |line: &str, why: &str| {
        let error = serde_json::from_str::<Event>(line).expect_err("it cannot be").to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(r#"{"job_exploded":{"job":1}}"#, "unknown variant `job_exploded`");
    refused(r#"{"nodes_failed":{"nodes":[[4,8],[8,9]]}}"#, "no node ranges");
    refused(r#"{"nodes_failed":{"nodes":[[4,4]]}}"#, "no node ranges");
    refused(r#"{"lease_signed":{"terms":"id = \"l\""}}"#, "stored terms do not read any more");
    refused(r#"{"hold_released":{"lease":"../l"}}"#, "is not a name");
}
