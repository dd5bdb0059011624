//! How the loop is reached from other threads.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use leasehold_storage::{Snapshot, Store};
use tokio::sync::{RwLock, oneshot, watch};

use crate::command::{By, Command, Reply};
use crate::core::Core;

/// A command on its way to the loop.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub by: By,
    /// The client's own name for the command: repeating it changes nothing.
    pub key: Option<String>,
    /// SHA-256 of what is asked, to tell a repetition from another command under the same key.
    pub digest: [u8; 32],
    /// Whether only to say what would follow.
    pub dry_run: bool,
    /// What.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

/// What is done with the store between two groups.
type Reading = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// What reaches the loop.
pub(super) enum Message {
    /// A command.
    Asked(Box<Asked>),
    /// Something to be read from the store.
    Read(Reading),
    /// A snapshot is written out, or could not be.
    Snapshot(Option<Box<Snapshot>>),
    /// The plant saw something.
    Wake,
    /// The end.
    Stop,
}

/// The loop has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub struct Closed;

/// Reaches the loop.
#[derive(Clone)]
pub struct Handle {
    core: Arc<RwLock<Core>>,
    inbox: Sender<Message>,
    news: watch::Receiver<u64>,
}

impl Handle {
    pub(super) const fn new(
        core: Arc<RwLock<Core>>,
        inbox: Sender<Message>,
        news: watch::Receiver<u64>,
    ) -> Self {
        Self { core, inbox, news }
    }

    /// What is durable, for reading.
    pub async fn core(&self) -> tokio::sync::RwLockReadGuard<'_, Core> {
        self.core.read().await
    }

    /// Changes whenever something more is durable.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
    }

    /// Hands a command over and waits until its answer is durable.
    ///
    /// # Errors
    /// Where the loop has come to its end: whether the command was carried out is not known then.
    pub async fn ask(
        &self,
        by: By,
        key: Option<String>,
        digest: [u8; 32],
        dry_run: bool,
        command: Command,
    ) -> Result<Reply, Closed> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { by, key, digest, dry_run, command, reply };
        self.inbox.send(Message::Asked(Box::new(asked))).map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }

    /// Reads from the store, between two groups of commands.
    ///
    /// # Errors
    /// Where the loop has come to its end.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        let (reply, answer) = oneshot::channel();
        let read = move |store: &mut dyn Store| {
            let _ = reply.send(read(store));
        };
        self.inbox.send(Message::Read(Box::new(read))).map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }

    /// Tells the loop that the plant saw something.
    pub fn wake(&self) {
        let _ = self.inbox.send(Message::Wake);
    }

    /// Tells the loop to stop once what it was asked before is done.
    pub fn stop(&self) {
        let _ = self.inbox.send(Message::Stop);
    }
}
