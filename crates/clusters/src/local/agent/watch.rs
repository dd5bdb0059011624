//! Waiting for supervisors, and for what is left where one was killed.

use crate::local::cgroup::Cgroup;
use crate::local::clock;
use crate::local::directory::{Ended, Intent, RunDirectory, Started};
use crate::local::files;
use crate::local::processes::{self, Process};
use crate::local::wire::Exit;
use leasehold_units::Instant;
use rustix::process::{Signal, WaitOptions, wait};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// The variable by which the processes of a run are known.
pub(crate) const MARK: &str = "LEASEHOLD_RUN";

/// The variable that names the agent's directory: two agents of one machine may have runs of one name.
pub(crate) const OWNER: &str = "LEASEHOLD_AGENT";

/// Reaps all children of this process, orphans of supervisors among them. It must be told of each one that is made.
pub(crate) fn reap_all() -> Sender<()> {
    let (sender, spawned) = channel();
    std::thread::spawn(move || {
        loop {
            match wait(WaitOptions::empty()) {
                // Orphans come unannounced, but only where a supervisor, announced, was killed before.
                Err(rustix::io::Errno::CHILD) if spawned.recv().is_err() => return,
                _ => {}
            }
        }
    });
    sender
}

/// Starts the supervisor of a run. What it says ends with it.
pub(crate) fn spawn(directory: &RunDirectory, spawned: &Sender<()>) -> io::Result<ChildStdout> {
    // The file that this process executes, even if another one has taken its place by now.
    let mut child = Command::new("/proc/self/exe")
        .arg0("leasehold")
        .arg("agent-run")
        .arg(&directory.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let _ = spawned.send(());
    child.stdout.take().ok_or_else(|| io::Error::other("the supervisor has no output"))
}

/// Waits until the run has ended, tells when it started, and returns how it ended. `said` is the output of a supervisor
/// that this agent started itself.
pub(crate) fn follow(
    directory: &RunDirectory,
    said: Option<ChildStdout>,
    started: impl Fn(Instant),
) -> Ended {
    let mut has_started = false;
    if let Some(said) = said {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if line == "started" {
                has_started = true;
                started(clock::now());
            } else if let Ok(Some(ended)) = directory.ended() {
                return ended;
            }
        }
    }
    if !has_started {
        await_start(directory, started);
    }
    conclude(directory)
}

/// Waits until a supervisor of an agent before this one has started the command, or is gone.
fn await_start(directory: &RunDirectory, started: impl Fn(Instant)) {
    loop {
        if let Ok(Some(Started { at, .. })) = directory.started() {
            return started(at);
        }
        if !matches!(files::try_lock(&directory.0), Ok(None)) {
            return;
        }
        clock::pause(Duration::from_millis(5));
    }
}

fn conclude(directory: &RunDirectory) -> Ended {
    let mut pause = Duration::from_millis(10);
    loop {
        match try_conclude(directory) {
            Ok(ended) => return ended,
            // The disk fails. What is there cannot be known, so nothing is said.
            Err(_) => clock::pause(pause),
        }
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

fn try_conclude(directory: &RunDirectory) -> io::Result<Ended> {
    let _lock = files::wait_lock(&directory.0)?;
    if let Some(ended) = directory.ended()? {
        return Ok(ended);
    }
    let exit = if directory.launched() {
        if let Some(intent) = directory.intent()? {
            end_leftovers(&intent, directory.started()?);
        }
        let orders = directory.orders()?;
        match (orders.stop_boot_millis, orders.vacate) {
            (Some(_), _) => Exit::Stopped,
            (None, Some(_)) => Exit::Vacated { killed: true },
            (None, None) => Exit::Signal(Signal::KILL.as_raw()),
        }
    } else {
        Exit::NotStarted {
            reason: "its supervisor was killed before the command was started".into(),
        }
    };
    let ended = Ended { at: clock::now(), exit };
    directory.write_ended(&ended);
    Ok(ended)
}

/// Kills what is left of a run whose supervisor was killed, until nothing is found.
fn end_leftovers(intent: &Intent, started: Option<Started>) {
    let is_mark = |name: &str| name == MARK || name == OWNER;
    let marks = intent
        .env
        .iter()
        .filter(|(name, _)| is_mark(name))
        .map(|(name, value)| format!("{name}={value}"));
    let marks: Vec<String> = marks.collect();
    let mut pause = Duration::from_millis(1);
    loop {
        let found = leftovers(&marks, started, intent);
        if found.is_empty() {
            break;
        }
        for process in found {
            processes::signal(process, Signal::KILL);
        }
        clock::pause(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    if let Some(path) = &intent.cgroup {
        Cgroup(path.clone()).end();
    }
}

fn leftovers(marks: &[String], started: Option<Started>, intent: &Intent) -> Vec<Process> {
    let all = processes::all();
    let own = std::process::id().cast_signed();
    // The number of a session that is over may belong to another one by now, whose leader is younger.
    let is_session_known = started.is_some_and(|started| {
        all.iter()
            .find(|p| p.pid == started.session)
            .is_none_or(|leader| Some(leader.started) == started.ticks)
    });
    // What a killed supervisor leaves comes to this process, its subreaper.
    let orphans: Vec<Process> =
        all.iter().copied().filter(|p| p.parent == own && !processes::is_ours(*p)).collect();
    let mut found: Vec<Process> =
        orphans.iter().flat_map(|orphan| processes::descendants(&all, orphan.pid)).collect();
    found.extend(orphans);
    found.extend(all.iter().copied().filter(|p| {
        let is_in_session =
            is_session_known && started.is_some_and(|started| started.session == p.session);
        is_in_session || (marks.len() == 2 && processes::bears(*p, marks))
    }));
    found.extend(intent.cgroup.iter().flat_map(|path| Cgroup(path.clone()).processes()));
    found.retain(|p| p.pid != own);
    found
}

/// Kills whatever bears the mark, until nothing does.
pub(crate) fn end_marked(marks: &[[String; 2]], give_up_boot_millis: u64) -> bool {
    let mut pause = Duration::from_millis(1);
    loop {
        let mut all = processes::all();
        all.retain(|process| marks.iter().any(|marks| processes::bears(*process, marks)));
        if all.is_empty() {
            return true;
        }
        if clock::boot_millis() >= give_up_boot_millis {
            return false;
        }
        all.into_iter().for_each(|process| processes::signal(process, Signal::KILL));
        clock::pause(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
