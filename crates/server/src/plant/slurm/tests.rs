//! What is seen of Slurm is booked once, from start to end, whatever was missed in between.

use std::collections::BTreeSet;

use leasehold_clusters::slurm::read::{NodeBase, SlurmNode};
use leasehold_clusters::slurm::settings::{Preemption, Settings};
use leasehold_clusters::slurm::watch::{EndedRun, JobName, RunEnd, SeenRun, Sighting, WaitingJob};
use leasehold_control::{Event, Input, JobState, Placing, State};
use leasehold_diagnostics::Source;
use leasehold_fixtures::File;
use leasehold_ledger::GpuState;
use leasehold_units::{Instant, Seconds};

use super::super::{NoPlant, Plant, Seen};
use super::{Booking, Names};
use crate::core::{Core, Outbox};
use crate::job::EndedJob;
use crate::log::Entry;
use crate::registry::Registry;

/// Two racks of four nodes, and a lease of one of them.
fn site_file() -> File {
    leasehold_fixtures::site_file(1, 2, 4)
        .set("sku.turnover", "'10 s'")
        .set("pool.id", "'a'")
        .set("power.limit", "'1 MW'")
}

fn lease_file() -> File {
    leasehold_fixtures::lease_file("renter")
        .set("signed", "2026-02-19")
        .set("term.start", "2026-03-01")
        .set("term.end", "2027-02-28")
        .set("capacity.amount", "'1 rack'")
}

/// What was seen is told to a core; what that says is kept.
struct Stage {
    core: Core,
    plant: Told,
    out: Outbox,
    now: Instant,
}

/// A plant that sees what a test shows it.
struct Told {
    booking: Booking,
    told_to_leave: BTreeSet<JobName>,
    events: Vec<Event>,
}

impl Plant for Told {
    fn next(&self) -> Option<Instant> {
        self.booking.next()
    }

    fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen> {
        let seen = self.booking.see(now, state, registry);
        self.told_to_leave.append(&mut self.booking.to_leave);
        seen
    }

    fn hear(&mut self, _: Instant, event: &Event, _: &State, registry: &Registry) {
        if let Event::EvictionRequested { job, .. } = event {
            let (party, number) = registry.job_in(*job).expect("it is known");
            let job = registry.job(party, number).expect("it lives");
            let name = job.description.cluster_job.expect("it is Slurm's");
            self.told_to_leave.insert(name);
        }
        self.events.push(event.clone());
    }

    fn act(&mut self) {}

    fn take_over(&mut self, _: &State, _: &Registry) {}
}

fn at(seconds: u64) -> Instant {
    Instant::from_rfc3339("2026-03-02T12:00:00Z").expect("an instant").after(Seconds::new(seconds))
}

impl Stage {
    fn new(placing: Placing) -> Self {
        let mut core = Core::open(&Source::new("site.toml", site_file()), at(0)).expect("a site");
        let mut out = Outbox::default();
        let terms = leasehold_fixtures::terms(&lease_file());
        for input in [Input::Sign(Box::new(terms)), Input::PlacedBy(placing)] {
            core.handle(at(0), &input, &mut NoPlant, &mut out).expect("it is taken");
        }
        core.settle(at(0), &mut NoPlant, &mut out).expect("no invariant is broken");
        let names = Names::new(&Settings::default(), &core.state().site).expect("names");
        let booking = Booking::new(names, Seconds::new(30));
        let plant = Told { booking, told_to_leave: BTreeSet::new(), events: Vec::new() };
        Self { core, plant, out, now: at(0) }
    }

    fn see(&mut self, sighting: Sighting) {
        self.now = sighting.at;
        self.plant.booking.take(sighting);
        let caught_up = self.core.catch_up(self.now, &mut self.plant, &mut self.out, &mut || false);
        assert!(caught_up.expect("no invariant is broken"));
    }

    /// GPU-seconds of the site in a state so far.
    fn metered(&mut self, state: GpuState) -> u128 {
        let copy = self.core.copy();
        let mut control = leasehold_control::Control::resume(copy.state().clone());
        control.close(self.now, leasehold_units::Day::constant(2026, 3, 1), &mut |_, _, _| {});
        control.state().books.meter.totals().of(state).get()
    }

    fn nodes_held(&self) -> Vec<String> {
        let state = self.core.state();
        let held = state.contracts.leases[0].partitions[0];
        let nodes = (0..).zip(state.fleet.nodes());
        let held = nodes.filter(|(_, node)| node.partition == held);
        held.map(|(number, _)| state.site.node_name(number)).collect()
    }

    fn nodes_own(&self) -> Vec<String> {
        let held = self.nodes_held();
        let names = (0..8).map(|number| self.core.state().site.node_name(number));
        names.filter(|name| !held.contains(name)).collect()
    }

    fn jobs_of(&self, party: &str) -> usize {
        self.core.registry().party(party).map_or(0, |book| book.jobs.len())
    }
}

fn name(job: u32) -> JobName {
    JobName { job, task: None }
}

fn run(job: u32, account: &str, since: u64, nodes: &[&str], gpus: u32) -> SeenRun {
    SeenRun {
        name: name(job),
        account: account.into(),
        user: "somebody".into(),
        since: at(since),
        nodes: nodes.iter().map(|node| ((*node).to_owned(), gpus)).collect(),
        limit: Some(Seconds::new(3_600)),
    }
}

fn waiting(job: u32, account: &str, nodes: u32, gpus: u32) -> WaitingJob {
    let (account, user) = (account.into(), "somebody".into());
    WaitingJob { name: name(job), account, user, nodes, gpus, limit: None }
}

fn ended(run: SeenRun, seconds: u64, end: RunEnd, comes_back: bool) -> EndedRun {
    EndedRun { run, at: at(seconds), end, comes_back, is_recorded: true, joules: None }
}

/// A look in which all nodes are well.
fn look(seconds: u64) -> Sighting {
    let node = |number| SlurmNode {
        name: format!("a-01-{:02}-{}", 1 + number / 4, 1 + number % 4),
        base: NodeBase::Idle,
        flags: Vec::new(),
        gpus: 8,
        gpus_used: 0,
        reason: None,
        booted: None,
    };
    Sighting {
        at: at(seconds),
        waiting: Vec::new(),
        held: BTreeSet::new(),
        moving: BTreeSet::new(),
        running: Vec::new(),
        ended: Vec::new(),
        withdrawn: Vec::new(),
        unresolved: BTreeSet::new(),
        nodes: (0..8).map(node).collect(),
    }
}

const DONE: RunEnd = RunEnd::Exited { code: 0, signal: 0 };

#[test]
fn a_run_is_booked_from_its_start_to_its_end() {
    let mut stage = Stage::new(Placing::Observed);
    let held = stage.nodes_held();
    let job = run(7, "renter", 3, &[&held[0], &held[1]], 8);
    stage.see(Sighting { running: vec![job.clone()], ..look(10) });
    assert_eq!(stage.jobs_of("renter"), 1);
    stage.see(Sighting { running: vec![job.clone()], ..look(20) });
    stage.see(Sighting { ended: vec![ended(job, 25, DONE, false)], ..look(30) });
    assert_eq!(stage.metered(GpuState::Used), 16 * 22);
    assert_eq!(stage.jobs_of("renter"), 0);
}

#[test]
fn the_energy_that_was_measured_of_runs_is_kept_with_their_job() {
    let mut stage = Stage::new(Placing::Observed);
    let held = stage.nodes_held();
    let measured = |since, until, joules, comes_back| {
        let end = if comes_back { RunEnd::NodeFailed } else { DONE };
        let run = run(7, "renter", since, &[&held[0]], 8);
        EndedRun { joules, ..ended(run, until, end, comes_back) }
    };
    let runs = [
        measured(3, 9, Some(40_000), true),
        measured(10, 12, None, true),
        measured(13, 20, Some(50_000), false),
    ];
    stage.see(Sighting { ended: runs.to_vec(), ..look(30) });
    stage.see(Sighting { ended: runs.to_vec(), ..look(40) });
    let archive = stage.out.take().archive;
    let [job] = archive.as_slice() else { panic!("one job is over: {archive:?}") };
    let job: EndedJob = serde_json::from_str(&job.body).expect("a job");
    assert_eq!((job.starts, job.measured_joules), (3, Some(90_000)));
}

#[test]
fn runs_that_began_and_ended_unseen_are_booked_once() {
    let mut stage = Stage::new(Placing::Observed);
    let held = stage.nodes_held();
    let first = ended(run(7, "renter", 3, &[&held[0]], 8), 9, RunEnd::NodeFailed, true);
    let second = ended(run(7, "renter", 12, &[&held[1]], 8), 20, DONE, false);
    let other = ended(run(8, "owner", 9, &[&held[0]], 8), 19, DONE, false);
    let all = vec![second, first, other];
    stage.see(Sighting { ended: all.clone(), ..look(30) });
    stage.see(Sighting { ended: all, ..look(40) });
    assert_eq!(stage.metered(GpuState::Used), 8 * (6 + 8));
    assert_eq!(stage.metered(GpuState::Borrowed), 8 * 10);
}

#[test]
fn what_is_read_again_after_a_start_changes_nothing() {
    let mut stage = Stage::new(Placing::Observed);
    let held = stage.nodes_held();
    let over = ended(run(7, "renter", 3, &[&held[0]], 8), 9, DONE, false);
    let runs = run(8, "renter", 4, &[&held[1]], 4);
    let seen = |seconds| Sighting {
        ended: vec![over.clone()],
        running: vec![runs.clone()],
        ..look(seconds)
    };
    stage.see(seen(10));
    // A server that begins anew folds the same log, and has followed nothing.
    let mut again = Core::open(&Source::new("site.toml", site_file()), at(0)).expect("a site");
    let records = stage.out.take().records;
    let entries = records
        .iter()
        .map(|record| (record.at, serde_json::from_str::<Entry>(&record.body).expect("an entry")));
    for (seq, (at, entry)) in (1..).zip(entries) {
        let body = serde_json::to_string(&entry).expect("it can be written");
        let record =
            leasehold_storage::Record { seq, at, epoch: 1, body, hash: Default::default() };
        again.fold(&record).expect("it follows");
    }
    again.forget_records();
    stage.core.forget_records();
    assert_eq!(again.registry(), stage.core.registry());
    stage.core = again;
    stage.plant.events.clear();
    stage.see(seen(20));
    let booked = |event: &Event| {
        matches!(event, Event::JobSubmitted { .. } | Event::JobFound { .. } | Event::JobGone { .. })
    };
    assert_eq!(stage.plant.events.iter().filter(|event| booked(event)).count(), 0);
    assert_eq!(stage.metered(GpuState::Used), 8 * 6 + 4 * 16);
}

#[test]
fn borrowers_make_room_and_come_back() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let borrowers: Vec<SeenRun> =
        (0..).zip(&held).map(|(number, node)| run(10 + number, "owner", 0, &[node], 8)).collect();
    stage.see(Sighting { running: borrowers.clone(), ..look(5) });
    let asks = waiting(20, "renter", 2, 16);
    stage.see(Sighting { running: borrowers.clone(), waiting: vec![asks], ..look(10) });
    let told = std::mem::take(&mut stage.plant.told_to_leave);
    assert_eq!(told.len(), 2, "as many as are needed");
    let (gone, stay): (Vec<SeenRun>, Vec<SeenRun>) =
        borrowers.into_iter().partition(|run| told.contains(&run.name));
    let room: Vec<String> = gone.iter().map(|run| run.nodes[0].0.clone()).collect();
    let put_back = gone.into_iter().map(|run| ended(run, 12, RunEnd::PutBack, true)).collect();
    let room: Vec<&str> = room.iter().map(String::as_str).collect();
    let tenant = run(20, "renter", 13, &room, 8);
    let running = stay.into_iter().chain([tenant.clone()]).collect();
    let moving = told.into_iter().collect();
    stage.see(Sighting { running, ended: put_back, moving, ..look(15) });
    assert_eq!(stage.metered(GpuState::Used), 16 * 2);
    assert_eq!(stage.metered(GpuState::Borrowed), 16 * 12 + 16 * 15);
    assert_eq!(stage.jobs_of("owner"), 4, "those that made room wait again");
    let reclaimed = stage.core.state().books.breaches.is_empty();
    assert!(reclaimed, "the promise was kept");
    stage.see(Sighting { ended: vec![ended(tenant, 16, DONE, false)], ..look(20) });
    assert_eq!(stage.jobs_of("owner"), 2, "those that are gone from Slurm are withdrawn");
}

#[test]
fn a_job_that_is_withdrawn_or_held_frees_what_was_kept_for_it() {
    let mut stage = Stage::new(Placing::Cluster);
    let asks = |job| waiting(job, "renter", 1, 8);
    stage.see(Sighting { waiting: vec![asks(1), asks(2)], ..look(5) });
    assert_eq!(stage.jobs_of("renter"), 2);
    stage.see(Sighting { held: BTreeSet::from([name(2)]), ..look(10) });
    assert_eq!(stage.jobs_of("renter"), 0);
    stage.see(Sighting { waiting: vec![asks(2)], ..look(15) });
    assert_eq!(stage.jobs_of("renter"), 1, "one that may start again is back");
}

/// Borrowers on all of the holding, and a job of the tenant that waits for two of its nodes.
fn two_are_asked_to_leave(stage: &mut Stage) -> (Vec<SeenRun>, WaitingJob) {
    let held = stage.nodes_held();
    let borrowers: Vec<SeenRun> =
        (0..).zip(&held).map(|(number, node)| run(10 + number, "owner", 0, &[node], 8)).collect();
    let asks = waiting(20, "renter", 2, 16);
    stage.see(Sighting { running: borrowers.clone(), waiting: vec![asks.clone()], ..look(10) });
    // It is not known whether they were told.
    assert_eq!(std::mem::take(&mut stage.plant.told_to_leave).len(), 2);
    (borrowers, asks)
}

#[test]
fn nobody_is_told_to_leave_for_a_job_that_does_not_wait_any_more() {
    let mut stage = Stage::new(Placing::Cluster);
    let (borrowers, asks) = two_are_asked_to_leave(&mut stage);
    stage.see(Sighting { running: borrowers.clone(), waiting: vec![asks.clone()], ..look(12) });
    assert_eq!(std::mem::take(&mut stage.plant.told_to_leave).len(), 2, "it waits: again");
    let withdrawn = vec![(name(20), at(13))];
    stage.see(Sighting { running: borrowers.clone(), withdrawn, ..look(14) });
    stage.see(Sighting { running: borrowers.clone(), ..look(16) });
    assert!(stage.plant.told_to_leave.is_empty(), "{:?}", stage.plant.told_to_leave);
    // They may be asked another time.
    stage.see(Sighting { running: borrowers.clone(), waiting: vec![asks.clone()], ..look(18) });
    stage.see(Sighting { running: borrowers, waiting: vec![asks], ..look(20) });
    assert_eq!(stage.plant.told_to_leave.len(), 2);
}

#[test]
fn where_slurm_makes_room_itself_it_is_told_only_before_that_is_late() {
    let mut stage = Stage::new(Placing::Cluster);
    stage.plant.booking.preemption = Preemption::Slurm;
    let (borrowers, asks) = two_are_asked_to_leave(&mut stage);
    let seen = |seconds| Sighting {
        running: borrowers.clone(),
        waiting: vec![asks.clone()],
        ..look(seconds)
    };
    // Ten minutes, less 30 s to leave, 10 s of turnover and 5 s.
    stage.see(seen(564));
    assert!(stage.plant.told_to_leave.is_empty(), "Slurm has time yet");
    stage.see(seen(565));
    assert_eq!(stage.plant.told_to_leave.len(), 2);
}

#[test]
fn where_it_is_only_watched_nobody_is_told_to_leave() {
    let mut stage = Stage::new(Placing::Observed);
    let held = stage.nodes_held();
    let borrowers: Vec<SeenRun> =
        (0..).zip(&held).map(|(number, node)| run(10 + number, "owner", 0, &[node], 8)).collect();
    let waits = vec![waiting(20, "renter", 2, 16)];
    stage.see(Sighting { running: borrowers, waiting: waits, ..look(10) });
    assert!(stage.plant.told_to_leave.is_empty());
}

#[test]
fn a_run_where_its_party_holds_nothing_is_said_and_stopped() {
    let mut stage = Stage::new(Placing::Cluster);
    let own = stage.nodes_own();
    let astray = run(7, "renter", 1, &[&own[0]], 8);
    stage.see(Sighting { running: vec![astray.clone()], ..look(5) });
    let troubles: Vec<_> = stage.plant.booking.troubles().values().cloned().collect();
    let [trouble] = troubles.as_slice() else { panic!("one: {troubles:?}") };
    assert!(trouble.why.contains(&own[0]), "it names the node: {}", trouble.why);
    assert!(stage.plant.told_to_leave.is_empty(), "what is known may lag");
    stage.see(Sighting { running: vec![astray], ..look(20) });
    assert_eq!(stage.plant.told_to_leave, BTreeSet::from([name(7)]));
    assert_eq!(stage.metered(GpuState::Used), 0);
    stage.see(look(25));
    assert!(stage.plant.booking.troubles().is_empty());
}

#[test]
fn a_run_of_no_party_is_said_and_left_alone() {
    let mut stage = Stage::new(Placing::Cluster);
    let own = stage.nodes_own();
    let stranger = run(7, "physics", 1, &[&own[0]], 8);
    stage.see(Sighting { running: vec![stranger.clone()], ..look(5) });
    stage.see(Sighting { running: vec![stranger], ..look(30) });
    let troubles: Vec<_> = stage.plant.booking.troubles().values().cloned().collect();
    let [trouble] = troubles.as_slice() else { panic!("one: {troubles:?}") };
    assert!(trouble.why.contains("physics"), "it names the account: {}", trouble.why);
    assert!(stage.plant.told_to_leave.is_empty());
    let elsewhere = run(8, "physics", 40, &["desk-1"], 8);
    stage.see(Sighting { running: vec![elsewhere], ..look(50) });
    assert!(stage.plant.booking.troubles().is_empty(), "that is nobody's here");
}

#[test]
fn an_account_is_its_partys_by_name_only_where_no_other_is_named() {
    let stage = Stage::new(Placing::Observed);
    let state = stage.core.state();
    let party = |text: &str, account: &str| {
        let settings = Settings::parse(&Source::new("slurm.toml", text), &state.site);
        let names = Names::new(&settings.expect("it is sound"), &state.site).expect("names");
        names.party(account, state).map(|party| state.parties[usize::from(party)].id.to_string())
    };
    let named = "[[party]]\nid = \"renter\"\naccounts = [\"physics\"]\n";
    assert_eq!(party("", "renter").as_deref(), Some("renter"));
    assert_eq!(party(named, "physics").as_deref(), Some("renter"));
    assert_eq!(party(named, "renter"), None);
    assert_eq!(party(named, "owner").as_deref(), Some("owner"));
}

#[test]
fn a_run_is_not_stopped_for_one_that_is_gone_and_not_on_record() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let borrower = run(7, "owner", 1, &[&held[0]], 8);
    stage.see(Sighting { running: vec![borrower.clone()], ..look(5) });
    let tenant = run(8, "renter", 12, &[&held[0]], 8);
    let unresolved = BTreeSet::from([name(7)]);
    for seconds in [15, 20, 30, 40] {
        let (running, unresolved) = (vec![tenant.clone()], unresolved.clone());
        stage.see(Sighting { running, unresolved, ..look(seconds) });
        assert!(stage.plant.told_to_leave.is_empty(), "after {seconds} s");
    }
    let ended = vec![ended(borrower, 11, DONE, false)];
    stage.see(Sighting { running: vec![tenant], ended, ..look(50) });
    assert_eq!(stage.metered(GpuState::Borrowed), 8 * 10);
    assert_eq!(stage.metered(GpuState::Used), 8 * 38);
}

#[test]
fn a_node_that_failed_is_out_and_another_stands_in() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    stage.see(look(5));
    let mut broken = look(10);
    for node in broken.nodes.iter_mut().filter(|node| node.name == held[0]) {
        node.base = NodeBase::Down;
    }
    stage.see(broken);
    assert!(!stage.nodes_held().contains(&held[0]), "it left the holding");
    assert_eq!(stage.nodes_held().len(), 4, "and another came");
    stage.see(look(60));
    assert_eq!(stage.nodes_held(), held, "it is back where it was");
}

#[test]
fn a_job_that_was_stopped_here_does_not_count_when_slurm_goes_on_with_it() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let job = run(7, "renter", 1, &[&held[0]], 8);
    stage.see(Sighting { running: vec![job.clone()], ..look(5) });
    let mut broken = Sighting { running: vec![job.clone()], ..look(10) };
    for node in broken.nodes.iter_mut().filter(|node| node.name == held[0]) {
        node.base = NodeBase::Down;
    }
    stage.see(broken.clone());
    assert_eq!(stage.metered(GpuState::Used), 8 * 9, "its end may not be on record yet");
    stage.see(Sighting { at: at(20), ..broken });
    stage.plant.told_to_leave.clear();
    stage.see(Sighting { running: vec![job.clone()], ..look(25) });
    assert_eq!(stage.plant.told_to_leave, BTreeSet::from([name(7)]));
    assert_eq!(stage.metered(GpuState::Used), 8 * 19);
    // Its next run is another one.
    let next = run(7, "renter", 28, &[&held[1]], 8);
    let before = ended(job, 26, RunEnd::NodeFailed, true);
    stage.see(Sighting { running: vec![next], ended: vec![before], ..look(30) });
    assert_eq!(stage.metered(GpuState::Used), 8 * 19 + 8 * 2);
    let differing = stage.plant.booking.differing();
    let [found] = differing.as_slice() else { panic!("one: {differing:?}") };
    assert_eq!((found.recorded_gpu_seconds(), found.booked_gpu_seconds()), (8 * 25, 8 * 19));
    let job = stage.core.state().jobs.iter().next().expect("it lives").1;
    assert!(matches!(job.state, JobState::Running { .. }));
}

#[test]
fn a_run_on_a_node_that_fails_is_booked_to_its_end_and_not_to_when_that_was_seen() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let job = run(7, "renter", 1, &[&held[0]], 8);
    stage.see(Sighting { running: vec![job.clone()], ..look(5) });
    let broken = |seconds| {
        let mut broken = look(seconds);
        for node in broken.nodes.iter_mut().filter(|node| node.name == held[0]) {
            node.base = NodeBase::Down;
        }
        broken
    };
    let unresolved = BTreeSet::from([name(7)]);
    stage.see(Sighting { unresolved, ..broken(10) });
    let before = ended(job, 8, RunEnd::NodeFailed, true);
    stage.see(Sighting { ended: vec![before], ..broken(14) });
    assert_eq!(stage.metered(GpuState::Used), 8 * 7);
    assert!(!stage.nodes_held().contains(&held[0]), "now it left the holding");
    assert!(stage.plant.booking.differing().is_empty());
}

#[test]
fn a_run_that_is_over_waits_for_the_end_of_what_was_there_before() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let borrower = run(7, "owner", 1, &[&held[0]], 8);
    stage.see(Sighting { running: vec![borrower.clone()], ..look(5) });
    // slurmdbd is away: it is not known when the borrower left, and the tenant's job came and went.
    let unresolved = BTreeSet::from([name(7)]);
    let tenant = ended(run(8, "renter", 12, &[&held[0]], 8), 14, DONE, false);
    let gone = Sighting { unresolved: unresolved.clone(), ..look(15) };
    stage.see(Sighting { ended: vec![tenant], ..gone });
    stage.see(Sighting { unresolved, ..look(30) });
    assert!(stage.plant.booking.differing().is_empty());
    stage.see(Sighting { ended: vec![ended(borrower, 11, RunEnd::PutBack, true)], ..look(40) });
    assert_eq!(stage.metered(GpuState::Borrowed), 8 * 10);
    assert_eq!(stage.metered(GpuState::Used), 8 * 2);
    assert!(stage.plant.booking.differing().is_empty());
}

#[test]
fn a_run_that_was_over_before_it_could_be_booked_is_said() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let mut broken = look(10);
    for node in broken.nodes.iter_mut().filter(|node| node.name == held[0]) {
        node.base = NodeBase::Down;
    }
    stage.see(broken);
    let late = ended(run(7, "renter", 8, &[&held[0]], 8), 9, RunEnd::NodeFailed, true);
    stage.see(Sighting { ended: vec![late.clone()], ..look(15) });
    stage.see(Sighting { ended: vec![late], ..look(20) });
    assert_eq!(stage.metered(GpuState::Used), 0);
    let differing = stage.plant.booking.differing();
    let [found] = differing.as_slice() else { panic!("one: {differing:?}") };
    assert_eq!((found.recorded_gpu_seconds(), found.booked_gpu_seconds()), (8, 0));
    assert!(found.why.contains(&held[0]), "{}", found.why);
}

#[test]
fn a_job_that_was_withdrawn_while_nobody_looked_missed_nothing() {
    let mut stage = Stage::new(Placing::Cluster);
    let held = stage.nodes_held();
    let borrower = run(10, "owner", 0, &[&held[0], &held[1], &held[2], &held[3]], 8);
    let asks = waiting(20, "renter", 1, 8);
    stage.see(Sighting { running: vec![borrower.clone()], waiting: vec![asks], ..look(10) });
    let withdrawn = vec![(name(20), at(400))];
    stage.see(Sighting { running: vec![borrower], withdrawn, ..look(5_000) });
    assert_eq!(stage.jobs_of("renter"), 0);
    assert!(stage.core.state().books.breaches.is_empty(), "ten minutes had not passed");
}
