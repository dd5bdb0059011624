//! A site of 24 nodes in 3 arrays of 2 racks of 4, one lease, and jobs as lists.

use leasehold_control::{Ask, Cause, CurtailmentAsk, Input};
use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Lease, Side, Terms};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_simulator::engine::{JobStream, Payers, Setting, TurnoverFailures, Workload};
use leasehold_simulator::workload::WorkloadJob;
use leasehold_site::Site;
use leasehold_units::{Instant, Interval, PartyId, Seconds, Watts};

/// A job of a list; seconds from the start of the run.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub submit: u32,
    pub gpus: u32,
    pub run: u32,
    pub vacate: u32,
    pub checkpoint: u32,
}

/// What happens in a run of two days.
#[derive(Debug, Clone)]
pub struct Plan {
    pub landlord: Vec<Job>,
    pub tenant: Vec<Job>,
    /// When, which node, for how long.
    pub faults: Vec<(u32, u32, u32)>,
    pub shape: &'static str,
    pub blocks: u32,
    /// When it is announced, to what percent of the envelope, how long ahead.
    pub curtailment: Option<(u32, u32, u32)>,
    /// Days of notice given by the tenant at noon of the first day.
    pub notice: Option<u32>,
    /// A second tenant's jobs, its blocks and shape, and whether it signs during the run.
    pub second: Option<(Vec<Job>, u32, &'static str, bool)>,
    /// When the first lease is amended to how many blocks, from the second day on.
    pub amendment: Option<(u32, u32)>,
    /// Nodes that are set aside for failures.
    pub reserve: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            landlord: Vec::new(),
            tenant: Vec::new(),
            faults: Vec::new(),
            shape: "rack",
            blocks: 2,
            curtailment: None,
            notice: None,
            second: None,
            amendment: None,
            reserve: 0,
        }
    }
}

pub const SITE: &str = r#"
id = "s"
landlord = "owner"
time_zone = "America/Chicago"
pue = "1.2"
[[sku]]
id = "k"
gpu = "G"
gpus_per_node = 8
node_power = { nameplate = "10 kW", contracted = "8 kW", measured = "7 kW", idle = "1 kW" }
turnover = "90 s"
[[pool]]
id = "p"
sku = "k"
hall = "h"
arrays = 3
racks_per_array = 2
nodes_per_rack = 4
in_service = 2026-01-01
[[power]]
from = 2026-01-01
limit = "240 kW"
"#;

pub fn lease_text(shape: &str, blocks: u32, notice_days: u32) -> String {
    format!(
        r#"
id = "l"
site = "s"
landlord = "owner"
tenant = "renter"
signed = 2026-01-02
time_zone = "America/Chicago"
[term]
start = 2026-03-07
end = 2026-04-30
[notice]
by = "either"
days = {notice_days}
[capacity]
amount = "{blocks} {shape}"
shape = "{shape}"
[fee]
currency = "USD"
fixed = "310000.00"
proration = "actual"
invoice = "advance"
due_days = 30
[[fee.usage]]
meter = "energy"
price = "0.062"
[service]
idle_use = "landlord"
reclaim_within = "10 min"
availability = "99.5%"
reclaim_miss_credit = "1000.00"
curtail = {{ order = 1, depth = "50%" }}
[[service.credit]]
below = "99.5%"
credit = "5%"
"#
    )
}

pub fn site() -> Site {
    site_with(0)
}

/// The site with so many nodes in reserve.
pub fn site_with(reserve: u32) -> Site {
    let text = SITE.replacen("hall =", &format!("reserve = \"{reserve} node\"\nhall ="), 1);
    let source = Source::new("site.toml", text);
    Site::parse(&source).unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)))
}

pub fn terms(text: String) -> Terms {
    let source = Source::new("lease.toml", text);
    Terms::parse(&source).unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)))
}

/// The first second of 7 March 2026, the day before clocks go forward.
pub fn start() -> Instant {
    site().time_zone.start_of("2026-03-07".parse().expect("a day"))
}

pub fn interval() -> Interval {
    Interval::new(start(), start().after(Seconds::new(2 * 86_400)))
}

pub fn stream(jobs: &[Job]) -> JobStream {
    let mut jobs = jobs.to_vec();
    jobs.sort_by_key(|job| job.submit);
    let list = (1..).zip(jobs).map(|(number, job)| {
        Ok(WorkloadJob {
            number,
            submit: start().after(Seconds::new(u64::from(job.submit))),
            gpus: job.gpus,
            run_seconds: job.run,
            request_seconds: job.run + job.run / 2,
            vacate_seconds: job.vacate,
            vacate_actual_seconds: job.vacate / 2,
            checkpoint_seconds: job.checkpoint,
            skus: u32::MAX,
        })
    });
    Box::new(list)
}

pub fn setting(plan: &Plan) -> Setting {
    let later = |seconds: u32| start().after(Seconds::new(u64::from(seconds)));
    let mut inputs = Vec::new();
    for (at, node, length) in &plan.faults {
        let nodes = NodeRanges::from_range(*node, node + 1);
        inputs.push((later(*at), Input::NodesDown(nodes.clone())));
        inputs.push((later(at + length), Input::NodesUp(nodes)));
    }
    if let Some((at, percent, ahead)) = plan.curtailment {
        let limit = Watts::new(240_000 * u64::from(percent) / 100);
        let (from, until) = (later(at + ahead), later(at + ahead + 7_200));
        let ask = CurtailmentAsk { ask: Ask::Limit(limit), cause: Cause::Economic, from, until };
        inputs.push((later(at), Input::Curtail(ask)));
    }
    let terms = terms(lease_text(plan.shape, plan.blocks, plan.notice.unwrap_or(5)));
    if plan.notice.is_some() {
        let day = "2026-03-07".parse().expect("a day");
        let input = Input::GiveNotice { lease: terms.id.clone(), by: Side::Tenant, day };
        inputs.push((later(43_200), input));
    }
    if let (Some((at, blocks)), None) = (plan.amendment, plan.notice) {
        let later_terms = lease_text(plan.shape, blocks, 5).replacen(
            "id = \"l\"",
            "id = \"l\"\nversion = 2\neffective = 2026-03-08",
            1,
        );
        inputs.push((later(at % 86_400), Input::Amend(Box::new(self::terms(later_terms)))));
    }
    let party = |name| PartyId::new(name).expect("a name");
    let mut leases = vec![Lease::new(vec![terms]).expect("one version")];
    let mut workloads = vec![
        Workload::plain(party("owner"), stream(&plan.landlord)),
        Workload::plain(party("renter"), stream(&plan.tenant)),
    ];
    if let Some((jobs, blocks, shape, during)) = &plan.second {
        let text = lease_text(shape, *blocks, 5)
            .replacen("id = \"l\"", "id = \"m\"", 1)
            .replacen("tenant = \"renter\"", "tenant = \"other\"", 1)
            .replacen("signed = 2026-01-02", "signed = 2026-01-03", 1)
            .replacen("start = 2026-03-07", "start = 2026-03-08", usize::from(*during));
        let second = self::terms(text);
        if *during {
            inputs.push((later(7_000), Input::Sign(Box::new(second))));
        } else {
            leases.push(Lease::new(vec![second]).expect("one version"));
            workloads.push(Workload::plain(party("other"), stream(jobs)));
        }
    }
    Setting {
        site: site_with(plan.reserve),
        leases,
        interval: interval(),
        workloads,
        inputs,
        deeds: Vec::new(),
        watcher: None,
        deed_log: None,
        faults: None,
        turnovers: TurnoverFailures::default(),
        payers: Payers::new([(party("renter"), 10)]),
        bad_lines: Vec::new(),
    }
}
