//! Every policy against a simulator that looks at every second.

use std::convert::Infallible;

use proptest::prelude::*;

use super::slow;
use crate::replay::{Policy, replay};
use crate::trace::swf::SwfJob;

const NODES: u32 = 8;

/// Short gaps, few sizes and round requests, so that much happens at one instant.
fn jobs() -> impl Strategy<Value = Vec<SwfJob>> {
    let gap = prop_oneof![3 => Just(0i64), 2 => 1i64..4, 1 => 4i64..20];
    let request = prop_oneof![Just(4i64), Just(8), 1i64..16];
    let job = (gap, 1..=NODES, request, 0u8..4, any::<u16>());
    proptest::collection::vec(job, 0..28).prop_map(|drawn| {
        let mut submit = 0;
        let mut jobs = Vec::new();
        for (index, (gap, processors, requested, quarter, order)) in (0u64..).zip(drawn) {
            submit += gap;
            // A quarter of the jobs ends on time; the others run for some part of their request.
            let run = (requested - requested * i64::from(quarter) / 4).max(1);
            let id = u64::from(order) * 100 + index;
            jobs.push(SwfJob { id, submit, processors, requested, run, line: index });
        }
        jobs
    })
}

fn check(jobs: &[SwfJob], policy: Policy) -> Result<(), TestCaseError> {
    let trace = jobs.iter().copied().map(Ok::<_, Infallible>);
    let replayed = replay(trace, NODES, policy).expect("the jobs fit the cluster");
    let starts: Vec<_> = replayed.iter().map(|job| (job.job_id, job.start)).collect();
    prop_assert_eq!(starts, slow::starts(jobs, NODES, policy));
    for (job, replayed) in sorted(jobs).iter().zip(&replayed) {
        prop_assert_eq!(job.submit, replayed.submit);
        prop_assert_eq!(job.run, replayed.end - replayed.start);
    }
    Ok(())
}

fn sorted(jobs: &[SwfJob]) -> Vec<SwfJob> {
    let mut jobs = jobs.to_vec();
    jobs.sort_unstable_by_key(|job| job.id);
    jobs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn fcfs_starts_as_second_by_second(jobs in jobs()) {
        check(&jobs, Policy::Fcfs)?;
    }

    #[test]
    fn easy_starts_as_second_by_second(jobs in jobs()) {
        check(&jobs, Policy::Easy)?;
    }

    #[test]
    fn conservative_starts_as_second_by_second(jobs in jobs()) {
        check(&jobs, Policy::Conservative)?;
    }
}
