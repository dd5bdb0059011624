//! Arguments of the commands that run a site: leases, jobs, nodes, power, usage.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use leasehold_units::{Instant, Watts};

use super::{By, OneCommand, Page, ShapeName, Watch, instant, power};
use crate::live::duration;

/// What to do with leases.
#[derive(Debug, Subcommand)]
pub enum Lease {
    /// List leases
    List(LeaseList),
    /// Show a lease: what it grants, step by step
    Show(LeaseShow),
    /// Get all that its documents follow from, for `invoice verify --evidence`
    ///
    /// Writes terms-1.toml and so on, record.jsonl, usage-2026-05.csv and so on, what was issued in
    /// documents/, and the landlord's public key as the server has it. Compare that key with the one
    /// that the landlord handed over: it is what makes a seal worth something.
    Evidence(LeaseEvidence),
    /// Sign a lease; it is refused if the site cannot carry it
    Sign(LeaseSign),
    /// Amend a lease by a later version of its file
    Amend(LeaseAmend),
    /// Give notice today
    Notice(LeaseSide),
    /// Take a notice back, or agree that the other side does: it takes both
    Withdraw(LeaseSide),
    /// End a lease today over a late delivery, where its terms leave that to the tenant
    Terminate(LeaseNamed),
}

/// Arguments of `lease list`.
#[derive(Debug, Args)]
pub struct LeaseList {
    /// Only the leases of this tenant
    #[arg(long, value_name = "PARTY")]
    pub tenant: Option<String>,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Arguments of `lease show`.
#[derive(Debug, Args)]
pub struct LeaseShow {
    /// Its name
    #[arg(value_name = "LEASE")]
    pub lease: String,
    /// Print the file of its terms as it was signed
    #[arg(long)]
    pub terms: bool,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Arguments of `lease evidence`.
#[derive(Debug, Args)]
pub struct LeaseEvidence {
    /// Its name
    #[arg(value_name = "LEASE")]
    pub lease: String,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace evidence that is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `lease sign`.
#[derive(Debug, Args)]
pub struct LeaseSign {
    /// The lease file that both sides signed
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Its service may have begun before today: all since then is billed at once
    #[arg(long)]
    pub backdated: bool,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `lease amend`.
#[derive(Debug, Args)]
pub struct LeaseAmend {
    /// The lease file that both sides signed, with all that stays
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only if this version is the latest one
    #[arg(long, value_name = "N")]
    pub if_version: Option<u32>,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// A lease and the side that acts.
#[derive(Debug, Args)]
pub struct LeaseSide {
    /// Its name
    #[arg(value_name = "LEASE")]
    pub lease: String,
    /// The side that you act for; it must be your own
    #[arg(long, value_enum, value_name = "SIDE")]
    pub by: Option<By>,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// A lease.
#[derive(Debug, Args)]
pub struct LeaseNamed {
    /// Its name
    #[arg(value_name = "LEASE")]
    pub lease: String,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum Job {
    /// Submit a command or a script
    ///
    /// A command stands behind `--`. A script may carry its options in lines that begin with
    /// `#LEASEHOLD`, before its first command: `#LEASEHOLD --gpus 8 --time 1h`. Options of the
    /// command line count before those of the script.
    Submit(Box<Submit>),
    /// List jobs: those that are not over, then the latest of those that are
    List(JobList),
    /// Show a job
    Show(JobShow),
    /// Cancel jobs: one that runs is told to leave and has the time that it declared
    Cancel(JobCancel),
    /// Print what a job wrote
    Logs(JobLogs),
    /// Wait until jobs are over; fails if one of them did
    Wait(JobWait),
}

/// Arguments of `job submit`.
#[derive(Debug, Args)]
pub struct Submit {
    /// What the job asks for.
    #[command(flatten)]
    pub options: JobOptions,
    /// A script with an interpreter in its first line; `-` reads it from stdin
    #[arg(value_name = "SCRIPT")]
    pub script: Option<PathBuf>,
    /// A command with its arguments; behind a script, the script's arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Print what it writes, wait for its end, and exit as it does
    #[arg(short, long, conflicts_with = "dry_run")]
    pub wait: bool,
    /// How it is asked for.
    #[command(flatten)]
    pub how: OneCommand,
}

/// What a line of a script asks for.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub struct ScriptLine {
    /// As on the command line.
    #[command(flatten)]
    pub options: JobOptions,
}

/// What a job asks for; in scripts too.
#[derive(Debug, Clone, Default, Args)]
pub struct JobOptions {
    /// GPUs, all or none; 1 if nothing is said
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub gpus: Option<u32>,
    /// Longest run, it is killed then: 90s, 10m, 1h30m, 2d or HH:MM:SS; 1h if nothing is said
    #[arg(short, long, value_name = "DURATION", value_parser = duration::parse)]
    pub time: Option<u32>,
    /// A name for people; the program's if nothing is said
    #[arg(short, long, value_name = "NAME")]
    pub name: Option<String>,
    /// How long it may take to leave its nodes when told to; 30s if nothing is said
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub vacate: Option<u32>,
    /// How often it writes a checkpoint; without, what it did is lost when it leaves early
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub checkpoint: Option<u32>,
    /// Kinds of node that it can run on; any if nothing is said
    #[arg(long, value_name = "SKU", value_delimiter = ',')]
    pub sku: Vec<String>,
    /// The block that must hold all of it
    #[arg(long, value_enum, value_name = "SHAPE")]
    pub within: Option<ShapeName>,
    /// Higher goes first among your party's own
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub priority: Option<i16>,
    /// The account of your party that is charged
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// A variable of its environment; without a value, the one that it has here
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Where it starts; its own scratch directory if nothing is said
    #[arg(long, value_name = "DIR")]
    pub directory: Option<String>,
}

/// Arguments of `job list`.
#[derive(Debug, Args)]
pub struct JobList {
    /// Which jobs
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = WhichJobs::All)]
    pub state: WhichJobs,
    /// How many of those that are over, and of those that are not.
    #[command(flatten)]
    pub page: Page,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Which jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhichJobs {
    /// Those that are not over
    Live,
    /// Those that are over
    Ended,
    /// All
    All,
}

/// Arguments of `job show`.
#[derive(Debug, Args)]
pub struct JobShow {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Arguments of `job cancel`.
#[derive(Debug, Args)]
pub struct JobCancel {
    /// Their numbers
    #[arg(value_name = "NUMBER", required = true)]
    pub numbers: Vec<u64>,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `job logs`.
#[derive(Debug, Args)]
pub struct JobLogs {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// Go on until it is over
    #[arg(short, long)]
    pub follow: bool,
    /// Only one of its outputs; each goes where the job wrote it if nothing is said
    #[arg(long, value_enum, value_name = "STREAM")]
    pub stream: Option<StreamName>,
    /// Of this start of the job, from 1; the latest if nothing is said
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    pub start: Option<u32>,
}

/// An output of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StreamName {
    /// Its output
    Stdout,
    /// Its errors
    Stderr,
}

/// Arguments of `job wait`.
#[derive(Debug, Args)]
pub struct JobWait {
    /// Their numbers
    #[arg(value_name = "NUMBER", required = true)]
    pub numbers: Vec<u64>,
    /// Give up after so long; the jobs go on
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<u32>,
}

/// What to do with nodes.
#[derive(Debug, Subcommand)]
pub enum Node {
    /// List nodes: a tenant sees those that it holds
    List(Watch),
    /// Show a node
    Show(NodeShow),
    /// Take nodes out of service for a while; it is refused if what is promised would be short
    Drain(NodeDrain),
    /// Bring nodes back: what was planned is called off, what had failed is healthy
    Resume(NodeResume),
    /// Say that nodes failed: what runs there is stopped and others stand in
    Down(NodeDown),
}

/// Arguments of `node show`.
#[derive(Debug, Args)]
pub struct NodeShow {
    /// Its name: a-03-07-5
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Arguments of `node drain`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("end").required(true))]
pub struct NodeDrain {
    /// A node, a rack, an array or a pool
    #[arg(value_name = "NODES")]
    pub nodes: String,
    /// From when on, an instant; now if nothing is said
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    pub from: Option<Instant>,
    /// Until when, an instant
    #[arg(long, value_name = "WHEN", value_parser = instant, group = "end")]
    pub until: Option<Instant>,
    /// For how long: 2h, 3d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, group = "end")]
    pub lasts: Option<u32>,
    /// Its name, to call it off by
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// What is done meanwhile
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub what: String,
    /// Use hours that leases agree to by their terms
    #[arg(long)]
    pub agreed_hours: bool,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `node resume`.
#[derive(Debug, Args)]
pub struct NodeResume {
    /// A node, a rack, an array, a pool, or the name of what was planned
    #[arg(value_name = "NODES")]
    pub nodes: String,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `node down`.
#[derive(Debug, Args)]
pub struct NodeDown {
    /// A node, a rack, an array or a pool
    #[arg(value_name = "NODES")]
    pub nodes: String,
    /// The tenant that holds them is to blame
    #[arg(long)]
    pub tenant_fault: bool,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// What to do with power.
#[derive(Debug, Subcommand)]
pub enum Power {
    /// Show what may be drawn, what is drawn, and what is announced
    Show(Watch),
    /// Lower the envelope for a while
    Event(PowerEvent),
}

/// Arguments of `power event`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("amount").required(true))]
#[command(group = clap::ArgGroup::new("end").required(true))]
pub struct PowerEvent {
    /// Facility power that may be drawn: "200 MW"
    #[arg(long, value_name = "POWER", value_parser = power, group = "amount")]
    pub limit: Option<Watts>,
    /// Facility power less than now: "50 MW"
    #[arg(long, value_name = "POWER", value_parser = power, group = "amount")]
    pub reduce: Option<Watts>,
    /// Facility power that need not be shed
    #[arg(long, value_name = "POWER", value_parser = power, requires = "reduce")]
    pub protected: Option<Watts>,
    /// Why
    #[arg(long, value_enum, value_name = "CAUSE")]
    pub cause: CauseName,
    /// From when on, an instant; now if nothing is said
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    pub from: Option<Instant>,
    /// Until when, an instant
    #[arg(long, value_name = "WHEN", value_parser = instant, group = "end")]
    pub until: Option<Instant>,
    /// For how long: 2h, 3d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, group = "end")]
    pub lasts: Option<u32>,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Why the envelope is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CauseName {
    /// Power is dear
    Economic,
    /// The grid is in danger
    Emergency,
    /// Works on the supply
    Planned,
    /// The site has to show that it can
    Test,
}

/// Arguments of `usage`.
#[derive(Debug, Args)]
pub struct Usage {
    /// The civil month, 2026-05; this one if nothing is said
    #[arg(long, value_name = "MONTH")]
    pub month: Option<String>,
    /// Only of this lease
    #[arg(long, value_name = "LEASE")]
    pub lease: Option<String>,
    /// Only of this tenant
    #[arg(long, value_name = "PARTY")]
    pub tenant: Option<String>,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}
