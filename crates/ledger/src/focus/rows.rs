//! From the documents of a lease and what its meter read to rows of CostAndUsage.
//!
//! Each line becomes one row or a few whose costs add up to it: what of it is tax apart, and a fee
//! for the holding apart by what was used and what stood ready. Parts are running totals, rounded,
//! less the parts before.

use leasehold_lease::Meter;
use leasehold_units::{Day, GpuSeconds, Instant, Money, Month, Ratio, SiteId, Zone};

use super::cost::{
    CapacityStatus, ChargeCategory, ChargeClass, ChargeFrequency, CostRow, Price, Quantity, Sku,
};
use super::value::Decimal;
use crate::formula::number;
use crate::wording::meter_key;
use crate::{Invoice, Line, LineKind, Revenue};

const SECONDS_PER_HOUR: i128 = 3600;
const WATT_SECONDS_PER_KWH: i128 = 3_600_000;

const GPU_HOURS: &str = "GPU-Hours";
const KWH: &str = "kWh";

/// GPU-seconds used, and delivered but not used, from one day to another, both included.
pub type UsedAndIdle<'a> = &'a dyn Fn(Day, Day) -> (GpuSeconds, GpuSeconds);

/// What the rows of one lease follow from.
#[derive(Clone, Copy)]
pub struct FocusLease<'a> {
    /// All documents of the lease, in the order in which they were issued.
    pub documents: &'a [Invoice],
    /// The zone of its days.
    pub zone: &'a Zone,
    /// Where it is.
    pub site: &'a SiteId,
    /// What its meter read.
    pub used_and_idle: UsedAndIdle<'a>,
}

/// A part of a line.
struct Part {
    amount: Money,
    /// Which tax it is.
    tax: Option<String>,
    capacity: Option<(CapacityStatus, GpuSeconds)>,
}

impl FocusLease<'_> {
    /// The rows of all documents: by document, by line, tax first, then what was used.
    pub fn cost_and_usage(&self) -> Vec<CostRow> {
        let numbered = |document: &'_ Invoice| document.lines.len();
        let mut rows = Vec::with_capacity(self.documents.iter().map(numbered).sum());
        for document in self.documents {
            for place in 0..document.lines.len() {
                let parts = self.parts(document, place);
                rows.extend(parts.into_iter().map(|part| self.row(document, place, part)));
            }
        }
        rows
    }

    fn parts(&self, document: &Invoice, place: usize) -> Vec<Part> {
        let line = &document.lines[place];
        let mut net = line.amount;
        let mut parts = Vec::new();
        for tax in document.taxes.iter().filter(|tax| tax.line == place) {
            net = net.minus(tax.amount);
            let name = Some(tax.name.to_string());
            parts.push(Part { amount: tax.amount, tax: name, capacity: None });
        }
        if net.minor() == 0 && !parts.is_empty() {
            return parts;
        }
        match capacity_of(self.kind(document, place), line) {
            Capacity::None => parts.push(Part { amount: net, tax: None, capacity: None }),
            Capacity::Used => {
                let (used, _) = (self.used_and_idle)(line.start, line.end);
                let capacity = Some((CapacityStatus::Used, used));
                parts.push(Part { amount: net, tax: None, capacity });
            }
            Capacity::Split => parts.extend(self.split(line, net)),
        }
        parts
    }

    /// What was used of the days of `line`, and what stood ready, each with its share of `net`.
    fn split(&self, line: &Line, net: Money) -> Vec<Part> {
        let (used, idle) = (self.used_and_idle)(line.start, line.end);
        let whole = used.plus(idle);
        let of_used = if whole == GpuSeconds::ZERO {
            Money::zero(net.currency())
        } else {
            let share = Ratio::new(signed(used), signed(whole));
            Money::rounded_half_even(net.exact().times(share), net.currency())
        };
        let both = [
            (of_used, CapacityStatus::Used, used),
            (net.minus(of_used), CapacityStatus::Unused, idle),
        ];
        // Where nothing was delivered, the fee is for what stood ready for nobody.
        let only_unused = used == GpuSeconds::ZERO;
        let some = both.into_iter().filter(|(_, status, seconds)| match status {
            CapacityStatus::Used => !only_unused,
            CapacityStatus::Unused => only_unused || *seconds != GpuSeconds::ZERO,
        });
        some.map(|(amount, status, seconds)| Part {
            amount,
            tax: None,
            capacity: Some((status, seconds)),
        })
        .collect()
    }

    fn row(&self, document: &Invoice, place: usize, part: Part) -> CostRow {
        let line = &document.lines[place];
        let is_tax = part.tax.is_some();
        let category = if is_tax { ChargeCategory::Tax } else { category(line) };
        let class = self.class(document, line);
        let sku = sku(self.kind(document, place), line, category, document);
        let zero = Money::zero(document.currency);
        let effective = if category == ChargeCategory::Purchase { zero } else { part.amount };
        let price = price(line, category, class, part.amount);
        let hours = part.capacity.map(|(_, seconds)| seconds);
        CostRow {
            document: document.number.clone(),
            line: Decimal::rounded_half_even(Ratio::whole(place as i128 + 1))
                .expect("a document has few lines"),
            landlord: document.landlord.to_string(),
            tenant: document.tenant.to_string(),
            lease: document.lease.to_string(),
            site: self.site.to_string(),
            currency: document.currency,
            billing_period: self.month(document.issued),
            charge_period: self.days(line.start, line.end),
            category,
            class,
            description: part
                .tax
                .map_or_else(|| line.description.clone(), |tax| tax_name(line, &tax)),
            frequency: frequency(line, category),
            billed: part.amount,
            effective,
            sku,
            price,
            consumed: consumed(document, line, category, hours),
            capacity: part.capacity.map(|(status, _)| status),
        }
    }

    /// What the line is, or what the line is that it gives back: a credit note has a line for each of
    /// the document that it gives back, in the same order.
    fn kind(&self, document: &Invoice, place: usize) -> LineKind {
        let line = &document.lines[place];
        let wrong = document.corrects.as_ref().filter(|_| line.kind == LineKind::Correction);
        let wrong = wrong.and_then(|number| self.document(number));
        wrong.and_then(|wrong| wrong.lines.get(place)).map_or(line.kind, |wrong| wrong.kind)
    }

    fn document(&self, number: &str) -> Option<&Invoice> {
        self.documents.iter().find(|document| document.number == number)
    }

    /// Whether the line corrects what was billed in an earlier billing period: that of the document
    /// that it corrects, replaces or adjusts.
    fn class(&self, document: &Invoice, line: &Line) -> ChargeClass {
        let named = document.corrects.as_ref().or(document.replaces.as_ref());
        let earlier = match (named, line.kind) {
            (Some(number), _) => self.document(number),
            (None, LineKind::Adjustment) => {
                self.documents.iter().find(|earlier| earlier.lines.iter().any(|l| charged(l, line)))
            }
            _ => return ChargeClass::Regular,
        };
        // What is not at hand was issued before all that is.
        let month = earlier.map(|earlier| Month::of(earlier.issued));
        match month.is_none_or(|month| month < Month::of(document.issued)) {
            true => ChargeClass::Correction,
            false => ChargeClass::Regular,
        }
    }

    fn month(&self, day: Day) -> (Instant, Instant) {
        let month = Month::of(day);
        self.days(month.first_day(), month.last_day())
    }

    fn days(&self, start: Day, end: Day) -> (Instant, Instant) {
        let after = end.tomorrow().expect("a lease ends before the calendar does");
        (self.zone.start_of(start), self.zone.start_of(after))
    }
}

/// Whether `line` is the first charge of what `adjustment` adjusts.
fn charged(line: &Line, adjustment: &Line) -> bool {
    line.kind != LineKind::Adjustment
        && line.revenue == adjustment.revenue
        && Month::of(line.start) == Month::of(adjustment.start)
}

/// What a line has to do with the capacity of the holding.
enum Capacity {
    /// Nothing.
    None,
    /// It is for what was used.
    Used,
    /// It is for all of it.
    Split,
}

fn capacity_of(kind: LineKind, line: &Line) -> Capacity {
    match (kind, category(line), line.revenue) {
        (_, ChargeCategory::Usage, Revenue::Fixed) | (LineKind::Usage(Meter::GpuHoursHeld), ..) => {
            Capacity::Split
        }
        (LineKind::Usage(Meter::GpuHoursUsed), ..) => Capacity::Used,
        _ => Capacity::None,
    }
}

fn category(line: &Line) -> ChargeCategory {
    match line.revenue {
        Revenue::Fixed | Revenue::Usage => ChargeCategory::Usage,
        Revenue::Credits => ChargeCategory::Credit,
        Revenue::Tax => ChargeCategory::Tax,
        // What is drawn down gives back a part of what was bought ahead.
        Revenue::Prepayments => ChargeCategory::Purchase,
        Revenue::Deposits | Revenue::Interest => ChargeCategory::Adjustment,
    }
}

fn frequency(line: &Line, category: ChargeCategory) -> ChargeFrequency {
    match (line.kind, category) {
        (LineKind::Fixed, ChargeCategory::Usage) => ChargeFrequency::Recurring,
        (LineKind::Usage(_), ChargeCategory::Usage) => ChargeFrequency::UsageBased,
        _ => ChargeFrequency::OneTime,
    }
}

fn sku(kind: LineKind, line: &Line, category: ChargeCategory, document: &Invoice) -> Option<Sku> {
    let (id, meter) = match (kind, category, line.revenue) {
        (_, ChargeCategory::Purchase, _) => ("prepayment", "Prepayment"),
        (_, ChargeCategory::Usage, Revenue::Fixed) => ("capacity", "Leased capacity"),
        (LineKind::Minimum, ChargeCategory::Usage, _) => ("minimum", "Minimum"),
        (LineKind::Usage(meter), ChargeCategory::Usage, _) => (meter_key(meter), title(meter)),
        (_, ChargeCategory::Usage, _) => ("metered", "Metered charges"),
        _ => return None,
    };
    let version = line.derivation.terms_version;
    Some(Sku { id, meter, price_id: format!("{}/terms-{version}/{id}", document.lease) })
}

const fn title(meter: Meter) -> &'static str {
    match meter {
        Meter::Energy => "Energy",
        Meter::GpuHoursUsed => "GPU hours used",
        Meter::GpuHoursHeld => "GPU hours held",
        Meter::GpuHoursOver => "GPU hours beyond the entitlement",
    }
}

fn tax_name(line: &Line, tax: &str) -> String {
    match line.revenue {
        Revenue::Tax => line.description.clone(),
        _ => format!("{tax} in: {}", line.description),
    }
}

/// The price of the terms and as much of it as `amount` comes to. What has none, such as an amount
/// that was stated, is one unit of its own amount.
fn price(
    line: &Line,
    category: ChargeCategory,
    class: ChargeClass,
    amount: Money,
) -> Option<Price> {
    if category != ChargeCategory::Usage && category != ChargeCategory::Purchase {
        return None;
    }
    if class == ChargeClass::Correction {
        return None;
    }
    Some(agreed_price(line, amount).unwrap_or_else(|| lump(amount)))
}

fn agreed_price(line: &Line, amount: Money) -> Option<Price> {
    let (price, unit) = match line.kind {
        LineKind::Fixed => {
            let growth = input(line, "escalation").unwrap_or(Ratio::ONE);
            (input(line, "fixed")?.checked_times(growth)?, "Months")
        }
        LineKind::Usage(meter) => {
            (input(line, "price")?, if meter == Meter::Energy { KWH } else { GPU_HOURS })
        }
        _ => return None,
    };
    let units = exact_units(amount)?.checked_over(price)?;
    let amount = Decimal::rounded_half_even(units)?;
    let unit_price = Decimal::rounded_half_even(price)?;
    Some(Price { unit_price, quantity: Quantity { amount, unit } })
}

fn lump(amount: Money) -> Price {
    let sign = if amount.minor() < 0 { -1 } else { 1 };
    let size = if sign < 0 { amount.negated() } else { amount };
    let fits = "an amount has at most 20 digits before the point";
    Price {
        unit_price: Decimal::of_money(size).expect(fits),
        quantity: Quantity {
            amount: Decimal::rounded_half_even(Ratio::whole(sign)).expect(fits),
            unit: "Units",
        },
    }
}

/// In units of the currency.
fn exact_units(amount: Money) -> Option<Ratio> {
    let scale = 10_i128.checked_pow(amount.currency().digits())?;
    Ratio::checked_new(amount.minor(), scale)
}

/// What was consumed for a charge. Consumption is told once, by the document that charges it first.
fn consumed(
    document: &Invoice,
    line: &Line,
    category: ChargeCategory,
    hours: Option<GpuSeconds>,
) -> Option<Quantity> {
    if category != ChargeCategory::Usage {
        return None;
    }
    let metered = match line.kind {
        LineKind::Usage(Meter::Energy) => {
            input(line, "watt_seconds").map(|read| (read, WATT_SECONDS_PER_KWH, KWH))
        }
        LineKind::Usage(_) if hours.is_none() => {
            input(line, "gpu_seconds").map(|read| (read, SECONDS_PER_HOUR, GPU_HOURS))
        }
        _ => hours.map(|seconds| (Ratio::whole(signed(seconds)), SECONDS_PER_HOUR, GPU_HOURS)),
    };
    let (read, per_unit, unit) = metered.unwrap_or((Ratio::ZERO, 1, GPU_HOURS));
    let charges = matches!(line.kind, LineKind::Fixed | LineKind::Usage(_));
    let is_first = charges && document.replaces.is_none();
    let read = if is_first { read } else { Ratio::ZERO };
    let amount = read.checked_over(Ratio::whole(per_unit)).and_then(Decimal::rounded_half_even);
    Some(Quantity { amount: amount.expect("a site consumes less than 10^20 units"), unit })
}

fn input(line: &Line, name: &str) -> Option<Ratio> {
    let inputs = &line.derivation.inputs;
    inputs.iter().find(|(known, _)| known == name).and_then(|(_, value)| number(value))
}

fn signed(seconds: GpuSeconds) -> i128 {
    i128::try_from(seconds.get()).expect("GPU-seconds of a site fit in 127 bits")
}
