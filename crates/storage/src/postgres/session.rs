//! One connection, and errors in words of what there is to do.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row, Statement};

use super::address::Address;
use crate::StoreError;

/// How long a call may take before its connection is given up.
pub const CALL: Duration = Duration::from_secs(6);

/// Parameters of a statement.
pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection with its prepared statements.
pub struct Session {
    pub client: Client,
    statements: BTreeMap<&'static str, Statement>,
}

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// The connection is gone; what became of the statement is not known.
    Lost(String),
    /// The server refused the statement and undid it.
    Refused(Error),
}

impl Session {
    /// Connects and sets what `settings` says.
    pub fn open(runtime: &Runtime, address: &Address, settings: &str) -> Result<Self, StoreError> {
        let place = &address.place;
        let opened = call(runtime, async {
            let client = connect(address).await?;
            client.batch_execute(settings).await?;
            Ok(client)
        });
        match opened {
            Ok(client) => Ok(Self { client, statements: BTreeMap::new() }),
            Err(failure) => Err(failure.told(place)),
        }
    }

    /// Runs a statement, prepared once for the connection.
    pub async fn query(
        &mut self,
        text: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Error> {
        let statement = match self.statements.get(text) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(text).await?;
                self.statements.insert(text, statement.clone());
                statement
            }
        };
        self.client.query(&statement, parameters).await
    }
}

async fn connect(address: &Address) -> Result<Client, Error> {
    match &address.tls {
        Some(tls) => {
            let (client, connection) = address.config.connect(tls.clone()).await?;
            // It ends with the client; what goes wrong on it is told to whoever waits for an answer.
            tokio::spawn(async { drop(connection.await) });
            Ok(client)
        }
        None => {
            let (client, connection) = address.config.connect(NoTls).await?;
            tokio::spawn(async { drop(connection.await) });
            Ok(client)
        }
    }
}

/// Runs `work` on `runtime`, no longer than a call may take.
pub fn call<T>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    call_for(CALL, runtime, work)
}

/// Runs `work` on `runtime` with `patience` to end.
pub fn call_for<T>(
    patience: Duration,
    runtime: &Runtime,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let ended = runtime.block_on(async { tokio::time::timeout(patience, work).await });
    match ended {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if is_lost(&error) => Err(Failure::Lost(words(&error))),
        Ok(Err(error)) => Err(Failure::Refused(error)),
        Err(_) => Err(Failure::Lost(format!("no answer within {} s", patience.as_secs()))),
    }
}

/// Whether the statement may have been carried out all the same.
fn is_lost(error: &Error) -> bool {
    match error.code() {
        // The session was ended, perhaps between the commit and its answer.
        Some(code) => code.code().starts_with("57P") || code.code().starts_with("08"),
        // A parameter that does not fit its type never left this process.
        None => !std::error::Error::source(error)
            .is_some_and(|source| source.is::<tokio_postgres::types::WrongType>()),
    }
}

/// The error with all its causes: the outermost alone says only "db error".
fn words(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().to_owned();
    }
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

impl Failure {
    /// For calls that write nothing, or that the server undid.
    pub fn told(&self, place: &str) -> StoreError {
        let place = place.to_owned();
        let error = match self {
            Self::Lost(why) => return StoreError::Unreachable { place, why: why.clone() },
            Self::Refused(error) => error,
        };
        let why = words(error);
        let Some(code) = error.code() else { return StoreError::Backend { place, why } };
        match code.code() {
            "53100" => StoreError::Full { place },
            "25006" => StoreError::ReadOnly { place, why },
            "XX001" | "XX002" => StoreError::Damaged { place, what: why },
            "42501" | "28000" | "28P01" | "3D000" => StoreError::Denied { place, why },
            "53300" | "55P03" | "57014" | "40001" | "40P01" => StoreError::Busy { place, why },
            _ => StoreError::Backend { place, why },
        }
    }

    /// Whether the server refused since a key is there already.
    pub fn is_repeated(&self) -> bool {
        matches!(self, Self::Refused(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION))
    }
}
