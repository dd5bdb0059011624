//! A document that changed after it was issued is found: when it is touched, in turn, and on demand.

use leasehold_control::{Control, Input, Invariant, State, Violation};
use leasehold_ledger::{Payment, Request};
use leasehold_units::{Money, PartyId, Seconds};

use crate::stage::Stage;

/// The books after a day, with the document that was issued on it changed behind their back.
fn changed() -> State {
    let mut stage = Stage::new();
    stage.pass(86_400);
    let mut state = stage.control.into_state();
    state.books.invoices[0].lines[0].description += ", altered";
    state
}

fn assert_found(found: Result<(), Violation>) {
    let violation = found.expect_err("a document changed");
    assert_eq!(violation.invariant, Invariant::ClosedIsClosed);
    assert!(violation.what.contains("owner-2026-000001"), "{violation}");
}

#[test]
fn on_demand() {
    let mut stage = Stage::new();
    stage.pass(86_400);
    stage.control.check_books().expect("nothing changed");
    assert_found(Control::resume(changed()).check_books());
}

#[test]
fn in_turn() {
    let mut control = Control::resume(changed());
    let mut now = control.state().now;
    let mut found = Ok(());
    for _ in 0..64 {
        now = now.after(Seconds::new(1));
        found = control.settle(now, &mut |_, _, _| {});
    }
    assert_found(found);
}

#[test]
fn when_it_is_touched() {
    let mut control = Control::resume(changed());
    let now = control.state().now;
    let document = &control.state().books.invoices[0];
    let payment = Payment {
        id: "p".into(),
        tenant: PartyId::new("renter").expect("a name"),
        day: document.issued,
        amount: Money::from_minor(100, document.currency),
        documents: vec![document.number.clone()],
    };
    let input = Input::Account(Box::new(Request::Pay(payment)));
    control.handle(now, &input, &mut |_, _, _| {}).expect("it is not refused");
    assert_found(control.settle(now, &mut |_, _, _| {}));
}
