//! Amendments that change what was billed, and lines that anybody can derive again.

mod common;

use common::{all_invoices, day, fine, percent, schedule, terms, usd};
use leasehold_lease::{InvoiceTiming, Meter, Terms, UsageFee};
use leasehold_ledger::{BilledLease, Biller, Derivation, FeePeriod, Invoice, Line, PeriodReadings};
use leasehold_units::{Day, GpuSeconds, Money, Ratio};
use proptest::prelude::*;

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

/// A second version of `first` that governs from `effective` on, with another fixed fee.
fn amended(first: &Terms, effective: &str, fixed: &str) -> Terms {
    let mut second = first.clone();
    second.version = 2;
    second.effective = day(effective);
    second.fee.fixed = usd(fixed);
    second
}

/// The schedule of two versions, joined on the day on which the second takes effect. Only right
/// where that is the first day of a month or nothing is lost to rounding.
fn joined(first: &Terms, second: &Terms) -> Vec<FeePeriod> {
    let eve = second.effective.yesterday().expect("in range");
    let mut periods = schedule(first, eve, |_| (Ratio::ONE, 1));
    let mut rest = second.clone();
    rest.start = second.effective;
    periods.extend(schedule(&rest, second.end, |_| (Ratio::ONE, 2)));
    periods
}

#[test]
fn an_amendment_of_a_billed_month_is_adjusted_with_the_next_invoice() {
    let first = terms("2026-05-01", "2026-07-31");
    let versions = [first.clone(), amended(&first, "2026-05-17", "620000000.00")];
    let before = schedule(&first, first.end, |_| (Ratio::ONE, 1));
    let after = joined(&versions[0], &versions[1]);
    let mut biller = Biller::new();
    let lease = BilledLease::of_fees(&versions[..1], &before);
    let mut invoices = Vec::from_iter(biller.issue_on(day("2026-05-01"), &lease, &fine));
    let lease = BilledLease::of_fees(&versions, &after);
    assert_eq!(biller.next_issue_day(&lease, day("2026-05-10")), Some(day("2026-06-01")));
    assert_eq!(biller.issue_on(day("2026-05-10"), &lease, &fine), None);
    invoices.extend(all_invoices(&mut biller, &lease, day("2026-05-10"), &fine));
    let adjustment = &invoices[1].lines[0].derivation;
    insta::assert_snapshot!(told(adjustment), @r#"
    version 2: due - billed_before
    due: 945161290.32
    billed_before: 1250000000.00
    due 645161290.32 Fixed fee, 1 to 16 May 2026, 16 of 31 days
    version 1: round(fixed * fee * days / days_in_month)
    fixed: 1250000000.00
    fee: 100%
    days: 16
    days_in_month: 31
    due 300000000.00 Fixed fee, 17 to 31 May 2026, 15 of 31 days
    version 2: round(month_before + fixed * fee * days / days_in_month) - billed_before
    fixed: 620000000.00
    fee: 100%
    days: 15
    days_in_month: 31
    month_before: 20000000000/31
    billed_before: 645161290.32
    "#);
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-05-01 xai-2026-000001 1250000000.00
           1250000000.00 Fixed fee, May 2026
    2026-06-01 xai-2026-000002 315161352.32
           -304838709.68 Adjustment of the fixed fee, May 2026: 945161290.32 due for the month, 1250000000.00 billed before
                   62.00 Energy, May 2026: 1000.000 kWh at 0.062 USD per kWh
            620000000.00 Fixed fee, June 2026
    2026-07-01 xai-2026-000003 620000062.00
                   62.00 Energy, June 2026: 1000.000 kWh at 0.062 USD per kWh
            620000000.00 Fixed fee, July 2026
    2026-08-01 xai-2026-000004 62.00
                   62.00 Energy, July 2026: 1000.000 kWh at 0.062 USD per kWh
    "#);
}

#[test]
fn a_credit_follows_a_fee_that_is_amended_after_it_was_settled() {
    let first = terms("2026-05-01", "2026-06-30");
    let poor = |month| PeriodReadings { delivered: GpuSeconds::new(900_000), ..fine(month) };
    let before = schedule(&first, first.end, |_| (Ratio::ONE, 1));
    let versions = [first.clone(), amended(&first, "2026-05-01", "1000000000.00")];
    let after = schedule(&versions[1], first.end, |_| (Ratio::ONE, 2));
    let mut biller = Biller::new();
    let lease = BilledLease::of_fees(&versions[..1], &before);
    for at in ["2026-05-01", "2026-06-01"] {
        biller.issue_on(day(at), &lease, &poor).expect("a fee is due");
    }
    let lease = BilledLease::of_fees(&versions, &after);
    let invoices = all_invoices(&mut biller, &lease, day("2026-06-10"), &poor);
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-06-10 xai-2026-000003 -450000000.00
           -250000000.00 Adjustment of the fixed fee, May 2026: 1000000000.00 due for the month, 1250000000.00 billed before
             50000000.00 Adjustment of the service credit, May 2026: -200000000.00 due for the month, -250000000.00 billed before
           -250000000.00 Adjustment of the fixed fee, June 2026: 1000000000.00 due for the month, 1250000000.00 billed before
    2026-07-01 xai-2026-000004 -199999938.00
                   62.00 Energy, June 2026: 1000.000 kWh at 0.062 USD per kWh
           -200000000.00 Service credit, June 2026: availability 90.0000% is below 98%, 20% of the fixed fee
    "#);
}

#[test]
fn a_month_without_service_any_more_is_given_back() {
    let terms = [terms("2026-05-01", "2026-12-31")];
    let through = |end| schedule(&terms[0], day(end), |_| (Ratio::ONE, 1));
    let (whole, cut) = (through("2026-12-31"), through("2026-05-31"));
    let mut biller = Biller::new();
    let lease = BilledLease::of_fees(&terms, &whole);
    for at in ["2026-05-01", "2026-06-01"] {
        biller.issue_on(day(at), &lease, &fine).expect("a fee is due");
    }
    let lease = BilledLease::of_fees(&terms, &cut);
    let invoices = all_invoices(&mut biller, &lease, day("2026-06-04"), &fine);
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-06-04 xai-2026-000003 -1250000000.00
          -1250000000.00 Adjustment of the fixed fee, June 2026: 0.00 due for the month, 1250000000.00 billed before
    "#);
}

#[test]
fn a_notice_that_is_withdrawn_bills_again_what_it_gave_back() {
    let terms = [terms("2026-05-01", "2026-06-30")];
    let through = |end| schedule(&terms[0], day(end), |_| (Ratio::ONE, 1));
    let (whole, cut) = (through("2026-06-30"), through("2026-05-20"));
    let mut biller = Biller::new();
    let mut invoices = Vec::new();
    for (at, periods) in [("2026-05-01", &whole), ("2026-05-21", &cut), ("2026-06-01", &whole)] {
        let lease = BilledLease::of_fees(&terms, periods);
        invoices.extend(biller.issue_on(day(at), &lease, &fine));
    }
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-05-01 xai-2026-000001 1250000000.00
           1250000000.00 Fixed fee, May 2026
    2026-05-21 xai-2026-000002 -443548325.10
           -443548387.10 Adjustment of the fixed fee, 21 to 31 May 2026: 806451612.90 due for the month, 1250000000.00 billed before
                   62.00 Energy, 1 to 20 May 2026: 1000.000 kWh at 0.062 USD per kWh
    2026-06-01 xai-2026-000003 1693548387.10
            443548387.10 Adjustment of the fixed fee, 21 to 31 May 2026: 1250000000.00 due for the month, 806451612.90 billed before
           1250000000.00 Fixed fee, June 2026
    "#);
}

#[test]
fn two_leases_of_a_landlord_share_one_sequence() {
    let first = [terms("2026-05-01", "2026-05-31")];
    let mut second = first.clone();
    second[0].id = leasehold_units::LeaseId::new("colossus-1-second").expect("a name");
    let periods = schedule(&first[0], first[0].end, |_| (Ratio::ONE, 1));
    let mut biller = Biller::new();
    let mut numbers = Vec::new();
    for at in ["2026-05-01", "2026-06-01"] {
        for versions in [&first, &second] {
            let lease = BilledLease::of_fees(versions, &periods);
            let invoice = biller.issue_on(day(at), &lease, &fine).expect("something is due");
            numbers.push(invoice.number);
        }
    }
    assert_eq!(
        numbers,
        ["xai-2026-000001", "xai-2026-000002", "xai-2026-000003", "xai-2026-000004"]
    );
}

/// A derivation, and those of the lines that are due.
fn told(derivation: &Derivation) -> String {
    let inputs = derivation.inputs.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let mut text = format!("version {}: {}\n", derivation.terms_version, derivation.formula);
    text.extend(inputs);
    for line in &derivation.due_lines {
        text += &format!("due {} {}\n{}", line.amount, line.description, told(&line.derivation));
    }
    text
}

/// The amount that a line's derivation gives, worked out from its texts alone.
fn derived(line: &Line) -> Money {
    let text = |name: &str| {
        let found = line.derivation.inputs.iter().find(|(input, _)| input == name);
        &*found.unwrap_or_else(|| panic!("{name} is missing from {:?}", line.derivation)).1
    };
    let currency = line.amount.currency();
    let minor = Ratio::whole(10_i128.pow(currency.digits()));
    let exact = match line.derivation.formula.as_str() {
        "round(fixed * fee * days / days_in_month)" => {
            let share = number(text("days")).over(number(text("days_in_month")));
            number(text("fixed")).times(number(text("fee"))).times(share)
        }
        "round(month_before + fixed * fee * days / days_in_month) - billed_before" => {
            let share = number(text("days")).over(number(text("days_in_month")));
            let this = number(text("fixed")).times(number(text("fee"))).times(share);
            let total = number(text("month_before")).plus(this).times(minor);
            let rounded = Money::rounded_half_even(total, currency).exact();
            rounded.over(minor).minus(number(text("billed_before")))
        }
        "round(watt_seconds / 3600000 * price)" => {
            number(text("watt_seconds")).over(Ratio::whole(3_600_000)).times(number(text("price")))
        }
        "round(gpu_seconds / 3600 * price)" => {
            number(text("gpu_seconds")).over(Ratio::whole(3600)).times(number(text("price")))
        }
        "-round(fixed * credit)" => {
            let delivered = number(text("delivered_gpu_seconds"));
            let availability = delivered.over(number(text("entitled_gpu_seconds")));
            assert!(availability < number(text("below")));
            Ratio::ZERO.minus(number(text("fixed")).times(number(text("credit"))))
        }
        "-(missed * reclaim_miss_credit)" => {
            Ratio::ZERO.minus(number(text("missed")).times(number(text("reclaim_miss_credit"))))
        }
        "due - billed_before" => {
            let due_lines = line.derivation.due_lines.iter();
            let due = due_lines.fold(Ratio::ZERO, |sum, due| sum.plus(due.amount.exact()));
            let due = due.over(minor);
            assert_eq!(due, number(text("due")));
            due.minus(number(text("billed_before")))
        }
        other => panic!("nobody can derive {other:?}"),
    };
    Money::rounded_half_even(exact.times(minor), currency)
}

/// Reads `50%`, `0.062 USD per kWh`, `-12.30`, `7` and `1/3`.
fn number(text: &str) -> Ratio {
    let text = text.split(' ').next().unwrap_or_default();
    if let Some(percent) = text.strip_suffix('%') {
        return number(percent).over(Ratio::whole(100));
    }
    if let Some((above, below)) = text.split_once('/') {
        return number(above).over(number(below));
    }
    match text.strip_prefix('-') {
        Some(positive) => Ratio::ZERO.minus(number(positive)),
        None => long_decimal(text),
    }
}

/// A decimal with any number of digits before the point.
fn long_decimal(text: &str) -> Ratio {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{part}").parse().expect("digits");
    Ratio::new(digits, 10_i128.pow(u32::try_from(part.len()).expect("short")))
}

fn every_meter() -> Vec<UsageFee> {
    [Meter::Energy, Meter::GpuHoursUsed, Meter::GpuHoursHeld, Meter::GpuHoursOver]
        .map(|meter| UsageFee { meter, price: Ratio::new(2_345, 1000) })
        .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_line_can_be_derived_again_from_its_texts(
        arrears in any::<bool>(),
        fixed in 0..10_i128.pow(12),
        steps in proptest::collection::btree_map(0..90, 0..=100_i128, 0..5),
        cut in 0..80,
        delivered in 800_000..1_000_000_u128,
        energy in 0..10_i128.pow(17),
        missed in 0..3_u64,
    ) {
        let mut terms = [terms("2026-01-20", "2026-04-10")];
        terms[0].fee.fixed = Money::from_minor(fixed, usd("0").currency());
        terms[0].fee.usage = every_meter();
        if arrears {
            terms[0].fee.invoice = InvoiceTiming::Arrears;
        }
        let start = terms[0].start;
        let factor = |at: Day| {
            let step = steps.range(..=(at - start).get_days()).next_back();
            (step.map_or(Ratio::ONE, |(_, share)| percent(*share, 0)), 1)
        };
        let notice = (0..cut).fold(start, |at, _| at.tomorrow().expect("in range"));
        let readings = |month| PeriodReadings {
            delivered: GpuSeconds::new(delivered),
            over: GpuSeconds::new(delivered / 7),
            energy: Ratio::new(energy, 40),
            reclaim_missed: missed,
            ..fine(month)
        };
        let (whole, cut) = (schedule(&terms[0], terms[0].end, factor), schedule(&terms[0], notice, factor));
        let mut biller = Biller::new();
        let mut invoices = Vec::new();
        let mut at = start;
        while at < day("2026-05-01") {
            let lease = BilledLease::of_fees(&terms, if at < notice { &whole } else { &cut });
            invoices.extend(biller.issue_on(at, &lease, &readings));
            at = at.tomorrow().expect("in range");
        }
        for line in invoices.iter().flat_map(|invoice| &invoice.lines) {
            prop_assert_eq!(derived(line), line.amount, "{:?}", line);
        }
    }
}
