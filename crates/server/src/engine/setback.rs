//! When the store does not take what was decided: nothing of it is so, and the loop goes on from what is
//! durable, or stops where it must.

use std::sync::PoisonError;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant as Monotonic};

use leasehold_storage::{Batch, StoreError};

use super::handle::Message;
use super::{Asked, Engine, LoadError, Stopped, load, refuse_all};
use crate::command::Refusal;
use crate::core::{Core, Outbox};

/// How long a store that refuses is let be.
const PAUSE: Duration = Duration::from_secs(1);

/// The store refused a write, and was not asked again since.
#[derive(Debug)]
pub(super) struct Setback {
    try_again: Monotonic,
}

impl Engine {
    /// Whether the store is still to be let be. Once it takes a write, the setback is over.
    pub(super) fn is_set_back(&mut self) -> bool {
        let Some(setback) = &self.setback else { return false };
        if self.is_stopping || Monotonic::now() < setback.try_again {
            return true;
        }
        match self.store.append(&Batch::default()) {
            Ok(_) => {
                tracing::info!("the store takes writes again");
                self.heard_of_store = Monotonic::now();
                self.setback = None;
            }
            // What it means is found out at the next write that matters.
            Err(error) if must_stop(&error) => self.setback = None,
            Err(error) => {
                tracing::warn!(%error, "the store still refuses");
                self.setback = Some(Setback { try_again: Monotonic::now() + PAUSE });
            }
        }
        self.setback.is_some()
    }

    /// Undoes what was decided and is not durable. `core` is locked until then.
    pub(super) fn go_back(
        &mut self,
        core: &mut Core,
        asked: Vec<Asked>,
        error: StoreError,
    ) -> Result<(), Stopped> {
        refuse_all(asked, &Refusal::not_stored(&error));
        refuse_all(std::mem::take(&mut self.waiting), &Refusal::refused_by_store());
        if must_stop(&error) {
            return Err(error.into());
        }
        tracing::error!(%error, "the store refuses; going back to what is durable");
        *core = self.read_again()?;
        self.out = Outbox::default();
        self.is_unsettled = true;
        self.is_behind = false;
        let book = core.registry().tokens().clone();
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = book;
        self.plant.take_over(core.state(), core.registry());
        self.setback = Some(Setback { try_again: Monotonic::now() + PAUSE });
        Ok(())
    }

    /// What is durable, as soon as the store can be read.
    fn read_again(&mut self) -> Result<Core, Stopped> {
        let mut regained = false;
        loop {
            let error = match load::read_core(self.store.as_mut()) {
                Ok(core) => return Ok(core),
                Err(LoadError::Store(error)) if !must_stop(&error) => error,
                Err(error) => return Err(error.into()),
            };
            // A leader whose connection was cut gets another one, and the lead back, by writing.
            match self.store.append(&Batch::default()) {
                Ok(_) if !regained => {
                    regained = true;
                    continue;
                }
                Err(error) if must_stop(&error) => return Err(error.into()),
                _ => {}
            }
            tracing::warn!(%error, "the store cannot be read");
            if self.turn_away(PAUSE) {
                return Err(error.into());
            }
        }
    }

    /// Refuses all commands for so long; whether the server is to stop.
    fn turn_away(&mut self, pause: Duration) -> bool {
        let until = Monotonic::now() + pause;
        loop {
            let left = until.saturating_duration_since(Monotonic::now());
            match self.inbox.recv_timeout(left) {
                Ok(Message::Asked(asked)) => refuse_all([*asked], &Refusal::refused_by_store()),
                Ok(Message::Read(read)) => read(self.store.as_mut()),
                Ok(Message::Snapshot(_) | Message::Wake) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.is_stopping = true;
                    return true;
                }
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

/// Whether going on could lose or double something: another one leads, or nobody knows what is durable.
const fn must_stop(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Fenced { .. }
            | StoreError::NotLeading { .. }
            | StoreError::LedByAnother { .. }
            | StoreError::Unknown { .. }
            | StoreError::Damaged { .. }
    )
}
