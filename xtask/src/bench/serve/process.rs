//! A server of the release build in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant as Clock};

use super::super::binary;
use super::http::{self, Connection};

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder beside the build, on the disk that the build is on; it goes at the end.
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// The site file.
    pub site: PathBuf,
}

/// A running server.
pub struct Server<'a> {
    place: &'a Place,
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What `look` finds, as soon as it does.
pub fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock.elapsed() < PATIENCE, "what is waited for does not happen");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

impl Place {
    /// The empty folder `name` for a server of `site`.
    pub fn new(name: &str, site: &str) -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-serve");
        let folder = target.join(name);
        // A run before this one may have left it.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("data")).expect("the build folder can be written");
        let folder = folder.canonicalize().expect("it was just made");
        Self { folder, site: site.into() }
    }

    /// Where a server keeps what it knows, if nothing else is said.
    pub fn database(&self) -> String {
        self.folder.join("data/leasehold.db").display().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left there is only large, not wrong.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl<'a> Server<'a> {
    /// A server of the place's site, which answers.
    pub fn start(place: &'a Place, database: Option<&str>) -> Self {
        let site = place.site.display().to_string();
        let database = database.map(|database| ["--database", database]);
        Self::serve(place, [site.as_str()].into_iter().chain(database.into_iter().flatten()))
    }

    /// A server of what is in the place's database, which answers.
    pub fn start_again(place: &'a Place) -> Self {
        Self::serve(place, std::iter::empty())
    }

    fn serve<'b>(place: &'a Place, arguments: impl Iterator<Item = &'b str>) -> Self {
        let mut process = Command::new(binary::path())
            .arg("serve")
            .args(arguments)
            .args(["--data", "data", "--listen", "127.0.0.1:0", "--rate-limit", "off"])
            .current_dir(&place.folder)
            .env("LEASEHOLD_LOG", "warn")
            .env_remove("LEASEHOLD_DATABASE")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server was built");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let address = loop {
            let line = lines.next().expect("the server ended").expect("it speaks");
            let rest = line.strip_prefix("serving on http://");
            if let Some(address) = rest.and_then(|rest| rest.split(';').next()) {
                break address.parse().expect("an address");
            }
            eprintln!("{line}");
        };
        std::thread::spawn(move || {
            // Read to its end, so that the server never waits for a reader.
            lines.map_while(Result::ok).for_each(|line| eprintln!("{line}"));
        });
        Self { place, process, address }
    }

    /// A token of an admin of `party`.
    pub fn party_token(&self, party: &str) -> String {
        let operator = std::fs::read_to_string(self.place.folder.join("data/operator.token"));
        let operator = operator.expect("the first start makes one");
        let body = serde_json::json!({
            "name": "load", "role": "party_admin", "party": party, "scopes": ["read", "write"],
        });
        let request = http::post("/api/v1/tokens", "token", &body.to_string());
        let mut connection = Connection::open(self.address, operator.trim());
        let (status, body) = connection.ask(&request);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
        let made: serde_json::Value = serde_json::from_slice(body).expect("JSON");
        made["token"].as_str().expect("a secret").to_owned()
    }

    /// `VmRSS` or `VmHWM` of the server, in MiB.
    pub fn memory(&self, which: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.expect("Linux says how much memory a process has") / 1024.0
    }

    /// Stops it as an operator does.
    pub fn stop(mut self) {
        signal(self.process.id(), "TERM");
        let status = self.process.wait().expect("it is our child");
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // The agent and what it runs outlive a server.
        let wanted = self.place.folder.join("data/agent").display().to_string();
        let processes = std::fs::read_dir("/proc").expect("this is Linux").flatten();
        for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            let has = |what: &str| {
                let bytes = std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(&wanted)
            };
            if pid != std::process::id() && (has("cmdline") || has("environ")) {
                signal(pid, "KILL");
            }
        }
    }
}

fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    // It may have gone by itself.
    sent.expect("every Unix has kill");
}
