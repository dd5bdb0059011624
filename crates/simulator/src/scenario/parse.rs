//! Reading a scenario file: every field, every rule, all problems at once.

use std::ops::Range;

use leasehold_control::{Agreed, Ask, Cause, Election};
use leasehold_diagnostics::{Document, Field, Problem, Source, Table, with_unit};
use leasehold_lease::Side;
use leasehold_units::{Day, Instant, LeaseId, OutageId, PartyId, Ratio, Seconds, Shape, Watts};

use super::account::{AccountSpec, AccountWord};
use crate::workload::{PROFILES, Profile, profile};

/// A scenario as its file has it. Paths are relative to the file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The site file.
    pub site: String,
    /// Lease files, with wildcards.
    pub leases: Vec<(String, Range<usize>)>,
    /// First day, in the site's zone.
    pub from: Day,
    /// First day after the run.
    pub until: Day,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Jobs to come.
    pub workloads: Vec<WorkloadSpec>,
    /// What happens.
    pub events: Vec<EventSpec>,
    /// Random failures.
    pub faults: Option<FaultSpec>,
    /// Tenants that pay.
    pub payers: Vec<PayerSpec>,
}

/// One `[[payer]]`: a tenant that pays each document so many days after its issue.
#[derive(Debug, Clone)]
pub struct PayerSpec {
    /// Who.
    pub party: PartyId,
    /// Where the party is named.
    pub party_span: Range<usize>,
    /// How many days.
    pub days: u32,
}

/// One `[[workload]]`.
#[derive(Debug, Clone)]
pub struct WorkloadSpec {
    /// Whose.
    pub party: PartyId,
    /// Where the party is named.
    pub party_span: Range<usize>,
    /// The jobs.
    pub jobs: Jobs,
    /// Declared time to vacate.
    pub vacate: Seconds,
    /// Time between checkpoints.
    pub checkpoint: Seconds,
    /// Percent of the real run that jobs ask for, where a trace does not say.
    pub request_percent: u32,
    /// Priority among the party's own jobs; higher goes first.
    pub priority: i16,
    /// Share of what the party holds, against its other workloads.
    pub share: u16,
    /// Jobs that fit such a block ask for one.
    pub within: Shape,
    /// Names of skus that they can run on; empty: any.
    pub skus: Vec<(String, Range<usize>)>,
}

/// Where jobs come from.
#[derive(Debug, Clone)]
pub enum Jobs {
    /// From a trace.
    Trace {
        /// Its file.
        path: String,
        /// Where the path stands.
        span: Range<usize>,
        /// Its format, if named.
        format: Option<String>,
        /// Copies of each job in thousandths.
        scale_milli: u64,
        /// When the first is submitted; else on the scenario's first day.
        start: Option<Instant>,
    },
    /// Drawn.
    Synthetic {
        /// From what distributions.
        profile: &'static Profile,
        /// On an average day.
        jobs_per_day: u32,
        /// Run times in percent of the profile's.
        run_percent: u32,
        /// No gang is larger.
        gpus_max: u32,
        /// First day of submission; else the scenario's.
        from: Option<Day>,
        /// First day without; else the scenario's.
        until: Option<Day>,
    },
}

/// One `[[event]]`.
#[derive(Debug, Clone)]
pub struct EventSpec {
    /// When.
    pub at: Instant,
    /// Where it is told.
    pub span: Range<usize>,
    /// Whether the run goes on where it is refused.
    pub may_be_refused: bool,
    /// What.
    pub kind: EventKind,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// A side terminates for convenience.
    Notice {
        /// Which lease.
        lease: LeaseId,
        /// Which side.
        by: Side,
    },
    /// The side that gave notice asks to withdraw it, or the other agrees.
    WithdrawNotice {
        /// Which lease.
        lease: LeaseId,
        /// Which side.
        by: Side,
    },
    /// A tenant chooses what to do about a late delivery.
    Election {
        /// Which lease.
        lease: LeaseId,
        /// What it chooses.
        choice: Election,
    },
    /// The envelope is lowered: announced at the event's instant, in force after the notice.
    Curtailment {
        /// By how much.
        ask: Ask,
        /// Why.
        cause: Cause,
        /// How long after it is announced.
        notice: Seconds,
        /// Until when.
        until: Instant,
    },
    /// Nodes fail.
    NodeDown(Vec<(String, Range<usize>)>),
    /// Nodes fail by the fault of the tenants that hold them.
    TenantFault(Vec<(String, Range<usize>)>),
    /// Nodes come back.
    NodeUp(Vec<(String, Range<usize>)>),
    /// A later version of a lease is signed.
    Amendment {
        /// Its file.
        file: String,
    },
    /// A new lease is signed.
    NewLease {
        /// Its file.
        file: String,
    },
    /// Nodes are out of service for a while, as announced at the event's instant.
    Maintenance {
        /// Its name; the place of the event where there is none.
        id: Option<OutageId>,
        /// What is done.
        what: String,
        /// Which nodes.
        nodes: Vec<(String, Range<usize>)>,
        /// From when.
        from: Instant,
        /// Until when, excluded.
        until: Instant,
        /// Whose agreed hours are used.
        agreed: Agreed,
    },
    /// Maintenance is called off.
    MaintenanceCancelled {
        /// Its name.
        id: OutageId,
    },
    /// The capacity of a quote is set aside.
    Hold {
        /// The file of its terms.
        file: String,
        /// From when on it is for sale again.
        expires: Instant,
    },
    /// A quote is withdrawn.
    Release {
        /// What would have been the lease.
        lease: LeaseId,
    },
    /// A payment, a dispute or its end, a correction, or days to be closed; dated when it is done.
    Account(AccountSpec),
}

/// `[faults]`.
#[derive(Debug, Clone, Copy)]
pub struct FaultSpec {
    /// Mean time between failures of one node; none: none fails at random.
    pub node_mtbf: Option<Seconds>,
    /// How long a repair takes.
    pub repair: Seconds,
    /// Share of turnovers, node by node, that do not come to an end.
    pub turnover_failure: Ratio,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// All its problems.
    pub fn parse(source: &Source) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(source);
        let scenario = read_scenario(&document.root());
        match (scenario, document.into_problems()) {
            (Some(scenario), problems) if problems.is_empty() => Ok(scenario),
            (_, problems) => Err(problems),
        }
    }
}

fn read_scenario(root: &Table<'_>) -> Option<Scenario> {
    let site = root.required("site", root.string("site"), "the site file");
    let leases = root.required("leases", root.strings("leases"), "lease files, with wildcards");
    let from = root.required("from", root.day("from"), "the first day");
    let until = root.required("until", root.day("until"), "the first day after the run");
    let seed = root.required("seed", root.integer("seed", 0, i64::MAX as u64), "a whole number");
    let workloads: Vec<_> = root.tables("workload").iter().map(read_workload).collect();
    let events: Vec<_> = root.tables("event").iter().map(read_event).collect();
    let faults = root.table("faults").map(|table| read_faults(&table));
    let payers: Vec<_> = root.tables("payer").iter().map(read_payer).collect();
    root.finish();
    let (from, until) = (from?, until?);
    if until.value <= from.value {
        let message = format!("the run ends on {}, before it starts", until.value);
        let expected = format!("a day after {}", from.value);
        root.report("run-in-order", until.span, message, &expected);
    }
    Some(Scenario {
        site: site?.value,
        leases: leases?.into_iter().map(|field| (field.value, field.span)).collect(),
        from: from.value,
        until: until.value,
        seed: seed?.value,
        workloads: workloads.into_iter().collect::<Option<_>>()?,
        events: events.into_iter().collect::<Option<_>>()?,
        faults: match faults {
            None => None,
            Some(faults) => Some(faults?),
        },
        payers: payers.into_iter().collect::<Option<_>>()?,
    })
}

fn read_workload(table: &Table<'_>) -> Option<WorkloadSpec> {
    let party = table.required("party", table.name("party", PartyId::new), "whose jobs");
    let jobs = match (table.has("trace"), table.has("profile")) {
        (true, false) => read_trace(table),
        (false, true) => read_synthetic(table),
        (both, _) => {
            let message = if both { "both `trace` and `profile`" } else { "no jobs" };
            let expected = "either `trace = \"FILE\"` or `profile = \"NAME\"`";
            table.report("one-source-of-jobs", table.span.clone(), message.into(), expected);
            None
        }
    };
    let vacate = table.seconds("vacate").map_or(Seconds::new(120), |field| field.value);
    let checkpoint = table.seconds("checkpoint").map_or(Seconds::new(1800), |field| field.value);
    let request = table.decimal("request_factor");
    let request_percent = request.map_or(150, |field| percent(field.value));
    let skus = table.strings("sku").unwrap_or_default();
    let small = |field: Option<Field<u64>>| field.and_then(|field| u16::try_from(field.value).ok());
    let priority = small(table.integer("priority", 0, 1_000)).unwrap_or(0);
    let share = small(table.integer("share", 1, 1_000)).unwrap_or(1);
    let blocks = [("node", Shape::Node), ("rack", Shape::Rack), ("array", Shape::Array)];
    let within = table.choice("within", &blocks).map_or(Shape::Node, |field| field.value);
    table.finish();
    let party = party?;
    Some(WorkloadSpec {
        party: party.value,
        party_span: party.span,
        jobs: jobs?,
        vacate,
        checkpoint,
        request_percent: request_percent.max(100),
        priority: i16::try_from(priority).expect("at most 1,000"),
        share,
        within,
        skus: skus.into_iter().map(|field| (field.value, field.span)).collect(),
    })
}

fn read_trace(table: &Table<'_>) -> Option<Jobs> {
    let path = table.string("trace");
    let format = table.string("format").map(|field| field.value);
    let positive =
        |text: &str| leasehold_diagnostics::decimal(text).filter(|scale| *scale > Ratio::ZERO);
    let expected =
        "a decimal above 0 in quotes: \"0.5\" keeps half of the jobs, \"2\" doubles them";
    let scale = table.text("scale", "not-a-scale", expected, positive);
    let scale = scale.map_or(Ratio::ONE, |field| field.value);
    let start = table.instant("start").map(|field| field.value);
    let milli = scale.times(Ratio::whole(1000)).round_half_even();
    let path = path?;
    Some(Jobs::Trace {
        path: path.value,
        span: path.span,
        format,
        scale_milli: u64::try_from(milli).unwrap_or(1000).max(1),
        start,
    })
}

fn read_synthetic(table: &Table<'_>) -> Option<Jobs> {
    let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
    let expected = format!("one of {}", names.join(", "));
    let found = table.text("profile", "unknown-profile", &expected, profile);
    let per_day = table.integer("jobs_per_day", 1, 1_000_000);
    let per_day = table.required("jobs_per_day", per_day, "jobs on an average day");
    let run = table.decimal("run_factor").map_or(100, |field| percent(field.value));
    let gpus = |text: &str| with_unit(text, &[("GPU", 1)]).map(|(count, _)| count.floor());
    let size = table.text("size_max", "not-a-size", "a size such as \"4096 GPU\"", gpus);
    let (from, until) = (table.day("from"), table.day("until"));
    Some(Jobs::Synthetic {
        profile: found?.value,
        jobs_per_day: u32::try_from(per_day?.value).expect("at most a million"),
        run_percent: run.max(1),
        gpus_max: size.map_or(u32::MAX, |field| u32::try_from(field.value).unwrap_or(u32::MAX)),
        from: from.map(|field| field.value),
        until: until.map(|field| field.value),
    })
}

fn percent(factor: Ratio) -> u32 {
    u32::try_from(factor.times(Ratio::whole(100)).round_half_even()).unwrap_or(u32::MAX)
}

/// Kinds of event, by their word in the file.
#[derive(Clone, Copy)]
enum Word {
    Notice,
    WithdrawNotice,
    Election,
    Curtailment,
    NodeDown,
    TenantFault,
    NodeUp,
    Amendment,
    NewLease,
    Maintenance,
    MaintenanceCancelled,
    Hold,
    Release,
    Account(AccountWord),
}

fn read_event(table: &Table<'_>) -> Option<EventSpec> {
    let at = table.required("at", table.instant("at"), "when, such as 2026-06-10T14:00:00-05:00");
    let words = [
        ("notice", Word::Notice),
        ("withdraw-notice", Word::WithdrawNotice),
        ("election", Word::Election),
        ("curtailment", Word::Curtailment),
        ("node-down", Word::NodeDown),
        ("tenant-fault", Word::TenantFault),
        ("node-up", Word::NodeUp),
        ("amendment", Word::Amendment),
        ("new-lease", Word::NewLease),
        ("maintenance", Word::Maintenance),
        ("maintenance-cancelled", Word::MaintenanceCancelled),
        ("hold", Word::Hold),
        ("release", Word::Release),
        ("payment", Word::Account(AccountWord::Payment)),
        ("dispute", Word::Account(AccountWord::Dispute)),
        ("resolution", Word::Account(AccountWord::Resolution)),
        ("correction", Word::Account(AccountWord::Correction)),
        ("close-books", Word::Account(AccountWord::Close)),
    ];
    let word = table.required("kind", table.choice("kind", &words), "what happens")?;
    let kind = match word.value {
        Word::Notice => read_side(table).map(|(lease, by)| EventKind::Notice { lease, by }),
        Word::WithdrawNotice => {
            read_side(table).map(|(lease, by)| EventKind::WithdrawNotice { lease, by })
        }
        Word::Election => read_election(table),
        Word::Curtailment => read_curtailment(table),
        Word::NodeDown => read_nodes(table).map(EventKind::NodeDown),
        Word::TenantFault => read_nodes(table).map(EventKind::TenantFault),
        Word::NodeUp => read_nodes(table).map(EventKind::NodeUp),
        Word::Amendment => read_file(table).map(|file| EventKind::Amendment { file }),
        Word::NewLease => read_file(table).map(|file| EventKind::NewLease { file }),
        Word::Maintenance => read_maintenance(table, at.as_ref().map(|field| field.value)),
        Word::MaintenanceCancelled => {
            let id = table.required("id", table.name("id", OutageId::new), "which maintenance");
            id.map(|id| EventKind::MaintenanceCancelled { id: id.value })
        }
        Word::Hold => {
            let expires = table.instant("expires");
            let expires = table.required("expires", expires, "from when on it is for sale again");
            let file = read_file(table);
            expires
                .zip(file)
                .map(|(expires, file)| EventKind::Hold { file, expires: expires.value })
        }
        Word::Release => {
            let lease = table.name("lease", LeaseId::new);
            let lease = table.required("lease", lease, "what would have been the lease");
            lease.map(|lease| EventKind::Release { lease: lease.value })
        }
        Word::Account(word) => AccountSpec::read(table, word).map(EventKind::Account),
    };
    let ways = [("stop", false), ("go-on", true)];
    let way = table.choice("if_refused", &ways);
    let may_be_refused = way.is_some_and(|field| field.value);
    table.finish();
    Some(EventSpec { at: at?.value, span: word.span, may_be_refused, kind: kind? })
}

fn read_side(table: &Table<'_>) -> Option<(LeaseId, Side)> {
    let lease = table.required("lease", table.name("lease", LeaseId::new), "which lease");
    let sides = [("landlord", Side::Landlord), ("tenant", Side::Tenant)];
    let by = table.required("by", table.choice("by", &sides), "which side");
    Some((lease?.value, by?.value))
}

fn read_maintenance(table: &Table<'_>, announced: Option<Instant>) -> Option<EventKind> {
    let id = table.name("id", OutageId::new).map(|field| field.value);
    let what = table.string("what").map_or_else(|| "maintenance".into(), |field| field.value);
    let nodes = read_nodes(table);
    let from = table.instant("from").map(|field| field.value).or(announced);
    let until = table.required("until", table.instant("until"), "when it is over");
    let leases = table.strings("agreed");
    let (from, until) = (from?, until?);
    if until.value <= from {
        let message = "`until` is not after `from`".to_owned();
        table.report("outage-in-order", until.span, message, &format!("later than {from}"));
        return None;
    }
    let agreed = read_agreed(table, leases)?;
    Some(EventKind::Maintenance { id, what, nodes: nodes?, from, until: until.value, agreed })
}

/// `agreed = ["LEASE", …]`, or `["all"]` for all whose terms have hours for it.
fn read_agreed(table: &Table<'_>, leases: Option<Vec<Field<String>>>) -> Option<Agreed> {
    let Some(leases) = leases else { return Some(Agreed::Nobody) };
    if leases.iter().any(|field| field.value == "all") {
        return Some(Agreed::All);
    }
    let name = |field: &Field<String>| match LeaseId::new(&field.value) {
        Ok(id) => Some(id),
        Err(error) => {
            let expected = "names of leases, or \"all\"";
            table.report("not-a-name", field.span.clone(), error.to_string(), expected);
            None
        }
    };
    leases.iter().map(name).collect::<Option<_>>().map(Agreed::Leases)
}

fn read_election(table: &Table<'_>) -> Option<EventKind> {
    let lease = table.required("lease", table.name("lease", LeaseId::new), "which lease");
    let choices = [("terminate", Election::Terminate)];
    let choice = table.required("choice", table.choice("choice", &choices), "what it chooses");
    Some(EventKind::Election { lease: lease?.value, choice: choice?.value })
}

fn read_curtailment(table: &Table<'_>) -> Option<EventKind> {
    let ask = read_ask(table);
    let causes = [
        ("economic", Cause::Economic),
        ("emergency", Cause::Emergency),
        ("planned", Cause::Planned),
        ("test", Cause::Test),
    ];
    let cause = table.choice("cause", &causes).map_or(Cause::Economic, |field| field.value);
    let notice = table.seconds("notice").map_or(Seconds::ZERO, |field| field.value);
    let until = table.required("until", table.instant("until"), "when it ends");
    Some(EventKind::Curtailment { ask: ask?, cause, notice, until: until?.value })
}

/// `limit`, or `reduction` with or without `protected`, or `protected` alone.
fn read_ask(table: &Table<'_>) -> Option<Ask> {
    let watts = |key| table.watts(key).map(|field| field.value);
    let (limit, by, protected) = (watts("limit"), watts("reduction"), watts("protected"));
    match (limit, by, protected) {
        (Some(limit), None, None) | (None, None, Some(limit)) => Some(Ask::Limit(limit)),
        (None, Some(by), protected) => {
            Some(Ask::Reduction { by, protected: protected.unwrap_or(Watts::ZERO) })
        }
        _ => {
            let expected = "one of `limit = \"225 MW\"`, `reduction = \"75 MW\"` (with or without \
                            `protected`) and `protected = \"150 MW\"`";
            let message = "how much is asked for is not clear".to_owned();
            table.report("one-ask", table.span.clone(), message, expected);
            None
        }
    }
}

fn read_nodes(table: &Table<'_>) -> Option<Vec<(String, Range<usize>)>> {
    let expected = "names of nodes, racks, arrays or pools: [\"a-003-07-5\", \"b-01-02\"]";
    let nodes = table.required("nodes", table.strings("nodes"), expected)?;
    Some(nodes.into_iter().map(|field| (field.value, field.span)).collect())
}

fn read_file(table: &Table<'_>) -> Option<String> {
    table.required("file", table.string("file"), "a lease file").map(|field| field.value)
}

fn read_payer(table: &Table<'_>) -> Option<PayerSpec> {
    let party = table.required("party", table.name("party", PartyId::new), "which tenant");
    let days = table.required("days", table.integer("days", 0, 3660), "days after the issue");
    table.finish();
    let party = party?;
    Some(PayerSpec {
        party: party.value,
        party_span: party.span,
        days: u32::try_from(days?.value).expect("at most ten years"),
    })
}

fn read_faults(table: &Table<'_>) -> Option<FaultSpec> {
    let mtbf = table.seconds("node_mtbf");
    let turnover = table.percent("turnover_failure");
    let expected = "mean time between failures, \"50000 h\"";
    if !table.has("turnover_failure") {
        table.required::<()>("node_mtbf", mtbf.as_ref().map(|_| ()), expected)?;
    }
    let repair = table.required("repair", table.seconds("repair"), "such as \"8 h\"");
    table.finish();
    Some(FaultSpec {
        node_mtbf: mtbf.map(|field| field.value),
        repair: repair?.value,
        turnover_failure: turnover.map_or(Ratio::ZERO, |field| field.value),
    })
}
