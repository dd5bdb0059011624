//! Snapshots while the loop runs: a copy is taken between two groups, written out by a thread of its own, and
//! put into the store when that is done.

use std::time::Instant as Monotonic;

use leasehold_storage::{Head, Snapshot};

use super::handle::Message;
use super::{Engine, write_snapshot};

/// A snapshot is written after so many records: a start folds no more than these, in seconds.
const EVERY: u64 = 200_000;

/// Which snapshots there are.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// Up to which record one is kept, or on its way.
    seq: u64,
    is_on_its_way: bool,
    written: Option<Snapshot>,
}

impl Snapshots {
    pub(super) const fn new(seq: u64) -> Self {
        Self { seq, is_on_its_way: false, written: None }
    }

    /// Hears from the thread that writes.
    pub(super) fn written(&mut self, snapshot: Option<Box<Snapshot>>) {
        self.is_on_its_way = false;
        self.written = snapshot.map(|snapshot| *snapshot);
    }
}

impl Engine {
    /// Puts away what is written, and has the next one written when it is time.
    pub(super) fn tend_snapshots(&mut self) {
        if let Some(snapshot) = self.snapshots.written.take() {
            self.put_snapshot(&snapshot);
        }
        let head = *self.store.head();
        if self.snapshots.is_on_its_way || head.seq.saturating_sub(self.snapshots.seq) < EVERY {
            return;
        }
        self.snapshots.seq = head.seq;
        self.snapshots.is_on_its_way = true;
        let core = self.core.blocking_read().copy();
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let written = write_snapshot(&core, &head);
            let written =
                written.inspect_err(|error| tracing::warn!(%error, "cannot write a snapshot"));
            // A loop that has ended needs none.
            let _ = sender.send(Message::Snapshot(written.ok().map(Box::new)));
        });
    }

    /// Writes what the next start needs not fold again.
    pub(super) fn last_snapshot(&mut self) {
        let head: Head = *self.store.head();
        if head.seq <= self.snapshots.seq || self.setback.is_some() {
            return;
        }
        let written = write_snapshot(&self.core.blocking_read(), &head);
        match written {
            Ok(snapshot) => self.put_snapshot(&snapshot),
            Err(error) => tracing::warn!(%error, "cannot write a snapshot"),
        }
    }

    /// That it fails is no harm: the log is whole.
    fn put_snapshot(&mut self, snapshot: &Snapshot) {
        let began = Monotonic::now();
        match self.store.put_snapshot(snapshot) {
            Ok(()) => {
                let (bytes, seconds) = (snapshot.body.len(), began.elapsed().as_secs_f64());
                tracing::info!(seq = snapshot.seq, bytes, seconds, "kept a snapshot");
            }
            Err(error) => tracing::warn!(%error, "cannot keep a snapshot"),
        }
    }
}
