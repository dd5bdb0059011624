//! How long one turn of holding a Slurm cluster to its leases takes of Leasehold's own time: what Slurm prints is
//! read, followed, booked, and compared with what is wanted; what Slurm itself takes to answer does not count.
//!
//! A thousand nodes, two tenants and the landlord, 5,000 jobs that run and 15,000 that wait.

mod played;

use std::time::{Duration, Instant as Clock};

use leasehold_clusters::slurm::cluster::Cluster;
use leasehold_clusters::slurm::compile::compile;
use leasehold_clusters::slurm::objects::Ground;
use leasehold_clusters::slurm::read::{SlurmConfig, jobs_json, nodes};
use leasehold_clusters::slurm::settings::Settings;
use leasehold_clusters::slurm::watch::{Sighting, Watch};
use leasehold_control::{Event, Input, Placing, State};
use leasehold_diagnostics::Source;
use leasehold_fixtures::File;
use leasehold_lease::Terms;
use leasehold_server::core::{Core, Outbox};
use leasehold_server::plant::{Booking, Names, NoPlant, Plant, Seen, wanted};
use leasehold_server::registry::Registry;
use leasehold_units::{Instant, Seconds};

use super::Figure;
use played::{Job, Played, Stands};

const RUNNING: usize = 5_000;
const WAITING: usize = 15_000;

/// Of the jobs that run, so many end from look to look, and as many begin; as many more are submitted.
const CHANGES: usize = 50;

/// Looks, of which the fastest counts: whatever else the machine does only adds to it.
const LOOKS: u32 = 10;

const GPUS_PER_NODE: u32 = 8;

fn site_file() -> File {
    leasehold_fixtures::site_file(5, 25, 8)
        .set("sku.id", "'h100'")
        .set("sku.gpu", "'H100'")
        .set("sku.turnover", "'10 s'")
        .set("pool.id", "'a'")
        .set("pool.sku", "'h100'")
        .set("power.limit", "'20 MW'")
}

/// A lease of so many racks.
fn lease(tenant: &str, racks: u32) -> Terms {
    let file = leasehold_fixtures::lease_file(tenant)
        .set("id", format_args!("'{tenant}'"))
        .set("signed", "2026-02-19")
        .set("term.start", "2026-03-01")
        .set("term.end", "2027-02-28")
        .set("capacity.amount", format_args!("'{racks} rack'"));
    leasehold_fixtures::terms(&file)
}

/// Hands each figure to `report` as soon as it is measured.
pub fn run(report: &mut dyn FnMut(Figure)) {
    for form in [Form::Text, Form::Json] {
        let mut stage = Stage::new(form);
        let first = stage.turn();
        first.report(&format!("slurm_cycle_first_{}", form.name()), report);
        stage.play_held();
        let mut fastest: Option<Turn> = None;
        for _ in 0..LOOKS {
            stage.play_changes();
            let turn = stage.turn();
            assert_eq!(turn.calls, 0, "nothing is to be mended");
            fastest = fastest.filter(|best| best.total() <= turn.total()).or(Some(turn));
        }
        let fastest = fastest.expect("there are looks");
        fastest.report(&format!("slurm_cycle_steady_{}", form.name()), report);
    }
}

/// How Slurm prints its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// What the parts of a turn took.
#[derive(Debug, Clone, Copy)]
struct Turn {
    look: Duration,
    book: Duration,
    compare: Duration,
    /// Changes of Slurm that it asks for.
    calls: usize,
    records: usize,
}

impl Turn {
    fn total(&self) -> Duration {
        self.look + self.book + self.compare
    }

    fn report(&self, name: &str, report: &mut dyn FnMut(Figure)) {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let parts = [("look", self.look), ("book", self.book), ("compare", self.compare)];
        report(Figure::new(name, ms(self.total()), "ms"));
        for (part, took) in parts {
            report(Figure::new(format!("{name}_{part}"), ms(took), "ms"));
        }
        report(Figure::new(format!("{name}_calls"), self.calls as f64, "calls"));
        report(Figure::new(format!("{name}_records"), self.records as f64, "records"));
    }
}

/// The plant of a server, without its threads: what was seen is booked, and what is asked for is counted.
struct Booked {
    booking: Booking,
    evictions: usize,
}

impl Plant for Booked {
    fn next(&self) -> Option<Instant> {
        self.booking.next()
    }

    fn see(&mut self, now: Instant, state: &State, registry: &Registry) -> Vec<Seen> {
        let seen = self.booking.see(now, state, registry);
        self.evictions += self.booking.to_leave.len();
        self.booking.to_leave.clear();
        seen
    }

    fn hear(&mut self, _: Instant, event: &Event, _: &State, _: &Registry) {
        self.evictions += usize::from(matches!(event, Event::EvictionRequested { .. }));
    }

    fn act(&mut self) {}

    fn take_over(&mut self, _: &State, _: &Registry) {}
}

/// A cluster that is played and what holds it to its leases.
struct Stage {
    form: Form,
    slurm: Played,
    cluster: Cluster,
    config: SlurmConfig,
    settings: Settings,
    watch: Watch,
    core: Core,
    plant: Booked,
    jobs: Vec<Job>,
    now: Instant,
}

fn opening() -> Instant {
    Instant::from_rfc3339("2026-03-02T12:00:00Z").expect("an instant")
}

impl Stage {
    fn new(form: Form) -> Self {
        let site = Source::new("site.toml", site_file());
        let mut core = Core::open(&site, opening()).expect("a site");
        let mut out = Outbox::default();
        let sign = |tenant, racks| Input::Sign(Box::new(lease(tenant, racks)));
        let inputs = [sign("anna", 50), sign("bert", 25), Input::PlacedBy(Placing::Cluster)];
        for input in &inputs {
            core.handle(opening(), input, &mut NoPlant, &mut out).expect("it is taken");
        }
        core.settle(opening(), &mut NoPlant, &mut out).expect("no invariant is broken");
        let slurm = Played::default();
        let cluster = Cluster::new(Box::new(slurm.clone()));
        let (_, config) = cluster.greet().expect("it is played");
        let settings = Settings::default();
        let names = Names::new(&settings, &core.state().site).expect("its own names");
        let booking = Booking::new(names, config.kill_wait);
        let mut stage = Self {
            form,
            slurm,
            cluster,
            config,
            settings,
            watch: Watch::default(),
            core,
            plant: Booked { booking, evictions: 0 },
            jobs: Vec::new(),
            now: opening().after(Seconds::new(600)),
        };
        stage.play_jobs();
        stage
    }

    fn wanted(&self) -> leasehold_clusters::slurm::objects::Wanted {
        wanted(self.core.state(), self.plant.booking.names(), &self.settings, &self.config)
    }

    /// Jobs of six to a node on four nodes of five, and one on all of each fifth; the landlord borrows half of
    /// what one tenant holds.
    fn play_jobs(&mut self) {
        let wanted = self.wanted();
        let mut names = String::new();
        let mut draw = 0_u32;
        for holding in &wanted.holdings {
            for (place, name) in holding.nodes.iter().enumerate() {
                names.push_str(&played::node(name));
                let account = match &holding.ground {
                    Ground::Lease(id) if id.as_str() == "anna" && place % 2 == 0 => "anna",
                    Ground::Lease(id) if id.as_str() == "bert" => "bert",
                    _ => "owner",
                };
                let (count, gpus) = if place % 5 == 4 { (1, GPUS_PER_NODE) } else { (6, 1) };
                for _ in 0..count {
                    draw += 1;
                    let since = opening().after(Seconds::new(u64::from(1 + draw % 500)));
                    let stands = Stands::Runs { since, nodes: name.clone() };
                    self.add(account, gpus, 1, stands);
                }
            }
        }
        assert_eq!(self.jobs.len(), RUNNING, "that many run");
        for number in 0..WAITING {
            let account = ["anna", "bert", "owner"][number % 3];
            let (gpus, nodes) = match number / 3 % 10 {
                0 => (32, 4),
                1 | 2 => (GPUS_PER_NODE, 1),
                _ => (1, 1),
            };
            self.add(account, gpus, nodes, Stands::Waits);
        }
        self.slurm.print(|printed| {
            printed.nodes = names;
            printed.jobs = played::text(&self.jobs);
        });
    }

    /// Every other job of a GPU is a task of an array of a thousand.
    fn add(&mut self, account: &'static str, gpus: u32, node_count: u32, stands: Stands) {
        let id = u32::try_from(self.jobs.len()).expect("few") + 1;
        let array = match account {
            "anna" => 1_000_000,
            "bert" => 2_000_000,
            _ => 3_000_000,
        };
        let task = (gpus == 1 && id.is_multiple_of(2)).then_some((array + id / 1_000, id % 1_000));
        let submit = opening();
        self.jobs.push(Job { id, task, account, gpus, node_count, submit, stands });
    }

    /// Prints the objects as after all calls.
    fn play_held(&mut self) {
        let desired = compile(&self.wanted()).expect("it goes into Slurm's words");
        self.slurm.print(|printed| printed.hold(&desired, self.now));
    }

    /// Some jobs end, and others of the same accounts begin in their places; some are submitted.
    fn play_changes(&mut self) {
        self.now = self.now.after(Seconds::new(1));
        let at = self.now;
        let ending: Vec<usize> = (0..self.jobs.len())
            .filter(|place| {
                let job = &self.jobs[*place];
                job.gpus == 1 && matches!(job.stands, Stands::Runs { .. })
            })
            .step_by(7)
            .take(CHANGES)
            .collect();
        for place in ending {
            let job = &mut self.jobs[place];
            let Stands::Runs { since, nodes } = job.stands.clone() else { continue };
            let account = job.account;
            job.stands = Stands::Ended { since, nodes: nodes.clone(), at };
            let next = self.jobs.iter_mut().find(|job| {
                job.account == account && job.gpus == 1 && matches!(job.stands, Stands::Waits)
            });
            next.expect("many wait").stands = Stands::Runs { since: at, nodes };
            self.add(account, 1, 1, Stands::Waits);
        }
        self.slurm.print(|printed| printed.jobs = played::text(&self.jobs));
    }

    /// One turn.
    fn turn(&mut self) -> Turn {
        let json = (self.form == Form::Json).then(|| played::json(&self.jobs));
        let clock = Clock::now();
        let sighting = self.look(json.as_deref());
        let look = clock.elapsed();
        let records = self.book(sighting);
        let book = clock.elapsed() - look;
        let standing = self.cluster.compare(&self.wanted(), None, self.now);
        let calls = standing.expect("it can be compared").commands().len();
        let compare = clock.elapsed() - look - book;
        Turn { look, book, compare, calls, records }
    }

    fn look(&mut self, json: Option<&str>) -> Sighting {
        let gpus = |_: &str| GPUS_PER_NODE;
        let Some(json) = json else {
            let look = self.cluster.look(&mut self.watch, self.now, None, &gpus);
            return look.expect("it can be read").0;
        };
        let jobs = jobs_json::read(json).expect("it can be read");
        let nodes = self.slurm.print(|printed| nodes::read(&printed.nodes));
        let look = self.watch.look(self.now, &jobs, nodes.expect("they can be read"));
        self.watch.resolve(look, &[], gpus)
    }

    fn book(&mut self, sighting: Sighting) -> usize {
        self.plant.booking.take(sighting);
        let mut records = 0;
        loop {
            let mut out = Outbox::default();
            let done = self.core.catch_up(self.now, &mut self.plant, &mut out, &mut || false);
            records += out.take().records.len();
            if done.expect("no invariant is broken") {
                return records;
            }
        }
    }
}
