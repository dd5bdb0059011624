//! From a loaded scenario to what the engine plays.

use std::collections::BTreeMap;

use leasehold_control::{CurtailmentAsk, Input, OutageAsk};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_site::Site;
use leasehold_units::{Instant, Interval, OutageId};

use super::load::Loaded;
use super::parse::{EventKind, EventSpec, Jobs, WorkloadSpec};
use crate::engine::{Act, Deed, Faults, JobStream, Payers, Setting, TurnoverFailures, Workload};
use crate::trace;
use crate::workload::{Manners, Synthetic, SyntheticPlan, Traced, TracedPlan, WorkloadError};

impl Loaded {
    /// From when until when the scenario plays.
    pub fn interval(&self) -> Interval {
        let zone = &self.site.time_zone;
        Interval::new(zone.start_of(self.scenario.from), zone.start_of(self.scenario.until))
    }

    /// What the engine plays.
    ///
    /// # Errors
    /// If a trace cannot be opened.
    pub fn setting(&self, bad_lines_max: u64) -> Result<Setting, WorkloadError> {
        let interval = self.interval();
        let mut workloads = Vec::new();
        let mut bad_lines = Vec::new();
        for (number, spec) in (0..).zip(&self.scenario.workloads) {
            let bad = trace::BadLineCount::default();
            let stream = self.stream(spec, number, bad_lines_max, &bad)?;
            if let Jobs::Trace { path, .. } = &spec.jobs {
                bad_lines.push((self.folder.join(path), bad));
            }
            let name = match &spec.jobs {
                Jobs::Synthetic { profile, .. } => profile.name.to_owned(),
                Jobs::Trace { .. } => "trace".into(),
            };
            workloads.push(Workload {
                name,
                party: spec.party.clone(),
                jobs: stream,
                priority: spec.priority,
                share: spec.share,
                within: spec.within,
            });
        }
        let nodes = u32::try_from(self.site.nodes().get()).expect("a site is small");
        let faults = self
            .scenario
            .faults
            .and_then(|faults| Some((faults.node_mtbf?, faults.repair)))
            .map(|(mtbf, repair)| Faults::new(nodes, mtbf, repair, self.scenario.seed));
        let turnovers = self.scenario.faults.map(|faults| {
            TurnoverFailures::new(faults.turnover_failure, faults.repair, self.scenario.seed)
        });
        let zones = self.leases.iter().map(|lease| {
            let terms = lease.latest();
            (terms.id.clone(), terms.time_zone.clone())
        });
        let zones: BTreeMap<_, _> = zones.collect();
        let events = self.scenario.events.iter();
        let inside = events.filter(|event| interval.contains(event.at));
        let (lenient, strict): (Vec<&EventSpec>, Vec<&EventSpec>) =
            inside.partition(|event| event.may_be_refused);
        let inputs = strict.into_iter().map(|event| (event.at, self.input(event, &zones)));
        let deeds = lenient
            .into_iter()
            .map(|event| Deed { at: event.at, act: Act::Input(self.input(event, &zones)) });
        Ok(Setting {
            site: self.site.clone(),
            leases: self.leases.clone(),
            interval,
            workloads,
            inputs: inputs.collect(),
            deeds: deeds.collect(),
            watcher: None,
            deed_log: None,
            faults,
            turnovers: turnovers.unwrap_or_default(),
            payers: self.payers(),
            bad_lines,
        })
    }

    fn payers(&self) -> Payers {
        let payers = self.scenario.payers.iter();
        Payers::new(payers.map(|payer| (payer.party.clone(), payer.days)))
    }

    fn stream(
        &self,
        spec: &WorkloadSpec,
        number: u64,
        bad_lines_max: u64,
        bad: &trace::BadLineCount,
    ) -> Result<JobStream, WorkloadError> {
        let (interval, seed) = (self.interval(), self.scenario.seed);
        let seconds =
            |length: leasehold_units::Seconds| u32::try_from(length.get()).unwrap_or(u32::MAX);
        let manners = Manners {
            vacate_seconds: seconds(spec.vacate),
            checkpoint_seconds: seconds(spec.checkpoint),
            request_percent: spec.request_percent,
            skus: skus(&self.site, spec),
        };
        match &spec.jobs {
            Jobs::Trace { path, format, scale_milli, start, .. } => {
                let path = self.folder.join(path);
                let jobs = trace::open(&path, format.as_deref(), bad_lines_max, bad)
                    .map_err(|error| WorkloadError::Trace { path: path.clone(), error })?;
                let start = start.unwrap_or(interval.from);
                let plan = TracedPlan { path, scale_milli: *scale_milli, start, manners };
                Ok(Box::new(Traced::new(plan, jobs, seed, number)))
            }
            Jobs::Synthetic { profile, jobs_per_day, run_percent, gpus_max, from, until } => {
                let zone = self.site.time_zone.clone();
                let plan = SyntheticPlan {
                    profile,
                    jobs_per_day: *jobs_per_day,
                    run_percent: *run_percent,
                    gpus_max: *gpus_max,
                    manners,
                    from: from.map_or(interval.from, |day| zone.start_of(day)).max(interval.from),
                    until: until.map_or(interval.until, |day| zone.start_of(day)),
                    zone,
                };
                Ok(Box::new(Synthetic::new(plan, seed, number)))
            }
        }
    }

    fn input(
        &self,
        event: &EventSpec,
        zones: &BTreeMap<leasehold_units::LeaseId, leasehold_units::Zone>,
    ) -> Input {
        match &event.kind {
            EventKind::Notice { lease, by } => {
                let day = zones[lease].day_of(event.at);
                Input::GiveNotice { lease: lease.clone(), by: *by, day }
            }
            EventKind::WithdrawNotice { lease, by } => {
                Input::WithdrawNotice { lease: lease.clone(), by: *by }
            }
            EventKind::Election { lease, choice } => {
                let day = zones[lease].day_of(event.at);
                Input::Elect { lease: lease.clone(), choice: *choice, day }
            }
            EventKind::Curtailment { ask, cause, notice, until } => {
                let from: Instant = event.at.after(*notice);
                let until = (*until).max(from);
                Input::Curtail(CurtailmentAsk { ask: *ask, cause: *cause, from, until })
            }
            EventKind::NodeDown(names) => Input::NodesDown(self.nodes(names)),
            EventKind::TenantFault(names) => Input::NodesBroken(self.nodes(names)),
            EventKind::NodeUp(names) => Input::NodesUp(self.nodes(names)),
            EventKind::Amendment { file } => Input::Amend(Box::new(self.later[file].clone())),
            EventKind::NewLease { file } => Input::Sign(Box::new(self.later[file].clone())),
            EventKind::Maintenance { id, what, nodes, from, until, agreed } => {
                let id = id.clone().unwrap_or_else(|| self.outage_name(event));
                Input::PlanOutage(Box::new(OutageAsk {
                    id,
                    what: what.clone(),
                    nodes: self.nodes(nodes),
                    interval: Interval::new(*from, *until),
                    agreed: agreed.clone(),
                }))
            }
            EventKind::MaintenanceCancelled { id } => Input::CancelOutage { id: id.clone() },
            EventKind::Hold { file, expires } => {
                Input::Hold { terms: Box::new(self.later[file].clone()), expires: *expires }
            }
            EventKind::Release { lease } => Input::Release { lease: lease.clone() },
            EventKind::Account(spec) => {
                let day = self.site.time_zone.day_of(event.at);
                Input::Account(Box::new(spec.on(day)))
            }
        }
    }

    /// A name for maintenance that the file gives none: its place among the events.
    fn outage_name(&self, event: &EventSpec) -> OutageId {
        let place = self.scenario.events.iter().position(|other| other.span == event.span);
        let place = place.map_or(0, |place| place + 1);
        OutageId::new(&format!("event-{place}")).expect("a name")
    }

    fn nodes(&self, names: &[(String, std::ops::Range<usize>)]) -> NodeRanges {
        let ranges = names.iter().filter_map(|(name, _)| self.site.nodes_named(name));
        let mut nodes: Vec<u32> = ranges.flatten().collect();
        nodes.sort_unstable();
        nodes.dedup();
        NodeRanges::from_nodes(nodes)
    }
}

/// The skus of a workload, a bit each in the order of the site file; all where none is named.
fn skus(site: &Site, spec: &WorkloadSpec) -> u32 {
    if spec.skus.is_empty() {
        return u32::MAX;
    }
    let named = |id: &str| spec.skus.iter().any(|(name, _)| name == id);
    let skus = site.skus.iter().enumerate().filter(|(_, sku)| named(sku.id.as_str()));
    skus.fold(0, |bits, (index, _)| bits | 1 << index)
}
