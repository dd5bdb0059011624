//! Processes as `/proc` shows them.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::fs;

/// A process at the time of looking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    /// When it started, in ticks since boot: with the pid, this names it for good.
    pub(crate) started: u64,
    zombie: bool,
}

/// All processes, zombies left out.
pub(crate) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(read).filter(|process| !process.zombie).collect()
}

fn read(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, parentheses too.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// All that stem from `root`, itself left out.
pub(crate) fn descendants(of: &[Process], root: i32) -> Vec<Process> {
    let mut known = BTreeSet::from([root]);
    let mut found = Vec::new();
    loop {
        let next: Vec<Process> = of
            .iter()
            .copied()
            .filter(|p| known.contains(&p.parent) && !known.contains(&p.pid))
            .collect();
        if next.is_empty() {
            return found;
        }
        known.extend(next.iter().map(|p| p.pid));
        found.extend(next);
    }
}

/// Whether the process was started with all of `marks`, each as `NAME=VALUE`, in its environment.
pub(crate) fn bears(process: Process, marks: &[String]) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
    let has =
        |mark: &String| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes());
    marks.iter().all(has)
}

/// Whether the process executes the same file as this one: a supervisor, a launcher, or one about to become another.
pub(crate) fn is_ours(process: Process) -> bool {
    match (fs::read_link("/proc/self/exe"), fs::read_link(format!("/proc/{}/exe", process.pid))) {
        (Ok(own), Ok(its)) => own == its,
        _ => false,
    }
}

/// Sends a signal to that very process, not to one that has its pid by now.
pub(crate) fn signal(process: Process, signal: Signal) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if read(process.pid).is_some_and(|now| now.started == process.started) {
        // It may have ended meanwhile, which is all that is wanted of it.
        let _ = pidfd_send_signal(handle, signal);
    }
}

/// The process that has `pid` now.
pub(crate) fn find(pid: i32) -> Option<Process> {
    read(pid).filter(|process| !process.zombie)
}
