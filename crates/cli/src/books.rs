//! The books that a finished run left behind, read again from its `journal.csv`.

use std::path::Path;

use leasehold_ledger::{JOURNAL_COLUMNS, JournalRow, Transaction, entries_of};

use crate::failure::Failure;
use crate::files;

/// The entries of the journal in `directory`, in the order in which they were made.
pub fn read(directory: &Path) -> Result<Vec<Transaction>, Failure> {
    let path = directory.join("journal.csv");
    files::must_be_file(&path).map_err(|error| {
        Failure::impossible(error.to_string())
            .with_hint("name a directory that `leasehold simulate` has finished")
    })?;
    let bad = |why: String| Failure::impossible(format!("{}: {why}", path.display()));
    let mut reader = csv::Reader::from_path(&path).map_err(|error| bad(error.to_string()))?;
    let header = reader.headers().map_err(|error| bad(error.to_string()))?;
    if !header.iter().eq(JOURNAL_COLUMNS) {
        let expected = JOURNAL_COLUMNS.join(",");
        return Err(bad(format!("the columns are not those of a journal: expected {expected}")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| bad(error.to_string()))?;
        let mut fields = record.iter().map(str::to_owned);
        rows.push(JournalRow(std::array::from_fn(|_| fields.next().unwrap_or_default())));
    }
    entries_of(&rows).map_err(|error| bad(error.to_string()))
}
