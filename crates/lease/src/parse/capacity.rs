//! `[capacity]`: the amount, the blocks it comes in, and the ramp towards it.

use leasehold_diagnostics::{Field, Table, with_unit};
use leasehold_units::{Day, Gpus, Nodes, PowerBasis, Shape, SkuId, Watts};

use super::Term;
use crate::{Amount, Capacity, Isolation, MeteringPoint, RampStep, WattBasis};

const AMOUNT: &str = "\"all\", \"300 MW\", \"4096 GPU\", \"512 node\", \"16 rack\" or \"4 array\"";

/// Most GPUs or blocks of an amount. With it no product with a node's figures overflows.
const BLOCKS_MAX: u64 = 1_000_000_000;

/// Most power of an amount: a terawatt.
const WATTS_MAX: u64 = 1_000_000_000_000;

fn amount(text: &str) -> Option<Amount> {
    if text == "all" {
        return Some(Amount::All);
    }
    let units = [
        ("GPU", 1),
        ("node", 1),
        ("rack", 1),
        ("array", 1),
        ("W", 1),
        ("kW", 1_000),
        ("MW", 1_000_000),
        ("GW", 1_000_000_000),
    ];
    let (number, unit) = with_unit(text, &units)?;
    let whole = (number.denominator() == 1).then_some(number.numerator())?;
    let count = u64::try_from(whole).ok()?;
    let most = if unit < 4 { BLOCKS_MAX } else { WATTS_MAX };
    if count == 0 || count > most {
        return None;
    }
    Some(match unit {
        0 => Amount::Gpus(Gpus::new(count)),
        1 => Amount::Nodes(Nodes::new(count)),
        2 => Amount::Racks(count),
        3 => Amount::Arrays(count),
        _ => Amount::Power(Watts::new(count)),
    })
}

/// Reads `[capacity]`.
pub fn read(table: &Table<'_>, term: Option<Term>) -> Option<Capacity> {
    let full = table.text("amount", "not-an-amount", AMOUNT, amount);
    let full = table.required("amount", full, AMOUNT);
    let basis = read_basis(table);
    let skus = read_skus(table);
    let shapes = [("node", Shape::Node), ("rack", Shape::Rack), ("array", Shape::Array)];
    let expected = "the whole blocks that it is promised in";
    let shape = table.required("shape", table.choice("shape", &shapes), expected);
    let walls = [("node", Isolation::Node), ("rack", Isolation::Rack)];
    let isolation = table.choice("isolation", &walls);
    let ramp = read_ramp(table, term);
    table.finish();
    let (full, ramp) = (full?, ramp?);
    check_basis(table, basis.as_ref(), full.value, &ramp);
    check_isolation(table, isolation.as_ref(), shape.as_ref());
    if let Some(last) = ramp.last().filter(|last| last.amount != full.value) {
        let message = format!("the ramp ends with another amount from {} on", last.from);
        let expected = "the amount of the last [[capacity.ramp]] step";
        table.report("ramp-reaches-amount", full.span, message, expected);
    }
    Some(Capacity {
        amount: full.value,
        basis: basis.map(|basis| basis.value),
        skus: skus?,
        shape: shape?.value,
        isolation: isolation.map_or(Isolation::Node, |wall| wall.value),
        ramp,
    })
}

/// Whole racks can be kept apart only where whole racks are granted.
fn check_isolation(
    table: &Table<'_>,
    isolation: Option<&Field<Isolation>>,
    shape: Option<&Field<Shape>>,
) {
    let in_nodes = shape.is_some_and(|shape| shape.value == Shape::Node);
    if let Some(wall) = isolation.filter(|wall| in_nodes && wall.value == Isolation::Rack) {
        let message = "racks are not shared, and the capacity is promised in nodes".to_owned();
        let expected = "`shape = \"rack\"` or \"array\" with it";
        table.report("isolation-in-whole-racks", wall.span.clone(), message, expected);
    }
}

/// A basis is there if and only if an amount is in watts.
fn check_basis(
    table: &Table<'_>,
    basis: Option<&Field<WattBasis>>,
    full: Amount,
    ramp: &[RampStep],
) {
    let amounts = ramp.iter().map(|step| step.amount).chain([full]);
    let in_watts = amounts.into_iter().any(|amount| matches!(amount, Amount::Power(_)));
    if in_watts && !table.has("basis") {
        let expected = "\"facility contracted\" or the like, since an amount is in watts";
        table.required::<()>("basis", None, expected);
    }
    if let Some(basis) = basis.filter(|_| !in_watts) {
        let message = "`basis` is given, and no amount is in watts".to_owned();
        table.report("basis-with-watts", basis.span.clone(), message, "no `basis` here");
    }
}

/// The skus in order of preference; an absent key leaves the choice to the pools' order.
fn read_skus(table: &Table<'_>) -> Option<Vec<SkuId>> {
    if !table.has("sku") {
        return Some(Vec::new());
    }
    let names = table.strings("sku")?;
    if names.is_empty() {
        let message = "`sku` names none".to_owned();
        let expected = "the name of a sku, or no `sku` at all where any will do";
        table.report("some-sku", table.key_span("sku"), message, expected);
    }
    let mut skus: Vec<Option<SkuId>> = Vec::new();
    for name in names {
        let sku = SkuId::new(&name.value);
        if let Err(error) = &sku {
            let (span, message) = (name.span.clone(), error.to_string());
            table.report("not-a-name", span, message, "the name of a sku");
        }
        let sku = sku.ok();
        if sku.is_some() && skus.contains(&sku) {
            let message = format!("{} is named twice", name.value);
            table.report("duplicate-name", name.span, message, "each sku once");
        }
        skus.push(sku);
    }
    skus.into_iter().collect()
}

fn read_basis(table: &Table<'_>) -> Option<Field<WattBasis>> {
    let points = [("facility", MeteringPoint::Facility), ("it", MeteringPoint::It)];
    let powers = [
        ("nameplate", PowerBasis::Nameplate),
        ("contracted", PowerBasis::Contracted),
        ("measured", PowerBasis::Measured),
    ];
    let read = |text: &str| {
        let (point, power) = text.split_once(' ')?;
        let point = points.iter().find(|(word, _)| *word == point)?.1;
        let power = powers.iter().find(|(word, _)| *word == power)?.1;
        Some(WattBasis { point, power })
    };
    let expected = "\"facility\" or \"it\", then \"nameplate\", \"contracted\" or \"measured\"";
    table.text("basis", "not-a-basis", expected, read)
}

fn read_ramp(table: &Table<'_>, term: Option<Term>) -> Option<Vec<RampStep>> {
    let mut steps: Vec<Option<RampStep>> = Vec::new();
    let mut last: Option<Day> = None;
    for step in table.tables("ramp") {
        let from = step.required("from", step.day("from"), "the first day of the step");
        let size = step.text("amount", "not-an-amount", AMOUNT, amount);
        let size = step.required("amount", size, AMOUNT);
        let fee = step.required("fee", step.percent("fee"), "share of the fixed fee, \"50%\"");
        step.finish();
        if let Some(from) = &from {
            check_ramp_order(&step, from, last);
            check_ramp_day(&step, from, steps.is_empty(), term);
            last = Some(from.value);
        }
        let fields = from.zip(size).zip(fee);
        steps.push(fields.map(|((from, size), fee)| RampStep {
            from: from.value,
            amount: size.value,
            fee: fee.value,
        }));
    }
    steps.into_iter().collect()
}

fn check_ramp_order(step: &Table<'_>, from: &Field<Day>, last: Option<Day>) {
    if let Some(last) = last.filter(|last| from.value <= *last) {
        let message = format!("a step from {} follows one from {last}", from.value);
        let expected = format!("a day after {last}");
        step.report("ramp-in-order", from.span.clone(), message, &expected);
    }
}

fn check_ramp_day(step: &Table<'_>, from: &Field<Day>, first: bool, term: Option<Term>) {
    let Some((start, end)) = term else { return };
    if first && from.value != start {
        let message = format!("the ramp starts on {}", from.value);
        let expected = format!("{start}, the first day of the term");
        step.report("ramp-starts-term", from.span.clone(), message, &expected);
    }
    if from.value > end {
        let message = format!("a step starts on {}, after the term", from.value);
        let expected = format!("{end} or an earlier day");
        step.report("ramp-inside-term", from.span.clone(), message, &expected);
    }
}
