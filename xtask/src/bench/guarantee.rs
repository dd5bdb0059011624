//! How long the decisions take that the guarantee rests on, at the size of the model deal: a large
//! reclaim from many small borrowers or from one, and what follows from a lost array.

use std::path::Path;
use std::time::Instant as Clock;

use leasehold_control::{Control, Input, JobSpec};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_simulator::scenario::Loaded;
use leasehold_units::{Instant, Shape};

use super::Figure;

/// How often each is measured; the middle one counts.
const TIMES: usize = 9;

/// Measures.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let many = middle(|| reclaim(|number| 1 + u32::try_from(number % 8).expect("small"), 60_000));
    report(Figure::new("reclaim_4000_gpus_from_many_borrowers", many, "ms"));
    let one = middle(|| reclaim(|_| 4_000, 55));
    report(Figure::new("reclaim_4000_gpus_from_large_gangs", one, "ms"));
    report(Figure::new("replan_after_a_failed_array", middle(lost_array), "ms"));
}

fn middle(measure: impl Fn() -> f64) -> f64 {
    let mut all: Vec<f64> = (0..TIMES).map(|_| measure()).collect();
    all.sort_by(f64::total_cmp);
    all[TIMES / 2]
}

/// The site of an example on a day, with so many jobs of the landlord's of sizes by number.
fn site(example: &str, day: &str, size: impl Fn(u64) -> u32, jobs: u64) -> (Control, Instant) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
    let loaded = Loaded::read(&path).unwrap_or_else(|error| panic!("{}", error.render(false)));
    let now = loaded.site.time_zone.start_of(day.parse().expect("a day"));
    let control = Control::new(loaded.site.clone(), loaded.leases.clone(), now);
    let mut control = control.unwrap_or_else(|refusals| panic!("{refusals:?}"));
    settle(&mut control, now);
    for number in 0..jobs {
        submit(&mut control, now, (number, 0, size(number)));
    }
    settle(&mut control, now);
    (control, now)
}

/// Milliseconds in which a tenant's gang of 4,000 GPUs is decided on, on a site full of borrowers.
fn reclaim(size: impl Fn(u64) -> u32, jobs: u64) -> f64 {
    let (mut control, now) = site("colossus-1/scenario.toml", "2026-07-02", size, jobs);
    let clock = Clock::now();
    submit(&mut control, now, (jobs, 1, 4_000));
    settle(&mut control, now);
    clock.elapsed().as_secs_f64() * 1e3
}

/// Milliseconds in which substitutes are found for an array that fails under a tenant.
fn lost_array() -> f64 {
    let (mut control, now) =
        site("three-tenants/scenario.toml", "2026-07-20", |number| 8 << (number % 6), 10_000);
    let state = control.state();
    let held =
        |node: u32| state.fleet.partition(state.fleet.node(node).partition).role.lease().is_some();
    // The pool in which the landlord has nodes left to stand in.
    let pool = &state.site.pools[1];
    let size = pool.nodes_per(Shape::Array);
    let arrays = (0..pool.arrays).map(|array| pool.first_node + array * size);
    let mut held_arrays = arrays.filter(|first| (*first..first + size).all(held));
    let first = held_arrays.next().expect("most arrays of the pool are leased");
    let clock = Clock::now();
    let input = Input::NodesDown(NodeRanges::from_range(first, first + size));
    control.handle(now, &input, &mut |_, _, _| {}).expect("an observation");
    settle(&mut control, now);
    let milliseconds = clock.elapsed().as_secs_f64() * 1e3;
    let chosen = control.state().substitutes.iter().count();
    assert_eq!(chosen, usize::try_from(size).expect("small"), "each node has a substitute");
    milliseconds
}

fn settle(control: &mut Control, now: Instant) {
    control.settle(now, &mut |_, _, _| {}).expect("no invariant is broken");
    control.take_records(&mut Vec::new());
}

fn submit(control: &mut Control, now: Instant, (number, party, gpus): (u64, u16, u32)) {
    let spec = JobSpec {
        number,
        party,
        gpus,
        request_seconds: 86_400,
        vacate_seconds: 120,
        checkpoint_seconds: 1_800,
        pools: u64::MAX,
        within: Shape::Node,
        priority: 0,
        account: 0,
    };
    control.handle(now, &Input::Submit(spec), &mut |_, _, _| {}).expect("it is sound");
}
