//! Reading a scenario with everything that it names, and what only shows when all is together.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use leasehold_allocator::{Refusal, plan};
use leasehold_diagnostics::{Problem, Source, render};
use leasehold_lease::{Lease, Terms};
use leasehold_site::Site;
use leasehold_units::{LeaseId, PartyId};

use super::parse::{EventKind, Jobs, Scenario};

/// A scenario with its site and leases, checked against each other.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Where the paths of the scenario start.
    pub folder: PathBuf,
    /// The scenario.
    pub scenario: Scenario,
    /// Its site.
    pub site: Site,
    /// The file of its site.
    pub site_file: Source,
    /// The files of its leases, in order of their names and versions.
    pub lease_files: Vec<Source>,
    /// Its leases.
    pub leases: Vec<Lease>,
    /// Lease files that events bring in later, by the path in the scenario.
    pub later: BTreeMap<String, Terms>,
}

/// Why a scenario cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// A file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Files have problems.
    Problems(Vec<(Source, Vec<Problem>)>),
    /// The site cannot carry the leases.
    Oversold(Vec<Refusal>),
}

impl LoadError {
    /// The whole story, for people.
    pub fn render(&self, color: bool) -> String {
        match self {
            Self::Unreadable { path, why } => format!("{} cannot be read: {why}\n", path.display()),
            Self::Problems(files) => {
                files.iter().map(|(source, problems)| render(source, problems, color)).collect()
            }
            Self::Oversold(refusals) => {
                refusals.iter().map(|refusal| format!("no-oversell: {refusal}\n")).collect()
            }
        }
    }

    /// How many problems there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Unreadable { .. } => 1,
            Self::Problems(files) => files.iter().map(|(_, problems)| problems.len()).sum(),
            Self::Oversold(refusals) => refusals.len(),
        }
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// If it is not there or is not text.
pub fn read_source(path: &Path) -> Result<Source, LoadError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| LoadError::Unreadable { path: path.into(), why: error.to_string() })?;
    Ok(Source::new(path.display().to_string(), text))
}

impl Loaded {
    /// Reads the scenario at `path` with its site, its leases and what its events bring in.
    ///
    /// # Errors
    /// All problems of all files, or what the site cannot carry.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let source = read_source(path)?;
        let scenario = Scenario::parse(&source)
            .map_err(|problems| LoadError::Problems(vec![(source.clone(), problems)]))?;
        let site_source = read_source(&folder.join(&scenario.site))?;
        let mut files = Vec::new();
        let site = match Site::parse(&site_source) {
            Ok(site) => Some(site),
            Err(problems) => {
                files.push((site_source.clone(), problems));
                None
            }
        };
        let mut own = Vec::new();
        let paths = lease_paths(&folder, &scenario, &mut own)?;
        let leases = read_leases(&paths, site.as_ref(), &mut files)?;
        let later = read_later(&folder, &scenario, &mut files)?;
        if let Some(site) = &site {
            check_together(&folder, &scenario, site, &leases, &mut own);
        }
        if !own.is_empty() {
            files.insert(0, (source, own));
        }
        let Some(site) = site.filter(|_| files.is_empty()) else {
            return Err(LoadError::Problems(files));
        };
        plan(&site, &leases).map_err(LoadError::Oversold)?;
        let lease_files = in_order(&paths)?;
        Ok(Self { folder, scenario, site, site_file: site_source, lease_files, leases, later })
    }
}

/// The files at `paths`, in order of the names and the versions of their leases.
fn in_order(paths: &[PathBuf]) -> Result<Vec<Source>, LoadError> {
    let mut files = paths.iter().map(|path| read_source(path)).collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(|file| Terms::parse(file).ok().map(|terms| (terms.id, terms.version)));
    Ok(files)
}

/// The lease files that the scenario's wildcards stand for, in order of their names.
fn lease_paths(
    folder: &Path,
    scenario: &Scenario,
    problems: &mut Vec<Problem>,
) -> Result<Vec<PathBuf>, LoadError> {
    let mut paths = Vec::new();
    for (pattern, span) in &scenario.leases {
        let full = folder.join(pattern);
        let found = glob::glob(&full.to_string_lossy());
        let found: Vec<PathBuf> = found.into_iter().flatten().filter_map(Result::ok).collect();
        if found.is_empty() {
            let message = format!("no file matches {pattern:?}");
            let expected = "lease files, relative to the scenario";
            problems.push(Problem::new("missing-file", span.clone(), message, expected));
        }
        paths.extend(found);
    }
    Ok(paths)
}

/// Reads lease files; files with one name are the versions of one lease. Problems go to `files`.
///
/// # Errors
/// If a file cannot be read.
pub fn read_leases(
    paths: &[PathBuf],
    site: Option<&Site>,
    files: &mut Vec<(Source, Vec<Problem>)>,
) -> Result<Vec<Lease>, LoadError> {
    let mut versions: BTreeMap<LeaseId, Vec<(Source, Terms)>> = BTreeMap::new();
    for path in paths {
        let source = read_source(path)?;
        match Terms::parse(&source) {
            Ok(terms) => {
                let problems =
                    site.map_or_else(Vec::new, |site| against_site(&terms, site, &source));
                if !problems.is_empty() {
                    files.push((source.clone(), problems));
                }
                versions.entry(terms.id.clone()).or_default().push((source, terms));
            }
            Err(problems) => files.push((source, problems)),
        }
    }
    let mut leases = Vec::new();
    for sources in versions.into_values() {
        let (sources, terms): (Vec<Source>, Vec<Terms>) = sources.into_iter().unzip();
        match Lease::new(terms) {
            Ok(lease) => leases.push(lease),
            Err(refusal) => {
                let source = sources.into_iter().last().expect("a lease has a file");
                let text = refusal.to_string();
                let problem = Problem::new("versions-follow", 0..0, text, "versions 1, 2, 3, …");
                files.push((source, vec![problem]));
            }
        }
    }
    Ok(leases)
}

/// What of a lease does not fit the site that it names.
fn against_site(terms: &Terms, site: &Site, source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, rule, key: &str, found: &str, expected: String| {
        if !holds {
            let span = find_key(&source.text, key);
            let message = format!("`{key}` is {found:?}");
            problems.push(Problem::new(rule, span, message, expected));
        }
    };
    let expected = format!("{:?}, the site's name", site.id.as_str());
    require(terms.site == site.id, "site-of-lease", "site", terms.site.as_str(), expected);
    let expected = format!("{:?}, who owns the site", site.landlord.as_str());
    let landlord = terms.landlord.as_str();
    require(terms.landlord == site.landlord, "landlord-of-site", "landlord", landlord, expected);
    let known: Vec<&str> = site.skus.iter().map(|sku| sku.id.as_str()).collect();
    for sku in &terms.capacity.skus {
        let expected = format!("skus of the site: {}", known.join(", "));
        require(known.contains(&sku.as_str()), "unknown-sku", "sku", sku.as_str(), expected);
    }
    problems
}

/// Where `key` is first set in a text that parses.
fn find_key(text: &str, key: &str) -> Range<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start().strip_prefix(key).map(str::trim_start);
        if rest.is_some_and(|rest| rest.starts_with('=')) {
            return start..start + line.trim_end().len();
        }
        start += line.len();
    }
    0..0
}

fn read_later(
    folder: &Path,
    scenario: &Scenario,
    files: &mut Vec<(Source, Vec<Problem>)>,
) -> Result<BTreeMap<String, Terms>, LoadError> {
    let mut later = BTreeMap::new();
    for event in &scenario.events {
        let (EventKind::Amendment { file }
        | EventKind::NewLease { file }
        | EventKind::Hold { file, .. }) = &event.kind
        else {
            continue;
        };
        let source = read_source(&folder.join(file))?;
        match Terms::parse(&source) {
            Ok(terms) => {
                later.insert(file.clone(), terms);
            }
            Err(problems) => files.push((source, problems)),
        }
    }
    Ok(later)
}

/// What of the scenario does not fit its site and leases.
fn check_together(
    folder: &Path,
    scenario: &Scenario,
    site: &Site,
    leases: &[Lease],
    problems: &mut Vec<Problem>,
) {
    let mut parties: Vec<&PartyId> = vec![&site.landlord];
    parties.extend(leases.iter().map(|lease| &lease.latest().tenant));
    let names: Vec<&str> = parties.iter().map(|party| party.as_str()).collect();
    for workload in &scenario.workloads {
        if !parties.contains(&&workload.party) {
            let message = format!("{} is no party here", workload.party);
            let expected = format!("the landlord or a tenant: {}", names.join(", "));
            let span = workload.party_span.clone();
            problems.push(Problem::new("unknown-party", span, message, expected));
        }
        for (sku, span) in &workload.skus {
            if !site.skus.iter().any(|known| known.id.as_str() == sku) {
                let message = format!("{sku:?} is no sku of the site");
                let known: Vec<&str> = site.skus.iter().map(|sku| sku.id.as_str()).collect();
                let expected = format!("one of {}", known.join(", "));
                problems.push(Problem::new("unknown-sku", span.clone(), message, expected));
            }
        }
        if let Jobs::Trace { path, span, .. } = &workload.jobs
            && !folder.join(path).is_file()
        {
            let message = format!("there is no trace {path:?}");
            let expected = "a file, relative to the scenario";
            problems.push(Problem::new("missing-file", span.clone(), message, expected));
        }
    }
    for payer in &scenario.payers {
        // A tenant may sign during the run; the landlord never owes itself.
        if payer.party == site.landlord {
            let message = format!("{} is the landlord, who owes nothing", payer.party);
            let span = payer.party_span.clone();
            problems.push(Problem::new("payer-is-a-tenant", span, message, "a tenant"));
        }
    }
    check_events(scenario, site, leases, problems);
}

fn check_events(scenario: &Scenario, site: &Site, leases: &[Lease], problems: &mut Vec<Problem>) {
    for event in &scenario.events {
        match &event.kind {
            EventKind::Notice { lease, .. }
            | EventKind::WithdrawNotice { lease, .. }
            | EventKind::Election { lease, .. } => {
                let known = leases.iter().any(|known| known.latest().id == *lease);
                if !known {
                    let message = format!("there is no lease {lease}");
                    let expected = "a lease of this scenario";
                    problems.push(Problem::new(
                        "unknown-lease",
                        event.span.clone(),
                        message,
                        expected,
                    ));
                }
            }
            EventKind::NodeDown(nodes)
            | EventKind::TenantFault(nodes)
            | EventKind::NodeUp(nodes)
            | EventKind::Maintenance { nodes, .. } => {
                for (name, span) in nodes {
                    if site.nodes_named(name).is_none() {
                        let message = format!("there is no node, rack, array or pool {name:?}");
                        let first = site.node_name(0);
                        let expected = format!("a name such as {first:?}");
                        problems.push(Problem::new(
                            "unknown-node",
                            span.clone(),
                            message,
                            expected,
                        ));
                    }
                }
            }
            _ => {}
        }
    }
}
