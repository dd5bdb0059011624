//! A lease, its fee schedule and readings, made small for tests.
#![allow(dead_code, reason = "each test program uses its own part of this")]

pub mod bills;
pub mod documents;
pub mod programs;

use leasehold_lease::*;
use leasehold_ledger::{BilledLease, Biller, FeePeriod, Invoice, PeriodReadings};
use leasehold_units::{
    Currency, Day, GpuSeconds, LeaseId, Money, Month, PartyId, Ratio, Seconds, Shape, SiteId, Zone,
};

pub fn day(text: &str) -> Day {
    text.parse().expect("the test writes a day")
}

pub fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("the test writes a currency")
}

pub fn usd(text: &str) -> Money {
    Money::from_decimal(text, currency("USD")).expect("the test writes an amount")
}

pub fn percent(whole: i128, thousandths: i128) -> Ratio {
    Ratio::new(whole * 1000 + thousandths, 100_000)
}

/// The model deal with energy metered, a credit ladder, and its fee in advance.
pub fn terms(start: &str, end: &str) -> Terms {
    let fee = Fee {
        fixed: usd("1250000000.00"),
        proration: Proration::Actual,
        invoice: InvoiceTiming::Advance,
        due_days: 30,
        usage: vec![UsageFee { meter: Meter::Energy, price: Ratio::new(62, 1000) }],
        escalator: None,
        minimum: None,
        prepayments: Vec::new(),
        deposit: None,
        late_interest: None,
        taxes: None,
    };
    let service = Service {
        idle_use: IdleUse::Landlord,
        reclaim_within: Some(Seconds::new(600)),
        availability: Some(percent(99, 500)),
        exclude: Exclusions { maintenance: true, tenant_fault: true },
        credits: vec![
            ServiceCredit { below: percent(99, 500), credit: percent(5, 0) },
            ServiceCredit { below: percent(98, 0), credit: percent(20, 0) },
        ],
        reclaim_miss_credit: Some(usd("1000.00")),
        curtail_credit: None,
        curtail: None,
        maintenance: None,
    };
    Terms {
        text: "the model deal".into(),
        id: LeaseId::new("colossus-1-anthropic").expect("a name"),
        version: 1,
        effective: day(start),
        site: SiteId::new("colossus-1").expect("a name"),
        landlord: PartyId::new("xai").expect("a name"),
        tenant: PartyId::new("anthropic").expect("a name"),
        signed: day(start),
        time_zone: Zone::named("America/Chicago").expect("a zone"),
        source: None,
        start: day(start),
        end: day(end),
        notice: None,
        capacity: Capacity {
            amount: Amount::All,
            basis: None,
            skus: Vec::new(),
            shape: Shape::Rack,
            isolation: Isolation::Node,
            ramp: Vec::new(),
        },
        delivery: None,
        fee,
        service,
    }
}

/// The fee schedule of `terms` through `end`, day by day: each day owes its part of its month,
/// and a new period begins where the month or the fee factor changes. The slow, obvious model of
/// what a lease computes. `fee` says what share of the fee a day owes, and by which version.
pub fn schedule(terms: &Terms, end: Day, fee: impl Fn(Day) -> (Ratio, u32)) -> Vec<FeePeriod> {
    let mut periods: Vec<FeePeriod> = Vec::new();
    let (mut exact, mut billed) = (Ratio::ZERO, Ratio::ZERO);
    let mut at = terms.start;
    while at <= end {
        let (factor, version) = fee(at);
        let whole = Month::of(at).days();
        if at.day() == 1 {
            (exact, billed) = (Ratio::ZERO, Ratio::ZERO);
        }
        let fresh = periods.last().is_none_or(|last| {
            Month::of(last.start) != Month::of(at) || last.fee != factor || last.version != version
        });
        if fresh {
            periods.push(FeePeriod {
                start: at,
                end: at,
                days: 0,
                days_in_month: u32::try_from(whole).expect("at most 31"),
                fee: factor,
                escalation: Ratio::ONE,
                amount: Money::zero(terms.fee.fixed.currency()),
                version,
            });
        }
        let share = Ratio::new(1, i128::from(whole)).times(factor);
        exact = exact.plus(terms.fee.fixed.exact().times(share));
        let last = periods.last_mut().expect("one was pushed");
        let rounded = Money::rounded_half_even(exact, terms.fee.fixed.currency());
        let now = rounded.exact().minus(billed);
        billed = rounded.exact();
        last.amount = last.amount.plus(Money::rounded_half_even(now, rounded.currency()));
        last.days += 1;
        last.end = at;
        at = at.tomorrow().expect("in range");
    }
    periods
}

/// A month in which all was well: everything entitled was delivered.
pub fn fine(_: Month) -> PeriodReadings {
    PeriodReadings {
        excluded: GpuSeconds::ZERO,
        entitled: GpuSeconds::new(1_000_000),
        delivered: GpuSeconds::new(1_000_000),
        held: GpuSeconds::new(1_000_000),
        used: GpuSeconds::new(900_000),
        over: GpuSeconds::ZERO,
        energy: Ratio::whole(3_600_000 * 1000),
        reclaim_requests: 4,
        reclaim_missed: 0,
        curtailed_beyond: 0,
        usage: None,
        short: Vec::new(),
    }
}

/// Every invoice from `from` on, until nothing is due.
pub fn all_invoices(
    biller: &mut Biller,
    lease: &BilledLease<'_>,
    from: Day,
    readings: &dyn Fn(Month) -> PeriodReadings,
) -> Vec<Invoice> {
    let mut invoices = Vec::new();
    let mut next = biller.next_issue_day(lease, from);
    while let Some(at) = next {
        assert!(at <= day("2030-01-01"), "a lease never stops being due");
        invoices.extend(biller.issue_on(at, lease, readings));
        next = biller.next_issue_day(lease, at.tomorrow().expect("in range"));
    }
    invoices
}
