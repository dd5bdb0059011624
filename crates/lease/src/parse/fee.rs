//! `[fee]`: the currency, the fixed fee, and the prices of what is metered.

use leasehold_diagnostics::{Field, Problem, Table, did_you_mean};
use leasehold_units::{Currency, Money, MoneyError, Ratio};

use super::{Term, escalator, optional, payment, tax};
use crate::escalation::PRICE_MAX;
use crate::{ChargeKinds, Fee, InvoiceTiming, Meter, Proration, UsageFee};

const METERS: [(&str, Meter); 4] = [
    ("energy", Meter::Energy),
    ("gpu_hours_used", Meter::GpuHoursUsed),
    ("gpu_hours_held", Meter::GpuHoursHeld),
    ("gpu_hours_over", Meter::GpuHoursOver),
];

/// The kinds of charges, as files name them.
const CHARGES: [&str; 2] = ["fixed", "usage"];

/// Reads the currency of `[fee]`, which other tables' amounts are in too.
pub fn read_currency(table: &Table<'_>) -> Option<Currency> {
    let expected = "a code of ISO 4217 such as \"USD\"";
    let currency = table.text_or_help("currency", "unknown-currency", expected, |code| {
        Currency::from_code(code).map_err(|error| match error {
            MoneyError::WithdrawnCurrency { successor, .. } => {
                Some(format!("{successor} took its place"))
            }
            _ => None,
        })
    });
    table.required("currency", currency, expected).map(|code| code.value)
}

/// Reads the rest of `[fee]`.
pub fn read(table: &Table<'_>, currency: Option<Currency>, term: Option<Term>) -> Option<Fee> {
    let fixed = read_money(table, "fixed", currency);
    let fixed = table.required("fixed", fixed, "the fee of a full month, \"1250000000.00\"");
    let ways = [("actual", Proration::Actual), ("30/360", Proration::Thirty360)];
    let proration = table.choice("proration", &ways);
    let proration = table.required("proration", proration, "how parts of months are counted");
    let times = [("advance", InvoiceTiming::Advance), ("arrears", InvoiceTiming::Arrears)];
    let invoice = table.required("invoice", table.choice("invoice", &times), "when it is invoiced");
    let due_days = table.integer("due_days", 0, 3660);
    let due_days = table.required("due_days", due_days, "days from issue to due");
    let usage = read_usages(table);
    let escalator = optional(table.table("escalator"), |table| escalator::read(table, term));
    let minimum = optional(table.table("minimum"), |table| payment::minimum(table, currency));
    let prepayments = payment::prepayments(&table.tables("prepayment"), currency, term);
    let deposit = optional(table.table("deposit"), |table| payment::deposit(table, currency, term));
    let late_interest = optional(table.table("late_interest"), payment::late_interest);
    let taxes = tax::read(&table.tables("tax"));
    table.finish();
    Some(Fee {
        fixed: fixed?,
        proration: proration?.value,
        invoice: invoice?.value,
        due_days: u32::try_from(due_days?.value).expect("at most ten years"),
        usage: usage?,
        escalator: escalator?,
        minimum: minimum?,
        prepayments: prepayments?,
        deposit: deposit?,
        late_interest: late_interest?,
        taxes: taxes?,
    })
}

/// A list of kinds of charges; `absent` where it is not given.
pub fn read_charges(
    table: &Table<'_>,
    key: &'static str,
    absent: ChargeKinds,
) -> Option<ChargeKinds> {
    if !table.has(key) {
        return Some(absent);
    }
    let [fixed, usage] = read_words(table, key, CHARGES)?;
    if !fixed && !usage {
        let message = format!("`{key}` names no charges");
        let expected = "\"fixed\", \"usage\" or both";
        table.report("some-charges", table.key_span(key), message, expected);
    }
    Some(ChargeKinds { fixed, usage })
}

/// Which of `words` a list names; each may be named once.
pub fn read_words<const N: usize>(
    table: &Table<'_>,
    key: &'static str,
    words: [&str; N],
) -> Option<[bool; N]> {
    let mut named = [false; N];
    let mut sound = true;
    let list: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    for text in table.strings(key)? {
        let place = words.iter().position(|word| *word == text.value);
        let help = did_you_mean(&text.value, words.into_iter());
        let problem = match place {
            Some(place) if named[place] => {
                let message = format!("{} is named twice", text.value);
                Some(Problem::new("duplicate-name", text.span, message, "each word once"))
            }
            Some(_) => None,
            None => {
                let message = format!("`{key}` has {:?} in it", text.value);
                let expected = format!("some of {}", list.join(", "));
                Some(Problem { help, ..Problem::new("not-a-choice", text.span, message, expected) })
            }
        };
        if let Some(place) = place {
            named[place] = true;
        }
        sound &= problem.is_none();
        problem.into_iter().for_each(|problem| table.document().report(problem));
    }
    sound.then_some(named)
}

/// An amount of `currency`. Where that could not be read, only the form is checked.
pub fn read_money(
    table: &Table<'_>,
    key: &'static str,
    currency: Option<Currency>,
) -> Option<Money> {
    let Some(currency) = currency else {
        table.decimal(key);
        return None;
    };
    let digits = currency.digits();
    let expected = format!("an amount in quotes with at most {digits} digits after the point");
    let field = table.text(key, "not-an-amount", &expected, |text| {
        match Money::from_decimal(text, currency) {
            Err(MoneyError::TooManyDigits { .. }) => Some(Err(format!("`{key}` is {text:?}"))),
            other => other.ok().map(Ok),
        }
    })?;
    match field.value {
        Ok(money) => Some(money),
        Err(message) => {
            table.report("too-many-digits", field.span, message, &expected);
            None
        }
    }
}

fn read_usages(table: &Table<'_>) -> Option<Vec<UsageFee>> {
    let mut fees: Vec<Option<UsageFee>> = Vec::new();
    for usage in table.tables("usage") {
        let meter = usage.choice("meter", &METERS);
        let meter = usage.required("meter", meter, "what is metered");
        let price = usage.decimal_within("price", Ratio::ZERO, PRICE_MAX);
        let price = usage.required("price", price, "per kWh or per GPU-hour");
        usage.finish();
        let again = |meter: &&Field<Meter>| fees.iter().flatten().any(|f| f.meter == meter.value);
        if let Some(meter) = meter.as_ref().filter(again) {
            let message = "a meter is priced twice".to_owned();
            usage.report("duplicate-meter", meter.span.clone(), message, "each meter once");
        }
        fees.push(
            meter.zip(price).map(|(m, price)| UsageFee { meter: m.value, price: price.value }),
        );
    }
    fees.into_iter().collect()
}
