//! The evidence of one lease, as a run leaves it and a tenant gets it: terms, record, service
//! intervals.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use leasehold_lease::Terms;
use leasehold_ledger::{Record, Rederivation};
use leasehold_units::Month;

use crate::failure::Failure;
use crate::files::{self, FileError};
use crate::input;

/// All versions of the terms, `terms-1.toml` and so on.
pub fn terms(folder: &Path) -> Result<Vec<Terms>, Failure> {
    let mut versions = Vec::new();
    loop {
        let path = folder.join(format!("terms-{}.toml", versions.len() + 1));
        if !path.exists() && !versions.is_empty() {
            return Ok(versions);
        }
        versions.push(input::terms(&path)?);
    }
}

/// What happened to the lease.
pub fn record(path: &Path) -> Result<Record, Failure> {
    let text = files::read(path)?;
    let record = Record::from_lines(text.lines());
    record.map_err(|error| Failure::impossible(format!("{}: {error}", path.display())))
}

/// Hands the service intervals of `month` over, line by line.
pub fn read_usage(again: &mut Rederivation, path: &Path, month: Month) -> Result<(), Failure> {
    files::must_be_file(path)?;
    let unreadable = |error| FileError::Unreadable { path: path.into(), error };
    let mut broken: Option<io::Error> = None;
    let lines = BufReader::with_capacity(1 << 18, File::open(path).map_err(unreadable)?).lines();
    let lines = lines.map_while(|line| line.map_err(|error| broken = Some(error)).ok());
    let read = again.read_usage(month, lines);
    if let Some(error) = broken {
        return Err(unreadable(error).into());
    }
    read.map_err(|error| Failure::impossible(format!("{}: {error}", path.display())))
}

/// What lies in `folder`, in no order.
pub fn listing(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| FileError::Unreadable { path: folder.into(), error };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    Ok(paths.collect::<io::Result<Vec<PathBuf>>>().map_err(unreadable)?)
}
