//! An emulated cluster, a site with one lease on it, and a server between the two.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use leasehold_clusters::slurm::emulated::{Cluster, Options};
use serde_json::Value;

use crate::{client, record};

/// Nothing takes longer than this, however slow the machine is.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Whose accounts are used; Debian has these users.
pub const OWNER: &str = "owner";
pub const RENTER: &str = "renter";
pub const GUEST: &str = "guest";
const USERS: [(&str, &str); 3] = [(OWNER, "games"), (RENTER, "man"), (GUEST, "lp")];

/// Names each party's users; Leasehold makes the accounts.
pub const MADE: &str = "[[party]]\nid = \"owner\"\nusers = [\"games\"]\n[[party]]\nid = \"renter\"\nusers = [\"man\"]\n";

/// A cluster that a site stands on, with what its server keeps.
pub struct Stage {
    pub cluster: Cluster,
    pub folder: PathBuf,
    /// Files of the leases that are signed at the first start.
    pub leases: Vec<&'static str>,
}

/// A server. Killed when dropped, as by a power cut.
pub struct Server {
    child: Child,
    port: u16,
    token: String,
}

/// Racks of a site, and seconds that a turnover may take.
pub struct Plant {
    pub racks: u32,
    pub nodes_per_rack: u32,
    pub turnover_seconds: u32,
}

impl Plant {
    fn site_file(&self) -> leasehold_fixtures::File {
        leasehold_fixtures::site_file(1, self.racks, self.nodes_per_rack)
            .set("time_zone", "'UTC'")
            .set("sku.turnover", format_args!("'{} s'", self.turnover_seconds))
            .set("pool.id", "'a'")
            .set("power.limit", "'1 MW'")
    }
}

/// A rack, paid by use: no fixed fee, so that it can be signed on any day without a bill for the past.
pub fn lease_by_use(tenant: &str) -> leasehold_fixtures::File {
    leasehold_fixtures::lease_file(tenant)
        .set("id", format_args!("'of-{tenant}'"))
        .set("signed", "2026-01-01")
        .set("time_zone", "'UTC'")
        .set("term.start", "2026-01-01")
        .set("term.end", "2095-12-31")
        .set("capacity.amount", "'1 rack'")
        .set("fee.fixed", "'0.00'")
        .set("fee.invoice", "'arrears'")
        .set("fee.usage.meter", "'gpu_hours_used'")
        .set("fee.usage.price", "'2.50'")
        .without("service.reclaim_miss_credit")
        .without_table("service.credit")
}

impl Stage {
    /// A cluster with a site on it, in an empty folder `name`; none where Slurm is not there.
    pub fn new(name: &str, plant: &Plant, options: Options) -> Option<Self> {
        let nodes = format!("a-01-[01-{:02}]-[1-{}]", plant.racks, plant.nodes_per_rack);
        let cluster = Cluster::start(&Options { nodes, ..options })?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A run before this one may have left it.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let stage = Self { cluster, folder, leases: vec!["lease.toml"] };
        stage.write("site.toml", &plant.site_file());
        stage.write_lease("1 min");
        stage.write("slurm.toml", MADE);
        Some(stage)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    /// Writes the lease with another reclaim bound, such as `1 min`.
    pub fn write_lease(&self, bound: &str) {
        let bound = format!("'{bound}'");
        self.write("lease.toml", &lease_by_use("renter").set("service.reclaim_within", bound));
    }

    /// Sets a line of slurm.conf that is there, and has the daemons read it.
    pub fn configure(&self, key: &str, value: &str) {
        let conf = self.cluster.slurm_conf();
        let set = |line: &str| match line.split_once('=') {
            Some((name, _)) if name == key => format!("{key}={value}\n"),
            _ => format!("{line}\n"),
        };
        let text: String = fs::read_to_string(&conf).unwrap().lines().map(set).collect();
        fs::write(&conf, text).unwrap();
        self.slurm("scontrol", &["reconfigure"]);
    }

    /// The binary in the folder, speaking with the cluster.
    pub fn leasehold(&self, arguments: &[&str]) -> Command {
        let mut command = self.cluster.command(env!("CARGO_BIN_EXE_leasehold"));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.env("NO_COLOR", "1").env("COLUMNS", "200");
        // Nothing of whoever runs the tests, and nothing left for them.
        command.env("XDG_CONFIG_HOME", self.folder.join("config"));
        for name in ["URL", "TOKEN_FILE", "CONTEXT", "DATABASE"] {
            command.env_remove(format!("LEASEHOLD_{name}"));
        }
        command
    }

    fn server(&self, mode: &str, data: &str) -> Command {
        let arguments = "serve site.toml --cluster slurm --slurm slurm.toml";
        let mut command = self.leasehold(&arguments.split(' ').collect::<Vec<_>>());
        self.leases.iter().for_each(|lease| _ = command.args(["--lease", lease]));
        command.args([mode, "--data", data, "--rate-limit", "off"]);
        command
    }

    /// Starts a server and waits until it answers.
    pub fn serve(&self, mode: &str) -> Server {
        self.serve_by(mode, &[])
    }

    /// The same, with something else in the environment.
    pub fn serve_by(&self, mode: &str, environment: &[(String, String)]) -> Server {
        let port = free_port();
        let log = self.folder.join("serve.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = self.server(mode, "data");
        command.args(["--listen", &format!("127.0.0.1:{port}")]).stderr(log);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let child = command.spawn().unwrap();
        let mut server = Server { child, port, token: String::new() };
        await_so("the server answers", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {}", self.log());
            let token = fs::read_to_string(self.folder.join("data/operator.token"));
            server.token = token.unwrap_or_default().trim().to_owned();
            !server.token.is_empty() && client::answers(port, &server.token)
        });
        server
    }

    /// What a server says that does not start; it would keep what it has in `data`.
    pub fn refused_server(&self, mode: &str, data: &str) -> Output {
        self.server(mode, data).args(["--listen", "127.0.0.1:0"]).output().unwrap()
    }

    /// What all servers wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("serve.log")).unwrap_or_default()
    }

    /// Submits as a user of `account`; the job's number.
    pub fn submit(&self, account: &str, arguments: &[&str], script: &str) -> u32 {
        let (_, user) = USERS.iter().find(|(of, _)| *of == account).unwrap();
        let mut command = self.cluster.command("setpriv");
        command.args([&format!("--reuid={user}"), "--regid=nogroup", "--clear-groups"]);
        // A library that is loaded before all others is to be loaded by that user alone.
        let loaded = command.get_envs().find(|(name, _)| *name == "LD_PRELOAD");
        if let Some(library) = loaded.and_then(|(_, value)| Some(value?.to_owned())) {
            command.env_remove("LD_PRELOAD");
            command.args(["env", &format!("LD_PRELOAD={}", library.display())]);
        }
        command.args(["sbatch", "--parsable", "--output=/dev/null", "--chdir=/", "--account"]);
        let told = command.arg(account).args(arguments).args(["--wrap", script]).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
    }

    pub fn slurm(&self, program: &str, arguments: &[&str]) -> String {
        self.cluster.run(program, arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The tasks and jobs of an account that are in that state.
    pub fn count(&self, account: &str, state: &str) -> usize {
        // While a daemon is down there is no answer, which is none that is waited for.
        let arguments = ["-h", "-r", "-A", account, "-t", state, "-o", "%i"];
        self.cluster.run("squeue", &arguments).map_or(usize::MAX, |told| told.lines().count())
    }

    pub fn await_count(&self, account: &str, state: &str, count: usize) {
        await_so(&format!("{count} jobs of {account} are {state}\n{}", self.log()), || {
            self.count(account, state) == count
        });
    }

    /// Waits until Slurm's record has all that happened so far: what came last is in it. It lags some seconds.
    pub fn await_record(&self) {
        let last = self.submit(RENTER, &["--gres=gpu:1"], "true").to_string();
        await_so("what came last is on record", || {
            record::runs(self).iter().any(|run| run.job == last)
        });
    }

    /// Everything that somebody could have changed in Slurm.
    pub fn objects(&self) -> String {
        let mut all = String::new();
        for what in ["account", "qos", "association"] {
            all += &self.slurm("sacctmgr", &["-n", "-P", "show", what]);
        }
        all + &self.slurm("scontrol", &["-o", "show", "reservation"])
    }

    /// Nodes of a reservation now.
    pub fn reserved(&self, reservation: &str) -> Vec<String> {
        let told = self.slurm("scontrol", &["-o", "show", "reservation", reservation]);
        let nodes = told.split(' ').find_map(|word| word.strip_prefix("Nodes="));
        leasehold_clusters::slurm::hostlist::expand(nodes.unwrap()).unwrap()
    }
}

impl Server {
    pub fn get(&self, path: &str) -> Value {
        client::ask(self.port, &format!("GET /api/v1{path}"), &self.token, "")
    }

    /// How the cluster stands, once it was seen and compared.
    pub fn compared(&self) -> Value {
        let mut seen = Value::Null;
        await_so("the cluster was seen and compared", || {
            seen = self.get("/cluster");
            seen["seen"].is_string() && seen["compared"].is_string()
        });
        seen
    }

    /// The jobs of a party, over or not.
    pub fn jobs(&self, stage: &Stage, party: &str) -> Vec<Value> {
        let token = self.party_token(stage, party);
        let line = "GET /api/v1/jobs?state=all&limit=1000";
        let answer = client::ask(self.port, line, &token, "");
        assert!(answer["next"].is_null(), "all jobs fit a page");
        answer["jobs"].as_array().unwrap().clone()
    }

    /// The token of a party's own admin, made once.
    pub fn party_token(&self, stage: &Stage, party: &str) -> String {
        let file = stage.folder.join(format!("token-{party}"));
        if let Ok(token) = fs::read_to_string(&file) {
            return token;
        }
        let body = format!(
            r#"{{"name":"{party}","role":"party_admin","party":"{party}","scopes":["read"]}}"#
        );
        let made = client::ask(self.port, "POST /api/v1/tokens", &self.token, &body);
        let token = made["token"].as_str().unwrap().to_owned();
        fs::write(file, &token).unwrap();
        token
    }

    /// GPU-seconds that the tenant's jobs used, as the lease's meter has them.
    pub fn used(&self) -> u64 {
        self.used_in("of-renter", None)
    }

    /// The same of a lease, in a month such as `2026-05` and not in this one.
    pub fn used_in(&self, lease: &str, month: Option<&str>) -> u64 {
        let month = month.map(|month| format!("&month={month}")).unwrap_or_default();
        let usage = self.get(&format!("/usage?lease={lease}{month}"));
        usage["usage"][0]["used_gpu_seconds"].as_str().unwrap().parse().unwrap()
    }

    pub fn post(&self, path: &str, body: &str) -> Value {
        client::ask(self.port, &format!("POST /api/v1{path}"), &self.token, body)
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As an operator does.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn await_so(what: &str, is_so: impl FnMut() -> bool) {
    await_or(is_so, || what.to_owned());
}

/// The same; what is said if it never is so is found out then.
pub fn await_or(mut is_so: impl FnMut() -> bool, what: impl Fn() -> String) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {}", what());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
