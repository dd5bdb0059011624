//! Every document of drawn leases against a program that shares nothing with the crates.
//!
//! `oracle/bills.txt` is by `oracle/bills.py`, which follows docs/files.md in exact fractions, a day
//! at a time. Where the two disagreed:
//!
//! - A version of the terms without a deposit, after one with: the biller kept the deposit for good, or
//!   said for ever that something was due when its day had been passed over. The program was right:
//!   each version states the deposit anew, and it goes back when the version without takes over.
//! - A deposit whose due day comes after service is over, through a notice: the biller asked for it
//!   and gave it back later. docs/files.md left it open; as with prepayments, it is not asked for.
//! - A share of a small invoice that rounds to nothing: the biller wrote a line of zero. The program
//!   was right: nothing was drawn.
//!
//! What docs/files.md left open beside these follows the biller and is written there now, under
//! "What is billed": the two agree on it by intent, not by chance.

mod common;

use common::bills::cases;
use leasehold_lease::Meter;
use leasehold_ledger::{Invoice, LineKind};

/// A document as the vectors write it.
fn written(invoice: &Invoice) -> String {
    let mut text = format!("bill|{}|{}|{}\n", invoice.issued, invoice.due, invoice.total.minor());
    for line in &invoice.lines {
        let kind = match line.kind {
            LineKind::Usage(Meter::Energy) => "energy",
            LineKind::Usage(Meter::GpuHoursUsed) => "gpu_hours_used",
            LineKind::Usage(Meter::GpuHoursHeld) => "gpu_hours_held",
            LineKind::Usage(Meter::GpuHoursOver) => "gpu_hours_over",
            other => other.key(),
        };
        text += &format!("{kind}|{}|{}|{}\n", line.start, line.end, line.amount.minor());
    }
    for part in &invoice.taxes {
        text += &format!("tax|{}|{}|{}\n", part.name, part.line, part.amount.minor());
    }
    text
}

#[test]
fn every_line_is_that_of_exact_fractions_a_day_at_a_time() {
    let cases = cases();
    assert_eq!(cases.len(), 250);
    for (number, case) in cases.iter().enumerate() {
        let found: String = case.bill().iter().map(written).collect();
        assert_eq!(found, case.expected, "lease {number}");
    }
}
