//! Servers in processes of their own, started again whenever they end, as a supervisor does.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leasehold_fixtures::File;

use crate::client::Client;
use crate::load::Party;

/// The site's file: two racks of two nodes.
pub fn site_file() -> File {
    leasehold_fixtures::site_file(1, 2, 2)
}

/// Who rents half of the site.
pub const TENANT: &str = "guest";

/// A rack, by the GPU-hour, and a fee. A GPU-second costs one dollar, so that the bill says how many there were.
fn lease_file() -> File {
    leasehold_fixtures::lease_file(TENANT)
        .set("id", "'half'")
        .set("signed", "2026-01-01")
        .set("term.start", "2026-01-01")
        .set("term.end", "2099-12-31")
        .set("notice.days", 30)
        .set("capacity.amount", "'1 rack'")
        .set("fee.fixed", "'1000.00'")
        .set("fee.invoice", "'arrears'")
        .set("fee.usage.meter", "'gpu_hours_used'")
        .set("fee.usage.price", "'3600.00'")
        .without_table("service")
        .without_table("service.credit")
}

/// A folder with a site, and what a server keeps there.
pub struct Place {
    pub folder: PathBuf,
    /// Of the database; nothing: a SQLite file in the folder.
    pub database: Option<String>,
}

/// A server that is started again whenever it ends.
pub struct Server {
    pub port: u16,
    child: Arc<Mutex<Child>>,
    is_over: Arc<AtomicBool>,
    supervisor: Option<JoinHandle<()>>,
}

impl Place {
    pub fn new(name: &str, database: Option<String>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A run before this one may have left it.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("runs")).expect("the build folder can be written");
        std::fs::write(folder.join("site.toml"), &*site_file())
            .expect("the build folder can be written");
        Self { folder, database }
    }

    pub fn database(&self) -> String {
        let file = self.folder.join("data/leasehold.db").display().to_string();
        self.database.clone().unwrap_or(file)
    }

    fn start(&self, port: u16) -> Child {
        let log = self.folder.join(format!("log-{port}"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log);
        let log = log.expect("the build folder can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold"));
        command.args(["serve", "site.toml", "--data", "data", "--rate-limit", "off", "--database"]);
        command.arg(self.database()).args(["--listen", &format!("127.0.0.1:{port}")]);
        command.current_dir(&self.folder).stdin(Stdio::null()).stderr(log);
        command.spawn().expect("the binary starts")
    }

    /// A server in this folder.
    pub fn serve(self: &Arc<Self>) -> Server {
        let port = free_port();
        let child = Arc::new(Mutex::new(self.start(port)));
        let is_over = Arc::new(AtomicBool::new(false));
        let (place, watched, over) = (Arc::clone(self), Arc::clone(&child), Arc::clone(&is_over));
        let supervisor = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let mut child = lock(&watched);
                if child.try_wait().expect("it is our child").is_some()
                    && !over.load(Ordering::Relaxed)
                {
                    *child = place.start(port);
                }
                drop(child);
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        Server { port, child, is_over, supervisor: Some(supervisor) }
    }

    /// The agent of this folder, while it runs.
    pub fn agent(&self) -> Option<u32> {
        let wanted = self.folder.join("data/agent").display().to_string();
        let processes = std::fs::read_dir("/proc").expect("this is Linux").flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.into_iter().find(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).skip(1);
            words.next().is_some_and(|word| word == "agent") && {
                let of = words.next().unwrap_or_default().into_owned();
                of == wanted
                    || std::fs::read_link(format!("/proc/{pid}/cwd"))
                        .is_ok_and(|cwd| cwd.join(&of).display().to_string() == wanted)
            }
        })
    }

    /// The landlord and a tenant, each with a token for its jobs.
    pub fn parties(&self, ports: &[u16]) -> [Party; 2] {
        let file = self.folder.join("data/operator.token");
        // Of a server that lost the lead before it had begun, the token never counts; the next one leaves another.
        let mut operator = Client::new(ports, "");
        wait_until("the first token is there and counts", || {
            let token = std::fs::read_to_string(&file).unwrap_or_default();
            operator = Client::new(ports, token.trim());
            let mut counts = || {
                operator
                    .try_ask("GET /api/v1/session", "session", "")
                    .is_some_and(|(status, _)| status == 200)
            };
            ports.iter().any(|_| counts())
        });
        let signed = serde_json::json!({ "terms": &*lease_file(), "backdated": true }).to_string();
        operator.ask("POST /api/v1/leases", "sign", &signed);
        ["owner", TENANT].map(|name| {
            let body = serde_json::json!({
                "name": "load", "role": "party_admin", "party": name, "scopes": ["read", "write"],
            });
            let made = operator.ask("POST /api/v1/tokens", name, &body.to_string());
            Party { name, token: made["token"].as_str().expect("a token is told").to_owned() }
        })
    }
}

impl Server {
    pub fn signal(&self, signal: &str) {
        signal_process(lock(&self.child).id(), signal);
    }

    /// Stops it as an operator does.
    pub fn stop(mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.supervisor.take().map(JoinHandle::join);
        self.signal("TERM");
        let status = lock(&self.child).wait().expect("it is our child");
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.supervisor.take().map(JoinHandle::join);
        let _ = lock(&self.child).kill();
        let _ = lock(&self.child).wait();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(agent) = self.agent() {
            signal_process(agent, "KILL");
        }
    }
}

pub fn signal_process(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    // It may have gone by itself.
    sent.expect("every Unix has kill");
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within a minute");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
