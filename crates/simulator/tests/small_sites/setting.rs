//! A site of 24 nodes in 3 arrays of 2 racks of 4, one lease, and jobs as lists.

use leasehold_control::{Ask, Cause, CurtailmentAsk, Input};
use leasehold_fixtures::{File, terms};
use leasehold_lease::{Lease, Side};
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

/// The file of a lease of so many blocks of `shape`.
pub fn lease_file(shape: &str, blocks: u32, notice_days: u32) -> File {
    leasehold_fixtures::lease_file("renter")
        .set("notice.days", notice_days)
        .set("capacity.amount", format_args!("'{blocks} {shape}'"))
        .set("capacity.shape", format_args!("'{shape}'"))
}

pub fn site() -> Site {
    site_with(0)
}

/// The site with so many nodes in reserve.
pub fn site_with(reserve: u32) -> Site {
    let file = leasehold_fixtures::site_file(3, 2, 4);
    leasehold_fixtures::site(&file.set("pool.reserve", format_args!("'{reserve} node'")))
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
    let own = terms(&lease_file(plan.shape, plan.blocks, plan.notice.unwrap_or(5)));
    if plan.notice.is_some() {
        let day = "2026-03-07".parse().expect("a day");
        let input = Input::GiveNotice { lease: own.id.clone(), by: Side::Tenant, day };
        inputs.push((later(43_200), input));
    }
    if let (Some((at, blocks)), None) = (plan.amendment, plan.notice) {
        let amended =
            lease_file(plan.shape, blocks, 5).set("version", 2).set("effective", "2026-03-08");
        inputs.push((later(at % 86_400), Input::Amend(Box::new(terms(&amended)))));
    }
    let party = |name| PartyId::new(name).expect("a name");
    let mut leases = vec![Lease::new(vec![own]).expect("one version")];
    let mut workloads = vec![
        Workload::plain(party("owner"), stream(&plan.landlord)),
        Workload::plain(party("renter"), stream(&plan.tenant)),
    ];
    if let Some((jobs, blocks, shape, during)) = &plan.second {
        let second = terms(
            &lease_file(shape, *blocks, 5)
                .set("id", "'m'")
                .set("tenant", "'other'")
                .set("signed", "2026-01-03")
                .set("term.start", if *during { "2026-03-08" } else { "2026-03-07" }),
        );
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
