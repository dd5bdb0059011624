//! What a lease's invoices say, and when they are issued.

mod common;

use std::collections::BTreeMap;

use common::{all_invoices, currency, day, fine, percent, schedule, terms, usd};
use leasehold_lease::{InvoiceTiming, Meter, Terms, UsageFee};
use leasehold_ledger::{
    BilledLease, Biller, FeePeriod, Invoice, LineKind, PeriodReadings, Revenue,
};
use leasehold_units::{Day, GpuSeconds, Money, Month, Ratio};
use proptest::prelude::*;

/// One line a document: issue day, number, total; then its lines.
fn outline(invoices: &[Invoice]) -> String {
    let mut text = String::new();
    for invoice in invoices {
        text += &format!("{} {} {}\n", invoice.issued, invoice.number, invoice.total);
        for line in &invoice.lines {
            text += &format!("    {:>16} {}\n", line.amount.to_string(), line.description);
        }
    }
    text
}

#[test]
fn twelve_of_thirty_one_days_in_advance_are_exact() {
    let terms = [terms("2026-05-20", "2026-06-30")];
    let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
    let lease = BilledLease::of_fees(&terms, &periods);
    let mut biller = Biller::new();
    let invoices = all_invoices(&mut biller, &lease, day("2026-05-01"), &fine);
    assert_eq!(invoices[0].total, usd("483870967.74"));
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-05-20 xai-2026-000001 483870967.74
            483870967.74 Fixed fee, 20 to 31 May 2026, 12 of 31 days
    2026-06-01 xai-2026-000002 1250000062.00
                   62.00 Energy, 20 to 31 May 2026: 1000.000 kWh at 0.062 USD per kWh
           1250000000.00 Fixed fee, June 2026
    2026-07-01 xai-2026-000003 62.00
                   62.00 Energy, June 2026: 1000.000 kWh at 0.062 USD per kWh
    "#);
}

/// The ramp of the model deal: half in May, three quarters in June.
fn ramped(at: Day) -> (Ratio, u32) {
    match (at.year(), at.month()) {
        (2026, 5) => (percent(50, 0), 1),
        (2026, 6) => (percent(75, 0), 1),
        _ => (Ratio::ONE, 1),
    }
}

#[test]
fn the_model_deal_with_the_landlords_notice_of_july() {
    let mut terms = [terms("2026-05-01", "2029-05-31")];
    terms[0].fee.usage.clear();
    let whole = schedule(&terms[0], day("2029-05-31"), ramped);
    let noticed = schedule(&terms[0], day("2026-09-29"), ramped);
    let mut biller = Biller::new();
    let lease = BilledLease::of_fees(&terms, &whole);
    let mut invoices = Vec::new();
    for at in ["2026-05-01", "2026-06-01"] {
        invoices.extend(biller.issue_on(day(at), &lease, &fine));
    }
    let lease = BilledLease::of_fees(&terms, &noticed);
    invoices.extend(all_invoices(&mut biller, &lease, day("2026-06-02"), &fine));
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-05-01 xai-2026-000001 625000000.00
            625000000.00 Fixed fee, May 2026, at 50%
    2026-06-01 xai-2026-000002 937500000.00
            937500000.00 Fixed fee, June 2026, at 75%
    2026-07-01 xai-2026-000003 1250000000.00
           1250000000.00 Fixed fee, July 2026
    2026-08-01 xai-2026-000004 1250000000.00
           1250000000.00 Fixed fee, August 2026
    2026-09-01 xai-2026-000005 1208333333.33
           1208333333.33 Fixed fee, 1 to 29 September 2026, 29 of 30 days
    "#);
    let total = invoices.iter().fold(usd("0"), |sum, invoice| sum.plus(invoice.total));
    assert_eq!(total, usd("5270833333.33"));
}

#[test]
fn a_notice_inside_a_billed_month_gives_its_rest_back() {
    let terms = [terms("2026-05-01", "2029-05-31")];
    let lease_through = |end| schedule(&terms[0], day(end), |_| (Ratio::ONE, 1));
    let mut biller = Biller::new();
    let whole = lease_through("2029-05-31");
    let lease = BilledLease::of_fees(&terms, &whole);
    let first = biller.issue_on(day("2026-05-01"), &lease, &fine).expect("the fee of May");
    let noticed = lease_through("2026-05-20");
    let lease = BilledLease::of_fees(&terms, &noticed);
    let last = all_invoices(&mut biller, &lease, day("2026-05-06"), &fine);
    insta::assert_snapshot!(outline(&[vec![first], last].concat()), @r#"
    2026-05-01 xai-2026-000001 1250000000.00
           1250000000.00 Fixed fee, May 2026
    2026-05-21 xai-2026-000002 -443548325.10
           -443548387.10 Adjustment of the fixed fee, 21 to 31 May 2026: 806451612.90 due for the month, 1250000000.00 billed before
                   62.00 Energy, 1 to 20 May 2026: 1000.000 kWh at 0.062 USD per kWh
    "#);
}

/// A month without use of a lease that is paid by use alone takes no number; where a fixed fee is agreed, it is said what
/// that came to.
#[test]
fn what_comes_to_nothing_is_no_document_unless_a_fixed_fee_is_agreed() {
    let mut by_use = [terms("2026-05-01", "2026-07-31")];
    by_use[0].fee.fixed = usd("0");
    by_use[0].fee.usage = vec![UsageFee { meter: Meter::GpuHoursUsed, price: Ratio::new(21, 10) }];
    let periods = schedule(&by_use[0], by_use[0].end, |_| (Ratio::ONE, 1));
    let lease = BilledLease::of_fees(&by_use, &periods);
    let in_june = |month: Month| PeriodReadings {
        used: GpuSeconds::new(if month.month == 6 { 36_000 } else { 0 }),
        ..PeriodReadings::NONE
    };
    let mut biller = Biller::new();
    let invoices = all_invoices(&mut biller, &lease, day("2026-05-01"), &in_june);
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-07-01 xai-2026-000001 21.00
                   21.00 Use, June 2026: 10.000 GPU-hours at 2.1 USD per GPU-hour
                    0.00 Fixed fee, July 2026
    "#);
    assert_eq!(biller.next_issue_day(&lease, day("2026-08-01")), None, "all was billed");

    let mut free = [terms("2026-05-01", "2026-05-31")];
    free[0].fee.usage.clear();
    let periods = schedule(&free[0], free[0].end, |_| (percent(0, 0), 1));
    let lease = BilledLease::of_fees(&free, &periods);
    let invoices = all_invoices(&mut Biller::new(), &lease, day("2026-05-01"), &fine);
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-05-01 xai-2026-000001 0.00
                    0.00 Fixed fee, May 2026, at 0%
    "#);
}

#[test]
fn in_arrears_the_fee_comes_with_the_meters_of_its_month() {
    let mut terms = [terms("2026-05-20", "2026-07-03")];
    terms[0].fee.invoice = InvoiceTiming::Arrears;
    terms[0].fee.usage.push(UsageFee { meter: Meter::GpuHoursUsed, price: Ratio::new(21, 10) });
    let periods = schedule(&terms[0], terms[0].end, |at| {
        if at < day("2026-06-11") { (percent(50, 0), 1) } else { (Ratio::ONE, 1) }
    });
    let lease = BilledLease::of_fees(&terms, &periods);
    let invoices = all_invoices(&mut Biller::new(), &lease, day("2026-05-01"), &fine);
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-06-01 xai-2026-000001 241936070.87
            241935483.87 Fixed fee, 20 to 31 May 2026, 12 of 31 days, at 50%
                   62.00 Energy, 20 to 31 May 2026: 1000.000 kWh at 0.062 USD per kWh
                  525.00 Use, 20 to 31 May 2026: 250.000 GPU-hours at 2.1 USD per GPU-hour
    2026-07-01 xai-2026-000002 1041667253.67
            208333333.33 Fixed fee, 1 to 10 June 2026, 10 of 30 days, at 50%
            833333333.34 Fixed fee, 11 to 30 June 2026, 20 of 30 days
                   62.00 Energy, June 2026: 1000.000 kWh at 0.062 USD per kWh
                  525.00 Use, June 2026: 250.000 GPU-hours at 2.1 USD per GPU-hour
    2026-07-04 xai-2026-000003 120968328.94
            120967741.94 Fixed fee, 1 to 3 July 2026, 3 of 31 days
                   62.00 Energy, 1 to 3 July 2026: 1000.000 kWh at 0.062 USD per kWh
                  525.00 Use, 1 to 3 July 2026: 250.000 GPU-hours at 2.1 USD per GPU-hour
    "#);
}

/// The credit lines of a month with these readings.
fn credits(entitled: u128, delivered: u128, missed: u64) -> Vec<String> {
    let mut terms = [terms("2026-05-01", "2026-05-31")];
    terms[0].fee.usage.clear();
    let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
    let lease = BilledLease::of_fees(&terms, &periods);
    let readings = |_| PeriodReadings {
        entitled: GpuSeconds::new(entitled),
        delivered: GpuSeconds::new(delivered),
        reclaim_missed: missed,
        ..fine(Month::of(day("2026-05-01")))
    };
    let invoices = all_invoices(&mut Biller::new(), &lease, day("2026-05-01"), &readings);
    let after_fee = invoices.iter().flat_map(|invoice| &invoice.lines).skip(1);
    after_fee.map(|line| format!("{} {}", line.amount, line.description)).collect()
}

#[test]
fn a_credit_is_due_below_its_bound_and_not_at_it() {
    assert_eq!(credits(1000, 1000, 0), Vec::<String>::new());
    assert_eq!(credits(1000, 995, 0), Vec::<String>::new());
    assert_eq!(
        credits(1_000_000_000, 994_999_999, 0),
        ["-62500000.00 Service credit, May 2026: availability 99.4999% is below 99.5%, \
          5% of the fixed fee"]
    );
    assert_eq!(
        credits(1000, 979, 0),
        ["-250000000.00 Service credit, May 2026: availability 97.9000% is below 98%, \
          20% of the fixed fee"]
    );
    assert_eq!(credits(0, 0, 0), Vec::<String>::new());
    assert_eq!(
        credits(1000, 1000, 3),
        [
            "-3000.00 Reclaim credit, May 2026: 3 of 4 reclaims later than promised, 1000.00 USD each"
        ]
    );
}

#[test]
fn an_invoice_is_its_json() {
    let terms = [terms("2026-05-20", "2026-06-30")];
    let periods = schedule(&terms[0], terms[0].end, |at| {
        if at < day("2026-06-08") { (percent(50, 0), 1) } else { (Ratio::ONE, 1) }
    });
    let lease = BilledLease::of_fees(&terms, &periods);
    let readings = |_| PeriodReadings {
        delivered: GpuSeconds::new(970_000),
        energy: Ratio::new(123_456_789_012, 5),
        ..fine(Month::of(day("2026-05-20")))
    };
    let invoices = all_invoices(&mut Biller::new(), &lease, day("2026-05-20"), &readings);
    // Issued documents keep their form: this file is added to, never rewritten.
    assert_eq!(invoices[1].to_json(), include_str!("golden/invoice.json"));
}

/// What happens to the end of a lease: on a day, the last day of service moves.
type Moves = Vec<(i32, i32)>;

fn plus(at: Day, days: i32) -> Day {
    (0..days).fold(at, |at, _| at.tomorrow().expect("in range"))
}

/// A lease in a currency and with a timing, whose fee factor steps on some days.
fn a_lease(arrears: bool, code: &str, minor: i128, start: i32) -> Terms {
    let begin = plus(day("2026-01-20"), start);
    let mut terms = terms("2026-01-01", "2026-12-31");
    terms.start = begin;
    terms.effective = begin;
    terms.fee.fixed = Money::from_minor(minor, currency(code));
    terms.fee.invoice = if arrears { InvoiceTiming::Arrears } else { InvoiceTiming::Advance };
    terms.service.reclaim_miss_credit = None;
    terms
}

/// Plays a lease day by day, asking for an invoice on each day `every` days apart.
fn play(
    terms: &Terms,
    steps: &[(i32, i128)],
    moves: &Moves,
    every: i32,
) -> (Vec<Invoice>, Vec<FeePeriod>) {
    let factor = |at: Day| {
        let step = steps.iter().rev().find(|(from, _)| plus(terms.start, *from) <= at);
        (step.map_or(Ratio::ONE, |(_, share)| Ratio::new(*share, 7)), 1)
    };
    let versions = [terms.clone()];
    let mut biller = Biller::new();
    let mut invoices = Vec::new();
    let mut periods = schedule(terms, plus(terms.start, 150), factor);
    for offset in 0..400 {
        let at = plus(terms.start, offset);
        for (_, length) in moves.iter().filter(|(on, _)| *on == offset) {
            // Service that was given cannot be taken back.
            periods = schedule(terms, plus(terms.start, (*length).max(offset)), factor);
        }
        if offset % every == 0 {
            let lease = BilledLease::of_fees(&versions, &periods);
            invoices.extend(biller.issue_on(at, &lease, &fine));
            assert_eq!(biller.issue_on(at, &lease, &fine), None, "billed twice on {at}");
        }
    }
    (invoices, periods)
}

fn fixed_by_month(lines: impl Iterator<Item = (Day, Money)>) -> BTreeMap<Month, i128> {
    let mut months = BTreeMap::new();
    for (start, amount) in lines {
        *months.entry(Month::of(start)).or_default() += amount.minor();
    }
    months.retain(|_, minor| *minor != 0);
    months
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_the_notices_all_that_was_billed_is_the_last_schedule(
        arrears in any::<bool>(),
        code in prop::sample::select(vec!["USD", "JPY", "KWD"]),
        minor in 0..200_000_000_000_i128,
        start in 0..40,
        steps in proptest::collection::btree_map(0..200, 0..=7_i128, 0..4),
        moves in proptest::collection::btree_map(0..300, 0..300, 0..4),
        every in 1..20,
    ) {
        let terms = a_lease(arrears, code, minor, start);
        let steps: Vec<_> = steps.into_iter().collect();
        let moves: Moves = moves.into_iter().collect();
        let (invoices, periods) = play(&terms, &steps, &moves, every);
        let lines = invoices.iter().flat_map(|invoice| &invoice.lines);
        let fixed = lines.clone().filter(|line| line.revenue == Revenue::Fixed);
        prop_assert_eq!(
            fixed_by_month(fixed.map(|line| (line.start, line.amount))),
            fixed_by_month(periods.iter().map(|period| (period.start, period.amount)))
        );
        for invoice in &invoices {
            let sum = invoice.lines.iter().fold(Money::zero(invoice.currency), |sum, line| sum.plus(line.amount));
            prop_assert_eq!(sum, invoice.total);
            prop_assert!(!invoice.lines.is_empty());
            for line in &invoice.lines {
                let due = match (line.kind, arrears) {
                    (LineKind::Fixed, false) => line.start <= invoice.issued
                        || Month::of(line.start) == Month::of(invoice.issued),
                    (LineKind::Adjustment, _) => true,
                    _ => line.end < invoice.issued,
                };
                prop_assert!(due, "{} billed on {}", line.description, invoice.issued);
            }
        }
        for (sequence, invoice) in (1..).zip(&invoices) {
            let number = format!("xai-{}-{sequence:06}", invoice.issued.year());
            prop_assert_eq!(&invoice.number, &number);
        }
    }

    #[test]
    fn a_usage_line_is_its_exact_price_rounded_once(
        watt_seconds in 0..10_i128.pow(20),
        parts in 1..1000_i128,
        price in 0..10_i128.pow(6),
        digits in 0..5_u32,
        code in prop::sample::select(vec!["USD", "JPY", "KWD"]),
    ) {
        let mut terms = [a_lease(true, code, 0, 0)];
        terms[0].end = terms[0].start;
        terms[0].fee.usage[0].price = Ratio::new(price, 10_i128.pow(digits));
        let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
        let lease = BilledLease::of_fees(&terms, &periods);
        let readings = |month| PeriodReadings { energy: Ratio::new(watt_seconds, parts), ..fine(month) };
        let invoices = all_invoices(&mut Biller::new(), &lease, day("2026-01-01"), &readings);
        let usage = invoices[0].lines.iter().find(|line| line.kind == LineKind::Usage(Meter::Energy));
        let billed = usage.expect("a priced meter has its line").amount;
        // billed - 1/2 <= exact <= billed + 1/2, in whole numbers.
        let minor = 10_i128.pow(currency(code).digits());
        let scale = 3_600_000 * parts * 10_i128.pow(digits);
        let exact = watt_seconds * price * minor;
        let error = (exact - billed.minor() * scale).abs();
        prop_assert!(2 * error <= scale);
        prop_assert!(2 * error < scale || billed.minor() % 2 == 0);
    }

    #[test]
    fn the_deepest_step_below_which_availability_falls_is_credited(
        delivered in 0..=1000_u128,
        ladder in proptest::collection::btree_map(1..=1000_i128, 0..=100_i128, 0..5),
    ) {
        let mut terms = [terms("2026-05-01", "2026-05-31")];
        terms[0].fee.usage.clear();
        terms[0].service.credits = ladder
            .iter()
            .map(|(below, credit)| leasehold_lease::ServiceCredit {
                below: Ratio::new(*below, 1000),
                credit: Ratio::new(*credit, 100),
            })
            .collect();
        let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
        let lease = BilledLease::of_fees(&terms, &periods);
        let readings = |month| PeriodReadings {
            entitled: GpuSeconds::new(1000),
            delivered: GpuSeconds::new(delivered),
            ..fine(month)
        };
        let invoices = all_invoices(&mut Biller::new(), &lease, day("2026-05-01"), &readings);
        let credited = invoices.iter().flat_map(|invoice| &invoice.lines)
            .filter(|line| line.kind == LineKind::ServiceCredit)
            .fold(usd("0"), |sum, line| sum.plus(line.amount));
        let mut deepest = 0;
        for (below, credit) in &ladder {
            if i128::try_from(delivered).expect("small") < *below {
                deepest = deepest.max(*credit);
            }
        }
        prop_assert_eq!(credited.minor(), -125_000_000_000 * deepest / 100);
    }
}
