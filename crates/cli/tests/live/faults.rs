//! Kill -9 at random instants under load.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use leasehold_server::core::Outbox;
use leasehold_server::engine::{fold_all, load};
use leasehold_server::plant::NoPlant;
use leasehold_storage::cluster::{self, Cluster};
use leasehold_storage::{OpenMode, Store, open, verify_chain};
use leasehold_units::Instant as SiteInstant;

use crate::client::Client;
use crate::server::{Place, Server, signal_process, wait_until};

const CLIENTS: u64 = 4;

/// How many rounds.
fn rounds() -> u64 {
    let asked = std::env::var("LEASEHOLD_ROUNDS").ok();
    asked.map_or(3, |asked| asked.parse().expect("LEASEHOLD_ROUNDS is a number"))
}

/// Chance, from a seed that is printed first: `LEASEHOLD_SEED` gives the same chance again.
struct Chance(u64);

impl Chance {
    #[expect(clippy::print_stderr, reason = "a failure is looked for again by its seed")]
    fn new() -> Self {
        let given = std::env::var("LEASEHOLD_SEED").ok();
        let seed = given.map_or(u64::from(std::process::id()) * 0x9e37_79b9, |given| {
            given.parse().expect("LEASEHOLD_SEED is a number")
        });
        eprintln!("LEASEHOLD_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn pause(&mut self, millis: u64) {
        std::thread::park_timeout(Duration::from_millis(self.below(millis)));
    }
}

/// Clients that submit jobs, and what they were told.
struct Load {
    acknowledged: BTreeMap<String, u64>,
}

/// What a job does: says that it runs, and whether another one does.
fn command(runs: &Path, name: &str) -> String {
    let runs = runs.display();
    let script = format!(
        "exec 9>>{runs}/lock.{name}; flock -n 9 || echo {name} >>{runs}/twice; \
         echo run >>{runs}/ran.{name}; sleep 0.1"
    );
    let gpus = 1 + name.len() % 8;
    serde_json::json!({
        "name": name, "gpus": gpus, "time_limit_seconds": 600, "command": ["/bin/sh", "-c", script],
    })
    .to_string()
}

impl Load {
    /// Submits while `fault` happens, and hands back once everybody who asked was answered.
    fn run(
        &mut self,
        place: &Place,
        ports: &[u16],
        token: &str,
        round: u64,
        fault: impl FnOnce(&AtomicUsize),
    ) {
        let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
        let runs = place.folder.join("runs");
        let submit = |client: u64| {
            let mut told = Vec::new();
            let mut to = Client::new(ports, token);
            while !is_over.load(Ordering::Relaxed) {
                let name = format!("{round}-{client}-{}", told.len());
                let answer = to.ask("POST /api/v1/jobs", &name, &command(&runs, &name));
                told.push((name, answer["number"].as_u64().expect("a number is told")));
                answered.fetch_add(1, Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(60));
            }
            told
        };
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CLIENTS).map(|client| scope.spawn(move || submit(client))).collect();
            fault(&answered);
            is_over.store(true, Ordering::Relaxed);
            for client in clients {
                self.acknowledged.extend(client.join().expect("a client ends"));
            }
        });
    }

    /// Waits until no job is left, then looks at what each of them did.
    fn check(&self, place: &Place, ports: &[u16], token: &str) {
        let mut client = Client::new(ports, token);
        wait_until("all jobs are over", || {
            let live = client.ask("GET /api/v1/jobs?state=live", "read", "");
            live["jobs"].as_array().is_some_and(Vec::is_empty)
        });
        let runs = place.folder.join("runs");
        assert!(!runs.join("twice").exists(), "jobs ran twice at once");
        let mut numbers: Vec<u64> = self.acknowledged.values().copied().collect();
        numbers.sort_unstable();
        let all: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, all, "commands were lost or carried out twice");
        for (name, number) in &self.acknowledged {
            let job = client.ask(&format!("GET /api/v1/jobs/{number}"), "read", "");
            assert_eq!(job["name"], name.as_str(), "{job}");
            assert_eq!(job["exit"]["code"], 0, "{job}");
            let ran = std::fs::read_to_string(runs.join(format!("ran.{name}"))).unwrap_or_default();
            assert_eq!(ran, "run\n", "{name}: {job}");
        }
    }
}

/// What is stored: a good chain, whose fold keeps all promises and is what the server had.
fn check_log(place: &Place, jobs: usize) {
    let read =
        || -> Box<dyn Store> { open(&place.database(), OpenMode::Read).expect("it is there") };
    verify_chain(read().as_mut(), &mut |_| ()).expect("the chain is good");
    let mut folded = fold_all(read().as_mut()).expect("the log can be folded");
    let live = load(read(), None, SiteInstant::from_unix(0)).expect("the snapshot can be read");
    assert_eq!(live.snapshot_seq, read().head().seq, "the last snapshot is of the end");
    assert!(folded.state().difference(live.core.state()).is_none(), "the fold is another state");
    assert_eq!(folded.registry(), live.core.registry());
    let now = folded.state().now;
    let mut out = Outbox::default();
    folded.settle(now, &mut NoPlant, &mut out).expect("all promises are kept");
    assert!(out.take().records.is_empty(), "the end of the log was settled");
    let finished = count(read().as_mut(), "{\"event\":{\"job_finished\"");
    assert_eq!(finished, jobs, "jobs that are over");
}

fn count(store: &mut dyn Store, kind: &str) -> usize {
    let (mut from, mut found) = (1, 0);
    loop {
        let page = store.read(from, 10_000).expect("reading works");
        let Some(last) = page.last() else { return found };
        from = last.seq + 1;
        found += page.iter().filter(|record| record.body.starts_with(kind)).count();
    }
}

/// Rounds of load with a fault in each; then everything is looked at.
fn survive(
    name: &str,
    database: Option<String>,
    mut fault: impl FnMut(&Place, &Server, &mut Chance),
) {
    let mut chance = Chance::new();
    let place = Arc::new(Place::new(name, database));
    let server = place.serve();
    let ports = [server.port];
    let token = place.token(&ports);
    let mut load = Load { acknowledged: BTreeMap::new() };
    for round in 0..rounds() {
        load.run(&place, &ports, &token, round, |_| {
            chance.pause(700);
            fault(&place, &server, &mut chance);
            chance.pause(300);
        });
        load.check(&place, &ports, &token);
    }
    server.stop();
    check_log(&place, load.acknowledged.len());
}

fn kill_agent(place: &Place) {
    if let Some(agent) = place.agent() {
        signal_process(agent, "KILL");
    }
}

#[test]
fn a_killed_server_loses_nothing() {
    survive("kill-server", None, |_, server, _| server.signal("KILL"));
}

#[test]
fn a_killed_agent_loses_nothing() {
    survive("kill-agent", None, |place, _, _| kill_agent(place));
}

#[test]
fn server_and_agent_killed_together_lose_nothing() {
    survive("kill-both", None, |place, server, chance| {
        server.signal("KILL");
        chance.pause(30);
        kill_agent(place);
    });
}

#[test]
fn a_killed_postgres_loses_nothing() {
    let Some(cluster) = cluster::start(&[]) else { return };
    let (database, mut cluster) = (cluster.fresh(), cluster);
    survive("kill-postgres", Some(database), |_, server, chance| {
        cluster.kill();
        chance.pause(300);
        if chance.below(2) == 0 {
            server.signal("KILL");
        }
        cluster.run();
    });
}

/// Ends every connection of a server, and leaves PostgreSQL be.
const CUT: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leasehold'";

#[test]
fn cut_connections_to_postgres_lose_nothing() {
    let Some(cluster) = cluster::start(&[]) else { return };
    survive("cut-postgres", Some(cluster.fresh()), |_, _, chance| {
        for _ in 0..3 {
            cluster.psql_when_ready("postgres", CUT);
            chance.pause(200);
        }
    });
}

/// Two servers of one machine on one database: the one that leads is killed, or does not move for a while.
#[test]
fn of_two_servers_the_other_takes_over() {
    let Some(cluster) = cluster::start(&[]) else { return };
    take_over(&cluster);
}

/// How long nobody may lead after the leader stands still.
const TAKEN_OVER: Duration = Duration::from_secs(5);

/// Tells it, and holds it to the promise where faults are what the machine is there for: among other tests
/// anything may take long.
#[expect(clippy::print_stderr, reason = "how long it took is told")]
fn told_in_time(took: Duration) {
    eprintln!("the other one leads after {took:?}");
    let is_asked = std::env::var_os("LEASEHOLD_ROUNDS").is_some();
    assert!(!is_asked || took < TAKEN_OVER, "it took {took:?} to take over");
}

#[expect(clippy::print_stderr, reason = "how long it took is told")]
fn take_over(cluster: &Cluster) {
    let mut chance = Chance::new();
    let place = Arc::new(Place::new("two-servers", Some(cluster.fresh())));
    let servers = [place.serve(), place.serve()];
    let ports = [servers[0].port, servers[1].port];
    let token = place.token(&ports);
    let mut load = Load { acknowledged: BTreeMap::new() };
    for round in 0..rounds() {
        load.run(&place, &ports, &token, round, |answered| {
            chance.pause(500);
            let leads =
                |server: &Server| std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok();
            let leader = servers.iter().find(|server| leads(server)).unwrap_or(&servers[0]);
            let (began, stands) = (Instant::now(), chance.below(2) == 0);
            leader.signal(if stands { "STOP" } else { "KILL" });
            let before = answered.load(Ordering::Relaxed);
            if stands {
                // A server listens once it leads.
                let mut others = servers.iter().filter(|server| server.port != leader.port);
                let other = others.next().expect("there are two");
                wait_until("the other one leads", || leads(other));
                told_in_time(began.elapsed());
            }
            wait_until("another one answers", || answered.load(Ordering::Relaxed) > before + 8);
            eprintln!("stands: {stands}; answers again after {:?}", began.elapsed());
            leader.signal("CONT");
        });
        load.check(&place, &ports, &token);
    }
    drop(servers);
    let last = place.serve();
    Client::new(&[last.port], &token).ask("GET /api/v1/session", "read", "");
    last.stop();
    check_log(&place, load.acknowledged.len());
}
