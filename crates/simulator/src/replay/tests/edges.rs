//! What a replay refuses, and what it prints.

use std::convert::Infallible;

use crate::replay::{Policy, ReplayError, Started, replay, write_starts};
use crate::trace::swf::{SwfError, SwfJob, SwfReader};

const POLICIES: [Policy; 3] = [Policy::Fcfs, Policy::Easy, Policy::Conservative];

fn job(id: u64, submit: i64, processors: u32, requested: i64) -> SwfJob {
    SwfJob { id, submit, processors, requested, run: requested, line: id + 10 }
}

fn run(jobs: &[SwfJob], policy: Policy) -> Result<Vec<Started>, ReplayError<Infallible>> {
    replay(jobs.iter().copied().map(Ok), 8, policy)
}

fn refusal(jobs: &[SwfJob]) -> String {
    let refusals = POLICIES.map(|policy| run(jobs, policy).expect_err("refused").to_string());
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]));
    refusals[0].clone()
}

#[test]
fn no_jobs_are_no_starts() {
    for policy in POLICIES {
        assert_eq!(run(&[], policy).expect("nothing is wrong"), []);
    }
}

#[test]
fn a_job_that_never_fits_is_named_with_its_line() {
    insta::assert_snapshot!(
        refusal(&[job(1, 0, 8, 10), job(2, 5, 9, 10)]),
        @"line 12: job 2 needs 9 processors, the cluster has 8"
    );
}

#[test]
fn submissions_do_not_go_back() {
    insta::assert_snapshot!(
        refusal(&[job(1, 5, 8, 10), job(2, 4, 1, 10)]),
        @"line 12: job 2 was submitted at 4 s, after a job submitted at 5 s"
    );
}

#[test]
fn a_job_number_names_one_job() {
    insta::assert_snapshot!(refusal(&[job(1, 5, 8, 10), job(1, 6, 1, 10)]), @"job 1 is in the trace twice");
}

#[test]
fn a_job_does_work() {
    insta::assert_snapshot!(
        refusal(&[job(3, 5, 8, 0)]),
        @"line 13: job 3 has no processors or no run time within its request"
    );
}

#[test]
fn a_bad_line_ends_the_replay() {
    let log = "1 0 0 5 1 -1 -1 1 5 -1 1 1 1 -1 -1 -1 -1 -1\n2 0 0 5 1\n";
    for policy in POLICIES {
        let error = replay(SwfReader::new(log.as_bytes(), 0), 8, policy).expect_err("bad line");
        assert!(matches!(error, ReplayError::Trace(SwfError::BadLines { .. })), "{error}");
    }
    let starts = replay(SwfReader::new(log.as_bytes(), 1), 8, Policy::Easy).expect("one may be");
    assert_eq!(starts.len(), 1);
}

/// The head needs the whole cluster at 10. Job 3 would end by then, job 4 would not.
#[test]
fn starts_are_written_in_order_of_job_id() {
    let jobs = [job(9, 0, 6, 10), job(3, 1, 8, 10), job(4, 1, 2, 20), job(7, 2, 2, 8)];
    let mut csv = Vec::new();
    let starts = run(&jobs, Policy::Easy).expect("the jobs fit");
    write_starts(&mut csv, &starts).expect("memory takes everything");
    insta::assert_snapshot!(String::from_utf8(csv).expect("digits and commas"), @"
    job_id,submit,start,end
    3,1,10,20
    4,1,20,40
    7,2,2,10
    9,0,0,10
    ");
}
