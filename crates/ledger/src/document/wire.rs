//! The wire form of a document.
//!
//! Types of their own, so that the order of keys and the form of values stay what they are when
//! the types of the ledger change. Keys stand in a fixed order, amounts are decimal strings with
//! the currency's digits, days are ISO 8601; two spaces of indent, one newline at the end.

use leasehold_lease::Meter;
use leasehold_units::{Currency, Day, LeaseId, Money, Month, Name, PartyId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{PublicKey, Sealed};
use crate::record::RecordDigest;
use crate::wording::meter_key;
use crate::{
    Derivation, DueLine, Invoice, Line, LineKind, Revenue, TaxPart, TermsDigest, UsageDigest,
};

/// Name and version of the form.
const FORMAT: &str = "leasehold-invoice/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireInvoice {
    format: String,
    number: String,
    document: String,
    landlord: String,
    tenant: String,
    lease: String,
    terms: Vec<WireTerms>,
    record: WireRecord,
    currency: String,
    issued: String,
    due: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrects: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    lines: Vec<WireLine>,
    total: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<WireTax>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTerms {
    version: u32,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecord {
    facts: u64,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLine {
    kind: String,
    meter: Option<String>,
    revenue: String,
    description: String,
    start: String,
    end: String,
    amount: String,
    derivation: WireDerivation,
}

/// The part of a line, counted from 1, that is tax.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTax {
    name: String,
    line: usize,
    amount: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDerivation {
    terms_version: u32,
    formula: String,
    inputs: Vec<WireInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    due_lines: Vec<WireDueLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireInput {
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireUsage {
    month: String,
    intervals: u64,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDueLine {
    description: String,
    amount: String,
    derivation: WireDerivation,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    algorithm: String,
    key: String,
    value: String,
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not of this form at all.
    #[error("not an invoice of the form {FORMAT}: {0}")]
    Form(String),
    /// A value cannot be.
    #[error("`{field}` is {value:?}: expected {expected}")]
    Value {
        /// Which.
        field: &'static str,
        /// What it says.
        value: String,
        /// What it should.
        expected: &'static str,
    },
    /// It says what a document says, and is written otherwise.
    #[error("the text is not the one that its document has: it was altered, if only in its blanks")]
    Altered,
    /// It has no seal.
    #[error("the document is not sealed: it has no `signature`")]
    NotSealed,
}

impl Invoice {
    /// The document as JSON, without a seal. The same document always gives the same bytes.
    pub fn to_json(&self) -> String {
        pretty(&wire_invoice(self))
    }
}

impl Sealed {
    /// The sealed document as JSON.
    pub fn to_json(&self) -> String {
        let mut wire = wire_invoice(&self.invoice);
        wire.signature = Some(WireSignature {
            algorithm: "ed25519".into(),
            key: self.key.to_string(),
            value: hex(&self.signature),
        });
        pretty(&wire)
    }

    /// Reads a sealed document. The seal is not looked at.
    ///
    /// # Errors
    /// Where the text is not, byte for byte, one that [`Sealed::to_json`] writes.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let form = |error: serde_json::Error| ReadError::Form(error.to_string());
        let wire: WireInvoice = serde_json::from_str(text).map_err(form)?;
        let signature = wire.signature.as_ref().ok_or(ReadError::NotSealed)?;
        expect("algorithm", &signature.algorithm, "ed25519", &["ed25519"])?;
        let key = PublicKey::from_hex(&signature.key);
        let key = key.ok_or_else(|| bad("key", &signature.key, "32 bytes in hexadecimal"))?;
        let value = unhex(&signature.value);
        let value = value.ok_or_else(|| bad("value", &signature.value, "64 bytes in hexadecimal"));
        let sealed = Self { key, signature: value?, invoice: invoice_of(&wire)? };
        if sealed.to_json() == text { Ok(sealed) } else { Err(ReadError::Altered) }
    }
}

/// The bytes that are sealed: the document without its seal as RFC 8785 writes it, keys sorted and
/// no blanks.
pub fn canonical(invoice: &Invoice) -> Vec<u8> {
    let value = serde_json::to_value(wire_invoice(invoice)).expect("strings always serialise");
    let mut text = String::new();
    write_canonical(&value, &mut text);
    text.into_bytes()
}

/// Documents hold texts, small whole numbers, lists and objects with ASCII keys: for these, sorting
/// the keys and leaving out the blanks is all that RFC 8785 asks for.
fn write_canonical(value: &serde_json::Value, text: &mut String) {
    use serde_json::Value;
    match value {
        Value::Array(items) => join(items, text, ('[', ']'), write_canonical),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            join(members, text, ('{', '}'), |(key, value), text| {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            });
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn join<T>(
    items: impl IntoIterator<Item = T>,
    text: &mut String,
    (open, close): (char, char),
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(close);
}

fn pretty(wire: &WireInvoice) -> String {
    serde_json::to_string_pretty(wire).expect("strings and lists always serialise") + "\n"
}

fn wire_invoice(invoice: &Invoice) -> WireInvoice {
    let terms =
        |terms: &TermsDigest| WireTerms { version: terms.version, sha256: hex(&terms.sha256) };
    WireInvoice {
        format: FORMAT.into(),
        number: invoice.number.clone(),
        document: document_key(invoice.is_credit_note()).into(),
        landlord: invoice.landlord.to_string(),
        tenant: invoice.tenant.to_string(),
        lease: invoice.lease.to_string(),
        terms: invoice.terms.iter().map(terms).collect(),
        record: WireRecord { facts: invoice.record.facts, sha256: hex(&invoice.record.sha256) },
        currency: invoice.currency.code().into(),
        issued: invoice.issued.to_string(),
        due: invoice.due.to_string(),
        corrects: invoice.corrects.clone(),
        replaces: invoice.replaces.clone(),
        lines: invoice.lines.iter().map(wire_line).collect(),
        total: invoice.total.to_string(),
        taxes: invoice.taxes.iter().map(wire_tax).collect(),
        signature: None,
    }
}

fn wire_tax(part: &TaxPart) -> WireTax {
    let (name, amount) = (part.name.to_string(), part.amount.to_string());
    WireTax { name, line: part.line + 1, amount }
}

const fn document_key(is_credit_note: bool) -> &'static str {
    if is_credit_note { "credit_note" } else { "invoice" }
}

fn wire_line(line: &Line) -> WireLine {
    WireLine {
        kind: line.kind.key().into(),
        meter: line.kind.meter().map(|meter| meter_key(meter).into()),
        revenue: line.revenue.key().into(),
        description: line.description.clone(),
        start: line.start.to_string(),
        end: line.end.to_string(),
        amount: line.amount.to_string(),
        derivation: wire_derivation(&line.derivation),
    }
}

fn wire_derivation(derivation: &Derivation) -> WireDerivation {
    let input =
        |(name, value): &(String, String)| WireInput { name: name.clone(), value: value.clone() };
    let usage = |usage: &UsageDigest| WireUsage {
        month: usage.month.to_string(),
        intervals: usage.intervals,
        sha256: hex(&usage.sha256),
    };
    let due_line = |line: &DueLine| WireDueLine {
        description: line.description.clone(),
        amount: line.amount.to_string(),
        derivation: wire_derivation(&line.derivation),
    };
    WireDerivation {
        terms_version: derivation.terms_version,
        formula: derivation.formula.clone(),
        inputs: derivation.inputs.iter().map(input).collect(),
        usage: derivation.usage.as_ref().map(usage),
        due_lines: derivation.due_lines.iter().map(due_line).collect(),
    }
}

fn invoice_of(wire: &WireInvoice) -> Result<Invoice, ReadError> {
    expect("format", &wire.format, FORMAT, &[FORMAT])?;
    let code = &wire.currency;
    let currency = Currency::from_code(code).map_err(|_| bad("currency", code, "a currency"))?;
    let terms = |terms: &WireTerms| {
        Ok(TermsDigest { version: terms.version, sha256: digest(&terms.sha256)? })
    };
    let lines: Vec<Line> =
        wire.lines.iter().map(|line| line_of(line, currency)).collect::<Result<_, _>>()?;
    Ok(Invoice {
        number: number("number", &wire.number)?,
        landlord: name("landlord", &wire.landlord, PartyId::new)?,
        tenant: name("tenant", &wire.tenant, PartyId::new)?,
        lease: name("lease", &wire.lease, LeaseId::new)?,
        terms: wire.terms.iter().map(terms).collect::<Result<_, _>>()?,
        record: RecordDigest { facts: wire.record.facts, sha256: digest(&wire.record.sha256)? },
        currency,
        issued: day("issued", &wire.issued)?,
        due: day("due", &wire.due)?,
        taxes: wire
            .taxes
            .iter()
            .map(|part| tax_of(part, lines.len(), currency))
            .collect::<Result<_, _>>()?,
        lines,
        total: money("total", &wire.total, currency)?,
        corrects: wire.corrects.as_deref().map(|text| number("corrects", text)).transpose()?,
        replaces: wire.replaces.as_deref().map(|text| number("replaces", text)).transpose()?,
    })
}

/// A number of a document is shown on terminals and names files: it holds what names hold.
fn number(field: &'static str, text: &str) -> Result<String, ReadError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let good = (1..=128).contains(&text.len()) && text.bytes().all(allowed);
    if good { Ok(text.to_owned()) } else { Err(bad(field, text, "a number of a document")) }
}

fn tax_of(wire: &WireTax, lines: usize, currency: Currency) -> Result<TaxPart, ReadError> {
    let line = wire.line.checked_sub(1).filter(|line| *line < lines);
    Ok(TaxPart {
        name: name("name", &wire.name, Name::new)?,
        line: line.ok_or_else(|| bad("line", &wire.line.to_string(), "a line of the document"))?,
        amount: money("amount", &wire.amount, currency)?,
    })
}

fn digest(text: &str) -> Result<[u8; 32], ReadError> {
    unhex(text).ok_or_else(|| bad("sha256", text, "a SHA-256 in 64 hexadecimal digits"))
}

fn line_of(wire: &WireLine, currency: Currency) -> Result<Line, ReadError> {
    let meter = wire.meter.as_deref().map(meter_of).transpose()?;
    let kind = LineKind::from_key(&wire.kind, meter)
        .ok_or_else(|| bad("kind", &wire.kind, "a kind of line with its meter"))?;
    let revenue = Revenue::from_key(&wire.revenue)
        .ok_or_else(|| bad("revenue", &wire.revenue, "a kind of revenue"))?;
    Ok(Line {
        kind,
        revenue,
        description: wire.description.clone(),
        start: day("start", &wire.start)?,
        end: day("end", &wire.end)?,
        amount: money("amount", &wire.amount, currency)?,
        derivation: derivation_of(&wire.derivation, currency)?,
    })
}

fn derivation_of(wire: &WireDerivation, currency: Currency) -> Result<Derivation, ReadError> {
    let due_line = |line: &WireDueLine| {
        Ok(DueLine {
            description: line.description.clone(),
            amount: money("amount", &line.amount, currency)?,
            derivation: derivation_of(&line.derivation, currency)?,
        })
    };
    Ok(Derivation {
        terms_version: wire.terms_version,
        formula: wire.formula.clone(),
        inputs: wire.inputs.iter().map(|i| (i.name.clone(), i.value.clone())).collect(),
        usage: wire.usage.as_ref().map(usage_of).transpose()?,
        due_lines: wire.due_lines.iter().map(due_line).collect::<Result<_, _>>()?,
    })
}

fn usage_of(wire: &WireUsage) -> Result<UsageDigest, ReadError> {
    let month = format!("{}-01", wire.month).parse::<Day>().map(Month::of);
    let month = month.map_err(|_| bad("month", &wire.month, "a month such as 2026-05"))?;
    Ok(UsageDigest { month, intervals: wire.intervals, sha256: digest(&wire.sha256)? })
}

fn meter_of(key: &str) -> Result<Meter, ReadError> {
    let all =
        [Meter::Energy, Meter::GpuHoursUsed, Meter::GpuHoursHeld, Meter::GpuHoursOver].into_iter();
    let found = all.into_iter().find(|meter| meter_key(*meter) == key);
    found.ok_or_else(|| bad("meter", key, "a meter"))
}

fn expect(
    field: &'static str,
    value: &str,
    expected: &'static str,
    allowed: &[&str],
) -> Result<(), ReadError> {
    if allowed.contains(&value) { Ok(()) } else { Err(bad(field, value, expected)) }
}

fn name<T, E>(
    field: &'static str,
    value: &str,
    make: impl Fn(&str) -> Result<T, E>,
) -> Result<T, ReadError> {
    make(value).map_err(|_| bad(field, value, "a name"))
}

fn day(field: &'static str, value: &str) -> Result<Day, ReadError> {
    value.parse().map_err(|_| bad(field, value, "a day such as 2026-05-01"))
}

fn money(field: &'static str, value: &str, currency: Currency) -> Result<Money, ReadError> {
    Money::from_signed_decimal(value, currency)
        .map_err(|_| bad(field, value, "an amount with the currency's digits"))
}

fn bad(field: &'static str, value: &str, expected: &'static str) -> ReadError {
    ReadError::Value { field, value: value.into(), expected }
}

/// `bytes` in small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes digits");
        text
    })
}

/// The `N` bytes that `text` has in hexadecimal digits.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).expect("digits are ASCII");
        *byte = u8::from_str_radix(pair, 16).expect("two hexadecimal digits make a byte");
    }
    Some(bytes)
}

/// As the document that it is.
impl Serialize for Invoice {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        wire_invoice(self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Invoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        invoice_of(&WireInvoice::deserialize(from)?).map_err(de::Error::custom)
    }
}
