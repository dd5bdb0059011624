//! What a lease is billed beside its months: minimum commitments, interest on what is paid late,
//! prepayments and what is drawn from them, and the deposit.
//!
//! Level-triggered like the months: a day's lines are what is due by then less what was billed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::ToSpan;
use leasehold_lease::{Deposit, Lease, MinimumShare, Prepayment, Terms};
use leasehold_units::{Day, Money, Ratio};
use serde::{Deserialize, Serialize};

use super::OpenDocument;
use crate::wording::percent;
use crate::{Derivation, Line, LineKind, Revenue, late_interest};

/// What was billed beside the months.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What minimums were trued up by, by their first days.
    minimums: BTreeMap<Day, Money>,
    /// Interest, by the document that was paid late.
    interest: BTreeMap<String, Money>,
    /// What is left of prepayments that were billed, by their due days.
    prepaid: BTreeMap<Day, Money>,
    /// The deposit as it was billed last.
    deposit: Option<Money>,
}

/// Days on which something of `lease` may be due beside its months.
pub fn standing_days(lease: &Lease) -> Vec<Day> {
    let minimums = lease.minimum_shares();
    let minimums = minimums.iter().map(|share| after(share.end));
    let prepayments = prepayments(lease).map(|(_, prepayment)| prepayment.due);
    prepayments.chain(minimums).chain(deposit_days(lease)).collect()
}

/// The prepayments that are due, each under the version that governs its day.
fn prepayments(lease: &Lease) -> impl Iterator<Item = (&Terms, &Prepayment)> {
    let due = move |terms: &&Terms, prepayment: &Prepayment| {
        lease.governing(prepayment.due).version == terms.version
            && prepayment.due <= lease.last_day()
    };
    lease.versions.iter().flat_map(move |terms| {
        let prepayments = terms.fee.prepayments.iter();
        prepayments.filter(move |prepayment| due(&terms, prepayment)).map(move |p| (terms, p))
    })
}

/// Days on which the deposit may change: it falls due, a version with another one takes over, or it
/// goes back.
fn deposit_days(lease: &Lease) -> impl Iterator<Item = Day> {
    let agreed = lease.versions.iter().enumerate().map(|(index, terms)| match terms.fee.deposit {
        Some(deposit) if index == 0 => deposit.due,
        Some(deposit) => deposit.due.max(terms.effective),
        None => terms.effective,
    });
    let held = deposit_agreed(lease, lease.last_day()).and_then(|(_, deposit)| deposit);
    agreed.chain(held.map(|deposit| return_day(lease, deposit)))
}

/// The day on which the deposit goes back.
fn return_day(lease: &Lease, deposit: Deposit) -> Day {
    lease.last_day().saturating_add(i64::from(deposit.return_days).days())
}

/// What the terms say of the deposit on `day`, with their version: one counts once it is due and its
/// version governs. None before any was due.
fn deposit_agreed(lease: &Lease, day: Day) -> Option<(u32, Option<Deposit>)> {
    let day = day.min(lease.last_day());
    let governs = |(index, terms): &(usize, &Terms)| *index == 0 || terms.effective <= day;
    let due = |terms: &Terms| terms.fee.deposit.is_none_or(|deposit| deposit.due <= day);
    let mut begun = lease.versions.iter().enumerate().filter(governs).map(|(_, terms)| terms).rev();
    begun.find(|terms| due(terms)).map(|terms| (terms.version, terms.fee.deposit))
}

/// The deposit that is to be held on `day`, with the version that says so; none before it was ever
/// due.
fn deposit_on(lease: &Lease, day: Day) -> Option<(u32, Money)> {
    let (version, deposit) = deposit_agreed(lease, day)?;
    let held = deposit.filter(|deposit| day < return_day(lease, *deposit));
    let zero = Money::zero(lease.latest().fee.fixed.currency());
    Some((version, held.map_or(zero, |deposit| deposit.amount)))
}

fn after(day: Day) -> Day {
    day.tomorrow().expect("a lease ends before the calendar does")
}

impl Standing {
    /// The next day, `from` or later, on which something is due.
    pub fn next_due(&self, lease: &Lease, from: Day) -> Option<Day> {
        let open = |share: &&MinimumShare| !self.minimums.contains_key(&share.start);
        let minimums = lease.minimum_shares();
        let minimums = minimums.iter().filter(open).map(|share| after(share.end));
        let unbilled = |day: &Day| !self.prepaid.contains_key(day);
        let prepayments = prepayments(lease).map(|(_, due)| due.due).filter(unbilled);
        let zero = Money::zero(lease.latest().fee.fixed.currency());
        let changes = |day: &Day| {
            let wanted = deposit_on(lease, *day).map_or(zero, |(_, amount)| amount);
            wanted != self.deposit.unwrap_or(zero)
        };
        let deposits = deposit_days(lease).map(|day| day.max(from)).filter(changes);
        minimums.chain(prepayments).chain(deposits).min()
    }

    /// What the minimums that are over ask for beyond what was charged, less what was billed for
    /// that. `metered` says what was charged for months whose service ended from a day to a day.
    pub fn minimum_lines(
        &mut self,
        day: Day,
        lease: &Lease,
        metered: &dyn Fn(Day, Day) -> Money,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for share in lease.minimum_shares().iter().filter(|share| share.end < day) {
            let zero = Money::zero(share.amount.currency());
            let counted = |counts: bool, amount: Money| if counts { amount } else { zero };
            let fixed = counted(share.counts.fixed, lease.fixed_between(share.start, share.end));
            let usage = counted(share.counts.usage, metered(share.start, share.end));
            let billed = self.minimums.get(&share.start).copied();
            let line = minimum_line(share, fixed, usage, billed.unwrap_or(zero));
            let now = billed.unwrap_or(zero).plus(line.amount);
            self.minimums.insert(share.start, now);
            lines.extend((line.amount.minor() != 0).then_some(line));
        }
        lines
    }

    /// Interest on documents that were not paid in time, up to the eve of `day`.
    pub fn interest_lines(&mut self, day: Day, terms: &Terms, open: &[OpenDocument]) -> Vec<Line> {
        let Some(interest) = &terms.fee.late_interest else { return Vec::new() };
        let mut lines = Vec::new();
        for document in open.iter().filter(|document| document.due < day) {
            let due = late_interest(interest, document.due, &document.history, day);
            let Some(due) = due else { continue };
            let zero = Money::zero(due.amount.currency());
            let billed = self.interest.get(&document.number).copied().unwrap_or(zero);
            if due.amount == billed {
                continue;
            }
            self.interest.insert(document.number.clone(), due.amount);
            let mut inputs = vec![("rate".to_owned(), percent(interest.rate))];
            let mut sum = String::new();
            for (span, number) in due.spans.iter().zip(1..) {
                sum += &format!("{}open_{number} * rate * years_{number}", plus(&sum));
                inputs.push((format!("days_{number}"), format!("{} to {}", span.from, span.until)));
                inputs.push((format!("open_{number}"), span.open.to_string()));
                inputs.push((format!("years_{number}"), span.years.to_string()));
            }
            inputs.push(("billed_before".to_owned(), billed.to_string()));
            let sum = if sum.is_empty() { "0".to_owned() } else { sum };
            let formula = format!("round({sum}) - billed_before");
            let inputs = inputs.iter().map(|(name, value)| (name.as_str(), value.clone()));
            let derivation = Derivation::new(terms.version, &formula, inputs);
            lines.push(Line {
                kind: LineKind::LateInterest,
                revenue: Revenue::Interest,
                description: format!(
                    "Interest on {}, due {}, at {} a year",
                    document.number,
                    document.due,
                    percent(interest.rate)
                ),
                start: document.due,
                end: day.yesterday().expect("a document was due before"),
                amount: derivation.amount(due.amount.currency()),
                derivation,
            });
        }
        lines
    }

    /// What `lines` take from prepayments, the one that was due first first.
    pub fn draw(&mut self, day: Day, lease: &Lease, lines: &[Line]) -> Vec<Line> {
        let Some(first) = lines.first() else { return Vec::new() };
        let zero = Money::zero(first.amount.currency());
        let total = lines.iter().fold(zero, |sum, line| sum.plus(line.amount));
        let mut open = total;
        let mut drawn = Vec::new();
        for (terms, prepayment) in prepayments(lease) {
            let Some(left) = self.prepaid.get_mut(&prepayment.due) else { continue };
            if left.minor() == 0 || open.minor() <= 0 {
                continue;
            }
            let inputs = [
                ("left", left.to_string()),
                ("open", open.to_string()),
                ("total", total.to_string()),
                ("draw", percent(prepayment.draw)),
            ];
            let formula = "-min(left, open, round(total * draw))";
            let derivation = Derivation::new(terms.version, formula, inputs);
            let amount = derivation.amount(total.currency());
            if amount.minor() == 0 {
                continue;
            }
            (*left, open) = (left.plus(amount), open.plus(amount));
            let description = format!("Drawn from the prepayment of {}", prepayment.due);
            drawn.push(advance_line(LineKind::DrawDown, day, description, derivation, amount));
        }
        drawn
    }

    /// Prepayments that are due, or given back as far as they are left when service is over, and the
    /// deposit.
    pub fn advance_lines(&mut self, day: Day, lease: &Lease) -> Vec<Line> {
        let mut lines = Vec::new();
        for (terms, prepayment) in prepayments(lease).filter(|(_, due)| due.due <= day) {
            let Prepayment { due, amount, .. } = *prepayment;
            if let Entry::Vacant(unbilled) = self.prepaid.entry(due) {
                unbilled.insert(amount);
                let derivation =
                    Derivation::new(terms.version, "amount", [("amount", amount.to_string())]);
                let (kind, description) = (LineKind::Prepayment, format!("Prepayment due {due}"));
                lines.push(advance_line(kind, day, description, derivation, amount));
            }
        }
        if lease.last_day() < day {
            lines.extend(self.give_back(day, lease));
        }
        lines.extend(self.deposit_line(day, lease));
        lines
    }

    fn give_back(&mut self, day: Day, lease: &Lease) -> Vec<Line> {
        let version = lease.latest().version;
        let left = self.prepaid.iter_mut().filter(|(_, left)| left.minor() != 0);
        left.map(|(due, left)| {
            let derivation = Derivation::new(version, "-left", [("left", left.to_string())]);
            let amount = left.negated();
            *left = Money::zero(left.currency());
            let description = format!("What is left of the prepayment of {due}, given back");
            advance_line(LineKind::Prepayment, day, description, derivation, amount)
        })
        .collect()
    }

    fn deposit_line(&mut self, day: Day, lease: &Lease) -> Option<Line> {
        let (version, wanted) = deposit_on(lease, day)?;
        let held = self.deposit.replace(wanted).unwrap_or(Money::zero(wanted.currency()));
        if wanted == held {
            return None;
        }
        let inputs = [("deposit", wanted.to_string()), ("held", held.to_string())];
        let derivation = Derivation::new(version, "deposit - held", inputs);
        let amount = wanted.minus(held);
        let description = if amount.minor() < 0 { "Deposit, given back" } else { "Deposit" };
        let kind = LineKind::Deposit;
        Some(advance_line(kind, day, description.to_owned(), derivation, amount))
    }
}

fn plus(before: &str) -> &'static str {
    if before.is_empty() { "" } else { " + " }
}

fn minimum_line(share: &MinimumShare, fixed: Money, usage: Money, billed: Money) -> Line {
    let inputs = [
        ("minimum", share.amount.to_string()),
        ("fixed", fixed.to_string()),
        ("usage", usage.to_string()),
        ("billed_before", billed.to_string()),
    ];
    let formula = "max(0, minimum - fixed - usage) - billed_before";
    let derivation = Derivation::new(share.version, formula, inputs);
    let part = Ratio::new(i128::from(share.days), i128::from(share.days_in_period));
    let part = if part == Ratio::ONE { String::new() } else { format!(", {}", days_of(share)) };
    Line {
        kind: LineKind::Minimum,
        revenue: Revenue::Usage,
        description: format!(
            "Minimum of {} for {} to {}{part}: {} charged",
            share.amount,
            share.start,
            share.end,
            fixed.plus(usage)
        ),
        start: share.start,
        end: share.end,
        amount: derivation.amount(share.amount.currency()),
        derivation,
    }
}

fn days_of(share: &MinimumShare) -> String {
    format!("{} of {} days", share.days, share.days_in_period)
}

/// A line of `day` that is no revenue.
fn advance_line(
    kind: LineKind,
    day: Day,
    description: String,
    derivation: Derivation,
    amount: Money,
) -> Line {
    let revenue = if kind == LineKind::Deposit { Revenue::Deposits } else { Revenue::Prepayments };
    Line { kind, revenue, description, start: day, end: day, amount, derivation }
}
