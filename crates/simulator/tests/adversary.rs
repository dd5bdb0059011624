//! The adversary finds nothing, in a hundred seeds; `cargo xtask soak` asks thousands.

use leasehold_simulator::adversary::{Plant, Play, judge};
use leasehold_simulator::engine::Act;

/// Judges the seeds `from..until` and panics at the first fault.
fn judge_all(seeds: std::ops::Range<u64>) -> (u64, u64) {
    let (mut reclaims, mut failures) = (0, 0);
    for seed in seeds {
        let plant = Plant::draw(seed);
        if !plant.is_leased() {
            continue;
        }
        match judge(&plant, Play::Seed(seed)).0 {
            Ok(verdict) => {
                reclaims += verdict.reclaims;
                failures += verdict.failures;
            }
            Err(fault) => panic!("seed {seed}: {fault}"),
        }
    }
    (reclaims, failures)
}

#[test]
fn no_seed_breaks_a_promise() {
    let (reclaims, _) = judge_all(0..100);
    assert!(reclaims > 500, "it asks for what it is owed: {reclaims}");
}

#[test]
fn what_was_done_can_be_done_again() {
    let plant = Plant::draw(7);
    let (first, deeds) = judge(&plant, Play::Seed(7));
    let (second, again) = judge(&plant, Play::Deeds(&deeds));
    assert_eq!(first, second);
    assert_eq!(deeds.len(), again.len());
    let jobs = deeds.iter().filter(|deed| matches!(deed.act, Act::Submit { .. }));
    assert!(jobs.count() > 10);
}
