//! A cluster is started, looked at, and stopped.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use super::configuration::{self, Plan};
use super::daemons::{self, Daemon};
use super::directory::{Directory, USERS};
use super::{EmulatedError, Options, names, ports, requirements};

/// What `up` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    /// Started all of it.
    Started,
    /// Nothing: it ran already, with the same options.
    AlreadyUp,
}

/// What `down` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// Stopped this many daemons.
    Stopped(usize),
    /// Nothing: none ran.
    AlreadyDown,
}

/// Which daemons of a cluster live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// These do.
    pub living: Vec<Daemon>,
    /// These were started, have not been stopped, and are gone.
    pub dead: Vec<Daemon>,
}

/// Starts a cluster in `directory` and waits until all its nodes are idle. What was left of one that died is
/// stopped before; what it recorded is kept.
///
/// # Errors
/// Where it cannot be one, or a daemon does not start: nothing runs then.
pub fn up(directory: &Path, options: &Options) -> Result<Up, EmulatedError> {
    requirements::check()?;
    configuration::check(options)?;
    let nodes = names::expand(&options.nodes)?;
    let directory = Directory::at(directory)?;
    directory.prepare()?;
    let _lock = directory.lock()?;
    let wanted = format!("{options:?}\n");
    let status = look(&directory);
    if !status.living.is_empty() && status.dead.is_empty() {
        let same = directory.noted().is_some_and(|noted| noted == wanted);
        let other = || EmulatedError::OtherOptions { directory: directory.root().into() };
        return if same { Ok(Up::AlreadyUp) } else { Err(other()) };
    }
    stop(&directory)?;
    let started = start(&directory, options, &nodes).and_then(|()| directory.note(&wanted));
    if let Err(error) = started {
        // Why it did not start is worth more than what else went wrong.
        let _ = stop(&directory);
        return Err(error);
    }
    Ok(Up::Started)
}

/// Stops the cluster in `directory` and waits until nothing of it is left. Its records stay, for the next start.
///
/// # Errors
/// Where there is none, or some of it does not end.
pub fn down(directory: &Path) -> Result<Down, EmulatedError> {
    let directory = Directory::at(directory)?;
    directory.present()?;
    let _lock = directory.lock()?;
    let count = look(&directory).living.len();
    let left = daemons::remaining(&directory).len();
    stop(&directory)?;
    Ok(if count + left == 0 { Down::AlreadyDown } else { Down::Stopped(count) })
}

/// Stops the cluster in `directory` and removes the directory with all that it recorded.
///
/// # Errors
/// Where there is none, or some of it does not end.
pub fn remove(directory: &Path) -> Result<Down, EmulatedError> {
    let done = down(directory)?;
    Directory::at(directory)?.remove()?;
    Ok(done)
}

/// Which daemons of the cluster in `directory` live.
///
/// # Errors
/// Where there is none.
pub fn status(directory: &Path) -> Result<Status, EmulatedError> {
    let directory = Directory::at(directory)?;
    directory.present()?;
    Ok(look(&directory))
}

fn look(directory: &Directory) -> Status {
    let lives = |daemon: &Daemon| daemons::process(directory, daemon).is_some();
    let (living, dead) = daemons::noted(directory).into_iter().partition(lives);
    Status { living, dead }
}

fn start(directory: &Directory, options: &Options, nodes: &[String]) -> Result<(), EmulatedError> {
    let too_many = |_| EmulatedError::NoPorts { count: u16::MAX };
    let count = u16::try_from(nodes.len() + 2).map_err(too_many)?;
    // Held until everybody listens.
    let ports = ports::pick(count)?;
    let (host, version) = (host()?, version()?);
    directory.note_environment(&options.environment)?;
    let first_port = ports.first;
    configuration::write(&Plan { directory, options, nodes, first_port, host: &host, version })?;
    // Every command reads the configuration first, and says what it does not understand.
    speak(directory, "scontrol", &["show", "hostnames", "a"])?;
    make_key(directory)?;
    make_database(directory)?;
    for daemon in [Daemon::Munge, Daemon::Database, Daemon::Accounting] {
        begin(directory, &daemon)?;
    }
    // Known from the last time is fine.
    let _ = speak(directory, "sacctmgr", &["-i", "-Q", "add", "cluster", "lease"]);
    begin(directory, &Daemon::Controller)?;
    begin_nodes(directory, nodes)
}

/// Starts a daemon and waits until it answers.
pub(super) fn begin(directory: &Directory, daemon: &Daemon) -> Result<(), EmulatedError> {
    daemons::spawn(directory, daemon)?;
    daemons::await_ready(directory, daemon, &mut || answers(directory, daemon))
}

fn answers(directory: &Directory, daemon: &Daemon) -> bool {
    let says = |program: &str, arguments: &[&str]| speak(directory, program, arguments);
    match daemon {
        Daemon::Munge => {
            let socket = format!("--socket={}", directory.munge_socket().display());
            says("munge", &["--no-input", &socket]).is_ok()
        }
        Daemon::Database => {
            let socket = format!("--socket={}", directory.database_socket().display());
            says("mariadb-admin", &["--no-defaults", &socket, "ping"]).is_ok()
        }
        Daemon::Accounting => says("sacctmgr", &["-n", "-P", "list", "cluster"]).is_ok(),
        Daemon::Controller => says("scontrol", &["ping"]).is_ok_and(|told| told.contains(" UP")),
        Daemon::Node(node) => says("sinfo", &["-h", "-N", "-n", node, "-o", "%t"])
            .is_ok_and(|told| told.lines().all(is_serving) && !told.is_empty()),
    }
}

/// All at once; each must come up.
fn begin_nodes(directory: &Directory, nodes: &[String]) -> Result<(), EmulatedError> {
    let waiting: Vec<Daemon> = nodes.iter().cloned().map(Daemon::Node).collect();
    for daemon in &waiting {
        daemons::spawn(directory, daemon)?;
    }
    for (node, daemon) in nodes.iter().zip(&waiting) {
        daemons::await_ready(directory, daemon, &mut || serves(directory, node))?;
    }
    Ok(())
}

/// A node of which the controller has heard.
fn serves(directory: &Directory, node: &str) -> bool {
    answers(directory, &Daemon::Node(node.into()))
}

/// As sinfo abbreviates a state. A mark behind it says that the node does not answer or is not known yet.
fn is_serving(state: &str) -> bool {
    matches!(
        state,
        "idle" | "mix" | "alloc" | "comp" | "drain" | "drng" | "resv" | "plnd" | "maint"
    )
}

/// Runs a command that speaks to the cluster, and hands back what it prints.
pub(super) fn speak(
    directory: &Directory,
    program: &str,
    arguments: &[&str],
) -> Result<String, EmulatedError> {
    answer(speaking(directory, program).args(arguments))
}

/// What a command prints, if it ends with 0.
fn answer(command: &mut Command) -> Result<String, EmulatedError> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let failed = |told: String| EmulatedError::Command { command: words.join(" "), told };
    let done = command.output().map_err(|error| failed(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !done.status.success() {
        let told = format!("{}{}", text(&done.stderr), text(&done.stdout));
        return Err(failed(told.trim().to_owned()));
    }
    Ok(text(&done.stdout))
}

/// A command that speaks to the cluster.
pub(super) fn speaking(directory: &Directory, program: &str) -> Command {
    let mut command = Command::new(program);
    command.envs(directory.environment());
    command.env("SLURM_CONF", directory.slurm_conf()).env("PATH", requirements::search_path());
    command
}

fn stop(directory: &Directory) -> Result<(), EmulatedError> {
    if daemons::process(directory, &Daemon::Controller).is_some() {
        // Jobs end in the records too. If nobody listens, they are swept below.
        let _ = speak(directory, "scancel", &["--quiet", "--partition", configuration::PARTITION]);
    }
    let (nodes, central): (Vec<_>, Vec<_>) =
        daemons::noted(directory).into_iter().partition(|daemon| matches!(daemon, Daemon::Node(_)));
    daemons::stop(directory, &nodes)?;
    for daemon in central.iter().rev() {
        daemons::stop(directory, std::slice::from_ref(daemon))?;
    }
    daemons::sweep(directory)
}

fn make_key(directory: &Directory) -> Result<(), EmulatedError> {
    if directory.munge_key().exists() {
        return Ok(());
    }
    let mut key = [0; 128];
    let source = Path::new("/dev/urandom");
    let read = std::fs::File::open(source).and_then(|mut file| file.read_exact(&mut key));
    read.map_err(|error| EmulatedError::File { path: source.into(), error })?;
    directory.write_as("munge/munge.key", &key, 0o400)?;
    directory.give("munge/munge.key", USERS[0])
}

fn make_database(directory: &Directory) -> Result<(), EmulatedError> {
    let files = directory.database_files();
    // Written last.
    if files.join("complete").exists() {
        return Ok(());
    }
    // Half of one, or none.
    let _ = std::fs::remove_dir_all(&files);
    let to = format!("--datadir={}", files.display());
    let user = format!("--user={}", USERS[1]);
    let arguments =
        ["--no-defaults", &user, &to, "--skip-test-db", "--auth-root-authentication-method=socket"];
    let mut command = speaking(directory, "mariadb-install-db");
    command.env("TMPDIR", directory.temporary_files());
    answer(command.args(arguments))?;
    directory.write("database/files/complete", "")
}

/// The name that Slurm compares with those in its configuration.
fn host() -> Result<String, EmulatedError> {
    let path = Path::new("/proc/sys/kernel/hostname");
    let name = std::fs::read_to_string(path);
    let name = name.map_err(|error| EmulatedError::File { path: path.into(), error })?;
    Ok(name.trim().split('.').next().unwrap_or_default().to_owned())
}

/// `slurm-wlm 22.05.8` as 2205.
fn version() -> Result<u32, EmulatedError> {
    let told =
        answer(Command::new("slurmctld").arg("-V").env("PATH", requirements::search_path()))?;
    let number = told.split_whitespace().last().and_then(|version| {
        let mut parts = version.split('.');
        let (year, month) =
            (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
        Some(year * 100 + month)
    });
    number.ok_or_else(|| EmulatedError::Command {
        command: "slurmctld -V".into(),
        told: told.trim().to_owned(),
    })
}
