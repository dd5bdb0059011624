//! Waiting for supervisors, and for what is left where one was killed.

use crate::local::cgroup::Cgroup;
use crate::local::clock;
use crate::local::directory::{Ended, Intent, RunDirectory, Started};
use crate::local::files::{self, Place};
use crate::local::processes::{self, Process};
use crate::local::wire::Exit;
use leasehold_units::Instant;
use rustix::process::{Signal, WaitOptions, wait};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
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

/// What became of a run.
pub(crate) enum Followed {
    /// It ended, and that is on disk.
    Ended(Ended),
    /// Its supervisor was killed before the command could have been started: another one may.
    NotBegun,
    /// Its directory was removed: nothing is known.
    Gone,
}

/// Waits until nothing of the run is left, tells when it started, and returns what became of it. `said` is the output of
/// a supervisor that this agent started itself. `may_begin_again`: whether another supervisor is to try where one was
/// killed too early; else the run has ended then.
pub(crate) fn follow(
    directory: &RunDirectory,
    said: Option<ChildStdout>,
    may_begin_again: bool,
    started: impl Fn(Instant),
) -> Followed {
    let place = loop {
        match Place::of(&directory.0) {
            Ok(place) => break place,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Followed::Gone,
            Err(_) => clock::pause(Duration::from_millis(100)),
        }
    };
    let mut has_started = false;
    if let Some(said) = said {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if line == "started" {
                has_started = true;
                started(clock::now());
            } else if let Ok(Some(ended)) = directory.ended() {
                return Followed::Ended(ended);
            }
        }
    }
    if !has_started {
        await_start(directory, started);
    }
    conclude(directory, &place, may_begin_again)
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

fn conclude(directory: &RunDirectory, place: &Place, may_begin_again: bool) -> Followed {
    let mut pause = Duration::from_millis(10);
    while !place.is_gone() {
        match try_conclude(directory, place, may_begin_again) {
            Ok(followed) => return followed,
            // The disk fails. What is there cannot be known, so nothing is said.
            Err(_) => clock::pause(pause),
        }
        pause = (pause * 2).min(Duration::from_secs(2));
    }
    Followed::Gone
}

fn try_conclude(
    directory: &RunDirectory,
    place: &Place,
    may_begin_again: bool,
) -> io::Result<Followed> {
    let _lock = files::wait_lock(&directory.0)?;
    if place.is_gone() {
        // The lock is of another run, of another agent.
        return Ok(Followed::Gone);
    }
    if let Some(ended) = directory.ended()? {
        return Ok(Followed::Ended(ended));
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
    } else if may_begin_again {
        return Ok(Followed::NotBegun);
    } else {
        Exit::NotStarted {
            reason: "its supervisor was killed before the command was started".into(),
        }
    };
    let ended = Ended { at: clock::now(), exit };
    directory.write_ended(&ended);
    Ok(Followed::Ended(ended))
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

/// Kills what runs of an agent before this one left where their directory was removed: what is known of them is gone,
/// and none of them may go on beside what is started from now on.
pub(crate) fn end_all_of(root: &Path) {
    let owner = [format!("{OWNER}={}", root.display())];
    let mut pause = Duration::from_millis(1);
    loop {
        let mut left = processes::all();
        left.retain(|process| processes::bears(*process, &owner));
        if left.is_empty() {
            return;
        }
        left.into_iter().for_each(|process| processes::signal(process, Signal::KILL));
        clock::pause(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_whose_supervisor_was_killed_before_the_command_is_begun_again_or_did_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let directory = RunDirectory(folder.path().into());
        assert!(matches!(follow(&directory, None, true, |_| ()), Followed::NotBegun));
        assert!(directory.ended().unwrap().is_none(), "nothing is said of how it ended");
        let Followed::Ended(ended) = follow(&directory, None, false, |_| ()) else {
            panic!("it is over");
        };
        assert!(matches!(ended.exit, Exit::NotStarted { .. }));
        assert!(matches!(directory.ended(), Ok(Some(_))), "that stands, whoever asks again");
        assert!(matches!(follow(&directory, None, true, |_| ()), Followed::Ended(_)));
    }

    #[test]
    fn a_run_that_may_have_begun_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let directory = RunDirectory(folder.path().into());
        directory.mark_launched().unwrap();
        let Followed::Ended(ended) = follow(&directory, None, true, |_| ()) else {
            panic!("it is over");
        };
        assert_eq!(ended.exit, Exit::Signal(9));
    }

    #[test]
    fn of_a_run_whose_directory_was_removed_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let directory = RunDirectory(folder.path().join("gone"));
        assert!(matches!(follow(&directory, None, true, |_| ()), Followed::Gone));
        assert!(!directory.0.exists(), "nothing is made anew");
    }
}
