//! Site, lease and scenario files as the commands take them. What is wrong with them is told of all
//! files at once.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use leasehold_allocator::Refusal;
use leasehold_diagnostics::{Document, Problem, Source};
use leasehold_lease::{Lease, Terms};
use leasehold_simulator::scenario::{LoadError, Loaded, read_leases, read_source};
use leasehold_site::Site;
use leasehold_units::Instant;

use crate::arguments::Held;
use crate::failure::Failure;
use crate::files;
use crate::output::counted;

/// What files of any kind hold.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Sites, in the order of their files.
    pub sites: Vec<Site>,
    /// Leases, in the order of their names.
    pub leases: Vec<Lease>,
    /// Scenarios with what they bring along, in the order of their files.
    pub scenarios: Vec<(PathBuf, Loaded)>,
}

/// What a file is, seen from its outermost keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A plant.
    Site,
    /// One version of a lease.
    Lease,
    /// What `simulate` plays.
    Scenario,
}

/// What is wrong so far, each thing once.
#[derive(Debug, Default)]
struct Wrong(Vec<LoadError>);

/// Reads files of any kind and checks them against each other. Leases stand on the one site that
/// is given, or else on that of the one scenario.
pub fn all(paths: &[PathBuf]) -> Result<Inputs, Failure> {
    let mut wrong = Wrong::default();
    let mut inputs = Inputs::default();
    let (mut lease_paths, mut site_count) = (Vec::new(), 0);
    for path in distinct(paths)? {
        match wrong.or(kind(&path)) {
            Some(Kind::Site) => {
                site_count += 1;
                inputs.sites.extend(wrong.or(read_site(&path)));
            }
            Some(Kind::Lease) => lease_paths.push(path),
            Some(Kind::Scenario) => {
                let loaded = wrong.or(Loaded::read(&path));
                inputs.scenarios.extend(loaded.map(|loaded| (path, loaded)));
            }
            None => {}
        }
    }
    if site_count > 1 && !lease_paths.is_empty() {
        let message = "leases are checked against one site, and several were given";
        return Err(Failure::impossible(message).with_hint("check each site with its own leases"));
    }
    inputs.leases = wrong.leases(&lease_paths, inputs.site());
    if let (Some(site), true) = (inputs.site(), wrong.0.is_empty()) {
        wrong.or(leasehold_allocator::plan(site, &inputs.leases).map_err(LoadError::Oversold));
    }
    wrong.unless_empty(inputs)
}

/// New terms, and the leases that they are tried against.
#[derive(Debug)]
pub struct Tried {
    /// The site that is to carry all.
    pub site: Site,
    /// Leases as signed.
    pub signed: Vec<Lease>,
    /// New leases, and signed ones with their amendments.
    pub asked: Vec<Lease>,
}

/// Reads one site and new terms from `files`, and what they are tried against from `signed`.
pub fn tried(files: &[PathBuf], signed: &[PathBuf]) -> Result<Tried, Failure> {
    let mut wrong = Wrong::default();
    let (mut sites, mut asked_paths) = (Vec::new(), Vec::new());
    for path in distinct(files)? {
        match wrong.or(kind(&path)) {
            Some(Kind::Site) => sites.push(path),
            Some(Kind::Lease) => asked_paths.push(path),
            Some(Kind::Scenario) => {
                let message = format!("{} is a scenario", path.display());
                let hint = "`--against` tries leases against leases, on one site";
                return Err(Failure::impossible(message).with_hint(hint));
            }
            None => {}
        }
    }
    let [site] = sites.as_slice() else {
        let message = "`--against` takes one site, to see whether it can carry all";
        let hint = "give the site's file before `--against`";
        return Err(Failure::impossible(message).with_hint(hint));
    };
    if asked_paths.is_empty() {
        let message = "no lease was given to be tried against the signed ones";
        let hint = "give its file before `--against`";
        return Err(Failure::impossible(message).with_hint(hint));
    }
    let site = wrong.or(read_site(site));
    let signed_paths = distinct(signed)?;
    let together: Vec<PathBuf> = signed_paths.iter().chain(&asked_paths).cloned().collect();
    let together = wrong.leases(&distinct(&together)?, site.as_ref());
    let signed = wrong.leases(&signed_paths, site.as_ref());
    let site = wrong.unless_empty(site)?.expect("else it would be wrong");
    let (signed, asked) = together.into_iter().partition(|lease| signed.contains(lease));
    Ok(Tried { site, signed, asked })
}

/// The site and the leases in files of which it is known what they are; files with one name are
/// versions of one lease. Leases are in the order of their names, and the site carries them.
pub fn leases_on(site: &Path, leases: &[PathBuf]) -> Result<(Site, Vec<Lease>), Failure> {
    files::must_be_file(site)?;
    let lease_paths = distinct(leases)?;
    let mut wrong = Wrong::default();
    let site = wrong.or(read_site(site));
    let leases = wrong.leases(&lease_paths, site.as_ref());
    if let (Some(site), true) = (&site, wrong.0.is_empty()) {
        wrong.or(leasehold_allocator::plan(site, &leases).map_err(LoadError::Oversold));
    }
    wrong.unless_empty(site).map(|site| (site.expect("else it would be wrong"), leases))
}

/// The site file, and the leases beside it where a directory is given.
pub fn site_and_leases(place: &Path) -> (PathBuf, Vec<PathBuf>) {
    if !place.is_dir() {
        return (place.into(), Vec::new());
    }
    let pattern = place.join("leases/*.toml").display().to_string();
    let leases = glob::glob(&pattern).into_iter().flatten().flatten();
    (place.join("site.toml"), leases.collect())
}

/// One version of a lease's terms, by itself.
pub fn terms(path: &Path) -> Result<Terms, Failure> {
    files::must_be_file(path)?;
    let source = read_source(path).map_err(|error| refused(&error))?;
    Terms::parse(&source)
        .map_err(|problems| refused(&LoadError::Problems(vec![(source, problems)])))
}

/// The files of the quotes that last at `as_of`; of all where nothing is said.
pub fn lasting(held: &[Held], as_of: Option<Instant>) -> Vec<PathBuf> {
    let lasts = |quote: &&Held| as_of.is_none_or(|as_of| as_of < quote.expires);
    held.iter().filter(lasts).map(|quote| quote.file.clone()).collect()
}

/// What the site cannot carry.
pub fn oversold(refusals: Vec<Refusal>) -> Failure {
    refused(&LoadError::Oversold(refusals))
}

/// Problems of files, laid out with their places.
pub fn refused(error: &LoadError) -> Failure {
    Wrong(vec![error.clone()]).failure()
}

impl Inputs {
    /// The site that leases stand on, where there is one.
    pub fn site(&self) -> Option<&Site> {
        match (self.sites.as_slice(), self.scenarios.as_slice()) {
            ([site], _) => Some(site),
            ([], [(_, loaded)]) => Some(&loaded.site),
            _ => None,
        }
    }
}

impl Wrong {
    /// The value, or what is wrong is kept.
    fn or<T>(&mut self, read: Result<T, LoadError>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// A file may be given and brought along by a scenario too: its problems are told once.
    fn add(&mut self, mut error: LoadError) {
        if let LoadError::Problems(files) = &mut error {
            files.retain(|file| {
                let mut told = self.0.iter();
                !told.any(|told| matches!(told, LoadError::Problems(files) if files.contains(file)))
            });
        }
        if error.count() > 0 && !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    fn leases(&mut self, paths: &[PathBuf], site: Option<&Site>) -> Vec<Lease> {
        let mut problems: Vec<(Source, Vec<Problem>)> = Vec::new();
        let leases = self.or(read_leases(paths, site, &mut problems));
        self.add(LoadError::Problems(problems));
        leases.unwrap_or_default()
    }

    fn unless_empty<T>(self, value: T) -> Result<T, Failure> {
        if self.0.is_empty() { Ok(value) } else { Err(self.failure()) }
    }

    fn failure(&self) -> Failure {
        let count = self.0.iter().map(LoadError::count).sum();
        Failure::Refused {
            problems: self.0.iter().map(|error| error.render(colored())).collect(),
            summary: format!("{} found; nothing was done", counted(count, "problem")),
        }
    }
}

/// The paths without repetition, all of them of files. A file given twice, however it is spelled,
/// is one file; else a lease would amend itself.
fn distinct(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    for path in paths {
        files::must_be_file(path)?;
    }
    let mut seen = BTreeSet::new();
    let new = |path: &&PathBuf| seen.insert(path.canonicalize().unwrap_or((*path).clone()));
    Ok(paths.iter().filter(new).cloned().collect())
}

fn kind(path: &Path) -> Result<Kind, LoadError> {
    let source = read_source(path)?;
    let document = Document::parse(&source);
    let root = document.root();
    let any = |keys: &[&'static str]| keys.iter().any(|key| root.has(key));
    if any(&["pool", "sku", "pue"]) {
        Ok(Kind::Site)
    } else if any(&["tenant", "term", "capacity", "fee"]) {
        Ok(Kind::Lease)
    } else if any(&["leases", "workload", "event", "until"]) {
        Ok(Kind::Scenario)
    } else {
        let mut problems = document.into_problems();
        // Broken syntax may well hide the keys.
        if problems.is_empty() {
            let expected = "keys of a site (pool, sku), a lease (tenant, term) or a scenario \
                            (leases, workload)";
            let message = "this is no site, lease or scenario";
            problems.push(Problem::new("kind-of-file", 0..0, message.to_owned(), expected));
        }
        Err(LoadError::Problems(vec![(source, problems)]))
    }
}

fn read_site(path: &Path) -> Result<Site, LoadError> {
    let source = read_source(path)?;
    Site::parse(&source).map_err(|problems| LoadError::Problems(vec![(source, problems)]))
}

fn colored() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
