//! How an amount follows, in small print: the formula in names, the same with its values, and what
//! it rests on.

use leasehold_ledger::{Derivation, Line, TaxPart, UsageDigest, number};
use leasehold_units::{Money, Ratio};

use crate::sheet::{Note, NoteStyle};
use crate::words::{counted, digest, grouped, money, sentence, shown};

/// The small print of `line`, in which `taxes` are contained.
pub fn notes(line: &Line, taxes: &[&TaxPart]) -> Vec<Note> {
    let mut notes = of_amount(line.amount, &line.derivation, 0);
    for part in taxes {
        let text = format!("contains {} {}", money(part.amount), shown(part.name.as_str()));
        notes.push(Note { depth: 0, style: NoteStyle::Words, text });
    }
    let days = match (line.start, line.end) {
        (start, end) if start == end => format!("For {start}"),
        (start, end) => format!("For {start} to {end}"),
    };
    let text = format!("{days}; {}", basis(&line.derivation));
    notes.push(Note { depth: 0, style: NoteStyle::Words, text });
    notes
}

fn of_amount(amount: Money, derivation: &Derivation, depth: usize) -> Vec<Note> {
    let note = |style, text| Note { depth, style, text };
    let formula = shown(&derivation.formula).replace('*', "×");
    let values = with_values(derivation).replace('*', "×");
    let amount = money(amount);
    // A formula that is one input has nothing to compute.
    let result =
        if values == amount { format!("= {amount}") } else { format!("= {values} = {amount}") };
    let mut notes = vec![note(NoteStyle::Formula, formula), note(NoteStyle::Formula, result)];
    let beside = beside(derivation);
    if !beside.is_empty() {
        notes.push(note(NoteStyle::Words, beside.join("; ")));
    }
    for due in &derivation.due_lines {
        let text = format!("{}: {}", sentence(&due.description), money(due.amount));
        notes.push(note(NoteStyle::Words, format!("due: {text}")));
        notes.extend(of_amount(due.amount, &due.derivation, depth + 1));
        let rests = basis(&due.derivation);
        notes.push(Note { depth: depth + 1, style: NoteStyle::Words, text: rests });
    }
    notes
}

/// The terms and the intervals that a derivation names.
fn basis(derivation: &Derivation) -> String {
    let terms = format!("terms version {}", derivation.terms_version);
    match &derivation.usage {
        None => terms,
        Some(usage) => format!("{terms}; {}", intervals(usage)),
    }
}

/// A month of evidence.
pub fn intervals(usage: &UsageDigest) -> String {
    let count = counted(usage.intervals, "service interval");
    format!("{count} of {}, SHA-256 {}", usage.month, digest(&usage.sha256))
}

/// What stands beside the formula: inputs that it does not name, and large quantities in the units
/// that a reader thinks in.
fn beside(derivation: &Derivation) -> Vec<String> {
    let named: Vec<&str> = words(&derivation.formula).into_iter().filter(|w| is_name(w)).collect();
    let mut beside = Vec::new();
    for (name, value) in &derivation.inputs {
        let converted = converted(name, value);
        let is_named = named.contains(&name.as_str());
        let (name, value) = (shown(name), written(value));
        match converted {
            Some(converted) => beside.push(format!("{name} {value}, that is {converted}")),
            None if !is_named => beside.push(format!("{name} {value}")),
            None => {}
        }
    }
    beside
}

/// GPU-seconds in GPU-hours, watt-seconds in kWh, to three digits.
fn converted(name: &str, value: &str) -> Option<String> {
    let (per_unit, unit) = if name.ends_with("gpu_seconds") {
        (3_600, "GPU-hours")
    } else if name.ends_with("watt_seconds") {
        (3_600_000, "kWh")
    } else {
        return None;
    };
    let thousandths = number(value)?.checked_times(Ratio::whole(1_000))?;
    let rounded = thousandths.checked_over(Ratio::whole(per_unit))?.checked_round_half_even()?;
    let rounded = rounded.numerator();
    let (sign, size) = (if rounded < 0 { "-" } else { "" }, rounded.unsigned_abs());
    Some(format!("{} {unit}", grouped(&format!("{sign}{}.{:03}", size / 1_000, size % 1_000))))
}

/// The formula with the value of each input in the place of its name.
fn with_values(derivation: &Derivation) -> String {
    let value_of = |name: &str| derivation.inputs.iter().find(|(other, _)| other == name);
    let words = words(&derivation.formula);
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let is_call = words.get(index + 1).is_some_and(|next| next.starts_with('('));
        match value_of(word).filter(|_| is_name(word) && !is_call) {
            Some((_, value)) => text.push_str(&operand(value)),
            None if word.starts_with(|c: char| c.is_ascii_digit()) => text.push_str(&grouped(word)),
            None => text.push_str(&shown(word)),
        }
    }
    text
}

/// A value inside a formula: in parentheses where it would bind otherwise than it stands.
fn operand(value: &str) -> String {
    let written = written(value);
    let stands_alone = !value.starts_with('-') && !value.contains('/');
    if stands_alone { written } else { format!("({written})") }
}

/// A value of an input for reading.
fn written(value: &str) -> String {
    match value.split_once('/') {
        Some((above, below)) if number(value).is_some() => {
            format!("{} / {}", grouped(above), grouped(below))
        }
        _ if number(value).is_some() => match value.strip_suffix('%') {
            Some(percent) => format!("{}%", grouped(percent)),
            None => grouped(value),
        },
        _ => shown(value),
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// A formula cut into names and numbers and what is between them.
fn words(formula: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut words = Vec::new();
    let mut rest = formula;
    while let Some(first) = rest.chars().next() {
        let inside = is_word(first);
        let end = rest.find(|c| is_word(c) != inside).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivation(formula: &str, inputs: &[(&str, &str)]) -> Derivation {
        let inputs = inputs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Derivation { terms_version: 1, formula: formula.into(), inputs, ..Derivation::default() }
    }

    #[test]
    fn a_formula_is_shown_with_values_that_bind_as_they_should() {
        let of = |formula, inputs: &[(&str, &str)]| with_values(&derivation(formula, inputs));
        assert_eq!(
            of(
                "round(fixed * fee) - min(left, 1000)",
                &[("fixed", "1250000000.00"), ("fee", "50%"), ("left", "-12.00")]
            ),
            "round(1,250,000,000.00 * 50%) - min((-12.00), 1,000)"
        );
        assert_eq!(of("x / round", &[("x", "7000/3"), ("round", "2")]), "(7,000 / 3) / 2");
    }

    #[test]
    fn what_the_formula_does_not_name_stands_beside_it() {
        let derivation = derivation(
            "gpu_seconds / 3600",
            &[
                ("gpu_seconds", "5400"),
                ("below", "99.9%"),
                ("watt_seconds", "-1800000"),
                ("reason", "a \u{1b}[0m price"),
            ],
        );
        assert_eq!(
            beside(&derivation),
            [
                "gpu_seconds 5,400, that is 1.500 GPU-hours",
                "below 99.9%",
                "watt_seconds -1,800,000, that is -0.500 kWh",
                r"reason a \u{1b}[0m price",
            ]
        );
    }
}
