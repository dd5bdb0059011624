//! The live server on loopback, with its load on the same cores: durable submissions, reads, how soon a job
//! starts, how soon a server with a long log starts, how much memory a large site takes.

mod history;
mod http;
mod load;
mod process;

use std::path::Path;
use std::time::{Duration, Instant as Clock};

use leasehold_storage::cluster;

use super::{Figure, binary};
use http::Connection;
use load::{Load, submission};
use process::{Place, Server};

const CLIENTS: usize = 64;
/// How long each rate is measured.
const WHILE: Duration = Duration::from_secs(10);
/// Jobs that are started one after the other on an idle machine.
const STARTS: usize = 200;
/// Records of the log that a server is started over.
const RECORDS: u64 = 10_000_000;
/// Jobs that a large site knows.
const JOBS_KNOWN: usize = 100_000;

/// Hands each figure to `report` as soon as it is measured. `LEASEHOLD_BENCH_SERVE` names the parts to measure,
/// with commas between them; all if nothing is said.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let wanted = std::env::var("LEASEHOLD_BENCH_SERVE").ok();
    let is_wanted =
        |part: &str| wanted.as_ref().is_none_or(|all| all.split(',').any(|one| one == part));
    binary::build();
    if is_wanted("sqlite") {
        submissions("sqlite", None, report);
    }
    if is_wanted("postgres")
        && let Some(cluster) = cluster::start(&[])
    {
        submissions("postgres", Some(cluster.fresh()), report);
    }
    if is_wanted("start") {
        starts(report);
    }
    if is_wanted("memory") {
        memory(report);
    }
    if is_wanted("history") {
        history(report);
    }
}

/// 64 clients that submit jobs, each as soon as its last one is durable; then as many that read.
fn submissions(backend: &str, database: Option<String>, report: &mut dyn FnMut(Figure)) {
    let place = Place::new(&format!("submissions-{backend}"), &example("one-machine/site.toml"));
    let server = Server::start(&place, database.as_deref());
    let token = server.party_token("lab");
    let load = Load { address: server.address, token: &token };
    let waits = load.run(CLIENTS, WHILE, &|client, turn| submission(client, turn, 128));
    rates(&format!("serve_{backend}_submissions"), &waits, report);
    let waits = load.run(CLIENTS, WHILE, &|client, turn| {
        http::get(&format!("/api/v1/jobs/{}", 1 + (client * 97 + turn) % 10_000))
    });
    rates(&format!("serve_{backend}_reads"), &waits, report);
    report(Figure::new(format!("serve_{backend}_peak"), server.memory("VmHWM"), "MiB"));
}

fn rates(name: &str, waits: &[Duration], report: &mut dyn FnMut(Figure)) {
    let mut waits = waits.to_vec();
    waits.sort_unstable();
    let rate = waits.len() as f64 / WHILE.as_secs_f64();
    report(Figure::new(name, rate, "requests/s"));
    for share in [50, 99] {
        let wait = waits[waits.len() * share / 100].as_secs_f64() * 1e3;
        report(Figure::new(format!("{name}_p{share}"), wait, "ms"));
    }
}

/// From the moment before a job is submitted to the moment at which its own process runs.
fn starts(report: &mut dyn FnMut(Figure)) {
    let place = Place::new("starts", &example("one-machine/site.toml"));
    let server = Server::start(&place, None);
    let token = server.party_token("lab");
    let mut connection = Connection::open(server.address, &token);
    let mut waits: Vec<f64> =
        (0..STARTS).map(|turn| one_start(&place, &mut connection, turn)).collect();
    waits.sort_unstable_by(f64::total_cmp);
    for share in [0, 50, 99] {
        let name = format!("serve_submit_to_start_p{share}");
        report(Figure::new(name, waits[waits.len() * share / 100], "ms"));
    }
}

fn one_start(place: &Place, connection: &mut Connection, turn: usize) -> f64 {
    let file = place.folder.join(format!("started-{turn}"));
    let command = format!("date +%s%N >{0}.new && mv {0}.new {0}", file.display());
    let job = serde_json::json!({
        "gpus": 1, "time_limit_seconds": 60, "command": ["/bin/sh", "-c", command],
    });
    let before = std::time::SystemTime::now();
    let request = http::post("/api/v1/jobs", &format!("start-{turn}"), &job.to_string());
    let (status, body) = connection.ask(&request);
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
    let text = process::wait_until(|| std::fs::read_to_string(&file).ok());
    process::wait_until(|| {
        let (_, body) = connection.ask(&http::get("/api/v1/jobs?state=live"));
        let live: serde_json::Value = serde_json::from_slice(body).ok()?;
        live["jobs"].as_array()?.is_empty().then_some(())
    });
    let before = before.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    let started: u128 = text.trim().parse().expect("date prints nanoseconds");
    started.saturating_sub(before) as f64 / 1e6
}

/// The largest example with a hundred thousand jobs that wait.
fn memory(report: &mut dyn FnMut(Figure)) {
    let place = Place::new("memory", &example("colossus-1/site.toml"));
    let server = Server::start(&place, None);
    report(Figure::new("serve_memory_30028_nodes", server.memory("VmRSS"), "MiB"));
    let token = server.party_token("xai");
    let load = Load { address: server.address, token: &token };
    let clock = Clock::now();
    load.times(CLIENTS, JOBS_KNOWN / CLIENTS, &|client, turn| submission(client, turn, 100_000));
    let rate = JOBS_KNOWN as f64 / clock.elapsed().as_secs_f64();
    report(Figure::new("serve_submissions_30028_nodes", rate, "requests/s"));
    report(Figure::new("serve_memory_100000_jobs", server.memory("VmRSS"), "MiB"));
    report(Figure::new("serve_memory_100000_jobs_peak", server.memory("VmHWM"), "MiB"));
    server.stop();
    let clock = Clock::now();
    let server = Server::start_again(&place);
    report(Figure::new("serve_start_100000_jobs", clock.elapsed().as_secs_f64(), "s"));
    report(Figure::new("serve_memory_started_again", server.memory("VmRSS"), "MiB"));
}

/// A server that is started over a long log.
fn history(report: &mut dyn FnMut(Figure)) {
    let place = Place::new("history", &example("one-machine/site.toml"));
    let clock = Clock::now();
    let records = history::write(&place, RECORDS);
    report(Figure::new("serve_history_written", records as f64, "records"));
    report(Figure::new("serve_history_took", clock.elapsed().as_secs_f64(), "s"));
    let clock = Clock::now();
    let server = Server::start_again(&place);
    report(Figure::new("serve_start_long_log", clock.elapsed().as_secs_f64(), "s"));
    report(Figure::new("serve_memory_long_log", server.memory("VmHWM"), "MiB"));
}

fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name).display().to_string()
}
