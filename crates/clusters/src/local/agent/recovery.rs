//! Taking over what an agent before this one left, and removing what is old.

use super::{Agent, Known, Live};
use crate::local::clock;
use crate::local::directory::{Ended, RunDirectory};
use crate::local::files;
use crate::local::logs::Stream;
use crate::local::wire::{Exit, RunId};
use std::io;
use std::path::Path;

impl Agent {
    /// Finds all runs whose end the server does not know.
    pub(crate) fn recover(&mut self) -> io::Result<()> {
        for entry in std::fs::read_dir(self.layout.runs())? {
            let entry = entry?;
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok())
            else {
                continue;
            };
            self.recover_run(id, &RunDirectory(entry.path()))?;
        }
        self.remove_old_output();
        Ok(())
    }

    fn recover_run(&mut self, id: RunId, directory: &RunDirectory) -> io::Result<()> {
        if let Some(ended) = directory.ended()? {
            self.runs.insert(id, Known::Ended(ended));
            return Ok(());
        }
        let Some(intent) = directory.intent()? else {
            // The agent was killed before the order was on disk: nothing was done about it.
            return std::fs::remove_dir_all(&directory.0);
        };
        if intent.boot_id != self.boot_id {
            let ended = Ended { at: clock::now(), exit: Exit::LostWithHost };
            files::write_whole(&directory.0, "exit", &ended)?;
            self.runs.insert(id, Known::Ended(ended));
            return Ok(());
        }
        let live = Live::of(&intent, directory.orders()?);
        let is_supervised = files::try_lock(&directory.0)?.is_none();
        if is_supervised || directory.launched() {
            self.follow(&id, None);
            self.runs.insert(id, Known::Running(live));
        } else {
            self.runs.insert(id, Known::Intended(live));
        }
        Ok(())
    }

    /// Removes the output of runs that the server has forgotten long ago. Their ends stay, so that none starts again.
    pub(crate) fn remove_old_output(&self) {
        let Ok(entries) = std::fs::read_dir(self.layout.past()) else { return };
        for entry in entries.flatten() {
            if self.is_old(&entry.path()) {
                for file in [Stream::Out.file(), Stream::Err.file(), "intent"] {
                    // Already gone, or tried again in the next round.
                    let _ = std::fs::remove_file(entry.path().join(file));
                }
            }
        }
    }

    fn is_old(&self, run: &Path) -> bool {
        let modified = std::fs::symlink_metadata(run.join("exit")).and_then(|exit| exit.modified());
        modified.ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > self.config.log_keep)
    }
}
