//! How long it takes to say what can still be sold: ten years of the example site with a hundred
//! leases, and what is refused beside them.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use jiff::ToSpan;
use leasehold_allocator::{available, plan_against};
use leasehold_lease::{Amount, Lease, RampStep};
use leasehold_simulator::scenario::{read_leases, read_source};
use leasehold_site::Site;
use leasehold_units::{Day, LeaseId, Nodes, Ratio, Shape};

use super::Figure;

/// Leases on the site.
const LEASES: usize = 100;

/// Runs, of which the fastest counts: whatever else the machine does only adds to it.
const RUNS: u32 = 20;

/// Hands each figure to `report` as soon as it is measured.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/colossus-1");
    let site = read_source(&folder.join("site.toml")).expect("the example is there");
    let site = Site::parse(&site).expect("the example is sound");
    let lease = [folder.join("leases/anthropic.toml")];
    let lease = read_leases(&lease, None, &mut Vec::new()).expect("the example is there");
    let leases: Vec<Lease> = (0..LEASES).map(|number| drawn(&lease[0], number)).collect();
    let calendar = || available(&site, &leases, &[]).expect("the site carries them");
    report(Figure::new("promise_calendar_100_leases_spans", calendar().len() as f64, "spans"));
    report(Figure::new("promise_calendar_100_leases", fastest(|| calendar().len()), "ms"));
    // Everything, for ten years: every step is refused and has its alternatives looked for.
    let mut all = drawn(&lease[0], 7);
    let terms = &mut all.versions[0];
    terms.id = LeaseId::new("all").expect("a name");
    (terms.start, terms.effective, terms.end) =
        (first_day(), first_day(), first_day() + 10.years());
    terms.capacity.ramp.clear();
    terms.capacity.amount = Amount::Racks(3000);
    let asked = [all];
    let refused = || plan_against(&site, &leases, &asked, &[]).expect_err("it is too much").len();
    report(Figure::new("promise_refusal_beside_100_leases", fastest(refused), "ms"));
}

fn first_day() -> Day {
    Day::constant(2027, 1, 1)
}

/// Milliseconds of the fastest run.
fn fastest(mut run: impl FnMut() -> usize) -> f64 {
    let timed = (0..RUNS).map(|_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed().as_secs_f64() * 1e3
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// One of the leases that every run draws alike: it begins in the first seven years, lasts one to
/// three, and comes in four steps of the shape that is its turn.
fn drawn(like: &Lease, number: usize) -> Lease {
    let of = |step: usize, bound: usize| i64::try_from(number * step % bound).expect("small");
    let mut terms = like.versions[0].clone();
    terms.id = LeaseId::new(&format!("lease-{number}")).expect("a name");
    let start = first_day() + of(79, 2555).days();
    (terms.start, terms.effective, terms.end) = (start, start, start + (365 + of(41, 730)).days());
    let capacity = &mut terms.capacity;
    capacity.shape = [Shape::Rack, Shape::Node, Shape::Array][number % 3];
    let full = match capacity.shape {
        Shape::Node => 8 * (40 + of(13, 200)),
        Shape::Rack => 40 + of(17, 80),
        Shape::Array => 2 + of(3, 9),
    };
    let amount = |step: i64| {
        let count = u64::try_from(full * step).expect("it is positive").div_ceil(4);
        match capacity.shape {
            Shape::Node => Amount::Nodes(Nodes::new(count)),
            Shape::Rack => Amount::Racks(count),
            Shape::Array => Amount::Arrays(count),
        }
    };
    let step = |step: i64| {
        let from = start + ((step - 1) * (45 + of(7, 30))).days();
        RampStep { from, amount: amount(step), fee: Ratio::new(step.into(), 4) }
    };
    capacity.ramp = (1..=4).map(step).collect();
    capacity.amount = capacity.ramp[3].amount;
    Lease::new(vec![terms]).expect("the first version")
}
