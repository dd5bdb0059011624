//! The connection of a store, made again when it was lost, and the lead with it.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Row;

use super::address::{self, Address};
use super::rows::{HEAD, HeadRow, Reading};
use super::session::{CALL, Failure, Parameters, Session, call_for};
use super::setup;
use crate::{OpenMode, SCHEMA, StoreError};

/// How often the lock is tried while another one holds it.
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// How long a leader tries to get back what it lost with its connection.
const REGAIN: Duration = Duration::from_secs(6);

/// A connection to one database.
pub struct Link {
    runtime: Runtime,
    address: Address,
    session: Option<Session>,
    leads: bool,
    /// Reads belong to one transaction, which a new connection cannot go on with.
    pub frozen: bool,
}

impl Link {
    pub fn open(url: &str, mode: OpenMode) -> Result<Self, StoreError> {
        let address = address::read(url)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            StoreError::Unreachable { place: address.place.clone(), why: error.to_string() }
        })?;
        let leads = matches!(mode, OpenMode::Lead { .. });
        let mut link = Self { runtime, address, session: None, leads, frozen: false };
        let mut session = link.connect()?;
        let found = setup::layout(&link.runtime, &mut session, link.place())?;
        if let OpenMode::Lead { wait } = mode {
            link.wait_for_lock(&mut session, wait)?;
            // The one before may have brought it up to date.
            let found = setup::layout(&link.runtime, &mut session, link.place())?;
            setup::migrate(&link.runtime, &mut session, link.place(), found)?;
        } else if found == 0 {
            return Err(StoreError::Missing { place: link.place().into() });
        } else if found < SCHEMA {
            let place = link.place().into();
            return Err(StoreError::Older { place, found, known: SCHEMA });
        }
        link.session = Some(session);
        Ok(link)
    }

    pub fn place(&self) -> &str {
        &self.address.place
    }

    pub fn leads(&self) -> bool {
        self.leads
    }

    pub fn reading(&self) -> Reading<'_> {
        Reading { place: &self.address.place }
    }

    fn connect(&self) -> Result<Session, StoreError> {
        let settings = if self.leads { setup::LEADER } else { setup::READER };
        Session::open(&self.runtime, &self.address, settings)
    }

    fn wait_for_lock(&self, session: &mut Session, wait: bool) -> Result<(), StoreError> {
        let told = |failure: Failure| failure.told(self.place());
        while !setup::try_lock(&self.runtime, session).map_err(told)? {
            if !wait {
                return Err(StoreError::LedByAnother { place: self.place().into() });
            }
            std::thread::park_timeout(TRY_AGAIN);
        }
        Ok(())
    }

    /// Runs one statement on the connection that is there; it is gone if that fails as lost.
    pub fn once(
        &mut self,
        text: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failure> {
        self.work(CALL, async |session| session.query(text, parameters).await)
    }

    /// Runs several statements on the connection that is there, with `patience` to end.
    pub fn work<T>(
        &mut self,
        patience: Duration,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Failure> {
        let Some(session) = &mut self.session else {
            return Err(Failure::Lost("the connection was lost before".into()));
        };
        let done = call_for(patience, &self.runtime, work(session));
        if matches!(done, Err(Failure::Lost(_))) {
            self.session = None;
        }
        done
    }

    /// Runs a statement that writes nothing; once more if the connection was lost.
    pub fn read(
        &mut self,
        text: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        match self.once(text, parameters) {
            Err(Failure::Lost(_)) if !self.leads && !self.frozen => {
                self.session = Some(self.connect()?);
                self.once(text, parameters).map_err(|failure| failure.told(self.place()))
            }
            done => done.map_err(|failure| failure.told(self.place())),
        }
    }

    /// The head row as it is.
    pub fn head(&mut self) -> Result<HeadRow, StoreError> {
        let rows = self.read(HEAD, &[])?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::damaged(self.place(), "the head row is missing"))?;
        self.reading().head(row)
    }

    /// For a leader that lost its connection: connects and takes the lock again, so that whatever the
    /// old connection had begun is over, and tells where the head is then. If another one took the lead,
    /// the head has another epoch and this connection has no lock.
    pub fn regain(&mut self, epoch: u64) -> Result<HeadRow, StoreError> {
        let until = Instant::now() + REGAIN;
        loop {
            let failed = match self.try_regain(epoch) {
                Ok(Some(row)) => return Ok(row),
                Ok(None) => StoreError::LedByAnother { place: self.place().into() },
                Err(error) => error,
            };
            if Instant::now() >= until {
                self.session = None;
                return Err(failed);
            }
            std::thread::park_timeout(TRY_AGAIN);
        }
    }

    fn try_regain(&mut self, epoch: u64) -> Result<Option<HeadRow>, StoreError> {
        let mut session = self.connect()?;
        let locked = setup::try_lock(&self.runtime, &mut session)
            .map_err(|failure| failure.told(self.place()))?;
        self.session = Some(session);
        let row = self.head()?;
        // Without the lock the old connection may still be at work, unless somebody else leads.
        Ok((locked || row.head.epoch != epoch).then_some(row))
    }

    pub fn is_connected(&self) -> bool {
        self.session.is_some()
    }
}

impl Drop for Link {
    /// Gives the lead back at once. The server would see the connection end a moment later, and whoever
    /// opens the store next would be told that it is led.
    fn drop(&mut self) {
        if self.leads && self.session.is_some() {
            // The lock goes with the connection in any case.
            let _ = self.once("SELECT pg_advisory_unlock_all()", &[]);
        }
    }
}
