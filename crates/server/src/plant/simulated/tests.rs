//! A demonstration plays what a simulation plays, and people's jobs beside it.

use std::collections::BTreeMap;
use std::path::Path;

use leasehold_control::Input;
use leasehold_fixtures::{File, lease_file, site_file, terms};
use leasehold_ledger::Invoice;
use leasehold_simulator::engine::{self, KeepNothing};
use leasehold_simulator::scenario::Loaded;
use leasehold_storage::ArchiveRow;
use leasehold_units::{Instant, Seconds, Shape};

use super::SimulatedPlant;
use crate::command::{By, Command, Desk, JobRequest, JobsCommand};
use crate::core::{Core, Outbox};
use crate::job::{EndedJob, Exit, Work};
use crate::plant::Plant;
use crate::testing::TempDir;

fn lease() -> File {
    lease_file("renter").set("term.end", "2026-06-30").set("notice.days", 30)
}

const SCENARIO: &str = r#"
site = "site.toml"
leases = ["lease.toml"]
from = 2026-03-05
until = 2026-04-16
seed = 5
[[workload]]
party = "renter"
profile = "frontier"
jobs_per_day = 60
size_max = "64 GPU"
vacate = "2 min"
[[workload]]
party = "renter"
profile = "philly"
jobs_per_day = 60
size_max = "32 GPU"
share = 2
[[workload]]
party = "owner"
profile = "frontier"
jobs_per_day = 80
size_max = "64 GPU"
vacate = "1 min"
checkpoint = "30 min"
[[payer]]
party = "renter"
days = 12
[faults]
node_mtbf = "2000 h"
repair = "8 h"
turnover_failure = "1%"
[[event]]
at = 2026-03-20T12:00:00-05:00
kind = "curtailment"
limit = "150 kW"
notice = "1 h"
until = 2026-03-20T18:00:00-05:00
"#;

/// A demonstration on a clock that the test moves.
struct Demo {
    core: Core,
    plant: SimulatedPlant,
    now: Instant,
    ended: Vec<ArchiveRow>,
}

fn load(folder: &Path) -> Loaded {
    let (site, lease) = (site_file(3, 2, 4), lease());
    let files = [("site.toml", &*site), ("lease.toml", &*lease), ("scenario.toml", SCENARIO)];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("writes");
    }
    Loaded::read(&folder.join("scenario.toml")).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

impl Demo {
    fn new(loaded: &Loaded) -> Self {
        let setting = loaded.setting(0).expect("no traces");
        let plant = SimulatedPlant::new(setting.script()).expect("no traces");
        let now = loaded.interval().from;
        let core = Core::open(&loaded.site_file, now).expect("a site");
        let mut demo = Self { core, plant, now, ended: Vec::new() };
        let mut out = Outbox::default();
        let signed = Input::Sign(Box::new(terms(&lease())));
        demo.core.handle(now, &signed, &mut demo.plant, &mut out).expect("fits");
        demo
    }

    /// Plays up to `until`, as if the loop looked at the clock every `step` seconds and had time for
    /// `slice` instants then.
    fn play(&mut self, until: Instant, step: u64, slice: u32) {
        let mut out = Outbox::default();
        while self.now < until {
            self.now = self.now.after(Seconds::new(step)).min(until);
            let mut caught_up = false;
            while !caught_up {
                let mut left = slice;
                let mut is_time_up = || {
                    left -= 1;
                    left == 0
                };
                let played =
                    self.core.catch_up(self.now, &mut self.plant, &mut out, &mut is_time_up);
                caught_up = played.unwrap_or_else(|violation| panic!("{violation}"));
                let now = if caught_up { self.now } else { self.core.state().now };
                self.core.settle(now, &mut self.plant, &mut out).expect("no invariant is broken");
                self.plant.act();
                self.ended.extend(out.take().archive);
            }
        }
    }

    fn submit(&mut self, argv: &[&str], time_limit_seconds: u32) {
        let request = JobRequest {
            name: argv.join(" "),
            gpus: 8,
            time_limit_seconds,
            vacate_seconds: 30,
            checkpoint_seconds: None,
            skus: Vec::new(),
            within: Shape::Node,
            // Before anything that a workload asks for.
            priority: 100,
            account: "default".into(),
            work: Work::Command(argv.iter().map(|word| (*word).to_owned()).collect()),
            environment: BTreeMap::new(),
            directory: None,
        };
        let command = JobsCommand::Submit { party: "renter".into(), request: Box::new(request) };
        let by = By { id: "token:t".into(), name: "somebody".into() };
        let mut out = Outbox::default();
        let mut desk = Desk {
            core: &mut self.core,
            plant: &mut self.plant,
            out: &mut out,
            now: self.now,
            by: &by,
        };
        Command::Jobs(command).carry_out(&mut desk).expect("is taken");
    }

    /// The jobs of `party` that are over.
    fn ended(&self, party: &str) -> Vec<EndedJob> {
        let rows = self.ended.iter().filter(|row| row.owner == party);
        rows.map(|row| serde_json::from_str(&row.body).expect("a job")).collect()
    }
}

#[test]
fn a_demonstration_that_nobody_disturbs_is_the_run_of_the_simulator() {
    let folder = TempDir::new();
    let loaded = load(folder.path());
    let until = loaded.interval().until;
    let setting = loaded.setting(0).expect("no traces");
    let outcome = engine::run(setting, &mut KeepNothing).unwrap_or_else(|error| panic!("{error}"));
    // On clocks that show other instants, and on a machine that is too slow for them.
    for (step, slice) in [(7_919, u32::MAX), (86_400 * 5, 3)] {
        let mut demo = Demo::new(&loaded);
        demo.play(until.before(Seconds::new(1)), step, slice);
        let state = demo.core.state();
        let documents: Vec<&Invoice> = state.books.invoices.iter().collect();
        let expected: Vec<&Invoice> = outcome.state.books.invoices.iter().collect();
        assert!(expected.len() >= 2, "{} documents", expected.len());
        assert_eq!(documents, expected);
        assert_eq!(state.books.breaches, outcome.state.books.breaches);
        for (party, tally) in outcome.state.parties.iter().zip(&outcome.tallies) {
            let ended = demo.ended(party.id.as_str());
            assert!(tally.finished > 500, "{} jobs", tally.finished);
            assert_eq!(ended.len() as u64, tally.finished, "{}", party.id);
            let used: u64 = ended.iter().map(|job| job.used_gpu_seconds).sum();
            assert!(u128::from(used) <= tally.gpu_seconds_used, "{used} of {}", party.id);
            let evicted: u64 = ended.iter().map(|job| u64::from(job.evictions)).sum();
            assert!(evicted <= tally.evicted, "{evicted} of {}", party.id);
        }
        let submitted: u64 = outcome.tallies.iter().map(|tally| tally.submitted).sum();
        let described = demo.core.registry().parties().map(|(_, book)| book.described);
        assert_eq!(described.sum::<u64>(), submitted);
    }
}

#[test]
fn what_people_submit_takes_the_time_that_it_says() {
    let folder = TempDir::new();
    let loaded = load(folder.path());
    let mut demo = Demo::new(&loaded);
    let from = loaded.interval().from.after(Seconds::new(5 * 86_400));
    demo.play(from, 3_600, u32::MAX);
    demo.submit(&["/bin/sleep", "2m", "30"], 3_600);
    demo.submit(&["python3", "train.py"], 1_800);
    demo.play(from.after(Seconds::new(2 * 86_400)), 60, u32::MAX);
    let jobs = demo.ended("renter");
    let took = |name: &str| {
        let job = jobs.iter().find(|job| job.description.name == name).expect("it is over");
        assert_eq!(job.exit, Some(Exit::Code(0)), "{name}");
        assert_eq!((job.description.account.as_str(), job.starts), ("default", 1), "{name}");
        job.ended.since(job.started.expect("it ran")).get()
    };
    assert_eq!(took("/bin/sleep 2m 30"), 150);
    assert_eq!(took("python3 train.py"), 1_800);
    let accounts = &demo.core.registry().party("renter").expect("is known").accounts;
    assert_eq!(accounts, &["workload-1", "workload-2", "default"]);
    assert!(jobs.iter().any(|job| job.description.user == "workload"));
}

#[test]
fn an_emulated_cluster_that_cannot_follow_a_setback_stands_still() {
    let folder = TempDir::new();
    let loaded = load(folder.path());
    let mut demo = Demo::new(&loaded);
    assert!(demo.plant.begins_anew());
    demo.plant.take_over(demo.core.state(), demo.core.registry());
    assert_eq!(demo.plant.next(), Some(loaded.interval().from));
    demo.play(loaded.interval().from.after(Seconds::new(86_400)), 3_600, u32::MAX);
    demo.plant.take_over(demo.core.state(), demo.core.registry());
    assert_eq!(demo.plant.next(), None);
}
