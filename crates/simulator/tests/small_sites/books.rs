//! Payments, disputes and corrections in the state machine: refused by name, folded again to the
//! same state, and told to nobody else.

use leasehold_control::{Control, Event, Input, RefusedInput};
use leasehold_fixtures::terms;
use leasehold_lease::{Lease, Side};
use leasehold_ledger::{Correction, Dispute, Payment, Request, Resolution};
use leasehold_units::{Currency, Day, Instant, Money, PartyId, Seconds};
use proptest::prelude::*;

use super::setting::{lease_file, site, start};

const FIRST: &str = "owner-2026-000001";
const SECOND: &str = "owner-2026-000002";

/// Two tenants on one site, on the first day of both, with what happened since.
struct Desk {
    control: Control,
    begun: leasehold_control::State,
    told: Vec<(Instant, Event)>,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        let first = lease_file("rack", 2, 5);
        let second = first.clone().set("id", "'m'").set("tenant", "'other'");
        let leases =
            [first, second].map(|file| Lease::new(vec![terms(&file)]).expect("one version"));
        let control = Control::new(site(), leases.to_vec(), start()).expect("there is room");
        let begun = control.state().clone();
        let mut desk = Self { control, begun, told: Vec::new(), now: start() };
        desk.settle();
        desk
    }

    fn settle(&mut self) {
        let (control, told) = (&mut self.control, &mut self.told);
        control
            .settle(self.now, &mut |at, event, _| told.push((at, event.clone())))
            .unwrap_or_else(|violation| panic!("{violation}"));
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.now.after(Seconds::new(seconds));
        while let Some(due) = self.control.next_due().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.settle();
        }
        self.now = until;
    }

    fn ask(&mut self, request: Request) -> Result<(), RefusedInput> {
        let (control, told) = (&mut self.control, &mut self.told);
        let input = Input::Account(Box::new(request));
        let asked = control.handle(self.now, &input, &mut |at, event, _| {
            told.push((at, event.clone()));
        });
        self.settle();
        asked
    }

    fn today(&self) -> Day {
        self.control.state().site.time_zone.day_of(self.now)
    }

    fn pay(&self, id: &str, tenant: &str, minor: i128, documents: &[&str]) -> Request {
        Request::Pay(Payment {
            id: id.into(),
            tenant: party(tenant),
            day: self.today(),
            amount: usd(minor),
            documents: documents.iter().map(|number| (*number).to_owned()).collect(),
        })
    }

    fn dispute(&self, id: &str, tenant: &str, document: &str, minor: i128) -> Request {
        let (tenant, document, day) = (party(tenant), document.into(), self.today());
        Request::Dispute(Dispute { id: id.into(), tenant, document, day, amount: usd(minor) })
    }

    fn resolve(&self, dispute: &str, tenant: &str, favour: Side) -> Request {
        let (tenant, dispute, day) = (party(tenant), dispute.into(), self.today());
        Request::Resolve(Resolution { tenant, dispute, day, favour })
    }
}

fn party(name: &str) -> PartyId {
    PartyId::new(name).expect("a name")
}

fn usd(minor: i128) -> Money {
    Money::from_minor(minor, Currency::from_code("USD").expect("a currency"))
}

fn told(asked: Result<(), RefusedInput>) -> String {
    asked.expect_err("it is refused").to_string()
}

#[test]
fn another_tenants_documents_and_names_are_as_if_they_were_not_there() {
    let mut desk = Desk::new();
    desk.ask(desk.pay("wire", "other", 100, &[SECOND])).expect("it owes that");
    desk.ask(desk.dispute("d", "other", SECOND, 100)).expect("it owes that");
    let theirs = [
        desk.pay("a", "renter", 1, &[SECOND]),
        desk.dispute("b", "renter", SECOND, 1),
        desk.resolve("d", "renter", Side::Tenant),
    ];
    let nobodys = [
        desk.pay("a", "renter", 1, &["owner-2026-000009"]),
        desk.dispute("b", "renter", "owner-2026-000009", 1),
        desk.resolve("e", "renter", Side::Tenant),
    ];
    for (theirs, nobodys) in theirs.into_iter().zip(nobodys) {
        let (theirs, nobodys) = (told(desk.ask(theirs)), told(desk.ask(nobodys)));
        let blind = |text: &str| text.replace("000009", "000002").replace("dispute e", "dispute d");
        assert_eq!(blind(&theirs), blind(&nobodys));
    }
    desk.ask(desk.pay("wire", "renter", 100, &[])).expect("a name of its own");
    let stranger = told(desk.ask(desk.pay("wire", "stranger", 1, &[])));
    assert_eq!(stranger, "tenant-is-known: there is no tenant stranger");
}

#[test]
fn a_payment_told_twice_is_one() {
    let mut desk = Desk::new();
    let payment = desk.pay("wire", "renter", 100, &[FIRST]);
    desk.ask(payment.clone()).expect("it owes that");
    let events = desk.told.len();
    desk.wait(86_400);
    let before = desk.told.len();
    desk.ask(payment).expect("it is no other");
    assert!(before >= events);
    assert_eq!(desk.told.len(), before, "nothing happened");
}

#[test]
fn closed_days_take_no_payment() {
    let mut desk = Desk::new();
    let late = desk.pay("wire", "renter", 100, &[]);
    desk.wait(86_400);
    desk.ask(Request::Close { through: "2026-03-07".parse().expect("a day") }).expect("it is over");
    let refused = told(desk.ask(late));
    assert!(refused.starts_with("period-is-open: 2026-03-07 is closed"), "{refused}");
}

/// A request by its kind, for which document, and how much.
fn request(desk: &Desk, count: usize, (kind, place, minor): (u8, usize, i128)) -> Request {
    let issued = &desk.control.state().books.invoices;
    let document = &issued[place % issued.len()];
    let (number, tenant) = (document.number.clone(), document.tenant.to_string());
    match kind {
        0 => desk.pay(&format!("p{count}"), &tenant, minor, &[]),
        1 => desk.pay(&format!("p{}", count / 2), &tenant, minor, &[&number]),
        2 => desk.dispute(&format!("d{}", place % 4), &tenant, &number, minor),
        3 => desk.resolve(&format!("d{}", place % 4), &tenant, Side::Landlord),
        4 => desk.resolve(&format!("d{}", place % 4), &tenant, Side::Tenant),
        5 => {
            let amounts = vec![(0, usd(minor))];
            Request::Correct(Correction { document: number, reason: "wrong".into(), amounts })
        }
        _ => Request::Close { through: desk.today().yesterday().expect("a later day") },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_books_are_the_fold_of_what_happened(
        asked in prop::collection::vec((0..7_u8, 0..12_usize, 1..30_000_000_i128), 1..20),
        pauses in prop::collection::vec(0..200_000_u64, 20),
    ) {
        let mut desk = Desk::new();
        for (count, (asked, pause)) in asked.into_iter().zip(pauses).enumerate() {
            let request = request(&desk, count, asked);
            let before = desk.told.len();
            if desk.ask(request).is_err() {
                prop_assert_eq!(desk.told.len(), before, "a refusal changes nothing");
            }
            desk.wait(pause);
        }
        let mut again = desk.begun.clone();
        for (at, event) in &desk.told {
            again.apply(*at, event);
        }
        prop_assert_eq!(again.difference(desk.control.state()), None);
        let books = &desk.control.state().books;
        let numbers: Vec<&str> = books.invoices.iter().map(|one| one.number.as_str()).collect();
        let expected: Vec<String> =
            (1..=numbers.len()).map(|place| format!("owner-2026-{place:06}")).collect();
        prop_assert_eq!(numbers, expected);
        prop_assert_eq!(books.bookkeeping().open_unlike_journal(), None);
    }
}
