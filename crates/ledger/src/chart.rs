//! The chart of accounts: what each account is called and what it is.

use leasehold_units::{LeaseId, Name, PartyId};

use crate::Revenue;

/// Money that came in.
pub fn cash() -> String {
    "assets:cash".to_owned()
}

/// What a tenant owes on issued documents and does not dispute.
pub fn receivable(tenant: &PartyId) -> String {
    format!("assets:receivable:{tenant}")
}

/// What a tenant owes on issued documents and disputes.
pub fn disputed(tenant: &PartyId) -> String {
    format!("assets:disputed:{tenant}")
}

/// Earned and not invoiced yet.
pub fn accrued(lease: &LeaseId) -> String {
    format!("assets:accrued:{lease}")
}

/// Invoiced and not earned yet.
pub fn deferred(lease: &LeaseId) -> String {
    format!("liabilities:deferred:{lease}")
}

/// A tenant's money that no document has taken.
pub fn on_account(tenant: &PartyId) -> String {
    format!("liabilities:prepayments:on-account:{tenant}")
}

/// Tax that is owed on.
pub fn tax(name: &Name) -> String {
    format!("liabilities:tax:{name}")
}

/// Whether the account is one of what tenants owe or have on account.
pub fn is_of_tenant(account: &str) -> bool {
    let owed = ["assets:receivable:", "assets:disputed:", "liabilities:prepayments:on-account:"];
    owed.iter().any(|prefix| account.starts_with(prefix))
}

/// Where a line of this kind ends up once it is earned, or at once if it is no revenue.
pub fn of_line(revenue: Revenue, lease: &LeaseId) -> String {
    match revenue {
        Revenue::Credits => format!("contra-revenue:credits:{lease}"),
        Revenue::Tax => "liabilities:tax".to_owned(),
        Revenue::Prepayments | Revenue::Deposits => {
            format!("liabilities:{}:{lease}", revenue.key())
        }
        _ => format!("revenue:{}:{lease}", revenue.key()),
    }
}

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// What is owned or owed to the landlord.
    Asset,
    /// What the landlord owes.
    Liability,
    /// What was earned, with its contra accounts.
    Revenue,
}

/// What the account called `account` is, from its first level.
pub fn kind(account: &str) -> AccountKind {
    match account.split(':').next() {
        Some("assets") => AccountKind::Asset,
        Some("liabilities") => AccountKind::Liability,
        _ => AccountKind::Revenue,
    }
}
