//! `statement`: what a tenant owed, what was billed and paid, and what it owes.

use leasehold_ledger::{Ageing, Statement, statements};
use leasehold_units::{Day, Money, PartyId};
use serde::Serialize;

use crate::arguments::{self, Common};
use crate::books;
use crate::failure::Failure;
use crate::output::{self, Align, Printable, Rows, money};
use crate::wire;

/// A tenant's statements, one a currency. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Account {
    tenant: String,
    #[serde(serialize_with = "wire::day")]
    from: Day,
    #[serde(serialize_with = "wire::day")]
    until: Day,
    statements: Vec<One>,
}

/// The statement of one currency.
#[derive(Debug, Serialize)]
struct One {
    currency: &'static str,
    #[serde(serialize_with = "wire::money")]
    opening: Money,
    lines: Vec<Line>,
    #[serde(serialize_with = "wire::money")]
    closing: Money,
    #[serde(serialize_with = "wire::money")]
    disputed: Money,
    #[serde(serialize_with = "wire::money")]
    on_account: Money,
    ageing: Ages,
}

/// One document or payment.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(serialize_with = "wire::day")]
    date: Day,
    kind: &'static str,
    document: Option<String>,
    lease: Option<String>,
    #[serde(serialize_with = "wire::maybe_day")]
    due: Option<Day>,
    description: String,
    #[serde(serialize_with = "wire::money")]
    amount: Money,
    #[serde(serialize_with = "wire::money")]
    balance: Money,
}

/// What is open by days overdue.
#[derive(Debug, Serialize)]
struct Ages {
    #[serde(serialize_with = "wire::money")]
    current: Money,
    #[serde(serialize_with = "wire::money")]
    days_1_30: Money,
    #[serde(serialize_with = "wire::money")]
    days_31_60: Money,
    #[serde(serialize_with = "wire::money")]
    days_61_90: Money,
    #[serde(serialize_with = "wire::money")]
    over_90: Money,
}

/// Computes and prints.
pub fn run(asked: &arguments::Statement, common: &Common) -> Result<(), Failure> {
    let entries = books::read(&asked.directory)?;
    let tenant =
        PartyId::new(&asked.tenant).map_err(|error| Failure::impossible(error.to_string()))?;
    let days = entries.iter().filter(|entry| entry.tenant == tenant).map(|entry| entry.date);
    let Some((first, last)) = days.clone().min().zip(days.max()) else {
        let mut known: Vec<&str> = entries.iter().map(|entry| entry.tenant.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let message = format!("the books know no tenant {tenant}");
        return Err(
            Failure::impossible(message).with_hint(format!("tenants there: {}", known.join(", ")))
        );
    };
    let (from, until) = (asked.from.unwrap_or(first), asked.until.unwrap_or(last));
    if until < from {
        return Err(Failure::impossible(format!("{until} is before {from}")));
    }
    let found = statements(&entries, &tenant, (from, until));
    let account = Account {
        tenant: tenant.to_string(),
        from,
        until,
        statements: found.into_iter().map(One::of).collect(),
    };
    output::print(&account, common)
}

impl One {
    fn of(statement: Statement) -> Self {
        let lines = statement.lines.into_iter().map(|line| Line {
            date: line.date,
            kind: line.kind.key(),
            document: line.document,
            lease: line.lease.map(|lease| lease.to_string()),
            due: line.due,
            description: line.description,
            amount: line.amount,
            balance: line.balance,
        });
        let Ageing { current, days_1_30, days_31_60, days_61_90, over_90 } = statement.ageing;
        Self {
            currency: statement.currency.code(),
            opening: statement.opening,
            lines: lines.collect(),
            closing: statement.closing,
            disputed: statement.disputed,
            on_account: statement.on_account,
            ageing: Ages { current, days_1_30, days_31_60, days_61_90, over_90 },
        }
    }

    fn lines(&self, (from, until): (Day, Day)) -> Rows {
        let mut rows = Rows::new(&[
            ("date", Align::Left),
            ("what", Align::Left),
            ("due", Align::Left),
            (self.currency, Align::Right),
            ("balance", Align::Right),
        ]);
        let end = |day: Day, what: &str, balance| {
            vec![day.to_string(), what.into(), String::new(), String::new(), money(balance)]
        };
        rows.push(end(from, "opening balance", self.opening));
        for line in &self.lines {
            rows.push(vec![
                line.date.to_string(),
                line.description.clone(),
                line.due.map(|due| due.to_string()).unwrap_or_default(),
                money(line.amount),
                money(line.balance),
            ]);
        }
        rows.push(end(until, "closing balance", self.closing));
        rows
    }

    fn ages(&self) -> Rows {
        let columns =
            ["not due", "1-30 days", "31-60", "61-90", "over 90", "disputed", "on account"];
        let mut rows = Rows::new(&columns.map(|name| (name, Align::Right)));
        let Ages { current, days_1_30, days_31_60, days_61_90, over_90 } = &self.ageing;
        let ages = [current, days_1_30, days_31_60, days_61_90, over_90];
        let all = ages.into_iter().chain([&self.disputed, &self.on_account]);
        rows.push(all.map(|amount| money(*amount)).collect());
        rows
    }
}

impl Printable for Account {
    fn table(&self) -> String {
        let mut text = format!("Account of {}, {} to {}\n", self.tenant, self.from, self.until);
        for one in &self.statements {
            let lines = one.lines((self.from, self.until)).to_table();
            text.push_str(&format!("\n{lines}\nOpen by days overdue, {}\n", one.currency));
            text.push_str(&one.ages().to_table());
        }
        text
    }

    fn csv(&self) -> String {
        let names = [
            "date",
            "kind",
            "document",
            "lease",
            "due",
            "description",
            "amount",
            "balance",
            "currency",
        ];
        let mut rows = Rows::new(&names.map(|name| (name, Align::Left)));
        for one in &self.statements {
            for line in &one.lines {
                rows.push(vec![
                    line.date.to_string(),
                    line.kind.into(),
                    line.document.clone().unwrap_or_default(),
                    line.lease.clone().unwrap_or_default(),
                    line.due.map(|due| due.to_string()).unwrap_or_default(),
                    line.description.clone(),
                    line.amount.to_string(),
                    line.balance.to_string(),
                    one.currency.into(),
                ]);
            }
        }
        rows.to_csv()
    }
}
