//! The supervisor of one run: starts the command, keeps its deadline, says how it ended.
//!
//! It needs nobody: what is ordered lies in the run's directory, and how it ended is written there. It is the subreaper of
//! all that the command starts, in whatever session, so having no child left is proof that nothing of the run is left.

use super::cgroup::Cgroup;
use super::clock;
use super::directory::{Ended, Intent, Orders, RunDirectory, Started};
use super::files::{self, Place};
use super::launcher::find_user;
use super::logs::{self, Stream};
use super::processes::{self, Process};
use super::wire::{Exit, Program};
use rustix::fs::inotify;
use rustix::process::{Signal, WaitOptions, WaitStatus, getpid, set_child_subreaper, setsid, wait};
use std::fs::DirBuilder;
use std::io::{self, PipeReader, Read, Write, pipe};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Why a run is not supervised.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The run's directory.
    #[error("the run's directory cannot be used")]
    Directory(#[source] io::Error),
    /// There is no intent in it.
    #[error("no run was ordered in this directory: expected a file `intent` that the agent writes")]
    NoIntent,
    /// A right is missing.
    #[error("the supervisor cannot take charge of what the command starts")]
    Subreaper(#[source] io::Error),
}

enum Event {
    /// A child ended. A waiter reaps them all.
    Reaped(i32, WaitStatus),
    /// There is no child left, and no descendant.
    Empty,
    /// Something was ordered.
    Orders,
    /// Something was removed from the run's directory.
    Removed,
}

/// A directory from which something was removed is looked at so often: it may be on its way out.
const ON_ITS_WAY_OUT: Duration = Duration::from_millis(200);

/// Runs the run that is ordered in `directory` and returns when nothing of it is left and its end is on disk. Does nothing
/// if another supervisor has it or had it.
pub fn run_main(directory: &Path) -> Result<(), SupervisorError> {
    let directory = RunDirectory(directory.into());
    // A leader of a process group cannot have a session; then it has a group of its own already.
    let _ = setsid();
    set_child_subreaper(Some(getpid()))
        .map_err(|error| SupervisorError::Subreaper(error.into()))?;
    let Some(_lock) = files::try_lock(&directory.0).map_err(SupervisorError::Directory)? else {
        return Ok(());
    };
    if directory.launched() || directory.ended().map_err(SupervisorError::Directory)?.is_some() {
        return Ok(());
    }
    let intent =
        directory.intent().map_err(SupervisorError::Directory)?.ok_or(SupervisorError::NoIntent)?;
    let place = Place::of(&directory.0).map_err(SupervisorError::Directory)?;
    let exit =
        supervise(&directory, &intent, &place).unwrap_or_else(|reason| Exit::NotStarted { reason });
    if !place.is_gone() {
        directory.write_ended(&Ended { at: clock::now(), exit });
    }
    // Said, since it takes the kernel up to 20 ms to take down the watch of a process that exits.
    let _ = writeln!(io::stdout(), "ended");
    Ok(())
}

fn supervise(directory: &RunDirectory, intent: &Intent, place: &Place) -> Result<Exit, String> {
    let (sender, events) = channel();
    watch_orders(directory, sender.clone())
        .map_err(|error| format!("orders cannot be watched: {error}"))?;
    let orders = directory.orders().map_err(|error| format!("orders cannot be read: {error}"))?;
    if orders.stop_boot_millis.is_some() {
        return Ok(Exit::Stopped);
    }
    if orders.vacate.is_some() {
        return Ok(Exit::Vacated { killed: false });
    }
    make_ready(intent).map_err(|error| format!("the scratch directory cannot be made: {error}"))?;
    if let Some(path) = &intent.cgroup {
        let made = Cgroup(path.clone()).make(intent.run.limits);
        made.map_err(|error| format!("the cgroup cannot be made: {error}"))?;
    }
    directory.mark_launched().map_err(|error| format!("the start cannot be marked: {error}"))?;
    let began = clock::boot_millis();
    let (mut child, failure) =
        spawn(directory).map_err(|error| format!("the launcher cannot be started: {error}"))?;
    let logs = keep_logs(directory, intent, &mut child);
    let outcome = await_launch(directory, &child, failure);
    spawn_thread(move || reap(&sender));
    let mut tree = Tree {
        directory,
        intent,
        place,
        events,
        main: child.id().cast_signed(),
        limit_boot_millis: began + u64::from(intent.run.limit_seconds) * 1000,
        orders,
        status: None,
        is_killing: outcome.is_err(),
        is_over: false,
        is_overdue: false,
        is_late: false,
        is_disturbed: false,
    };
    tree.run();
    if let Some(path) = &intent.cgroup {
        Cgroup(path.clone()).end();
    }
    // Nothing can write any more, so that these end; unless a file was handed to a process of somebody else.
    let _ = logs
        .recv_timeout(Duration::from_secs(1))
        .and_then(|()| logs.recv_timeout(Duration::from_secs(1)));
    outcome.map(|()| tree.exit())
}

/// What the command starts, until nothing of it is left.
struct Tree<'a> {
    directory: &'a RunDirectory,
    intent: &'a Intent,
    place: &'a Place,
    events: Receiver<Event>,
    main: i32,
    limit_boot_millis: u64,
    orders: Orders,
    status: Option<WaitStatus>,
    is_killing: bool,
    /// The command has just ended.
    is_over: bool,
    /// The limit passed.
    is_overdue: bool,
    /// The deadline to vacate passed.
    is_late: bool,
    /// Somebody removes what belongs to the run.
    is_disturbed: bool,
}

impl Tree<'_> {
    fn run(&mut self) {
        let mut is_asked = false;
        let mut pause = Duration::from_millis(1);
        loop {
            self.look_at_place();
            if self.is_asked() && !is_asked {
                is_asked = true;
                self.signal(Signal::TERM);
            }
            self.look_at_clock();
            let patience = if std::mem::take(&mut self.is_over) {
                // Mostly nothing is left behind, and looking for it takes longer than to hear so.
                Duration::from_millis(1)
            } else if self.is_killing {
                self.kill();
                pause = (pause * 2).min(Duration::from_millis(100));
                pause
            } else {
                // Once in a while in any case: the machine may have slept.
                let at_most =
                    if self.is_disturbed { ON_ITS_WAY_OUT } else { Duration::from_secs(60) };
                clock::until(self.deadline_boot_millis()).min(at_most)
            };
            match self.events.recv_timeout(patience) {
                Ok(Event::Empty) => return,
                // What comes after the command ended by itself changes nothing about how it did.
                Ok(Event::Orders) if self.status.is_none() || self.is_asked() => {
                    self.orders = self.directory.orders().unwrap_or(self.orders);
                }
                Ok(Event::Reaped(pid, status)) if pid == self.main => self.main_ended(status),
                Ok(Event::Removed) => self.is_disturbed = true,
                Ok(Event::Orders | Event::Reaped(..)) | Err(_) => {}
            }
        }
    }

    const fn is_asked(&self) -> bool {
        self.orders.vacate.is_some() || self.orders.stop_boot_millis.is_some()
    }

    /// When all must be gone.
    fn deadline_boot_millis(&self) -> u64 {
        let asked = self
            .orders
            .vacate
            .map(|deadline| deadline.boot_millis)
            .into_iter()
            .chain(self.orders.stop_boot_millis);
        asked.fold(self.limit_boot_millis, u64::min)
    }

    /// Where the run's directory is gone, nobody can order anything any more, or hear how the run ends: it is asked
    /// to leave in the time that it declared.
    fn look_at_place(&mut self) {
        if !self.is_asked() && self.place.is_gone() {
            let vacate_millis = u64::from(self.intent.run.vacate_seconds) * 1000;
            self.orders.stop_boot_millis = Some(clock::boot_millis() + vacate_millis);
        }
    }

    fn look_at_clock(&mut self) {
        if self.is_killing || clock::boot_millis() < self.deadline_boot_millis() {
            return;
        }
        self.is_killing = true;
        self.is_overdue = clock::boot_millis() >= self.limit_boot_millis;
        self.is_late = !self.is_overdue;
    }

    fn main_ended(&mut self, status: WaitStatus) {
        self.status = Some(status);
        // What it leaves behind may take the time that was given to leave; else it goes with the command.
        self.is_killing |= !self.is_asked();
        self.is_over = true;
    }

    fn processes(&self) -> Vec<Process> {
        let mut found = processes::descendants(&processes::all(), getpid().as_raw_nonzero().get());
        found.extend(self.intent.cgroup.iter().flat_map(|path| Cgroup(path.clone()).processes()));
        found
    }

    fn signal(&self, signal: Signal) {
        for process in self.processes() {
            processes::signal(process, signal);
        }
    }

    fn kill(&self) {
        if let Some(path) = &self.intent.cgroup {
            Cgroup(path.clone()).kill();
        }
        self.signal(Signal::KILL);
    }

    fn exit(&self) -> Exit {
        if self.is_overdue {
            return Exit::TimeLimit;
        }
        if self.is_late || self.is_asked() {
            return match self.orders.stop_boot_millis {
                Some(_) => Exit::Stopped,
                None => Exit::Vacated { killed: self.is_late },
            };
        }
        let status = self.status.map(|status| (status.exit_status(), status.terminating_signal()));
        match status {
            Some((Some(code), _)) => Exit::Code(code),
            Some((None, Some(signal))) => Exit::Signal(signal),
            _ => Exit::Signal(Signal::KILL.as_raw()),
        }
    }
}

/// Makes the scratch directories and the script, for the user that the run is of.
fn make_ready(intent: &Intent) -> io::Result<()> {
    let command = &intent.run.command;
    let user = command.user.as_deref().map(find_user).transpose().map_err(io::Error::other)?;
    let own = |path: &Path| match &user {
        Some(user) => Ok(rustix::fs::chown(path, Some(user.uid), Some(user.gid))?),
        None => Ok::<(), io::Error>(()),
    };
    for path in &intent.scratch {
        if let Some(node) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o711).create(node)?;
        }
        files::make_private(path)?;
    }
    if let (Program::Script { text, .. }, Some(scratch)) =
        (&command.program, intent.scratch.first())
    {
        let path = scratch.join(".leasehold-script");
        files::create_new(&path, 0o500)?.write_all(text.as_bytes())?;
        own(&path)?;
    }
    intent.scratch.iter().try_for_each(|path| own(path))
}

fn spawn(directory: &RunDirectory) -> io::Result<(Child, PipeReader)> {
    let (failure, reports_to) = pipe()?;
    // The file that this process executes, even if another one has taken its place by now.
    let child = Command::new("/proc/self/exe")
        .arg0("leasehold")
        .arg("agent-launch")
        .arg(&directory.0)
        .arg(std::process::id().to_string())
        .stdin(Stdio::from(reports_to))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok((child, failure))
}

/// Waits until the launcher has become the command.
fn await_launch(
    directory: &RunDirectory,
    child: &Child,
    mut failure: PipeReader,
) -> Result<(), String> {
    let mut reason = String::new();
    failure.read_to_string(&mut reason).map_err(|error| error.to_string())?;
    if !reason.is_empty() {
        return Err(reason);
    }
    let session = child.id().cast_signed();
    let ticks = processes::find(session).map(|leader| leader.started);
    // It runs, whether that can be recorded or not: a full disk must not end it.
    let _ = directory.write_started(&Started { at: clock::now(), session, ticks });
    // The agent may be gone; it finds the file then.
    let _ = writeln!(io::stdout(), "started");
    Ok(())
}

fn keep_logs(directory: &RunDirectory, intent: &Intent, child: &mut Child) -> Receiver<()> {
    let (sender, done) = channel();
    let out = child.stdout.take().map(|from| (Stream::Out, Box::new(from) as Box<dyn Read + Send>));
    let err = child.stderr.take().map(|from| (Stream::Err, Box::new(from) as Box<dyn Read + Send>));
    for (stream, from) in [out, err].into_iter().flatten() {
        let file = files::create_new(&directory.0.join(stream.file()), 0o600);
        let (sender, bytes_max) = (sender.clone(), intent.log_bytes_max);
        spawn_thread(move || {
            match file {
                Ok(mut file) => logs::keep(from, &mut file, bytes_max),
                // A full disk must not stop the command: its output is lost, the pipe stays open.
                Err(_) => drop(io::copy(&mut { from }, &mut io::sink())),
            }
            let _ = sender.send(());
        });
    }
    done
}

fn watch_orders(directory: &RunDirectory, sender: Sender<Event>) -> io::Result<()> {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    let watched = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::DELETE;
    inotify::add_watch(&watch, &directory.0, watched)?;
    spawn_thread(move || {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(watch, &mut buffer);
        while let Ok(event) = reader.next() {
            let is_removal = event.events().contains(inotify::ReadFlags::DELETE);
            let heard = match event.file_name() {
                _ if is_removal => sender.send(Event::Removed),
                Some(name) if name == c"orders" => sender.send(Event::Orders),
                _ => Ok(()),
            };
            if heard.is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn reap(sender: &Sender<Event>) {
    loop {
        let event = match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => Event::Reaped(pid.as_raw_nonzero().get(), status),
            Err(rustix::io::Errno::CHILD) => Event::Empty,
            Ok(None) | Err(_) => continue,
        };
        let is_last = matches!(event, Event::Empty);
        if sender.send(event).is_err() || is_last {
            return;
        }
    }
}

fn spawn_thread(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}
