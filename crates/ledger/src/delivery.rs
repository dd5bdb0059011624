//! What a late delivery takes off the fixed fee of a month: one line, settled in arrears.

use leasehold_lease::{ShortDays, fee_of, taken_off};
use leasehold_units::{Money, Ratio};

use crate::charges::MonthShare;
use crate::wording::{decimal, span_name};
use crate::{Derivation, Line, LineKind, Revenue};

impl MonthShare<'_> {
    /// What `short` takes off the fixed fee, zero or less, rounded once.
    pub fn taken_off(&self, short: &[ShortDays]) -> Money {
        taken_off(&self.periods, short)
    }

    /// The line for it, where anything of the month is short.
    pub fn delivery_shortfall(&self, short: &[ShortDays]) -> Option<Line> {
        let here = |days: &&ShortDays| days.from <= self.end() && self.start() <= days.until;
        let short: Vec<ShortDays> = short.iter().filter(here).copied().collect();
        let (first, last) =
            (short.first()?.from.max(self.start()), short.last()?.until.min(self.end()));
        let least = short.iter().max_by_key(|days| days.missing())?;
        let description = format!(
            "Delivery shortfall, {}: the fee at what was delivered, at the least {} of {} GPUs",
            span_name(first, last),
            least.delivered,
            least.granted,
        );
        let derivation = self.shortfall_derivation(&short);
        let (kind, revenue) = (LineKind::DeliveryShortfall, Revenue::Fixed);
        let line = self.line(kind, revenue, description, derivation);
        assert_eq!(line.amount, self.taken_off(&short), "the line and the schedule disagree");
        Some(line)
    }

    /// What is left of the month's exact fee, rounded, less what was billed.
    fn shortfall_derivation(&self, short: &[ShortDays]) -> Derivation {
        let fixed = self.fixed();
        let scale = Ratio::whole(10_i128.pow(fixed.currency().digits()));
        let exact = self.periods.iter().map(|(period, terms)| period.exact(terms));
        let exact = exact.fold(Ratio::ZERO, Ratio::plus);
        let inputs = [("month", decimal(exact.over(scale))), ("billed", fixed.to_string())];
        let mut derivation = Derivation::new(self.terms().version, "", inputs);
        let mut left = "month".to_owned();
        for (days, number) in short.iter().zip(1..) {
            let fees = self.periods.iter().map(|(period, terms)| fee_of(period, terms, days));
            let fee = fees.fold(Ratio::ZERO, Ratio::plus).over(scale);
            let (from, until) = (days.from.max(self.start()), days.until.min(self.end()));
            left += &format!(" - fee_{number} * (1 - delivered_{number} / granted_{number})");
            derivation.inputs.extend([
                (format!("days_{number}"), span_name(from, until)),
                (format!("fee_{number}"), decimal(fee)),
                (format!("delivered_{number}"), days.delivered.to_string()),
                (format!("granted_{number}"), days.granted.to_string()),
            ]);
        }
        derivation.formula = format!("round({left}) - billed");
        derivation
    }
}
