//! The fee schedule, to the minor unit: days counted by hand, and an integer model that adds up
//! one day at a time.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{FeePeriod, Lease, Terms};
use leasehold_units::{Day, Month};
use proptest::prelude::*;

/// A lease over `term`, with steps of (first day, nodes, percent).
fn lease(term: (&str, &str), steps: &[(&str, u32, &str)], fee: (&str, &str, &str)) -> Lease {
    let (currency, fixed, proration) = fee;
    let ramp: String = steps
        .iter()
        .map(|(from, nodes, percent)| {
            format!("[[capacity.ramp]]\nfrom = {from}\namount = \"{nodes} node\"\nfee = \"{percent}%\"\n")
        })
        .collect();
    let full = steps.last().map_or(8, |(_, nodes, _)| *nodes);
    let (start, end) = term;
    let text = format!(
        "id = \"l\"\nsite = \"s\"\nlandlord = \"a\"\ntenant = \"b\"\nsigned = {start}\n\
         time_zone = \"UTC\"\n[term]\nstart = {start}\nend = {end}\n\
         [capacity]\namount = \"{full} node\"\nshape = \"node\"\n{ramp}\
         [fee]\ncurrency = \"{currency}\"\nfixed = \"{fixed}\"\nproration = \"{proration}\"\n\
         invoice = \"arrears\"\ndue_days = 0\n"
    );
    let source = Source::new("lease.toml", text);
    let terms = Terms::parse(&source);
    let terms = terms.unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)));
    Lease::new(vec![terms]).expect("one version")
}

fn lines(periods: &[FeePeriod]) -> Vec<String> {
    let line = |p: &FeePeriod| {
        format!("{} {} {}/{} {}", p.start, p.end, p.days, p.days_in_month, p.amount)
    };
    periods.iter().map(line).collect()
}

#[test]
fn actual_counts_the_days_of_the_month() {
    // 12 of 31 days at 1.25 bn: 483,870,967.741935...
    let lease = lease(("2026-05-20", "2028-02-29"), &[], ("USD", "1250000000.00", "actual"));
    let periods = lease.fee_periods();
    assert_eq!(
        lines(&periods[..2]),
        ["2026-05-20 2026-05-31 12/31 483870967.74", "2026-06-01 2026-06-30 30/30 1250000000.00",]
    );
    assert_eq!(lines(&periods[21..]), ["2028-02-01 2028-02-29 29/29 1250000000.00"]);
}

#[test]
fn thirty_360_counts_every_month_as_thirty_days() {
    let days = |start: &str, end: &str| {
        lease((start, end), &[], ("USD", "30.00", "30/360"))
            .fee_periods()
            .iter()
            .map(|p| p.days)
            .collect::<Vec<_>>()
    };
    assert_eq!(days("2026-05-01", "2026-05-31"), [30]);
    assert_eq!(days("2026-05-01", "2026-05-30"), [30], "the 31st adds nothing");
    assert_eq!(days("2026-05-01", "2026-05-15"), [15]);
    assert_eq!(days("2026-05-16", "2026-05-31"), [15]);
    assert_eq!(days("2026-05-16", "2026-05-30"), [15]);
    assert_eq!(days("2026-05-31", "2026-05-31"), [0], "the 30th was the month's last day");
    assert_eq!(days("2026-02-01", "2026-02-28"), [30], "the last of February closes it");
    assert_eq!(days("2026-02-15", "2026-02-28"), [16]);
    assert_eq!(days("2026-02-01", "2026-02-14"), [14]);
    assert_eq!(days("2028-02-01", "2028-02-28"), [28], "not the last day of that February");
    assert_eq!(days("2028-02-29", "2028-02-29"), [2]);
    assert_eq!(days("2026-01-30", "2026-03-01"), [1, 30, 1]);
}

#[test]
fn a_month_splits_where_the_fee_factor_changes_and_only_there() {
    let steps = [("2026-05-01", 4, "50"), ("2026-05-11", 6, "50"), ("2026-05-21", 6, "100")];
    let lease = lease(("2026-05-01", "2026-06-30"), &steps, ("USD", "100.00", "actual"));
    assert_eq!(
        lines(&lease.fee_periods()),
        [
            "2026-05-01 2026-05-20 20/31 32.26",
            "2026-05-21 2026-05-31 11/31 35.48",
            "2026-06-01 2026-06-30 30/30 100.00",
        ]
    );
    let grants: Vec<_> =
        lease.grants().iter().map(|g| (g.from.to_string(), g.until.to_string())).collect();
    let pairs =
        [("2026-05-01", "2026-05-10"), ("2026-05-11", "2026-05-20"), ("2026-05-21", "2026-06-30")];
    assert_eq!(grants, pairs.map(|(from, until)| (from.to_owned(), until.to_owned())));
}

#[test]
fn steps_that_change_nothing_are_one() {
    let steps = [("2026-05-01", 4, "50"), ("2026-05-11", 4, "50.0"), ("2026-05-21", 4, "50.00")];
    let lease = lease(("2026-05-01", "2026-05-31"), &steps, ("USD", "100.00", "actual"));
    assert_eq!(lease.grants().len(), 1);
    assert_eq!(lines(&lease.fee_periods()), ["2026-05-01 2026-05-31 31/31 50.00"]);
}

#[test]
fn lines_round_cumulatively_and_half_to_even() {
    // Thirds of a yen: 0.33 rounds to 0, 0.67 to 1, the month to 1.
    let steps =
        [("2026-06-01", 1, "100"), ("2026-06-11", 2, "99.999999999"), ("2026-06-21", 3, "100")];
    let yen = lease(("2026-06-01", "2026-06-30"), &steps, ("JPY", "1", "actual"));
    let amounts =
        |lease: &Lease| lease.fee_periods().iter().map(|p| p.amount.minor()).collect::<Vec<_>>();
    assert_eq!(amounts(&yen), [0, 1, 0]);
    // Half a cent, twice: 0.5 rounds to 0, the rest of the cent is billed with the second line.
    let cents = lease(
        ("2026-06-01", "2026-06-30"),
        &[("2026-06-01", 1, "50"), ("2026-06-16", 1, "25")],
        ("USD", "0.02", "actual"),
    );
    assert_eq!(amounts(&cents), [0, 1], "0.50 and 0.75 of a cent");
    let even =
        |fixed: &str| amounts(&lease(("2026-06-01", "2026-06-15"), &[], ("JPY", fixed, "actual")));
    assert_eq!([even("1"), even("3"), even("5"), even("7")], [[0], [2], [2], [4]]);
}

#[test]
fn the_largest_sums_and_finest_shares_stay_exact() {
    let steps = [("1970-01-01", 1, "33.333333333"), ("1970-01-12", 2, "66.666666667")];
    let most = ("CLF", "999999999999999999.9999", "actual");
    let lease = lease(("1970-01-01", "2999-12-31"), &steps, most);
    let periods = lease.fee_periods();
    assert_eq!(periods.len(), 1_030 * 12 + 1);
    let january = periods[0].amount.plus(periods[1].amount);
    // (11 x 33.333333333 + 20 x 66.666666667) / 31 percent of ten to the 22 less one.
    assert_eq!(january.minor(), 5_483_870_967_751_612_903_225);
}

/// Days from the first of the term, nodes, percent.
fn steps(days: i64) -> impl Strategy<Value = Vec<(i64, u32)>> {
    prop::collection::btree_map(1..=days, 0u32..=100, 0..9).prop_map(|later| {
        let mut steps = vec![(0, 37)];
        steps.extend(later);
        steps
    })
}

/// Every month's days divide it, and so do hundredths: in this unit all shares are whole.
const UNIT: i128 = 100 * 28 * 29 * 30 * 31;

fn rounded_half_even(units: i128) -> i128 {
    let (whole, rest) = (units.div_euclid(UNIT), units.rem_euclid(UNIT));
    let up = 2 * rest > UNIT || (2 * rest == UNIT && whole % 2 == 1);
    whole + i128::from(up)
}

fn last_of(year: i16, month: i8) -> i8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What one day adds to the days of its month, as `proration` counts them.
fn weight(day: Day, proration: &str) -> i128 {
    match (proration, day.day(), last_of(day.year(), day.month())) {
        ("actual", ..) => 1,
        (_, 31, _) => 0,
        (_, number, last) if number == last => i128::from(31 - number),
        _ => 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn each_line_is_the_rounded_running_total_less_what_was_billed(
        (days, steps) in (1i64..500).prop_flat_map(|days| (Just(days), steps(days))),
        fixed in 1i128..3_000_000_000,
        proration in prop::sample::select(vec!["actual", "30/360"]),
        offset in 0i64..800,
    ) {
        let day = |after: i64| {
            let first: Day = "2027-01-01".parse().expect("a day");
            first.saturating_add(jiff::ToSpan::days(offset + after))
        };
        let texts: Vec<_> = steps.iter().map(|(at, percent)| (day(*at).to_string(), 1, percent.to_string())).collect();
        let texts: Vec<_> = texts.iter().map(|(at, nodes, percent)| (at.as_str(), *nodes, percent.as_str())).collect();
        let term = (day(0).to_string(), day(days).to_string());
        let lease = lease((&term.0, &term.1), &texts, ("JPY", &fixed.to_string(), proration));

        // One day at a time: (first day, last day, percent, minor units billed).
        let mut expected: Vec<(Day, Day, u32, i128)> = Vec::new();
        let (mut running, mut billed) = (0, 0);
        for after in 0..=days {
            let today = day(after);
            let percent = steps.iter().rev().find(|(at, _)| *at <= after).expect("the first is 0").1;
            let fresh_month = today.day() == 1 || after == 0;
            if fresh_month {
                (running, billed) = (0, 0);
            }
            let same = !fresh_month && expected.last().is_some_and(|line| line.2 == percent);
            if !same {
                billed += expected.last().filter(|_| !fresh_month).map_or(0, |line| line.3);
                expected.push((today, today, percent, 0));
            }
            let of = if proration == "actual" { i128::from(last_of(today.year(), today.month())) } else { 30 };
            running += fixed * i128::from(percent) * weight(today, proration) * (UNIT / 100 / of);
            let line = expected.last_mut().expect("just made");
            (line.1, line.3) = (today, rounded_half_even(running) - billed);
        }
        let found: Vec<_> = lease.fee_periods().iter().map(|p| {
            let percent = p.fee.times(leasehold_units::Ratio::whole(100));
            (p.start, p.end, u32::try_from(percent.numerator()).expect("whole percents"), p.amount.minor())
        }).collect();
        prop_assert_eq!(found, expected);
        let total: i128 = lease.fee_periods().iter().map(|p| p.amount.minor()).sum();
        prop_assert_eq!(lease.fixed_between(day(0), day(days)).minor(), total);
        let months: std::collections::BTreeSet<Month> = lease.fee_periods().iter().map(|p| Month::of(p.start)).collect();
        for month in months {
            let within = lease.fee_periods().iter().filter(|p| Month::of(p.start) == month).map(|p| p.amount.minor()).sum();
            prop_assert_eq!(lease.fixed_between(month.first_day(), month.last_day()).minor(), within, "range equals lines");
        }
    }
}
