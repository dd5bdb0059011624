//! How fast a plain trace is replayed: the reference log, if it is at hand, and synthetic loads.

use std::convert::Infallible;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use leasehold_simulator::replay::{Policy, replay};
use leasehold_simulator::trace::swf::{SwfJob, SwfReader};

use super::Figure;

/// A stream of job lists that every run generates alike.
struct Draw(u64);

impl Draw {
    /// A number below `bound`, by a linear congruence and its upper bits.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * bound) >> 31
    }

    /// Between 1 and 2^`doublings`, each doubling as likely as any other.
    fn spread(&mut self, doublings: u64) -> u64 {
        let floor = 1 << self.below(doublings);
        floor + self.below(floor)
    }
}

/// `count` jobs that ask for `load_percent` of `nodes` on average: sizes up to 1,024, requests up
/// to 18 hours, runs a random part of the request.
fn synthetic(count: u64, nodes: u64, load_percent: u64) -> Vec<SwfJob> {
    let mut draw = Draw(7);
    let mut jobs = Vec::new();
    let mut work: u64 = 0;
    for id in 1..=count {
        let submit = i64::try_from(work * 100 / load_percent / nodes).expect("a load is short");
        let processors = draw.spread(10).min(nodes);
        let requested = 60 + draw.spread(16);
        let run = 1 + draw.below(requested);
        work += processors * run;
        let seconds = |value: u64| i64::try_from(value).expect("a job is short");
        jobs.push(SwfJob {
            id,
            submit,
            processors: u32::try_from(processors).expect("a job is no larger than 1,024"),
            requested: seconds(requested),
            run: seconds(run),
            line: id,
        });
    }
    jobs
}

/// Seconds of the fastest of `times` runs: whatever else the machine does only adds to it.
fn fastest(times: u32, mut run: impl FnMut()) -> f64 {
    let timed = (0..times).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    timed.fold(f64::INFINITY, f64::min)
}

fn replay_all(jobs: &[SwfJob], nodes: u32, policy: Policy) {
    let trace = jobs.iter().copied().map(Ok::<_, Infallible>);
    let starts = replay(trace, nodes, policy).expect("the jobs fit the cluster");
    assert_eq!(black_box(starts).len(), jobs.len());
}

/// Hands each figure to `report` as soon as it is measured.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let log = root.join("../shared/traces/kth-sp2/KTH-SP2-filtered.swf");
    match fs::read(&log) {
        Ok(log) => kth_sp2(&log, report),
        Err(_) => report(Figure::new("replay_kth_sp2_log_not_at_hand", 0.0, "jobs/s")),
    }
    large(report);
    growth(report);
    conservative(report);
}

fn kth_sp2(log: &[u8], report: &mut dyn FnMut(Figure)) {
    let read = || SwfReader::new(log, 0).map(|job| job.expect("the log is good"));
    let jobs: Vec<SwfJob> = read().collect();
    let mut rate = |name: &str, seconds: f64| {
        report(Figure::new(name, jobs.len() as f64 / seconds, "jobs/s"));
    };
    rate("replay_kth_sp2_fcfs", fastest(50, || replay_all(&jobs, 100, Policy::Fcfs)));
    rate("replay_kth_sp2_easy", fastest(50, || replay_all(&jobs, 100, Policy::Easy)));
    let with_reading = fastest(50, || {
        let starts = replay(SwfReader::new(log, 0), 100, Policy::Easy);
        black_box(starts.expect("the log is good"));
    });
    rate("replay_kth_sp2_easy_with_reading", with_reading);
    let conservative = || replay_all(&jobs, 100, Policy::Conservative);
    rate("replay_kth_sp2_conservative", fastest(3, conservative));
    rate("read_kth_sp2", fastest(50, || assert_eq!(read().count(), jobs.len())));
}

/// A million jobs on a cluster of 27,000 nodes, below and above what it can carry.
fn large(report: &mut dyn FnMut(Figure)) {
    for load in [80, 95, 120] {
        let jobs = synthetic(1_000_000, 27_000, load);
        let seconds = fastest(3, || replay_all(&jobs, 27_000, Policy::Easy));
        let name = format!("replay_easy_1m_jobs_27000_nodes_load_{load}");
        report(Figure::new(name, seconds, "s"));
    }
}

/// Nanoseconds a job as the trace grows, under a load that leaves a longer queue the longer it is.
fn growth(report: &mut dyn FnMut(Figure)) {
    for factor in [1, 2, 4, 8] {
        let jobs = synthetic(125_000 * factor, 27_000, 105);
        let seconds = fastest(3, || replay_all(&jobs, 27_000, Policy::Easy));
        let nanoseconds = seconds * 1e9 / jobs.len() as f64;
        report(Figure::new(format!("replay_easy_growth_{factor}x"), nanoseconds, "ns/job"));
    }
}

/// Seconds of conservative backfilling: a busy cluster, and long queues that are all there at once.
fn conservative(report: &mut dyn FnMut(Figure)) {
    let busy = synthetic(100_000, 27_000, 98);
    let seconds = fastest(3, || replay_all(&busy, 27_000, Policy::Conservative));
    report(Figure::new("replay_conservative_100k_jobs_27000_nodes_load_98", seconds, "s"));
    for count in [2500, 5000, 10_000] {
        let mut burst = synthetic(count, 27_000, 100);
        burst.iter_mut().for_each(|job| job.submit = 0);
        let seconds = fastest(1, || replay_all(&burst, 27_000, Policy::Conservative));
        let name = format!("replay_conservative_{count}_jobs_at_once_27000_nodes");
        report(Figure::new(name, seconds, "s"));
    }
}
