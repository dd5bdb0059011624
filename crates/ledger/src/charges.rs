//! What one month of a lease owes: the lines for its fixed fee, its meters and its credits.
//!
//! Pure arithmetic on terms and readings; what was billed before is no concern of this module.

use leasehold_lease::{Meter, Terms, UsageFee};
use leasehold_units::{Day, GpuSeconds, Money, Month, Ratio};
use serde::{Deserialize, Serialize};

use crate::wording::{decimal, percent, percent_cut, rounded, span_name};
use crate::{Derivation, FeePeriod, Line, LineKind, PeriodReadings, Revenue};

const WATT_SECONDS_PER_KWH: i128 = 3_600_000;
const SECONDS_PER_HOUR: i128 = 3600;

/// The service of one month, as the lease stands now.
#[derive(Debug, Clone)]
pub(crate) struct MonthShare<'a> {
    /// Its periods, in order; never empty.
    pub periods: Vec<(&'a FeePeriod, &'a Terms)>,
}

/// Something that a month is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Charge {
    /// The fixed fee.
    Fixed,
    /// The metered charge with this place in the terms.
    Usage(usize),
    /// What was not delivered.
    DeliveryShortfall,
    /// For availability.
    ServiceCredit,
    /// For late reclaims.
    ReclaimCredit,
    /// For being shed deeper than was agreed.
    CurtailCredit,
}

impl<'a> MonthShare<'a> {
    pub fn month(&self) -> Month {
        Month::of(self.start())
    }

    pub fn start(&self) -> Day {
        self.periods[0].0.start
    }

    pub fn end(&self) -> Day {
        self.periods[self.periods.len() - 1].0.end
    }

    /// The terms that govern meters, credits and timing of the month: those of its first day of
    /// service. An amendment inside a month changes its fixed fee by days, the rest from the
    /// next month on.
    pub fn terms(&self) -> &'a Terms {
        self.periods[0].1
    }

    /// The fixed fee, rounded once.
    pub fn fixed(&self) -> Money {
        let zero = Money::zero(self.terms().fee.fixed.currency());
        self.periods.iter().fold(zero, |sum, (period, _)| sum.plus(period.amount))
    }

    /// The fixed fee, a line for each fee factor.
    pub fn fixed_lines(&self) -> Vec<Line> {
        let mut before = MonthSoFar { exact: Ratio::ZERO, billed: Ratio::ZERO };
        let mut lines = Vec::new();
        for (period, terms) in &self.periods {
            lines.push(fixed_line(period, terms, before));
            let exact = before.exact.plus(period.exact(terms));
            before = MonthSoFar { exact, billed: before.billed.plus(period.amount.exact()) };
        }
        lines
    }

    /// Meters and credits, each with what it is charged for. Meters are there even where they
    /// read nothing; credits only where one is due.
    pub fn arrears_lines(&self, readings: &PeriodReadings) -> Vec<(Charge, Line)> {
        let usage = self.terms().fee.usage.iter().enumerate();
        let mut lines: Vec<_> = usage
            .map(|(index, fee)| (Charge::Usage(index), self.usage_line(fee, readings)))
            .collect();
        let shortfall = self.delivery_shortfall(&readings.short);
        lines.extend(shortfall.map(|line| (Charge::DeliveryShortfall, line)));
        lines.extend(self.service_credit(readings).map(|line| (Charge::ServiceCredit, line)));
        lines.extend(self.reclaim_credit(readings).map(|line| (Charge::ReclaimCredit, line)));
        lines.extend(self.curtail_credit(readings).map(|line| (Charge::CurtailCredit, line)));
        lines
    }

    fn usage_line(&self, fee: &UsageFee, readings: &PeriodReadings) -> Line {
        let currency = self.terms().fee.fixed.currency();
        let reading = Reading::of(fee.meter, readings);
        let price = decimal(self.terms().price_on(fee, self.start()));
        let description = format!(
            "{}, {}: {} {} at {price} {currency} per {}",
            reading.title,
            span_name(self.start(), self.end()),
            rounded(reading.quantity(), 3),
            reading.units,
            reading.unit,
        );
        let derivation = Derivation::new(
            self.terms().version,
            &format!("round({} / {} * price)", reading.input, reading.per_unit),
            [(reading.input, reading.raw.to_string()), ("price", price)],
        )
        .metered(readings.usage);
        self.line(LineKind::Usage(fee.meter), Revenue::Usage, description, derivation)
    }

    /// The credit of the deepest step whose bound the availability is below.
    fn service_credit(&self, readings: &PeriodReadings) -> Option<Line> {
        let availability = readings.availability()?;
        let matching = self.terms().service.credits.iter().filter(|step| availability < step.below);
        let step = matching.max_by_key(|step| step.credit)?;
        // What is not owed for want of delivery is not credited again.
        let shortfall = self.taken_off(&readings.short);
        let description = format!(
            "Service credit, {}: availability {} is below {}, {} of the fixed fee",
            span_name(self.start(), self.end()),
            percent_cut(availability),
            percent(step.below),
            percent(step.credit),
        );
        let mut derivation = Derivation::new(
            self.terms().version,
            "-round(fixed * credit)",
            [
                ("fixed", self.fixed().to_string()),
                ("credit", percent(step.credit)),
                ("delivered_gpu_seconds", readings.delivered.to_string()),
                ("entitled_gpu_seconds", readings.entitled.to_string()),
                ("below", percent(step.below)),
            ],
        )
        .metered(readings.usage);
        if shortfall.minor() != 0 {
            derivation.formula = "-round((fixed + shortfall) * credit)".to_owned();
            derivation.inputs.push(("shortfall".to_owned(), shortfall.to_string()));
        }
        Some(self.line(LineKind::ServiceCredit, Revenue::Credits, description, derivation))
    }

    fn reclaim_credit(&self, readings: &PeriodReadings) -> Option<Line> {
        let each = self.terms().service.reclaim_miss_credit?;
        let missed = readings.reclaim_missed;
        if missed == 0 {
            return None;
        }
        let description = format!(
            "Reclaim credit, {}: {missed} of {} reclaims later than promised, {each} {} each",
            span_name(self.start(), self.end()),
            readings.reclaim_requests,
            each.currency(),
        );
        let derivation = Derivation::new(
            self.terms().version,
            "-(missed * reclaim_miss_credit)",
            [("missed", missed.to_string()), ("reclaim_miss_credit", each.to_string())],
        );
        Some(self.line(LineKind::ReclaimCredit, Revenue::Credits, description, derivation))
    }

    /// Once a month, however often and deep it was.
    fn curtail_credit(&self, readings: &PeriodReadings) -> Option<Line> {
        let credit = self.terms().service.curtail_credit?;
        let nodes = readings.curtailed_beyond;
        if nodes == 0 {
            return None;
        }
        let description = format!(
            "Curtailment credit, {}: {nodes} nodes were shed beyond the agreed depth, {} of the fixed fee",
            span_name(self.start(), self.end()),
            percent(credit),
        );
        let derivation = Derivation::new(
            self.terms().version,
            "-round(fixed * credit)",
            [
                ("fixed", self.fixed().to_string()),
                ("credit", percent(credit)),
                ("nodes_beyond", nodes.to_string()),
            ],
        );
        Some(self.line(LineKind::CurtailCredit, Revenue::Credits, description, derivation))
    }

    pub(crate) fn line(
        &self,
        kind: LineKind,
        revenue: Revenue,
        description: String,
        derivation: Derivation,
    ) -> Line {
        let (start, end) = (self.start(), self.end());
        let amount = derivation.amount(self.terms().fee.fixed.currency());
        Line { kind, revenue, description, start, end, amount, derivation }
    }
}

/// The earlier periods of a month, in minor units: exactly, and as billed.
#[derive(Debug, Clone, Copy)]
struct MonthSoFar {
    exact: Ratio,
    billed: Ratio,
}

/// The fixed fee of one period; `before` are the earlier periods of its month.
fn fixed_line(period: &FeePeriod, terms: &Terms, before: MonthSoFar) -> Line {
    let fixed = terms.fee.fixed;
    let mut description = format!("Fixed fee, {}", span_name(period.start, period.end));
    if period.days != period.days_in_month {
        description += &format!(", {} of {} days", period.days, period.days_in_month);
    }
    if period.fee != Ratio::ONE {
        description += &format!(", at {}", percent(period.fee));
    }
    let mut inputs = vec![("fixed", fixed.to_string()), ("fee", percent(period.fee))];
    let mut share = "fixed * fee".to_owned();
    if period.escalation != Ratio::ONE {
        description += &format!(", times {}", rounded(period.escalation, 6));
        inputs.push(("escalation", period.escalation.to_string()));
        share += " * escalation";
    }
    inputs.push(("days", period.days.to_string()));
    inputs.push(("days_in_month", period.days_in_month.to_string()));
    share += " * days / days_in_month";
    let mut formula = format!("round({share})");
    if before.exact != Ratio::ZERO {
        formula = format!("round(month_before + {share}) - billed_before");
        let scale = Ratio::whole(10_i128.pow(fixed.currency().digits()));
        for (name, minor) in [("month_before", before.exact), ("billed_before", before.billed)] {
            inputs.push((name, decimal(minor.over(scale))));
        }
    }
    let derivation = Derivation::new(period.version, &formula, inputs);
    let amount = derivation.amount(fixed.currency());
    assert_eq!(amount, period.amount, "the schedule and the invoice derive one fee");
    Line {
        kind: LineKind::Fixed,
        revenue: Revenue::Fixed,
        description,
        start: period.start,
        end: period.end,
        amount,
        derivation,
    }
}

/// One meter's reading and the unit that it is priced in.
struct Reading {
    title: &'static str,
    input: &'static str,
    raw: Ratio,
    per_unit: i128,
    unit: &'static str,
    units: &'static str,
}

impl Reading {
    fn of(meter: Meter, readings: &PeriodReadings) -> Self {
        let hours = |title, gpu_seconds: GpuSeconds| Self {
            title,
            input: "gpu_seconds",
            raw: Ratio::whole(i128::try_from(gpu_seconds.get()).expect("fits in 127 bits")),
            per_unit: SECONDS_PER_HOUR,
            unit: "GPU-hour",
            units: "GPU-hours",
        };
        match meter {
            Meter::Energy => Self {
                title: "Energy",
                input: "watt_seconds",
                raw: readings.energy,
                per_unit: WATT_SECONDS_PER_KWH,
                unit: "kWh",
                units: "kWh",
            },
            Meter::GpuHoursUsed => hours("Use", readings.used),
            Meter::GpuHoursHeld => hours("Holding", readings.held),
            Meter::GpuHoursOver => hours("Use beyond the entitlement", readings.over),
        }
    }

    /// In priced units.
    fn quantity(&self) -> Ratio {
        self.raw.over(Ratio::whole(self.per_unit))
    }
}
