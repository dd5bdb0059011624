//! Documents, payments and disputes made small, and a landlord's desk that keeps the books.

use leasehold_lease::Side;
use leasehold_ledger::{
    AccountFact, AccountRefusal, Bookkeeping, Correction, Derivation, Dispute, Invoice, Line,
    LineKind, Payment, RecordDigest, Request, Resolution, Revenue, TaxPart,
};
use leasehold_units::{Currency, Day, LeaseId, Money, Name, PartyId};

use super::currency;

/// Books, the documents behind them, and the day on which the landlord is.
pub struct Desk {
    pub accounts: Bookkeeping,
    pub issued: Vec<Invoice>,
    pub today: Day,
}

/// One line: which revenue, first and last day of service, minor units, and what of it is tax.
pub type LineSpec = (Revenue, Day, Day, i128, i128);

impl Desk {
    pub fn new(today: Day) -> Self {
        Self { accounts: Bookkeeping::new(), issued: Vec::new(), today }
    }

    /// Issues a document today, due so many days later, and returns its number.
    pub fn issue(&mut self, tenant: &str, unit: &str, lines: &[LineSpec], due: i64) -> String {
        let number = number(self.issued.len() + 1);
        let invoice = invoice(&number, tenant, currency(unit), lines, (self.today, due));
        self.accounts.issue(&invoice);
        self.issued.push(invoice);
        number
    }

    /// What a request comes to today; it is folded in.
    pub fn ask(&mut self, request: &Request) -> Result<Option<AccountFact>, AccountRefusal> {
        let mut taken = self.issued.len();
        let mut numbers = |_: &PartyId, _| {
            taken += 1;
            number(taken)
        };
        let fact = self.accounts.weigh(request, self.today, &self.issued, &mut numbers)?;
        if let Some(fact) = &fact {
            self.accounts.apply(fact);
            self.issued.extend(documents(fact).cloned());
        }
        Ok(fact)
    }

    /// The same, where it must be a new fact.
    pub fn must(&mut self, request: Request) -> AccountFact {
        self.ask(&request).expect("it is allowed").expect("it is new")
    }

    pub fn pay(&self, id: &str, tenant: &str, amount: Money, documents: &[&str]) -> Request {
        Request::Pay(Payment {
            id: id.into(),
            tenant: party(tenant),
            day: self.today,
            amount,
            documents: documents.iter().map(|number| (*number).to_owned()).collect(),
        })
    }

    pub fn dispute(&self, id: &str, tenant: &str, document: &str, amount: Money) -> Request {
        Request::Dispute(Dispute {
            id: id.into(),
            tenant: party(tenant),
            document: document.into(),
            day: self.today,
            amount,
        })
    }

    pub fn resolve(&self, dispute: &str, tenant: &str, favour: Side) -> Request {
        let (tenant, dispute) = (party(tenant), dispute.into());
        Request::Resolve(Resolution { tenant, dispute, day: self.today, favour })
    }

    pub fn correct(&self, document: &str, amounts: Vec<(usize, Money)>) -> Request {
        let (document, reason) = (document.into(), "the price was wrong".into());
        Request::Correct(Correction { document, reason, amounts })
    }
}

/// The documents that a fact issues, in order.
pub fn documents(fact: &AccountFact) -> impl Iterator<Item = &Invoice> {
    let (first, second) = match fact {
        AccountFact::Resolved { credit, .. } => (credit.as_ref(), None),
        AccountFact::Corrected { credit, replacement } => (Some(credit), Some(replacement)),
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

pub fn party(name: &str) -> PartyId {
    PartyId::new(name).expect("a name")
}

pub fn number(sequence: usize) -> String {
    format!("landlord-2026-{sequence:06}")
}

pub fn money(minor: i128, unit: &str) -> Money {
    Money::from_minor(minor, currency(unit))
}

/// A document of these lines; what is tax of a line is value-added tax.
pub fn invoice(
    number: &str,
    tenant: &str,
    unit: Currency,
    lines: &[LineSpec],
    (issued, due_days): (Day, i64),
) -> Invoice {
    let amount = |minor: i128| Money::from_minor(minor, unit);
    let line = |(revenue, start, end, minor, _): &LineSpec| Line {
        kind: kind(*revenue),
        revenue: *revenue,
        description: format!("A line of {}", revenue.key()),
        start: *start,
        end: *end,
        amount: amount(*minor),
        derivation: Derivation {
            formula: "given".into(),
            inputs: vec![("given".into(), amount(*minor).to_string())],
            ..Derivation::default()
        },
    };
    let taxed = lines.iter().enumerate().filter(|(_, line)| line.4 != 0);
    let part = |(line, spec): (usize, &LineSpec)| TaxPart {
        name: Name::new("vat").expect("a name"),
        line,
        amount: amount(spec.4),
    };
    Invoice {
        number: number.to_owned(),
        landlord: party("landlord"),
        tenant: party(tenant),
        lease: LeaseId::new(&format!("{tenant}-lease")).expect("a name"),
        terms: Vec::new(),
        record: RecordDigest { facts: 0, sha256: [0; 32] },
        currency: unit,
        issued,
        due: issued.saturating_add(jiff::Span::new().days(due_days)),
        lines: lines.iter().map(line).collect(),
        total: amount(lines.iter().map(|line| line.3).sum()),
        taxes: taxed.map(part).collect(),
        corrects: None,
        replaces: None,
    }
}

fn kind(revenue: Revenue) -> LineKind {
    match revenue {
        Revenue::Fixed => LineKind::Fixed,
        Revenue::Usage => LineKind::Usage(leasehold_lease::Meter::Energy),
        Revenue::Credits => LineKind::ServiceCredit,
        Revenue::Interest => LineKind::LateInterest,
        Revenue::Tax => LineKind::Tax,
        Revenue::Prepayments => LineKind::Prepayment,
        Revenue::Deposits => LineKind::Deposit,
    }
}
