//! Payments, disputes, corrections and closing.

use leasehold_control::Input;
use leasehold_ledger::Request;

use super::{Desk, Done, Reply};

/// What is asked of the books.
#[derive(Debug, Clone)]
pub struct BooksCommand(pub Request);

impl BooksCommand {
    pub(super) fn carry_out(&self, desk: &mut Desk<'_>) -> Reply {
        let before = desk.core.state().books.invoices.len();
        desk.input(&Input::Account(Box::new(self.0.clone())))?;
        let issued = &desk.core.state().books.invoices[before..];
        let numbers: Vec<&str> = issued.iter().map(|invoice| invoice.number.as_str()).collect();
        Ok(Done::ok(&serde_json::json!({ "documents": numbers })))
    }
}
