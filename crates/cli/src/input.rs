//! Site, lease and scenario files as the commands take them.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use leasehold_allocator::Refusal;
use leasehold_diagnostics::{Document, Problem, Source, render};
use leasehold_lease::Lease;
use leasehold_simulator::scenario::{LoadError, read_leases, read_source};
use leasehold_site::Site;

use crate::failure::Failure;
use crate::files;
use crate::output::counted;

/// What a file is, seen from its outermost keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A plant.
    Site,
    /// One version of a lease.
    Lease,
    /// What `simulate` plays.
    Scenario,
}

/// The kind of the file at `path`.
pub fn kind(path: &Path) -> Result<Kind, Failure> {
    files::must_be_file(path)?;
    let source = read_source(path).map_err(|error| refused(&error))?;
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
        let problems = document.into_problems();
        let known = "it has none of the keys of a site (pool, sku), a lease (tenant, term) or a \
                     scenario (leases, workload)";
        Err(Failure::Refused {
            problems: render(&source, &problems, colored()),
            summary: format!("{} is no file that Leasehold knows: {known}", path.display()),
        })
    }
}

/// The site in the file at `path`.
pub fn site(path: &Path) -> Result<Site, Failure> {
    files::must_be_file(path)?;
    let source = read_source(path).map_err(|error| refused(&error))?;
    Site::parse(&source).map_err(|problems| refused(&LoadError::Problems(vec![(source, problems)])))
}

/// The leases in the files at `paths`, which stand on `site`; files with one name are versions of
/// one lease. In order of their names.
pub fn leases(paths: &[PathBuf], site: Option<&Site>) -> Result<Vec<Lease>, Failure> {
    for path in paths {
        files::must_be_file(path)?;
    }
    let mut problems: Vec<(Source, Vec<Problem>)> = Vec::new();
    let leases = read_leases(paths, site, &mut problems).map_err(|error| refused(&error))?;
    if problems.is_empty() { Ok(leases) } else { Err(refused(&LoadError::Problems(problems))) }
}

/// What the site cannot carry.
pub fn oversold(refusals: Vec<Refusal>) -> Failure {
    refused(&LoadError::Oversold(refusals))
}

/// Problems of files, laid out with their places.
pub fn refused(error: &LoadError) -> Failure {
    Failure::Refused {
        problems: error.render(colored()),
        summary: format!("{} found; nothing was done", counted(error.count(), "problem")),
    }
}

fn colored() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
