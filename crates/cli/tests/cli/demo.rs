//! A demonstration, served as a newcomer serves it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::Folder;

/// The site's hour in each second: a job of ten minutes is over at once.
const RATE: &str = "1h/s";

/// Nothing takes longer than this, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Server {
    process: Child,
    pub address: String,
}

impl Server {
    pub fn start(folder: &Folder, scenario: &str, options: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_leasehold"))
            .args(["serve", scenario, "--listen", "127.0.0.1:0", "--data", "data"])
            .args(options)
            .current_dir(folder.path(""))
            .env("LEASEHOLD_LOG", "error")
            .env_remove("LEASEHOLD_DATABASE")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut said = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert!(said.read_line(&mut line).expect("it speaks") > 0, "it ended");
        }
        // Whoever writes into a closed pipe dies of it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.expect("an address").to_owned();
        Self { process, address }
    }

    /// The status and the body of the answer.
    fn ask(&self, request: &str, token: &str, key: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}",
            self.address
        )
        .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status.expect("a status"), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn people_use_a_site_while_its_scenario_plays() {
    let folder = Folder::new("demo");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/three-tenants");
    let server = Server::start(&folder, scenario, &["--clock", RATE]);
    let token = folder.read("data/party-xai.token");
    let token = token.trim();
    let job =
        r#"{"name": "hello", "gpus": 8, "time_limit_seconds": 3600, "command": ["sleep", "600"]}"#;
    let (status, body) = server.ask("POST /api/v1/jobs", token, "first-job", job);
    assert_eq!(status, 201, "{body}");
    let number = body.split("\"number\":").nth(1).and_then(|rest| rest.split(',').next());
    let number = number.expect("a number");
    let began = Instant::now();
    let shown = loop {
        let (status, body) = server.ask(&format!("GET /api/v1/jobs/{number}"), token, "-", "");
        assert_eq!(status, 200, "{body}");
        if body.contains("\"completed\"") {
            break body;
        }
        assert!(began.elapsed() < PATIENCE, "it does not end: {body}");
    };
    assert!(shown.contains("\"name\":\"hello\""), "{shown}");
    let (_, jobs) = server.ask("GET /api/v1/jobs", token, "-", "");
    assert!(jobs.contains("\"user\":\"workload\""), "those of the scenario are there too: {jobs}");
    let operator = folder.read("data/operator.token");
    let (status, site) = server.ask("GET /api/v1/site", operator.trim(), "-", "");
    assert_eq!(status, 200, "{site}");
    assert!(site.contains("\"now\":\"2026-0"), "it has the time of the scenario: {site}");
}
