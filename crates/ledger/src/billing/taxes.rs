//! Taxes on the lines of a document: on top of them, as lines of their own, or inside them.

use leasehold_lease::{ChargeKinds, TaxMode, Terms};
use leasehold_units::{Day, Money, Name, Ratio};

use crate::wording::percent;
use crate::{Derivation, Line, LineKind, Revenue, TaxPart};

/// Puts the taxes of `terms` behind `lines` where they come on top, and returns what of which lines
/// is tax. Service and reclaim credits are shares of the fixed fee and reduce its tax.
pub fn levy(terms: &Terms, day: Day, lines: &mut Vec<Line>) -> Vec<TaxPart> {
    let Some(taxes) = &terms.fee.taxes else { return Vec::new() };
    let mut parts = Vec::new();
    let charged = lines.len();
    for tax in &taxes.list {
        let on: Vec<usize> = (0..charged).filter(|place| is_on(tax.on, &lines[*place])).collect();
        if on.is_empty() {
            continue;
        }
        match taxes.mode {
            TaxMode::Exclusive => {
                let base = on.iter().map(|place| lines[*place].amount).reduce(Money::plus);
                let line =
                    on_top(terms.version, day, (&tax.name, tax.rate), base.expect("not empty"));
                parts.push(TaxPart {
                    name: slug(&tax.name),
                    line: lines.len(),
                    amount: line.amount,
                });
                lines.push(line);
            }
            TaxMode::Inclusive => {
                let rates = |line: &Line| {
                    let on = taxes.list.iter().filter(|other| is_on(other.on, line));
                    on.fold(Ratio::ONE, |sum, other| sum.plus(other.rate))
                };
                let share = |place: &usize| {
                    let line = &lines[*place];
                    (line.amount, tax.rate.over(rates(line)))
                };
                let shares: Vec<_> = on.iter().map(share).collect();
                for (line, amount) in on.into_iter().zip(tax_inside(&shares)) {
                    parts.push(TaxPart { name: slug(&tax.name), line, amount });
                }
            }
        }
    }
    parts
}

/// The part of each amount that is tax, where so large a share of it is. Each part is the rounded
/// running total less the parts before it, so that the parts add up to the tax inside the sum,
/// rounded once.
pub fn tax_inside(amounts: &[(Money, Ratio)]) -> Vec<Money> {
    let mut exact = Ratio::ZERO;
    let mut before = 0;
    let part = |(amount, share): &(Money, Ratio)| {
        exact = exact.plus(amount.exact().times(*share));
        let so_far = exact.round_half_even();
        let part = so_far - std::mem::replace(&mut before, so_far);
        Money::from_minor(part, amount.currency())
    };
    amounts.iter().map(part).collect()
}

/// Whether a tax on `kinds` is on `line`.
fn is_on(kinds: ChargeKinds, line: &Line) -> bool {
    match line.revenue {
        Revenue::Fixed | Revenue::Credits => kinds.fixed,
        Revenue::Usage => kinds.usage,
        Revenue::Interest | Revenue::Tax | Revenue::Prepayments | Revenue::Deposits => false,
    }
}

fn on_top(version: u32, day: Day, (name, rate): (&str, Ratio), base: Money) -> Line {
    let inputs = [("base", base.to_string()), ("rate", percent(rate))];
    let derivation = Derivation::new(version, "round(base * rate)", inputs);
    Line {
        kind: LineKind::Tax,
        revenue: Revenue::Tax,
        description: format!("{name}, {} of {base}", percent(rate)),
        start: day,
        end: day,
        amount: derivation.amount(base.currency()),
        derivation,
    }
}

/// The name of a tax as the last level of an account: what names do not take becomes a hyphen.
fn slug(name: &str) -> Name {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let text: String = name.chars().map(plain).take(64).collect();
    let text = text.trim_matches('-');
    Name::new(text).unwrap_or_else(|_| Name::new("tax").expect("a name"))
}
