//! What was issued stands, whatever a later version would have issued.

use leasehold_control::{Control, Event};
use leasehold_lease::Lease;
use leasehold_units::Instant;

use leasehold_fixtures::terms;

use crate::stage::{Stage, first_second, lease_file, site};

/// The events of a day, and a state machine that knows none of them.
fn day() -> (Vec<(Instant, Event)>, Control) {
    let mut stage = Stage::new();
    stage.pass(86_400);
    let lease = Lease::new(vec![terms(&lease_file())]).expect("one version");
    (stage.events, Control::new(site(), vec![lease], first_second()).expect("it fits"))
}

#[test]
fn a_log_of_this_version_has_no_other_documents() {
    let (events, mut control) = day();
    for (at, event) in &events {
        control.fold(*at, event).expect("no invariant is broken");
    }
    assert_eq!(control.state().books.invoices.len(), 1);
    assert!(control.state().books.others.is_empty());
}

#[test]
fn a_document_that_was_issued_otherwise_stands_and_is_told() {
    let (events, mut control) = day();
    for (at, event) in events {
        let mut event = event;
        if let Event::InvoiceIssued { invoice, .. } = &mut event {
            invoice.lines[0].description = "Rent".into();
            invoice.number = "owner-2026-000041".into();
        }
        control.fold(at, &event).expect("it is a document all the same");
    }
    let books = &control.state().books;
    assert_eq!(books.invoices[0].lines[0].description, "Rent");
    let told: Vec<String> = books.others.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @"document owner-2026-000041 was issued over 250000.00; this version derives another over as much");
    assert!(control.check_books().is_ok());
    // Numbers go on from there, and what comes next is checked as ever.
    while control.state().books.invoices.len() == 1 {
        let due = control.next_due().expect("another month is billed");
        control.settle(due, &mut |_, _, _| {}).expect("no invariant is broken");
    }
    assert_eq!(control.state().books.invoices[1].number, "owner-2026-000042");
    assert_eq!(control.state().books.others.len(), 1);
}
