//! Late interest and taxes: exact, rounded once.

mod common;

use common::{day, usd};
use leasehold_lease::{DayCount, LateInterest};
use leasehold_ledger::{evaluate, late_interest, tax_inside};
use leasehold_units::{Day, Money, Ratio};
use proptest::prelude::*;

fn terms(day_count: DayCount, grace_days: u32) -> LateInterest {
    LateInterest { rate: Ratio::new(8, 100), day_count, grace_days }
}

#[test]
fn six_weeks_late_in_every_count() {
    let history = [(day("2026-05-01"), usd("1000000.00")), (day("2026-07-15"), usd("0"))];
    let of = |count, grace| {
        let due = day("2026-05-31");
        let interest = late_interest(&terms(count, grace), due, &history, day("2026-12-31"));
        interest.expect("it has a history").amount.to_string()
    };
    // From 31 May until 15 July: 45 days in every count.
    assert_eq!(of(DayCount::Actual365, 0), "9863.01");
    assert_eq!(of(DayCount::Actual360, 0), "10000.00");
    assert_eq!(of(DayCount::Thirty360, 0), "10000.00");
    assert_eq!(of(DayCount::Actual365, 44), "9863.01", "the grace was over");
    assert_eq!(of(DayCount::Actual365, 45), "0.00", "it was paid within the grace");
}

#[test]
fn what_is_paid_within_the_grace_bears_none_and_the_rest_from_the_due_day_on() {
    let history = [
        (day("2024-02-01"), usd("300.00")),
        (day("2024-02-25"), usd("100.00")),
        (day("2024-03-02"), usd("0")),
    ];
    let due = day("2024-02-20");
    let of = |grace, until| {
        let terms = terms(DayCount::Actual365, grace);
        late_interest(&terms, due, &history, day(until)).expect("it has a history")
    };
    let spans = |grace| -> Vec<(Day, Day, Money)> {
        let late = of(grace, "2024-03-31");
        late.spans.iter().map(|span| (span.from, span.until, span.open)).collect()
    };
    let (part, paid) = (day("2024-02-25"), day("2024-03-02"));
    assert_eq!(spans(0), [(due, part, usd("300.00")), (part, paid, usd("100.00"))]);
    assert_eq!(spans(5), [(due, paid, usd("100.00"))]);
    // 8 % of (300 x 5 + 100 x 6) / 365 is 46.03 cents.
    assert_eq!(of(0, "2024-03-31").amount, usd("0.46"));
    assert_eq!(of(5, "2024-02-25").spans, [], "nobody knows before the grace is over");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn interest_is_that_of_each_day_rounded_once(
        count in prop_oneof![Just(DayCount::Actual365), Just(DayCount::Actual360)],
        grace in 0..40_i64,
        changes in proptest::collection::btree_map(0..500_i64, 0..1_000_000_i128, 1..6),
        until in 0..500_i64,
    ) {
        let later = |days: i64| day("2023-12-01").saturating_add(jiff::Span::new().days(days));
        let usd = common::currency("USD");
        let history: Vec<(Day, Money)> =
            changes.iter().map(|(d, open)| (later(*d), Money::from_minor(*open, usd))).collect();
        let mut exact = Ratio::ZERO;
        for at in 20..until {
            let open = changes.range(..=at.max(20 + grace)).next_back().map_or(0, |(_, o)| *o);
            if until > 20 + grace {
                let part = count.share_of_year(later(at), later(at + 1));
                exact = exact.plus(Ratio::whole(open).times(Ratio::new(8, 100)).times(part));
            }
        }
        let terms = terms(count, u32::try_from(grace).expect("small"));
        let late = late_interest(&terms, later(20), &history, later(until)).expect("a history");
        prop_assert_eq!(late.amount.minor(), exact.round_half_even());
    }

    #[test]
    fn tax_inside_the_lines_adds_up_to_that_of_their_sum(
        amounts in proptest::collection::vec(-1000..100_000_i128, 1..12),
        percent in 1..30_i128,
    ) {
        let usd = common::currency("USD");
        let lines: Vec<Money> = amounts.iter().map(|m| Money::from_minor(*m, usd)).collect();
        let rate = Ratio::new(percent, 100);
        let share = rate.over(Ratio::ONE.plus(rate));
        let inside: Vec<(Money, Ratio)> = lines.iter().map(|line| (*line, share)).collect();
        let parts = tax_inside(&inside);
        let sum: i128 = amounts.iter().sum();
        let whole = Ratio::new(sum * percent, 100 + percent).round_half_even();
        prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i128>(), whole);
        let base = lines.iter().copied().reduce(Money::plus).expect("there are lines");
        let inputs = [("base", base.to_string()), ("rate", format!("{percent}%"))];
        let inputs = inputs.map(|(name, value)| (name.to_owned(), value));
        let on_top = evaluate("round(base * rate)", &inputs, usd).expect("an amount");
        prop_assert_eq!(on_top.minor(), Ratio::new(sum * percent, 100).round_half_even());
        for (part, line) in parts.iter().zip(&lines) {
            let own = Ratio::new(line.minor() * percent, 100 + percent);
            let off = part.exact().minus(own);
            prop_assert!(off <= Ratio::ONE && off >= Ratio::whole(-1), "{off} off");
        }
    }
}
