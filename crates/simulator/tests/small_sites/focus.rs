//! The FOCUS rows of every lease of a run add up to its documents and to what the journal posted, and
//! tell of the hours that the lease was given.

use leasehold_ledger::focus::{CapacityStatus, CostRow, FocusLease};
use leasehold_ledger::{Invoice, LineKind};
use leasehold_units::{Day, Money};
use proptest::prelude::*;

use super::setting::setting;
use super::{plan, play};

fn sum<'a>(zero: Money, rows: impl Iterator<Item = &'a CostRow>) -> Money {
    rows.fold(zero, |sum, row| sum.plus(row.billed))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 30 } else { 2_000 }))]

    #[test]
    fn rows_documents_and_postings_of_a_run_say_the_same(plan in plan()) {
        let (outcome, _) = play(setting(&plan));
        let (state, books) = (&outcome.state, &outcome.state.books);
        for (entry, account) in state.contracts.leases.iter().zip(&books.bases) {
            let terms = entry.terms();
            let own = books.invoices.iter().filter(|document| document.lease == terms.id);
            let documents: Vec<Invoice> = own.cloned().collect();
            let meter = account.meter();
            let used_and_idle = |start: Day, end: Day| meter.used_and_idle(start, end);
            let lease = FocusLease {
                documents: &documents,
                zone: &terms.time_zone,
                site: &terms.site,
                used_and_idle: &used_and_idle,
            };
            let rows = lease.cost_and_usage();
            for document in &documents {
                let zero = Money::zero(document.currency);
                let of_document = rows.iter().filter(|row| row.document == document.number);
                prop_assert_eq!(sum(zero, of_document), document.total);
                let entries = books.journal().transactions().iter();
                let issued = entries.filter(|entry| {
                    entry.document.as_ref() == Some(&document.number) && entry.due.is_some()
                });
                let owed = issued.flat_map(|entry| &entry.postings);
                let owed = owed.filter(|posting| posting.account.starts_with("assets:receivable:"));
                prop_assert_eq!(owed.fold(zero, |sum, posting| sum.plus(posting.amount)), document.total);
            }
            for (line, document) in documents.iter().flat_map(|document| {
                document.lines.iter().map(move |line| (line, document))
            }) {
                if line.kind != LineKind::Fixed {
                    continue;
                }
                let (used, _) = meter.used_and_idle(line.start, line.end);
                let is_used = rows.iter().any(|row| {
                    row.document == document.number
                        && row.description == line.description
                        && row.capacity == Some(CapacityStatus::Used)
                });
                prop_assert_eq!(is_used, used.get() > 0);
            }
        }
    }
}
