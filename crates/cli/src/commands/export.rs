//! `export`: the books of a finished run in the formats of other programs.

use leasehold_ledger::{to_beancount, to_csv, to_hledger, to_ledger};

use crate::arguments::{Common, Export, ExportJournal, JournalFormat};
use crate::books;
use crate::commands::focus;
use crate::failure::Failure;
use crate::output;

/// Reads and prints.
pub fn run(asked: &Export, common: &Common) -> Result<(), Failure> {
    match asked {
        Export::Journal(asked) => journal(asked),
        Export::Focus(asked) => focus::export(asked, common),
    }
}

fn journal(asked: &ExportJournal) -> Result<(), Failure> {
    let entries = books::read(&asked.directory)?;
    let text = match asked.format {
        JournalFormat::Hledger => to_hledger(&entries),
        JournalFormat::Ledger => to_ledger(&entries),
        JournalFormat::Beancount => to_beancount(&entries),
        JournalFormat::Csv => to_csv(&entries),
    };
    output::stdout(text.as_bytes())
}
