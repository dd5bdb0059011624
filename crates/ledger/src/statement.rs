//! Statements of account: what a tenant owed, what was billed and paid, and what it owes.

use std::collections::BTreeMap;

use leasehold_units::{Currency, Day, LeaseId, Money, PartyId};

use crate::{Transaction, chart};

/// The account of one tenant in one currency, over some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub tenant: PartyId,
    /// Currency of every amount.
    pub currency: Currency,
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub through: Day,
    /// What was owed before the first day; negative: owed to the tenant.
    pub opening: Money,
    /// In order of days.
    pub lines: Vec<StatementLine>,
    /// What is owed at the end of the last day.
    pub closing: Money,
    /// The part of what is open that is disputed.
    pub disputed: Money,
    /// The tenant's money that no document has taken; it is taken off in the balances.
    pub on_account: Money,
    /// What is open at the end of the last day, by how long it is overdue. Less what is on account,
    /// it is what is owed.
    pub ageing: Ageing,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// When.
    pub date: Day,
    /// What.
    pub kind: StatementKind,
    /// Number of the document that it is or pays.
    pub document: Option<String>,
    /// For which lease.
    pub lease: Option<LeaseId>,
    /// For a document, when it is to be paid.
    pub due: Option<Day>,
    /// In words.
    pub description: String,
    /// What it adds to what is owed; payments and credits are negative.
    pub amount: Money,
    /// What is owed after it.
    pub balance: Money,
}

/// What a line of a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// A document that asks for an amount.
    Invoice,
    /// A document that gives one back.
    CreditNote,
    /// Money that came in.
    Payment,
}

/// What is open, by days after the due day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ageing {
    /// Not overdue; less credit notes that are not used up.
    pub current: Money,
    /// 1 to 30 days.
    pub days_1_30: Money,
    /// 31 to 60 days.
    pub days_31_60: Money,
    /// 61 to 90 days.
    pub days_61_90: Money,
    /// More than 90 days.
    pub over_90: Money,
}

impl StatementKind {
    /// Its name in files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
            Self::Payment => "payment",
        }
    }
}

impl Ageing {
    fn none(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { current: zero, days_1_30: zero, days_31_60: zero, days_61_90: zero, over_90: zero }
    }

    /// All of it.
    pub fn total(&self) -> Money {
        let parts = [self.days_1_30, self.days_31_60, self.days_61_90, self.over_90];
        parts.into_iter().fold(self.current, Money::plus)
    }

    fn add(&mut self, open: Money, days_overdue: i32) {
        let bucket = match days_overdue {
            ..=0 => &mut self.current,
            1..=30 => &mut self.days_1_30,
            31..=60 => &mut self.days_31_60,
            61..=90 => &mut self.days_61_90,
            _ => &mut self.over_90,
        };
        *bucket = bucket.plus(open);
    }
}

/// The statements of `tenant` from `from` to `through`, both included, one a currency in order of
/// codes, from the journal's `entries`; empty for a tenant that no entry names.
pub fn statements(
    entries: &[Transaction],
    tenant: &PartyId,
    (from, through): (Day, Day),
) -> Vec<Statement> {
    let mut mine: Vec<&Transaction> =
        entries.iter().filter(|entry| entry.tenant == *tenant && entry.date <= through).collect();
    mine.sort_by_key(|entry| entry.date);
    let amounts = mine.iter().flat_map(|entry| &entry.postings).map(|posting| posting.amount);
    let currencies: BTreeMap<&str, Currency> =
        amounts.map(|amount| (amount.currency().code(), amount.currency())).collect();
    let one = |currency| statement(&mine, tenant, currency, (from, through));
    currencies.into_values().map(one).collect()
}

fn statement(
    mine: &[&Transaction],
    tenant: &PartyId,
    currency: Currency,
    (from, through): (Day, Day),
) -> Statement {
    let zero = Money::zero(currency);
    let on = |account: &str| {
        mine.iter().fold(zero, |sum, entry| sum.plus(moved(entry, &[account], currency)))
    };
    let owed = [chart::receivable(tenant), chart::disputed(tenant), chart::on_account(tenant)];
    let owed: Vec<&str> = owed.iter().map(String::as_str).collect();
    let (mut opening, mut balance) = (zero, zero);
    let mut lines = Vec::new();
    for entry in mine {
        let amount = moved(entry, &owed, currency);
        balance = balance.plus(amount);
        if entry.date < from {
            opening = balance;
        } else if amount.minor() != 0 {
            lines.push(line(entry, amount, balance));
        }
    }
    Statement {
        tenant: tenant.clone(),
        currency,
        from,
        through,
        opening,
        lines,
        closing: balance,
        disputed: on(&chart::disputed(tenant)),
        on_account: on(&chart::on_account(tenant)).negated(),
        ageing: ageing(mine, &owed[..2], currency, through),
    }
}

fn line(entry: &Transaction, amount: Money, balance: Money) -> StatementLine {
    let paid = entry.postings.iter().any(|posting| posting.account == chart::cash());
    let kind = match amount.minor() < 0 {
        _ if paid => StatementKind::Payment,
        true => StatementKind::CreditNote,
        false => StatementKind::Invoice,
    };
    StatementLine {
        date: entry.date,
        kind,
        document: entry.document.clone(),
        lease: entry.lease.clone(),
        due: entry.due.filter(|_| kind == StatementKind::Invoice),
        description: entry.description.clone(),
        amount,
        balance,
    }
}

/// What `entry` adds to `accounts` in `currency`.
fn moved(entry: &Transaction, accounts: &[&str], currency: Currency) -> Money {
    let postings = entry.postings.iter().filter(|posting| {
        posting.amount.currency() == currency && accounts.contains(&posting.account.as_str())
    });
    postings.fold(Money::zero(currency), |sum, posting| sum.plus(posting.amount))
}

fn ageing(mine: &[&Transaction], owed: &[&str], currency: Currency, on: Day) -> Ageing {
    let mut open: BTreeMap<&str, (Money, Option<Day>)> = BTreeMap::new();
    for entry in mine {
        for posting in &entry.postings {
            let counts =
                owed.contains(&posting.account.as_str()) && posting.amount.currency() == currency;
            if let (true, Some(number)) = (counts, entry.document_of(posting)) {
                let (sum, due) = open.entry(number).or_insert((Money::zero(currency), None));
                *sum = sum.plus(posting.amount);
                *due = due.or(entry.due);
            }
        }
    }
    let mut ageing = Ageing::none(currency);
    for (sum, due) in open.into_values() {
        let overdue = due.filter(|_| sum.minor() > 0).map_or(0, |due| (on - due).get_days());
        ageing.add(sum, overdue);
    }
    ageing
}
