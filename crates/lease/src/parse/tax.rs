//! `[[fee.tax]]`: taxes on what is charged.

use leasehold_diagnostics::{Field, Table, percent};
use leasehold_units::Ratio;

use super::fee::read_charges;
use crate::{ChargeKinds, Tax, TaxMode, Taxes};

/// Most characters of a tax's name.
const NAME_MAX: usize = 64;

/// Most digits after the point of a rate. With it no product with an invoice leaves 128 bits.
const RATE_DIGITS_MAX: usize = 4;

/// Most taxes of a lease.
const TAXES_MAX: usize = 16;

/// Reads every `[[fee.tax]]`.
pub fn read(tables: &[Table<'_>]) -> Option<Option<Taxes>> {
    let mut taxes: Vec<Option<(Tax, TaxMode)>> = Vec::new();
    for table in tables {
        let name = table.required("name", read_name(table), "its name on the invoice");
        let rate = table.required("rate", read_rate(table), "share of what is charged, \"8.25%\"");
        let modes = [("exclusive", TaxMode::Exclusive), ("inclusive", TaxMode::Inclusive)];
        let mode = table.choice("mode", &modes);
        let mode = table.required("mode", mode, "whether prices contain it, \"exclusive\"");
        let on = read_charges(table, "on", ChargeKinds::ALL);
        table.finish();
        let before = || taxes.iter().flatten();
        if let Some(name) = name.as_ref().filter(|name| before().any(|t| t.0.name == name.value)) {
            let message = format!("a tax {:?} is there already", name.value);
            table.report("duplicate-name", name.span.clone(), message, "each tax once");
        }
        let other = |mode: &&Field<TaxMode>| before().any(|(_, other)| *other != mode.value);
        if let Some(mode) = mode.as_ref().filter(other) {
            let message = "this tax is in another mode than those before".to_owned();
            table.report("one-tax-mode", mode.span.clone(), message, "one mode for all taxes");
        }
        let fields = name.zip(rate).zip(mode).zip(on);
        taxes.push(fields.map(|(((name, rate), mode), on)| {
            (Tax { name: name.value, rate: rate.value, on }, mode.value)
        }));
    }
    check_count(tables);
    let (list, modes): (Vec<Tax>, Vec<TaxMode>) =
        taxes.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
    Some(modes.first().map(|mode| Taxes { mode: *mode, list }))
}

fn check_count(tables: &[Table<'_>]) {
    if let Some(table) = tables.get(TAXES_MAX) {
        let message = format!("there are {} taxes", tables.len());
        let expected = format!("at most {TAXES_MAX}");
        table.report("few-taxes", table.span.clone(), message, &expected);
    }
}

fn read_name(table: &Table<'_>) -> Option<Field<String>> {
    let expected = "a line of 1 to 64 characters, such as \"Texas sales tax\"";
    table.text("name", "not-a-line", expected, |text| {
        let fits = (1..=NAME_MAX).contains(&text.chars().count());
        (fits && text.trim() == text && !text.contains(char::is_control)).then(|| text.to_owned())
    })
}

/// A rate as a share of one; more than 100 %, or more than four digits after the point, is a
/// problem.
pub fn read_rate(table: &Table<'_>) -> Option<Field<Ratio>> {
    let expected = "a rate from \"0%\" to \"100%\" with at most four digits after the point";
    table.text("rate", "not-a-rate", expected, |text| {
        let digits = text.split_once('.').map_or("", |(_, part)| part.trim_end_matches(['%', ' ']));
        let fine = digits.len() <= RATE_DIGITS_MAX;
        percent(text).filter(|rate| fine && *rate <= Ratio::ONE)
    })
}
