//! Control groups (version 2), where one was delegated: they bound a whole run and end it in one stroke.

use super::clock;
use super::processes::{self, Process};
use super::wire::Limits;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The control group of a run.
#[derive(Debug, Clone)]
pub(crate) struct Cgroup(pub(crate) PathBuf);

/// The group that systemd delegated to this process (`Delegate=yes`), if it did.
pub(crate) fn delegated() -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path =
        own.lines().find_map(|line| line.strip_prefix("0::/")).filter(|path| !path.is_empty())?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?.split(' ').nth(4)?;
    let group = Path::new(mount).join(path);
    let mut value = [0_u8; 8];
    let is_marked = ["trusted.delegate", "user.delegate"].iter().any(|name| {
        rustix::fs::getxattr(&group, *name, &mut value[..])
            .is_ok_and(|length| value[..length] == *b"1")
    });
    is_marked.then_some(group)
}

/// Makes `base` ready to hold the groups of runs: the agent itself moves into a leaf if it is in it, since a group that
/// passes controllers on may hold no process.
pub(crate) fn prepare(base: &Path) -> io::Result<()> {
    fs::create_dir_all(base)?;
    let own = std::process::id().to_string();
    if fs::read_to_string(base.join("cgroup.procs"))?.lines().any(|line| line == own) {
        fs::create_dir_all(base.join("agent"))?;
        fs::write(base.join("agent/cgroup.procs"), &own)?;
    }
    for controller in ["+memory", "+pids"] {
        // A controller that is not passed on here leaves the limit to the process limits.
        let _ = fs::write(base.join("cgroup.subtree_control"), controller);
    }
    Ok(())
}

impl Cgroup {
    /// Makes the group with its limits. What has no controller here is bounded by process limits alone.
    pub(crate) fn make(&self, limits: Limits) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        for (file, limit) in
            [("memory.max", limits.memory_bytes_max), ("pids.max", limits.processes_max)]
        {
            if let Some(limit) = limit {
                let _ = fs::write(self.0.join(file), limit.to_string());
            }
        }
        Ok(())
    }

    /// Moves this process into the group.
    pub(crate) fn join(&self) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), "0")
    }

    /// All processes of the group.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let list = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        list.lines().filter_map(|line| processes::find(line.parse().ok()?)).collect()
    }

    /// Kills all of the group.
    pub(crate) fn kill(&self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
    }

    /// Kills all of the group until it is empty, and removes it.
    pub(crate) fn end(&self) {
        loop {
            match fs::remove_dir(&self.0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.kill();
                    clock::pause(Duration::from_millis(1));
                }
                _ => return,
            }
        }
    }
}
