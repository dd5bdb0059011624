//! `[fee.escalator]`: how the fees grow, by a share or by an index.

use leasehold_diagnostics::{Field, Table};
use leasehold_units::{Day, Ratio};

use super::fee::read_charges;
use super::{Term, check_inside};
use crate::{ChargeKinds, Escalator, Growth, Index, IndexEntry, Lease, Terms};

/// Most months from one anniversary to the next: a century.
const MONTHS_MAX: u64 = 1200;

/// Least and most value of an index, and most digits after its point.
const VALUE_LEAST: Ratio = Ratio::ONE;
const VALUE_MAX: Ratio = Ratio::whole(1_000_000);

/// Reads `[fee.escalator]`.
pub fn read(table: &Table<'_>, term: Option<Term>) -> Option<Escalator> {
    let every = table.integer("every_months", 1, MONTHS_MAX);
    let expected = "whole months from one anniversary to the next, such as 12";
    let every = table.required("every_months", every, expected);
    let from = table.day("from");
    if let Some(from) = &from {
        check_inside(table, "from", "escalator-inside-term", from, term);
    }
    let applies_to = read_charges(table, "applies_to", ChargeKinds::FIXED);
    let growth = read_growth(table);
    table.finish();
    Some(Escalator {
        growth: growth?,
        every_months: u32::try_from(every?.value).expect("at most a century"),
        from: from.map(|day| day.value),
        applies_to: applies_to?,
    })
}

/// Either `percent`, or `index` with its `base` and perhaps a `cap`.
fn read_growth(table: &Table<'_>) -> Option<Growth> {
    let percent = table.percent("percent");
    let index = read_index(table);
    if !table.has("percent") && !table.has("index") {
        let expected = "the growth from one anniversary to the next, \"3%\", or `index`";
        table.required::<()>("percent", None, expected);
    }
    if table.has("percent") {
        for key in ["index", "base", "cap"].into_iter().filter(|key| table.has(key)) {
            let message = format!("`percent` and `{key}` are both given");
            let expected = "either `percent`, or `index` with its `base`";
            table.report("one-growth", table.key_span(key), message, expected);
        }
        return percent.map(|percent| Growth::Percent(percent.value));
    }
    index.map(Growth::Index)
}

fn read_index(table: &Table<'_>) -> Option<Index> {
    let base = table.decimal_within("base", VALUE_LEAST, VALUE_MAX);
    let cap = table.percent("cap");
    let entries = read_entries(&table.tables("index"));
    if table.has("percent") {
        return None;
    }
    let wanted = table.has("index") || table.has("base");
    if wanted {
        table.required("base", base.as_ref(), "the value that stands for factor 1, \"305.109\"");
        let entry = "{ publish = 2027-01-13, value = \"312.332\" }";
        table.required("index", entries.as_ref(), &format!("what was published: [{entry}]"));
    }
    Some(Index { base: base?.value, entries: entries?, cap: cap.map(|cap| cap.value) })
}

fn read_entries(tables: &[Table<'_>]) -> Option<Vec<IndexEntry>> {
    let mut entries: Vec<Option<IndexEntry>> = Vec::new();
    let mut last: Option<Day> = None;
    for table in tables {
        let publish = table.required("publish", table.day("publish"), "the day of publication");
        let value = table.decimal_within("value", VALUE_LEAST, VALUE_MAX);
        let value = table.required("value", value, "what was published, \"312.332\"");
        table.finish();
        if let Some(publish) = &publish {
            check_order(table, publish, last);
            last = Some(publish.value);
        }
        entries.push(
            publish
                .zip(value)
                .map(|(publish, value)| IndexEntry { publish: publish.value, value: value.value }),
        );
    }
    entries.into_iter().collect()
}

fn check_order(table: &Table<'_>, publish: &Field<Day>, last: Option<Day>) {
    if let Some(last) = last.filter(|last| publish.value <= *last) {
        let message = format!("a value of {} follows one of {last}", publish.value);
        let expected = format!("a day after {last}");
        table.report("index-in-order", publish.span.clone(), message, &expected);
    }
}

/// Reports an escalation that cannot be computed to the minor unit. `fees` is `[fee]`.
pub fn check_exact(fees: &Table<'_>, terms: &Terms) {
    let versions = vec![Terms { version: 1, ..terms.clone() }];
    let lease = Lease { versions, notice: None, withdrawal_asked: false, undelivered: None };
    if let Some(day) = lease.first_inexact_day() {
        let message = format!(
            "the fees from {day} on are a thousandfold, a price above a million, or of more digits \
             than can be computed exactly"
        );
        let expected = "slower growth, fewer digits, or a step that is amended later";
        fees.report("escalation-stays-exact", fees.key_span("escalator"), message, expected);
    }
}
