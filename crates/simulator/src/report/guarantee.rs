//! How long reclaims took, against what leases promise; and promises that were not kept.

use leasehold_ledger::{Invoice, Line, LineKind};
use maud::{Markup, html};

use super::chart::{Label, Plot, SIDE, Scale, percent, spaced, tenth};
use super::table::{cell, table, times, words};
use super::words::{grouped, length, local, money, rounded};
use crate::engine::Outcome;
use crate::random::precise;

/// Bars in the histogram.
const BARS: u64 = 60;

/// Most breaches that are listed.
const BREACHES_MAX: usize = 200;

/// Reclaims, then breaches.
pub fn section(outcome: &Outcome) -> Markup {
    html! {
        @if outcome.reclaims_asked() == 0 {
            p { "No tenant asked for nodes that had to be cleared first." }
        } @else {
            (figures(outcome))
            (histogram(outcome))
        }
        (breaches(outcome))
    }
}

/// The bounds that leases promise, in order, each once.
fn bounds(outcome: &Outcome) -> Vec<u64> {
    let entries = outcome.state.contracts.leases.iter();
    let mut bounds: Vec<u64> =
        entries.filter_map(|entry| entry.reclaim_bound()).map(|b| b.get()).collect();
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

fn figures(outcome: &Outcome) -> Markup {
    let reclaims = &outcome.reclaims;
    html! {
        dl.figures {
            div { dt { "reclaims" } dd { (grouped(u128::from(outcome.reclaims_asked()))) } }
            div { dt { "half within" } dd { (length(reclaims.percentile(50))) } }
            div { dt { "99 % within" } dd { (length(reclaims.percentile(99))) } }
            div { dt { "longest" } dd { (length(reclaims.max())) } }
            @for bound in bounds(outcome) { div { dt { "promised" } dd { (length(bound)) } } }
            div class=(if outcome.reclaims_missed == 0 { "good" } else { "bad" }) {
                dt { "late" } dd { (grouped(u128::from(outcome.reclaims_missed))) }
            }
        }
    }
}

fn histogram(outcome: &Outcome) -> Markup {
    let bounds = bounds(outcome);
    let promised = bounds.last().copied();
    let longest = outcome.reclaims.max().max(promised.unwrap_or(0)).max(1);
    let width = (longest * 21 / 20 + 1).div_ceil(BARS);
    let bars = bars(outcome, width);
    let tallest = precise(bars.iter().copied().max().unwrap_or(1).max(1));
    let scale = Scale { first: 0.0, last: precise(width * BARS), most: tallest * 1.18 };
    let plot = Plot {
        name: "Reclaims by seconds from request to clean nodes".into(),
        data: None,
        size: "middle",
        up: scale.up(&|count| grouped(rounded(count))),
        along: seconds_along(width * BARS, &scale),
        above: html! {},
        shapes: html! {
            @for (index, count) in (0u64..).zip(&bars).filter(|(_, count)| **count > 0) {
                @let late = promised.is_some_and(|bound| index * width > bound);
                (bar(index * width..(index + 1) * width, *count, late, &scale))
            }
            @for bound in &bounds {
                @let x = tenth(scale.x(precise(*bound)));
                line.bound x1=(x) x2=(x) y1="0" y2="1000" {}
            }
        },
        words: bound_words(&bounds, &scale),
    };
    html! {
        figure {
            figcaption { "From request to clean nodes" span.unit { "reclaims, in bars of " (length(width)) } }
            (plot.draw())
        }
    }
}

fn bars(outcome: &Outcome, width: u64) -> Vec<u64> {
    let width = usize::try_from(width).expect("a reclaim ends in this age");
    outcome.reclaims.counts().chunks(width).map(|chunk| chunk.iter().sum()).collect()
}

/// One bar; what is there is never too low to be seen.
fn bar(seconds: std::ops::Range<u64>, count: u64, late: bool, scale: &Scale) -> Markup {
    let (left, right) = (scale.x(precise(seconds.start)), scale.x(precise(seconds.end)));
    let top = scale.y(precise(count)).min(SIDE - 8.0);
    html! {
        rect class=(if late { "late" } else { "bar" }) x=(tenth(left + 1.0)) y=(tenth(top))
            width=(tenth((right - left - 2.0).max(1.0))) height=(tenth(SIDE - top)) {
            title { (seconds.start) " to " (seconds.end - 1) " s: " (grouped(u128::from(count))) }
        }
    }
}

fn seconds_along(span: u64, scale: &Scale) -> Vec<Label> {
    let steps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400];
    let step = steps.into_iter().find(|step| span / step <= 8).unwrap_or(span.div_ceil(8));
    let marks = (0..).map(|index: u64| index * step).take_while(|at| at * 12 <= span * 11);
    let label =
        |at: u64| Label { at: scale.x(precise(at)), text: length(at), spare: (at / step) % 2 == 1 };
    marks.map(label).collect()
}

/// What each bound is, where the words have room.
fn bound_words(bounds: &[u64], scale: &Scale) -> Markup {
    let places: Vec<f64> = bounds.iter().map(|bound| scale.x(precise(*bound))).collect();
    let shown = spaced(&places, SIDE * 0.2);
    html! {
        @for ((bound, at), _) in bounds.iter().zip(&places).zip(shown).filter(|(_, shown)| *shown) {
            @let side = if *at > SIDE / 2.0 { "word before limit" } else { "word after limit" };
            span class=(side) style={ "left:" (percent(*at)) ";top:0" } { "promised: " (length(*bound)) }
        }
    }
}

fn breaches(outcome: &Outcome) -> Markup {
    let breaches = &outcome.state.books.breaches;
    let zone = &outcome.state.site.time_zone;
    if breaches.is_empty() {
        return html! { p.soft { "No promise was broken." } };
    }
    let rows = breaches.iter().take(BREACHES_MAX).map(|breach| {
        vec![
            cell(local(breach.at, zone)),
            cell(breach.invariant.name()),
            cell(breach.lease.as_str()),
            cell(breach.what.as_str()),
        ]
    });
    let columns = [times("when"), words("promise"), words("lease"), words("what")];
    html! {
        h3 { "Promises that were not kept" }
        (table(&columns, rows.collect(), None))
        @if breaches.len() > BREACHES_MAX {
            p.soft { "and " (grouped((breaches.len() - BREACHES_MAX) as u128)) " more" }
        }
        (credits(outcome))
    }
}

/// What was given for them.
fn credits(outcome: &Outcome) -> Markup {
    let given =
        |line: &&Line| matches!(line.kind, LineKind::ServiceCredit | LineKind::ReclaimCredit);
    let of = |invoice: &Invoice| -> Vec<Markup> {
        let lines = invoice.lines.iter().filter(given);
        let say = |line: &Line| {
            html! { li { (line.description) ": " (invoice.currency) " " (money(line.amount)) " on " (invoice.number) } }
        };
        lines.map(say).collect()
    };
    let lines: Vec<Markup> = outcome.state.books.invoices.iter().flat_map(of).collect();
    html! {
        @if lines.is_empty() {
            p.soft { "No credit was invoiced for them within this run; credits fall due with the invoice after the month." }
        } @else {
            h3 { "Credits given" }
            ul.plain { @for line in &lines { (line) } }
        }
    }
}
