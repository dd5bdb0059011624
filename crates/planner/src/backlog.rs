//! Headline and firm: revenue to the end of term, and what remains of it if a side gives notice.

use leasehold_lease::{Lease, ShortDays, Side};
use leasehold_units::{Currency, Day, LeaseId, Money, Month, PartyId, Ratio};

/// Fixed fees for service from the day asked about on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// To the end of term.
    pub headline: Money,
    /// If the landlord gives notice on the first day that it may.
    pub firm_if_landlord_gives_notice: Money,
    /// If the tenant does.
    pub firm_if_tenant_gives_notice: Money,
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseBacklog {
    /// Which.
    pub lease: LeaseId,
    /// Who rents.
    pub tenant: PartyId,
    /// What is owed.
    pub amounts: Amounts,
    /// Last day of service then; the term's where the landlord may not give notice.
    pub last_day_if_landlord_gives_notice: Day,
    /// Last day of service then; the term's where the tenant may not give notice.
    pub last_day_if_tenant_gives_notice: Day,
}

/// A tenant's part of the fixed monthly run-rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concentration {
    /// Which tenant.
    pub tenant: PartyId,
    /// Its share, 0 to 1.
    pub share: Ratio,
}

/// Revenue that is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// First day that counts.
    pub as_of: Day,
    /// Currency of every amount.
    pub currency: Currency,
    /// By lease, in the order in which they were given.
    pub leases: Vec<LeaseBacklog>,
    /// Of all leases.
    pub total: Amounts,
    /// By tenant, by name; empty where nothing runs on the day.
    pub concentration: Vec<Concentration>,
}

/// Fixed fees for service on some days to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// How far ahead.
    pub name: &'static str,
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub until: Day,
    /// Of all leases.
    pub amounts: Amounts,
}

/// Names of the bands, each with the month that it ends with, counted from the month asked about;
/// the last has no end.
const BANDS: [(&str, Option<u32>); 5] = [
    ("this_month", Some(1)),
    ("3_months", Some(3)),
    ("12_months", Some(12)),
    ("24_months", Some(24)),
    ("later", None),
];

/// Why leases cannot be added up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BacklogError {
    /// None was given.
    #[error("leases-to-add: no lease was given")]
    NoLease,
    /// Amounts of two currencies have no sum.
    #[error(
        "one-currency: {first} is in {first_currency} and {other} in {other_currency}; ask for them one currency at a time"
    )]
    TwoCurrencies {
        /// A lease.
        first: LeaseId,
        /// Its currency.
        first_currency: Currency,
        /// A lease in another currency.
        other: LeaseId,
        /// Its currency.
        other_currency: Currency,
    },
}

/// The backlog of `leases` as of `as_of`, that day included. On the days that are `short`, by lease,
/// the fee follows what will be delivered.
///
/// # Errors
/// Without a lease, or with leases in two currencies.
pub fn backlog(
    leases: &[Lease],
    short: &[Vec<ShortDays>],
    as_of: Day,
) -> Result<Backlog, BacklogError> {
    let first = leases.first().ok_or(BacklogError::NoLease)?.latest();
    let currency = first.fee.fixed.currency();
    let other = leases.iter().map(Lease::latest).find(|t| t.fee.fixed.currency() != currency);
    if let Some(other) = other {
        return Err(BacklogError::TwoCurrencies {
            first: first.id.clone(),
            first_currency: currency,
            other: other.id.clone(),
            other_currency: other.fee.fixed.currency(),
        });
    }
    let lines: Vec<LeaseBacklog> =
        leases.iter().zip(short).map(|(lease, short)| line(lease, short, as_of)).collect();
    let sum = |amount: fn(&Amounts) -> Money| {
        lines.iter().fold(Money::zero(currency), |sum, line| sum.plus(amount(&line.amounts)))
    };
    let total = Amounts {
        headline: sum(|amounts| amounts.headline),
        firm_if_landlord_gives_notice: sum(|amounts| amounts.firm_if_landlord_gives_notice),
        firm_if_tenant_gives_notice: sum(|amounts| amounts.firm_if_tenant_gives_notice),
    };
    let concentration = concentration(leases, as_of, currency);
    Ok(Backlog { as_of, currency, leases: lines, total, concentration })
}

/// The amounts of `backlog(leases, short, as_of)` by time: this month, then through the 3rd, the 12th and
/// the 24th month, this one counted, then later. They add up to the backlog's total.
///
/// # Errors
/// Without a lease, or with leases in two currencies.
pub fn bands(
    leases: &[Lease],
    short: &[Vec<ShortDays>],
    as_of: Day,
) -> Result<Vec<Band>, BacklogError> {
    let currency = backlog(leases, short, as_of)?.currency;
    let end = leases.iter().map(Lease::last_day).max().unwrap_or(as_of).max(as_of);
    let mut bands = Vec::new();
    let mut from = as_of;
    for (name, months) in BANDS {
        let until = months.map_or(Day::MAX, |months| month_end(as_of, months));
        let (last, next) = (until.min(end), until.tomorrow().unwrap_or(Day::MAX));
        if from <= last {
            let pairs: Vec<_> = leases.iter().zip(short).collect();
            let amounts = amounts_between(&pairs, as_of, (from, last), currency);
            bands.push(Band { name, from, until: last, amounts });
        }
        from = next;
    }
    Ok(bands)
}

/// The last day of the `count`th month from that of `day` on, which is the first.
fn month_end(day: Day, count: u32) -> Day {
    let last = (1..count).fold(Month::of(day), |month, _| month.next());
    last.last_day()
}

fn amounts_between(
    leases: &[(&Lease, &Vec<ShortDays>)],
    as_of: Day,
    (from, until): (Day, Day),
    currency: Currency,
) -> Amounts {
    let within = |lease: &Lease, short: &[ShortDays]| {
        let last = until.min(lease.last_day());
        lease.fixed_between(from, last).plus(lease.shortfall_between(short, from, last))
    };
    let sum = |amount: &dyn Fn(&Lease, &[ShortDays]) -> Money| {
        let amounts = leases.iter().map(|(lease, short)| amount(lease, short));
        amounts.fold(Money::zero(currency), Money::plus)
    };
    let noticed = |side| {
        move |lease: &Lease, short: &[ShortDays]| {
            let left = lease.if_noticed(side, as_of);
            left.map_or_else(|| within(lease, short), |left| within(&left, short))
        }
    };
    Amounts {
        headline: sum(&within),
        firm_if_landlord_gives_notice: sum(&noticed(Side::Landlord)),
        firm_if_tenant_gives_notice: sum(&noticed(Side::Tenant)),
    }
}

fn line(lease: &Lease, short: &[ShortDays], as_of: Day) -> LeaseBacklog {
    let from_then = |lease: &Lease| {
        let last = lease.last_day();
        lease.fixed_between(as_of, last).plus(lease.shortfall_between(short, as_of, last))
    };
    let headline = from_then(lease);
    let side = |side| {
        let noticed = lease.if_noticed(side, as_of);
        noticed.map_or((headline, lease.last_day()), |left| (from_then(&left), left.last_day()))
    };
    let (by_landlord, landlord_day) = side(Side::Landlord);
    let (by_tenant, tenant_day) = side(Side::Tenant);
    LeaseBacklog {
        lease: lease.latest().id.clone(),
        tenant: lease.latest().tenant.clone(),
        amounts: Amounts {
            headline,
            firm_if_landlord_gives_notice: by_landlord,
            firm_if_tenant_gives_notice: by_tenant,
        },
        last_day_if_landlord_gives_notice: landlord_day,
        last_day_if_tenant_gives_notice: tenant_day,
    }
}

/// Shares of the fixed monthly fees that hold on `day`.
fn concentration(leases: &[Lease], day: Day, currency: Currency) -> Vec<Concentration> {
    let mut rates: std::collections::BTreeMap<PartyId, Money> = std::collections::BTreeMap::new();
    for lease in leases {
        let rate = rates.entry(lease.latest().tenant.clone()).or_insert(Money::zero(currency));
        *rate = rate.plus(lease.monthly_fee_on(day));
    }
    let all: i128 = rates.values().map(|rate| rate.minor()).sum();
    if all == 0 {
        return Vec::new();
    }
    let share = |(tenant, rate): (PartyId, Money)| Concentration {
        tenant,
        share: Ratio::new(rate.minor(), all),
    };
    rates.into_iter().map(share).collect()
}
