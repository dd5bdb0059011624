//! The last step to the command: gives up rights and becomes it.
//!
//! Standard input is a pipe to the supervisor, which closes when the command is executed and says why if it is not.

use super::cgroup::Cgroup;
use super::directory::{Intent, RunDirectory};
use super::wire::{Limits, Program};
use rustix::process::{
    Gid, Pid, Resource, Rlimit, Signal, Uid, getppid, getuid, setrlimit, setsid,
};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where commands are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Becomes the command of the run in `directory`, as the child of the process `supervisor`. Returns only if that fails,
/// after the supervisor was told why.
pub fn launch_main(directory: &Path, supervisor: i32) -> ! {
    let failure = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3);
    let reason = launch(&RunDirectory(directory.into()), supervisor);
    if let Ok(failure) = failure {
        let _ = File::from(failure).write_all(reason.as_bytes());
    }
    std::process::exit(127)
}

fn launch(directory: &RunDirectory, supervisor: i32) -> String {
    let intent = match directory.intent() {
        Ok(Some(intent)) => intent,
        Ok(None) => return "the run's intent is gone".into(),
        Err(error) => return format!("the run's intent cannot be read: {error}"),
    };
    let mut command = match command(&intent) {
        Ok(command) => command,
        Err(reason) => return reason,
    };
    if let Err(reason) = give_up_rights(&intent, supervisor) {
        return reason;
    }
    let error = command.stdin(Stdio::null()).exec();
    format!("{} cannot be executed: {error}", command.get_program().to_string_lossy())
}

fn command(intent: &Intent) -> Result<Command, String> {
    let ordered = &intent.run.command;
    let scratch = intent.scratch.first().ok_or("the run has no node")?;
    let mut command = match &ordered.program {
        Program::Argv(argv) => {
            let (program, args) =
                argv.split_first().ok_or("the command is empty: name a program")?;
            let mut command = Command::new(program);
            command.args(args);
            command
        }
        Program::Script { text, args } => {
            let path = scratch.join(".leasehold-script");
            let mut command = if text.starts_with("#!") {
                Command::new(path)
            } else {
                let mut shell = Command::new("/bin/sh");
                shell.arg(path);
                shell
            };
            command.args(args);
            command
        }
    };
    let directory = ordered.workdir.as_ref().unwrap_or(scratch);
    command.env_clear().env("PATH", PATH).env("HOME", scratch).env("TMPDIR", scratch);
    command.envs(&ordered.env).envs(intent.env.iter().cloned()).current_dir(directory);
    Ok(command)
}

fn give_up_rights(intent: &Intent, supervisor: i32) -> Result<(), String> {
    let said = |what: &'static str| move |error: rustix::io::Errno| format!("{what}: {error}");
    if let Some(path) = &intent.cgroup {
        Cgroup(path.clone())
            .join()
            .map_err(|error| format!("the run's cgroup cannot be joined: {error}"))?;
    }
    setsid().map_err(said("no session of its own"))?;
    limit(intent.run.limits).map_err(said("the limits cannot be set"))?;
    if let Some(user) = &intent.run.command.user {
        become_user(user)?;
    }
    // After the change of user, which would undo it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(said("no bond to the supervisor"))?;
    if getppid() == Pid::from_raw(supervisor) {
        Ok(())
    } else {
        Err("the supervisor is gone".into())
    }
}

fn limit(limits: Limits) -> rustix::io::Result<()> {
    let set = |resource, limit: Option<u64>| match limit {
        Some(_) => setrlimit(resource, Rlimit { current: limit, maximum: limit }),
        None => Ok(()),
    };
    // Of data, not of address space: drivers of GPUs map far more than they use.
    set(Resource::Data, limits.memory_bytes_max)?;
    set(Resource::Nproc, limits.processes_max)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
}

/// The numbers of a user, as the host's name service gives them.
pub(crate) struct User {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    groups: Vec<Gid>,
}

/// Looks a user up.
pub(crate) fn find_user(name: &str) -> Result<User, String> {
    let ask = |flag: &str| -> Result<Vec<u32>, String> {
        let output = Command::new("id")
            .args([flag, "--", name])
            .output()
            .map_err(|error| format!("id: {error}"))?;
        let numbers =
            String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::parse).collect();
        match numbers {
            Ok(numbers) if output.status.success() => Ok(numbers),
            _ => Err(format!("{name:?} is no user of this host")),
        }
    };
    let first = |flag| {
        ask(flag)?.first().copied().ok_or_else(|| format!("{name:?} is no user of this host"))
    };
    let groups = ask("-G")?.into_iter().map(Gid::from_raw).collect();
    Ok(User { uid: Uid::from_raw(first("-u")?), gid: Gid::from_raw(first("-g")?), groups })
}

fn become_user(name: &str) -> Result<(), String> {
    let user = find_user(name)?;
    if user.uid == getuid() {
        return Ok(());
    }
    let refused =
        |error| format!("the agent may not start commands as {name:?}: {error}; run it as root");
    rustix::thread::set_thread_groups(&user.groups).map_err(refused)?;
    rustix::thread::set_thread_gid(user.gid).map_err(refused)?;
    rustix::thread::set_thread_uid(user.uid).map_err(refused)?;
    rustix::thread::set_no_new_privs(true).map_err(refused)
}
