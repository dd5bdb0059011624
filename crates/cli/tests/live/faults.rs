//! Kill -9 at random instants under load.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use leasehold_storage::cluster::{self, Cluster};

use crate::books::{check_bill, check_log};
use crate::load::Load;
use crate::server::{Place, Server, signal_process, wait_until};

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
    let mut load = Load::of(place.parties(&ports));
    for round in 0..rounds() {
        load.run(&place, &ports, round, |_| {
            chance.pause(700);
            fault(&place, &server, &mut chance);
            chance.pause(300);
        });
        load.check(&place, &ports);
    }
    finish(&place, server, &load, &ports);
}

/// Stops what serves, and looks at everything that is left.
#[expect(clippy::print_stderr, reason = "what was survived is told")]
fn finish(place: &Place, server: Server, load: &Load, ports: &[u16]) {
    load.check_all(place, ports);
    server.stop();
    check_log(place, load.count());
    let told = check_bill(place, load);
    eprintln!("{} rounds: {} jobs, each once; {told}", rounds(), load.count());
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
    let mut load = Load::of(place.parties(&ports));
    for round in 0..rounds() {
        load.run(&place, &ports, round, |answered| {
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
        load.check(&place, &ports);
    }
    drop(servers);
    let last = place.serve();
    let ports = [last.port];
    finish(&place, last, &load, &ports);
}
