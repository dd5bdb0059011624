//! The loop: commands are decided, made durable in groups, answered, and only then carried out.
//!
//! It runs on a thread of its own, the only one that changes anything. Readers share the core behind a lock
//! that the loop holds from the first decision of a group until the group is durable, or undone, so that
//! nobody ever reads what might still be lost.

mod handle;
mod load;
mod setback;
mod snapshots;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant as Monotonic};

use leasehold_control::Violation;
use leasehold_storage::{Answer, Store, StoreError};
use leasehold_units::{Instant, Seconds};
use tokio::sync::{RwLock, watch};

pub use handle::{Asked, Closed, Handle};
pub use load::{LoadError, Loaded, NO_SNAPSHOTS, fold_all, load, read_snapshot, write_snapshot};
pub use verify::{Verified, verify};

use crate::auth::TokenBook;
use crate::clock::Clock;
use crate::command::{Desk, Done, Refusal, Reply};
use crate::core::{Core, Outbox};
use crate::plant::Plant;
use handle::Message;
use setback::Setback;

/// So many commands are made durable together at most.
const GROUP_MAX: usize = 512;

/// The loop looks around at least so often. A leader that PostgreSQL hears nothing of for four seconds is
/// taken for dead.
const IDLE: Duration = Duration::from_secs(1);

/// On a clock that can be held back, what passes by itself keeps readers out no longer than this.
const TURN: Duration = Duration::from_millis(20);

/// What is due already, but past what the plant saw, is looked at again after so long.
const BEYOND_HORIZON: Duration = Duration::from_millis(100);

/// How long a start waits for what the plant has to tell of the time before.
const PLANT_PATIENCE: Duration = Duration::from_secs(5);

/// So long a command can be repeated under its key.
const ANSWERS_KEPT: Seconds = Seconds::new(7 * 24 * 3600);

/// Old answers are forgotten so often.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// The loop.
pub struct Engine {
    core: Arc<RwLock<Core>>,
    store: Box<dyn Store>,
    plant: Box<dyn Plant>,
    clock: Clock,
    inbox: Receiver<Message>,
    /// For threads that tell the loop something when they are done.
    sender: Sender<Message>,
    /// The last record that is durable, for whoever waits for news.
    durable: watch::Sender<u64>,
    out: Outbox,
    /// Who is let in, as of the last record that is durable.
    tokens: Arc<std::sync::RwLock<TokenBook>>,
    /// Commands that wait until the loop has caught up with the time.
    waiting: Vec<Asked>,
    /// More is due than one group takes.
    is_behind: bool,
    /// The last instant of the log may have been left before all had followed.
    is_unsettled: bool,
    is_stopping: bool,
    heard_of_store: Monotonic,
    pruned: Monotonic,
    setback: Option<Setback>,
    snapshots: snapshots::Snapshots,
}

/// Why the loop came to its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// An invariant is broken: the program is wrong, and goes no further.
    #[error("{violation}\nwhat led there, oldest first:\n  {}", story.join("\n  "))]
    Violation {
        /// Which, when and how.
        violation: Violation,
        /// The last events.
        story: Vec<String>,
    },
    /// Another server leads, or whether something is durable is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store cannot be read again after it refused a write.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// A command with its answer, not durable yet.
struct Decided {
    asked: Asked,
    reply: Reply,
    /// Whether that was settled before, or under the key of another command: nothing more is kept then.
    is_old: bool,
}

/// Answers that were given, by who asked and under which key.
type Known = BTreeMap<(String, String), Answer>;

impl Engine {
    /// A loop over what was loaded, and how to reach it.
    pub fn new(loaded: Loaded, mut plant: Box<dyn Plant>, clock: Clock) -> (Self, Handle) {
        let (sender, inbox) = std::sync::mpsc::channel();
        let tokens = loaded.core.registry().tokens().clone();
        let core = Arc::new(RwLock::new(loaded.core));
        let head = loaded.store.head().seq;
        let (durable, news) = watch::channel(head);
        let handle = Handle::new(Arc::clone(&core), sender.clone(), news);
        let waker = handle.clone();
        plant.attach(Arc::new(move || waker.wake()));
        let tokens = Arc::new(std::sync::RwLock::new(tokens));
        let engine = Self {
            core,
            store: loaded.store,
            plant,
            clock,
            inbox,
            sender,
            durable,
            out: loaded.unsaved,
            tokens,
            waiting: Vec::new(),
            is_behind: false,
            is_unsettled: true,
            is_stopping: false,
            heard_of_store: Monotonic::now(),
            pruned: Monotonic::now(),
            setback: None,
            snapshots: snapshots::Snapshots::new(loaded.snapshot_seq),
        };
        (engine, handle)
    }

    /// Who is let in: kept up with what is durable.
    pub fn tokens(&self) -> Arc<std::sync::RwLock<TokenBook>> {
        Arc::clone(&self.tokens)
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// See [`Stopped`]. What was not answered is not durable.
    pub fn run(mut self) -> Result<(), Stopped> {
        self.take_over();
        self.plant.await_answer(PLANT_PATIENCE);
        loop {
            let asked = self.gather();
            if self.is_set_back() {
                refuse_all(asked, &Refusal::refused_by_store());
            } else {
                self.turn(asked)?;
                self.tend()?;
            }
            if self.is_stopping {
                self.last_snapshot();
                return Ok(());
            }
        }
    }

    /// Waits for something to do, and takes all that is there.
    fn gather(&mut self) -> Vec<Asked> {
        let next = {
            let core = self.core.blocking_read();
            [core.control().next_due(), self.plant.next()].into_iter().flatten().min()
        };
        let wait = match next {
            _ if self.setback.is_some() => IDLE,
            _ if self.is_behind => Duration::ZERO,
            // What is due past the horizon waits for the plant, which wakes the loop.
            Some(at) if at > self.plant.horizon(self.clock.now()) => {
                self.clock.until(at).max(BEYOND_HORIZON).min(IDLE)
            }
            Some(at) => self.clock.until(at).min(IDLE),
            None => IDLE,
        };
        let mut asked = std::mem::take(&mut self.waiting);
        let mut message = match self.inbox.recv_timeout(wait) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::Stop),
        };
        while let Some(taken) = message {
            match taken {
                Message::Asked(one) => asked.push(*one),
                Message::Read(read) => read(self.store.as_mut()),
                Message::Snapshot(snapshot) => self.snapshots.written(snapshot),
                Message::Wake => {}
                Message::Stop => {
                    self.is_stopping = true;
                    return asked;
                }
            }
            if asked.len() >= GROUP_MAX {
                break;
            }
            message = self.inbox.try_recv().ok();
        }
        asked
    }

    /// Decides, makes durable, answers, acts.
    fn turn(&mut self, asked: Vec<Asked>) -> Result<(), Stopped> {
        let known = self.known(&asked);
        let lock = Arc::clone(&self.core);
        let mut core = lock.blocking_write();
        let decided = match self.decide_durably(&mut core, asked, known) {
            Ok(decided) => decided,
            Err(stopped) => {
                // Nothing of what is in there is sure: whoever wants to read it waits for the next server.
                std::mem::forget(core);
                return Err(stopped);
            }
        };
        drop(core);
        for Decided { asked, reply, .. } in decided {
            // Nobody waits any more where the connection was cut: the answer is kept all the same.
            let _ = asked.reply.send(reply);
        }
        self.plant.act();
        let seq = self.store.head().seq;
        self.durable.send_if_modified(|known| std::mem::replace(known, seq) != seq);
        Ok(())
    }

    /// What was decided and is durable; nothing if the store did not take it.
    fn decide_durably(
        &mut self,
        core: &mut Core,
        asked: Vec<Asked>,
        known: Result<Known, StoreError>,
    ) -> Result<Vec<Decided>, Stopped> {
        let known = match known {
            Ok(known) => known,
            Err(error) => return self.go_back(core, asked, error).map(|()| Vec::new()),
        };
        let now = self.plant.horizon(self.clock.now()).max(core.now());
        let mut decided = Vec::with_capacity(asked.len());
        if let Err(violation) = self.decide_all(core, now, asked, &known, &mut decided) {
            refuse_all(decided.into_iter().map(|decided| decided.asked), &Refusal::stopped());
            return Err(Stopped::Violation { violation, story: core.story() });
        }
        let touches_tokens = self.out.touches_tokens();
        let mut batch = self.out.take();
        batch.answers = answers(&decided, now);
        if !batch.is_empty() {
            if let Err(error) = self.store.append(&batch) {
                let asked = decided.into_iter().map(|decided| decided.asked).collect();
                return self.go_back(core, asked, error).map(|()| Vec::new());
            }
            self.heard_of_store = Monotonic::now();
        }
        if touches_tokens {
            let book = core.registry().tokens().clone();
            *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = book;
        }
        Ok(decided)
    }

    /// Lets pass what is due, and then, if that is all, decides what is asked.
    fn decide_all(
        &mut self,
        core: &mut Core,
        now: Instant,
        asked: Vec<Asked>,
        known: &Known,
        decided: &mut Vec<Decided>,
    ) -> Result<(), Violation> {
        if std::mem::take(&mut self.is_unsettled) {
            let last = core.now();
            core.settle(last, self.plant.as_mut(), &mut self.out)?;
        }
        let (began, can_lag) = (Monotonic::now(), self.clock.can_lag());
        let mut is_time_up = || can_lag && began.elapsed() >= TURN;
        self.is_behind =
            !core.catch_up(now, self.plant.as_mut(), &mut self.out, &mut is_time_up)?;
        if self.is_behind && !can_lag {
            self.waiting = asked;
            return Ok(());
        }
        // A clock that can lag does, so that whoever asks is answered at the instant that was reached.
        let now = if self.is_behind { core.now() } else { now };
        if self.is_behind {
            self.clock.hold_back(now);
        }
        let now = now.max(core.now());
        let mut by_key = BTreeMap::new();
        for asked in asked {
            let key = asked.key.clone().filter(|_| !asked.dry_run);
            let key = key.map(|key| (asked.by.id.clone(), key));
            let before = key.as_ref().and_then(|key| by_key.get(key));
            let before = before.map(|index: &usize| &decided[*index]);
            let old = key.as_ref().and_then(|key| repeated(&asked, before, known.get(key)));
            let is_old = old.is_some();
            let reply = old.unwrap_or_else(|| self.decide(core, now, &asked));
            if let Some(key) = key {
                by_key.entry(key).or_insert(decided.len());
            }
            decided.push(Decided { asked, reply, is_old });
        }
        core.settle(now, self.plant.as_mut(), &mut self.out)
    }

    /// What was answered before to commands with the keys of these.
    fn known(&mut self, asked: &[Asked]) -> Result<Known, StoreError> {
        let keyed = asked.iter().filter(|asked| !asked.dry_run);
        let keys = keyed.filter_map(|asked| Some((asked.by.id.as_str(), asked.key.as_deref()?)));
        let keys: Vec<(&str, &str)> = keys.collect();
        if keys.is_empty() {
            return Ok(Known::new());
        }
        let known = self.store.answers_to(&keys)?.into_iter();
        Ok(known
            .map(|answer| ((answer.principal.clone(), answer.command.clone()), answer))
            .collect())
    }

    fn decide(&mut self, core: &mut Core, now: Instant, asked: &Asked) -> Reply {
        let mut desk =
            Desk { core, plant: self.plant.as_mut(), out: &mut self.out, now, by: &asked.by };
        if asked.dry_run {
            asked.command.try_out(&desk)
        } else {
            asked.command.carry_out(&mut desk)
        }
    }

    /// What is to be done now and then.
    fn tend(&mut self) -> Result<(), Stopped> {
        if self.heard_of_store.elapsed() >= IDLE {
            if let Err(error) = self.store.refresh() {
                let lock = Arc::clone(&self.core);
                let mut core = lock.blocking_write();
                return self.go_back(&mut core, Vec::new(), error);
            }
            self.heard_of_store = Monotonic::now();
        }
        if self.pruned.elapsed() >= PRUNE_EVERY {
            self.pruned = Monotonic::now();
            let before = self.clock.now().unix() - ANSWERS_KEPT.get().cast_signed();
            if let Err(error) = self.store.prune_answers(Instant::from_unix(before)) {
                tracing::warn!(%error, "cannot forget old answers");
            }
        }
        self.tend_snapshots();
        Ok(())
    }

    fn take_over(&mut self) {
        let core = self.core.blocking_read();
        self.plant.take_over(core.state(), core.registry());
    }
}

/// The answer that a command was given already, in the same group or long ago.
fn repeated(asked: &Asked, before: Option<&Decided>, known: Option<&Answer>) -> Option<Reply> {
    let key = asked.key.as_deref()?;
    let (digest, reply) = match (before, known) {
        (Some(before), _) => {
            let reply = before.reply.clone().map(|done| Done { again: true, ..done });
            (before.asked.digest, reply)
        }
        (None, Some(known)) => (known.digest, again(known)),
        (None, None) => return None,
    };
    Some(if digest == asked.digest { reply } else { Err(Refusal::key_reused(key)) })
}

fn refuse_all(asked: impl IntoIterator<Item = Asked>, refusal: &Refusal) {
    for asked in asked {
        let _ = asked.reply.send(Err(refusal.clone()));
    }
}

/// What is kept of the commands that have a key, so that repeating one changes nothing.
fn answers(decided: &[Decided], at: Instant) -> Vec<Answer> {
    let mut answers: BTreeMap<(&str, &str), Answer> = BTreeMap::new();
    let new = decided.iter().filter(|decided| !decided.asked.dry_run && !decided.is_old);
    for Decided { asked, reply, .. } in new {
        let Some(key) = &asked.key else { continue };
        let (status, body) = match reply {
            Ok(done) => (done.status, done.body.clone()),
            Err(refusal) if refusal.is_kept() => (refusal.status, refusal.to_json()),
            _ => continue,
        };
        let (principal, command) = (asked.by.id.clone(), key.clone());
        let (digest, name) = (asked.digest, (asked.by.id.as_str(), key.as_str()));
        answers.entry(name).or_insert(Answer { principal, command, digest, at, status, body });
    }
    answers.into_values().collect()
}

/// The answer that was given first.
fn again(answer: &Answer) -> Reply {
    if answer.status < 400 {
        return Ok(Done { status: answer.status, body: answer.body.clone(), again: true });
    }
    Err(Refusal::from_json(answer.status, &answer.body))
}
