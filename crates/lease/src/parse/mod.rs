//! Reading a lease file: every field, every rule, all problems at once.

mod capacity;
mod escalator;
mod fee;
mod payment;
mod service;
mod tax;

use leasehold_diagnostics::{Document, Field, Problem, Source, Table};
use leasehold_units::{Day, LeaseId, PartyId, SiteId};

use crate::{Delivery, NoticeBy, NoticeTerms, Remedy, Side, Terms};

/// First and last day of service.
type Term = (Day, Day);

impl Terms {
    /// Reads a lease file: one version of a lease.
    ///
    /// # Errors
    /// All its problems.
    pub fn parse(source: &Source) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(source);
        let terms = read_terms(&document.root(), &source.text);
        match (terms, document.into_problems()) {
            (Some(terms), problems) if problems.is_empty() => Ok(terms),
            (_, problems) => Err(problems),
        }
    }
}

fn read_terms(root: &Table<'_>, text: &str) -> Option<Terms> {
    let id = root.required("id", root.name("id", LeaseId::new), "the lease's name");
    let site = root.required("site", root.name("site", SiteId::new), "the site that it is on");
    let parties = read_parties(root);
    let signed = root.required("signed", root.day("signed"), "the day of signature");
    let zone = root.zone("time_zone");
    let zone = root.required("time_zone", zone, "the zone of the lease's civil days");
    let source = root.string("source").map(|source| source.value);
    let term = root.required("term", root.table("term"), "a table with `start` and `end`");
    let term = term.and_then(|term| read_term(&term));
    let version = read_version(root, term);
    let notice = optional(root.table("notice"), read_notice);
    let capacity = root.required("capacity", root.table("capacity"), "what is granted");
    let capacity = capacity.and_then(|capacity| capacity::read(&capacity, term));
    let delivery = optional(root.table("delivery"), |table| read_delivery(table, term));
    let fees = root.required("fee", root.table("fee"), "what is owed");
    let currency = fees.as_ref().and_then(fee::read_currency);
    let fee = fees.as_ref().and_then(|fee| fee::read(fee, currency, term));
    let service = optional(root.table("service"), |table| service::read(table, currency));
    root.finish();
    if let Some((signed, (_, end))) = signed.as_ref().zip(term).filter(|(on, to)| on.value > to.1) {
        let message = format!("it is signed on {}, after the term", signed.value);
        root.report("signed-in-time", signed.span.clone(), message, &format!("{end} or earlier"));
    }
    let ((landlord, tenant), (start, end)) = (parties?, term?);
    let (version, effective) = version?;
    let terms = Terms {
        text: text.into(),
        id: id?.value,
        version,
        effective: effective.unwrap_or(start),
        site: site?.value,
        landlord,
        tenant,
        signed: signed?.value,
        time_zone: zone?.value,
        source,
        start,
        end,
        notice: notice?,
        capacity: capacity?,
        delivery: delivery?,
        fee: fee?,
        service: service?.unwrap_or(service::NONE),
    };
    escalator::check_exact(&fees?, &terms);
    Some(terms)
}

fn read_parties(root: &Table<'_>) -> Option<(PartyId, PartyId)> {
    let party = |key, expected| root.required(key, root.name(key, PartyId::new), expected);
    let (landlord, tenant) = (party("landlord", "who lets"), party("tenant", "who rents"));
    let (landlord, tenant) = (landlord?, tenant?);
    if landlord.value == tenant.value {
        let message = format!("{} is landlord and tenant", tenant.value);
        root.report("two-parties", tenant.span, message, "a tenant other than the landlord");
    }
    Some((landlord.value, tenant.value))
}

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
fn read_version(root: &Table<'_>, term: Option<Term>) -> Option<(u32, Option<Day>)> {
    let (version, effective) = (root.integer("version", 1, 9999), root.day("effective"));
    if root.has("version") && version.is_none() {
        return None;
    }
    let number = version.map_or(1, |version| version.value);
    if number > 1 && effective.is_none() {
        let expected = "the first day on which this version governs";
        root.required::<()>("effective", None, expected);
        return None;
    }
    if let Some(day) = &effective {
        check_effective(root, number, day, term);
    }
    let number = u32::try_from(number).expect("at most four digits");
    Some((number, effective.map(|day| day.value)))
}

fn check_effective(root: &Table<'_>, version: u64, effective: &Field<Day>, term: Option<Term>) {
    if version == 1 {
        let message = "`effective` is given for the first version".to_owned();
        let expected = "`version = 2` or later with it; version 1 governs from the term's start";
        root.report("version-with-effective", effective.span.clone(), message, expected);
    }
    check_inside(root, "effective", "effective-inside-term", effective, term);
}

/// Reports a day outside the term.
fn check_inside(
    table: &Table<'_>,
    key: &str,
    rule: &'static str,
    day: &Field<Day>,
    term: Option<Term>,
) {
    let Some((start, end)) = term else { return };
    if day.value < start || end < day.value {
        let message = format!("`{key}` is {}, outside the term", day.value);
        let expected = format!("a day from {start} to {end}");
        table.report(rule, day.span.clone(), message, &expected);
    }
}

fn read_term(table: &Table<'_>) -> Option<Term> {
    let start = table.required("start", table.day("start"), "the first day of service");
    let end = table.required("end", table.day("end"), "the last day of service");
    table.finish();
    let (start, end) = (start?, end?);
    if end.value < start.value {
        let message = format!("the term ends on {}, before it starts", end.value);
        let expected = format!("{} or a later day", start.value);
        table.report("term-in-order", end.span, message, &expected);
        return None;
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

fn read_delivery(table: &Table<'_>, term: Option<Term>) -> Option<Delivery> {
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
    let due = due?;
    check_inside(table, "due", "delivery-inside-term", &due, term);
    Some(Delivery {
        due: due.value,
        grace_days: u32::try_from(grace?.value).expect("at most ten years"),
        remedy: remedy?.value,
    })
}
