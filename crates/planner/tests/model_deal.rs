//! The model deal's figures, from the example's own files.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Lease, Side, Terms};
use leasehold_planner::{Amounts, Window, backlog, bands, schedule};
use leasehold_site::Site;
use leasehold_units::{Day, Money};

fn source(name: &str) -> Source {
    let path = format!("{}/../../examples/colossus-1/{name}", env!("CARGO_MANIFEST_DIR"));
    Source::new(name, std::fs::read_to_string(path).expect("the example is there"))
}

fn site() -> Site {
    let source = source("site.toml");
    Site::parse(&source).unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)))
}

fn lease() -> Lease {
    read(&source("leases/anthropic.toml"))
}

fn read(source: &Source) -> Lease {
    let terms = Terms::parse(source);
    let terms = terms.unwrap_or_else(|problems| panic!("{}", render(source, &problems, false)));
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
    let backlog = backlog(&[lease()], &[Vec::new()], day("2026-07-01")).expect("one currency");
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

#[test]
fn an_escalated_deal_is_planned_at_what_it_grows_to() {
    let Source { name, text } = source("leases/anthropic.toml");
    let more = "\n[fee.escalator]\npercent = \"3%\"\nevery_months = 12\n";
    let lease = read(&Source::new(name, text + more));
    let schedule = schedule(&site(), std::slice::from_ref(&lease), 0, Window::default())
        .expect("the site carries it");
    let factors: Vec<_> = schedule.periods.iter().map(|p| p.escalation.to_string()).collect();
    assert_eq!((factors[11].as_str(), factors[12].as_str()), ("1", "103/100"));
    assert_eq!(factors[36], "1092727/1000000");
    // 14.0625 bn in the first year, then 15 bn x 1.03, 15 bn x 1.0609, and May 2029 x 1.092727.
    let first = 1_406_250_000_000;
    let grown = 1_545_000_000_000 + 1_591_350_000_000 + 136_590_875_000;
    assert_eq!(schedule.total.minor(), first + grown);
    let backlog = backlog(&[lease], &[Vec::new()], day("2028-02-01")).expect("one currency");
    let amounts = backlog.leases[0].amounts;
    // 90 days from 1 February end on 1 May: three months at 1.03, and a day at 1.0609.
    assert_eq!(amounts.firm_if_landlord_gives_notice.to_string(), "3905278225.81");
    assert!(amounts.firm_if_landlord_gives_notice.minor() <= amounts.headline.minor());
}

#[test]
fn bands_part_the_backlog_by_time() {
    let told: Vec<String> = bands(&[lease()], &[Vec::new()], day("2026-07-15"))
        .expect("one currency")
        .iter()
        .map(|band| {
            let amounts = &band.amounts;
            let firm = amounts.firm_if_landlord_gives_notice;
            format!("{} {} {} {} {firm}", band.name, band.from, band.until, amounts.headline)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    this_month 2026-07-15 2026-07-31 685483870.97 685483870.97
    3_months 2026-08-01 2026-09-30 2500000000.00 2500000000.00
    12_months 2026-10-01 2027-06-30 11250000000.00 524193548.39
    24_months 2027-07-01 2028-06-30 15000000000.00 0.00
    later 2028-07-01 2029-05-31 13750000000.00 0.00
    "#);
}

proptest::proptest! {
    #[test]
    fn bands_add_up_to_the_backlog(after in 0..1300_i64) {
        let as_of = day("2026-04-01").saturating_add(jiff::Span::new().days(after));
        let total = backlog(&[lease()], &[Vec::new()], as_of).expect("one currency").total;
        let bands = bands(&[lease()], &[Vec::new()], as_of).expect("one currency");
        let sum = |amount: fn(&Amounts) -> Money| {
            let zero = Money::zero(total.headline.currency());
            bands.iter().fold(zero, |sum, band| sum.plus(amount(&band.amounts)))
        };
        proptest::prop_assert_eq!(sum(|a| a.headline), total.headline);
        let landlord = sum(|a| a.firm_if_landlord_gives_notice);
        proptest::prop_assert_eq!(landlord, total.firm_if_landlord_gives_notice);
        let tenant = sum(|a| a.firm_if_tenant_gives_notice);
        proptest::prop_assert_eq!(tenant, total.firm_if_tenant_gives_notice);
        let edges = bands.windows(2).all(|pair| pair[0].until.tomorrow().ok() == Some(pair[1].from));
        proptest::prop_assert!(edges, "a day is in one band");
    }
}
