//! Documents as FOCUS has them: rows, document and postings say the same to the last minor unit, and
//! each row has what the specification asks of its kind.

mod common;

use std::collections::BTreeMap;

use common::currency;
use common::documents::{LineSpec, invoice, number};
use leasehold_lease::Meter;
use leasehold_ledger::focus::{
    COST_COLUMNS, CapacityStatus, Cell, ChargeCategory, ChargeClass, CostRow, Decimal, FocusLease,
    SCALE,
};
use leasehold_ledger::{
    Correction, Invoice, Journal, LineKind, Revenue, credit_note, dispute_credit, replacement,
};
use leasehold_units::{Day, GpuSeconds, Money, Ratio, SiteId, Zone};
use proptest::prelude::*;

/// Months after January 2026, first day, place in [`KINDS`], minor units, thousandths that are tax.
type LinePlan = (u8, i8, usize, i64, u16);

/// What random documents are made of.
#[derive(Debug, Clone)]
struct Plan {
    unit: &'static str,
    documents: Vec<Vec<LinePlan>>,
    /// Which is given back, disputed by how much, or replaced.
    follow_up: Option<(usize, u8, i64)>,
    /// GPU-seconds used and idle on each day, by day of the month.
    used: Vec<u32>,
    idle: Vec<u32>,
}

const KINDS: [(LineKind, Revenue); 20] = [
    (LineKind::Fixed, Revenue::Fixed),
    (LineKind::Usage(Meter::Energy), Revenue::Usage),
    (LineKind::Usage(Meter::GpuHoursUsed), Revenue::Usage),
    (LineKind::Usage(Meter::GpuHoursHeld), Revenue::Usage),
    (LineKind::Usage(Meter::GpuHoursOver), Revenue::Usage),
    (LineKind::ServiceCredit, Revenue::Credits),
    (LineKind::ReclaimCredit, Revenue::Credits),
    (LineKind::Adjustment, Revenue::Fixed),
    (LineKind::Adjustment, Revenue::Usage),
    (LineKind::Adjustment, Revenue::Credits),
    (LineKind::Tax, Revenue::Tax),
    (LineKind::Prepayment, Revenue::Prepayments),
    (LineKind::DrawDown, Revenue::Prepayments),
    (LineKind::Deposit, Revenue::Deposits),
    (LineKind::LateInterest, Revenue::Interest),
    (LineKind::DisputeCredit, Revenue::Credits),
    (LineKind::Correction, Revenue::Fixed),
    (LineKind::DeliveryShortfall, Revenue::Fixed),
    (LineKind::CurtailCredit, Revenue::Credits),
    (LineKind::Minimum, Revenue::Usage),
];

fn plan() -> impl Strategy<Value = Plan> {
    let line = (0..6_u8, 1..28_i8, 0..KINDS.len(), -9_000_000_000..9_000_000_000_i64, 0..400_u16);
    let documents = prop::collection::vec(prop::collection::vec(line, 1..6), 1..5);
    let follow_up = prop::option::of((0..5_usize, 0..3_u8, 1..1_000_000_i64));
    let seconds = || prop::collection::vec(prop_oneof![Just(0), 0..50_000_000_u32], 31);
    let unit = prop_oneof![Just("USD"), Just("JPY"), Just("BHD")];
    (unit, documents, follow_up, seconds(), seconds()).prop_map(
        |(unit, documents, follow_up, used, idle)| Plan { unit, documents, follow_up, used, idle },
    )
}

fn day(month: i8, day: i8) -> Day {
    Day::constant(2026, month, day)
}

fn documents(plan: &Plan) -> Vec<Invoice> {
    let unit = currency(plan.unit);
    let mut all: Vec<Invoice> = Vec::new();
    for (index, lines) in plan.documents.iter().enumerate() {
        let issued = day(i8::try_from(index).expect("few") + 3, 5);
        let spec = |(month, first, kind, minor, tax): &LinePlan| -> LineSpec {
            let (_, revenue) = KINDS[*kind];
            let first = day(i8::try_from(*month).expect("few") + 1, *first);
            let minor = i128::from(*minor);
            // A tax on top is wholly tax.
            let tax = if revenue == Revenue::Tax { minor } else { minor * i128::from(*tax) / 1000 };
            (revenue, first, first.last_of_month(), minor, tax)
        };
        let specs: Vec<LineSpec> = lines.iter().map(spec).collect();
        let mut document = invoice(&number(index + 1), "renter", unit, &specs, (issued, 30));
        for (line, (_, _, kind, _, _)) in document.lines.iter_mut().zip(lines) {
            line.kind = KINDS[*kind].0;
            line.derivation.inputs.push(("fixed".into(), "1250000".into()));
            line.derivation.inputs.push(("price".into(), "0.062".into()));
            line.derivation.inputs.push(("watt_seconds".into(), "123456789/7".into()));
        }
        all.push(document);
    }
    if let Some((which, how, amount)) = plan.follow_up {
        let earlier = all[which % all.len()].clone();
        let (next, issued) = (number(all.len() + 1), day(9, 9));
        match how {
            0 => all.push(credit_note(&earlier, next, issued, "wrong")),
            1 if earlier.total.minor() > 0 => {
                let amount = i128::from(amount).min(earlier.total.minor());
                let amount = Money::from_minor(amount, unit);
                all.push(dispute_credit(&earlier, next, issued, amount));
            }
            _ => {
                let (document, reason) = (earlier.number.clone(), "wrong".into());
                let amounts = vec![(0, Money::from_minor(amount.into(), unit))];
                let correction = Correction { document, reason, amounts };
                all.push(replacement(&earlier, next, issued, &correction));
            }
        }
    }
    all
}

fn rows(plan: &Plan, documents: &[Invoice]) -> Vec<CostRow> {
    let on =
        |list: &[u32], day: Day| u128::from(list[usize::try_from(day.day()).expect("1 to 31") - 1]);
    let sum = |list: &[u32], start: Day, end: Day| {
        let days = start.series(jiff::Span::new().days(1)).take_while(|day| *day <= end);
        GpuSeconds::new(days.map(|day| on(list, day)).sum())
    };
    let used_and_idle =
        |start: Day, end: Day| (sum(&plan.used, start, end), sum(&plan.idle, start, end));
    let lease = FocusLease {
        documents,
        zone: &Zone::named("America/Chicago").expect("a zone"),
        site: &SiteId::new("hall").expect("a name"),
        used_and_idle: &used_and_idle,
    };
    lease.cost_and_usage()
}

fn sum<'a>(unit: &str, rows: impl Iterator<Item = &'a CostRow>) -> Money {
    rows.fold(Money::zero(currency(unit)), |sum, row| sum.plus(row.billed))
}

fn exact(decimal: Decimal) -> Ratio {
    Ratio::new(decimal.scaled(), 10_i128.pow(SCALE))
}

/// What the specification asks of every row, told again column by column.
fn conforms(row: &CostRow) -> Result<(), TestCaseError> {
    let cells: BTreeMap<&str, Cell<'_>> =
        COST_COLUMNS.iter().map(|column| (column.name, (column.value)(row))).collect();
    let has = |name: &str| cells[name] != Cell::Null;
    let (usage, purchase, tax) = (
        row.category == ChargeCategory::Usage,
        row.category == ChargeCategory::Purchase,
        row.category == ChargeCategory::Tax,
    );
    let regular = row.class == ChargeClass::Regular;
    for name in ["ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit"] {
        prop_assert!(!tax || !has(name));
        prop_assert!(!((usage || purchase) && regular) || has(name));
    }
    for name in ["SkuId", "SkuPriceId", "PricingCategory"] {
        prop_assert!(!tax || !has(name));
        prop_assert!(!((usage || purchase) && regular) || has(name));
    }
    prop_assert_eq!(has("ConsumedQuantity"), usage);
    prop_assert_eq!(has("ConsumedUnit"), has("ConsumedQuantity"));
    prop_assert_eq!(has("CapacityReservationStatus"), has("CapacityReservationId"));
    prop_assert!(!purchase || row.effective.minor() == 0);
    prop_assert!(purchase || row.effective == row.billed);
    prop_assert!(!purchase || cells["ChargeFrequency"] != Cell::Text("Usage-Based"));
    if let Some(price) = row.price {
        prop_assert!(price.unit_price >= Decimal::ZERO);
        let (unit_price, quantity) = (exact(price.unit_price), exact(price.quantity.amount));
        // Of either, 18 digits are kept: the product is off by no more than half the last digit of
        // one times the other.
        let scale = Ratio::whole(10_i128.pow(row.currency.digits()));
        let cost = row.billed.exact().over(scale);
        let off = price_error(unit_price, quantity, cost);
        prop_assert!(off, "{unit_price} x {quantity} is not {cost}");
    }
    Ok(())
}

fn price_error(price: Ratio, quantity: Ratio, cost: Ratio) -> bool {
    if price == Ratio::ZERO {
        return cost == Ratio::ZERO;
    }
    // cost / price is quantity, rounded to the last digit.
    Decimal::rounded_half_even(cost.over(price)).map(exact) == Some(quantity)
}

proptest! {
    #[test]
    fn rows_document_and_postings_say_the_same(plan in plan()) {
        let documents = documents(&plan);
        let rows = rows(&plan, &documents);
        let mut journal = Journal::new();
        for document in &documents {
            let of_document = || rows.iter().filter(|row| row.document == document.number);
            prop_assert_eq!(sum(plan.unit, of_document()), document.total);
            for (place, line) in document.lines.iter().enumerate() {
                let place = Ratio::whole(i128::try_from(place).expect("few") + 1);
                let of_line = of_document().filter(|row| exact(row.line) == place);
                prop_assert_eq!(sum(plan.unit, of_line), line.amount);
            }
            let before = journal.transactions().len();
            journal.record(document);
            let entered = journal.transactions()[before..].iter();
            let postings: Vec<_> = entered
                .filter(|entry| entry.document.as_ref() == Some(&document.number))
                .flat_map(|entry| &entry.postings)
                .collect();
            let posted = |account: &str| {
                let found = postings.iter().filter(|posting| posting.account.starts_with(account));
                found.fold(Money::zero(document.currency), |sum, posting| sum.plus(posting.amount))
            };
            prop_assert_eq!(posted("assets:receivable:"), document.total);
            let taxes = of_document().filter(|row| row.category == ChargeCategory::Tax);
            prop_assert_eq!(sum(plan.unit, taxes), posted("liabilities:tax").negated());
            let ahead = of_document().filter(|row| row.category == ChargeCategory::Purchase);
            prop_assert_eq!(sum(plan.unit, ahead), posted("liabilities:prepayments").negated());
        }
    }

    #[test]
    fn every_row_has_what_its_kind_asks_for(plan in plan()) {
        for row in rows(&plan, &documents(&plan)) {
            conforms(&row)?;
        }
    }

    #[test]
    fn used_and_unused_share_a_fee_by_their_hours(plan in plan()) {
        let documents = documents(&plan);
        let rows = rows(&plan, &documents);
        for pair in rows.windows(2) {
            let [used, idle] = pair else { unreachable!("windows of two") };
            let statuses = (used.capacity, idle.capacity);
            if statuses != (Some(CapacityStatus::Used), Some(CapacityStatus::Unused))
                || (&used.document, used.line) != (&idle.document, idle.line)
            {
                continue;
            }
            let seconds = |row: &CostRow| {
                let hours = exact(row.consumed.expect("of a usage row").amount);
                hours.times(Ratio::whole(3600)).round_half_even()
            };
            let whole = seconds(used) + seconds(idle);
            let net = used.billed.plus(idle.billed).minor();
            let off = used.billed.minor() * whole - net * seconds(used);
            prop_assert!(2 * off.abs() <= whole, "{used:?}, {idle:?}");
        }
    }

    #[test]
    fn what_is_given_back_is_given_back_row_by_row(plan in plan()) {
        let mut all = documents(&plan);
        let first = all[0].clone();
        all.truncate(1);
        all.push(credit_note(&first, number(2), day(9, 9), "wrong"));
        let rows = rows(&plan, &all);
        let (before, after): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| row.document == first.number);
        prop_assert_eq!(before.len(), after.len());
        for (billed, back) in before.iter().zip(&after) {
            prop_assert_eq!(billed.billed, back.billed.negated());
            prop_assert_eq!(billed.capacity, back.capacity);
            prop_assert_eq!(back.class, ChargeClass::Correction);
        }
    }
}

#[test]
fn a_correction_within_its_billing_period_is_none() {
    let spec: [LineSpec; 1] = [(Revenue::Fixed, day(5, 1), day(5, 31), 100_000, 0)];
    let first = invoice(&number(1), "renter", currency("USD"), &spec, (day(5, 1), 30));
    let class = |at: Day| {
        let back = credit_note(&first, number(2), at, "wrong");
        let nothing = |_: Day, _: Day| (GpuSeconds::ZERO, GpuSeconds::ZERO);
        let lease = FocusLease {
            documents: &[first.clone(), back],
            zone: &Zone::utc(),
            site: &SiteId::new("hall").expect("a name"),
            used_and_idle: &nothing,
        };
        let rows = lease.cost_and_usage();
        let statuses: Vec<_> = rows.iter().map(|row| row.capacity).collect();
        assert_eq!(statuses, [Some(CapacityStatus::Unused); 2], "nothing was delivered");
        (rows[0].class, rows[1].class)
    };
    assert_eq!(class(day(5, 31)), (ChargeClass::Regular, ChargeClass::Regular));
    assert_eq!(class(day(6, 1)), (ChargeClass::Regular, ChargeClass::Correction));
}

#[test]
fn columns_are_those_of_the_specification_in_order() {
    let names: Vec<&str> = COST_COLUMNS.iter().map(|column| column.name).collect();
    let (ours, theirs): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| name.starts_with("x_"));
    assert_eq!((theirs.len(), ours), (57, vec!["x_InvoiceLine"]));
    assert!(theirs.is_sorted(), "by name");
}
