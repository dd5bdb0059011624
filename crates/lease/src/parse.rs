//! Reading a lease file: every field, every rule, all problems at once.

use leasehold_diagnostics::{Document, Field, Problem, Source, Table, with_unit};
use leasehold_units::{
    Currency, Day, Gpus, LeaseId, Money, MoneyError, Nodes, PartyId, PowerBasis, Ratio, Shape,
    SiteId, SkuId, Watts, Zone,
};

use crate::{
    Amount, Capacity, Curtail, Delivery, Fee, IdleUse, InvoiceTiming, Isolation, Meter,
    MeteringPoint, NoticeBy, NoticeTerms, Proration, RampStep, Remedy, Service, ServiceCredit,
    Side, Terms, UsageFee, WattBasis,
};

const AMOUNT: &str = "\"all\", \"300 MW\", \"4096 GPU\", \"512 node\", \"16 rack\" or \"4 array\"";

impl Terms {
    /// Reads a lease file: one version of a lease.
    ///
    /// # Errors
    /// All its problems.
    pub fn parse(source: &Source) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(source);
        let terms = read_terms(&document.root());
        match (terms, document.into_problems()) {
            (Some(terms), problems) if problems.is_empty() => Ok(terms),
            (_, problems) => Err(problems),
        }
    }
}

fn read_terms(root: &Table<'_>) -> Option<Terms> {
    let id = root.required("id", root.name("id", LeaseId::new), "the lease's name");
    let site = root.required("site", root.name("site", SiteId::new), "the site that it is on");
    let party = |key, expected| root.required(key, root.name(key, PartyId::new), expected);
    let (landlord, tenant) = (party("landlord", "who lets"), party("tenant", "who rents"));
    let signed = root.required("signed", root.day("signed"), "the day of signature");
    let zone = root
        .text("time_zone", "not-a-time-zone", "an IANA time zone", |name| Zone::named(name).ok());
    let zone = root.required("time_zone", zone, "the zone of the lease's civil days");
    let source = root.string("source").map(|source| source.value);
    let term = root.required("term", root.table("term"), "a table with `start` and `end`");
    let term = term.and_then(|term| read_term(&term));
    let (version, effective) = read_version(root);
    let notice = optional(root.table("notice"), read_notice);
    let capacity = root.required("capacity", root.table("capacity"), "what is granted");
    let capacity = capacity.and_then(|capacity| read_capacity(&capacity, term));
    let delivery = optional(root.table("delivery"), read_delivery);
    let fee = root.required("fee", root.table("fee"), "what is owed");
    let fee = fee.and_then(|fee| read_fee(&fee));
    let currency = fee.as_ref().map(|fee| fee.fixed.currency());
    let service = optional(root.table("service"), |table| read_service(table, currency));
    root.finish();
    let (landlord, tenant, (start, end)) = (landlord?, tenant?, term?);
    if landlord.value == tenant.value {
        let message = format!("{} is landlord and tenant", tenant.value);
        root.report("two-parties", tenant.span, message, "a tenant other than the landlord");
    }
    Some(Terms {
        id: id?.value,
        version: version?,
        effective: effective.unwrap_or(start),
        site: site?.value,
        landlord: landlord.value,
        tenant: tenant.value,
        signed: signed?.value,
        time_zone: zone?.value,
        source,
        start,
        end,
        notice: notice?,
        capacity: capacity?,
        delivery: delivery?,
        fee: fee?,
        service: service?.unwrap_or(NO_SERVICE),
    })
}

/// What holds where `[service]` is absent: nothing is promised, and nobody borrows.
const NO_SERVICE: Service = Service {
    idle_use: IdleUse::None,
    reclaim_within: None,
    availability: None,
    credits: Vec::new(),
    reclaim_miss_credit: None,
    curtail: None,
};

/// An absent table is fine; one that is there must read.
fn optional<T>(
    table: Option<Table<'_>>,
    read: impl Fn(&Table<'_>) -> Option<T>,
) -> Option<Option<T>> {
    match table {
        None => Some(None),
        Some(table) => read(&table).map(Some),
    }
}

/// `version` and `effective` come together, from version 2 on.
fn read_version(root: &Table<'_>) -> (Option<u32>, Option<Day>) {
    let (version, effective) = (root.integer("version", 1, 9999), root.day("effective"));
    let number = version.as_ref().map_or(1, |version| version.value);
    if number > 1 && effective.is_none() {
        let expected = "the first day on which this version governs";
        root.required::<()>("effective", None, expected);
    }
    if let (1, Some(day)) = (number, &effective) {
        let message = "`effective` is given for the first version".to_owned();
        let expected = "`version = 2` or later with it; version 1 governs from the term's start";
        root.report("version-with-effective", day.span.clone(), message, expected);
    }
    let number = u32::try_from(number).expect("at most four digits");
    ((!root.has("version") || version.is_some()).then_some(number), effective.map(|day| day.value))
}

fn read_term(table: &Table<'_>) -> Option<(Day, Day)> {
    let start = table.required("start", table.day("start"), "the first day of service");
    let end = table.required("end", table.day("end"), "the last day of service");
    table.finish();
    let (start, end) = (start?, end?);
    if end.value < start.value {
        let message = format!("the term ends on {}, before it starts", end.value);
        let expected = format!("{} or a later day", start.value);
        table.report("term-in-order", end.span, message, &expected);
    }
    Some((start.value, end.value))
}

fn read_notice(table: &Table<'_>) -> Option<NoticeTerms> {
    let sides = [
        ("either", NoticeBy::Either),
        ("tenant", NoticeBy::Only(Side::Tenant)),
        ("landlord", NoticeBy::Only(Side::Landlord)),
    ];
    let by = table.required("by", table.choice("by", &sides), "who may give notice");
    let days = table.integer("days", 1, 3660);
    let days = table.required("days", days, "days from notice to the last day of service");
    let not_before = table.day("not_before").map(|day| day.value);
    table.finish();
    let days = u32::try_from(days?.value).expect("at most ten years");
    Some(NoticeTerms { by: by?.value, days, not_before })
}

fn amount(text: &str) -> Option<Amount> {
    if text == "all" {
        return Some(Amount::All);
    }
    let units = [
        ("GPU", 1),
        ("node", 1),
        ("rack", 1),
        ("array", 1),
        ("W", 1),
        ("kW", 1_000),
        ("MW", 1_000_000),
        ("GW", 1_000_000_000),
    ];
    let (number, unit) = with_unit(text, &units)?;
    let whole = (number.denominator() == 1).then_some(number.numerator())?;
    let count = u64::try_from(whole).ok().filter(|count| *count > 0)?;
    Some(match unit {
        0 => Amount::Gpus(Gpus::new(count)),
        1 => Amount::Nodes(Nodes::new(count)),
        2 => Amount::Racks(count),
        3 => Amount::Arrays(count),
        _ => Amount::Power(Watts::new(count)),
    })
}

fn read_capacity(table: &Table<'_>, term: Option<(Day, Day)>) -> Option<Capacity> {
    let full = table.text("amount", "not-an-amount", AMOUNT, amount);
    let full = table.required("amount", full, AMOUNT);
    let basis = read_basis(table);
    let skus = table.strings("sku").unwrap_or_default();
    let skus: Vec<Option<SkuId>> = skus.into_iter().map(|sku| read_sku(table, &sku)).collect();
    let shapes = [("node", Shape::Node), ("rack", Shape::Rack), ("array", Shape::Array)];
    let expected = "the whole blocks that it is promised in";
    let shape = table.required("shape", table.choice("shape", &shapes), expected);
    let walls = [("node", Isolation::Node), ("rack", Isolation::Rack)];
    let isolation = table.choice("isolation", &walls);
    let ramp = read_ramp(table, term);
    table.finish();
    let (full, ramp) = (full?, ramp?);
    let in_watts = |amount: &Amount| matches!(amount, Amount::Power(_));
    let any_watts = in_watts(&full.value) || ramp.iter().any(|step| in_watts(&step.amount));
    if any_watts && !table.has("basis") {
        let expected = "\"facility contracted\" or the like, since an amount is in watts";
        table.required::<()>("basis", None, expected);
    }
    if !any_watts && table.has("basis") {
        let message = "`basis` is given, and no amount is in watts".to_owned();
        table.report("basis-with-watts", full.span.clone(), message, "no `basis` here");
    }
    if let Some(last) = ramp.last().filter(|last| last.amount != full.value) {
        let message = format!("the ramp ends with another amount from {} on", last.from);
        let expected = "the amount of the last [[capacity.ramp]] step";
        table.report("ramp-reaches-amount", full.span.clone(), message, expected);
    }
    let whole_racks = shape.as_ref().is_none_or(|shape| shape.value != Shape::Node);
    if let Some(wall) = isolation.as_ref().filter(|wall| wall.value == Isolation::Rack)
        && !whole_racks
    {
        let message = "racks are not shared, and the capacity is promised in nodes".to_owned();
        let expected = "`shape = \"rack\"` or \"array\" with it";
        table.report("isolation-in-whole-racks", wall.span.clone(), message, expected);
    }
    Some(Capacity {
        amount: full.value,
        basis,
        skus: skus.into_iter().collect::<Option<_>>()?,
        shape: shape?.value,
        isolation: isolation.map_or(Isolation::Node, |wall| wall.value),
        ramp,
    })
}

fn read_sku(table: &Table<'_>, sku: &Field<String>) -> Option<SkuId> {
    let read = SkuId::new(&sku.value);
    if let Err(error) = &read {
        table.report("not-a-name", sku.span.clone(), error.to_string(), "the name of a sku");
    }
    read.ok()
}

fn read_basis(table: &Table<'_>) -> Option<WattBasis> {
    let points = [("facility", MeteringPoint::Facility), ("it", MeteringPoint::It)];
    let powers = [
        ("nameplate", PowerBasis::Nameplate),
        ("contracted", PowerBasis::Contracted),
        ("measured", PowerBasis::Measured),
    ];
    let read = |text: &str| {
        let (point, power) = text.split_once(' ')?;
        let point = points.iter().find(|(word, _)| *word == point)?.1;
        let power = powers.iter().find(|(word, _)| *word == power)?.1;
        Some(WattBasis { point, power })
    };
    let expected = "\"facility\" or \"it\", then \"nameplate\", \"contracted\" or \"measured\"";
    table.text("basis", "not-a-basis", expected, read).map(|basis| basis.value)
}

fn read_ramp(table: &Table<'_>, term: Option<(Day, Day)>) -> Option<Vec<RampStep>> {
    let mut steps: Vec<RampStep> = Vec::new();
    let mut whole = true;
    for step in table.tables("ramp") {
        let from = step.required("from", step.day("from"), "the first day of the step");
        let size = step.text("amount", "not-an-amount", AMOUNT, amount);
        let size = step.required("amount", size, AMOUNT);
        let fee = step.required("fee", step.percent("fee"), "share of the fixed fee, \"50%\"");
        step.finish();
        let (Some(from), Some(size), Some(fee)) = (from, size, fee) else {
            whole = false;
            continue;
        };
        if let Some(last) = steps.last().filter(|last| from.value <= last.from) {
            let expected = format!("a day after {}", last.from);
            let message = format!("a step from {} follows one from {}", from.value, last.from);
            step.report("ramp-in-order", from.span.clone(), message, &expected);
        }
        if let Some((start, end)) = term {
            check_ramp_day(&step, &from, steps.is_empty(), (start, end));
        }
        steps.push(RampStep { from: from.value, amount: size.value, fee: fee.value });
    }
    whole.then_some(steps)
}

fn check_ramp_day(step: &Table<'_>, from: &Field<Day>, first: bool, (start, end): (Day, Day)) {
    if first && from.value != start {
        let message = format!("the ramp starts on {}", from.value);
        let expected = format!("{start}, the first day of the term");
        step.report("ramp-starts-term", from.span.clone(), message, &expected);
    }
    if from.value > end {
        let message = format!("a step starts on {}, after the term", from.value);
        let expected = format!("{end} or an earlier day");
        step.report("ramp-inside-term", from.span.clone(), message, &expected);
    }
}

fn read_delivery(table: &Table<'_>) -> Option<Delivery> {
    let due = table.required("due", table.day("due"), "the day by which all is due");
    let grace = table.required("grace_days", table.integer("grace_days", 0, 3660), "whole days");
    let remedies = [
        ("pro-rata", Remedy::ProRata),
        ("terminate", Remedy::Terminate),
        ("tenant-elects", Remedy::TenantElects),
    ];
    let remedy = table.choice("remedy", &remedies);
    let remedy = table.required("remedy", remedy, "what a short delivery entitles the tenant to");
    table.finish();
    Some(Delivery {
        due: due?.value,
        grace_days: u32::try_from(grace?.value).expect("at most ten years"),
        remedy: remedy?.value,
    })
}

fn read_fee(table: &Table<'_>) -> Option<Fee> {
    let expected = "a code of ISO 4217 such as \"USD\"";
    let currency =
        table.text("currency", "unknown-currency", expected, |code| Currency::from_code(code).ok());
    let currency = table.required("currency", currency, expected).map(|code| code.value);
    let fixed = read_money(table, "fixed", currency);
    let fixed = if table.has("fixed") {
        fixed
    } else {
        table.required("fixed", fixed, "the fee of a full month, \"1250000000.00\"")
    };
    let ways = [("actual", Proration::Actual), ("30/360", Proration::Thirty360)];
    let proration = table.choice("proration", &ways);
    let proration = table.required("proration", proration, "how parts of months are counted");
    let times = [("advance", InvoiceTiming::Advance), ("arrears", InvoiceTiming::Arrears)];
    let invoice = table.required("invoice", table.choice("invoice", &times), "when it is invoiced");
    let due_days = table.integer("due_days", 0, 3660);
    let due_days = table.required("due_days", due_days, "days from issue to due");
    let usage: Vec<Option<UsageFee>> = table.tables("usage").iter().map(read_usage).collect();
    table.finish();
    Some(Fee {
        fixed: fixed?,
        proration: proration?.value,
        invoice: invoice?.value,
        due_days: u32::try_from(due_days?.value).expect("at most ten years"),
        usage: usage.into_iter().collect::<Option<_>>()?,
    })
}

fn read_money(table: &Table<'_>, key: &'static str, currency: Option<Currency>) -> Option<Money> {
    let currency = currency?;
    let digits = currency.digits();
    let expected = format!("an amount in quotes with at most {digits} digits after the point");
    let rule = match table.string(key) {
        Some(text) => match Money::from_decimal(&text.value, currency) {
            Err(MoneyError::TooManyDigits { .. }) => "too-many-digits",
            _ => "not-an-amount",
        },
        None => return None,
    };
    let read = |text: &str| Money::from_decimal(text, currency).ok();
    table.text(key, rule, &expected, read).map(|money| money.value)
}

fn read_usage(table: &Table<'_>) -> Option<UsageFee> {
    let meters = [
        ("energy", Meter::Energy),
        ("gpu_hours_used", Meter::GpuHoursUsed),
        ("gpu_hours_held", Meter::GpuHoursHeld),
        ("gpu_hours_over", Meter::GpuHoursOver),
    ];
    let meter = table.required("meter", table.choice("meter", &meters), "what is metered");
    let price = table.required("price", table.decimal("price"), "per kWh or per GPU-hour");
    table.finish();
    Some(UsageFee { meter: meter?.value, price: price?.value })
}

fn read_service(table: &Table<'_>, currency: Option<Currency>) -> Option<Service> {
    let uses = [("landlord", IdleUse::Landlord), ("none", IdleUse::None)];
    let idle_use = table.choice("idle_use", &uses);
    let idle_use = table.required("idle_use", idle_use, "who may use idle nodes");
    let reclaim_within = table.seconds("reclaim_within");
    let availability = table.percent("availability").map(|share| share.value);
    let credits: Vec<Option<ServiceCredit>> =
        table.tables("credit").iter().map(read_credit).collect();
    let miss_credit = read_money(table, "reclaim_miss_credit", currency).or_else(|| {
        let misplaced = table.tables("credit");
        misplaced.iter().find_map(|credit| read_money(credit, "reclaim_miss_credit", currency))
    });
    let curtail = table
        .table("curtail")
        .or_else(|| table.tables("credit").iter().find_map(|credit| credit.table("curtail")));
    let curtail = optional(curtail, read_curtail);
    table.finish();
    let idle_use = idle_use?;
    if idle_use.value == IdleUse::Landlord && !table.has("reclaim_within") {
        let expected = "the bound within which lent nodes come back, such as \"10 min\"";
        table.required::<()>("reclaim_within", None, expected);
    }
    if !credits.is_empty() && !table.has("availability") {
        let expected = "the availability that the credits stand behind, such as \"99.5%\"";
        table.required::<()>("availability", None, expected);
    }
    Some(Service {
        idle_use: idle_use.value,
        reclaim_within: reclaim_within.map(|bound| bound.value),
        availability,
        credits: credits.into_iter().collect::<Option<_>>()?,
        reclaim_miss_credit: miss_credit,
        curtail: curtail?,
    })
}

/// TOML puts keys that stand behind `[[service.credit]]` into that table. The published form of the
/// file has them there, and they are meant for the service.
fn read_credit(table: &Table<'_>) -> Option<ServiceCredit> {
    let below = table.required("below", table.percent("below"), "an availability, \"99.5%\"");
    let credit = table.required("credit", table.percent("credit"), "share of the fixed fee");
    let _ = (table.has("reclaim_miss_credit"), table.has("curtail"));
    table.finish();
    Some(ServiceCredit { below: below?.value, credit: credit?.value })
}

fn read_curtail(table: &Table<'_>) -> Option<Curtail> {
    let order = table.required("order", table.integer("order", 1, 9999), "place in the order");
    let depth = table.required("depth", table.percent("depth"), "share of the holding, \"25%\"");
    table.finish();
    let order = u32::try_from(order?.value).expect("at most four digits");
    Some(Curtail { order, depth: depth.map_or(Ratio::ZERO, |depth| depth.value) })
}
