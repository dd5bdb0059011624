//! The money terms of one version of a lease, as they were signed.

use leasehold_units::{Day, Money, Ratio};

/// What is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// Fixed fee of one full month at fee factor 1; carries the currency.
    pub fixed: Money,
    /// How parts of months are counted.
    pub proration: Proration,
    /// When the fixed fee is invoiced.
    pub invoice: InvoiceTiming,
    /// Days from issue to due.
    pub due_days: u32,
    /// Metered charges, in file order.
    pub usage: Vec<UsageFee>,
    /// How the fees grow; absent: never.
    pub escalator: Option<Escalator>,
    /// The least that is charged; absent: nothing.
    pub minimum: Option<Minimum>,
    /// What is paid ahead and drawn down by invoices, by due day; may be empty.
    pub prepayments: Vec<Prepayment>,
    /// What is held as security and returned; absent: nothing.
    pub deposit: Option<Deposit>,
    /// What a late payment costs; absent: nothing.
    pub late_interest: Option<LateInterest>,
    /// Taxes on what is charged; absent: none.
    pub taxes: Option<Taxes>,
}

/// How parts of months are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proration {
    /// Days of service over days of the month.
    Actual,
    /// Every month has 30 days.
    Thirty360,
}

/// When the fixed fee of a month is invoiced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceTiming {
    /// On its first day of service.
    Advance,
    /// On the first day after it.
    Arrears,
}

/// A metered charge, always in arrears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageFee {
    /// What is metered.
    pub meter: Meter,
    /// Currency units (not minor units) per kWh or GPU-hour, exactly, before any escalation.
    pub price: Ratio,
}

/// What can be metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meter {
    /// Facility kWh of the holding.
    Energy,
    /// GPU-hours that the tenant's jobs ran on.
    GpuHoursUsed,
    /// GPU-hours that stood in the holding.
    GpuHoursHeld,
    /// GPU-hours used beyond the entitlement.
    GpuHoursOver,
}

/// Two kinds of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargeKinds {
    /// The fixed fee.
    pub fixed: bool,
    /// What is metered.
    pub usage: bool,
}

/// How fees grow: from one anniversary to the next they are multiplied by one factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalator {
    /// Where the factor comes from.
    pub growth: Growth,
    /// Civil months from one anniversary to the next, at least 1.
    pub every_months: u32,
    /// The day from which anniversaries are counted, inside the term; absent: its first day.
    pub from: Option<Day>,
    /// What grows.
    pub applies_to: ChargeKinds,
}

/// Where an escalation factor comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Growth {
    /// On the anniversary number k the factor becomes (1 + this) to the power of k.
    Percent(Ratio),
    /// It follows a published index.
    Index(Index),
}

/// A published index: on each anniversary the factor becomes the latest published value over the
/// base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The value that stands for factor 1; above zero.
    pub base: Ratio,
    /// What was published, by day.
    pub entries: Vec<IndexEntry>,
    /// Most growth of the factor from one anniversary to the next, such as 0.05; absent: any.
    pub cap: Option<Ratio>,
}

/// One published value of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The day of publication.
    pub publish: Day,
    /// The value; above zero.
    pub value: Ratio,
}

/// The least that is charged; what is charged less is owed after the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimum {
    /// For a whole period; escalation does not touch it.
    pub amount: Money,
    /// The period.
    pub per: MinimumPeriod,
    /// The charges that count towards it.
    pub counts: ChargeKinds,
}

/// A period of a minimum, counted from the first day of the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinimumPeriod {
    /// One month.
    Month,
    /// Three months.
    Quarter,
    /// Twelve months.
    Year,
    /// The whole term.
    Term,
}

/// An amount that is paid ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepayment {
    /// The day on which it is due.
    pub due: Day,
    /// How much.
    pub amount: Money,
    /// Share of each invoice that is paid out of it until it is used up, above 0, at most 1.
    pub draw: Ratio,
}

/// An amount that is held as security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deposit {
    /// How much.
    pub amount: Money,
    /// The day on which it is due.
    pub due: Day,
    /// It is returned so many days after the last day of service.
    pub return_days: u32,
}

/// Simple interest on what is paid late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateInterest {
    /// For a year, such as 0.08; at most 1.
    pub rate: Ratio,
    /// How days become parts of a year.
    pub day_count: DayCount,
    /// What is paid at most so many days after its due day bears no interest; what is paid later
    /// bears it from the due day on.
    pub grace_days: u32,
}

/// How the days between two days become a part of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayCount {
    /// Calendar days over 365, in leap years too.
    Actual365,
    /// Calendar days over 360.
    Actual360,
    /// Months of thirty days over 360.
    Thirty360,
}

/// All taxes of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taxes {
    /// Whether prices contain them.
    pub mode: TaxMode,
    /// In file order; never empty.
    pub list: Vec<Tax>,
}

/// Whether prices contain the taxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxMode {
    /// They are added to what is charged.
    Exclusive,
    /// They are a part of what is charged.
    Inclusive,
}

/// One tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// Its name on the invoice, such as `Texas sales tax`; one line.
    pub name: String,
    /// Share of its base, which credits reduce: such as 0.0825.
    pub rate: Ratio,
    /// The charges that it is on.
    pub on: ChargeKinds,
}

impl ChargeKinds {
    /// All charges.
    pub const ALL: Self = Self { fixed: true, usage: true };
    /// The fixed fee alone.
    pub const FIXED: Self = Self { fixed: true, usage: false };
}
