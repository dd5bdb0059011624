//! The model deal's figures, from the example's own files.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Lease, Side, Terms};
use leasehold_planner::{Window, backlog, schedule};
use leasehold_site::Site;
use leasehold_units::Day;

fn source(name: &str) -> Source {
    let path = format!("{}/../../examples/colossus-1/{name}", env!("CARGO_MANIFEST_DIR"));
    Source::new(name, std::fs::read_to_string(path).expect("the example is there"))
}

fn site() -> Site {
    let source = source("site.toml");
    Site::parse(&source).unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)))
}

fn lease() -> Lease {
    let source = source("leases/anthropic.toml");
    let terms = Terms::parse(&source);
    let terms = terms.unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)));
    Lease::new(vec![terms]).expect("one version")
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

#[test]
fn the_schedule_totals_what_was_published() {
    let schedule =
        schedule(&site(), &[lease()], 0, Window::default()).expect("the site carries it");
    assert_eq!(schedule.total.to_string(), "45312500000.00");
    assert_eq!(schedule.periods.len(), 37);
    let steps: Vec<_> = schedule.entitlement.iter().map(|s| (s.nodes, s.gpus)).collect();
    assert_eq!(steps, [(14_880, 119_040), (22_320, 178_560), (30_028, 220_208)]);
}

#[test]
fn notice_by_the_landlord_ends_it_after_ninety_days() {
    let mut lease = lease();
    let last = lease.give_notice(Side::Landlord, day("2026-07-01")).expect("it may");
    assert_eq!(last, day("2026-09-29"));
    let schedule = schedule(&site(), &[lease], 0, Window::default()).expect("the site carries it");
    assert_eq!(schedule.total.to_string(), "5270833333.33");
}

#[test]
fn headline_and_firm_as_of_the_first_of_july() {
    let backlog = backlog(&[lease()], day("2026-07-01")).expect("one currency");
    let line = &backlog.leases[0];
    assert_eq!(line.amounts.headline.to_string(), "43750000000.00");
    assert_eq!(line.amounts.firm_if_landlord_gives_notice.to_string(), "3708333333.33");
    assert_eq!(line.amounts.firm_if_tenant_gives_notice.to_string(), "3708333333.33");
    assert_eq!(line.last_day_if_tenant_gives_notice, day("2026-09-29"));
    assert_eq!(backlog.concentration[0].share, leasehold_units::Ratio::ONE);
}

#[test]
fn windows_that_touch_add_up_to_the_whole() {
    let (site, leases) = (site(), [lease()]);
    let total = |from: Option<Day>, until: Option<Day>| {
        schedule(&site, &leases, 0, Window { from, until }).expect("the site carries it").total
    };
    for cut in ["2026-05-17", "2026-06-30", "2027-02-28", "2028-02-29"] {
        let cut = day(cut);
        let parts = total(None, Some(cut)).plus(total(cut.tomorrow().ok(), None));
        assert_eq!(parts, total(None, None));
    }
}
