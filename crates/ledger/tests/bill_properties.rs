//! What holds of every document that a lease is billed, whatever its terms.

mod common;

use std::collections::BTreeMap;

use common::bills::{Case, cases};
use common::day;
use jiff::ToSpan;
use leasehold_ledger::{
    BilledLease, Biller, Bookkeeping, Invoice, LineKind, Revenue, late_interest,
};
use leasehold_units::{Day, Money, Ratio};
use proptest::prelude::*;

fn case() -> impl Strategy<Value = Case> {
    prop::sample::select(cases())
}

/// The lines of some documents that `pick` takes, summed in minor units.
fn sum(documents: &[Invoice], pick: impl Fn(&Invoice, usize) -> bool) -> i128 {
    let of = |document: &Invoice| -> i128 {
        let lines = document.lines.iter().enumerate();
        lines.filter(|(place, _)| pick(document, *place)).map(|(_, line)| line.amount.minor()).sum()
    };
    documents.iter().map(of).sum()
}

fn of_revenue(documents: &[Invoice], revenue: &[Revenue]) -> i128 {
    sum(documents, |document, place| revenue.contains(&document.lines[place].revenue))
}

/// The documents of a lease as it was signed, issued on the days that `skip` leaves, and on a last
/// day when all is over.
fn bill_skipping(case: &Case, skip: &[bool]) -> Vec<Invoice> {
    let (lease, mut biller, mut issued) = (case.lease(), Biller::new(), Vec::new());
    let periods = lease.fee_periods();
    let billed = BilledLease::new(&lease, &periods, &[]);
    let readings = |month| case.readings(month);
    let mut from = day("2020-01-01");
    let mut asked = 0;
    while let Some(today) = biller.next_issue_day(&billed, from) {
        if !skip[asked % skip.len()] {
            issued.extend(biller.issue_on(today, &billed, &readings));
        }
        asked += 1;
        from = today.saturating_add(1.days());
        if asked > 200 {
            break;
        }
    }
    let end = day("2035-01-01");
    issued.extend(biller.issue_on(end, &billed, &readings));
    assert_eq!(biller.next_issue_day(&billed, end), None, "all was billed");
    issued
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_document_adds_up_and_is_booked_as_it_stands(case in case()) {
        let mut books = Bookkeeping::new();
        for document in case.bill() {
            prop_assert_eq!(document.check(), Ok(()));
            let all = sum(std::slice::from_ref(&document), |_, _| true);
            prop_assert_eq!(all, document.total.minor());
            let before = books.journal().transactions().len();
            books.issue(&document);
            let receivable = books.journal().transactions()[before..].iter().flat_map(|entry| {
                entry.postings.iter().filter(|posting| posting.account.starts_with("assets:receivable:"))
            });
            let asked: i128 = receivable.map(|posting| posting.amount.minor()).sum();
            // Set-offs move what is open between documents, and so add up to nothing.
            prop_assert_eq!(asked, document.total.minor());
            prop_assert!(books.journal().transactions().iter().all(|entry| entry.is_balanced()));
        }
    }

    #[test]
    fn parts_of_taxes_add_up_to_the_tax_rounded_once(case in case()) {
        for document in case.bill() {
            let terms = case.lease();
            let taxes = terms.governing(document.issued).fee.taxes.clone();
            let mut parts: BTreeMap<String, i128> = BTreeMap::new();
            for part in &document.taxes {
                *parts.entry(part.name.to_string()).or_default() += part.amount.minor();
            }
            let Some(taxes) = taxes.filter(|taxes| taxes.list.len() == 1) else { continue };
            let base = sum(std::slice::from_ref(&document), |document, place| {
                let line = &document.lines[place];
                match line.revenue {
                    Revenue::Fixed | Revenue::Credits => taxes.list[0].on.fixed,
                    Revenue::Usage => taxes.list[0].on.usage,
                    _ => false,
                }
            });
            let rate = taxes.list[0].rate;
            let rate = match taxes.mode {
                leasehold_lease::TaxMode::Exclusive => rate,
                leasehold_lease::TaxMode::Inclusive => rate.over(Ratio::ONE.plus(rate)),
            };
            let all: i128 = parts.values().sum();
            prop_assert_eq!(all, Ratio::whole(base).times(rate).round_half_even());
        }
    }

    #[test]
    fn what_is_held_for_the_tenant_is_drawn_or_given_back(case in case()) {
        let documents = case.bill();
        prop_assert_eq!(of_revenue(&documents, &[Revenue::Prepayments]), 0);
        prop_assert_eq!(of_revenue(&documents, &[Revenue::Deposits]), 0);
        let mut held = 0;
        for document in &documents {
            held += of_revenue(std::slice::from_ref(document), &[Revenue::Prepayments]);
            prop_assert!(held >= 0, "more was drawn than paid ahead");
        }
    }

    #[test]
    fn a_minimum_is_reached_and_not_exceeded(case in case()) {
        let mut lease = case.lease();
        if let Some(given) = case.notice {
            lease.give_notice(leasehold_lease::Side::Tenant, given).expect("a side may");
        }
        let documents = case.bill();
        for share in lease.minimum_shares() {
            let trued_up = sum(&documents, |document, place| {
                let line = &document.lines[place];
                line.kind == LineKind::Minimum && line.start == share.start
            });
            let metered = sum(&documents, |document, place| {
                let line = &document.lines[place];
                matches!(line.kind, LineKind::Usage(_)) && share.start <= line.end && line.end <= share.end
            });
            let fixed = lease.fixed_between(share.start, share.end).minor();
            let charged =
                if share.counts.fixed { fixed } else { 0 } + if share.counts.usage { metered } else { 0 };
            prop_assert_eq!(charged + trued_up, charged.max(share.amount.minor()));
        }
    }

    #[test]
    fn interest_in_parts_is_interest_at_once(case in case()) {
        prop_assume!(case.versions.len() == 1);
        let documents = case.bill();
        let Some(last) = documents.last().map(|document| document.issued) else { return Ok(()) };
        let Some(terms) = case.versions[0].fee.late_interest else { return Ok(()) };
        // The last day on which anything was due may have had nothing to bill but interest.
        for (open, document) in case.open(&documents, last).iter().zip(&documents) {
            let at = documents.iter().rev().map(|d| d.issued).find(|at| *at > document.due);
            let Some(at) = at else { continue };
            let once = late_interest(&terms, open.due, &open.history, at).map(|due| due.amount.minor());
            let title = format!("Interest on {},", document.number);
            let parts = sum(&documents, |document, place| {
                document.lines[place].description.starts_with(&title)
            });
            prop_assert_eq!(Some(parts), once);
        }
    }

    #[test]
    fn a_day_that_is_asked_again_bills_nothing_twice(case in case()) {
        let (lease, mut biller) = (case.lease(), Biller::new());
        let periods = lease.fee_periods();
        let billed = BilledLease::new(&lease, &periods, &[]);
        let readings = |month| case.readings(month);
        let mut from = Some(day("2020-01-01"));
        while let Some(today) = from.and_then(|from| biller.next_issue_day(&billed, from)) {
            let _ = biller.issue_on(today, &billed, &readings);
            prop_assert_eq!(biller.issue_on(today, &billed, &readings), None);
            from = today.tomorrow().ok();
        }
    }

    /// Taxes are rounded for each document, and interest grows with time: both are left out.
    #[test]
    fn days_that_are_skipped_lose_nothing(
        case in case(),
        skip in prop::collection::vec(any::<bool>(), 1..12),
    ) {
        let (all, some) = (bill_skipping(&case, &[false]), bill_skipping(&case, &skip));
        for revenue in [Revenue::Fixed, Revenue::Usage, Revenue::Credits, Revenue::Prepayments, Revenue::Deposits] {
            prop_assert_eq!(of_revenue(&all, &[revenue]), of_revenue(&some, &[revenue]), "{:?}", revenue);
        }
    }
}

#[test]
fn a_month_from_the_last_day_of_january_ends_before_the_last_of_february() {
    let case = cases().into_iter().find(|case| {
        let minimum = case.versions[0].fee.minimum;
        let monthly = minimum.is_some_and(|m| m.per == leasehold_lease::MinimumPeriod::Month);
        case.versions[0].start == day("2027-01-31")
            && monthly
            && case.versions[0].end > day("2027-04-01")
    });
    let case = case.expect("such a lease is among the vectors");
    let shares = case.lease().minimum_shares();
    let ends: Vec<Day> = shares.iter().map(|share| share.end).take(2).collect();
    assert_eq!(ends, [day("2027-02-27"), day("2027-03-30")]);
}

#[test]
fn a_version_without_a_deposit_gives_it_back() {
    let has = |case: &&Case| {
        let [first, second] = &case.versions[..] else { return false };
        let due = first.fee.deposit.map(|deposit| deposit.due);
        case.notice.is_none()
            && second.fee.deposit.is_none()
            && due < Some(second.effective)
            && due.is_some()
    };
    let cases = cases();
    let case = cases.iter().find(has).expect("such a lease is among the vectors");
    let documents = case.bill();
    let lines = documents.iter().flat_map(|document| &document.lines);
    let deposits: Vec<(Day, Money)> = lines
        .filter(|line| line.kind == LineKind::Deposit)
        .map(|line| (line.start, line.amount))
        .collect();
    let held = case.versions[0].fee.deposit.expect("it was looked for");
    assert_eq!(
        deposits,
        [(held.due, held.amount), (case.versions[1].effective, held.amount.negated())]
    );
}
