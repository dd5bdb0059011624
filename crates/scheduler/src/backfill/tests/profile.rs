//! [`Profile`] against an array of seconds, and what [`Reservations`] promise.

use proptest::prelude::*;

use crate::backfill::{Profile, Reservations};

/// More than 500 jobs of 60 seconds can fill one after another.
const SECONDS: i64 = 32_000;
const SIZE: u32 = 12;

/// The rule, word for word: the first second from which all that count have room.
fn earliest(free: &[i64], now: i64, limit: i64, length: i64, size: u32) -> Option<i64> {
    let room = |second: i64| {
        let at = usize::try_from(second).expect("time begins at 0");
        free.get(at).is_none_or(|free| *free >= i64::from(size))
    };
    (now..limit.min(SECONDS + 1)).find(|start| (*start..limit.min(start + length)).all(room))
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Reserve at the earliest start before an instant, if there is one.
    Reserve {
        limit: i64,
        length: i64,
        size: u32,
    },
    /// Give the reservation at this fraction of those in force back.
    Release(u16),
    Advance(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let limit = prop_oneof![2 => Just(i64::MAX), 1 => 0i64..400];
    let length = prop_oneof![3 => 1i64..6, 1 => 6i64..60];
    prop_oneof![
        6 => (limit, length, 1..=SIZE)
            .prop_map(|(limit, length, size)| Step::Reserve { limit, length, size }),
        3 => any::<u16>().prop_map(Step::Release),
        1 => (0i64..6).prop_map(Step::Advance),
    ]
}

fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut free = vec![i64::from(SIZE); usize::try_from(SECONDS).expect("short")];
    let take = |free: &mut Vec<i64>, from: i64, until: i64, size: i64| {
        for second in from..until.min(SECONDS) {
            free[usize::try_from(second).expect("time begins at 0")] -= size;
        }
    };
    let (mut now, mut held) = (0, Vec::new());
    let mut profile = Profile::new(now, SIZE);
    for step in steps {
        match step {
            Step::Reserve { limit, length, size } => {
                let start = profile.earliest_before(limit, length, size);
                prop_assert_eq!(start, earliest(&free, now, limit, length, size));
                let Some(start) = start.filter(|start| start + length <= limit) else { continue };
                profile.reserve(start, length, size);
                take(&mut free, start, start + length, size.into());
                held.push((start, start + length, size));
            }
            Step::Release(pick) if !held.is_empty() => {
                let (start, until, size) = held.swap_remove(usize::from(pick) % held.len());
                let from = start.max(now);
                if from < until {
                    profile.release(from, until, size);
                    take(&mut free, from, until, -i64::from(size));
                }
            }
            Step::Release(_) => {}
            Step::Advance(seconds) => {
                now += seconds;
                profile.advance(now);
                let at = usize::try_from(now).expect("time begins at 0");
                prop_assert_eq!(profile.free(), free.get(at).copied().unwrap_or(SIZE.into()));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Hundreds of reservations, so that the tree has several levels.
    #[test]
    fn the_earliest_start_is_the_first_second_with_room(
        steps in proptest::collection::vec(step(), 1..500),
    ) {
        check(steps)?;
    }
}

#[test]
fn an_early_end_pulls_reservations_forward_in_arrival_order() {
    let mut waiting = Reservations::new(0, 10);
    assert_eq!(waiting.arrive(0, 10, 100, 1), Some(0));
    assert_eq!(waiting.start(0).map(|job| job.handle), Some(1));
    assert_eq!(waiting.arrive(1, 6, 50, 2), Some(100));
    assert_eq!(waiting.arrive(2, 6, 10, 3), Some(150));
    assert_eq!(waiting.arrive(3, 4, 20, 4), Some(100));
    waiting.complete(40, 100, 10);
    waiting.compress(40);
    let starts: Vec<_> = waiting.iter().map(|kept| (kept.job.handle, kept.start)).collect();
    assert_eq!(starts, [(2, 40), (3, 90), (4, 40)]);
    assert_eq!(waiting.start(40).map(|job| job.handle), Some(2));
    assert_eq!(waiting.start(40).map(|job| job.handle), Some(4));
    assert_eq!(waiting.start(40), None);
    assert_eq!(waiting.next_start(), Some(90));
}

#[test]
fn a_job_larger_than_all_there_is_gets_no_reservation() {
    let mut waiting = Reservations::new(0, 10);
    assert_eq!(waiting.arrive(0, 11, 1, 1), None);
    assert_eq!(waiting.next_start(), None);
}
