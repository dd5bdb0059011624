//! A PostgreSQL server of the tests' own: in a temporary folder, on a Unix socket alone, gone with the
//! test. A server of the system is never touched. Not part of the product: the feature `cluster` hands it
//! to the tests and figures of other crates.

use std::cell::Cell;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const READY: Duration = Duration::from_secs(60);

/// A running server.
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    /// Settings beyond the usual.
    settings: Vec<String>,
    server: Option<Child>,
    count: Cell<u32>,
    port: u16,
}

/// A server, or nothing and a word why where PostgreSQL is not installed. `./test` installs it and
/// then insists.
#[expect(clippy::print_stderr, reason = "who runs the tests is told what was not tested")]
pub fn start(settings: &[&str]) -> Option<Cluster> {
    let Some(programs) = programs() else {
        let advice = "PostgreSQL is not installed; on Debian: apt-get install postgresql";
        assert!(std::env::var_os("LEASEHOLD_POSTGRES").is_none(), "{advice}");
        eprintln!("NOT TESTED: {advice}");
        return None;
    };
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let count = Cell::new(0);
    let mut cluster =
        Cluster { folder, programs, settings, server: None, count, port: free_port() };
    cluster.initialise();
    cluster.run();
    Some(cluster)
}

/// The programs of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let versions = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let number =
        |path: &PathBuf| -> Option<u32> { path.parent()?.file_name()?.to_str()?.parse().ok() };
    versions.filter(|path| path.join("initdb").exists()).max_by_key(number)
}

impl Cluster {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn initialise(&self) {
        if is_root() {
            let (user, group) = (id("-u", "postgres"), id("-g", "postgres"));
            chown(self.folder.path(), Some(user), Some(group)).expect("root may give files away");
        }
        let mut initdb = as_server(&self.programs.join("initdb"));
        initdb.args(["--auth=trust", "--username=leasehold", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--no-sync", "--pgdata"]).arg(self.data()).current_dir(self.folder.path());
        let done = initdb.output().expect("initdb is there");
        assert!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Starts the server and waits until it lets us in.
    pub fn run(&mut self) {
        let until = Instant::now() + READY;
        while !self.try_run(until) {
            assert!(Instant::now() < until, "PostgreSQL does not start: {}", self.log());
        }
    }

    fn try_run(&mut self, until: Instant) -> bool {
        let mut command = as_server(&self.programs.join("postgres"));
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=", "-c", "shared_buffers=32MB", "-c", "jit=off"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = self.folder.path().join("log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log);
        let log = log.expect("the folder can be written");
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.server = Some(command.stderr(log).spawn().expect("the server can be started"));
        while Instant::now() < until {
            // What is left of a server that was killed may hold the folder for a moment.
            let server = self.server.as_mut().expect("it was started");
            if server.try_wait().expect("it is our child").is_some() {
                return false;
            }
            let mut ready = Command::new(self.programs.join("pg_isready"));
            let port = self.port.to_string();
            let ready = ready.args(["-q", "-p", &port, "-h"]).arg(self.folder.path()).status();
            if ready.is_ok_and(|status| status.success()) {
                return true;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        false
    }

    /// Kills the server without a warning; its connections break.
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.kill().expect("it is our child");
        server.wait().expect("it is our child");
    }

    /// Kills the server process behind each connection of a program.
    pub fn kill_backends(&self, program: &str) {
        let text = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{program}'");
        for pid in self.psql("postgres", &text).lines() {
            // It may have gone by itself.
            let _ = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
    }

    /// Runs SQL and hands back what it prints.
    pub fn psql(&self, database: &str, text: &str) -> String {
        self.try_psql(database, text).unwrap_or_else(|told| panic!("psql: {told}"))
    }

    /// Runs SQL as soon as the server lets us in.
    pub fn psql_when_ready(&self, database: &str, text: &str) -> String {
        let until = Instant::now() + READY;
        loop {
            match self.try_psql(database, text) {
                Ok(printed) => return printed,
                Err(told) => assert!(Instant::now() < until, "psql: {told}"),
            }
        }
    }

    /// Runs SQL until it prints `wanted`.
    pub fn psql_until(&self, database: &str, text: &str, wanted: &str) {
        let until = Instant::now() + READY;
        while self.psql_when_ready(database, text).trim() != wanted {
            assert!(Instant::now() < until, "{text}: never {wanted}");
        }
    }

    fn try_psql(&self, database: &str, text: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "leasehold",
            "-d",
            database,
            "-c",
            text,
        ]);
        let done = psql
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(self.folder.path())
            .output()
            .expect("psql is there");
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        Ok(String::from_utf8(done.stdout).expect("psql prints text"))
    }

    /// The address of a new database.
    pub fn fresh(&self) -> String {
        self.count.set(self.count.get() + 1);
        let name = format!("store{}", self.count.get());
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        let (port, folder) = (self.port, self.folder.path().display());
        format!("postgresql://leasehold@/{database}?host={folder}&port={port}")
    }

    /// Its port, where the setting `listen_addresses` lets it listen on one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Puts a file that only the server may read into its data folder.
    pub fn write_file(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        if is_root() {
            let (user, group) = (id("-u", "postgres"), id("-g", "postgres"));
            chown(&path, Some(user), Some(group)).expect("root may give files away");
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let quit = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
        if !quit.is_ok_and(|status| status.success()) {
            let _ = server.kill();
        }
        let _ = server.wait();
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// The server refuses to run as root. It goes with the test, also if that is killed.
fn as_server(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=QUIT");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg(program);
    command
}

fn is_root() -> bool {
    id("-u", "") == 0
}

fn id(which: &str, user: &str) -> u32 {
    let mut command = Command::new("id");
    command.arg(which);
    if !user.is_empty() {
        command.arg(user);
    }
    let told = command.output().expect("every Unix has id").stdout;
    let told = String::from_utf8(told).expect("id prints a number");
    told.trim().parse().unwrap_or_else(|_| panic!("there is no user {user:?}"))
}
