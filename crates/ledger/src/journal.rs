//! The journal: double-entry postings behind every invoice. Entries are only ever added.
//!
//! A fee that is billed ahead is owed as service until its days have passed: it waits in
//! `liabilities:deferred`. A charge that is billed afterwards belongs to the month that it is
//! for: it is accrued on the last day of it and moves to `assets:receivable` when it is invoiced.

use std::collections::BTreeMap;

use leasehold_units::{Day, LeaseId, Money, PartyId, Ratio};

use crate::{Invoice, Line, LineKind, Revenue};

/// An append-only list of transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    transactions: Vec<Transaction>,
    /// Billed ahead, and not wholly earned yet; in the order in which it was billed.
    deferred: Vec<Deferred>,
}

/// Postings of one day that belong together; they sum to zero in each currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The day that it belongs to.
    pub date: Day,
    /// Number of the invoice behind it, where there is one.
    pub invoice: Option<String>,
    /// What happened.
    pub description: String,
    /// At least two.
    pub postings: Vec<Posting>,
}

/// An amount that enters (or, negative, leaves) an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Account, its levels separated by colons.
    pub account: String,
    /// Debit; negative: credit.
    pub amount: Money,
}

/// A line that was billed before its service days had passed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deferred {
    invoice: String,
    lease: LeaseId,
    revenue: Revenue,
    start: Day,
    end: Day,
    amount: Money,
    recognised: Money,
}

/// What is recognised of a line whose days have not all passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    /// Nothing yet.
    Waits,
    /// The share of the days that have passed.
    ByDays,
}

/// When a line's revenue is earned, seen from the day of its invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earning {
    /// Before it, in the month that the line is for.
    Accrued,
    /// On it: a correction of days that are past.
    AtIssue,
    /// After it, day by day.
    Deferred,
}

impl Journal {
    /// A journal without an entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// All transactions, in the order in which they were entered.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// Enters an invoice: recognises what was billed ahead for days that had all passed before
    /// it, accrues what it bills for days that are past, and moves all of it to the tenant's
    /// receivable. Invoices are entered in order of their days.
    pub fn record(&mut self, invoice: &Invoice) {
        let eve = invoice.issued.yesterday().expect("a lease begins after the calendar does");
        self.recognise(eve, Unfinished::Waits);
        for line in invoice.lines.iter().filter(|line| earning(line, invoice) == Earning::Accrued) {
            self.enter_accrual(invoice, line);
        }
        let mut postings = Postings::default();
        postings.add(receivable(&invoice.tenant), invoice.total);
        for line in &invoice.lines {
            postings.add(counter_account(invoice, line), line.amount.negated());
            if earning(line, invoice) == Earning::Deferred {
                self.deferred.push(Deferred::of(invoice, line));
            }
        }
        let description = format!("{} {} for {}", document(invoice), invoice.number, invoice.lease);
        self.enter(invoice.issued, Some(&invoice.number), description, postings);
    }

    /// Recognises as revenue what was billed ahead for service days up to and including `day`:
    /// a line whole on its last day, and by days what `day` cuts.
    pub fn recognise_through(&mut self, day: Day) {
        self.recognise(day, Unfinished::ByDays);
    }

    fn recognise(&mut self, day: Day, unfinished: Unfinished) {
        let mut earned: BTreeMap<(Day, LeaseId), (Postings, String)> = BTreeMap::new();
        for line in &mut self.deferred {
            if day < line.end && unfinished == Unfinished::Waits {
                continue;
            }
            let date = line.end.min(day);
            let amount = line.earn_through(day);
            if amount.minor() == 0 {
                continue;
            }
            let (postings, invoice) = earned
                .entry((date, line.lease.clone()))
                .or_insert_with(|| (Postings::default(), line.invoice.clone()));
            invoice.clone_from(&line.invoice);
            postings.add(deferred(&line.lease), amount);
            postings.add(revenue(line.revenue, &line.lease), amount.negated());
        }
        self.deferred.retain(|line| day < line.end);
        for ((date, lease), (postings, invoice)) in earned {
            let description = format!("Service of {lease} through {date}");
            self.enter(date, Some(&invoice), description, postings);
        }
    }

    /// The balance of every account and currency code that was posted to.
    pub fn balances(&self) -> BTreeMap<(String, &'static str), Money> {
        let mut balances: BTreeMap<(String, &'static str), Money> = BTreeMap::new();
        for posting in self.transactions.iter().flat_map(|entry| &entry.postings) {
            let key = (posting.account.clone(), posting.amount.currency().code());
            let balance = balances.entry(key);
            let balance = balance.or_insert(Money::zero(posting.amount.currency()));
            *balance = balance.plus(posting.amount);
        }
        balances
    }

    fn enter_accrual(&mut self, invoice: &Invoice, line: &Line) {
        let mut postings = Postings::default();
        postings.add(accrued(&invoice.lease), line.amount);
        postings.add(revenue(line.revenue, &invoice.lease), line.amount.negated());
        self.enter(line.end, Some(&invoice.number), line.description.clone(), postings);
    }

    /// # Panics
    /// If the postings do not sum to zero: an unbalanced entry is a fault of the program.
    fn enter(&mut self, date: Day, invoice: Option<&str>, description: String, of: Postings) {
        let postings = of.into_list();
        if postings.is_empty() {
            return;
        }
        let entry =
            Transaction { date, invoice: invoice.map(str::to_owned), description, postings };
        assert!(entry.is_balanced(), "unbalanced entry {:?}", entry.description);
        self.transactions.push(entry);
    }
}

impl Transaction {
    /// Whether its postings sum to zero in each currency.
    pub fn is_balanced(&self) -> bool {
        let mut sums: BTreeMap<&'static str, Money> = BTreeMap::new();
        for posting in &self.postings {
            let amount = posting.amount;
            let sum = sums.entry(amount.currency().code());
            let sum = sum.or_insert(Money::zero(amount.currency()));
            *sum = sum.plus(amount);
        }
        sums.values().all(|sum| sum.minor() == 0)
    }
}

impl Deferred {
    fn of(invoice: &Invoice, line: &Line) -> Self {
        Self {
            invoice: invoice.number.clone(),
            lease: invoice.lease.clone(),
            revenue: line.revenue,
            start: line.start,
            end: line.end,
            amount: line.amount,
            recognised: Money::zero(line.amount.currency()),
        }
    }

    /// What was earned through `day` and not recognised before: days passed over days billed,
    /// the running total rounded half to even.
    fn earn_through(&mut self, day: Day) -> Money {
        let passed = days(self.start, day.min(self.end)).max(0);
        let share = Ratio::new(i128::from(passed), i128::from(days(self.start, self.end)));
        let exact = self.amount.exact().times(share);
        let earned = Money::rounded_half_even(exact, self.amount.currency());
        let now = earned.minus(self.recognised);
        self.recognised = earned;
        now
    }
}

/// Days from `first` to `last`, both counted.
fn days(first: Day, last: Day) -> i64 {
    i64::from((last - first).get_days()) + 1
}

fn earning(line: &Line, invoice: &Invoice) -> Earning {
    if invoice.issued <= line.end {
        Earning::Deferred
    } else if line.kind == LineKind::Adjustment {
        Earning::AtIssue
    } else {
        Earning::Accrued
    }
}

fn counter_account(invoice: &Invoice, line: &Line) -> String {
    match earning(line, invoice) {
        Earning::Accrued => accrued(&invoice.lease),
        Earning::AtIssue => revenue(line.revenue, &invoice.lease),
        Earning::Deferred => deferred(&invoice.lease),
    }
}

fn document(invoice: &Invoice) -> &'static str {
    if invoice.is_credit_note() { "Credit note" } else { "Invoice" }
}

fn receivable(tenant: &PartyId) -> String {
    format!("assets:receivable:{tenant}")
}

fn accrued(lease: &LeaseId) -> String {
    format!("assets:accrued:{lease}")
}

fn deferred(lease: &LeaseId) -> String {
    format!("liabilities:deferred:{lease}")
}

fn revenue(revenue: Revenue, lease: &LeaseId) -> String {
    format!("revenue:{}:{lease}", revenue.key())
}

/// Postings in the making: one for each account, in the order in which they came up.
#[derive(Debug, Default)]
struct Postings(Vec<Posting>);

impl Postings {
    fn add(&mut self, account: String, amount: Money) {
        match self.0.iter_mut().find(|posting| posting.account == account) {
            Some(posting) => posting.amount = posting.amount.plus(amount),
            None => self.0.push(Posting { account, amount }),
        }
    }

    /// Without those that move nothing.
    fn into_list(self) -> Vec<Posting> {
        self.0.into_iter().filter(|posting| posting.amount.minor() != 0).collect()
    }
}
