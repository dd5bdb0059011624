//! Leases that are signed while the site is live.

use leasehold_control::{Event, Input};

use crate::stage::{LEASE, Stage, terms};

/// The documents issued to the second tenant: the day of each, and its total.
fn documents(stage: &Stage) -> Vec<(String, String)> {
    let issued = stage.events.iter().filter_map(|(_, event)| match event {
        Event::InvoiceIssued { invoice, .. } if invoice.lease.as_str() == "second" => Some(invoice),
        _ => None,
    });
    issued.map(|invoice| (invoice.issued.to_string(), invoice.total.to_string())).collect()
}

/// 100 % of 310,000.00 for 25 of 31 days, on the first day, although it has begun by then.
#[test]
fn on_its_first_day_a_lease_is_billed_at_once() {
    let mut stage = Stage::new();
    stage.pass(40_000);
    let text = LEASE.replace("id = \"l\"", "id = \"second\"").replace("\"renter\"", "\"another\"");
    stage.tell(&Input::Sign(Box::new(terms(&text))));
    assert_eq!(documents(&stage), [("2026-03-07".to_owned(), "250000.00".to_owned())]);
    stage.pass(3 * 86_400);
    assert_eq!(documents(&stage).len(), 1);
}
