//! The page as a whole: what stands over it, its sections, and how to read it.

use leasehold_control::Invariant;
use leasehold_units::{Day, Interval};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::stretches::stretches;
use super::words::{grouped, length, money, share, watts};
use super::{capacity, events, guarantee, leases, money as invoices, parties, power};
use crate::engine::Outcome;
use crate::output::Summary;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("pointer.js");

/// What stands over the report.
#[derive(Debug, Clone, Copy)]
pub struct Heading {
    /// First day.
    pub from: Day,
    /// First day after the run.
    pub until: Day,
    /// The same in instants.
    pub interval: Interval,
    /// Seed of everything that was drawn.
    pub seed: u64,
}

/// The report of a run.
pub fn render(outcome: &Outcome, summary: &Summary, heading: &Heading) -> String {
    let interval = heading.interval;
    let stretches = stretches(&outcome.capacity, interval);
    let title = format!("{}: {}", outcome.state.site.id, period(heading));
    let sections = [
        (
            "capacity",
            "Capacity",
            html! {
                (capacity::section(outcome, interval, &stretches))
                (power::section(outcome, interval, &stretches))
            },
        ),
        ("guarantee", "Guarantee", guarantee::section(outcome)),
        ("leases", "Leases", leases::section(outcome, interval)),
        ("invoices", "Invoices", invoices::section(outcome)),
        ("parties", "Parties", parties::section(outcome, summary)),
        ("events", "What happened", events::section(outcome)),
        ("invariants", "Invariants", invariants(outcome)),
        ("reading", "How to read it", footnotes(outcome)),
    ];
    let body = html! {
        main {
            (header(outcome, summary, heading))
            nav { @for (id, title, _) in &sections { a href={ "#" (id) } { (title) } } }
            @for (id, title, body) in &sections {
                section id=(id) { h2 { (title) } (body) }
            }
        }
        div #tip hidden {}
        script type="application/json" #numbers { (PreEscaped(capacity::numbers(outcome, interval, &stretches))) }
        script { (PreEscaped(SCRIPT)) }
    };
    document(&title, &body).into_string()
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

/// First and last day.
fn period(heading: &Heading) -> String {
    let last = heading.until.yesterday().expect("a run is in this age");
    format!("{} through {last}", heading.from)
}

fn header(outcome: &Outcome, summary: &Summary, heading: &Heading) -> Markup {
    let site = &outcome.state.site;
    html! {
        header {
            p.kicker { "Leasehold report" }
            h1 { (site.id) }
            p.lead {
                (period(heading)) ". "
                (grouped(u128::from(outcome.state.installed_gpus))) " GPUs in "
                (grouped(u128::from(site.nodes().get()))) " nodes, owned by " (site.landlord)
                "; times are those of " (site.time_zone.name()) ". Seed " (heading.seed) "."
            }
            (verdict(outcome))
            (tiles(outcome, summary))
        }
    }
}

/// The run in one sentence.
fn verdict(outcome: &Outcome) -> Markup {
    let (missed, breaches) = (outcome.reclaims_missed, outcome.state.books.breaches.len());
    let (asked, promises) =
        (outcome.reclaims_asked(), if breaches == 1 { "promise" } else { "promises" });
    html! {
        p.verdict {
            @match (asked, missed) {
                (0, _) => "No tenant had to wait for borrowed nodes",
                (asked, 0) => { "All " (grouped(u128::from(asked))) " reclaims were answered in time" }
                (asked, missed) => { (grouped(u128::from(missed))) " of " (grouped(u128::from(asked))) " reclaims came late" }
            }
            @if breaches == 0 {
                ", and no promise was broken."
            } @else {
                "; " a href="#guarantee" { (grouped(breaches as u128)) " " (promises) " not kept" } ", recorded with what led to it."
            }
        }
    }
}

fn tiles(outcome: &Outcome, summary: &Summary) -> Markup {
    let seconds = |key: &str| summary.gpu_seconds.get(key).copied().unwrap_or(0);
    let installed = seconds("installed");
    let busy = seconds("used") + seconds("borrowed") + seconds("own");
    let limit = outcome.limits.iter().map(|(_, limit)| *limit).max();
    html! {
        dl.tiles {
            div { dt { "GPUs at work" } (big(&share(busy, installed)))
                dd.note { "of GPU-hours; " (share(seconds("borrowed"), installed)) " borrowed" } }
            (reclaim_tile(outcome))
            div { dt { "Peak power" } (big(&watts(outcome.peak_watts)))
                dd.note { @if let Some(limit) = limit { "of " (watts(limit)) "; " }
                    (length(summary.power.envelope_exceeded_seconds)) " above the envelope" } }
            div.wide { dt { "Invoiced" }
                @for (currency, total) in invoices::totals(outcome) {
                    @let total = money(total);
                    (big(&format!("{currency} {total}")))
                }
                dd.note { (grouped(u128::from(summary.invoices.count))) @if summary.invoices.count == 1 { " document" } @else { " documents" } }
            }
        }
    }
}

/// A figure in a tile. The style sets a long one smaller, so that it never leaves its tile.
fn big(figure: &str) -> Markup {
    html! { dd style={ "--characters:" (figure.chars().count()) } { (figure) } }
}

fn reclaim_tile(outcome: &Outcome) -> Markup {
    let (asked, missed) = (outcome.reclaims_asked(), outcome.reclaims_missed);
    html! {
        div class=(if missed == 0 { "good" } else { "bad" }) {
            dt { "Reclaims in time" }
            @if asked == 0 {
                dd { "–" } dd.note { "nobody had to ask" }
            } @else {
                (big(&share(u128::from(asked - missed), u128::from(asked))))
                dd.note { (grouped(u128::from(asked - missed))) " of " (grouped(u128::from(asked))) "; longest " (length(outcome.reclaims.max())) }
            }
        }
    }
}

const fn said(invariant: Invariant) -> &'static str {
    match invariant {
        Invariant::NoOversell => "what is granted fits what is there",
        Invariant::Guarantee => "a tenant's job that fits its holding starts within the bound",
        Invariant::Power => "what runs never draws more than the envelope",
        Invariant::Isolation => {
            "two parties are never on one node, and a turnover lies between them"
        }
        Invariant::Conservation => "every GPU is in exactly one state",
        Invariant::ExactMoney => "an invoice is its lines is its postings",
        Invariant::ClosedIsClosed => "what was issued never changes",
        Invariant::Replay => "the state is the fold of the events",
        Invariant::Confidentiality => {
            "what a tenant is offered does not depend on anybody else's jobs"
        }
    }
}

fn invariants(outcome: &Outcome) -> Markup {
    html! {
        p.soft { "Checked all the way through " (grouped(u128::from(outcome.events))) " events; a broken one would have stopped the run." }
        ul.checks { @for (invariant, times) in outcome.state.checks.iter() {
            li {
                strong { (invariant.name()) } span { (said(invariant)) }
                span.n { @if times == 0 { "did not come up" } @else { "held " (grouped(u128::from(times))) "×" } }
            }
        } }
    }
}

fn footnotes(outcome: &Outcome) -> Markup {
    html! {
        ul.plain.soft {
            li { strong { "GPU-hours" } " count each GPU of the site in exactly one state at every second; the states add up to what is installed, exactly." }
            li { strong { "Borrowed" } ": the landlord's job on a node of a tenant's holding that the tenant leaves idle. It leaves when the tenant asks." }
            li { strong { "A reclaim" } " runs from the instant at which a tenant's job could have its nodes until all of them are vacated, scrubbed and checked. “99 % within” is the least time that at least 99 % of them stay within." }
            li { strong { "A wait" } " runs from a job's submission to its first start, for jobs that started." }
            li { strong { "Power" } " counts a node under a job or in turnover with its contracted power, an idle one with its idle power, one that is off with none, times the site's PUE (" (outcome.state.site.pue) ")." }
            li { strong { "Energy" } " on invoices uses measured power for nodes in use and idle power for idle ones; what the landlord borrows is not the tenant's." }
            li { strong { "Money" } " is exact to the minor unit; a line is rounded once, half to even, and months add up. The same figures are in " code { "invoices/" } ", " code { "journal.hledger" } ", " code { "usage.parquet" } " and " code { "jobs.csv" } " beside this page." }
        }
    }
}
