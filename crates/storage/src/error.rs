//! What can go wrong with a store, told apart by what there is to do.

/// Why the store did not do what was asked. Unless it says otherwise, nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another one has taken the lead; this one must stop.
    #[error(
        "lost the lead: epoch {own} was ours and the log is at epoch {found}; nothing was written. \
         Stop, and start again to follow or to lead anew"
    )]
    Fenced {
        /// The epoch of this leader.
        own: u64,
        /// What the head row says.
        found: u64,
    },
    /// Another one leads and this one was not to wait.
    #[error("{place} is led by another server; stop that one first, or wait for it")]
    LedByAnother {
        /// Which store, without a password.
        place: String,
    },
    /// Opened for reading.
    #[error("{place} was opened for reading; open it to lead before writing")]
    NotLeading {
        /// Which store.
        place: String,
    },
    /// The connection was lost around the commit and what became of it could not be found out.
    #[error(
        "cannot tell whether {place} wrote the last batch: {why}; stop, start again and ask for \
         the answers of the commands concerned"
    )]
    Unknown {
        /// Which store.
        place: String,
        /// What happened.
        why: String,
    },
    /// Written by a newer program.
    #[error(
        "{place} has the layout {found}, this program knows up to {known}; upgrade the program"
    )]
    Newer {
        /// Which store.
        place: String,
        /// The layout found.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// An older layout in a store that was opened for reading.
    #[error(
        "{place} has the older layout {found}, this program reads {known}; start the server once, \
         which brings it up to date"
    )]
    Older {
        /// Which store.
        place: String,
        /// The layout found.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// Something else is there.
    #[error("{place} is not a store of Leasehold: {why}; name another place, nothing was changed")]
    Foreign {
        /// What was opened.
        place: String,
        /// What was found.
        why: String,
    },
    /// There is nothing to read.
    #[error("there is no store at {place}; check the name, or start the server once to create it")]
    Missing {
        /// What was to be opened.
        place: String,
    },
    /// A copy into it was begun and never finished.
    #[error("{place} is an unfinished copy; delete it and copy again")]
    Unfinished {
        /// Which store.
        place: String,
    },
    /// A copy goes into an empty store only.
    #[error("{place} is not empty: it holds {what}; copy into an empty one")]
    NotEmpty {
        /// Which store.
        place: String,
        /// What it holds.
        what: String,
    },
    /// No room.
    #[error("{place} is full; nothing was written. Make room on its disk and start again")]
    Full {
        /// Which store.
        place: String,
    },
    /// May be read and not written.
    #[error(
        "{place} cannot be written: {why}; check who owns it and how its disk is mounted, then \
         start again"
    )]
    ReadOnly {
        /// Which store.
        place: String,
        /// What the backend said.
        why: String,
    },
    /// What is stored is not what was written.
    #[error("{place} is damaged: {what}; keep it as it is and restore the last good backup")]
    Damaged {
        /// Which store.
        place: String,
        /// What is wrong and where.
        what: String,
    },
    /// The server or file does not answer.
    #[error("cannot reach {place}: {why}")]
    Unreachable {
        /// Which store.
        place: String,
        /// What the system said.
        why: String,
    },
    /// Busy beyond the time that is waited.
    #[error("{place} is busy: {why}; nothing was written")]
    Busy {
        /// Which store.
        place: String,
        /// What the backend said.
        why: String,
    },
    /// Not let in.
    #[error("{place} does not let us in: {why}")]
    Denied {
        /// Which store.
        place: String,
        /// What is missing.
        why: String,
    },
    /// The address of the store cannot be used.
    #[error("{what} cannot be used as a store: {why}")]
    Address {
        /// Which part, without a password.
        what: String,
        /// What is wrong and what is wanted.
        why: String,
    },
    /// The principal has used this id for a command already.
    #[error(
        "{principal} was given an answer for the command {command:?} already; look it up before \
         deciding"
    )]
    Repeated {
        /// Whose.
        principal: String,
        /// The id.
        command: String,
    },
    /// What was handed over cannot be kept.
    #[error("{what} {why}, which the store cannot keep")]
    Unfit {
        /// Which value.
        what: &'static str,
        /// What about it.
        why: &'static str,
    },
    /// A snapshot that does not belong to this log.
    #[error("a snapshot at record {seq} does not belong to this log, which has another hash there")]
    OtherLog {
        /// The snapshot's record.
        seq: u64,
    },
    /// A store that forgets was asked for what it forgot.
    #[error("{place} keeps no records; use a SQLite file to keep them")]
    NotKept {
        /// Which store.
        place: String,
    },
    /// Anything else that the backend says.
    #[error("{place} failed: {why}")]
    Backend {
        /// Which store.
        place: String,
        /// What it said.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn damaged(place: &str, what: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), what: what.into() }
    }
}
