//! Arguments of the commands that say who asks whom, who may, and what happened.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{OneCommand, Page, Watch, instant};
use crate::live::duration;
use leasehold_units::Instant;

/// Arguments of `login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Where the server is: https://leasehold.example, or http:// or unix:PATH on this machine
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:7070", env = "LEASEHOLD_URL")]
    pub url: String,
    /// The file that the token is in; else it is asked for, or read from a pipe
    #[arg(long, value_name = "FILE", env = "LEASEHOLD_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates that the server's is signed by, in PEM; else those that browsers know
    #[arg(long, value_name = "FILE", env = "LEASEHOLD_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the token to another machine without TLS: it can be read on the way
    #[arg(long)]
    pub insecure_http: bool,
}

/// What to do with contexts.
#[derive(Debug, Subcommand)]
pub enum Context {
    /// List contexts: servers with a token for each
    List,
    /// Choose the context that commands use
    Use(Named),
    /// Forget a context and its token
    Remove(Named),
}

/// A name.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token; its secret is shown this once
    Create(CreateToken),
    /// List tokens: your party's, or those of the site
    List(Watch),
    /// Revoke a token
    Revoke(Revoke),
}

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its public name, tok_…
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub struct CreateToken {
    /// What it is for
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What whoever has it may do
    #[arg(long, value_enum, value_name = "ROLE")]
    pub role: RoleName,
    /// The party of whoever has it; your own if nothing is said
    #[arg(long, value_name = "PARTY")]
    pub party: Option<String>,
    /// What it is good for, of what the role may: read and write if nothing is said
    #[arg(long, value_enum, value_name = "SCOPE", value_delimiter = ',')]
    pub scope: Vec<ScopeName>,
    /// It ends after so long: 12h, 90d
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "expires")]
    pub lasts: Option<u32>,
    /// It ends then, a day of UTC or an instant, by the clock of the server's machine also where a site runs
    /// on another one; never if nothing is said
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    pub expires: Option<Instant>,
    /// Write it into a new file, for its owner alone, instead of printing it
    #[arg(long, value_name = "FILE", conflicts_with = "save_as")]
    pub out: Option<PathBuf>,
    /// Keep it as a context of this name, on the same server, instead of printing it
    #[arg(long, value_name = "CONTEXT")]
    pub save_as: Option<String>,
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RoleName {
    /// Runs the site, never sees what a job is
    Operator,
    /// Keeps the landlord's books
    Finance,
    /// Speaks for a party
    PartyAdmin,
    /// Works for a party
    PartyUser,
    /// Reads, and writes nothing
    Auditor,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ScopeName {
    /// Every read of its role
    Read,
    /// Every command of its role
    Write,
    /// Jobs alone
    Jobs,
    /// The metrics alone
    Metrics,
}

/// What to do with parties.
#[derive(Debug, Subcommand)]
pub enum Party {
    /// Add a party, so that it can have tokens before it has a lease
    Add(AddParty),
    /// List parties
    List(Watch),
    /// Revoke all tokens of a party at once, unread
    RevokeTokens(AddParty),
}

/// A party and how the command is asked for.
#[derive(Debug, Args)]
pub struct AddParty {
    /// Its name, as in the leases
    #[arg(value_name = "PARTY")]
    pub party: String,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List what happened, in order
    List(AuditList),
    /// Have the server check its whole log: every record's hash follows from the one before
    Verify,
}

/// Arguments of `audit list`.
#[derive(Debug, Args)]
pub struct AuditList {
    /// Only records after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub after: u64,
    /// How many.
    #[command(flatten)]
    pub page: Page,
}

/// What to do with the log of reads.
#[derive(Debug, Subcommand)]
pub enum Access {
    /// List who, other than the party itself, read its data; latest first
    List(AccessList),
}

/// Arguments of `access list`.
#[derive(Debug, Args)]
pub struct AccessList {
    /// Whose data; needed by nobody with a party of its own
    #[arg(long, value_name = "PARTY")]
    pub party: Option<String>,
    /// How many.
    #[command(flatten)]
    pub page: Page,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Arguments of `events`.
#[derive(Debug, Args)]
pub struct Events {
    /// Go on: print what happens as it does
    #[arg(short, long)]
    pub follow: bool,
    /// Only what comes after this number; with --follow only what is new if nothing is said
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
}

/// What to do with a database. The server need not run.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Check a database: the hash of every record, every invariant, the books, the snapshot
    ///
    /// The whole log is read and folded again, without the snapshot. A server may go on meanwhile.
    Verify(DbPlace),
    /// Copy a database into one file, while its server goes on
    Backup(DbBackup),
    /// Fill a new database from a backup
    Restore(DbRestore),
    /// Copy a database into another, new one: from SQLite to PostgreSQL or back
    ///
    /// Stop the server first: what it takes after the copy has begun is not in the copy.
    Copy(DbCopy),
}

/// A database.
#[derive(Debug, Args)]
pub struct DbPlace {
    /// The database: a file, a data directory, or postgres://…; give passwords in PGPASSWORD or PGPASSFILE
    #[arg(value_name = "PLACE", default_value = "leasehold-data", env = "LEASEHOLD_DATABASE")]
    pub place: String,
}

/// Arguments of `db backup`.
#[derive(Debug, Args)]
pub struct DbBackup {
    /// The file that is written; there must be none
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
    /// The database.
    #[arg(
        long = "from",
        value_name = "PLACE",
        default_value = "leasehold-data",
        env = "LEASEHOLD_DATABASE"
    )]
    pub place: String,
}

/// Arguments of `db restore`.
#[derive(Debug, Args)]
pub struct DbRestore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub from: PathBuf,
    /// The database that is filled: a file or directory without one, or an empty postgres://…
    #[arg(
        long = "to",
        value_name = "PLACE",
        default_value = "leasehold-data",
        env = "LEASEHOLD_DATABASE"
    )]
    pub place: String,
}

/// Arguments of `db copy`.
#[derive(Debug, Args)]
pub struct DbCopy {
    /// The database that is read
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The database that is filled; it must be empty
    #[arg(value_name = "TO")]
    pub to: String,
}
