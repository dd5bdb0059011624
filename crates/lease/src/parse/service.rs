//! `[service]`: who may use idle nodes, how soon they come back, what is promised, and the credits
//! that stand behind it.

use leasehold_diagnostics::{Field, Table};
use leasehold_units::{Currency, Ratio};

use super::fee::{read_money, read_words};
use super::optional;
use crate::{Curtail, Exclusions, IdleUse, Maintenance, Service, ServiceCredit};

/// What holds where `[service]` is absent: nothing is promised, and nobody borrows.
pub const NONE: Service = Service {
    idle_use: IdleUse::None,
    reclaim_within: None,
    availability: None,
    exclude: EXCLUDED,
    credits: Vec::new(),
    reclaim_miss_credit: None,
    curtail_credit: None,
    curtail: None,
    maintenance: None,
};

/// What an availability does not count where `exclude` is absent.
const EXCLUDED: Exclusions = Exclusions { maintenance: true, tenant_fault: true };

/// Reads `[service]`.
pub fn read(table: &Table<'_>, currency: Option<Currency>) -> Option<Service> {
    let uses = [("landlord", IdleUse::Landlord), ("none", IdleUse::None)];
    let idle_use = table.choice("idle_use", &uses);
    let idle_use = table.required("idle_use", idle_use, "who may use idle nodes");
    let reclaim_within = table.seconds("reclaim_within");
    let availability = table.percent("availability");
    let steps = table.tables("credit");
    let miss_credit = home(table, &steps, "reclaim_miss_credit");
    let miss_credit = read_money(miss_credit, "reclaim_miss_credit", currency);
    let curtail_credit = home(table, &steps, "curtail_credit").percent("curtail_credit");
    let exclude = read_exclusions(home(table, &steps, "exclude"));
    let curtail = optional(home(table, &steps, "curtail").table("curtail"), read_curtail);
    let maintenance = home(table, &steps, "maintenance").table("maintenance");
    let maintenance = optional(maintenance, read_maintenance);
    let credits = read_credits(&steps, availability.as_ref().map(|share| share.value));
    table.finish();
    let lends = idle_use.as_ref().is_some_and(|idle_use| idle_use.value == IdleUse::Landlord);
    if (lends || miss_credit.is_some()) && !table.has("reclaim_within") {
        let expected = "the bound within which lent nodes come back, such as \"10 min\"";
        table.required::<()>("reclaim_within", None, expected);
    }
    if (!steps.is_empty() || table.has("exclude")) && !table.has("availability") {
        let expected = "the availability that is promised, such as \"99.5%\"";
        table.required::<()>("availability", None, expected);
    }
    Some(Service {
        idle_use: idle_use?.value,
        reclaim_within: reclaim_within.map(|bound| bound.value),
        availability: availability.map(|share| share.value),
        exclude: exclude?,
        credits: credits?,
        reclaim_miss_credit: miss_credit,
        curtail_credit: curtail_credit.map(|share| share.value),
        curtail: curtail?,
        maintenance: maintenance?,
    })
}

/// What the availability does not count; an empty list is nothing.
fn read_exclusions(table: &Table<'_>) -> Option<Exclusions> {
    if !table.has("exclude") {
        return Some(EXCLUDED);
    }
    let [maintenance, tenant_fault] =
        read_words(table, "exclude", ["maintenance", "tenant-fault"])?;
    Some(Exclusions { maintenance, tenant_fault })
}

/// The table that has `key`: the service's own, or one of its credits'. TOML puts keys that stand
/// behind `[[service.credit]]` into that table. The published form of the file has them there, and
/// they are meant for the service. It may have only one.
fn home<'t, 'a>(table: &'t Table<'a>, steps: &'t [Table<'a>], key: &'static str) -> &'t Table<'a> {
    let mut homes = std::iter::once(table).chain(steps).filter(|table| table.has(key));
    let first = homes.next().unwrap_or(table);
    for other in homes {
        let message = format!("`{key}` is given twice in [service]");
        other.report("duplicate-key", other.key_span(key), message, "each key once");
    }
    first
}

/// The credit ladder, deepest step last: the lower the availability, the higher the credit.
fn read_credits(steps: &[Table<'_>], promised: Option<Ratio>) -> Option<Vec<ServiceCredit>> {
    let mut credits: Vec<Option<(Field<Ratio>, Field<Ratio>)>> = Vec::new();
    for table in steps {
        let below = table.percent("below");
        let below = table.required("below", below, "an availability, \"99.5%\"");
        let credit = table.percent("credit");
        let credit = table.required("credit", credit, "share of the period's fixed fee, \"5%\"");
        table.finish();
        if let Some((below, most)) = below.as_ref().zip(promised).filter(|(b, p)| b.value > *p) {
            let message = "a credit applies although the promise is kept".to_owned();
            let expected = format!("at most the promised availability, {}%", percents(most));
            table.report("credit-below-promise", below.span.clone(), message, &expected);
        }
        credits.push(below.zip(credit));
    }
    let mut credits: Vec<(Field<Ratio>, Field<Ratio>)> =
        credits.into_iter().collect::<Option<_>>()?;
    credits.sort_by_key(|(below, _)| (std::cmp::Reverse(below.value), below.span.start));
    for (shallow, deep) in credits.iter().zip(credits.iter().skip(1)) {
        check_ladder(&steps[0], shallow, deep);
    }
    let step = |(below, credit): &(Field<Ratio>, Field<Ratio>)| ServiceCredit {
        below: below.value,
        credit: credit.value,
    };
    Some(credits.iter().map(step).collect())
}

fn check_ladder(
    table: &Table<'_>,
    shallow: &(Field<Ratio>, Field<Ratio>),
    deep: &(Field<Ratio>, Field<Ratio>),
) {
    if shallow.0.value == deep.0.value {
        let message = "two credits apply below one availability".to_owned();
        table.report("credit-ladder", deep.0.span.clone(), message, "one credit for each");
    } else if deep.1.value <= shallow.1.value {
        let message = "the credit does not grow as the availability falls".to_owned();
        let expected = format!("more than {}%", percents(shallow.1.value));
        table.report("credit-ladder", deep.1.span.clone(), message, &expected);
    }
}

/// A share of at most nine digits after the point, in percent.
fn percents(share: Ratio) -> String {
    let nano = share.times(Ratio::whole(100_000_000_000)).round_half_even();
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn read_curtail(table: &Table<'_>) -> Option<Curtail> {
    let order = table.required("order", table.integer("order", 1, 9999), "place in the order");
    let depth = table.required("depth", table.percent("depth"), "share of the holding, \"25%\"");
    table.finish();
    let order = u32::try_from(order?.value).expect("at most four digits");
    Some(Curtail { order, depth: depth?.value })
}

fn read_maintenance(table: &Table<'_>) -> Option<Maintenance> {
    let hours = table.integer("hours_per_month", 1, 744);
    let hours = table.required("hours_per_month", hours, "hours of a month, such as 4");
    let notice = table.required("notice", table.seconds("notice"), "how long ahead, \"7 d\"");
    table.finish();
    let hours_per_month = u32::try_from(hours?.value).expect("at most those of a month");
    Some(Maintenance { hours_per_month, notice: notice?.value })
}
