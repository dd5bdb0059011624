//! The journal: double-entry postings behind every document. Entries are only ever added.
//!
//! A fee that is billed ahead is owed as service until its days have passed: it waits in
//! `liabilities:deferred`. A charge that is billed afterwards belongs to the month that it is
//! for: it is accrued on the last day of it and moves to `assets:receivable` when it is invoiced.
//! Taxes, prepayments and deposits are owed on or back from the day of the document.
//!
//! Days up to and including a closed one get no entry any more: what belongs there and comes late
//! is entered on the first open day and says so.

use std::collections::BTreeMap;

use leasehold_units::{Day, LeaseId, Money, PartyId, Ratio};
use serde::{Deserialize, Serialize};

use crate::receivables::{Movement, MovementKind};
use crate::{Invoice, Line, LineKind, Revenue, chart};

/// An append-only list of transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    transactions: Vec<Transaction>,
    /// Billed ahead, and not wholly earned yet; in the order in which it was billed.
    deferred: Vec<Deferred>,
    closed: Option<Day>,
}

/// Postings of one day that belong together; they sum to zero in each currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The day that it belongs to.
    pub date: Day,
    /// Number of the document behind it; nothing for money that no document takes.
    pub document: Option<String>,
    /// Lease of that document.
    pub lease: Option<LeaseId>,
    /// The tenant whose it is.
    pub tenant: PartyId,
    /// For the issue of a document, the day by which it is to be paid.
    pub due: Option<Day>,
    /// What happened.
    pub description: String,
    /// At least two.
    pub postings: Vec<Posting>,
}

/// An amount that enters (or, negative, leaves) an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Account, its levels separated by colons.
    pub account: String,
    /// Debit; negative: credit.
    pub amount: Money,
    /// Number of the document, where it is another than the transaction's.
    pub document: Option<String>,
}

/// The balance of each account and currency code.
pub type Balances = BTreeMap<(String, &'static str), Money>;

/// A line that was billed before its service days had passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Deferred {
    head: Head,
    revenue: Revenue,
    start: Day,
    end: Day,
    amount: Money,
    recognised: Money,
}

/// What a transaction is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    document: Option<String>,
    lease: Option<LeaseId>,
    tenant: PartyId,
}

/// What is recognised of a line whose days have not all passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    /// Nothing yet.
    Waits,
    /// The share of the days that have passed.
    ByDays,
}

/// When a line's revenue is earned, seen from the day of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earning {
    /// Before it, in the month that the line is for.
    Accrued,
    /// On it: a correction of days that are past, or no revenue at all.
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

    /// The last closed day.
    pub const fn closed_through(&self) -> Option<Day> {
        self.closed
    }

    /// Closes all days up to and including `through`, once what was earned by then is recognised.
    /// What is closed stays closed.
    pub fn close(&mut self, through: Day) {
        self.recognise_through(through);
        self.closed = self.closed.max(Some(through));
    }

    /// Enters an invoice or credit note: recognises what was billed ahead for days that had all
    /// passed before it, accrues what it bills for days that are past, and moves all of it to the
    /// tenant's receivable. Documents are entered in order of their days.
    pub fn record(&mut self, invoice: &Invoice) {
        let eve = invoice.issued.yesterday().expect("a lease begins after the calendar does");
        self.recognise(eve, Unfinished::Waits);
        let head = Head::of(invoice);
        let mut postings = Postings::default();
        postings.add(chart::receivable(&invoice.tenant), invoice.total);
        for (place, line) in invoice.lines.iter().enumerate() {
            let mut net = line.amount;
            for part in invoice.taxes.iter().filter(|part| part.line == place) {
                postings.add(chart::tax(&part.name), part.amount.negated());
                net = net.minus(part.amount);
            }
            let counter = match earning(line, invoice) {
                Earning::Accrued => {
                    self.enter_accrual(invoice, line, net);
                    chart::accrued(&invoice.lease)
                }
                Earning::AtIssue => chart::of_line(line.revenue, &invoice.lease),
                Earning::Deferred => {
                    self.deferred.push(Deferred::of(&head, line, net));
                    chart::deferred(&invoice.lease)
                }
            };
            postings.add(counter, net.negated());
        }
        let description = describe(invoice);
        self.enter(invoice.issued, &head, Some(invoice.due), description, postings);
    }

    /// Enters an amount that moved after a document was issued.
    pub fn enter_movement(&mut self, movement: &Movement) {
        let (tenant, amount) = (&movement.tenant, movement.amount);
        let receivable = chart::receivable(tenant);
        let mut postings = Postings::default();
        let mut head = Head {
            document: movement.document.clone(),
            lease: movement.lease.clone(),
            tenant: tenant.clone(),
        };
        let number = movement.document.as_deref().unwrap_or("what comes next");
        let description = match &movement.kind {
            MovementKind::Received { payment } => {
                postings.add(chart::cash(), amount);
                let owed = movement.document.is_some();
                let to = if owed { receivable } else { chart::on_account(tenant) };
                postings.add(to, amount.negated());
                format!("Payment {payment} of {tenant} for {number}")
            }
            MovementKind::Drawn => {
                postings.add(chart::on_account(tenant), amount);
                postings.add(receivable, amount.negated());
                format!("Money of {tenant} on account for {number}")
            }
            MovementKind::SetOff { credit } => {
                head.document = Some(credit.clone());
                postings.add(receivable.clone(), amount);
                postings.add_for(receivable, amount.negated(), movement.document.clone());
                format!("Credit note {credit} set off against {number}")
            }
            MovementKind::Disputed { dispute } => {
                postings.add(chart::disputed(tenant), amount);
                postings.add(receivable, amount.negated());
                format!("Dispute {dispute} of {number}")
            }
            MovementKind::Resolved { dispute } => {
                postings.add(receivable, amount);
                postings.add(chart::disputed(tenant), amount.negated());
                format!("Dispute {dispute} of {number} resolved")
            }
        };
        self.enter(movement.day, &head, None, description, postings);
    }

    /// Recognises as revenue what was billed ahead for service days up to and including `day`:
    /// a line whole on its last day, and by days what `day` cuts.
    pub fn recognise_through(&mut self, day: Day) {
        self.recognise(day, Unfinished::ByDays);
    }

    fn recognise(&mut self, day: Day, unfinished: Unfinished) {
        let mut earned: BTreeMap<(Day, Option<String>), (Head, Postings)> = BTreeMap::new();
        for line in &mut self.deferred {
            if day < line.end && unfinished == Unfinished::Waits {
                continue;
            }
            let date = line.end.min(day);
            let amount = line.earn_through(day);
            if amount.minor() == 0 {
                continue;
            }
            let key = (date, line.head.document.clone());
            let (_, postings) =
                earned.entry(key).or_insert_with(|| (line.head.clone(), Postings::default()));
            let lease = line.head.lease.as_ref().expect("a document has a lease");
            postings.add(chart::deferred(lease), amount);
            postings.add(chart::of_line(line.revenue, lease), amount.negated());
        }
        self.deferred.retain(|line| day < line.end);
        for ((date, _), (head, postings)) in earned {
            let lease = head.lease.as_ref().expect("a document has a lease");
            let description = format!("Service of {lease} through {date}");
            self.enter(date, &head, None, description, postings);
        }
    }

    /// The balance of every account and currency code that was posted to.
    pub fn balances(&self) -> Balances {
        balances(&self.transactions)
    }

    /// The same, of what was entered on days up to and including `day`.
    pub fn trial_balance(&self, day: Day) -> Balances {
        balances(self.transactions.iter().filter(|entry| entry.date <= day))
    }

    fn enter_accrual(&mut self, invoice: &Invoice, line: &Line, net: Money) {
        let mut postings = Postings::default();
        postings.add(chart::accrued(&invoice.lease), net);
        postings.add(chart::of_line(line.revenue, &invoice.lease), net.negated());
        self.enter(line.end, &Head::of(invoice), None, line.description.clone(), postings);
    }

    /// # Panics
    /// If the postings do not sum to zero: an unbalanced entry is a fault of the program.
    fn enter(
        &mut self,
        date: Day,
        head: &Head,
        due: Option<Day>,
        description: String,
        postings: Postings,
    ) {
        let postings = postings.into_list();
        if postings.is_empty() {
            return;
        }
        let (date, description) = self.first_open(date, description);
        let Head { document, lease, tenant } = head.clone();
        let entry = Transaction { date, document, lease, tenant, due, description, postings };
        assert!(entry.is_balanced(), "unbalanced entry {:?}", entry.description);
        self.transactions.push(entry);
    }

    /// The day on which something of `date` is entered, and how it is described there.
    fn first_open(&self, date: Day, description: String) -> (Day, String) {
        match self.closed {
            Some(closed) if date <= closed => {
                let open = closed.tomorrow().expect("books are closed before the calendar ends");
                (open, format!("{description} (late: of {date}, which is closed)"))
            }
            _ => (date, description),
        }
    }
}

/// The balance of every account and currency code that `entries` post to.
pub fn balances<'a>(entries: impl IntoIterator<Item = &'a Transaction>) -> Balances {
    let mut balances = Balances::new();
    for posting in entries.into_iter().flat_map(|entry| &entry.postings) {
        let key = (posting.account.clone(), posting.amount.currency().code());
        let balance = balances.entry(key).or_insert(Money::zero(posting.amount.currency()));
        *balance = balance.plus(posting.amount);
    }
    balances
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

    /// Number of the document that `posting`, one of its own, concerns.
    pub fn document_of<'a>(&'a self, posting: &'a Posting) -> Option<&'a str> {
        posting.document.as_deref().or(self.document.as_deref())
    }
}

impl Head {
    fn of(invoice: &Invoice) -> Self {
        Self {
            document: Some(invoice.number.clone()),
            lease: Some(invoice.lease.clone()),
            tenant: invoice.tenant.clone(),
        }
    }
}

impl Deferred {
    fn of(head: &Head, line: &Line, amount: Money) -> Self {
        Self {
            head: head.clone(),
            revenue: line.revenue,
            start: line.start,
            end: line.end,
            amount,
            recognised: Money::zero(amount.currency()),
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
    use LineKind::{Adjustment, Correction, DisputeCredit};
    let corrects = matches!(line.kind, Adjustment | Correction | DisputeCredit);
    if !line.revenue.is_earned() {
        Earning::AtIssue
    } else if invoice.issued <= line.end {
        Earning::Deferred
    } else if corrects || invoice.replaces.is_some() {
        Earning::AtIssue
    } else {
        Earning::Accrued
    }
}

fn describe(invoice: &Invoice) -> String {
    let what = if invoice.is_credit_note() { "Credit note" } else { "Invoice" };
    let mut text = format!("{what} {} for {}", invoice.number, invoice.lease);
    for (word, number) in [(", corrects", &invoice.corrects), (", replaces", &invoice.replaces)] {
        text.extend(number.iter().flat_map(|number| [word, " ", number]));
    }
    text
}

/// Postings in the making: one for each account and document, in the order in which they came up.
#[derive(Debug, Default)]
struct Postings(Vec<Posting>);

impl Postings {
    fn add(&mut self, account: String, amount: Money) {
        self.add_for(account, amount, None);
    }

    fn add_for(&mut self, account: String, amount: Money, document: Option<String>) {
        let same =
            |posting: &&mut Posting| posting.account == account && posting.document == document;
        match self.0.iter_mut().find(same) {
            Some(posting) => posting.amount = posting.amount.plus(amount),
            None => self.0.push(Posting { account, amount, document }),
        }
    }

    /// Without those that move nothing.
    fn into_list(self) -> Vec<Posting> {
        self.0.into_iter().filter(|posting| posting.amount.minor() != 0).collect()
    }
}
