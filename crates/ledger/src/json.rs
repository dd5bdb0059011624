//! The wire form of an invoice: its signed JSON.
//!
//! Types of their own, so that the order of keys and the form of values stay what they are when
//! the types of the ledger change.

use serde::Serialize;

use crate::wording::meter_key;
use crate::{Invoice, Line};

#[derive(Serialize)]
struct WireInvoice<'a> {
    number: &'a str,
    document: &'static str,
    landlord: &'a str,
    tenant: &'a str,
    lease: &'a str,
    currency: &'static str,
    issued: String,
    due: String,
    lines: Vec<WireLine<'a>>,
    total: String,
}

#[derive(Serialize)]
struct WireLine<'a> {
    kind: &'static str,
    meter: Option<&'static str>,
    revenue: &'static str,
    description: &'a str,
    start: String,
    end: String,
    amount: String,
    derivation: WireDerivation<'a>,
}

#[derive(Serialize)]
struct WireDerivation<'a> {
    formula: &'a str,
    inputs: Vec<WireInput<'a>>,
}

#[derive(Serialize)]
struct WireInput<'a> {
    name: &'a str,
    value: &'a str,
}

impl Invoice {
    /// The invoice as JSON: keys in a fixed order, amounts as decimal strings with the
    /// currency's digits, days as ISO 8601, two spaces of indent, one newline at the end. The
    /// same invoice always gives the same bytes.
    pub fn to_json(&self) -> String {
        let wire = WireInvoice {
            number: &self.number,
            document: if self.is_credit_note() { "credit_note" } else { "invoice" },
            landlord: self.landlord.as_str(),
            tenant: self.tenant.as_str(),
            lease: self.lease.as_str(),
            currency: self.currency.code(),
            issued: self.issued.to_string(),
            due: self.due.to_string(),
            lines: self.lines.iter().map(wire_line).collect(),
            total: self.total.to_string(),
        };
        let text = serde_json::to_string_pretty(&wire).expect("strings and lists always serialise");
        text + "\n"
    }
}

fn wire_line(line: &Line) -> WireLine<'_> {
    let inputs = line.derivation.inputs.iter();
    WireLine {
        kind: line.kind.key(),
        meter: line.kind.meter().map(meter_key),
        revenue: line.revenue.key(),
        description: &line.description,
        start: line.start.to_string(),
        end: line.end.to_string(),
        amount: line.amount.to_string(),
        derivation: WireDerivation {
            formula: &line.derivation.formula,
            inputs: inputs.map(|(name, value)| WireInput { name, value }).collect(),
        },
    }
}
