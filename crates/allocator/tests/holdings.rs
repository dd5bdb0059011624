//! Holdings against slow, obvious models on small sites.

use leasehold_allocator::{Changes, LeaseTarget, replan};
use leasehold_diagnostics::Source;
use leasehold_site::Site;
use leasehold_units::Shape;
use proptest::prelude::*;

fn site(arrays: u32, racks: u32, nodes: u32) -> Site {
    let text = format!(
        "id = \"s\"\nlandlord = \"a\"\ntime_zone = \"UTC\"\npue = \"1.2\"\n\
         [[sku]]\nid = \"k\"\ngpu = \"G\"\ngpus_per_node = 8\nturnover = \"90 s\"\n\
         node_power = {{ nameplate = \"10 kW\", contracted = \"8 kW\", measured = \"7 kW\" }}\n\
         [[pool]]\nid = \"p\"\nsku = \"k\"\nhall = \"h\"\narrays = {arrays}\n\
         racks_per_array = {racks}\nnodes_per_rack = {nodes}\nin_service = 2026-01-01\n\
         [[power]]\nfrom = 2026-01-01\nlimit = \"900 MW\"\n"
    );
    Site::parse(&Source::new("site.toml", text)).expect("the site is sound")
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop::sample::select(vec![Shape::Node, Shape::Rack, Shape::Array])
}

fn apply(holders: &mut [Option<u16>], changes: &Changes) {
    for (lease, range) in &changes.released {
        for node in range.clone() {
            assert_eq!(holders[node as usize].take(), Some(*lease), "released by its holder");
        }
    }
    for (lease, range) in &changes.taken {
        for node in range.clone() {
            let before = holders[node as usize].replace(*lease);
            assert_eq!(before, None, "node {node} is in two holdings");
        }
    }
}

fn held(holders: &[Option<u16>], lease: u16) -> u32 {
    holders.iter().filter(|holder| **holder == Some(lease)).count() as u32
}

/// Wanted blocks of some leases, in steps of time.
type Story = Vec<Vec<u32>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn holdings_follow_their_targets(
        (arrays, racks, nodes) in (1u32..4, 1u32..4, 1u32..5),
        kinds in prop::collection::vec(shapes(), 1..4),
        story in prop::collection::vec(prop::collection::vec(0u32..6, 3), 1..6),
        costs in prop::collection::vec(0u64..5, 60),
    ) {
        let site = site(arrays, racks, nodes);
        let pool = &site.pools[0];
        let mut holders: Vec<Option<u16>> = vec![None; pool.nodes() as usize];
        let story: Story = story;
        for wanted in story {
            let targets: Vec<LeaseTarget> = kinds.iter().zip(&wanted).zip(0u16..).map(|((shape, blocks), lease)| {
                LeaseTarget { lease, shape: *shape, per_pool: vec![blocks * pool.nodes_per(*shape)] }
            }).collect();
            let cost = |node: u32| costs[node as usize % costs.len()];
            let before = holders.clone();
            let changes = replan(&site, &holders, &targets, &|_| true, &cost);
            apply(&mut holders, &changes);
            for target in &targets {
                let size = pool.nodes_per(target.shape);
                let wanted = target.per_pool[0];
                let short: u32 = changes.short.iter().filter(|s| s.lease == target.lease).map(|s| s.nodes).sum();
                prop_assert_eq!(held(&holders, target.lease) + short, wanted);
                // Whole, aligned blocks only.
                for block in 0..pool.nodes() / size {
                    let inside = (block * size..(block + 1) * size).filter(|n| holders[*n as usize] == Some(target.lease)).count() as u32;
                    prop_assert!(inside == 0 || inside == size, "a broken block");
                }
                // What was held and is still wanted does not move, unless larger blocks need room.
                let kept = (0..pool.nodes()).filter(|n| before[*n as usize] == Some(target.lease) && holders[*n as usize] == Some(target.lease)).count() as u32;
                let larger_grew = targets.iter().any(|other| other.shape > target.shape && held(&before, other.lease) < held(&holders, other.lease));
                prop_assert!(kept == held(&before, target.lease).min(wanted) || larger_grew);
            }
            // Nobody is short where all could be packed from scratch.
            let blocks = |shape: Shape| -> u32 { targets.iter().filter(|t| t.shape == shape).map(|t| t.per_pool[0] / pool.nodes_per(shape)).sum() };
            let racks_used = blocks(Shape::Rack) + blocks(Shape::Node).div_ceil(nodes);
            if blocks(Shape::Array) + racks_used.div_ceil(racks) <= arrays {
                prop_assert!(changes.short.is_empty(), "{:?}", changes.short);
            }
            let again = replan(&site, &holders, &targets, &|_| true, &cost);
            prop_assert!(again.released.is_empty() && again.taken.is_empty(), "planning again moves nothing");
        }
    }

    #[test]
    fn an_empty_site_carries_whatever_packs(
        (arrays, racks, nodes) in (1u32..4, 1u32..4, 1u32..5),
        blocks in (0u32..4, 0u32..8, 0u32..30),
    ) {
        let site = site(arrays, racks, nodes);
        let pool = &site.pools[0];
        let (whole_arrays, whole_racks, single) = blocks;
        // The obvious count: racks that single nodes break, arrays that racks break.
        let racks_used = whole_racks + single.div_ceil(nodes);
        let packs = whole_arrays + racks_used.div_ceil(racks) <= arrays;
        let target = |lease, shape, count: u32| LeaseTarget { lease, shape, per_pool: vec![count * pool.nodes_per(shape)] };
        let targets = [target(0, Shape::Node, single), target(1, Shape::Rack, whole_racks), target(2, Shape::Array, whole_arrays)];
        let changes = replan(&site, &vec![None; pool.nodes() as usize], &targets, &|_| true, &|_| 0);
        if packs {
            prop_assert!(changes.short.is_empty(), "{:?}", changes.short);
        }
        let fits = whole_arrays * racks * nodes + whole_racks * nodes + single <= pool.nodes();
        prop_assert!(fits || !changes.short.is_empty());
    }
}
