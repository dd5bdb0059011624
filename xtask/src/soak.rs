//! `soak`: many seeds against the adversary; a seed that finds a fault is told with its shortest
//! story.

use std::time::Instant as Clock;

use leasehold_simulator::adversary::{Plant, Play, Verdict, judge, shortest};

/// Judges `count` seeds from `from` on; whether none found a fault.
pub fn run(from: u64, count: u64) -> bool {
    let started = Clock::now();
    let mut sum = Sum::default();
    let mut faults = 0;
    for seed in from..from + count {
        let plant = Plant::draw(seed);
        if !plant.is_leased() {
            continue;
        }
        let (verdict, deeds) = judge(&plant, Play::Seed(seed));
        match verdict {
            Ok(verdict) => sum.add(&verdict),
            Err(fault) => {
                faults += 1;
                eprintln!("seed {seed}: {fault}");
                eprintln!("{}\n", shortest(&plant, deeds, fault));
            }
        }
    }
    let seconds = started.elapsed().as_secs();
    eprintln!(
        "{count} seeds from {from} in {seconds} s: {} events, {} jobs ended, {} nodes failed, {} reclaims, {} of them late \
         with a cause, {} breaches recorded, {faults} faults",
        sum.events, sum.jobs, sum.failures, sum.reclaims, sum.missed, sum.breaches
    );
    faults == 0
}

#[derive(Default)]
struct Sum {
    events: u64,
    jobs: u64,
    failures: u64,
    reclaims: u64,
    missed: u64,
    breaches: u64,
}

impl Sum {
    fn add(&mut self, verdict: &Verdict) {
        self.events += verdict.events;
        self.jobs += verdict.jobs;
        self.failures += verdict.failures;
        self.reclaims += verdict.reclaims;
        self.missed += verdict.missed;
        self.breaches += verdict.breaches;
    }
}
