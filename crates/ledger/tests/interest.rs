//! Late interest and taxes: exact, rounded once.

mod common;

use common::{day, usd};
use leasehold_ledger::{DayCount, LateRate, late_interest, tax_inside, tax_on_top};
use leasehold_units::{Day, Money, Ratio};
use proptest::prelude::*;

fn rate(day_count: DayCount, grace_days: u32) -> LateRate {
    LateRate { yearly: Ratio::new(8, 100), day_count, grace_days }
}

#[test]
fn a_month_late_in_every_count() {
    let history = [(day("2026-05-01"), usd("1000000.00")), (day("2026-07-15"), usd("0"))];
    let days = (day("2026-05-01"), day("2026-12-31"));
    let of = |count, grace| {
        let interest = late_interest(rate(count, grace), day("2026-05-31"), &history, days);
        interest.expect("it has a history").amount.to_string()
    };
    // From 1 June to 14 July: 44 days, 30 and 14; with ten days of grace 34.
    assert_eq!(of(DayCount::Actual365, 0), "9643.84");
    assert_eq!(of(DayCount::Actual360, 0), "9777.78");
    assert_eq!(of(DayCount::ActualActual, 0), "9643.84");
    assert_eq!(of(DayCount::Thirty360, 0), "9777.78");
    assert_eq!(of(DayCount::Actual365, 10), "7452.05");
    assert_eq!(of(DayCount::Actual365, 60), "0.00", "it was paid within the grace");
}

#[test]
fn a_part_paid_late_bears_interest_until_then() {
    let history = [
        (day("2024-02-01"), usd("300.00")),
        (day("2024-02-25"), usd("100.00")),
        (day("2024-03-02"), usd("0")),
    ];
    let days = (day("2024-02-01"), day("2024-03-31"));
    let late = late_interest(rate(DayCount::ActualActual, 0), day("2024-02-20"), &history, days);
    let late = late.expect("it has a history");
    let spans: Vec<(Day, Day, String, Ratio)> = late
        .spans
        .iter()
        .map(|span| (span.from, span.through, span.open.to_string(), span.years))
        .collect();
    let expected = [
        (day("2024-02-21"), day("2024-02-24"), "300.00".to_owned(), Ratio::new(4, 366)),
        (day("2024-02-25"), day("2024-03-01"), "100.00".to_owned(), Ratio::new(6, 366)),
    ];
    assert_eq!(spans, expected);
    // 8 % of (300 x 4 + 100 x 6) / 366 is 39.34 cents.
    assert_eq!(late.amount, usd("0.39"));
}

fn counts() -> impl Strategy<Value = DayCount> {
    prop_oneof![
        Just(DayCount::Actual365),
        Just(DayCount::Actual360),
        Just(DayCount::ActualActual),
        Just(DayCount::Thirty360)
    ]
}

/// A day's part of a year, looked at alone.
fn part_of_year(count: DayCount, at: Day) -> Ratio {
    match count {
        DayCount::Actual365 => Ratio::new(1, 365),
        DayCount::Actual360 => Ratio::new(1, 360),
        DayCount::ActualActual if at.in_leap_year() => Ratio::new(1, 366),
        DayCount::ActualActual => Ratio::new(1, 365),
        DayCount::Thirty360 => {
            let last = at.day() == at.days_in_month();
            let missing = i128::from(30 - at.day().min(30)) + 1;
            match (at.day(), last) {
                (31, _) => Ratio::ZERO,
                (_, true) => Ratio::new(missing, 360),
                _ => Ratio::new(1, 360),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn interest_is_that_of_each_day_rounded_once(
        count in counts(),
        grace in 0..40_u32,
        changes in proptest::collection::btree_map(0..500_i64, 0..1_000_000_i128, 1..6),
        from in 0..500_i64,
        length in 0..300_i64,
    ) {
        let start = day("2023-12-01");
        let later = |days: i64| start.saturating_add(jiff::Span::new().days(days));
        let usd = common::currency("USD");
        let history: Vec<(Day, Money)> =
            changes.iter().map(|(d, open)| (later(*d), Money::from_minor(*open, usd))).collect();
        let due = later(20);
        let mut exact = Ratio::ZERO;
        for at in from..=from + length {
            let open = changes.range(..=at).next_back().map_or(0, |(_, open)| *open);
            if at > 20 + i64::from(grace) {
                let part = part_of_year(count, later(at));
                exact = exact.plus(Ratio::whole(open).times(Ratio::new(8, 100)).times(part));
            }
        }
        let days = (later(from), later(from + length));
        let late = late_interest(rate(count, grace), due, &history, days);
        prop_assert_eq!(late.expect("a history").amount.minor(), exact.round_half_even());
    }

    #[test]
    fn tax_inside_the_lines_adds_up_to_that_of_their_sum(
        amounts in proptest::collection::vec(-1000..100_000_i128, 1..12),
        percent in 1..30_i128,
    ) {
        let usd = common::currency("USD");
        let lines: Vec<Money> = amounts.iter().map(|m| Money::from_minor(*m, usd)).collect();
        let rate = Ratio::new(percent, 100);
        let parts = tax_inside(&lines, rate);
        let sum: i128 = amounts.iter().sum();
        let whole = Ratio::new(sum * percent, 100 + percent).round_half_even();
        prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i128>(), whole);
        let on_top = tax_on_top(&lines, rate).expect("there are lines");
        prop_assert_eq!(on_top.minor(), Ratio::new(sum * percent, 100).round_half_even());
        for (part, line) in parts.iter().zip(&lines) {
            let own = Ratio::new(line.minor() * percent, 100 + percent);
            let off = part.exact().minus(own);
            prop_assert!(off <= Ratio::ONE && off >= Ratio::whole(-1), "{off} off");
        }
    }
}
