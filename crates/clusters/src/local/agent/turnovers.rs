//! Turnover: nobody is left on the node, nothing of theirs is, and the node is well.
//!
//! The command runs under a supervisor like a run, so it is killed in time with all that it started, and an agent that
//! comes back finds it going or done.

use super::watch::{self, Followed, MARK, OWNER};
use super::{Agent, Event, Turning};
use crate::local::clock;
use crate::local::directory::{Intent, Orders, RunDirectory};
use crate::local::files;
use crate::local::wire::{Command, Exit, Limits, Node, Program, Report, Run, RunId, Turnover};
use leasehold_units::{Instant, Name};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// All that a turnover needs, apart from the agent.
struct Work {
    turnover: Turnover,
    node: Node,
    give_up_boot_millis: u64,
    scratch: PathBuf,
    directory: RunDirectory,
    others: Vec<RunDirectory>,
    argv: Option<Vec<String>>,
    timeout_seconds: u32,
    log_bytes_max: u64,
    boot_id: String,
    root: String,
    spawned: Sender<()>,
}

impl Agent {
    pub(crate) fn turn_over(&mut self, turnover: Turnover) {
        match self.turnovers.get(&turnover.node) {
            Some((known, Turning::Over(report))) if *known == turnover => {
                let report = report.clone();
                return self.report(report);
            }
            Some((known, _)) if *known == turnover => return,
            // Another one is going: its end begins this one.
            Some((_, Turning::Going)) => {
                return self
                    .turned_over(turnover, Err("another turnover of the node is going on".into()));
            }
            _ => {}
        }
        if Name::new(&turnover.node).is_err()
            || !self.nodes.iter().any(|node| node.name == turnover.node)
        {
            let reason = format!("{:?} is no node of this host", turnover.node);
            return self.turned_over(turnover, Err(reason));
        }
        let give_up_boot_millis = clock::boot_millis_of(turnover.until);
        self.turnovers
            .insert(turnover.node.clone(), (turnover, Turning::Waiting { give_up_boot_millis }));
        self.begin_turnovers();
    }

    /// Begins those whose nodes nobody is on.
    pub(crate) fn begin_turnovers(&mut self) {
        let is_free = |name: &str| {
            !self.live().any(|(_, live)| live.nodes.iter().any(|share| share.name == name))
        };
        let ready: Vec<(Turnover, u64)> = self
            .turnovers
            .values()
            .filter_map(|(turnover, turning)| match turning {
                Turning::Waiting { give_up_boot_millis } if is_free(&turnover.node) => {
                    Some((turnover.clone(), *give_up_boot_millis))
                }
                _ => None,
            })
            .collect();
        for (turnover, give_up_boot_millis) in ready {
            self.turnovers.insert(turnover.node.clone(), (turnover.clone(), Turning::Going));
            let Some(work) = self.work_on(&turnover, give_up_boot_millis) else { continue };
            let events = self.events.clone();
            std::thread::spawn(move || {
                let outcome = work.run().map(|()| clock::now());
                let _ = events.send(Event::TurnedOver(turnover, outcome));
            });
        }
    }

    fn work_on(&self, turnover: &Turnover, give_up_boot_millis: u64) -> Option<Work> {
        let command = self.config.turnover.as_ref();
        let name = format!("{}.{}", turnover.node, turnover.until.unix());
        let entries = std::fs::read_dir(self.layout.turnovers()).into_iter().flatten().flatten();
        let is_other = |path: &Path| {
            let known = path.file_name().and_then(|known| known.to_str());
            known.is_some_and(|known| {
                known != name && known.rsplit_once('.').is_some_and(|(of, _)| of == turnover.node)
            })
        };
        Some(Work {
            turnover: turnover.clone(),
            node: self.nodes.iter().find(|node| node.name == turnover.node)?.clone(),
            give_up_boot_millis,
            scratch: self.layout.scratch().join(&turnover.node),
            directory: RunDirectory(self.layout.turnovers().join(&name)),
            others: entries
                .map(|entry| entry.path())
                .filter(|path| is_other(path))
                .map(RunDirectory)
                .collect(),
            argv: command.map(|command| command.argv.clone()),
            timeout_seconds: command.map_or(0, |command| command.timeout_seconds),
            log_bytes_max: self.config.log_bytes_max,
            boot_id: self.boot_id.clone(),
            root: self.layout.root.display().to_string(),
            spawned: self.spawned.clone(),
        })
    }

    pub(crate) fn turned_over(&mut self, turnover: Turnover, outcome: Result<Instant, String>) {
        let report = match outcome {
            Ok(at) => Report::TurnoverDone { turnover: turnover.clone(), at },
            Err(reason) => {
                Report::TurnoverFailed { turnover: turnover.clone(), at: clock::now(), reason }
            }
        };
        let is_known =
            self.turnovers.get(&turnover.node).is_none_or(|(known, _)| *known == turnover);
        if is_known {
            self.turnovers.insert(turnover.node.clone(), (turnover, Turning::Over(report.clone())));
        }
        self.report(report);
    }

    /// Fails what waits in vain, and says how long it is until the next one does.
    pub(crate) fn give_up_turnovers(&mut self) -> Option<Duration> {
        let waiting = |agent: &Self| -> Vec<(Turnover, u64)> {
            let turnovers = agent.turnovers.values();
            let waiting = turnovers.filter_map(|(turnover, turning)| match turning {
                Turning::Waiting { give_up_boot_millis } => {
                    Some((turnover.clone(), *give_up_boot_millis))
                }
                _ => None,
            });
            waiting.collect()
        };
        for (turnover, at) in waiting(self) {
            if clock::boot_millis() >= at {
                self.turned_over(turnover, Err("a run has not left the node in time".into()));
            }
        }
        waiting(self).into_iter().map(|(_, at)| clock::until(at)).min()
    }
}

impl Work {
    fn run(&self) -> Result<(), String> {
        self.end_others();
        self.scrub()?;
        let Some(argv) = &self.argv else { return Ok(()) };
        let seconds_left = clock::until(self.give_up_boot_millis).as_secs();
        let limit_seconds =
            self.timeout_seconds.min(u32::try_from(seconds_left).unwrap_or(u32::MAX));
        self.intend(argv, limit_seconds)
            .map_err(|error| format!("the turnover cannot be recorded: {error}"))?;
        let said = watch::spawn(&self.directory, &self.spawned).ok();
        let Followed::Ended(ended) = watch::follow(&self.directory, said, false, |_| ()) else {
            return Err("its directory was removed".into());
        };
        match ended.exit {
            Exit::Code(0) => Ok(()),
            Exit::Code(code) => Err(format!("the turnover command ended with {code}")),
            Exit::Signal(signal) => {
                Err(format!("the turnover command was ended by signal {signal}"))
            }
            Exit::TimeLimit => {
                Err(format!("the turnover command was killed after {limit_seconds} s"))
            }
            Exit::NotStarted { reason } => {
                Err(format!("the turnover command did not start: {reason}"))
            }
            Exit::Vacated { .. } | Exit::Stopped | Exit::LostWithHost => {
                Err("the turnover command was stopped".into())
            }
        }
    }

    /// A turnover that was given another deadline begins anew.
    fn end_others(&self) {
        for other in &self.others {
            let stop = Orders { stop_boot_millis: Some(clock::boot_millis()), vacate: None };
            if other.write_orders(&stop).is_ok() {
                watch::follow(other, None, false, |_| ());
            }
            let _ = std::fs::remove_dir_all(&other.0);
        }
    }

    /// Ends every process and removes every scratch directory that is left of earlier runs.
    fn scrub(&self) -> Result<(), String> {
        let entries = match std::fs::read_dir(&self.scratch) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("the scratch directories cannot be read: {error}")),
        };
        let names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let owner = format!("{OWNER}={}", self.root);
        let marks: Vec<[String; 2]> =
            names.iter().map(|name| [format!("{MARK}={name}"), owner.clone()]).collect();
        if !watch::end_marked(&marks, self.give_up_boot_millis) {
            return Err("processes of an earlier run cannot be ended".into());
        }
        for name in names {
            let removed = std::fs::remove_dir_all(self.scratch.join(name));
            removed.map_err(|error| format!("a scratch directory cannot be removed: {error}"))?;
        }
        Ok(())
    }

    fn intend(&self, argv: &[String], limit_seconds: u32) -> io::Result<()> {
        if let Some(known) = self.directory.intent()? {
            if known.boot_id == self.boot_id {
                // An agent before this one began it; it is going, or over.
                return Ok(());
            }
            std::fs::remove_dir_all(&self.directory.0)?;
        }
        let gpus: Vec<String> = (0..self.node.gpus).map(|gpu| gpu.to_string()).collect();
        let number = u64::try_from(self.turnover.until.unix()).unwrap_or(0);
        let id = RunId::new("turnover", number, 0).map_err(io::Error::other)?;
        let command = Command {
            program: Program::Argv(argv.into()),
            env: BTreeMap::new(),
            workdir: None,
            user: None,
        };
        files::make_private(&self.directory.0)?;
        self.directory.write_intent(&Intent {
            run: Run {
                id,
                nodes: Vec::new(),
                command,
                limits: Limits::default(),
                limit_seconds,
                vacate_seconds: 0,
            },
            env: vec![
                ("LEASEHOLD_NODE".into(), self.node.name.clone()),
                ("LEASEHOLD_GPUS".into(), gpus.join(",")),
                (OWNER.into(), self.root.clone()),
                (MARK.into(), format!("turnover/{}.{number}", self.node.name)),
            ],
            scratch: vec![self.directory.0.join("scratch")],
            cgroup: None,
            log_bytes_max: self.log_bytes_max,
            boot_id: self.boot_id.clone(),
        })
    }
}
