//! Leases that are signed while the site is live.

use leasehold_control::{Control, Event, Input};
use leasehold_fixtures::{File, terms};
use leasehold_lease::Lease;
use leasehold_ledger::{LeaseIndex, Record, Rederivation};

use crate::stage::{Stage, first_second, job, lease_file, site};

/// The documents issued to the second tenant: the day of each, and its total.
fn documents(stage: &Stage) -> Vec<(String, String)> {
    let issued = stage.events.iter().filter_map(|(_, event)| match event {
        Event::InvoiceIssued { invoice, .. } if invoice.lease.as_str() == "second" => Some(invoice),
        _ => None,
    });
    issued.map(|invoice| (invoice.issued.to_string(), invoice.total.to_string())).collect()
}

/// The lease of a second tenant.
fn second() -> File {
    lease_file().set("id", "'second'").set("tenant", "'another'")
}

/// 100 % of 310,000.00 for 25 of 31 days, on the first day, although it has begun by then.
#[test]
fn on_its_first_day_a_lease_is_billed_at_once() {
    let mut stage = Stage::new();
    stage.pass(40_000);
    stage.tell(&Input::Sign(Box::new(terms(&second()))));
    assert_eq!(documents(&stage), [("2026-03-07".to_owned(), "250000.00".to_owned())]);
    stage.pass(3 * 86_400);
    assert_eq!(documents(&stage).len(), 1);
}

/// A lease that is paid by use alone: months without use have no document, before the first one and after it. Its
/// tenant derives the one that there is from what it has, and whoever folds the events comes to the same.
#[test]
fn months_that_come_to_nothing_have_no_document() {
    let mut stage = Stage::new();
    stage.pass(40_000);
    let text = second()
        .set("term.end", "2026-08-31")
        .set("fee.fixed", "'0.00'")
        .set("fee.invoice", "'arrears'")
        .and("[[fee.usage]]\nmeter = \"gpu_hours_used\"\nprice = \"3600.00\"");
    stage.tell(&Input::Sign(Box::new(terms(&text))));
    stage.pass(60 * 86_400);
    assert_eq!(documents(&stage), [], "nobody worked in March and April");
    let slot = stage.submit(job(1, 2, 8));
    stage.pass(100);
    stage.tell(&Input::Ended { job: slot });
    stage.pass(200 * 86_400);
    let issued = [("2026-06-01".to_owned(), "800.00".to_owned())];
    assert_eq!(documents(&stage), issued, "8 GPUs for 100 seconds in May, and nothing after it");

    let chunks = stage.control.take_evidence();
    let state = stage.control.state();
    let document = state.books.invoices.iter().find(|known| known.lease.as_str() == "second");
    let document = document.expect("it was issued");
    let record = state.books.bases[1].facts().to_lines();
    let record = Record::from_lines(record.lines()).expect("the record can be read");
    let mut again = Rederivation::new(vec![terms(&text)], record).expect("a beginning");
    let month =
        document.lines.iter().find_map(|line| line.derivation.usage).expect("metered").month;
    let own = chunks.iter().filter(|chunk| chunk.lease == LeaseIndex(1) && chunk.month == month);
    let usage: String = own.map(|chunk| chunk.text.as_str()).collect();
    again.read_usage(month, usage.lines()).expect("the usage can be read");
    again.check(document).expect("it follows");

    let lease = Lease::new(vec![terms(&lease_file())]).expect("one version");
    let mut folded = Control::new(site(), vec![lease], first_second()).expect("it fits");
    for (at, event) in &stage.events {
        folded.fold(*at, event).expect("no invariant is broken");
    }
    folded.take_evidence();
    assert!(folded.state().difference(state).is_none(), "{:?}", folded.state().difference(state));
}
