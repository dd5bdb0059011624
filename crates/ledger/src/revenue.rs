//! What was billed, recognised and collected, by month, lease or tenant.

use std::collections::BTreeMap;

use leasehold_units::{Currency, Day, LeaseId, Money, PartyId, Ratio};

use crate::chart::{self, AccountKind};
use crate::{Posting, Transaction};

/// By what revenue is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By the month of the entry.
    Month,
    /// By lease.
    Lease,
    /// By tenant.
    Tenant,
}

/// One row: what belongs to one month, lease or tenant, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueRow {
    /// Month (`2026-05`), lease or tenant; empty for what belongs to no lease: money on account.
    pub key: String,
    /// The amounts.
    pub amounts: RevenueAmounts,
}

/// What was billed and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevenueAmounts {
    /// What documents asked for as revenue, credits taken off: without taxes, prepayments and
    /// deposits.
    pub billed: Money,
    /// Earned, credits taken off.
    pub recognised: Money,
    /// Billed and not earned; negative: earned and not billed. By month, what the month added.
    pub deferred: Money,
    /// Money that came in.
    pub collected: Money,
    /// Credits that were taken off what is recognised.
    pub credits: Money,
}

/// A tenant with 10 % or more of what was recognised in a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MajorTenant {
    /// Who.
    pub tenant: PartyId,
    /// Of which currency.
    pub currency: Currency,
    /// Its share, at least 1/10.
    pub share: Ratio,
}

/// Revenue in rows, with totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueReport {
    /// In order of key, then of currency code.
    pub rows: Vec<RevenueRow>,
    /// By currency code.
    pub totals: BTreeMap<&'static str, RevenueAmounts>,
    /// In order of tenant, then of currency code.
    pub major: Vec<MajorTenant>,
}

/// What was delivered, billed and collected of one lease before a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseToDate {
    /// Recognised fixed fees.
    pub delivered: Money,
    /// What documents asked for, taxes, prepayments and deposits included.
    pub invoiced: Money,
    /// What was paid on them.
    pub collected: Money,
}

/// A tenant is named from one over this of revenue on (ASC 280-10-50-42: 10 per cent or more).
const MAJOR_PART: i128 = 10;

impl RevenueAmounts {
    fn none(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { billed: zero, recognised: zero, deferred: zero, collected: zero, credits: zero }
    }

    /// Adds a posting of `entry`.
    fn add(&mut self, entry: &Transaction, posting: &Posting) {
        let (account, amount) = (posting.account.as_str(), posting.amount);
        let is_document = entry.due.is_some();
        let earned = chart::kind(account) == AccountKind::Revenue;
        let waits = account.starts_with("liabilities:deferred:");
        let accrued = account.starts_with("assets:accrued:");
        if is_document && (earned || waits || accrued) {
            self.billed = self.billed.minus(amount);
        }
        if earned {
            self.recognised = self.recognised.minus(amount);
        }
        if waits || accrued {
            self.deferred = self.deferred.minus(amount);
        }
        if account == chart::cash() {
            self.collected = self.collected.plus(amount);
        }
        if account.starts_with("contra-revenue:") {
            self.credits = self.credits.plus(amount);
        }
    }
}

/// Revenue in `entries`, by `by`.
pub fn revenue_report(entries: &[Transaction], by: By) -> RevenueReport {
    let mut rows: BTreeMap<(String, &'static str), RevenueAmounts> = BTreeMap::new();
    let mut totals: BTreeMap<&'static str, RevenueAmounts> = BTreeMap::new();
    let mut tenants: BTreeMap<(PartyId, &'static str), RevenueAmounts> = BTreeMap::new();
    for entry in entries {
        let key = match by {
            By::Month => format!("{:04}-{:02}", entry.date.year(), entry.date.month()),
            By::Lease => entry.lease.as_ref().map(ToString::to_string).unwrap_or_default(),
            By::Tenant => entry.tenant.to_string(),
        };
        for posting in &entry.postings {
            let currency = posting.amount.currency();
            let none = || RevenueAmounts::none(currency);
            let code = currency.code();
            rows.entry((key.clone(), code)).or_insert_with(none).add(entry, posting);
            totals.entry(code).or_insert_with(none).add(entry, posting);
            let tenant = (entry.tenant.clone(), code);
            tenants.entry(tenant).or_insert_with(none).add(entry, posting);
            let drawn = drawn(entry, posting).filter(|_| by == By::Lease);
            if let Some(drawn) = drawn {
                let row = rows.entry((key.clone(), code)).or_insert_with(none);
                row.collected = row.collected.plus(drawn);
                let held = rows.entry((String::new(), code)).or_insert_with(none);
                held.collected = held.collected.minus(drawn);
            }
        }
    }
    let rows = rows.into_iter().map(|((key, _), amounts)| RevenueRow { key, amounts });
    RevenueReport { rows: rows.collect(), major: major(tenants, &totals), totals }
}

/// What `posting` takes from money on account for the lease of `entry`: it was collected before,
/// for no lease.
fn drawn(entry: &Transaction, posting: &Posting) -> Option<Money> {
    let held = posting.account == chart::on_account(&entry.tenant);
    (held && entry.lease.is_some()).then_some(posting.amount)
}

fn major(
    tenants: BTreeMap<(PartyId, &'static str), RevenueAmounts>,
    totals: &BTreeMap<&'static str, RevenueAmounts>,
) -> Vec<MajorTenant> {
    let mut major = Vec::new();
    for ((tenant, code), amounts) in tenants {
        let all = totals[code].recognised;
        if all.minor() <= 0 {
            continue;
        }
        let share = Ratio::new(amounts.recognised.minor(), all.minor());
        if share >= Ratio::new(1, MAJOR_PART) {
            major.push(MajorTenant { tenant, currency: all.currency(), share });
        }
    }
    major
}

/// What was delivered, billed and collected of each lease on days before `as_of`, by lease and
/// currency code.
pub fn to_date(
    entries: &[Transaction],
    as_of: Day,
) -> BTreeMap<(LeaseId, &'static str), LeaseToDate> {
    let mut leases = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.date < as_of) {
        let Some(lease) = &entry.lease else { continue };
        for posting in &entry.postings {
            let amount = posting.amount;
            let zero = Money::zero(amount.currency());
            let sums = leases
                .entry((lease.clone(), amount.currency().code()))
                .or_insert(LeaseToDate { delivered: zero, invoiced: zero, collected: zero });
            if posting.account.starts_with("revenue:fixed:") {
                sums.delivered = sums.delivered.minus(amount);
            } else if posting.account == chart::cash() || drawn(entry, posting).is_some() {
                sums.collected = sums.collected.plus(amount);
            } else if entry.due.is_some() && posting.account == chart::receivable(&entry.tenant) {
                sums.invoiced = sums.invoiced.plus(amount);
            }
        }
    }
    leases
}
