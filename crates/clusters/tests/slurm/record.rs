//! What the record says of runs that are gone.

use leasehold_clusters::slurm::read::{JobState, Run, SlurmJob, accounting, jobs};
use leasehold_clusters::slurm::watch::{RunEnd, Sighting, Watch};
use leasehold_units::Instant;

fn at(seconds: i64) -> Instant {
    Instant::from_unix(1_800_000_000 + seconds)
}

fn row(fields: &[String]) -> String {
    fields.join("\u{1f}") + "\n"
}

/// A job that began 10 s after the beginning on `n1`, as squeue shows it.
fn running() -> SlurmJob {
    let (submit, start) = (at(0).unix().to_string(), at(10).unix().to_string());
    let fields = [
        "7",
        "7",
        "N/A",
        "lab",
        "ann",
        "normal",
        "main",
        "RUNNING",
        "n1",
        "1",
        "cpu=1,gres/gpu=8",
        &submit,
        &submit,
        &start,
        "N/A",
        "1:00:00",
        "0",
        "(null)",
        "N/A",
        "None",
    ];
    jobs::read(&row(&fields.map(str::to_owned))).expect("readable").remove(0)
}

/// A row of the record: a run on `node` that was put back at `end`, whose start is not on record.
fn put_back(node: &str, end: i64) -> Run {
    let (submit, end) = (at(0).unix().to_string(), at(end).unix().to_string());
    let fields = [
        "7",
        "7",
        "lab",
        "ann",
        "normal",
        "REQUEUED",
        &submit,
        &submit,
        "None",
        &end,
        node,
        "cpu=1,gres/gpu=8",
        "0:0",
        "",
        "",
        "None",
    ];
    accounting::read(&row(&fields.map(str::to_owned))).expect("readable").remove(0)
}

/// The look after one in which the job ran, with that on record.
fn look(record: &[Run]) -> Sighting {
    let mut watch = Watch::default();
    let gpus = |_: &str| 8;
    let before = watch.look(at(11), &[running()], Vec::new());
    watch.resolve(before, &[], gpus);
    let waits = SlurmJob { state: JobState::Pending, nodes: Vec::new(), start: None, ..running() };
    let now = watch.look(at(15), &[waits], Vec::new());
    assert_eq!(now.to_look_up().len(), 1, "the run is missed");
    watch.resolve(now, record, gpus)
}

#[test]
fn a_run_that_was_put_back_so_soon_that_its_start_is_not_on_record_ended_all_the_same() {
    let sighting = look(&[put_back("n1", 13)]);
    let [ended] = sighting.ended.as_slice() else { panic!("one: {:?}", sighting.ended) };
    assert_eq!((ended.run.since, ended.at), (at(10), at(13)));
    assert_eq!((&ended.end, ended.comes_back, ended.is_recorded), (&RunEnd::PutBack, true, true));
    assert!(sighting.unresolved.is_empty());
}

#[test]
fn a_row_of_another_run_ends_none() {
    // It ended before the run began, or was elsewhere: the run was never seen to be that one.
    for record in [put_back("n1", 9), put_back("n2", 13)] {
        let sighting = look(&[record]);
        assert!(sighting.ended.is_empty(), "{:?}", sighting.ended);
        assert_eq!(sighting.unresolved.len(), 1);
    }
}
