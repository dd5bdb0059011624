//! What became of runs between two looks: nothing is lost by a look that was missed, nothing told twice.

use leasehold_clusters::slurm::read::{ArrayTask, JobState, Run, SlurmJob};
use leasehold_clusters::slurm::watch::{
    EndedRun, JobName, OUTAGE_PATIENCE, RECORD_PATIENCE, RunEnd, SeenRun, Sighting, Watch,
};
use leasehold_units::{Instant, Seconds};

fn at(seconds: u64) -> Instant {
    Instant::from_unix(1_800_000_000).after(Seconds::new(seconds))
}

const fn name(job: u32) -> JobName {
    JobName { job, task: None }
}

fn job(id: u32, state: JobState) -> SlurmJob {
    SlurmJob {
        id,
        array: None,
        account: "renter".into(),
        user: "somebody".into(),
        qos: "normal".into(),
        partition: "main".into(),
        state,
        reason: "None".into(),
        nodes: Vec::new(),
        node_count: 1,
        gpus: 8,
        joules: None,
        submit: at(0),
        eligible: Some(at(0)),
        start: None,
        end: None,
        limit: None,
        restarts: 0,
        reservation: None,
        preempted: None,
    }
}

fn running(id: u32, since: u64) -> SlurmJob {
    SlurmJob { nodes: vec!["n1".into()], start: Some(at(since)), ..job(id, JobState::Running) }
}

fn over(id: u32, state: JobState, since: u64, until: u64) -> SlurmJob {
    SlurmJob { state, end: Some(at(until)), ..running(id, since) }
}

fn recorded(id: u32, state: JobState, since: u64, until: Option<u64>) -> Run {
    Run {
        id,
        array: None,
        account: "renter".into(),
        user: "somebody".into(),
        qos: "normal".into(),
        state,
        cancelled_by: None,
        submit: at(0),
        eligible: Some(at(0)),
        start: Some(at(since)),
        end: until.map(at),
        nodes: vec!["n1".into()],
        gpus: 8,
        exit: (0, 0),
        joules: None,
        reason: "None".into(),
        reservation: None,
    }
}

/// A look at `jobs` with `rows` on record.
fn look(watch: &mut Watch, seconds: u64, jobs: &[SlurmJob], rows: &[Run]) -> Sighting {
    let look = watch.look(at(seconds), jobs, Vec::new());
    watch.resolve(look, rows, |_| 8)
}

fn ends(sighting: &Sighting) -> Vec<(u32, u64, bool)> {
    let end =
        |ended: &EndedRun| (ended.run.name.job, ended.at.since(at(0)).get(), ended.comes_back);
    sighting.ended.iter().map(end).collect()
}

#[test]
fn slurmctld_knows_for_a_while_when_a_job_ended() {
    let mut watch = Watch::default();
    look(&mut watch, 10, &[running(1, 5)], &[]);
    let ended = over(1, JobState::Completed, 5, 12);
    assert_eq!(ends(&look(&mut watch, 20, std::slice::from_ref(&ended), &[])), [(1, 12, false)]);
    assert_eq!(ends(&look(&mut watch, 30, &[ended], &[])), [], "it is told once");
}

#[test]
fn the_energy_of_a_run_is_told_with_its_end() {
    let mut watch = Watch::default();
    let known = SlurmJob { joules: Some(36_000), ..over(1, JobState::Completed, 5, 12) };
    let row = Run { joules: Some(72_000), ..recorded(2, JobState::Completed, 5, Some(12)) };
    let seen = look(&mut watch, 20, &[known, over(3, JobState::Completed, 5, 12)], &[row]);
    let joules = seen.ended.iter().map(|ended| (ended.run.name.job, ended.joules));
    assert_eq!(joules.collect::<Vec<_>>(), [(1, Some(36_000)), (3, None), (2, Some(72_000))]);
}

#[test]
fn what_began_and_ended_between_two_looks_is_told() {
    let mut watch = Watch::default();
    let seen = look(&mut watch, 10, &[over(1, JobState::Failed, 5, 7)], &[]);
    assert_eq!(ends(&seen), [(1, 7, false)]);
    assert_eq!(seen.ended[0].end, RunEnd::Exited { code: 1, signal: 0 });
}

#[test]
fn a_run_that_was_put_back_is_looked_up() {
    let mut watch = Watch::default();
    look(&mut watch, 10, &[running(1, 5)], &[]);
    let waits = SlurmJob { reason: "BeginTime".into(), ..job(1, JobState::Pending) };
    let seen = look(&mut watch, 20, std::slice::from_ref(&waits), &[]);
    assert_eq!(ends(&seen), [], "it is not on record yet");
    assert!(seen.unresolved.contains(&name(1)));
    let rows = [recorded(1, JobState::Requeued, 5, Some(12))];
    let seen = look(&mut watch, 21, &[waits], &rows);
    assert_eq!(ends(&seen), [(1, 12, true)]);
    assert!(seen.unresolved.is_empty());
    assert!(seen.moving.contains(&name(1)), "it may not start again for a moment");
}

#[test]
fn a_run_that_began_and_was_put_back_between_two_looks_is_looked_up() {
    let mut watch = Watch::default();
    let waits = |restarts| SlurmJob { restarts, ..job(1, JobState::Pending) };
    // What was before the first look is read as a whole.
    let first = watch.look(at(10), &[waits(1)], Vec::new());
    assert!(first.to_look_up().is_empty());
    watch.resolve(first, &[], |_| 8);
    let again = watch.look(at(20), &[waits(3)], Vec::new());
    assert!(again.to_look_up().contains(&name(1)), "it was put back twice");
    let one = recorded(1, JobState::Requeued, 11, Some(13));
    assert_eq!(ends(&watch.resolve(again, std::slice::from_ref(&one), |_| 8)), [(1, 13, true)]);
    // The record lags.
    let later = watch.look(at(21), &[waits(3)], Vec::new());
    assert!(later.to_look_up().contains(&name(1)), "one is on record so far");
    let other = recorded(1, JobState::Requeued, 15, Some(17));
    assert_eq!(ends(&watch.resolve(later, &[one, other], |_| 8)), [(1, 17, true)]);
    assert!(watch.look(at(22), &[waits(3)], Vec::new()).to_look_up().is_empty());
}

#[test]
fn a_run_that_never_comes_on_record_is_not_looked_up_for_ever() {
    let mut watch = Watch::default();
    let waits = |restarts| SlurmJob { restarts, ..job(1, JobState::Pending) };
    look(&mut watch, 10, &[waits(0)], &[]);
    look(&mut watch, 20, &[waits(1)], &[]);
    assert!(!watch.look(at(139), &[waits(1)], Vec::new()).to_look_up().is_empty());
    assert!(watch.look(at(140), &[waits(1)], Vec::new()).to_look_up().is_empty());
}

#[test]
fn a_job_that_runs_again_is_followed_once_its_run_before_is_known() {
    let mut watch = Watch::default();
    look(&mut watch, 10, &[running(1, 5)], &[]);
    let seen = look(&mut watch, 30, &[running(1, 25)], &[]);
    assert_eq!((seen.running.len(), ends(&seen).len()), (0, 0));
    assert!(seen.moving.contains(&name(1)));
    // In between there was another run that nobody saw.
    let rows = [
        recorded(1, JobState::Preempted, 14, Some(20)),
        recorded(1, JobState::NodeFailed, 5, Some(12)),
        recorded(1, JobState::Running, 25, None),
    ];
    let seen = look(&mut watch, 31, &[running(1, 25)], &rows);
    assert_eq!(ends(&seen), [(1, 12, true), (1, 20, true)]);
    let seen = look(&mut watch, 32, &[running(1, 25)], &rows);
    assert_eq!((seen.running.len(), ends(&seen).len()), (1, 0));
}

#[test]
fn a_record_that_never_comes_is_given_up() {
    let mut watch = Watch::default();
    look(&mut watch, 10, &[running(1, 5)], &[]);
    look(&mut watch, 20, &[], &[]);
    let until = 20 + RECORD_PATIENCE.get();
    assert_eq!(ends(&look(&mut watch, until - 1, &[], &[])), []);
    let seen = look(&mut watch, until, &[], &[]);
    assert_eq!(ends(&seen), [(1, 20, false)], "it counts as over when it was first missed");
    assert!(!seen.ended[0].is_recorded);
    assert_eq!(ends(&look(&mut watch, until + 1, &[], &[])), []);
}

#[test]
fn while_slurmdbd_is_away_nobody_waits_long_and_what_it_has_is_told_later() {
    let mut watch = Watch::default();
    look(&mut watch, 10, &[running(1, 5)], &[]);
    let away = |watch: &mut Watch, seconds: u64, jobs: &[SlurmJob]| {
        let look = watch.look(at(seconds), jobs, Vec::new());
        watch.resolve_without(look)
    };
    // Another one has its node, which it got before that was missed.
    let next = running(2, 19);
    away(&mut watch, 20, std::slice::from_ref(&next));
    let until = 20 + OUTAGE_PATIENCE.get();
    assert_eq!(ends(&away(&mut watch, until - 1, std::slice::from_ref(&next))), []);
    let seen = away(&mut watch, until, std::slice::from_ref(&next));
    assert_eq!(ends(&seen), [(1, 19, false)]);
    assert!(!seen.ended[0].is_recorded);
    let row = recorded(1, JobState::Requeued, 5, Some(18));
    let seen = look(&mut watch, 100, std::slice::from_ref(&next), std::slice::from_ref(&row));
    assert_eq!(ends(&seen), [(1, 18, false)], "Slurm's word");
    assert!(seen.ended[0].is_recorded);
    assert_eq!(ends(&look(&mut watch, 101, &[next], &[row])), [], "once");
}

#[test]
fn what_is_adopted_is_followed_as_if_it_had_been_seen() {
    let mut watch = Watch::default();
    let run = SeenRun {
        name: name(1),
        account: "renter".into(),
        user: "somebody".into(),
        since: at(5),
        nodes: vec![("n1".into(), 8)],
        limit: None,
    };
    watch.adopt([run]);
    let rows = [
        recorded(1, JobState::Completed, 5, Some(12)),
        recorded(2, JobState::TimedOut, 7, Some(9)),
    ];
    let seen = look(&mut watch, 1_000, &[], &rows);
    assert_eq!(ends(&seen), [(1, 12, false), (2, 9, false)], "also what ran while nobody looked");
}

#[test]
fn what_waits_for_nodes_is_told_from_what_waits_for_something_else() {
    let mut watch = Watch::default();
    let waits = |id, reason: &str| SlurmJob { reason: reason.into(), ..job(id, JobState::Pending) };
    let array = Some(ArrayTask { job: 9, task: 4 });
    let jobs = [
        waits(1, "Resources"),
        waits(2, "ReqNodeNotAvail, May be reserved for other job"),
        waits(3, "Dependency"),
        waits(4, "QOSGrpGRES"),
        waits(5, "JobHeldUser"),
        SlurmJob { eligible: Some(at(100)), ..waits(6, "None") },
        SlurmJob { array, ..waits(9, "Priority") },
    ];
    let seen = look(&mut watch, 10, &jobs, &[]);
    let waiting: Vec<String> = seen.waiting.iter().map(|job| job.name.to_string()).collect();
    assert_eq!(waiting, ["1", "2", "9_4"]);
    let held: Vec<u32> = seen.held.iter().map(|name| name.job).collect();
    assert_eq!(held, [3, 4, 5, 6]);
}

#[test]
fn a_job_that_was_cancelled_before_it_started_is_told_with_its_instant() {
    let mut watch = Watch::default();
    let cancelled = Run { nodes: Vec::new(), ..recorded(1, JobState::Cancelled, 7, Some(7)) };
    let seen = look(&mut watch, 10, &[], &[cancelled]);
    assert_eq!(seen.withdrawn, [(name(1), at(7))]);
    assert_eq!(ends(&seen), []);
}
