//! The journal behind the invoices: balanced, complete, and never changed.

mod common;

use std::collections::BTreeMap;

use common::{all_invoices, currency, day, fine, percent, schedule, terms, usd};
use leasehold_lease::{InvoiceTiming, Terms};
use leasehold_ledger::{BilledLease, Biller, Invoice, Journal, PeriodReadings, Revenue};
use leasehold_units::{Day, GpuSeconds, Money, Ratio};
use proptest::prelude::*;

fn balance(journal: &Journal, account: &str) -> String {
    let balances = journal.balances();
    let found = balances.iter().find(|((name, _), _)| name == account);
    found.map_or_else(|| "none".to_owned(), |(_, balance)| balance.to_string())
}

/// Readings with a credit and a late reclaim in them.
fn poor(month: leasehold_units::Month) -> PeriodReadings {
    PeriodReadings { delivered: GpuSeconds::new(990_000), reclaim_missed: 1, ..fine(month) }
}

/// Six weeks in advance, shortened on the way.
fn story() -> (Vec<Invoice>, Journal) {
    let terms = [terms("2026-05-20", "2026-07-31")];
    let through = |end| schedule(&terms[0], day(end), |_| (Ratio::ONE, 1));
    let (whole, cut) = (through("2026-07-31"), through("2026-06-14"));
    let mut biller = Biller::new();
    let lease = BilledLease::of_fees(&terms, &whole);
    let mut invoices = Vec::new();
    for at in ["2026-05-20", "2026-06-01"] {
        invoices.extend(biller.issue_on(day(at), &lease, &poor));
    }
    let lease = BilledLease::of_fees(&terms, &cut);
    invoices.extend(all_invoices(&mut biller, &lease, day("2026-06-02"), &poor));
    let mut journal = Journal::new();
    for invoice in &invoices {
        journal.record(invoice);
    }
    journal.recognise_through(day("2026-06-30"));
    (invoices, journal)
}

#[test]
fn a_story_in_postings() {
    let (_, journal) = story();
    let text = journal.to_hledger();
    let (_, entries) = text.split_once("\n\n").expect("entries follow on declarations");
    insta::assert_snapshot!(entries, @r#"
    2026-05-20 * (xai-2026-000001) Invoice xai-2026-000001 for colossus-1-anthropic
        ; lease:colossus-1-anthropic, tenant:anthropic, due:2026-06-19
        assets:receivable:anthropic                 483870967.74 USD
        liabilities:deferred:colossus-1-anthropic  -483870967.74 USD

    2026-05-31 * (xai-2026-000001) Service of colossus-1-anthropic through 2026-05-31
        ; lease:colossus-1-anthropic, tenant:anthropic
        liabilities:deferred:colossus-1-anthropic   483870967.74 USD
        revenue:fixed:colossus-1-anthropic         -483870967.74 USD

    2026-05-31 * (xai-2026-000002) Energy, 20 to 31 May 2026: 1000.000 kWh at 0.062 USD per kWh
        ; lease:colossus-1-anthropic, tenant:anthropic
        assets:accrued:colossus-1-anthropic   62.00 USD
        revenue:usage:colossus-1-anthropic   -62.00 USD

    2026-05-31 * (xai-2026-000002) Service credit, 20 to 31 May 2026: availability 99.0000% is below 99.5%, 5% of the fixed fee
        ; lease:colossus-1-anthropic, tenant:anthropic
        assets:accrued:colossus-1-anthropic          -24193548.39 USD
        contra-revenue:credits:colossus-1-anthropic   24193548.39 USD

    2026-05-31 * (xai-2026-000002) Reclaim credit, 20 to 31 May 2026: 1 of 4 reclaims later than promised, 1000.00 USD each
        ; lease:colossus-1-anthropic, tenant:anthropic
        assets:accrued:colossus-1-anthropic          -1000.00 USD
        contra-revenue:credits:colossus-1-anthropic   1000.00 USD

    2026-06-01 * (xai-2026-000002) Invoice xai-2026-000002 for colossus-1-anthropic
        ; lease:colossus-1-anthropic, tenant:anthropic, due:2026-07-01
        assets:receivable:anthropic                 1225805513.61 USD
        assets:accrued:colossus-1-anthropic           24194486.39 USD
        liabilities:deferred:colossus-1-anthropic  -1250000000.00 USD

    2026-06-14 * (xai-2026-000003) Energy, 1 to 14 June 2026: 1000.000 kWh at 0.062 USD per kWh
        ; lease:colossus-1-anthropic, tenant:anthropic
        assets:accrued:colossus-1-anthropic   62.00 USD
        revenue:usage:colossus-1-anthropic   -62.00 USD

    2026-06-14 * (xai-2026-000003) Service credit, 1 to 14 June 2026: availability 99.0000% is below 99.5%, 5% of the fixed fee
        ; lease:colossus-1-anthropic, tenant:anthropic
        assets:accrued:colossus-1-anthropic          -29166666.67 USD
        contra-revenue:credits:colossus-1-anthropic   29166666.67 USD

    2026-06-14 * (xai-2026-000003) Reclaim credit, 1 to 14 June 2026: 1 of 4 reclaims later than promised, 1000.00 USD each
        ; lease:colossus-1-anthropic, tenant:anthropic
        assets:accrued:colossus-1-anthropic          -1000.00 USD
        contra-revenue:credits:colossus-1-anthropic   1000.00 USD

    2026-06-15 * (xai-2026-000003) Credit note xai-2026-000003 for colossus-1-anthropic
        ; lease:colossus-1-anthropic, tenant:anthropic, due:2026-07-15
        assets:receivable:anthropic                -695834271.34 USD
        liabilities:deferred:colossus-1-anthropic   666666666.67 USD
        assets:accrued:colossus-1-anthropic          29167604.67 USD

    2026-06-30 * (xai-2026-000002) Service of colossus-1-anthropic through 2026-06-30
        ; lease:colossus-1-anthropic, tenant:anthropic
        liabilities:deferred:colossus-1-anthropic   1250000000.00 USD
        revenue:fixed:colossus-1-anthropic         -1250000000.00 USD

    2026-06-30 * (xai-2026-000003) Service of colossus-1-anthropic through 2026-06-30
        ; lease:colossus-1-anthropic, tenant:anthropic
        liabilities:deferred:colossus-1-anthropic  -666666666.67 USD
        revenue:fixed:colossus-1-anthropic          666666666.67 USD
    "#);
}

#[test]
fn a_story_ends_with_what_its_invoices_ask_for() {
    let (invoices, journal) = story();
    let total = invoices.iter().fold(usd("0"), |sum, invoice| sum.plus(invoice.total));
    assert_eq!(balance(&journal, "assets:receivable:anthropic"), total.to_string());
    assert_eq!(balance(&journal, "liabilities:deferred:colossus-1-anthropic"), "0.00");
    assert_eq!(balance(&journal, "assets:accrued:colossus-1-anthropic"), "0.00");
}

#[test]
fn a_fee_billed_ahead_is_earned_day_by_day() {
    let terms = [terms("2026-05-20", "2026-06-30")];
    let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
    let lease = BilledLease::of_fees(&terms, &periods);
    let mut journal = Journal::new();
    let invoice = Biller::new().issue_on(day("2026-05-20"), &lease, &fine).expect("the fee of May");
    journal.record(&invoice);
    let revenue = "revenue:fixed:colossus-1-anthropic";
    let mut earned = Vec::new();
    for at in ["2026-05-19", "2026-05-20", "2026-05-25", "2026-05-31", "2026-06-20"] {
        journal.recognise_through(day(at));
        earned.push(format!("{at} {}", balance(&journal, revenue)));
    }
    // A twelfth of 483870967.74 is 40322580.645, a tie: it goes to the even cent.
    insta::assert_snapshot!(earned.join("\n"), @r#"
    2026-05-19 none
    2026-05-20 -40322580.64
    2026-05-25 -241935483.87
    2026-05-31 -483870967.74
    2026-06-20 -483870967.74
    "#);
}

#[test]
fn a_correction_of_past_days_is_posted_on_its_own_day() {
    let terms = [terms("2026-05-01", "2026-06-30")];
    let schedule_at = |whole| schedule(&terms[0], terms[0].end, |_| (percent(whole, 0), 1));
    let (before, after) = (schedule_at(100), schedule_at(80));
    let (mut biller, mut journal) = (Biller::new(), Journal::new());
    let lease = BilledLease::of_fees(&terms, &before);
    for at in ["2026-05-01", "2026-06-01"] {
        journal.record(&biller.issue_on(day(at), &lease, &poor).expect("a fee is due"));
    }
    let posted = journal.transactions().len();
    let lease = BilledLease::of_fees(&terms, &after);
    let correction = biller.issue_on(day("2026-06-10"), &lease, &poor).expect("the fee fell");
    journal.record(&correction);
    let mut only = Journal::new();
    only.record(&correction);
    assert_eq!(journal.transactions()[posted..], only.transactions()[..]);
    insta::assert_snapshot!(only.to_hledger(), @r#"
    commodity 1000.00 USD
    account assets:receivable:anthropic  ; type: A
    account contra-revenue:credits:colossus-1-anthropic  ; type: R
    account liabilities:deferred:colossus-1-anthropic  ; type: L
    account revenue:fixed:colossus-1-anthropic  ; type: R

    2026-06-10 * (xai-2026-000003) Credit note xai-2026-000003 for colossus-1-anthropic
        ; lease:colossus-1-anthropic, tenant:anthropic, due:2026-07-10
        assets:receivable:anthropic                  -487500000.00 USD
        revenue:fixed:colossus-1-anthropic            250000000.00 USD
        contra-revenue:credits:colossus-1-anthropic   -12500000.00 USD
        liabilities:deferred:colossus-1-anthropic     250000000.00 USD
    "#);
}

/// Two leases of one landlord, in two currencies and with two timings.
fn two_leases(steps: &BTreeMap<i32, i128>, cut: i32) -> (Vec<Invoice>, Day) {
    let usd_lease = terms("2026-01-20", "2026-12-31");
    let yen_lease = Terms {
        id: leasehold_units::LeaseId::new("a-second.lease_1").expect("a name"),
        tenant: leasehold_units::PartyId::new("another-lab").expect("a name"),
        ..terms("2026-02-10", "2026-12-31")
    };
    let mut biller = Biller::new();
    let mut invoices = Vec::new();
    for (mut terms, timing, code) in
        [(usd_lease, InvoiceTiming::Advance, "USD"), (yen_lease, InvoiceTiming::Arrears, "JPY")]
    {
        terms.fee.fixed = Money::from_minor(123_456_789, currency(code));
        terms.fee.invoice = timing;
        let miss = Money::from_minor(1000, currency(code));
        terms.service.reclaim_miss_credit = Some(miss);
        let start = terms.start;
        let factor = |at: Day| {
            let step = steps.range(..=(at - start).get_days()).next_back();
            (step.map_or(Ratio::ONE, |(_, share)| Ratio::new(*share, 7)), 1)
        };
        let versions = [terms.clone()];
        let whole = schedule(&terms, day("2026-05-31"), factor);
        let notice = (0..cut).fold(start, |at, _| at.tomorrow().expect("in range"));
        let noticed = schedule(&terms, notice, factor);
        let mut at = start;
        while at < day("2026-07-02") {
            let periods = if at < notice { &whole } else { &noticed };
            let lease = BilledLease::of_fees(&versions, periods);
            invoices.extend(biller.issue_on(at, &lease, &poor));
            at = at.tomorrow().expect("in range");
        }
    }
    invoices.sort_by_key(|invoice| invoice.issued);
    (invoices, day("2026-07-02"))
}

/// What the lines say each revenue is, in minor units, as credits.
fn revenue_of_lines(invoices: &[Invoice]) -> BTreeMap<(String, &'static str), i128> {
    let mut sums = BTreeMap::new();
    for invoice in invoices {
        for line in &invoice.lines {
            let account = match line.revenue {
                Revenue::Credits => format!("contra-revenue:credits:{}", invoice.lease),
                revenue => format!("revenue:{}:{}", revenue.key(), invoice.lease),
            };
            *sums.entry((account, invoice.currency.code())).or_default() -= line.amount.minor();
        }
        let account = format!("assets:receivable:{}", invoice.tenant);
        *sums.entry((account, invoice.currency.code())).or_default() += invoice.total.minor();
    }
    sums.retain(|_, minor| *minor != 0);
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn when_all_service_has_passed_the_journal_is_the_invoices(
        steps in proptest::collection::btree_map(0..120, 0..=7_i128, 0..4),
        cut in 1..110,
    ) {
        let (invoices, end) = two_leases(&steps, cut);
        let mut journal = Journal::new();
        for invoice in &invoices {
            journal.record(invoice);
        }
        journal.recognise_through(end);
        prop_assert!(journal.transactions().iter().all(|entry| entry.is_balanced()));
        let mut balances: BTreeMap<_, _> = journal.balances().into_iter()
            .map(|(account, balance)| (account, balance.minor()))
            .collect();
        balances.retain(|_, minor| *minor != 0);
        prop_assert_eq!(balances, revenue_of_lines(&invoices));
    }

    #[test]
    fn what_is_entered_stays_as_it_is(cut in 1..110, looks in 1..30_usize) {
        let (invoices, end) = two_leases(&BTreeMap::new(), cut);
        let mut journal = Journal::new();
        for (index, invoice) in invoices.iter().enumerate() {
            let before = journal.transactions().to_vec();
            journal.record(invoice);
            prop_assert_eq!(&journal.transactions()[..before.len()], &before[..]);
            if index % looks == 0 {
                journal.recognise_through(invoice.issued);
            }
        }
        journal.recognise_through(end);
        let count = journal.transactions().len();
        journal.recognise_through(end);
        prop_assert_eq!(journal.transactions().len(), count);
    }
}
