//! A row of the CostAndUsage dataset and its columns, in the order of the specification.

use leasehold_units::{Currency, Instant, Money};

use super::value::{Cell, Column, ColumnKind, Decimal};

/// One charge: a line of a document, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    /// Number of the document.
    pub document: String,
    /// Place of the line on its document, from 1.
    pub line: Decimal,
    /// Who asks.
    pub landlord: String,
    /// Who owes.
    pub tenant: String,
    /// For which lease.
    pub lease: String,
    /// Where the capacity stands.
    pub site: String,
    /// Currency of every amount.
    pub currency: Currency,
    /// First instant of the month of issue, and the first after it.
    pub billing_period: (Instant, Instant),
    /// First instant of the service, and the first after it.
    pub charge_period: (Instant, Instant),
    /// What kind of charge.
    pub category: ChargeCategory,
    /// Whether it corrects what was billed in an earlier billing period.
    pub class: ChargeClass,
    /// What the document says.
    pub description: String,
    /// How it repeats.
    pub frequency: ChargeFrequency,
    /// What the document asks for.
    pub billed: Money,
    /// The same, with what is paid ahead counted where it is used.
    pub effective: Money,
    /// What is sold.
    pub sku: Option<Sku>,
    /// At what price.
    pub price: Option<Price>,
    /// How much was used, or stood ready.
    pub consumed: Option<Quantity>,
    /// Which part of the holding it is for.
    pub capacity: Option<CapacityStatus>,
}

/// What kind of charge a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChargeCategory {
    /// Capacity and what was metered.
    Usage,
    /// Paid ahead.
    Purchase,
    /// Owed to a tax office.
    Tax,
    /// Given by the landlord.
    Credit,
    /// Anything else.
    Adjustment,
}

/// Whether a row corrects an earlier billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeClass {
    /// It does not.
    Regular,
    /// It does.
    Correction,
}

/// How a charge repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeFrequency {
    /// It does not.
    OneTime,
    /// Whether anything was used or not.
    Recurring,
    /// As often as something is used.
    UsageBased,
}

/// What part of a holding did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapacityStatus {
    /// Ran jobs of the tenant.
    Used,
    /// Stood ready.
    Unused,
}

/// Something that a lease sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sku {
    /// The same in all leases.
    pub id: &'static str,
    /// What is metered.
    pub meter: &'static str,
    /// The same as long as the terms are.
    pub price_id: String,
}

/// A price, and how much of what it is for. Their product is the cost, to the last digit that is
/// kept of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// In the currency of the row, for one unit; never negative.
    pub unit_price: Decimal,
    /// Units; negative: given back.
    pub quantity: Quantity,
}

/// An amount of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// How many.
    pub amount: Decimal,
    /// Of what.
    pub unit: &'static str,
}

impl ChargeCategory {
    /// Its value in the dataset.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Purchase => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
        }
    }
}

impl ChargeFrequency {
    const fn key(self) -> &'static str {
        match self {
            Self::OneTime => "One-Time",
            Self::Recurring => "Recurring",
            Self::UsageBased => "Usage-Based",
        }
    }
}

impl CapacityStatus {
    /// Its value in the dataset.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Used => "Used",
            Self::Unused => "Unused",
        }
    }
}

impl CostRow {
    fn is_sold(&self) -> bool {
        matches!(self.category, ChargeCategory::Usage | ChargeCategory::Purchase)
    }

    fn unit_price(&self) -> Cell<'_> {
        Cell::decimal(self.price.map(|price| price.unit_price))
    }
}

const fn text(name: &'static str, value: fn(&CostRow) -> Cell<'_>) -> Column<CostRow> {
    Column { name, kind: ColumnKind::Text, value }
}

const fn time(name: &'static str, value: fn(&CostRow) -> Cell<'_>) -> Column<CostRow> {
    Column { name, kind: ColumnKind::Time, value }
}

const fn decimal(name: &'static str, value: fn(&CostRow) -> Cell<'_>) -> Column<CostRow> {
    Column { name, kind: ColumnKind::Decimal, value }
}

fn money(amount: Money) -> Cell<'static> {
    let decimal = Decimal::of_money(amount);
    Cell::Decimal(decimal.expect("an amount has at most 20 digits before the point"))
}

const fn null(_: &CostRow) -> Cell<'_> {
    Cell::Null
}

/// The columns of the dataset in version 1.2, by name, and ours after them.
pub const COST_COLUMNS: [Column<CostRow>; 58] = [
    text("AvailabilityZone", null),
    decimal("BilledCost", |row| money(row.billed)),
    text("BillingAccountId", |row| Cell::Text(&row.tenant)),
    text("BillingAccountName", |row| Cell::Text(&row.tenant)),
    text("BillingAccountType", |_| Cell::Text("Tenant")),
    text("BillingCurrency", |row| Cell::Text(row.currency.code())),
    time("BillingPeriodEnd", |row| Cell::Time(row.billing_period.1)),
    time("BillingPeriodStart", |row| Cell::Time(row.billing_period.0)),
    text("CapacityReservationId", |row| Cell::text(row.capacity.map(|_| row.lease.as_str()))),
    text("CapacityReservationStatus", |row| Cell::text(row.capacity.map(CapacityStatus::key))),
    text("ChargeCategory", |row| Cell::Text(row.category.key())),
    text("ChargeClass", |row| {
        Cell::text((row.class == ChargeClass::Correction).then_some("Correction"))
    }),
    text("ChargeDescription", |row| Cell::Text(&row.description)),
    text("ChargeFrequency", |row| Cell::Text(row.frequency.key())),
    time("ChargePeriodEnd", |row| Cell::Time(row.charge_period.1)),
    time("ChargePeriodStart", |row| Cell::Time(row.charge_period.0)),
    text("CommitmentDiscountCategory", null),
    text("CommitmentDiscountId", null),
    text("CommitmentDiscountName", null),
    decimal("CommitmentDiscountQuantity", null),
    text("CommitmentDiscountStatus", null),
    text("CommitmentDiscountType", null),
    text("CommitmentDiscountUnit", null),
    decimal("ConsumedQuantity", |row| Cell::decimal(row.consumed.map(|used| used.amount))),
    text("ConsumedUnit", |row| Cell::text(row.consumed.map(|used| used.unit))),
    decimal("ContractedCost", |row| money(row.billed)),
    decimal("ContractedUnitPrice", CostRow::unit_price),
    decimal("EffectiveCost", |row| money(row.effective)),
    text("InvoiceId", |row| Cell::Text(&row.document)),
    text("InvoiceIssuerName", |row| Cell::Text(&row.landlord)),
    decimal("ListCost", |row| money(row.billed)),
    decimal("ListUnitPrice", CostRow::unit_price),
    text("PricingCategory", |row| Cell::text(row.is_sold().then_some("Standard"))),
    text("PricingCurrency", |row| Cell::Text(row.currency.code())),
    decimal("PricingCurrencyContractedUnitPrice", CostRow::unit_price),
    decimal("PricingCurrencyEffectiveCost", |row| money(row.effective)),
    decimal("PricingCurrencyListUnitPrice", CostRow::unit_price),
    decimal("PricingQuantity", |row| Cell::decimal(row.price.map(|price| price.quantity.amount))),
    text("PricingUnit", |row| Cell::text(row.price.map(|price| price.quantity.unit))),
    text("ProviderName", |row| Cell::Text(&row.landlord)),
    text("PublisherName", |row| Cell::Text(&row.landlord)),
    text("RegionId", |row| Cell::Text(&row.site)),
    text("RegionName", |row| Cell::Text(&row.site)),
    text("ResourceId", null),
    text("ResourceName", null),
    text("ResourceType", null),
    text("ServiceCategory", |_| Cell::Text("Compute")),
    text("ServiceName", |_| Cell::Text("GPU capacity lease")),
    // The specification counts bare-metal servers among these.
    text("ServiceSubcategory", |_| Cell::Text("Virtual Machines")),
    text("SkuId", |row| Cell::text(row.sku.as_ref().map(|sku| sku.id))),
    text("SkuMeter", |row| Cell::text(row.sku.as_ref().map(|sku| sku.meter))),
    text("SkuPriceDetails", null),
    text("SkuPriceId", |row| Cell::text(row.sku.as_ref().map(|sku| sku.price_id.as_str()))),
    text("SubAccountId", |row| Cell::Text(&row.lease)),
    text("SubAccountName", |row| Cell::Text(&row.lease)),
    text("SubAccountType", |_| Cell::Text("Lease")),
    text("Tags", null),
    decimal("x_InvoiceLine", |row| Cell::Decimal(row.line)),
];
