//! [`Releases`] against a plain list.

use proptest::prelude::*;

use crate::backfill::{Releases, Shadow};

#[derive(Debug, Clone)]
enum Step {
    Insert { end: i64, size: u32 },
    Remove(u16),
    Shadow { free: u32, short: u32 },
}

fn step(ends: i64) -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (-ends..ends, 1u32..9).prop_map(|(end, size)| Step::Insert { end, size }),
        4 => any::<u16>().prop_map(Step::Remove),
        3 => (0u32..9, 1u32..300).prop_map(|(free, short)| Step::Shadow { free, short }),
    ]
}

/// The rule, word for word: go through the ends; count all that share one.
fn shadow(running: &[(i64, u32)], free: u32, need: u32) -> Option<Shadow> {
    let mut ends: Vec<i64> = running.iter().map(|(end, _)| *end).collect();
    ends.sort_unstable();
    ends.into_iter().find_map(|at| {
        let back = running.iter().filter(|(end, _)| *end <= at).map(|(_, size)| u64::from(*size));
        let then = u64::from(free) + back.sum::<u64>();
        (then >= u64::from(need)).then_some(Shadow { end: at, free: then })
    })
}

fn check(steps: Vec<Step>) {
    let mut running: Vec<(i64, u32)> = Vec::new();
    let mut releases = Releases::new();
    for step in steps {
        match step {
            Step::Insert { end, size } => {
                running.push((end, size));
                releases.insert(end, size);
            }
            Step::Remove(pick) if !running.is_empty() => {
                let (end, size) = running.swap_remove(usize::from(pick) % running.len());
                releases.remove(end, size);
            }
            Step::Remove(_) => {}
            Step::Shadow { free, short } => {
                let need = free + short;
                assert_eq!(releases.shadow(free, need), shadow(&running, free, need));
            }
        }
        assert_eq!(releases.total(), running.iter().map(|(_, size)| u64::from(*size)).sum());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn few_ends_shared_by_many(steps in proptest::collection::vec(step(12), 1..400)) {
        check(steps);
    }

    #[test]
    fn many_ends(steps in proptest::collection::vec(step(1_000_000), 1..800)) {
        check(steps);
    }
}

/// Ends come in at the back and leave at the front, as they do when time goes by.
#[test]
fn a_sliding_window_of_ends() {
    let mut releases = Releases::new();
    for end in 0..20_000 {
        releases.insert(end, 3);
        if end >= 700 {
            releases.remove(end - 700, 3);
            let first = Shadow { end: end - 699, free: 4 };
            assert_eq!(releases.shadow(1, 2), Some(first));
            assert_eq!(releases.shadow(0, 2100), Some(Shadow { end, free: 2100 }));
        }
    }
    for end in 19_300..20_000 {
        releases.remove(end, 3);
    }
    assert_eq!(releases.total(), 0);
    assert_eq!(releases.shadow(0, 1), None);
}

#[test]
#[should_panic(expected = "nothing of size 2 ends at 8")]
fn what_was_never_inserted_cannot_be_removed() {
    let mut releases = Releases::new();
    releases.insert(7, 2);
    releases.remove(8, 2);
}
