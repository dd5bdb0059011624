//! `revenue`: what a finished run billed, recognised and collected.

use leasehold_ledger::{By, RevenueAmounts, RevenueReport, revenue_report};
use leasehold_units::{Money, Ratio};
use serde::Serialize;

use crate::arguments::{self, Common, RevenueBy};
use crate::books;
use crate::failure::Failure;
use crate::output::{self, Align, Printable, Rows, money};
use crate::wire;

/// Revenue in rows. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Revenue {
    by: &'static str,
    rows: Vec<Row>,
    total: Vec<Row>,
    major_tenants: Vec<Major>,
}

/// One month, lease or tenant in one currency.
#[derive(Debug, Serialize)]
struct Row {
    key: Option<String>,
    currency: &'static str,
    #[serde(serialize_with = "wire::money")]
    billed: Money,
    #[serde(serialize_with = "wire::money")]
    recognised: Money,
    #[serde(serialize_with = "wire::money")]
    deferred: Money,
    #[serde(serialize_with = "wire::money")]
    collected: Money,
    #[serde(serialize_with = "wire::money")]
    credits: Money,
    /// Whether the tenant has 10 % or more of the revenue; null where rows are no tenants.
    major: Option<bool>,
}

/// A tenant with 10 % or more of the revenue in a currency.
#[derive(Debug, Serialize)]
struct Major {
    tenant: String,
    currency: &'static str,
    #[serde(serialize_with = "wire::share")]
    share: Ratio,
}

/// Computes and prints.
pub fn run(asked: &arguments::Revenue, common: &Common) -> Result<(), Failure> {
    let entries = books::read(&asked.directory)?;
    let (by, name) = match asked.by {
        RevenueBy::Month => (By::Month, "month"),
        RevenueBy::Lease => (By::Lease, "lease"),
        RevenueBy::Tenant => (By::Tenant, "tenant"),
    };
    output::print(&Revenue::of(revenue_report(&entries, by), by, name), common)
}

impl Revenue {
    fn of(report: RevenueReport, by: By, name: &'static str) -> Self {
        let major = report.major.into_iter().map(|major| Major {
            tenant: major.tenant.to_string(),
            currency: major.currency.code(),
            share: major.share,
        });
        let major: Vec<Major> = major.collect();
        let is_major = |key: &str, currency: &str| {
            major.iter().any(|tenant| tenant.tenant == key && tenant.currency == currency)
        };
        let rows = report.rows.into_iter().map(|row| {
            let currency = row.amounts.billed.currency().code();
            let flag = (by == By::Tenant).then(|| is_major(&row.key, currency));
            Row::of(Some(row.key).filter(|key| !key.is_empty()), row.amounts, flag)
        });
        let rows = rows.collect();
        let total = report.totals.into_values().map(|amounts| Row::of(None, amounts, None));
        Self { by: name, rows, total: total.collect(), major_tenants: major }
    }

    fn major_line(&self) -> String {
        let named: Vec<String> = self
            .major_tenants
            .iter()
            .map(|major| {
                let share = wire::percent(major.share);
                format!("{} {share} of {}", major.tenant, major.currency)
            })
            .collect();
        match named.is_empty() {
            true => "No tenant has 10 % or more of the recognised revenue.".to_owned(),
            false => {
                format!(
                    "Tenants with 10 % or more of the recognised revenue: {}.",
                    named.join(", ")
                )
            }
        }
    }
}

impl Row {
    fn of(key: Option<String>, amounts: RevenueAmounts, major: Option<bool>) -> Self {
        let RevenueAmounts { billed, recognised, deferred, collected, credits } = amounts;
        let currency = billed.currency().code();
        Self { key, currency, billed, recognised, deferred, collected, credits, major }
    }

    fn cells(&self, first: String, amount: fn(Money) -> String) -> Vec<String> {
        let amounts = [self.billed, self.recognised, self.deferred, self.collected, self.credits];
        let words = [first, self.currency.to_owned()];
        words.into_iter().chain(amounts.map(amount)).collect()
    }
}

impl Printable for Revenue {
    fn table(&self) -> String {
        let amounts = ["billed", "recognised", "deferred", "collected", "credits"];
        let words = [(self.by, Align::Left), ("currency", Align::Left)];
        let columns: Vec<_> =
            words.into_iter().chain(amounts.map(|name| (name, Align::Right))).collect();
        let mut rows = Rows::new(&columns);
        for row in &self.rows {
            let star = if row.major == Some(true) { " *" } else { "" };
            let key = row.key.as_deref().unwrap_or("on account");
            rows.push(row.cells(format!("{key}{star}"), money));
        }
        for row in &self.total {
            rows.push(row.cells("total".to_owned(), money));
        }
        format!(
            "{}\nBilled is recognised and deferred together, without taxes, prepayments and \
             deposits; collected is with them.\n{}\n",
            rows.to_table(),
            self.major_line()
        )
    }

    fn csv(&self) -> String {
        let names = [
            self.by,
            "currency",
            "billed",
            "recognised",
            "deferred",
            "collected",
            "credits",
            "major",
        ];
        let mut rows = Rows::new(&names.map(|name| (name, Align::Left)));
        for row in &self.rows {
            let mut cells = row.cells(row.key.clone().unwrap_or_default(), output::decimal);
            cells.push(row.major.map(|major| major.to_string()).unwrap_or_default());
            rows.push(cells);
        }
        rows.to_csv()
    }
}
