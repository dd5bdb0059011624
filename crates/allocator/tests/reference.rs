//! The allocator against an exhaustive search: what is planned, what is still for sale and which
//! nodes are held agree with trying every way of holding the blocks.

mod small;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;

use leasehold_allocator::{LeaseTarget, Outage, available, plan_around, replan};
use leasehold_diagnostics::Source;
use leasehold_lease::Lease;
use leasehold_site::{Reserve, Site};
use leasehold_units::{Instant, Interval, Shape, Steps, Watts};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use small::{NODE_FACILITY_WATTS, Plot, blocks, day, lease, shape_index, site_of};

const SHAPES: [Shape; 3] = [Shape::Node, Shape::Rack, Shape::Array];

/// Days on which something may change in these stories.
const DAYS: u32 = 5;

/// Arrays, racks an array, nodes a rack.
type Build = (u32, u32, u32);

/// Blocks of a shape from a day to a day.
type Ask = (Shape, u32, u32, u32);

/// A site of one pool with what is asked of it.
#[derive(Debug, Clone)]
struct Story {
    build: Build,
    /// Nodes that are out, from the hour to the hour.
    outages: Vec<(u32, u32, u32)>,
    reserve: (Shape, u32),
    /// Nodes that the envelope feeds, from each day on.
    feeds: Vec<u32>,
    asks: Vec<Ask>,
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop::sample::select(SHAPES.to_vec())
}

fn builds() -> impl Strategy<Value = Build> {
    (1u32..4, 1u32..4, 1u32..5)
}

fn stories() -> impl Strategy<Value = Story> {
    let ask = (shapes(), 1u32..5, 0..DAYS, 0..DAYS);
    let ask =
        ask.prop_map(|(shape, count, one, other)| (shape, count, one.min(other), one.max(other)));
    let outage = (0u32..36, 0..DAYS * 24, 1..DAYS * 24);
    (
        builds(),
        prop::collection::vec(outage, 0..4),
        prop_oneof![2 => Just((Shape::Node, 0)), 1 => (shapes(), 0u32..3)],
        prop::collection::vec(prop_oneof![3 => Just(36u32), 1 => 0u32..36], DAYS as usize),
        prop::collection::vec(ask, 1..5),
    )
        .prop_map(|(build, outages, reserve, feeds, asks)| Story {
            build,
            outages,
            reserve,
            feeds,
            asks,
        })
}

impl Story {
    fn site(&self, template: &Site) -> Site {
        let mut site = template.clone();
        let pool = &mut site.pools[0];
        (pool.arrays, pool.racks_per_array, pool.nodes_per_rack) = self.build;
        pool.reserve = Reserve { shape: self.reserve.0, blocks: self.reserve.1 };
        let limit = |(number, nodes): (u32, &u32)| {
            (day(number), Watts::new(u64::from(*nodes) * NODE_FACILITY_WATTS))
        };
        site.envelope = Steps::from_breakpoints((0..).zip(&self.feeds).map(limit));
        site
    }

    fn nodes(&self) -> u32 {
        self.build.0 * self.build.1 * self.build.2
    }

    fn leases(&self, template: &Lease) -> Vec<Lease> {
        let lease = |(index, ask): (u32, &Ask)| {
            let (shape, count, from, until) = *ask;
            let mut terms = template.latest().clone();
            terms.id = leasehold_units::LeaseId::new(&format!("l{index}")).expect("a name");
            terms.capacity.shape = shape;
            terms.capacity.amount = blocks(shape, count);
            (terms.start, terms.effective, terms.end) = (day(from), day(from), day(until));
            Lease::new(vec![terms]).expect("the first version")
        };
        (0..).zip(&self.asks).map(lease).collect()
    }

    fn outage_list(&self) -> Vec<Outage> {
        let outage = |(node, from, hours): &(u32, u32, u32)| {
            let node = node % self.nodes();
            Outage {
                nodes: node..node + 1,
                interval: Interval::new(hour(*from), hour(from + hours)),
            }
        };
        self.outages.iter().map(outage).collect()
    }

    /// The pool in an hour, as the reference sees it.
    fn plot(&self, at: u32) -> Plot {
        let out = |node: u32| {
            self.outages.iter().any(|(out, from, hours)| {
                out % self.nodes() == node && (*from..from + hours).contains(&at)
            })
        };
        Plot::new(self.build, out)
    }

    /// Blocks that are promised or set aside in an hour, and the nodes that are to be fed.
    fn wanted(&self, at: u32) -> ([u32; 3], u32) {
        let (mut wanted, mut nodes) = ([0; 3], 0);
        let (_, racks, in_rack) = self.build;
        for (shape, count, from, until) in &self.asks {
            if (*from..=*until).contains(&(at / 24)) {
                wanted[shape_index(*shape)] += count;
                nodes += count * [1, in_rack, racks * in_rack][shape_index(*shape)];
            }
        }
        let (shape, count) = self.reserve;
        // A reserve is kept for somebody: without a lease, there is nothing to refuse.
        if nodes > 0 {
            wanted[shape_index(shape)] += count;
        }
        (wanted, nodes)
    }

    /// Whether the reference finds a way to hold everything in every hour.
    fn holds(&self) -> bool {
        (0..DAYS * 24).all(|at| {
            let (wanted, nodes) = self.wanted(at);
            nodes <= self.feeds[(at / 24) as usize] && self.plot(at).holds(wanted)
        })
    }
}

fn hour(number: u32) -> Instant {
    let first = leasehold_units::Zone::utc().start_of(day(0));
    Instant::from_unix(first.unix() + i64::from(number) * 3600)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    })
}

#[test]
fn a_plan_is_made_where_and_only_where_everything_can_be_held() {
    let (site, template) =
        (site_of(&[(1, 1, 1)]), lease("l", Shape::Node, blocks(Shape::Node, 1), day(0), day(1)));
    let planned = Cell::new(0);
    let agreed = runner(24_000).run(&stories(), |story| {
        let site = story.site(&site);
        let plan = plan_around(&site, &story.leases(&template), &story.outage_list());
        planned.set(planned.get() + u32::from(plan.is_ok()));
        prop_assert_eq!(plan.is_ok(), story.holds(), "{:?}", plan);
        Ok(())
    });
    agreed.expect("the allocator agrees with the reference");
    let planned = planned.get();
    assert!((4_000..20_000).contains(&planned), "{planned} planned: one verdict is hardly tried");
}

#[test]
fn what_is_for_sale_is_what_more_could_be_held() {
    let (site, template) =
        (site_of(&[(1, 1, 1)]), lease("l", Shape::Node, blocks(Shape::Node, 1), day(0), day(1)));
    let agreed = runner(3_000).run(&stories(), |mut story| {
        let site = story.site(&site);
        let outages = story.outage_list();
        // As many of what is asked for as can be carried together.
        while plan_around(&site, &story.leases(&template), &outages).is_err() {
            story.asks.pop();
        }
        let spans = available(&site, &story.leases(&template), &outages).expect("it was planned");
        for at in 0..DAYS * 24 {
            let instant = hour(at);
            let span = spans.iter().rev().find(|span| span.from <= instant).expect("it has begun");
            prop_assert!(span.until.is_none_or(|until| instant < until));
            let (mut wanted, nodes) = story.wanted(at);
            if nodes == 0 {
                wanted[shape_index(story.reserve.0)] = story.reserve.1;
            }
            let fed = story.feeds[(at / 24) as usize] - nodes;
            for shape in SHAPES {
                let feeds = fed / site.pools[0].nodes_per(shape);
                let most = story.plot(at).most(wanted, shape).min(feeds);
                prop_assert_eq!(span.pools[0].of(shape), most, "{:?} in hour {}", shape, at);
            }
        }
        prop_assert!(spans.windows(2).all(|pair| pair[0].until == Some(pair[1].from)));
        Ok(())
    });
    agreed.expect("the allocator agrees with the reference");
}

/// Wanted blocks by lease, and the node that fails or comes back before.
type Turn = (Vec<u32>, Option<u32>);

#[test]
fn nobody_is_short_where_all_can_be_held() {
    let site = site_of(&[(1, 1, 1)]);
    let turn = (prop::collection::vec(0u32..6, 4), prop::option::of(0u32..36));
    let kinds = prop::collection::vec(shapes(), 1..5);
    let tales = (builds(), kinds, prop::collection::vec(turn, 1..7));
    let moves = Cell::new(0);
    let agreed = runner(6_000).run(&tales, |(build, kinds, turns)| {
        let mut site = site.clone();
        let pool = &mut site.pools[0];
        (pool.arrays, pool.racks_per_array, pool.nodes_per_rack) = build;
        let nodes = site.pools[0].nodes() as usize;
        let (mut holders, mut out): (Vec<Option<u16>>, _) = (vec![None; nodes], vec![false; nodes]);
        let turns: Vec<Turn> = turns;
        for (wanted, toggled) in turns {
            if let Some(node) = toggled.map(|node| node as usize % nodes) {
                out[node] = !out[node];
            }
            let asked = || kinds.iter().zip(&wanted);
            let targets: Vec<LeaseTarget> = (0..)
                .zip(asked())
                .map(|(lease, (shape, blocks))| LeaseTarget {
                    lease,
                    shape: *shape,
                    per_pool: vec![blocks * site.pools[0].nodes_per(*shape)],
                })
                .collect();
            let mut all = [0; 3];
            asked().for_each(|(shape, blocks)| all[shape_index(*shape)] += blocks);
            let usable = |node: u32| !out[node as usize];
            let changes = replan(&site, &holders, &targets, &usable, &|_| 0);
            let plot = Plot::new(build, |node| out[node as usize]);
            let lost: BTreeSet<u32> = (0..)
                .zip(&holders)
                .filter(|(node, held)| held.is_some() && !usable(*node))
                .map(|(node, _)| node)
                .collect();
            prop_assert_eq!(changes.short.is_empty(), plot.holds(all), "{:?}", changes.short);
            for (lease, range) in &changes.released {
                range
                    .clone()
                    .for_each(|node| assert_eq!(holders[node as usize].take(), Some(*lease)));
            }
            for (lease, range) in &changes.taken {
                range
                    .clone()
                    .for_each(|node| assert_eq!(holders[node as usize].replace(*lease), None));
                prop_assert!(range.clone().all(usable));
            }
            // What is out is nobody's, and asking again moves nothing.
            prop_assert!(lost.iter().all(|node| holders[*node as usize].is_none()));
            let again = replan(&site, &holders, &targets, &usable, &|_| 0);
            prop_assert!(again.released.is_empty() && again.taken.is_empty(), "{again:?}");
            moves.set(moves.get() + 1);
        }
        Ok(())
    });
    agreed.expect("the allocator agrees with the reference");
    assert!(moves.get() > 15_000, "{} moves were tried", moves.get());
}

/// The pool `c` of the example, as it is in its file: 278 racks of 18 nodes.
fn racks_of_eighteen() -> Site {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/colossus-1/site.toml");
    let text = std::fs::read_to_string(path).expect("the example is there");
    let mut site = Site::parse(&Source::new("site.toml", text)).expect("the example is sound");
    site.pools.retain(|pool| pool.nodes_per_rack == 18);
    site.pools[0].first_node = 0;
    site
}

#[test]
fn racks_of_eighteen_are_counted_to_the_node() {
    let mut site = racks_of_eighteen();
    let pool = &mut site.pools[0];
    pool.reserve = Reserve { shape: Shape::Rack, blocks: 2 };
    let build = (pool.arrays, pool.racks_per_array, pool.nodes_per_rack);
    assert_eq!(build, (278, 1, 18));
    let outages = |nodes: &[u32]| -> Vec<Outage> {
        let whole = Interval::new(hour(0), hour(DAYS * 24));
        let outage = |node: &u32| -> Range<u32> { *node..node + 1 };
        nodes.iter().map(|node| Outage { nodes: outage(node), interval: whole }).collect()
    };
    let fits = |asks: &[(Shape, u32)], out: &[u32]| {
        let lease = |(index, (shape, count)): (usize, &(Shape, u32))| {
            lease(&format!("l{index}"), *shape, blocks(*shape, *count), day(0), day(DAYS - 1))
        };
        let leases: Vec<Lease> = asks.iter().enumerate().map(lease).collect();
        plan_around(&site, &leases, &outages(out)).is_ok()
    };
    // 278 racks less the reserve of 2: 276 racks, or any node of them.
    assert!(fits(&[(Shape::Rack, 276)], &[]) && !fits(&[(Shape::Rack, 277)], &[]));
    assert!(fits(&[(Shape::Node, 276 * 18)], &[]) && !fits(&[(Shape::Node, 276 * 18 + 1)], &[]));
    // 19 nodes break two racks, of which 17 nodes are left.
    assert!(fits(&[(Shape::Rack, 274), (Shape::Node, 19)], &[]));
    assert!(!fits(&[(Shape::Rack, 275), (Shape::Node, 19)], &[]));
    assert!(fits(&[(Shape::Rack, 274), (Shape::Node, 19), (Shape::Node, 17)], &[]));
    assert!(!fits(&[(Shape::Rack, 274), (Shape::Node, 19), (Shape::Node, 18)], &[]));
    // Three nodes out in three racks: 273 whole racks are for sale, and 51 nodes around the three.
    let out = [0, 18, 36];
    assert!(fits(&[(Shape::Rack, 273), (Shape::Node, 51)], &out));
    assert!(!fits(&[(Shape::Rack, 273), (Shape::Node, 52)], &out));
    assert!(!fits(&[(Shape::Rack, 274)], &out));
    // Where a rack is an array of its own, the two are one.
    assert!(fits(&[(Shape::Rack, 200), (Shape::Array, 73), (Shape::Node, 51)], &out));
    assert!(!fits(&[(Shape::Rack, 200), (Shape::Array, 74)], &out));
}
