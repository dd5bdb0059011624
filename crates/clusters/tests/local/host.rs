//! A host of a test: a directory, an agent that is started as needed, and a server's side.

use leasehold_clusters::local::{
    Command, Exit, Limits, LocalCluster, Node, NodeShare, Order, Program, Report, Run, RunId, Spawn,
};
use leasehold_units::Instant as WallInstant;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Host {
    pub(crate) directory: PathBuf,
    options: Vec<String>,
    server: Option<(LocalCluster, Receiver<Report>)>,
}

impl Host {
    pub(crate) fn new(options: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.{number}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let options = options.iter().map(ToString::to_string).collect();
        let mut host = Self { directory, options, server: None };
        host.connect(&[]);
        host
    }

    /// Connects anew, as a server does that was restarted and desires this.
    pub(crate) fn connect(&mut self, desired: &[Order]) {
        self.server = None;
        let mut args = vec!["agent".to_owned(), self.directory.display().to_string()];
        args.extend(self.options.iter().cloned());
        let spawn = Spawn { program: env!("CARGO_BIN_EXE_clusters-agent").into(), args };
        let nodes = ["a", "b"].map(|name| Node { name: name.into(), gpus: 4 }).to_vec();
        self.server =
            Some(LocalCluster::connect(&self.socket(), nodes, desired, Some(spawn)).unwrap());
    }

    pub(crate) fn disconnect(&mut self) {
        self.server = None;
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("agent.sock")
    }

    pub(crate) fn send(&self, orders: &[Order]) {
        self.server.as_ref().unwrap().0.send(orders);
    }

    /// The next report that `pick` takes.
    pub(crate) fn hear<T>(&self, mut pick: impl FnMut(Report) -> Option<T>) -> T {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let report =
                self.server.as_ref().unwrap().1.recv_timeout(left).expect("a report in time");
            if let Some(picked) = pick(report) {
                return picked;
            }
        }
    }

    pub(crate) fn started(&self, id: &RunId) {
        self.hear(|report| match report {
            Report::Started { id: started, .. } if started == *id => Some(()),
            Report::Ended { id: ended, exit, .. } if ended == *id => {
                panic!("{id} ended with {exit:?}")
            }
            _ => None,
        });
    }

    pub(crate) fn ended(&self, id: &RunId) -> Exit {
        self.hear(|report| match report {
            Report::Ended { id: ended, exit, .. } if ended == *id => Some(exit),
            _ => None,
        })
    }

    pub(crate) fn agent(&self) -> Pid {
        let stream = UnixStream::connect(self.socket()).unwrap();
        rustix::net::sockopt::socket_peercred(&stream).unwrap().pid
    }

    pub(crate) fn kill_agent(&self) {
        let agent = self.agent();
        kill_process(agent, Signal::KILL).unwrap();
        wait_until("the agent is gone", || !is_alive(agent.as_raw_nonzero().get()));
    }

    pub(crate) fn kill_supervisor(&self, id: &RunId) {
        let directory = self.directory.join("runs").join(id.to_string()).display().to_string();
        let found: Vec<i32> = processes_with("cmdline", &directory);
        let supervisor = Pid::from_raw(*found.first().expect("a supervisor")).unwrap();
        kill_process(supervisor, Signal::KILL).unwrap();
    }

    /// Processes of all runs here, by what they find in their environment.
    pub(crate) fn run_processes(&self) -> Vec<i32> {
        processes_with("environ", &self.directory.join("scratch").display().to_string())
    }

    pub(crate) fn scratch(&self, node: &str, id: &RunId) -> PathBuf {
        self.directory.join("scratch").join(node).join(id.to_string())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server = None;
        let directory = self.directory.display().to_string();
        for what in ["cmdline", "environ"] {
            for pid in processes_with(what, &directory).into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn processes_with(what: &str, text: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |pid: &i32| {
        let content = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        String::from_utf8_lossy(&content).contains(text)
    };
    pids.filter(has).filter(|pid| is_alive(*pid)).collect()
}

pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rfind(')').is_some_and(|end| !stat[end..].starts_with(") Z"))
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

pub(crate) fn id(job: u64) -> RunId {
    RunId::new("acme", job, 1).unwrap()
}

/// A run of a shell script on GPU 0 of node `a`.
pub(crate) fn run(job: u64, shell: &str) -> Run {
    Run {
        id: id(job),
        nodes: vec![NodeShare { name: "a".into(), gpus: vec![0] }],
        command: Command {
            program: Program::Argv(["/bin/sh", "-c", shell].map(String::from).to_vec()),
            env: BTreeMap::new(),
            workdir: None,
            user: None,
        },
        limits: Limits::default(),
        limit_seconds: 600,
        vacate_seconds: 60,
    }
}

pub(crate) fn start(job: u64, shell: &str) -> Order {
    Order::Start(run(job, shell))
}

pub(crate) fn wall_seconds() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        .unwrap()
}

pub(crate) fn vacate(job: u64, seconds: i64) -> Order {
    Order::Vacate { id: id(job), deadline: WallInstant::from_unix(wall_seconds() + seconds) }
}
