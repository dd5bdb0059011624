//! What is paid beside the invoices: the minimum, prepayments, the deposit, interest.

use leasehold_diagnostics::{Field, Table};
use leasehold_units::{Currency, Day, Money, Ratio};

use super::Term;
use super::fee::{read_charges, read_money};
use super::tax::read_rate;
use crate::{ChargeKinds, DayCount, Deposit, LateInterest, Minimum, MinimumPeriod, Prepayment};

/// Reads `[fee.minimum]`.
pub fn minimum(table: &Table<'_>, currency: Option<Currency>) -> Option<Minimum> {
    let amount = read_amount(table, currency, "the least of a whole period, \"1000000.00\"");
    let periods = [
        ("month", MinimumPeriod::Month),
        ("quarter", MinimumPeriod::Quarter),
        ("year", MinimumPeriod::Year),
        ("term", MinimumPeriod::Term),
    ];
    let per = table.required("per", table.choice("per", &periods), "the period, \"year\"");
    let counts = read_charges(table, "counts", ChargeKinds::ALL);
    table.finish();
    Some(Minimum { amount: amount?, per: per?.value, counts: counts? })
}

/// Reads every `[[fee.prepayment]]`.
pub fn prepayments(
    tables: &[Table<'_>],
    currency: Option<Currency>,
    term: Option<Term>,
) -> Option<Vec<Prepayment>> {
    let mut payments: Vec<Option<Prepayment>> = Vec::new();
    let mut last: Option<Day> = None;
    for table in tables {
        let due = read_due(table, "prepayment-before-end", term);
        let amount = read_amount(table, currency, "what is paid ahead, \"1000000.00\"");
        let draw = table.percent("draw");
        let draw = table.required("draw", draw, "share of each invoice, \"100%\"");
        table.finish();
        check_draw(table, draw.as_ref());
        if let Some(due) = &due {
            check_order(table, due, last);
            last = Some(due.value);
        }
        let fields = due.zip(amount).zip(draw);
        payments.push(fields.map(|((due, amount), draw)| Prepayment {
            due: due.value,
            amount,
            draw: draw.value,
        }));
    }
    payments.into_iter().collect()
}

fn check_draw(table: &Table<'_>, draw: Option<&Field<Ratio>>) {
    if let Some(draw) = draw.filter(|draw| draw.value == Ratio::ZERO) {
        let message = "nothing is ever drawn".to_owned();
        table.report("prepayment-drawn", draw.span.clone(), message, "a share above \"0%\"");
    }
}

fn check_order(table: &Table<'_>, due: &Field<Day>, last: Option<Day>) {
    if let Some(last) = last.filter(|last| due.value <= *last) {
        let message = format!("a prepayment due {} follows one due {last}", due.value);
        let expected = format!("a day after {last}: they are drawn down in this order");
        table.report("prepayment-in-order", due.span.clone(), message, &expected);
    }
}

/// Reads `[fee.deposit]`.
pub fn deposit(
    table: &Table<'_>,
    currency: Option<Currency>,
    term: Option<Term>,
) -> Option<Deposit> {
    let amount = read_amount(table, currency, "what is held as security, \"1000000.00\"");
    let due = read_due(table, "deposit-before-end", term);
    let days = table.integer("return_days", 0, 3660);
    let days = table.required("return_days", days, "days from the last day of service, 30");
    table.finish();
    let days = u32::try_from(days?.value).expect("at most ten years");
    Some(Deposit { amount: amount?, due: due?.value, return_days: days })
}

/// Reads `[fee.late_interest]`.
pub fn late_interest(table: &Table<'_>) -> Option<LateInterest> {
    let rate = table.required("rate", read_rate(table), "the interest of a year, \"8%\"");
    let counts = [
        ("actual/365", DayCount::Actual365),
        ("actual/360", DayCount::Actual360),
        ("30/360", DayCount::Thirty360),
    ];
    let day_count = table.choice("day_count", &counts);
    let day_count = table.required("day_count", day_count, "how days become parts of a year");
    let grace = table.integer("grace_days", 0, 3660);
    let grace = table.required("grace_days", grace, "days after the due day without interest");
    table.finish();
    let grace_days = u32::try_from(grace?.value).expect("at most ten years");
    Some(LateInterest { rate: rate?.value, day_count: day_count?.value, grace_days })
}

/// An amount above zero.
fn read_amount(table: &Table<'_>, currency: Option<Currency>, expected: &str) -> Option<Money> {
    let amount = read_money(table, "amount", currency);
    if amount.is_some_and(|amount| amount.minor() == 0) {
        let message = "`amount` is nothing".to_owned();
        let expected = "an amount above zero, or no such table";
        table.report("some-amount", table.key_span("amount"), message, expected);
    }
    table.required("amount", amount, expected)
}

/// A due day, which may lie before the term and not after it.
fn read_due(table: &Table<'_>, rule: &'static str, term: Option<Term>) -> Option<Field<Day>> {
    let due = table.required("due", table.day("due"), "the day on which it is due");
    if let Some((due, (_, end))) = due.as_ref().zip(term).filter(|(due, (_, end))| due.value > *end)
    {
        let message = format!("it is due on {}, after the term", due.value);
        table.report(rule, due.span.clone(), message, &format!("{end} or an earlier day"));
    }
    due
}
