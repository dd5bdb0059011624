//! What is counted, in the words and base units of Prometheus. No label is ever a job, a user or a command;
//! leases and invariants are few.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;

use leasehold_control::{JobState, State};
use leasehold_ledger::GpuState;
use leasehold_units::{Instant, Watts};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::command::Reply;

/// What is counted while the server runs.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    commands: Family<CommandLabels, Counter>,
    seconds: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    kind: &'static str,
    outcome: Outcome,
}

impl Outcome {
    /// What became of a command that was answered.
    pub fn of(reply: &Reply) -> Self {
        match reply {
            Ok(done) if done.again => Self::Repeated,
            Ok(_) => Self::Done,
            Err(refusal) if refusal.status >= 500 => Self::Failed,
            Err(_) => Self::Refused,
        }
    }
}

/// How a cluster with a scheduler of its own stands to the leases.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClusterCounts {
    /// When the last look that came in began, if one did.
    pub seen: Option<Instant>,
    /// Whether it is held to the leases, or only watched.
    pub enforces: bool,
    /// Objects that are not as the leases have them.
    pub differences: u64,
    /// Objects that were found changed by hand.
    pub drifted: u64,
    /// Calls that were made to mend it.
    pub calls: u64,
    /// Jobs that were told to leave.
    pub told_to_leave: u64,
    /// Runs that go on without being booked.
    pub not_booked: u64,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// It had been carried out before.
    Repeated,
    /// It was refused.
    Refused,
    /// The server could not.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLease {
    lease: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfInvariant {
    invariant: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("leasehold");
        let commands = Family::default();
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 14));
        registry.register("commands", "Commands that were answered", commands.clone());
        registry.register_with_unit(
            "command_duration",
            "From the arrival of a command to its durable answer",
            Unit::Seconds,
            seconds.clone(),
        );
        Self { registry, commands, seconds }
    }
}

impl Metrics {
    /// Counts a command.
    pub fn count(&self, kind: &'static str, outcome: Outcome, seconds: f64) {
        self.commands.get_or_create(&CommandLabels { kind, outcome }).inc();
        self.seconds.observe(seconds);
    }

    /// All of it, with what the state says, in the text format.
    pub fn text(&self, state: &State, records: u64, cluster: Option<&ClusterCounts>) -> String {
        let mut text = String::new();
        let mut now = of_state(state, records);
        if let Some(counts) = cluster {
            of_cluster(&mut now, counts);
        }
        for registry in [&self.registry, &now] {
            if let Err(error) = encode(&mut text, registry) {
                let _ = writeln!(text, "# cannot be written: {error}");
            }
            // Each registry ends its text; only the last end counts.
            if let Some(rest) = text.strip_suffix("# EOF\n") {
                text.truncate(rest.len());
            }
        }
        text.push_str("# EOF\n");
        text
    }
}

type Count = Gauge<u64, AtomicU64>;

/// Gauges of what is the case now.
fn of_state(state: &State, records: u64) -> Registry {
    let mut registry = Registry::with_prefix("leasehold");
    let single = |registry: &mut Registry, name: &str, help: &str, unit: Option<Unit>, value| {
        let gauge = Count::default();
        gauge.set(value);
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, gauge),
            None => registry.register(name, help, gauge),
        }
    };
    let watts = || Some(Unit::Other("watts".into()));
    let drawn = state.site.facility_watts(Watts::new(state.fleet.it_watts())).get();
    single(&mut registry, "log_records", "Records of the event log", None, records);
    single(
        &mut registry,
        "power_limit",
        "Facility power that may be drawn",
        watts(),
        state.limit.get(),
    );
    single(&mut registry, "power_drawn", "Facility power that is drawn", watts(), drawn);
    let help = "GPUs in service: what the GPUs of all states add up to";
    single(&mut registry, "gpus_in_service", help, None, state.installed_gpus);
    let mismatch = u64::from(state.books.bookkeeping().open_unlike_journal().is_some());
    let help = "1 if what is open of documents is not what the journal says";
    single(&mut registry, "journal_mismatch", help, None, mismatch);
    gpus(&mut registry, state);
    jobs(&mut registry, state);
    leases(&mut registry, state);
    promises(&mut registry, state);
    registry
}

fn of_cluster(registry: &mut Registry, counts: &ClusterCounts) {
    let gauges = [
        (
            "cluster_enforced",
            "1 if the cluster is held to the leases, 0 if it is only watched",
            counts.enforces.into(),
        ),
        (
            "cluster_differences",
            "Objects of the cluster that are not as the leases have them",
            counts.differences,
        ),
        ("cluster_not_booked", "Runs that go on without being booked", counts.not_booked),
    ];
    for (name, help, value) in gauges {
        let gauge = Count::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
    let seen = Gauge::<i64>::default();
    seen.set(counts.seen.map_or(0, Instant::unix));
    let help = "When the last look at the cluster that came in began; 0 before the first";
    registry.register("cluster_seen_timestamp_seconds", help, seen);
    let counters = [
        ("cluster_drifted", "Objects of the cluster found changed by hand", counts.drifted),
        ("cluster_calls", "Calls that were made to hold the cluster to the leases", counts.calls),
        (
            "cluster_told_to_leave",
            "Jobs of the cluster that were told to leave",
            counts.told_to_leave,
        ),
    ];
    for (name, help, value) in counters {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    }
}

fn gpus(registry: &mut Registry, state: &State) {
    let family = Family::<OfState, Count>::default();
    let gauges = state.fleet.gauge_total();
    for gpus in GpuState::ALL {
        let label = OfState { state: gpus.key().to_owned() };
        family.get_or_create(&label).set(gauges[gpus.index()]);
    }
    registry.register("gpus", "GPUs in service, by what they do", family);
}

fn jobs(registry: &mut Registry, state: &State) {
    let mut counts = [0_u64; 3];
    for (_, job) in state.jobs.iter() {
        counts[match job.state {
            JobState::Running { .. } => 1,
            JobState::Leaving { .. } => 2,
            _ => 0,
        }] += 1;
    }
    let family = Family::<OfState, Count>::default();
    for (state, count) in ["waiting", "running", "leaving"].into_iter().zip(counts) {
        family.get_or_create(&OfState { state: state.to_owned() }).set(count);
    }
    registry.register("jobs", "Jobs that are not over", family);
}

fn leases(registry: &mut Registry, state: &State) {
    let granted = Family::<OfLease, Count>::default();
    let delivered = Family::<OfLease, Count>::default();
    let last_day = Family::<OfLease, Gauge>::default();
    for (number, entry) in (0..).zip(&state.contracts.leases) {
        let label = OfLease { lease: entry.terms().id.to_string() };
        let gauge = state.fleet.gauge(number);
        let out = |gpus: &&GpuState| !matches!(gpus, GpuState::Down | GpuState::Curtailed);
        let there = GpuState::ALL.iter().filter(out).map(|gpus| gauge[gpus.index()]).sum();
        granted.get_or_create(&label).set(entry.granted_gpus);
        delivered.get_or_create(&label).set(there);
        let zone = &entry.terms().time_zone;
        let after = entry.lease.last_day().tomorrow().map(|day| zone.start_of(day).unix());
        last_day.get_or_create(&label).set(after.unwrap_or(i64::MAX));
    }
    registry.register("lease_gpus_granted", "GPUs that the lease grants now", granted);
    registry.register("lease_gpus_serving", "GPUs of its holding that can be used now", delivered);
    registry.register("lease_end_timestamp_seconds", "When its service ends", last_day);
}

fn promises(registry: &mut Registry, state: &State) {
    let broken = Family::<OfInvariant, Counter>::default();
    let checked = Family::<OfInvariant, Counter>::default();
    for (invariant, count) in state.checks.iter() {
        let label = OfInvariant { invariant: invariant.name().to_owned() };
        checked.get_or_create(&label).inc_by(count);
        let breaches = state.books.breaches.iter();
        let count = breaches.filter(|breach| breach.invariant == invariant).count();
        broken.get_or_create(&label).inc_by(count as u64);
    }
    registry.register(
        "invariant_checks",
        "How often each invariant was checked since the start",
        checked,
    );
    registry.register("promises_broken", "Promises that were not kept, each recorded", broken);
}
