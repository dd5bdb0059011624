//! Documents that follow from an issued one: its credit note, its replacement, the credit for a
//! dispute. The issued one stays as it is.

use jiff::Span;
use leasehold_units::{Day, Money, Ratio};

use crate::{Derivation, Invoice, Line, LineKind, Revenue, TaxPart};

/// Between what a line was for and why it is given back.
const GIVEN_BACK: &str = ", given back: ";

/// An issued document is wrong: it is given back whole, and issued again with what is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Number of the wrong document.
    pub document: String,
    /// Why, for both parties to read.
    pub reason: String,
    /// Places of wrong lines, from 0, with the right amounts; the other lines stay.
    pub amounts: Vec<(usize, Money)>,
}

/// The credit note for all of `wrong`.
pub fn credit_note(wrong: &Invoice, number: String, day: Day, reason: &str) -> Invoice {
    let negated = |line: &Line| Line {
        kind: LineKind::Correction,
        description: format!("{}{GIVEN_BACK}{reason}", line.description),
        amount: line.amount.negated(),
        derivation: Derivation::new(
            line.derivation.terms_version,
            "0 - billed",
            [("billed", line.amount.to_string()), ("document", wrong.number.clone())],
        ),
        ..line.clone()
    };
    let taxes = wrong.taxes.iter();
    let taxes = taxes.map(|part| TaxPart { amount: part.amount.negated(), ..part.clone() });
    Invoice {
        number,
        issued: day,
        due: day,
        lines: wrong.lines.iter().map(negated).collect(),
        total: wrong.total.negated(),
        taxes: taxes.collect(),
        corrects: Some(wrong.number.clone()),
        replaces: None,
        ..wrong.clone()
    }
}

/// What is issued in the place of `wrong`. The tenant has as long to pay it as it had for that. The
/// tax inside a corrected line keeps its share of the line; a line that is wholly tax is corrected
/// like any other.
pub fn replacement(wrong: &Invoice, number: String, day: Day, correction: &Correction) -> Invoice {
    let mut invoice = wrong.clone();
    for (place, right) in &correction.amounts {
        let line = &mut invoice.lines[*place];
        let inputs = [
            ("stated", right.to_string()),
            ("billed_before", line.amount.to_string()),
            ("reason", correction.reason.clone()),
        ];
        line.derivation = Derivation::new(line.derivation.terms_version, "stated", inputs);
        line.amount = *right;
    }
    for part in &mut invoice.taxes {
        let (before, now) = (wrong.lines[part.line].amount, invoice.lines[part.line].amount);
        part.amount = share_of(part.amount, now, before);
    }
    let days_to_pay = wrong.due - wrong.issued;
    let zero = Money::zero(wrong.currency);
    invoice.number = number;
    invoice.issued = day;
    invoice.due = day.saturating_add(Span::new().days(days_to_pay.get_days()));
    invoice.total = invoice.lines.iter().fold(zero, |sum, line| sum.plus(line.amount));
    invoice.corrects = None;
    invoice.replaces = Some(wrong.number.clone());
    invoice
}

/// The credit note for `amount` of `disputed`: the same share of every line, the running total
/// rounded half to even, so that the lines add up to it. `disputed` asks for more than nothing.
pub fn dispute_credit(disputed: &Invoice, number: String, day: Day, amount: Money) -> Invoice {
    let mut lines = Vec::new();
    let mut taxes = Vec::new();
    let zero = Money::zero(disputed.currency);
    let (mut billed, mut credited) = (zero, zero);
    for (place, line) in disputed.lines.iter().enumerate() {
        billed = billed.plus(line.amount);
        let so_far = share_of(amount, billed, disputed.total);
        let credit = so_far.minus(credited);
        credited = so_far;
        if credit.minor() == 0 {
            continue;
        }
        let parts = disputed.taxes.iter().filter(|part| part.line == place);
        taxes.extend(parts.map(|part| TaxPart {
            name: part.name.clone(),
            line: lines.len(),
            amount: share_of(part.amount, credit, line.amount).negated(),
        }));
        let inputs = [
            ("credited_before", so_far.minus(credit).to_string()),
            ("disputed", amount.to_string()),
            ("billed_so_far", billed.to_string()),
            ("total", disputed.total.to_string()),
            ("document", disputed.number.clone()),
        ];
        let formula = "credited_before - round(disputed * billed_so_far / total)";
        let derivation = Derivation::new(line.derivation.terms_version, formula, inputs);
        lines.push(dispute_line(line, credit, derivation));
    }
    Invoice {
        number,
        issued: day,
        due: day,
        lines,
        total: amount.negated(),
        taxes,
        corrects: Some(disputed.number.clone()),
        replaces: None,
        ..disputed.clone()
    }
}

fn dispute_line(line: &Line, credit: Money, derivation: Derivation) -> Line {
    Line {
        kind: LineKind::DisputeCredit,
        revenue: if line.revenue.is_earned() { Revenue::Credits } else { line.revenue },
        description: format!("{}, disputed", line.description),
        amount: credit.negated(),
        derivation,
        ..line.clone()
    }
}

/// What `later`, which says that it corrects or replaces `earlier`, has to be for that. The amounts
/// and the reason of a replacement are the landlord's word; everything else follows.
pub fn follow_up_of(earlier: &Invoice, later: &Invoice) -> Invoice {
    let number = later.number.clone();
    if later.replaces.is_some() {
        return replacement(earlier, number, later.issued, &stated(earlier, later));
    }
    let first = later.lines.first();
    if first.is_some_and(|line| line.kind == LineKind::DisputeCredit) {
        return dispute_credit(earlier, number, later.issued, later.total.negated());
    }
    let reason = first.and_then(|line| line.description.split_once(GIVEN_BACK));
    credit_note(earlier, number, later.issued, reason.map_or("", |(_, reason)| reason))
}

/// The correction that `later` says it is.
fn stated(earlier: &Invoice, later: &Invoice) -> Correction {
    let pairs = later.lines.iter().zip(&earlier.lines).enumerate();
    let changed = pairs.filter(|(_, (now, before))| now.derivation != before.derivation);
    let mut correction =
        Correction { document: earlier.number.clone(), reason: String::new(), amounts: Vec::new() };
    for (place, (now, _)) in changed {
        let reason = now.derivation.inputs.iter().find(|(name, _)| name == "reason");
        correction.reason = reason.map_or_else(String::new, |(_, reason)| reason.clone());
        correction.amounts.push((place, now.amount));
    }
    correction
}

/// `amount` times `part` over `whole`, rounded half to even; nothing of nothing.
fn share_of(amount: Money, part: Money, whole: Money) -> Money {
    if whole.minor() == 0 {
        return Money::zero(amount.currency());
    }
    let exact = amount.exact().times(Ratio::new(part.minor(), whole.minor()));
    Money::rounded_half_even(exact, amount.currency())
}
