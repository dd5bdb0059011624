//! Notice, grants and fees against models that go day by day.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Amount, Lease, Side, Terms};
use leasehold_units::{Day, Month, Ratio};
use proptest::prelude::*;

const FIRST: &str = "2027-12-15";

fn day(offset: i64) -> Day {
    let first: Day = FIRST.parse().expect("a day");
    first.saturating_add(jiff::ToSpan::days(offset))
}

/// A lease file; ramp steps are (days after the first, nodes, percent).
fn file(
    version: u32,
    effective: Option<i64>,
    days: i64,
    ramp: &[(i64, u32, u32)],
    fee: Fee,
) -> String {
    let version = effective.map_or(String::new(), |effective| {
        format!("version = {version}\neffective = {}\n", day(effective))
    });
    let steps: String = ramp
        .iter()
        .map(|(from, nodes, percent)| {
            let from = day(*from);
            format!("[[capacity.ramp]]\nfrom = {from}\namount = \"{nodes} node\"\nfee = \"{percent}%\"\n")
        })
        .collect();
    let full = ramp.last().map_or(8, |(_, nodes, _)| *nodes);
    let Fee { currency, fixed, proration, notice_days, lock_in } = fee;
    format!(
        "id = \"l\"\nsite = \"s\"\nlandlord = \"a\"\ntenant = \"b\"\nsigned = {start}\n\
         time_zone = \"Europe/Berlin\"\n{version}[term]\nstart = {start}\nend = {end}\n\
         [notice]\nby = \"tenant\"\ndays = {notice_days}\nnot_before = {lock_in}\n\
         [capacity]\namount = \"{full} node\"\nshape = \"node\"\n{steps}\
         [fee]\ncurrency = \"{currency}\"\nfixed = \"{fixed}\"\nproration = \"{proration}\"\n\
         invoice = \"advance\"\ndue_days = 30\n",
        start = day(0),
        end = day(days),
        lock_in = day(lock_in),
    )
}

#[derive(Debug, Clone)]
struct Fee {
    currency: &'static str,
    fixed: u64,
    proration: &'static str,
    notice_days: u32,
    lock_in: i64,
}

fn terms(text: String) -> Terms {
    let source = Source::new("lease.toml", text);
    Terms::parse(&source).unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)))
}

fn fee() -> impl Strategy<Value = Fee> {
    let currency = prop::sample::select(vec!["USD", "JPY", "KWD", "CLF"]);
    let proration = prop::sample::select(vec!["actual", "30/360"]);
    (currency, 1u64..2_000_000_000, proration, 1u32..120, 0i64..200).prop_map(
        |(currency, fixed, proration, notice_days, lock_in)| Fee {
            currency,
            fixed,
            proration,
            notice_days,
            lock_in,
        },
    )
}

/// Ramp steps in order, the first on the first day.
fn ramp(days: i64) -> impl Strategy<Value = Vec<(i64, u32, u32)>> {
    prop::collection::btree_map(1..=days, (1u32..50, 0u32..=100), 0..4).prop_map(|steps| {
        let mut ramp = vec![(0, 4, 50)];
        ramp.extend(steps.into_iter().map(|(from, (nodes, percent))| (from, nodes, percent)));
        ramp
    })
}

fn lease() -> impl Strategy<Value = (Lease, Vec<(i64, u32, u32)>, i64, Fee)> {
    (1i64..900).prop_flat_map(|days| (ramp(days), Just(days), fee())).prop_map(
        |(ramp, days, fee)| {
            let lease = Lease::new(vec![terms(file(1, None, days, &ramp, fee.clone()))]);
            (lease.expect("one version"), ramp, days, fee)
        },
    )
}

/// What holds on the day `offset` after the first, looked up step by step.
fn on(ramp: &[(i64, u32, u32)], offset: i64) -> (u32, u32) {
    let step = ramp.iter().rev().find(|(from, ..)| *from <= offset);
    step.map(|(_, nodes, percent)| (*nodes, *percent)).expect("the ramp starts with the term")
}

/// 30/360 days that the single day `day` adds: the 31st none, and the last of February what is
/// missing to 30.
fn counted(day: Day, proration: &str) -> i128 {
    if proration == "actual" {
        return 1;
    }
    match (day.day(), day == day.last_of_month()) {
        (31, _) => 0,
        (number, true) => 31 - i128::from(number),
        _ => 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn grants_say_for_each_day_what_the_ramp_says((lease, ramp, days, _) in lease()) {
        for offset in 0..=days {
            let grant = lease.grant_on(day(offset)).expect("service has a grant");
            let (nodes, percent) = on(&ramp, offset);
            let expected = Amount::Nodes(leasehold_units::Nodes::new(u64::from(nodes)));
            prop_assert_eq!(grant.amount, expected);
            prop_assert_eq!(grant.fee, Ratio::new(i128::from(percent), 100));
        }
        prop_assert!(lease.grant_on(day(-1)).is_none() && lease.grant_on(day(days + 1)).is_none());
    }

    #[test]
    fn each_month_costs_the_sum_of_its_days_rounded_once((lease, ramp, days, fee) in lease()) {
        let digits = lease.latest().fee.fixed.currency().digits();
        let minor = i128::from(fee.fixed) * 10_i128.pow(digits);
        let mut months: std::collections::BTreeMap<Month, Ratio> = std::collections::BTreeMap::new();
        for offset in 0..=days {
            let today = day(offset);
            let (_, percent) = on(&ramp, offset);
            let of = if fee.proration == "actual" { i128::from(Month::of(today).days()) } else { 30 };
            let share = Ratio::new(counted(today, fee.proration), of);
            let cost = Ratio::whole(minor).times(Ratio::new(i128::from(percent), 100)).times(share);
            let sum = months.entry(Month::of(today)).or_insert(Ratio::ZERO);
            *sum = sum.plus(cost);
        }
        let mut billed: std::collections::BTreeMap<Month, i128> = std::collections::BTreeMap::new();
        for period in lease.fee_periods() {
            prop_assert_eq!(Month::of(period.start), Month::of(period.end));
            *billed.entry(Month::of(period.start)).or_default() += period.amount.minor();
        }
        for (month, exact) in months {
            prop_assert_eq!(billed[&month], exact.round_half_even(), "{}", month);
        }
    }

    #[test]
    fn ranges_that_touch_add_up((lease, _, days, _) in lease(), cut in 0i64..900) {
        let cut = cut.min(days);
        let whole = lease.fixed_between(day(0), day(days));
        let parts = lease.fixed_between(day(0), day(cut)).plus(lease.fixed_between(day(cut + 1), day(days)));
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn notice_ends_service_after_its_days((lease, _, days, fee) in lease(), given in -10i64..1000) {
        let mut noticed = lease.clone();
        let result = noticed.give_notice(Side::Tenant, day(given));
        if given < fee.lock_in || given > days {
            prop_assert!(result.is_err());
            prop_assert_eq!(&noticed, &lease);
        } else {
            // Counted out day by day.
            let mut last = day(given);
            for _ in 0..fee.notice_days {
                last = last.tomorrow().expect("a day");
            }
            let last = last.min(day(days));
            prop_assert_eq!(result, Ok(last));
            prop_assert_eq!(noticed.last_day(), last);
            prop_assert!(noticed.give_notice(Side::Tenant, day(given)).is_err());
            let left = noticed.fixed_between(day(0), noticed.last_day());
            prop_assert!(left.minor() <= lease.fixed_between(day(0), day(days)).minor());
        }
        prop_assert!(lease.clone().give_notice(Side::Landlord, day(given)).is_err());
    }

    #[test]
    fn an_amendment_governs_from_its_day((lease, ramp, days, fee) in lease(), from in 1i64..900, nodes in 1u32..50) {
        let from = from.min(days);
        prop_assume!(from >= 1);
        let mut amended = lease.clone();
        let later = vec![(0, nodes, 25)];
        amended.amend(terms(file(2, Some(from), days, &later, fee))).expect("version 2 follows");
        for offset in 0..=days {
            let expected = if offset < from { on(&ramp, offset) } else { (nodes, 25) };
            let grant = amended.grant_on(day(offset)).expect("service has a grant");
            prop_assert_eq!(grant.amount, Amount::Nodes(leasehold_units::Nodes::new(u64::from(expected.0))));
            prop_assert_eq!(grant.fee, Ratio::new(i128::from(expected.1), 100));
        }
        let before = |lease: &Lease| lease.fixed_between(day(0), day(from - 1));
        prop_assert_eq!(before(&amended), before(&lease), "what was served before is not touched");
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", cut in 0usize..900) {
        let _ = Terms::parse(&Source::new("any.toml", text.clone()));
        let fee = Fee { currency: "USD", fixed: 5, proration: "actual", notice_days: 9, lock_in: 0 };
        let mut whole = file(1, None, 90, &[(0, 4, 50)], fee);
        let cut = cut.min(whole.len());
        if whole.is_char_boundary(cut) {
            whole.insert_str(cut, &text);
            let source = Source::new("any.toml", whole);
            if let Err(problems) = Terms::parse(&source) {
                prop_assert!(!render(&source, &problems, false).is_empty());
            }
        }
    }
}
