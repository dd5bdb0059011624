//! The loop: commands are decided, made durable in groups, answered, and only then carried out.
//!
//! It runs on a thread of its own, the only one that changes anything. Readers share the core behind a lock
//! that the loop holds from the first decision of a group until the group is durable, so that nobody ever
//! reads what might still be lost.

mod handle;
mod load;
mod verify;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant as Monotonic};

use leasehold_control::Violation;
use leasehold_storage::{Answer, Batch, Snapshot, Store, StoreError};
use leasehold_units::Instant;
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

/// So many commands are made durable together at most.
const GROUP_MAX: usize = 512;

/// On a clock that can be held back, what passes by itself keeps readers out no longer than this.
const TURN: Duration = Duration::from_millis(20);

/// The loop looks around at least so often.
const IDLE: Duration = Duration::from_secs(1);

/// How long the loop lets readers be when the store does not take anything.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// A snapshot is written after so many records.
const SNAPSHOT_EVERY: u64 = 100_000;

/// The loop.
pub struct Engine {
    core: Arc<RwLock<Core>>,
    store: Box<dyn Store>,
    plant: Box<dyn Plant>,
    clock: Clock,
    inbox: Receiver<Message>,
    /// The last record that is durable, for whoever waits for news.
    durable: watch::Sender<u64>,
    snapshot_at: u64,
    out: Outbox,
    /// Who is let in, as of the last record that is durable.
    tokens: Arc<std::sync::RwLock<TokenBook>>,
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

impl Engine {
    /// A loop over what was loaded, and how to reach it.
    pub fn new(loaded: Loaded, mut plant: Box<dyn Plant>, clock: Clock) -> (Self, Handle) {
        let (sender, inbox) = std::sync::mpsc::channel();
        let tokens = loaded.core.registry().tokens().clone();
        let core = Arc::new(RwLock::new(loaded.core));
        let head = loaded.store.head().seq;
        let (durable, news) = watch::channel(head);
        let handle = Handle::new(Arc::clone(&core), sender, news);
        let waker = handle.clone();
        plant.attach(Arc::new(move || waker.wake()));
        let tokens = Arc::new(std::sync::RwLock::new(tokens));
        let engine = Self {
            core,
            store: loaded.store,
            plant,
            clock,
            inbox,
            durable,
            snapshot_at: loaded.snapshot_seq,
            out: Outbox::default(),
            tokens,
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
        loop {
            let (asked, stop) = self.gather();
            if let Err(error) = self.turn(asked) {
                self.recover(error)?;
            }
            if stop {
                self.snapshot();
                return Ok(());
            }
            if self.store.head().seq.saturating_sub(self.snapshot_at) >= SNAPSHOT_EVERY {
                self.snapshot();
            }
        }
    }

    /// Waits for something to do, and takes all that is there.
    fn gather(&mut self) -> (Vec<Asked>, bool) {
        let next = {
            let core = self.core.blocking_read();
            [core.control().next_due(), self.plant.next()].into_iter().flatten().min()
        };
        let wait = next.map_or(IDLE, |at| self.clock.until(at).min(IDLE));
        let mut asked = Vec::new();
        let mut message = match self.inbox.recv_timeout(wait) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return (asked, true),
        };
        while let Some(taken) = message {
            match taken {
                Message::Asked(one) => asked.push(*one),
                Message::Read(read) => read(self.store.as_mut()),
                Message::Wake => {}
                Message::Stop => return (asked, true),
            }
            if asked.len() >= GROUP_MAX {
                break;
            }
            message = self.inbox.try_recv().ok();
        }
        (asked, false)
    }

    /// Decides, makes durable, answers, acts.
    fn turn(&mut self, asked: Vec<Asked>) -> Result<(), Failed> {
        let lock = Arc::clone(&self.core);
        let mut core = lock.blocking_write();
        let now = self.clock.now().max(core.state().now);
        let mut decided = Vec::with_capacity(asked.len());
        let (began, can_lag) = (Monotonic::now(), self.clock.can_lag());
        let mut is_time_up = || can_lag && began.elapsed() >= TURN;
        let caught_up = core.catch_up(now, self.plant.as_mut(), &mut self.out, &mut is_time_up);
        let is_late = can_lag && matches!(caught_up, Ok(false));
        let now = if is_late { core.state().now } else { now.max(core.state().now) };
        if is_late {
            self.clock.hold_back(now);
        }
        let settled = caught_up.and_then(|_| {
            for asked in asked {
                let known = self.known(&asked, &decided);
                let is_old = known.is_some();
                let reply = known.unwrap_or_else(|| self.decide(&mut core, now, &asked));
                decided.push(Decided { asked, reply, is_old });
            }
            core.settle(now, self.plant.as_mut(), &mut self.out)
        });
        if let Err(violation) = settled {
            refuse_all(decided, &Refusal::stopped());
            return Err(Failed::Violation { violation, story: core.story() });
        }
        let touches_tokens = self.out.touches_tokens();
        let mut batch = self.out.take();
        batch.answers = answers(&decided, now);
        if is_something(&batch)
            && let Err(error) = self.store.append(&batch)
        {
            refuse_all(decided, &Refusal::not_stored(&error));
            return Err(Failed::Store(error));
        }
        if touches_tokens {
            let book = core.registry().tokens().clone();
            *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = book;
        }
        drop(core);
        for Decided { asked, reply, .. } in decided {
            // Nobody waits any more where the connection was cut: the answer is kept all the same.
            let _ = asked.reply.send(reply);
        }
        self.plant.act();
        self.durable.send_replace(self.store.head().seq);
        Ok(())
    }

    /// The answer to a command that was asked before under its key, or why the key is not free.
    fn known(&mut self, asked: &Asked, before: &[Decided]) -> Option<Reply> {
        let key = asked.key.as_ref()?;
        let principal = asked.by.id.as_str();
        // What was only tried out leaves nothing behind, so that it is no answer to a command.
        let just_now = before
            .iter()
            .filter(|other| !other.asked.dry_run && !other.is_old)
            .find(|other| other.asked.key.as_ref() == Some(key) && other.asked.by.id == principal);
        if let Some(other) = just_now {
            return Some(if other.asked.digest == asked.digest {
                other.reply.clone().map(|done| Done { again: true, ..done })
            } else {
                Err(Refusal::key_reused(key))
            });
        }
        match self.store.answer(principal, key) {
            Ok(None) => None,
            Ok(Some(answer)) if answer.digest == asked.digest => Some(again(&answer)),
            Ok(Some(_)) => Some(Err(Refusal::key_reused(key))),
            Err(error) => Some(Err(Refusal::not_stored(&error))),
        }
    }

    /// The answer to a command.
    fn decide(&mut self, core: &mut Core, now: Instant, asked: &Asked) -> Reply {
        let mut desk =
            Desk { core, plant: self.plant.as_mut(), out: &mut self.out, now, by: &asked.by };
        if asked.dry_run {
            asked.command.try_out(&desk)
        } else {
            asked.command.carry_out(&mut desk)
        }
    }

    /// Goes on from what is durable after a write was refused, or stops where it must.
    fn recover(&mut self, failed: Failed) -> Result<(), Stopped> {
        let error = match failed {
            Failed::Violation { violation, story } => {
                return Err(Stopped::Violation { violation, story });
            }
            Failed::Store(
                error @ (StoreError::Fenced { .. }
                | StoreError::NotLeading { .. }
                | StoreError::Unknown { .. }
                | StoreError::Damaged { .. }),
            ) => return Err(error.into()),
            Failed::Store(error) => error,
        };
        tracing::error!(%error, "the store refuses; going back to what is durable");
        std::thread::sleep(STORE_PAUSE);
        self.out = Outbox::default();
        let core = load::read_core(self.store.as_mut())?;
        *self.core.blocking_write() = core;
        self.take_over();
        Ok(())
    }

    fn take_over(&mut self) {
        let core = self.core.blocking_read();
        self.plant.take_over(core.state(), core.registry());
    }

    /// Writes what a start needs not fold again. That it fails is no harm: the log is whole.
    fn snapshot(&mut self) {
        let began = Monotonic::now();
        let head = *self.store.head();
        if head.seq <= self.snapshot_at {
            return;
        }
        let snapshot = {
            let core = self.core.blocking_read();
            write_snapshot(&core, &head)
        };
        self.snapshot_at = head.seq;
        let put = snapshot
            .map(|snapshot: Snapshot| (snapshot.body.len(), self.store.put_snapshot(&snapshot)));
        match put {
            Ok((bytes, Ok(()))) => {
                let seconds = began.elapsed().as_secs_f64();
                tracing::info!(seq = head.seq, bytes, seconds, "wrote a snapshot");
            }
            Ok((_, Err(error))) => tracing::warn!(%error, "cannot keep a snapshot"),
            Err(error) => tracing::warn!(%error, "cannot write a snapshot"),
        }
    }
}

/// Why a turn failed.
enum Failed {
    Violation { violation: Violation, story: Vec<String> },
    Store(StoreError),
}

fn refuse_all(decided: Vec<Decided>, refusal: &Refusal) {
    for Decided { asked, .. } in decided {
        let _ = asked.reply.send(Err(refusal.clone()));
    }
}

/// What is kept of the commands that have a key, so that repeating one changes nothing.
fn answers(decided: &[Decided], at: Instant) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let new = decided.iter().filter(|decided| !decided.asked.dry_run && !decided.is_old);
    for Decided { asked, reply, .. } in new {
        let Some(key) = &asked.key else { continue };
        let principal = asked.by.id.clone();
        let (status, body) = match reply {
            Ok(done) => (done.status, done.body.clone()),
            Err(refusal) if refusal.is_kept() => (refusal.status, refusal.to_json()),
            _ => continue,
        };
        let command = key.clone();
        answers.push(Answer { principal, command, digest: asked.digest, at, status, body });
    }
    answers
}

/// The answer that was given first.
fn again(answer: &Answer) -> Reply {
    if answer.status < 400 {
        return Ok(Done { status: answer.status, body: answer.body.clone(), again: true });
    }
    Err(Refusal::from_json(answer.status, &answer.body))
}

const fn is_something(batch: &Batch) -> bool {
    !(batch.records.is_empty()
        && batch.answers.is_empty()
        && batch.chunks.is_empty()
        && batch.archive.is_empty())
}
