//! `export focus`: what a finished run billed, and what its leases commit to, as FOCUS datasets.
//!
//! Everything is read from the evidence of the leases that are asked for, and from nothing else: the
//! file of one tenant can say nothing of another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leasehold_ledger::focus::{
    COMMITMENT_COLUMNS, COMMITMENT_COLUMNS_1_4, COST_COLUMNS, Column, CommitmentRow, CostRow,
    FocusLease, contract_commitments,
};
use leasehold_ledger::{Invoice, Rederivation, Sealed, UsageDigest};
use leasehold_units::{Day, Month};

use crate::arguments::{Common, ExportFocus, FocusDataset, FocusFormat, FocusVersion};
use crate::dataset;
use crate::evidence;
use crate::failure::Failure;
use crate::files;
use crate::output;

/// Reads the run and writes the file.
pub fn export(asked: &ExportFocus, common: &Common) -> Result<(), Failure> {
    files::must_be_free(&asked.out, asked.force)?;
    match (asked.dataset, asked.version) {
        (FocusDataset::CostAndUsage, FocusVersion::V1_2) => {
            write(asked, common, &COST_COLUMNS, &of_leases(asked, cost_and_usage)?)
        }
        (FocusDataset::ContractCommitment, FocusVersion::V1_3) => {
            write(asked, common, &COMMITMENT_COLUMNS, &of_leases(asked, commitments)?)
        }
        (FocusDataset::ContractCommitment, FocusVersion::V1_4) => {
            write(asked, common, &COMMITMENT_COLUMNS_1_4, &of_leases(asked, commitments)?)
        }
        (FocusDataset::CostAndUsage, _) => {
            Err(Failure::impossible("cost-and-usage is written in version 1.2 only")
                .with_hint("say `--version 1.2`"))
        }
        (FocusDataset::ContractCommitment, FocusVersion::V1_2) => {
            Err(Failure::impossible("version 1.2 has no contract-commitment")
                .with_hint("say `--version 1.3` or `--version 1.4`"))
        }
    }
}

fn write<R>(
    asked: &ExportFocus,
    common: &Common,
    columns: &[Column<R>],
    rows: &[R],
) -> Result<(), Failure> {
    files::replace(&asked.out, |out| match asked.format {
        FocusFormat::Csv => dataset::write_csv(out, columns, rows),
        FocusFormat::Parquet => {
            let mut bytes = Vec::new();
            dataset::write_parquet(&mut bytes, columns, rows)?;
            out.write_all(&bytes)
        }
    })?;
    let rows = output::counted(rows.len(), "row");
    output::narrate(common, &format!("wrote {rows} into {}", asked.out.display()));
    Ok(())
}

/// The rows of the lease in a folder, from its documents, as things stand on a day.
type RowsOf<R> = fn(&Path, &[Invoice], Day) -> Result<Vec<R>, Failure>;

/// The rows of all leases that are asked for, in order of their names.
fn of_leases<R>(asked: &ExportFocus, rows_of: RowsOf<R>) -> Result<Vec<R>, Failure> {
    let as_of = last_day(&asked.directory)?;
    let mut rows = Vec::new();
    let mut found = false;
    for folder in folders(asked)? {
        let terms = evidence::terms(&folder)?;
        let tenant = &terms[0].tenant;
        if asked.tenant.as_ref().is_some_and(|only| only != tenant) {
            continue;
        }
        found = true;
        rows.extend(rows_of(&folder, &documents(&folder)?, as_of)?);
    }
    if found {
        return Ok(rows);
    }
    let whose = asked.tenant.as_ref().map_or("anybody".to_owned(), ToString::to_string);
    Err(Failure::impossible(format!("the run has no lease of {whose}"))
        .with_hint("`leasehold revenue DIR --by tenant` says whose leases it has"))
}

/// The folders of the leases that are asked for, by name.
fn folders(asked: &ExportFocus) -> Result<Vec<PathBuf>, Failure> {
    let all = asked.directory.join("evidence");
    if !all.is_dir() {
        let message = format!("{} does not exist", all.display());
        return Err(Failure::impossible(message)
            .with_hint("name a directory that `leasehold simulate` has finished"));
    }
    let mut folders = evidence::listing(&all)?;
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let Some(only) = &asked.lease else { return Ok(folders) };
    folders.retain(|folder| folder.file_name() == Some(only.as_str().as_ref()));
    if folders.is_empty() {
        return Err(Failure::impossible(format!("the run has no lease {only}")));
    }
    Ok(folders)
}

/// All documents of a lease, in the order in which they were issued.
fn documents(folder: &Path) -> Result<Vec<Invoice>, Failure> {
    let mut documents = Vec::new();
    for path in evidence::listing(&folder.join("documents"))? {
        let at = |error: String| Failure::impossible(format!("{}: {error}", path.display()));
        let document = Sealed::from_json(&files::read(&path)?);
        let document = document.map_err(|error| at(error.to_string()))?.invoice;
        document.check().map_err(|error| at(error.to_string()))?;
        documents.push(document);
    }
    documents.sort_by(|a, b| (a.issued, &a.number).cmp(&(b.issued, &b.number)));
    Ok(documents)
}

fn cost_and_usage(folder: &Path, documents: &[Invoice], _: Day) -> Result<Vec<CostRow>, Failure> {
    let mut again = rederivation(folder)?;
    for month in months(documents) {
        let path = folder.join(format!("usage-{month}.csv"));
        // A month in which nothing was delivered, or that is yet to come, has no file.
        if path.exists() {
            evidence::read_usage(&mut again, &path, month)?;
        }
    }
    rests_on(documents, &again)?;
    let terms = evidence::terms(folder)?;
    let latest = terms.last().expect("a lease has a version");
    let used_and_idle = |start: Day, end: Day| again.meter().used_and_idle(start, end);
    let lease = FocusLease {
        documents,
        zone: &latest.time_zone,
        site: &latest.site,
        used_and_idle: &used_and_idle,
    };
    Ok(lease.cost_and_usage())
}

/// Refuses service intervals that are not those that were billed from.
fn rests_on(documents: &[Invoice], again: &Rederivation) -> Result<(), Failure> {
    for document in documents {
        for expected in document.lines.iter().filter_map(|line| line.derivation.usage) {
            let month = expected.month;
            let found = again.usage().find(|found| found.month == month).copied();
            if found.unwrap_or_else(|| UsageDigest::none(month)) != expected {
                let number = &document.number;
                let message = format!(
                    "the service intervals of {month} are not those that {number} rests on"
                );
                return Err(Failure::impossible(message).with_hint(
                    "restore the evidence as the run left it; `leasehold invoice verify` says more",
                ));
            }
        }
    }
    Ok(())
}

fn commitments(folder: &Path, _: &[Invoice], as_of: Day) -> Result<Vec<CommitmentRow>, Failure> {
    let mut again = rederivation(folder)?;
    let lease = again
        .hear_all()
        .map_err(|error| Failure::impossible(format!("{}: {error}", folder.display())))?;
    Ok(contract_commitments(lease, as_of))
}

/// The last day of the run.
fn last_day(directory: &Path) -> Result<Day, Failure> {
    let path = directory.join("summary.json");
    let bad = || Failure::impossible(format!("{}: `until` is no day", path.display()));
    let summary: serde_json::Value =
        serde_json::from_str(&files::read(&path)?).map_err(|_| bad())?;
    let until = summary["until"].as_str().and_then(|text| text.parse::<Day>().ok());
    until.and_then(|until| until.yesterday().ok()).ok_or_else(bad)
}

fn rederivation(folder: &Path) -> Result<Rederivation, Failure> {
    let record = evidence::record(&folder.join("record.jsonl"))?;
    Rederivation::new(evidence::terms(folder)?, record)
        .map_err(|error| Failure::impossible(format!("{}: {error}", folder.display())))
}

/// The months that lines are for.
fn months(documents: &[Invoice]) -> BTreeSet<Month> {
    let lines = documents.iter().flat_map(|document| &document.lines);
    lines.flat_map(|line| [Month::of(line.start), Month::of(line.end)]).collect()
}
