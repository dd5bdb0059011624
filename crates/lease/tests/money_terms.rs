//! What the optional money tables of a lease file say, what is told of broken ones, and what the
//! factor, the minimum and the prices come to.

use leasehold_diagnostics::{Problem, Source, render};
use leasehold_lease::{
    AmendRefusal, ChargeKinds, DayCount, Exclusions, Growth, Lease, MinimumPeriod, Side, TaxMode,
    Terms,
};
use leasehold_units::{Day, Ratio};
use proptest::prelude::*;

const PLAIN: &str = r#"
id = "l"
site = "s"
landlord = "a"
tenant = "b"
signed = 2026-05-01
time_zone = "UTC"
[term]
start = 2026-01-31
end = 2029-05-31
[notice]
by = "either"
days = 90
[capacity]
amount = "8 node"
shape = "node"
[fee]
currency = "USD"
fixed = "3100.00"
proration = "actual"
invoice = "advance"
due_days = 30
[[fee.usage]]
meter = "energy"
price = "0.062"
"#;

const EVERYTHING: &str = r#"
[fee.escalator]
base = "305.109"
index = [{ publish = 2026-12-11, value = "312.332" }, { publish = 2027-12-10, value = "330" }]
every_months = 12
cap = "5%"
applies_to = ["fixed", "usage"]
[fee.minimum]
amount = "9000.00"
per = "quarter"
counts = ["fixed"]
[[fee.prepayment]]
due = 2026-01-01
amount = "500.00"
draw = "50%"
[fee.deposit]
amount = "6200.00"
due = 2026-01-15
return_days = 30
[fee.late_interest]
rate = "8%"
day_count = "30/360"
grace_days = 5
[[fee.tax]]
name = "Texas sales tax"
rate = "8.25%"
mode = "exclusive"
on = ["fixed"]
[service]
idle_use = "none"
availability = "99%"
exclude = ["maintenance"]
curtail_credit = "5%"
"#;

fn parse(text: &str) -> Result<Terms, Vec<Problem>> {
    Terms::parse(&Source::new("lease.toml", text))
}

/// The plain lease with `more` behind it.
fn with(more: &str) -> Terms {
    let text = format!("{PLAIN}{more}");
    parse(&text).unwrap_or_else(|problems| {
        panic!("{}", render(&Source::new("lease.toml", text.clone()), &problems, false))
    })
}

fn lease(more: &str) -> Lease {
    Lease::new(vec![with(more)]).expect("one version")
}

fn rules(text: &str) -> Vec<&'static str> {
    let problems = parse(text).err().unwrap_or_default();
    problems.iter().map(|problem| problem.rule).collect()
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn percent(growth: &str, months: u32) -> String {
    format!("[fee.escalator]\npercent = \"{growth}%\"\nevery_months = {months}\n")
}

#[test]
fn every_table_is_read_to_the_last_field() {
    let fee = with(EVERYTHING).fee;
    let escalator = fee.escalator.expect("it is given");
    let Growth::Index(index) = &escalator.growth else { panic!("it follows an index") };
    assert_eq!((index.base, index.cap), (Ratio::new(305_109, 1000), Some(Ratio::new(1, 20))));
    assert_eq!(index.entries.len(), 2);
    assert_eq!(index.entries[1].publish, day("2027-12-10"));
    assert_eq!((escalator.every_months, escalator.from), (12, None));
    assert_eq!(escalator.applies_to, ChargeKinds::ALL);
    let minimum = fee.minimum.expect("it is given");
    assert_eq!(minimum.amount.to_string(), "9000.00");
    assert_eq!((minimum.per, minimum.counts), (MinimumPeriod::Quarter, ChargeKinds::FIXED));
    let [prepayment] = fee.prepayments[..] else { panic!("there is one") };
    assert_eq!((prepayment.due, prepayment.draw), (day("2026-01-01"), Ratio::new(1, 2)));
    let deposit = fee.deposit.expect("it is given");
    assert_eq!((deposit.due, deposit.return_days), (day("2026-01-15"), 30));
    let interest = fee.late_interest.expect("it is given");
    assert_eq!((interest.rate, interest.grace_days), (Ratio::new(2, 25), 5));
    assert_eq!(interest.day_count, DayCount::Thirty360);
    let taxes = fee.taxes.expect("there are some");
    assert_eq!((taxes.mode, taxes.list.len()), (TaxMode::Exclusive, 1));
    assert_eq!(taxes.list[0].rate, Ratio::new(33, 400));
    assert_eq!(taxes.list[0].on, ChargeKinds::FIXED);
    let service = with(EVERYTHING).service;
    assert_eq!(service.exclude, Exclusions { maintenance: true, tenant_fault: false });
    assert_eq!(service.curtail_credit, Some(Ratio::new(1, 20)));
}

#[test]
fn what_is_absent_changes_nothing() {
    let plain = with("");
    assert_eq!(plain.service.exclude, Exclusions { maintenance: true, tenant_fault: true });
    assert_eq!(plain.fee.escalator, None);
    assert_eq!(
        with(&percent("3", 12)).fee.escalator.map(|e| e.applies_to),
        Some(ChargeKinds::FIXED)
    );
    let flat = |lease: Lease| lease.fee_periods().iter().all(|p| p.escalation == Ratio::ONE);
    assert!(flat(lease("")) && flat(lease(&percent("0", 1))));
    assert!(lease("").minimum_shares().is_empty());
    let changed =
        |from: &str, to: &str| rules(&format!("{PLAIN}{EVERYTHING}").replacen(from, to, 1));
    assert_eq!(changed("cap = \"5%\"\n", ""), [""; 0]);
    assert_eq!(changed("base = \"305.109\"\n", ""), ["missing-key"]);
    assert_eq!(changed("every_months = 12\n", ""), ["missing-key"]);
    assert_eq!(changed("exclude = [\"maintenance\"]\n", "exclude = []\n"), [""; 0]);
    assert_eq!(changed("availability = \"99%\"\n", ""), ["missing-key"]);
    assert_eq!(rules(&format!("{PLAIN}[fee.escalator]\nevery_months = 12\n")), ["missing-key"]);
}

#[test]
fn all_problems_of_broken_fees_are_told_at_once() {
    let source = Source::new("lease.toml", include_str!("golden/broken-fees.toml"));
    let told = render(&source, &Terms::parse(&source).expect_err("it is broken"), false);
    assert_eq!(told.trim_end(), include_str!("golden/broken-fees.txt").trim_end());
}

#[test]
fn what_cannot_be_computed_exactly_is_refused_when_it_is_signed() {
    let refused = |more: &str| rules(&format!("{PLAIN}{more}"));
    assert_eq!(refused(&percent("3", 12)), [""; 0]);
    assert_eq!(refused(&percent("100", 1)), ["escalation-stays-exact"], "a thousandfold");
    assert_eq!(refused(&percent("3.123456789", 6)), ["escalation-stays-exact"], "too many digits");
    let dear = percent("100", 12) + "applies_to = [\"usage\"]\n";
    assert_eq!(refused(&dear), [""; 0]);
    let dear = format!("{PLAIN}{dear}").replace("0.062", "200000");
    assert_eq!(rules(&dear), ["escalation-stays-exact"], "a price above a million");
    // Seventeen steps of three percent are a lease of eighteen years.
    let long = format!("{PLAIN}{}", percent("3", 12)).replace("2029-05-31", "2044-01-30");
    assert_eq!(rules(&long.replace("3100.00", "1250000000.00")), [""; 0]);
    let mut lease = lease(&percent("50", 12));
    let text = format!("version = 2\neffective = 2026-06-01\n{PLAIN}{}", percent("50", 12));
    let mut next = parse(&text).expect("it is sound");
    next.end = day("2060-05-31");
    let before = lease.clone();
    assert!(matches!(lease.amend(next), Err(AmendRefusal::Inexact { version: 2, .. })));
    assert_eq!(lease, before);
}

#[test]
fn anniversaries_are_counted_from_the_first_day_and_cut_months() {
    let text = format!("{PLAIN}{}", percent("10", 1)).replace("2029-05-31", "2026-12-31");
    let lease = Lease::new(vec![parse(&text).expect("it is sound")]).expect("one version");
    let starts: Vec<String> = lease.fee_periods()[..6]
        .iter()
        .map(|p| format!("{} {} {}", p.start, p.end, p.escalation))
        .collect();
    // The year begins on 31 January: February and April have their last day instead.
    assert_eq!(
        starts,
        [
            "2026-01-31 2026-01-31 1",
            "2026-02-01 2026-02-27 1",
            "2026-02-28 2026-02-28 11/10",
            "2026-03-01 2026-03-30 11/10",
            "2026-03-31 2026-03-31 121/100",
            "2026-04-01 2026-04-29 121/100",
        ]
    );
    assert_eq!(lease.monthly_fee_on(day("2026-03-30")).to_string(), "3410.00");
    assert_eq!(lease.monthly_fee_on(day("2026-03-31")).to_string(), "3751.00");
}

#[test]
fn an_index_is_looked_up_on_the_anniversary_and_capped_against_the_step_before() {
    let factors = |cap: &str| {
        let text = format!("{PLAIN}{EVERYTHING}").replace("cap = \"5%\"\n", cap);
        let terms = parse(&text).expect("it is sound");
        ["2027-01-30", "2027-01-31", "2028-01-30", "2028-01-31", "2029-05-31"]
            .map(|at| terms.escalation_on(day(at)).to_string())
    };
    assert_eq!(
        factors(""),
        ["1", "312332/305109", "312332/305109", "110000/101703", "110000/101703"]
    );
    // 330 / 305.109 is 1.0816; 312.332 / 305.109 is 1.0237, and 1.02 twice is 1.0404.
    assert_eq!(factors("cap = \"2%\"\n"), ["1", "51/50", "51/50", "2601/2500", "132651/125000"]);
}

#[test]
fn prices_grow_as_fine_as_they_are_signed() {
    let terms = with(&(percent("3.7", 12) + "applies_to = [\"usage\"]\n"));
    let price = |at: &str| terms.price_on(&terms.fee.usage[0], day(at));
    assert_eq!(price("2027-01-30"), Ratio::new(62, 1000));
    assert_eq!(price("2027-01-31"), Ratio::new(64_294, 1_000_000));
    // 0.062 x 1.037 x 1.037 x 1.037 = 0.069139774486
    assert_eq!(price("2029-01-31"), Ratio::new(69_139_774, 1_000_000_000));
    assert_eq!(terms.escalation_on(day("2029-01-31")), Ratio::ONE, "the fixed fee does not follow");
}

/// First day, last day, days of so many, amount.
fn shares(lease: &Lease) -> Vec<String> {
    let shares = lease.minimum_shares();
    let share = |s: &leasehold_lease::MinimumShare| {
        format!("{} {} {}/{} {}", s.start, s.end, s.days, s.days_in_period, s.amount)
    };
    shares.iter().map(share).collect()
}

#[test]
fn a_minimum_is_cut_by_the_end_of_service_and_by_another_minimum_only() {
    let minimum = |amount: &str| format!("[fee.minimum]\namount = \"{amount}\"\nper = \"year\"\n");
    let mut lease = lease(&minimum("36500.00"));
    let version = |number: u32, from: &str, amount: &str| {
        let text = format!("version = {number}\neffective = {from}\n{PLAIN}{}", minimum(amount));
        parse(&text).expect("it is sound")
    };
    let whole = [
        "2026-01-31 2027-01-30 365/365 36500.00",
        "2027-01-31 2028-01-30 365/365 36500.00",
        "2028-01-31 2029-01-30 366/366 36500.00",
        "2029-01-31 2029-05-31 121/365 12100.00",
    ];
    assert_eq!(shares(&lease), whole);
    lease.amend(version(2, "2026-06-15", "36500.00")).expect("it follows");
    assert_eq!(shares(&lease), whole, "another version, the same minimum");
    lease.amend(version(3, "2027-02-10", "73000.00")).expect("it follows");
    let cut = ["2027-01-31 2027-02-09 10/365 1000.00", "2027-02-10 2028-01-30 355/365 71000.00"];
    assert_eq!(shares(&lease)[1..3], cut);
    lease.give_notice(Side::Tenant, day("2027-01-01")).expect("it may");
    assert_eq!(lease.last_day(), day("2027-04-01"));
    assert_eq!(shares(&lease)[2..], ["2027-02-10 2027-04-01 51/365 10200.00"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn an_amended_escalation_is_the_day_by_day_sum_and_firm_is_at_most_headline(
        growth in 0u32..40, months in 1u32..20, later in 0u32..40, later_months in 1u32..20,
        from in 1i64..700, given in 1i64..1100,
    ) {
        let first = day("2026-01-31");
        let at = |offset: i64| first.saturating_add(jiff::ToSpan::days(offset));
        let sound = |text: String| parse(&text);
        let one = sound(format!("{PLAIN}{}", percent(&growth.to_string(), months)));
        let two = sound(format!(
            "version = 2\neffective = {}\n{PLAIN}{}", at(from), percent(&later.to_string(), later_months)
        ));
        // What grows too much is refused; that is another test's.
        prop_assume!(one.is_ok() && two.is_ok());
        let lease = Lease::new(vec![one.expect("sound"), two.expect("sound")]);
        prop_assume!(lease.is_ok());
        let lease = lease.expect("it follows");
        let mut months_owed = std::collections::BTreeMap::new();
        let mut today = first;
        let mut offset = 0;
        while today <= lease.last_day() {
            let (growth, every) = if offset < from { (growth, months) } else { (later, later_months) };
            let mut factor = Ratio::ONE;
            for count in 1.. {
                let anniversary = first.saturating_add(jiff::ToSpan::months(i64::from(every) * count));
                if anniversary > today { break; }
                factor = factor.times(Ratio::new(i128::from(100 + growth), 100));
            }
            let month = leasehold_units::Month::of(today);
            let owed = Ratio::new(310_000, i128::from(month.days())).times(factor);
            let sum = months_owed.entry(month).or_insert(Ratio::ZERO);
            *sum = sum.plus(owed);
            today = today.tomorrow().expect("a day");
            offset += 1;
        }
        for (month, owed) in months_owed {
            let billed = lease.fixed_between(month.first_day(), month.last_day()).minor();
            prop_assert_eq!(billed, owed.round_half_even(), "{}", month);
        }
        let as_of = at(given);
        let headline = lease.fixed_between(as_of, lease.last_day());
        let noticed = lease.if_noticed(Side::Landlord, as_of).expect("either may");
        let firm = noticed.fixed_between(as_of, noticed.last_day());
        prop_assert!(firm.minor() <= headline.minor());
    }

    #[test]
    fn days_of_interest_add_up(first in 0i64..2000, more in 0i64..400, rest in 0i64..400) {
        let at = |offset: i64| day("2026-01-01").saturating_add(jiff::ToSpan::days(offset));
        let (a, b, c) = (at(first), at(first + more), at(first + more + rest));
        let count = DayCount::Actual365;
        prop_assert_eq!(count.days(a, b) + count.days(b, c), count.days(a, c));
        prop_assert_eq!(count.share_of_year(a, c), Ratio::new(i128::from(more + rest), 365));
        prop_assert!(DayCount::Thirty360.days(a, c) <= DayCount::Actual360.days(a, c) + 2);
    }
}
