//! What each lease grants and costs, as steps and as bars of months.

use leasehold_allocator::{EntitlementStep, Shortfall, remedy_on};
use leasehold_control::LeaseEntry;
use leasehold_units::{Currency, Day, Interval, Money, Month, Ratio, Seconds};
use maud::{Markup, html};

use super::chart::{Label, Plot, SIDE, Scale, along, month_name, month_step, percent, tenth};
use super::table::{cell, numbers, table, times, words};
use super::words::{amount_short, grouped, length, megawatts, money, rounded};
use crate::engine::Outcome;
use crate::random::precise;

/// All leases.
pub fn section(outcome: &Outcome, played: Interval) -> Markup {
    html! {
        @if outcome.state.contracts.leases.is_empty() { p { "There is none." } }
        @for entry in &outcome.state.contracts.leases { (lease(entry, played)) }
    }
}

fn lease(entry: &LeaseEntry, played: Interval) -> Markup {
    let terms = entry.terms();
    let currency = terms.fee.fixed.currency();
    let (first, last) = (entry.lease.first_day(), entry.lease.last_day());
    let total = entry.lease.fixed_between(first, last);
    html! {
        article.lease {
            h3 { (terms.id) span.unit { (terms.landlord) " to " (terms.tenant) } }
            dl.figures {
                div { dt { "first day of service" } dd { (first) } }
                div { dt { "last day of service" } dd { (last) } }
                div { dt { "notice" } dd { (notice(entry)) } }
                @if let Some(bound) = entry.reclaim_bound() { div { dt { "reclaim bound" } dd { (length(bound.get())) } } }
                div { dt { "fixed fees to the last day" } dd { (currency) " " (money(total)) } }
            }
            (steps(entry))
            (shortfalls(entry, played))
            (fees(entry, played))
        }
    }
}

fn notice(entry: &LeaseEntry) -> Markup {
    html! {
        @match (entry.lease.notice, &entry.terms().notice) {
            (Some(notice), _) => { "by the " (notice.by) ", " (notice.given) }
            (None, Some(terms)) => { "none given; " (terms.days) " days" }
            (None, None) => "none agreed",
        }
    }
}

fn steps(entry: &LeaseEntry) -> Markup {
    let columns = [
        times("from"),
        times("through"),
        numbers("GPUs"),
        numbers("nodes"),
        numbers("MW"),
        numbers("fee"),
        numbers("fixed fee a month"),
    ];
    let fee_percent = |step: &EntitlementStep| step.fee.times(Ratio::whole(100)).round_half_even();
    let row = |step: &EntitlementStep| {
        let fee = entry.lease.monthly_fee_on(step.from);
        vec![
            cell(step.from.to_string()),
            cell(step.until.to_string()),
            cell(grouped(u128::from(step.gpus.get()))),
            cell(grouped(u128::from(step.nodes.get()))),
            cell(megawatts(step.watts.get())),
            cell(format!("{} %", fee_percent(step))),
            cell(format!("{} {}", fee.currency(), money(fee))),
        ]
    };
    table(&columns, entry.plan.steps.iter().map(row).collect(), None)
}

/// What was late, where anything was: the days, how much, and what counted on them.
fn shortfalls(entry: &LeaseEntry, played: Interval) -> Markup {
    let zone = &entry.terms().time_zone;
    let last = zone.day_of(played.until.before(Seconds::new(1)));
    let short: Vec<Shortfall> =
        entry.shortfalls().into_iter().filter(|short| short.days.from <= last).collect();
    if short.is_empty() {
        return html! {};
    }
    let columns = [
        times("short from"),
        times("through"),
        numbers("GPUs granted"),
        numbers("delivered"),
        words("counts"),
        numbers("off the fixed fee"),
    ];
    let remedied = entry.short_days();
    let short_from: Vec<Day> = short.iter().map(|short| short.days.from).collect();
    let row = |(place, short): (usize, &Shortfall)| {
        let days = short.days;
        // What rounding leaves on full days of a month counts with the short ones before them.
        let end = short_from.get(place + 1).and_then(|next| next.yesterday().ok()).unwrap_or(last);
        let until = days.until.min(last);
        let counts = match remedy_on(&entry.lease, days.from).filter(|_| short.past_grace()) {
            Some(remedy) => remedy.key().to_owned(),
            None => format!("grace through {}", short.grace_until),
        };
        let off = entry.lease.shortfall_between(&remedied, days.from, end).negated();
        vec![
            cell(days.from.to_string()),
            cell(until.to_string()),
            cell(grouped(u128::from(days.granted.get()))),
            cell(grouped(u128::from(days.delivered.get()))),
            cell(counts),
            cell(format!("{} {}", off.currency(), money(off))),
        ]
    };
    table(&columns, short.iter().enumerate().map(row).collect(), None)
}

/// Months of service with their fixed fees.
fn months(entry: &LeaseEntry) -> Vec<(Month, Money)> {
    let mut months: Vec<(Month, Money)> = Vec::new();
    for period in entry.lease.fee_periods() {
        let month = Month::of(period.start);
        match months.last_mut().filter(|(last, _)| *last == month) {
            Some((_, sum)) => *sum = sum.plus(period.amount),
            None => months.push((month, period.amount)),
        }
    }
    months
}

/// One bar a month; months that the run did not reach are paler.
fn fees(entry: &LeaseEntry, played: Interval) -> Markup {
    let months = months(entry);
    let currency = entry.terms().fee.fixed.currency();
    let minor = |fee: &Money| precise(u64::try_from(fee.minor().max(0)).expect("a fee is payable"));
    let most = months.iter().map(|(_, fee)| minor(fee)).fold(1.0, f64::max);
    let columns = u32::try_from(months.len().max(1)).expect("a term has few months");
    let scale = Scale { first: 0.0, last: f64::from(columns), most: most * 1.3 };
    let zone = &entry.terms().time_zone;
    let bar = |(index, (month, fee)): (u32, &(Month, Money))| {
        let left = scale.x(f64::from(index));
        let width = scale.x(f64::from(index) + 1.0) - left;
        let top = scale.y(minor(fee));
        let ahead = zone.start_of(month.first_day()) >= played.until;
        html! {
            rect class=(if ahead { "fee ahead" } else { "fee" }) x=(tenth(left + width * 0.06)) y=(tenth(top))
                width=(tenth(width * 0.88)) height=(tenth(SIDE - top)) {
                title { (month_name(*month)) ": " (currency) " " (money(*fee)) }
            }
        }
    };
    let plot = Plot {
        name: "Fixed fee by month".into(),
        data: None,
        size: "low",
        up: scale.up(&|minor| short(rounded(minor), currency)),
        along: months_along(&months, &scale),
        above: html! {},
        shapes: html! { @for month in (0..).zip(&months) { (bar(month)) } },
        words: highest_word(entry, &months, &scale),
    };
    let ahead = months.iter().any(|(month, _)| zone.start_of(month.first_day()) >= played.until);
    html! {
        figure {
            figcaption { "Fixed fee by month" span.unit { (currency) @if ahead { "; paler: after this run" } } }
            (plot.draw())
        }
    }
}

/// What the highest months come to, over the first of them.
fn highest_word(entry: &LeaseEntry, months: &[(Month, Money)], scale: &Scale) -> Markup {
    let currency = entry.terms().fee.fixed.currency();
    let highest = months.iter().map(|(_, fee)| fee.minor().max(0)).max().unwrap_or(0);
    let first = (0u32..).zip(months).find(|(_, (_, fee))| fee.minor() == highest);
    let Some((index, _)) = first else { return html! {} };
    let minor = u64::try_from(highest).expect("a fee is payable");
    // Short of the right edge, so that it never runs over it.
    let at = scale.x(f64::from(index)).min(SIDE * 0.75);
    html! {
        span.word.over style={ "left:" (percent(at)) ";top:" (percent(scale.y(precise(minor)))) } {
            (currency) " " (short(u128::from(minor), currency))
        }
    }
}

fn short(minor: u128, currency: Currency) -> String {
    amount_short(minor / 10_u128.pow(currency.digits()))
}

fn months_along(months: &[(Month, Money)], scale: &Scale) -> Vec<Label> {
    let step = month_step(months.len());
    let named = (0u32..).zip(months).step_by(step);
    along(
        named.map(|(index, (month, _))| (scale.x(f64::from(index)), month_name(*month))).collect(),
    )
}
