//! Events of the books in a scenario: payments, disputes, corrections, closed days.

use leasehold_diagnostics::Table;
use leasehold_lease::Side;
use leasehold_ledger::{Correction, Dispute, Payment, Request, Resolution};
use leasehold_units::{Currency, Day, Money, PartyId};

/// Kinds of such events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountWord {
    /// Money comes in.
    Payment,
    /// A part of a document is disputed.
    Dispute,
    /// A dispute ends.
    Resolution,
    /// A document is given back and issued again.
    Correction,
    /// Days are closed.
    Close,
}

/// What is asked of the books, without the day on which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSpec {
    /// Everything but the day, which is the event's: any day stands for it here.
    undated: Request,
}

impl AccountSpec {
    /// Reads the keys of an event of kind `word`.
    pub fn read(table: &Table<'_>, word: AccountWord) -> Option<Self> {
        let undated = match word {
            AccountWord::Payment => read_payment(table).map(Request::Pay),
            AccountWord::Dispute => read_dispute(table).map(Request::Dispute),
            AccountWord::Resolution => read_resolution(table).map(Request::Resolve),
            AccountWord::Correction => read_correction(table).map(Request::Correct),
            AccountWord::Close => {
                let through = table.required("through", table.day("through"), "the last day");
                through.map(|through| Request::Close { through: through.value })
            }
        };
        undated.map(|undated| Self { undated })
    }

    /// What is asked for on `day`.
    pub fn on(&self, day: Day) -> Request {
        let mut request = self.undated.clone();
        match &mut request {
            Request::Pay(payment) => payment.day = day,
            Request::Dispute(dispute) => dispute.day = day,
            Request::Resolve(resolution) => resolution.day = day,
            Request::Correct(_) | Request::Close { .. } => {}
        }
        request
    }
}

fn read_payment(table: &Table<'_>) -> Option<Payment> {
    let id = read_text(table, "id", "a name for the payment");
    let tenant = read_tenant(table);
    let amount = read_amount(table);
    let documents = table.strings("documents").unwrap_or_default();
    Some(Payment {
        id: id?,
        tenant: tenant?,
        day: Day::MIN,
        amount: amount?,
        documents: documents.into_iter().map(|field| field.value).collect(),
    })
}

fn read_dispute(table: &Table<'_>) -> Option<Dispute> {
    let id = read_text(table, "id", "a name for the dispute");
    let tenant = read_tenant(table);
    let document = read_text(table, "document", "the number of a document");
    let amount = read_amount(table);
    Some(Dispute { id: id?, tenant: tenant?, document: document?, day: Day::MIN, amount: amount? })
}

fn read_resolution(table: &Table<'_>) -> Option<Resolution> {
    let dispute = read_text(table, "dispute", "the name of the dispute");
    let tenant = read_tenant(table);
    let sides = [("landlord", Side::Landlord), ("tenant", Side::Tenant)];
    let favour = table.required("favour", table.choice("favour", &sides), "who was right");
    Some(Resolution { tenant: tenant?, dispute: dispute?, day: Day::MIN, favour: favour?.value })
}

/// `line` counts from 1, as people do.
fn read_correction(table: &Table<'_>) -> Option<Correction> {
    let document = read_text(table, "document", "the number of a document");
    let reason = read_text(table, "reason", "why it is wrong");
    let line = table.integer("line", 1, 100_000);
    let right = match line {
        None => None,
        Some(line) => {
            let place = usize::try_from(line.value - 1).expect("few lines");
            Some((place, read_amount(table)?))
        }
    };
    Some(Correction { document: document?, reason: reason?, amounts: right.into_iter().collect() })
}

fn read_tenant(table: &Table<'_>) -> Option<PartyId> {
    let tenant = table.name("tenant", PartyId::new);
    table.required("tenant", tenant, "which tenant").map(|field| field.value)
}

fn read_text(table: &Table<'_>, key: &'static str, expected: &str) -> Option<String> {
    table.required(key, table.string(key), expected).map(|field| field.value)
}

/// `amount` and `currency`.
fn read_amount(table: &Table<'_>) -> Option<Money> {
    let expected = "a code of ISO 4217 such as \"USD\"";
    let code = |text: &str| Currency::from_code(text).ok();
    let currency = table.text("currency", "unknown-currency", expected, code);
    let currency = table.required("currency", currency, expected);
    let unit = currency.as_ref().map(|currency| currency.value);
    let expected = "a decimal with at most the currency's digits, \"625000000.00\"";
    let decimal = |text: &str| match unit {
        Some(unit) => Money::from_decimal(text, unit).ok().map(Some),
        // The currency was reported already.
        None => Some(None),
    };
    let amount = table.text("amount", "not-an-amount", expected, decimal);
    table.required("amount", amount, expected)?.value
}
