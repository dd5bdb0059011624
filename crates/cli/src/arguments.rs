//! The command line: commands, options and their help. docs/cli.md is printed from here.

mod access;
mod documents;
mod slurm;
mod work;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use leasehold_lease::Side;
use leasehold_units::{Day, Instant, LeaseId, PartyId, Watts, Zone};

pub use access::*;
pub use documents::*;
pub use slurm::*;
pub use work::*;

/// Leases of a GPU data centre: what they grant, what they cost, and what happens when they run.
///
/// Data goes to stdout and narration to stderr. Exit status: 0 done, 1 refused or failed, 2 wrong
/// usage. NO_COLOR is honoured.
#[derive(Debug, Parser)]
#[command(name = "leasehold", version, arg_required_else_help = true)]
#[command(after_help = "Start with `leasehold check FILE…`; `leasehold help COMMAND` says more.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command understands.
    #[command(flatten)]
    pub common: Common,
}

/// What every command understands.
#[derive(Debug, Args)]
pub struct Common {
    /// How data is printed on stdout
    #[arg(short, long, global = true, value_enum, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say on stderr what is asked of the server
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// The context whose server is asked: see `leasehold login`
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
}

impl Common {
    /// Of a part of the program that says nothing.
    pub const fn silent() -> Self {
        Self { output: Format::Table, quiet: true, verbose: false, context: None }
    }
}

/// How a command is asked for.
#[derive(Debug, Clone, Copy, Args)]
pub struct OneCommand {
    /// Only say what would follow
    #[arg(long)]
    pub dry_run: bool,
}

/// Whether a list is printed once.
#[derive(Debug, Clone, Copy, Args)]
pub struct Watch {
    /// Go on: print it again when something changes
    #[arg(long)]
    pub watch: bool,
}

/// How much of a list.
#[derive(Debug, Clone, Copy, Args)]
pub struct Page {
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading: aligned, money with thousands separators
    Table,
    /// The same with more columns, where there are more
    Wide,
    /// For programs: stable snake_case keys, money as decimal strings
    Json,
    /// The same as JSON, for reading and editing
    Yaml,
    /// For spreadsheets: one header line, one line a row
    Csv,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validate site, lease and scenario files together
    ///
    /// Every problem of every file is reported with its place and rule. A lease that the site
    /// cannot carry beside the others is refused, with what is short and when, and what would fit.
    Check(Check),
    /// Print what a lease grants and what it costs, step by step
    ///
    /// Entitlement steps and billing periods to the last day of service, exact to the minor unit.
    /// Several files of one lease are its versions: later ones amend it from their effective day.
    Schedule(Schedule),
    /// Print headline and firm revenue of leases
    ///
    /// Headline is the fixed fees to the end of term; firm is what remains if a side gives notice
    /// on the day asked about, or on the first day after it on which it may.
    Backlog(Backlog),
    /// Print what can still be sold, and when
    ///
    /// For every pool and every span between two changes of what is leased, in service or fed:
    /// whole blocks beyond the reserve that the envelope can feed. Days are those of the site;
    /// where something changes inside one, the table has the instant. Without --site the server is
    /// asked, about what is signed there.
    Calendar(Calendar),
    /// Schedule a plain trace on a plain cluster
    ///
    /// One queue, N identical nodes or processors, no leases: to compare the scheduler with
    /// others, job for job. Writes `job_id,submit,start,end` in seconds, in order of job id.
    Replay(Replay),
    /// Play a scenario on a virtual clock and write the report
    ///
    /// The whole path from terms to invoice. DIR takes its name when every file in it is whole;
    /// until then it is called DIR.partial.
    Simulate(Simulate),
    /// Log in: keep a server and a token for it as a context
    ///
    /// The token is read from a file, from a pipe or from the terminal, never from the command line.
    Login(Login),
    /// List, choose and forget contexts
    #[command(subcommand)]
    Context(Context),
    /// Say who you are for the server, and what you may
    #[command(visible_alias = "session")]
    Whoami,
    /// Sign, amend and end leases
    #[command(subcommand)]
    Lease(Lease),
    /// Submit jobs and see what becomes of them
    #[command(subcommand)]
    Job(Job),
    /// See nodes, and take them out of service
    #[command(subcommand)]
    Node(Node),
    /// See power, and lower the envelope
    #[command(subcommand)]
    Power(Power),
    /// Print what leases were given in a month
    Usage(Usage),
    /// Read, check, pay and dispute invoices
    #[command(subcommand)]
    Invoice(Invoice),
    /// Read and check the log of what happened
    #[command(subcommand)]
    Audit(Audit),
    /// Read who read a party's data
    #[command(subcommand)]
    Access(Access),
    /// Make and revoke tokens
    #[command(subcommand)]
    Token(Token),
    /// Add and list parties
    #[command(subcommand)]
    Party(Party),
    /// Print what happens to your party, or at the site
    Events(Events),
    /// Check, back up and copy a database
    #[command(subcommand)]
    Db(Db),
    /// Print what a finished run billed, recognised and collected
    ///
    /// From the journal.csv in DIR. Tenants with 10 % or more of the revenue are marked.
    Revenue(Revenue),
    /// Print a tenant's statement of account from a finished run
    ///
    /// What it owed, documents, credits and payments, what it owes, and how long that is overdue.
    Statement(Statement),
    /// Print the books of a finished run in the formats of other programs
    #[command(subcommand, disable_help_subcommand = true)]
    Export(Export),
    /// Serve a site live: leases, jobs, invoices over an API
    ///
    /// The first start opens the site of the file and signs the leases beside it; what happens is kept in the
    /// database from then on. Jobs run on this machine, under an agent that outlives the server.
    ///
    /// With --clock, SITE is a scenario that is played on a simulated cluster while people use the site.
    ///
    /// With --cluster slurm, Slurm places the jobs: what runs is metered and billed, and what the leases come to
    /// there is shown. Nothing of Slurm is changed unless --enforce says so.
    Serve(Box<Serve>),
    /// Leases on a Slurm cluster: what they come to there, and how it stands
    #[command(subcommand, disable_help_subcommand = true)]
    Slurm(Slurm),
    /// Run the jobs of this machine; the server starts it
    #[command(hide = true)]
    Agent(Agent),
    /// Watch over one run; the agent starts it
    #[command(hide = true)]
    AgentRun(AgentRun),
    /// Become the command of a run; its watcher starts it
    #[command(hide = true)]
    AgentLaunch(AgentLaunch),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Write the man pages
    Man(Man),
    /// Print the reference of the command line in Markdown
    #[command(hide = true)]
    Reference,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The site file, or a directory with site.toml and leases/*.toml; not needed once the database is opened.
    /// With --clock a scenario, or a directory with scenario.toml
    #[arg(value_name = "SITE")]
    pub site: Option<PathBuf>,
    /// Leases that are signed at the first start, in order
    #[arg(long = "lease", value_name = "FILE")]
    pub leases: Vec<PathBuf>,
    /// Sign them although their service began before today: the fees since then are billed at once
    #[arg(long)]
    pub backdated: bool,
    /// Play a scenario this fast: 1d/s, 1h/s or 60/s, the site's time in each real second. The clock lags
    /// where the machine cannot keep up
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "site", conflicts_with_all = ["leases", "turnover"])]
    pub clock: Option<u32>,
    /// Where jobs run
    #[arg(long, value_enum, value_name = "CLUSTER", default_value_t = ClusterName::Local, conflicts_with = "clock")]
    pub cluster: ClusterName,
    /// How the site's names and Slurm's go together, in TOML; without it, nodes are called as the site calls
    /// them, and accounts as parties
    #[arg(long, value_name = "FILE", requires = "site")]
    pub slurm: Option<PathBuf>,
    /// Hold Slurm to the leases: make and change what bears Leasehold's mark, and vacate for tenants
    #[arg(long, conflicts_with = "observe")]
    pub enforce: bool,
    /// Only watch Slurm: what is done if nothing is said
    #[arg(long)]
    pub observe: bool,
    /// Where the database, keys and logs are kept; leasehold-data if nothing is said, leasehold-demo with
    /// --clock
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The database: postgres://…, or a SQLite file; leasehold.db in the data directory if nothing is said,
    /// none with --clock. Give passwords in PGPASSWORD or PGPASSFILE
    #[arg(long, value_name = "PLACE", env = "LEASEHOLD_DATABASE")]
    pub database: Option<String>,
    /// Where to listen: an address with a port, or unix:PATH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub listen: String,
    /// The certificate chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Listen on a network address without TLS: tokens can be read on the way
    #[arg(long)]
    pub insecure_listen: bool,
    /// OpenID Connect issuers that are trusted, in TOML
    #[arg(long, value_name = "FILE")]
    pub oidc: Option<PathBuf>,
    /// The private key that invoices are sealed with, in PEM; made in the data directory if nothing is said
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// What makes a node clean between two parties: a program with its arguments, split at blanks. It finds
    /// LEASEHOLD_NODE and LEASEHOLD_GPUS in its environment
    #[arg(long, value_name = "COMMAND")]
    pub turnover: Option<String>,
    /// Run each party's jobs as the unix user of this prefix and the party's name; the agent has to be root for
    /// that. Without, they run as the agent's user and can read what it can, the data directory included: for
    /// parties that trust each other
    #[arg(long, value_name = "PREFIX", requires = "scratch")]
    pub job_user_prefix: Option<String>,
    /// Where jobs get their scratch directories: outside of the data directory, which only its owner may enter
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// How the log is written on stderr
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log: LogFormat,
    /// Whether callers are kept from asking more often than is good for the others; figures are taken without
    #[arg(long, hide = true, value_enum, value_name = "SWITCH", default_value_t = Switch::On)]
    pub rate_limit: Switch,
}

/// Where jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClusterName {
    /// On this machine
    Local,
    /// On a cluster under Slurm
    Slurm,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For reading
    Text,
    /// A JSON object a line
    Json,
}

/// Arguments of `agent`.
#[derive(Debug, Args)]
pub struct Agent {
    /// Where it keeps what it knows
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// What makes a node clean
    #[arg(long, value_name = "COMMAND")]
    pub turnover: Option<String>,
    /// Where jobs get their scratch directories, if their users may not enter DIR
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// Arguments of `agent-run`.
#[derive(Debug, Args)]
pub struct AgentRun {
    /// The directory of the run
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// Arguments of `agent-launch`.
#[derive(Debug, Args)]
pub struct AgentLaunch {
    /// The directory of the run
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Who watches
    #[arg(value_name = "PID")]
    pub supervisor: i32,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Site, lease and scenario files; which is which is seen from their content. A scenario
    /// brings its site and leases along
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Lease files that are signed: they count first, whatever their dates, and the leases and
    /// amendments among the other files are tried against them
    #[arg(long, num_args = 1.., value_name = "SIGNED")]
    pub against: Vec<PathBuf>,
    /// Count what a quote sets aside: the file of its terms, and from when on it is for sale again,
    /// a day of UTC or an instant
    #[arg(long, value_name = "LEASE@EXPIRY", value_parser = held, requires = "against")]
    pub hold: Vec<Held>,
    /// Leave out quotes that have run out by then, a day of UTC or an instant; without, all last
    #[arg(long, value_name = "WHEN", value_parser = instant, requires = "hold")]
    pub as_of: Option<Instant>,
}

/// Arguments of `schedule`.
#[derive(Debug, Args)]
pub struct Schedule {
    /// The lease file; further versions of the same lease amend it
    #[arg(required = true, value_name = "LEASE")]
    pub leases: Vec<PathBuf>,
    /// The site that it is on
    #[arg(long, value_name = "FILE")]
    pub site: PathBuf,
    /// As if notice of termination were given on this day
    #[arg(long, value_name = "DAY", value_parser = day, requires = "by")]
    pub notice: Option<Day>,
    /// The side that gives notice
    #[arg(long, value_enum, value_name = "SIDE", requires = "notice")]
    pub by: Option<By>,
    /// Cut steps and periods at this day, their first
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub from: Option<Day>,
    /// Cut steps and periods at this day, their last
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: Option<Day>,
}

/// Arguments of `backlog`.
#[derive(Debug, Args)]
pub struct Backlog {
    /// The lease files
    #[arg(required = true, value_name = "LEASE")]
    pub leases: Vec<PathBuf>,
    /// The site that they are on
    #[arg(long, value_name = "FILE")]
    pub site: PathBuf,
    /// First day of service that counts
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub as_of: Day,
    /// A finished run: what was delivered, invoiced and collected by then stands beside what is to
    /// come, and that is told by time
    #[arg(long, value_name = "DIR")]
    pub books: Option<PathBuf>,
}

/// Arguments of `calendar`.
#[derive(Debug, Args)]
pub struct Calendar {
    /// The lease files; without any, all of the site is for sale
    #[arg(value_name = "LEASE", requires = "site")]
    pub leases: Vec<PathBuf>,
    /// The site that they are on; without it, the server is asked
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// Count in these blocks only
    #[arg(long, value_enum, value_name = "SHAPE")]
    pub shape: Option<ShapeName>,
    /// Leave out what is before this day
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub from: Option<Day>,
    /// Leave out what is after this day
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: Option<Day>,
    /// Count what a quote sets aside: the file of its terms, and from when on it is for sale again,
    /// a day of UTC or an instant
    #[arg(long, value_name = "LEASE@EXPIRY", value_parser = held, requires = "site")]
    pub hold: Vec<Held>,
    /// Leave out quotes that have run out by then, a day of UTC or an instant; without, all last
    #[arg(long, value_name = "WHEN", value_parser = instant, requires = "hold")]
    pub as_of: Option<Instant>,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The trace
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// Nodes (or processors) of the cluster
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub nodes: u32,
    /// In what order jobs start
    #[arg(long, value_enum, value_name = "POLICY")]
    pub policy: Policy,
    /// Where the starts are written
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Malformed lines to put up with before giving up
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_bad_lines: u64,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The scenario file
    #[arg(value_name = "SCENARIO", required_unless_present = "adversary")]
    pub scenario: Option<PathBuf>,
    /// The directory that the report is written into
    #[arg(long, value_name = "DIR", required_unless_present = "adversary")]
    pub out: Option<PathBuf>,
    /// Instead of a scenario, play a small site whose parties, hardware and grid do their worst
    #[arg(long, value_name = "SEED", conflicts_with_all = ["scenario", "out"])]
    pub adversary: Option<u64>,
    /// The private key that invoices are sealed with, in PEM; made if it is missing. Without it, a
    /// key that anybody can make seals them: it shows what was altered, not who issued it
    #[arg(long, value_name = "FILE", conflicts_with = "adversary")]
    pub key: Option<PathBuf>,
    /// Malformed trace lines to put up with before giving up
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_bad_lines: u64,
    /// Replace what an earlier run left in the directory
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `revenue`.
#[derive(Debug, Args)]
pub struct Revenue {
    /// The directory of a finished run
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// What a row stands for
    #[arg(long, value_enum, value_name = "WHAT")]
    pub by: RevenueBy,
}

/// What a row of the revenue report stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RevenueBy {
    /// A month
    Month,
    /// A lease
    Lease,
    /// A tenant
    Tenant,
}

/// Arguments of `statement`.
#[derive(Debug, Args)]
pub struct Statement {
    /// The directory of a finished run
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Whose account
    #[arg(long, value_name = "TENANT")]
    pub tenant: String,
    /// First day; else that of the first entry
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub from: Option<Day>,
    /// Last day; else that of the last entry
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: Option<Day>,
}

/// What is exported.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Print the journal as plain text
    Journal(ExportJournal),
    /// Write the charges of documents, or what leases commit to, as a FOCUS dataset
    ///
    /// One tenant's, one lease's or, without either, everybody's. The rows of a document add up to
    /// its total. What the columns mean for a lease is in docs/focus.md.
    Focus(ExportFocus),
}

/// Arguments of `export focus`.
#[derive(Debug, Args)]
pub struct ExportFocus {
    /// The directory of a finished run
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Version of the specification: 1.2 for cost-and-usage, 1.3 or 1.4 for contract-commitment
    #[arg(long, value_enum, value_name = "VERSION")]
    pub version: FocusVersion,
    /// Which dataset
    #[arg(long, value_enum, value_name = "DATASET", default_value = "cost-and-usage")]
    pub dataset: FocusDataset,
    /// Of one lease only
    #[arg(long, value_name = "LEASE", value_parser = lease)]
    pub lease: Option<LeaseId>,
    /// Of one tenant only
    #[arg(long, value_name = "PARTY", value_parser = party)]
    pub tenant: Option<PartyId>,
    /// Where it is written
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The form of the file
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "csv")]
    pub format: FocusFormat,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// Versions of the FOCUS specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FocusVersion {
    /// 1.2, of May 2025
    #[value(name = "1.2")]
    V1_2,
    /// 1.3, of December 2025
    #[value(name = "1.3")]
    V1_3,
    /// 1.4, with more of what a commitment is
    #[value(name = "1.4")]
    V1_4,
}

/// Datasets of the FOCUS specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FocusDataset {
    /// The charges of documents
    CostAndUsage,
    /// What each version of a lease commits its tenant to
    ContractCommitment,
}

/// Forms of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FocusFormat {
    /// One header line, one line a row
    Csv,
    /// Apache Parquet, numbers as exact decimals
    Parquet,
}

/// Arguments of `export journal`.
#[derive(Debug, Args)]
pub struct ExportJournal {
    /// The directory of a finished run
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// For which program
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: JournalFormat,
}

/// Forms of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JournalFormat {
    /// hledger
    Hledger,
    /// ledger-cli
    Ledger,
    /// beancount
    Beancount,
    /// One row a posting
    Csv,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The directory that the pages are written into, made if it is missing
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// A side of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The party that lets
    Landlord,
    /// The party that rents
    Tenant,
}

impl From<By> for Side {
    fn from(by: By) -> Self {
        match by {
            By::Landlord => Self::Landlord,
            By::Tenant => Self::Tenant,
        }
    }
}

/// The whole blocks that capacity is sold in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShapeName {
    /// Single servers
    Node,
    /// Whole racks
    Rack,
    /// Whole arrays of racks
    Array,
}

/// In what order jobs start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// In order of arrival; the head of the queue holds back the rest
    Fcfs,
    /// The head is promised the earliest start; others may pass it if they do not delay it
    Easy,
    /// Every job is promised a start when it arrives; others may pass if they delay nobody
    Conservative,
}

/// A quote whose capacity is set aside.
#[derive(Debug, Clone)]
pub struct Held {
    /// The file of its terms.
    pub file: PathBuf,
    /// From when on the capacity is for sale again.
    pub expires: Instant,
}

fn held(text: &str) -> Result<Held, String> {
    let (file, expires) = text.rsplit_once('@').ok_or("expected LEASE@EXPIRY")?;
    Ok(Held { file: file.into(), expires: instant(expires)? })
}

/// Seconds of a site in one real second.
fn rate(text: &str) -> Result<u32, String> {
    let expected = "expected a rate such as 1d/s, 12h/s, 5min/s or 60/s, at most 365d/s";
    let count = text.strip_suffix("/s").unwrap_or(text);
    let digits = count.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &count[digits.len()..] {
        "" | "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected.into()),
    };
    let rate = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit));
    rate.filter(|rate| (1..=365 * 86_400).contains(rate)).ok_or_else(|| expected.into())
}

fn instant(text: &str) -> Result<Instant, String> {
    let utc = Zone::named("UTC").map_err(|error| error.to_string())?;
    let start = day(text).ok().map(|day| utc.start_of(day));
    let expected = "expected a day such as 2026-07-01 or an instant such as 2026-07-01T17:00:00Z";
    start.or_else(|| Instant::from_rfc3339(text)).ok_or_else(|| expected.into())
}

fn day(text: &str) -> Result<Day, String> {
    let written_out = text.len() == "2026-07-01".len();
    text.parse()
        .ok()
        .filter(|_| written_out)
        .ok_or_else(|| "expected a day of the calendar such as 2026-07-01".into())
}

fn power(text: &str) -> Result<Watts, String> {
    let watts = leasehold_diagnostics::watts(text).filter(|watts| watts.get() > 0);
    watts.ok_or_else(|| "expected power in W, kW, MW or GW, such as \"200 MW\"".into())
}

fn party(text: &str) -> Result<PartyId, String> {
    PartyId::new(text).map_err(|error| error.to_string())
}

fn lease(text: &str) -> Result<LeaseId, String> {
    LeaseId::new(text).map_err(|error| error.to_string())
}
