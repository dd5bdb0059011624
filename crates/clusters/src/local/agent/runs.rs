//! Runs: starting them once, asking them to leave, letting them go.

use super::watch::{self, Followed, MARK, OWNER};
use super::{Agent, Event, Known, Live};
use crate::local::clock;
use crate::local::directory::{Deadline, Ended, Intent, Orders, RunDirectory};
use crate::local::files;
use crate::local::gpus;
use crate::local::wire::{Exit, FromAgent, Report, Run, RunId};
use leasehold_units::Instant;
use std::io;

/// So many supervisors may be killed before they start the command of a run; then it is not started.
const TRIES_MAX: u32 = 5;

impl Agent {
    fn directory(&self, id: &RunId) -> RunDirectory {
        RunDirectory(self.layout.runs().join(id.to_string()))
    }

    /// Starts a run, unless it is known, or was.
    pub(crate) fn start(&mut self, run: Run) {
        let id = run.id.clone();
        match self.runs.get(&id) {
            Some(Known::Intended(_)) => return self.supervise_when_free(&id),
            Some(Known::Running(_) | Known::Ended(_)) => return,
            None => {}
        }
        if let Some(ended) = self.past(&id) {
            return self.report(Report::Ended { id, at: ended.at, exit: ended.exit });
        }
        let checked = self.check(&run);
        match self
            .intend(&run)
            .map_err(|error| format!("the host cannot record the run: {error}"))
            .and(checked)
        {
            Ok(()) => self.supervise_when_free(&id),
            Err(reason) => self.refuse(id, reason),
        }
    }

    /// Takes a run for lost that was once reported as started and is not known here.
    pub(crate) fn keep(&mut self, id: RunId) {
        if self.runs.contains_key(&id) {
            return;
        }
        let ended =
            self.past(&id).unwrap_or_else(|| Ended { at: clock::now(), exit: Exit::LostWithHost });
        self.report(Report::Ended { id, at: ended.at, exit: ended.exit });
    }

    /// How a forgotten run ended.
    fn past(&self, id: &RunId) -> Option<Ended> {
        RunDirectory(self.layout.past().join(id.to_string())).ended().ok().flatten()
    }

    /// Writes down that the run is to be, before anything is done about it.
    fn intend(&mut self, run: &Run) -> io::Result<()> {
        let directory = self.directory(&run.id);
        files::make_private(&directory.0)?;
        let id = run.id.to_string();
        let intent = Intent {
            env: self.environment(run),
            scratch: run
                .nodes
                .iter()
                .map(|share| self.layout.scratch().join(&share.name).join(&id))
                .collect(),
            cgroup: self.cgroup.as_ref().map(|base| base.join(&id)),
            log_bytes_max: self.config.log_bytes_max,
            boot_id: self.boot_id.clone(),
            run: run.clone(),
        };
        directory.write_intent(&intent)?;
        std::fs::File::open(self.layout.runs())?.sync_all()?;
        self.runs.insert(run.id.clone(), Known::Intended(Live::of(&intent, Orders::default())));
        Ok(())
    }

    fn environment(&self, run: &Run) -> Vec<(String, String)> {
        let list = |gpus: &[u8]| gpus.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let names: Vec<&str> = run.nodes.iter().map(|share| share.name.as_str()).collect();
        let gpus: Vec<String> =
            run.nodes.iter().map(|share| format!("{}:{}", share.name, list(&share.gpus))).collect();
        let mut env = vec![
            ("LEASEHOLD_JOB".into(), run.id.job().to_string()),
            ("LEASEHOLD_NODES".into(), names.join(",")),
            ("LEASEHOLD_GPUS".into(), gpus.join(";")),
            (MARK.into(), run.id.to_string()),
            (OWNER.into(), self.layout.root.display().to_string()),
        ];
        let visible = gpus::visible(&self.gpus, &self.nodes, &run.nodes);
        env.extend(visible.map(|visible| ("CUDA_VISIBLE_DEVICES".into(), visible)));
        env
    }

    /// Records that the run will never start. If that fails, the report alone says so, and a repeated order tries again.
    fn refuse(&mut self, id: RunId, reason: String) {
        let ended = Ended { at: clock::now(), exit: Exit::NotStarted { reason } };
        let directory = self.directory(&id);
        match files::write_whole(&directory.0, "exit", &ended) {
            Ok(()) => self.ended(id, ended),
            Err(_) => {
                self.runs.remove(&id);
                let _ = std::fs::remove_dir_all(&directory.0);
                self.report(Report::Ended { id, at: ended.at, exit: ended.exit });
            }
        }
    }

    /// Starts a run that is intended as soon as an earlier start of its job, and whatever is on its way out of its
    /// place, is gone: no job runs twice at once, and no GPU is used twice.
    fn supervise_when_free(&mut self, id: &RunId) {
        if self.must_wait(id) {
            self.held.insert(id.clone());
        } else {
            self.supervise(id);
        }
    }

    fn release_held(&mut self) {
        for id in self.held.clone() {
            if !self.must_wait(&id) {
                self.supervise(&id);
            }
        }
    }

    /// Starts a supervisor for a run that is intended. If another one has it, this one leaves it to that.
    pub(crate) fn supervise(&mut self, id: &RunId) {
        self.held.remove(id);
        let directory = self.directory(id);
        match watch::spawn(&directory, &self.spawned) {
            Ok(said) => self.follow(id, Some(said)),
            // Nothing was started by this agent; but what an earlier one started may have the lock.
            Err(_) => self.follow(id, None),
        }
        if let Some(Known::Intended(live)) = self.runs.remove(id) {
            self.runs.insert(id.clone(), Known::Running(live));
        }
    }

    /// Waits in a thread for a run that a supervisor has, or had.
    pub(crate) fn follow(&self, id: &RunId, said: Option<std::process::ChildStdout>) {
        let tries = match self.runs.get(id) {
            Some(Known::Intended(live) | Known::Running(live)) => live.tries,
            _ => TRIES_MAX,
        };
        let (directory, events, id) = (self.directory(id), self.events.clone(), id.clone());
        std::thread::spawn(move || {
            let started = |at| drop(events.send(Event::Started(id.clone(), at)));
            let _ = match watch::follow(&directory, said, tries < TRIES_MAX, started) {
                Followed::Ended(ended) => events.send(Event::Ended(id, ended)),
                Followed::NotBegun => events.send(Event::NotBegun(id)),
                Followed::Gone => Ok(()),
            };
        });
    }

    /// Has another supervisor begin a run that one was killed too early for.
    pub(crate) fn not_begun(&mut self, id: &RunId) {
        if let Some(Known::Intended(mut live) | Known::Running(mut live)) = self.runs.remove(id) {
            live.tries += 1;
            self.runs.insert(id.clone(), Known::Intended(live));
            self.supervise_when_free(id);
        }
    }

    pub(crate) fn started(&mut self, id: RunId, at: Instant) {
        if let Some(Known::Intended(live) | Known::Running(live)) = self.runs.get_mut(&id) {
            live.started = Some(at);
            self.report(Report::Started { id, at });
        }
    }

    pub(crate) fn ended(&mut self, id: RunId, ended: Ended) {
        self.runs.insert(id.clone(), Known::Ended(ended.clone()));
        self.report(Report::Ended { id, at: ended.at, exit: ended.exit });
        self.release_held();
        self.begin_turnovers();
    }

    pub(crate) fn vacate(&mut self, id: &RunId, wall: Instant) {
        self.change_orders(id, |_, orders| {
            // A deadline that is repeated stays what it was converted to when it came, also if the clock was stepped since.
            if orders.vacate.is_none_or(|known| wall < known.wall) {
                orders.vacate = Some(Deadline { wall, boot_millis: clock::boot_millis_of(wall) });
            }
        });
    }

    pub(crate) fn stop(&mut self, id: &RunId) {
        self.change_orders(id, |vacate_seconds, orders| {
            let deadline = clock::boot_millis() + u64::from(vacate_seconds) * 1000;
            orders.stop_boot_millis.get_or_insert(deadline);
        });
    }

    fn change_orders(&mut self, id: &RunId, change: impl Fn(u32, &mut Orders)) {
        let directory = self.directory(id);
        let Some(Known::Intended(live) | Known::Running(live)) = self.runs.get_mut(id) else {
            return;
        };
        let mut orders = live.orders;
        change(live.vacate_seconds, &mut orders);
        if orders != live.orders {
            live.orders = orders;
            live.is_unsaved = directory.write_orders(&orders).is_err();
        }
        if matches!(self.runs.get(id), Some(Known::Intended(_))) {
            // Its supervisor finds the orders and ends it before it begins.
            self.supervise(id);
        }
    }

    /// Tries again to hand orders over that a full disk kept from their supervisors. Says whether some are left.
    pub(crate) fn save_orders(&mut self) -> bool {
        let runs = self.layout.runs();
        let mut is_any_left = false;
        for (id, known) in &mut self.runs {
            if let Known::Intended(live) | Known::Running(live) = known
                && live.is_unsaved
            {
                live.is_unsaved =
                    RunDirectory(runs.join(id.to_string())).write_orders(&live.orders).is_err();
                is_any_left |= live.is_unsaved;
            }
        }
        is_any_left
    }

    pub(crate) fn forget(&mut self, id: &RunId) {
        match self.runs.get(id) {
            Some(Known::Ended(_)) => {}
            Some(_) => return,
            None => return self.tell(&FromAgent::Forgotten(id.clone())),
        }
        let name = id.to_string();
        let is_moved =
            std::fs::rename(self.layout.runs().join(&name), self.layout.past().join(&name)).is_ok();
        if is_moved
            && std::fs::File::open(self.layout.past()).and_then(|past| past.sync_all()).is_ok()
        {
            self.runs.remove(id);
            self.tell(&FromAgent::Forgotten(id.clone()));
        }
    }

    /// What a server that connects must know. That which runs is said last: all else was said then.
    pub(crate) fn say_all_runs(&mut self, peer: u64) {
        let mut running = Vec::new();
        let mut lines = Vec::new();
        for (id, known) in &self.runs {
            match known {
                Known::Intended(_) => running.push(id.clone()),
                Known::Running(live) => {
                    running.push(id.clone());
                    lines.extend(live.started.map(|at| Report::Started { id: id.clone(), at }));
                }
                Known::Ended(Ended { at, exit }) => {
                    lines.push(Report::Ended { id: id.clone(), at: *at, exit: exit.clone() });
                }
            }
        }
        for report in lines.into_iter().chain([Report::Running(running)]) {
            self.say(peer, &FromAgent::Report(report));
        }
    }

    /// A run that was ordered before, did not start, and is not wanted any more ends before it begins.
    pub(crate) fn drop_unwanted_intents(&mut self) {
        let is_intended =
            |(id, known): (&RunId, &Known)| matches!(known, Known::Intended(_)).then(|| id.clone());
        let mut unwanted: Vec<RunId> = self.runs.iter().filter_map(is_intended).collect();
        unwanted.retain(|id| !self.held.contains(id));
        unwanted.iter().for_each(|id| self.stop(id));
    }
}

impl Live {
    /// Whether it was asked to end.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.orders.vacate.is_some() || self.orders.stop_boot_millis.is_some()
    }

    pub(crate) fn of(intent: &Intent, orders: Orders) -> Self {
        let run = &intent.run;
        Self {
            nodes: run.nodes.clone(),
            vacate_seconds: run.vacate_seconds,
            orders,
            started: None,
            is_unsaved: false,
            tries: 1,
        }
    }
}
