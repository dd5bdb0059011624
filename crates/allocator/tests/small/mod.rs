//! Small sites and leases to plan on, and the slow, obvious answer to whether blocks can be held.

#![allow(dead_code, reason = "each test file uses its part of it")]

use leasehold_diagnostics::Source;
use leasehold_lease::{Amount, Lease, RampStep, Terms};
use leasehold_site::Site;
use leasehold_units::{Day, LeaseId, PartyId, Ratio, Shape};

/// IT watts of a node; with the PUE of 1.2, 9.6 kW of facility power.
pub const NODE_FACILITY_WATTS: u64 = 9_600;

/// `pools` of (arrays, racks an array, nodes a rack), each of a sku of its own named after it.
pub fn site_of(pools: &[(u32, u32, u32)]) -> Site {
    let mut text = "id = \"s\"\nlandlord = \"owner\"\ntime_zone = \"UTC\"\npue = \"1.2\"\n\
         [[power]]\nfrom = 2026-01-01\nlimit = \"900 MW\"\n"
        .to_owned();
    for (index, (arrays, racks, nodes)) in pools.iter().enumerate() {
        text.push_str(&format!(
            "[[sku]]\nid = \"k{index}\"\ngpu = \"G\"\ngpus_per_node = 8\nturnover = \"90 s\"\n\
             node_power = {{ nameplate = \"10 kW\", contracted = \"8 kW\", measured = \"7 kW\" }}\n\
             [[pool]]\nid = \"p{index}\"\nsku = \"k{index}\"\nhall = \"h\"\narrays = {arrays}\n\
             racks_per_array = {racks}\nnodes_per_rack = {nodes}\nin_service = 2026-01-01\n"
        ));
    }
    Site::parse(&Source::new("site.toml", text)).expect("the site is sound")
}

/// The terms that every lease here starts from: a year of nothing yet.
pub fn terms() -> Terms {
    let text = "id = \"l\"\nsite = \"s\"\nlandlord = \"owner\"\ntenant = \"t\"\n\
         signed = 2026-01-01\ntime_zone = \"UTC\"\n\
         [term]\nstart = 2027-01-01\nend = 2027-12-31\n\
         [capacity]\namount = \"1 node\"\nshape = \"node\"\n\
         [fee]\ncurrency = \"USD\"\nfixed = \"1.00\"\nproration = \"actual\"\n\
         invoice = \"advance\"\ndue_days = 30\n";
    Terms::parse(&Source::new("lease.toml", text)).expect("the lease is sound")
}

/// A lease of one amount over one term.
pub fn lease(id: &str, shape: Shape, amount: Amount, from: Day, until: Day) -> Lease {
    let mut terms = terms();
    terms.id = LeaseId::new(id).expect("a name");
    terms.tenant = PartyId::new(&format!("tenant-of-{id}")).expect("a name");
    terms.capacity.shape = shape;
    terms.capacity.amount = amount;
    (terms.start, terms.effective, terms.end) = (from, from, until);
    Lease::new(vec![terms]).expect("the first version")
}

/// The same lease with another amount and other days.
pub fn amended(lease: &Lease, amount: Amount, from: Day, until: Day) -> Lease {
    let mut terms = lease.latest().clone();
    terms.capacity.amount = amount;
    terms.capacity.ramp = Vec::new();
    (terms.start, terms.effective, terms.end) = (from, from, until);
    Lease::new(vec![terms]).expect("the first version")
}

/// The same lease with steps, the first of which begins with the term.
pub fn ramped(lease: &Lease, steps: &[(Day, Amount)]) -> Lease {
    let mut terms = lease.latest().clone();
    let step =
        |(from, amount): &(Day, Amount)| RampStep { from: *from, amount: *amount, fee: Ratio::ONE };
    terms.capacity.ramp = steps.iter().map(step).collect();
    Lease::new(vec![terms]).expect("the first version")
}

/// `count` blocks as the amount that a lease of them says.
pub fn blocks(shape: Shape, count: u32) -> Amount {
    match shape {
        Shape::Node => Amount::Nodes(leasehold_units::Nodes::new(count.into())),
        Shape::Rack => Amount::Racks(count.into()),
        Shape::Array => Amount::Arrays(count.into()),
    }
}

/// The day `number` of the year 2027, from 0.
pub fn day(number: u32) -> Day {
    let first: Day = "2027-01-01".parse().expect("a day");
    (0..number).fold(first, |day, _| day.tomorrow().expect("a day of the calendar"))
}

pub fn shape_index(shape: Shape) -> usize {
    match shape {
        Shape::Node => 0,
        Shape::Rack => 1,
        Shape::Array => 2,
    }
}

/// A pool as the reference sees it: which nodes of which racks of which arrays are usable.
#[derive(Debug, Clone)]
pub struct Plot {
    pub arrays: Vec<Vec<Vec<bool>>>,
}

impl Plot {
    /// Of (arrays, racks an array, nodes a rack), without the nodes `out`.
    pub fn new((arrays, racks, nodes): (u32, u32, u32), out: impl Fn(u32) -> bool) -> Self {
        let node = |array, rack, node| !out((array * racks + rack) * nodes + node);
        let rack = |array, rack| (0..nodes).map(|at| node(array, rack, at)).collect();
        let array = |array| (0..racks).map(|at| rack(array, at)).collect();
        Self { arrays: (0..arrays).map(array).collect() }
    }

    /// Whether so many nodes, racks and arrays can be held side by side: every way of choosing
    /// whole arrays, then whole racks of the others, is tried, and the nodes that are left counted.
    pub fn holds(&self, wanted: [u32; 3]) -> bool {
        self.try_arrays(0, wanted, &mut Vec::new())
    }

    /// The most blocks of `shape` that can be held beside `promised`, counted up one by one.
    pub fn most(&self, promised: [u32; 3], shape: Shape) -> u32 {
        let mut wanted = promised;
        let mut most = 0;
        loop {
            wanted[shape_index(shape)] += 1;
            if !self.holds(wanted) {
                return most;
            }
            most += 1;
        }
    }

    fn try_arrays(&self, array: usize, wanted: [u32; 3], left: &mut Vec<Vec<bool>>) -> bool {
        if array == self.arrays.len() {
            return wanted[2] == 0 && try_racks(left, 0, wanted, 0);
        }
        let whole = self.arrays[array].iter().flatten().all(|usable| *usable);
        let [nodes, racks, arrays] = wanted;
        if whole && arrays > 0 && self.try_arrays(array + 1, [nodes, racks, arrays - 1], left) {
            return true;
        }
        let before = left.len();
        left.extend(self.arrays[array].iter().cloned());
        let held = self.try_arrays(array + 1, wanted, left);
        left.truncate(before);
        held
    }
}

/// Whether the racks from `rack` on hold what is wanted, with `free` nodes in those before.
fn try_racks(racks: &[Vec<bool>], rack: usize, wanted: [u32; 3], free: u32) -> bool {
    let [nodes, blocks, _] = wanted;
    if rack == racks.len() {
        return blocks == 0 && nodes <= free;
    }
    if blocks as usize > racks.len() - rack {
        return false;
    }
    let usable = racks[rack].iter().filter(|usable| **usable).count();
    let whole = usable == racks[rack].len();
    (whole && blocks > 0 && try_racks(racks, rack + 1, [nodes, blocks - 1, 0], free))
        || try_racks(racks, rack + 1, wanted, free + usable as u32)
}
