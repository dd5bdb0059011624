//! The biller: what was billed so far, and what a day's invoice therefore says.
//!
//! Level-triggered: an invoice bills whatever is due by its day and was not billed yet, so that a
//! day that was skipped loses nothing and asking twice bills nothing twice.

mod standing;
mod taxes;

use std::collections::BTreeMap;

use jiff::ToSpan;
use leasehold_lease::{InvoiceTiming, Lease, Terms};
use leasehold_units::{Currency, Day, LeaseId, Money, Month, PartyId};
use serde::{Deserialize, Serialize};

use crate::charges::{Charge, MonthShare};
use crate::record::RecordDigest;
use crate::wording::span_name;
use crate::{
    Derivation, DueLine, FeePeriod, Invoice, Line, LineKind, PeriodReadings, Revenue, TaxPart,
    TermsDigest,
};
use standing::Standing;
pub use standing::standing_days;
pub use taxes::tax_inside;

/// A lease as it stands now: its versions, and what follows from them and from a notice.
#[derive(Debug, Clone, Copy)]
pub struct BilledLease<'a> {
    /// All versions, in order; never empty.
    versions: &'a [Terms],
    /// The fee schedule from the first to the last day of service, in order.
    periods: &'a [FeePeriod],
    /// What is billed beside the months rests on the lease itself.
    lease: Option<&'a Lease>,
    /// What is open of its documents.
    open: &'a [OpenDocument],
}

/// What was open of a document, from day to day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDocument {
    /// Its number.
    pub number: String,
    /// Day by which it was to be paid.
    pub due: Day,
    /// What was open from each day on, in order of days.
    pub history: Vec<(Day, Money)>,
}

/// What was billed so far, for every lease, and how many invoices each landlord issued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Biller {
    issued: BTreeMap<PartyId, u32>,
    leases: BTreeMap<LeaseId, Billed>,
}

/// What was billed so far for a lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Billed {
    months: BTreeMap<Month, MonthAccount>,
    standing: Standing,
}

/// What was billed for one month of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MonthAccount {
    /// Days of service that were known when it was billed last.
    start: Day,
    end: Day,
    /// The version of the terms that it was billed under last.
    version: u32,
    billed: BTreeMap<Charge, Money>,
    /// On what the meters and credits were settled; a change settles them again.
    settled: Option<Settlement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Settlement {
    end: Day,
    fixed: Money,
}

impl<'a> BilledLease<'a> {
    /// `lease` with its fee schedule, and what is open of its documents.
    pub fn new(lease: &'a Lease, periods: &'a [FeePeriod], open: &'a [OpenDocument]) -> Self {
        Self { versions: &lease.versions, periods, lease: Some(lease), open }
    }

    /// The fees of a lease alone: without minimum, prepayments, deposit or interest.
    pub fn of_fees(versions: &'a [Terms], periods: &'a [FeePeriod]) -> Self {
        Self { versions, periods, lease: None, open: &[] }
    }

    fn first_version(&self) -> &'a Terms {
        self.versions.first().expect("a lease has a version")
    }

    fn currency(&self) -> Currency {
        self.first_version().fee.fixed.currency()
    }

    fn version(&self, number: u32) -> &'a Terms {
        let found = self.versions.iter().find(|terms| terms.version == number);
        found.expect("a fee period names a version of its lease")
    }

    /// The terms in force on `day`, before service those of its first day.
    fn terms_on(&self, day: Day) -> &'a Terms {
        let begun = self.versions.iter().rev().find(|terms| terms.effective <= day);
        begun.unwrap_or_else(|| self.first_version())
    }

    fn shares(&self) -> BTreeMap<Month, MonthShare<'a>> {
        let mut shares: BTreeMap<Month, MonthShare<'a>> = BTreeMap::new();
        for period in self.periods {
            assert_eq!(
                Month::of(period.start),
                Month::of(period.end),
                "a fee period in two months"
            );
            let share = shares.entry(Month::of(period.start));
            let share = share.or_insert_with(|| MonthShare { periods: Vec::new() });
            share.periods.push((period, self.version(period.version)));
        }
        shares
    }
}

impl Biller {
    /// A biller that has billed nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first day, `from` or later, on which something of `lease` is due that was not billed
    /// yet; nothing once all is billed. It moves when a notice or an amendment moves it.
    pub fn next_issue_day(&self, lease: &BilledLease<'_>, from: Day) -> Option<Day> {
        let shares = lease.shares();
        let account = self.leases.get(&lease.first_version().id);
        let months = account.map(|account| &account.months);
        let billed = |month: &Month| months.and_then(|months| months.get(month));
        let scheduled = shares.values().filter_map(|share| next_due(share, billed(&share.month())));
        let vanished = months.into_iter().flatten().filter(|(month, account)| {
            !shares.contains_key(month) && account.fixed().is_some_and(|fixed| fixed.minor() != 0)
        });
        let new = Standing::default();
        let standing = account.map_or(&new, |account| &account.standing);
        let beside = lease.lease.and_then(|lease| standing.next_due(lease, from));
        let due = scheduled.chain(vanished.map(|_| from)).chain(beside);
        due.map(|due| due.max(from)).min()
    }

    /// The invoice of `lease` on `day`, if anything is due; `readings` says what was metered in a
    /// month and is asked only for months whose service is over. Days are asked for in order.
    ///
    /// What is due and comes to nothing counts as billed, without a document: nobody books 0.00. Where a
    /// fixed fee is agreed there is one, which says what that came to.
    pub fn issue_on(
        &mut self,
        day: Day,
        lease: &BilledLease<'_>,
        readings: &dyn Fn(Month) -> PeriodReadings,
    ) -> Option<Invoice> {
        let (lines, taxes) = self.bill_on(day, lease, readings)?;
        let says_something = lines.iter().any(|line| says_something(line, lease));
        says_something.then(|| Invoice { taxes, ..self.document(day, lease, lines) })
    }

    /// The invoice of `lease` on `day` that is known to have been issued: also one that comes to nothing, as
    /// earlier versions of the program issued it.
    pub fn issue_again_on(
        &mut self,
        day: Day,
        lease: &BilledLease<'_>,
        readings: &dyn Fn(Month) -> PeriodReadings,
    ) -> Option<Invoice> {
        let (lines, taxes) = self.bill_on(day, lease, readings)?;
        (!lines.is_empty()).then(|| Invoice { taxes, ..self.document(day, lease, lines) })
    }

    /// What is due on `day`: lines, and what of which is tax; nothing if no day of issue.
    fn bill_on(
        &mut self,
        day: Day,
        lease: &BilledLease<'_>,
        readings: &dyn Fn(Month) -> PeriodReadings,
    ) -> Option<(Vec<Line>, Vec<TaxPart>)> {
        if self.next_issue_day(lease, day) != Some(day) {
            return None;
        }
        let mut shares = lease.shares();
        let account = self.leases.entry(lease.first_version().id.clone()).or_default();
        let mut lines = Vec::new();
        for (month, billed) in &mut account.months {
            match shares.remove(month) {
                Some(share) => lines.extend(billed.bill(day, &share, readings)),
                None => lines.extend(billed.withdraw()),
            }
        }
        for (month, share) in shares {
            let mut billed = MonthAccount::opened(&share);
            lines.extend(billed.bill(day, &share, readings));
            if billed != MonthAccount::opened(&share) {
                account.months.insert(month, billed);
            }
        }
        // A month may be both settled late and billed ahead; a reader expects days in order.
        lines.sort_by_key(|line| Month::of(line.start));
        let taxes = account.finish(day, lease, &mut lines);
        Some((lines, taxes))
    }

    fn document(&mut self, day: Day, lease: &BilledLease<'_>, lines: Vec<Line>) -> Invoice {
        let terms = lease.terms_on(day);
        let zero = Money::zero(lease.currency());
        Invoice {
            number: self.take_number(&terms.landlord, day),
            landlord: terms.landlord.clone(),
            tenant: terms.tenant.clone(),
            lease: terms.id.clone(),
            terms: lease.versions.iter().map(TermsDigest::of).collect(),
            record: RecordDigest::default(),
            currency: lease.currency(),
            issued: day,
            due: day.saturating_add(i64::from(terms.fee.due_days).days()),
            total: lines.iter().fold(zero, |sum, line| sum.plus(line.amount)),
            lines,
            taxes: Vec::new(),
            corrects: None,
            replaces: None,
        }
    }

    /// The number of the next document that `landlord` issues, on `day`. Numbers have no gap:
    /// whoever takes one issues a document with it.
    pub fn take_number(&mut self, landlord: &PartyId, day: Day) -> String {
        let sequence = self.issued.entry(landlord.clone()).or_default();
        *sequence += 1;
        format!("{landlord}-{:04}-{sequence:06}", day.year())
    }

    /// Goes on behind the number of `document`, which was issued without this biller.
    pub fn follow(&mut self, document: &Invoice) {
        let sequence = document.number.rsplit('-').next().and_then(|digits| digits.parse().ok());
        if let Some(sequence) = sequence {
            self.issued.insert(document.landlord.clone(), sequence);
        }
    }
}

impl Billed {
    /// Adds to the lines of the months what is billed beside them: in this order the minimum and
    /// interest, taxes, what is drawn from prepayments, and then prepayments and deposit. Returns
    /// what of which lines is tax.
    fn finish(&mut self, day: Day, lease: &BilledLease<'_>, lines: &mut Vec<Line>) -> Vec<TaxPart> {
        let terms = lease.terms_on(day);
        let Some(whole) = lease.lease else { return taxes::levy(terms, day, lines) };
        let (months, currency) = (&self.months, lease.currency());
        let metered = |start: Day, end: Day| metered_between(months, (start, end), currency);
        lines.extend(self.standing.minimum_lines(day, whole, &metered));
        lines.extend(self.standing.interest_lines(day, terms, lease.open));
        let taxes = taxes::levy(terms, day, lines);
        lines.extend(self.standing.draw(day, whole, lines));
        lines.extend(self.standing.advance_lines(day, whole));
        taxes
    }
}

/// Whether somebody has to know of a line: an amount, or what an agreed fixed fee came to.
fn says_something(line: &Line, lease: &BilledLease<'_>) -> bool {
    let is_agreed = || lease.version(line.derivation.terms_version).fee.fixed.minor() != 0;
    line.amount.minor() != 0 || (line.kind == LineKind::Fixed && is_agreed())
}

/// Metered charges of months whose service ended from one day to another, both included.
fn metered_between(
    months: &BTreeMap<Month, MonthAccount>,
    (start, end): (Day, Day),
    currency: Currency,
) -> Money {
    let ended = |month: &&MonthAccount| start <= month.end && month.end <= end;
    let charges = months.values().filter(ended).flat_map(|month| &month.billed);
    let metered = charges.filter(|(charge, _)| matches!(charge, Charge::Usage(_)));
    metered.fold(Money::zero(currency), |sum, (_, amount)| sum.plus(*amount))
}

/// The next day on which something of `share` is due that `account` does not have.
fn next_due(share: &MonthShare<'_>, account: Option<&MonthAccount>) -> Option<Day> {
    let unbilled = account.and_then(MonthAccount::fixed).is_none();
    let settled = account.and_then(|account| account.settled);
    let unsettled = settled != Some(Settlement::of(share));
    let fixed = unbilled.then(|| fixed_due(share));
    fixed.into_iter().chain(unsettled.then(|| arrears_due(share))).min()
}

/// The day on which the fixed fee of a month is invoiced.
fn fixed_due(share: &MonthShare<'_>) -> Day {
    match share.terms().fee.invoice {
        InvoiceTiming::Advance => share.start(),
        InvoiceTiming::Arrears => arrears_due(share),
    }
}

/// The first day after the service of a month.
fn arrears_due(share: &MonthShare<'_>) -> Day {
    share.end().tomorrow().expect("a lease ends before the calendar does")
}

impl Settlement {
    fn of(share: &MonthShare<'_>) -> Self {
        Self { end: share.end(), fixed: share.fixed() }
    }
}

impl MonthAccount {
    fn opened(share: &MonthShare<'_>) -> Self {
        let (start, end, version) = (share.start(), share.end(), share.terms().version);
        Self { start, end, version, billed: BTreeMap::new(), settled: None }
    }

    fn fixed(&self) -> Option<Money> {
        self.billed.get(&Charge::Fixed).copied()
    }

    /// Everything of the month that is due by `day`, less what was billed before.
    fn bill(
        &mut self,
        day: Day,
        share: &MonthShare<'_>,
        readings: &dyn Fn(Month) -> PeriodReadings,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(billed) = self.fixed() {
            lines.extend(self.adjustment(Charge::Fixed, billed, &share.fixed_lines(), Some(share)));
            self.billed.insert(Charge::Fixed, share.fixed());
        } else if fixed_due(share) <= day {
            lines.extend(share.fixed_lines());
            self.billed.insert(Charge::Fixed, share.fixed());
        }
        if arrears_due(share) <= day && self.settled != Some(Settlement::of(share)) {
            lines.extend(self.settle(share, &readings(share.month())));
        }
        (self.start, self.end, self.version) = (share.start(), share.end(), share.terms().version);
        lines
    }

    /// Meters and credits of a month whose service is over.
    fn settle(&mut self, share: &MonthShare<'_>, readings: &PeriodReadings) -> Vec<Line> {
        let due = share.arrears_lines(readings);
        let zero = Money::zero(share.fixed().currency());
        let mut lines = Vec::new();
        for (charge, billed) in self.billed.clone() {
            if charge != Charge::Fixed && due.iter().all(|(still, _)| *still != charge) {
                lines.extend(self.adjustment(charge, billed, &[], Some(share)));
                self.billed.insert(charge, zero);
            }
        }
        for (charge, line) in due {
            lines.extend(match self.billed.insert(charge, line.amount) {
                None => Some(line),
                Some(billed) => self.adjustment(charge, billed, &[line], Some(share)),
            });
        }
        self.settled = Some(Settlement::of(share));
        lines
    }

    /// Gives back the fixed fee of a month that has no service any more.
    fn withdraw(&mut self) -> Option<Line> {
        let billed = self.billed.remove(&Charge::Fixed)?;
        self.adjustment(Charge::Fixed, billed, &[], None)
    }

    /// What the lines in `due` ask for `charge` now, less what was `billed` for it; nothing where
    /// they agree.
    fn adjustment(
        &self,
        charge: Charge,
        billed: Money,
        due: &[Line],
        share: Option<&MonthShare<'_>>,
    ) -> Option<Line> {
        let derivation = adjusted_derivation(billed, due, self.version);
        let zero = Money::zero(billed.currency());
        let due = due.iter().fold(zero, |sum, line| sum.plus(line.amount));
        if billed == due {
            return None;
        }
        let (start, end) = self.days_changed(share);
        let (title, revenue) = match charge {
            Charge::Fixed => ("fixed fee", Revenue::Fixed),
            Charge::Usage(_) => ("metered charges", Revenue::Usage),
            Charge::DeliveryShortfall => ("delivery shortfall", Revenue::Fixed),
            Charge::ServiceCredit => ("service credit", Revenue::Credits),
            Charge::ReclaimCredit => ("reclaim credit", Revenue::Credits),
            Charge::CurtailCredit => ("curtailment credit", Revenue::Credits),
        };
        Some(Line {
            kind: LineKind::Adjustment,
            revenue,
            description: format!(
                "Adjustment of the {title}, {}: {due} due for the month, {billed} billed before",
                span_name(start, end),
            ),
            start,
            end,
            amount: due.minus(billed),
            derivation,
        })
    }

    /// The days that service gained or lost since it was billed; all of the month's where the
    /// change lies elsewhere.
    fn days_changed(&self, share: Option<&MonthShare<'_>>) -> (Day, Day) {
        let Some(share) = share else { return (self.start, self.end) };
        let (early, late) = (share.end().min(self.end), share.end().max(self.end));
        if share.start() == self.start && early < late {
            (early.tomorrow().expect("a later day follows"), late)
        } else {
            (self.start.min(share.start()), late)
        }
    }
}

/// How an adjustment follows from the lines that are due now: their sum less what was billed, and
/// each of these lines with its own derivation. Where nothing is due any more, `version` says so.
fn adjusted_derivation(billed: Money, lines: &[Line], version: u32) -> Derivation {
    let zero = Money::zero(billed.currency());
    let due = lines.iter().fold(zero, |sum, line| sum.plus(line.amount));
    let version = lines.last().map_or(version, |line| line.derivation.terms_version);
    let inputs = [("due", due.to_string()), ("billed_before", billed.to_string())];
    let mut derivation = Derivation::new(version, "due - billed_before", inputs);
    derivation.due_lines = lines
        .iter()
        .map(|line| DueLine {
            description: line.description.clone(),
            amount: line.amount,
            derivation: line.derivation.clone(),
        })
        .collect();
    derivation
}
