//! The page as a whole.

use leasehold_control::Invariant;
use leasehold_units::{Day, Interval};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words::{grouped, length, local, megawatts, money, share};
use super::{capacity, leases, money as invoices, reclaim};
use crate::engine::Outcome;
use crate::output::Summary;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("pointer.js");

/// Most rows of a list that is shown whole.
const ROWS_MAX: usize = 200;

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
    let site = &outcome.state.site;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (site.id) ": " (heading.from) " to " (heading.until) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        p.kicker { "Leasehold report" }
                        h1 { (site.id) }
                        p.lead {
                            (heading.from) " to " (heading.until) ", owned by " (site.landlord) ": "
                            (grouped(u128::from(outcome.state.installed_gpus))) " GPUs in "
                            (grouped(u128::from(site.nodes().get()))) " nodes. Seed " (heading.seed) "."
                        }
                        (tiles(outcome, summary))
                    }
                    (section("capacity", "Capacity", html! {
                        (capacity::stack(outcome, heading.interval))
                        (capacity::power(outcome, heading.interval))
                    }))
                    (section("guarantee", "The guarantee", html! {
                        (reclaim::section(outcome))
                        (breaches(outcome))
                    }))
                    (section("leases", "Leases", leases::section(outcome)))
                    (section("invoices", "Invoices", html! { (invoices::section(outcome)) (balances(outcome)) }))
                    (section("parties", "Parties", parties(outcome, summary)))
                    (section("events", "What happened", milestones(outcome)))
                    (section("checks", "Invariants", checks(outcome)))
                    (footnotes())
                }
                div #tip hidden {}
                script type="application/json" #numbers { (PreEscaped(capacity::numbers(outcome))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn section(id: &str, title: &str, body: Markup) -> Markup {
    html! { section id=(id) { h2 { (title) } (body) } }
}

fn tiles(outcome: &Outcome, summary: &Summary) -> Markup {
    let seconds = |key: &str| summary.gpu_seconds.get(key).copied().unwrap_or(0);
    let busy = seconds("used") + seconds("borrowed") + seconds("own");
    let reclaim = &summary.reclaim;
    let totals = &summary.invoices.total_by_currency;
    html! {
        dl.tiles {
            div { dt { "GPUs at work" } dd { (share(busy, seconds("installed"))) }
                p { "of all GPU-hours; " (share(seconds("borrowed"), seconds("installed"))) " borrowed" } }
            div class=(if reclaim.missed == 0 { "good" } else { "bad" }) {
                dt { "Reclaims in time" }
                dd { (grouped(u128::from(reclaim.within_bound))) span.of { " of " (grouped(u128::from(reclaim.requests))) } }
                p { "longest " (length(reclaim.seconds_max)) } }
            div { dt { "Peak power" } dd { (megawatts(outcome.peak_watts)) span.of { " MW" } }
                p { (summary.power.envelope_exceeded_seconds) " s above the envelope" } }
            @for (currency, total) in totals {
                div.wide { dt { "Invoiced" } dd { span.of { (currency) " " } (commas(total)) }
                    p { (summary.invoices.count) " invoices" } }
            }
        }
    }
}

/// Thousands separators for a decimal text.
fn commas(decimal: &str) -> String {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    match whole.parse::<u128>() {
        Ok(number) if part.is_empty() => grouped(number),
        Ok(number) => format!("{}.{part}", grouped(number)),
        Err(_) => decimal.to_owned(),
    }
}

fn breaches(outcome: &Outcome) -> Markup {
    let breaches = &outcome.state.books.breaches;
    let zone = &outcome.state.site.time_zone;
    if breaches.is_empty() {
        return html! { p { "No promise was broken." } };
    }
    html! {
        h3 { "Promises that were not kept" }
        div.scroll { table {
            thead { tr { th { "when" } th { "which" } th { "lease" } th { "what" } } }
            tbody { @for breach in breaches.iter().take(ROWS_MAX) { tr {
                td.nowrap { (local(breach.at, zone)) } td { (breach.invariant) } td { (breach.lease) } td { (breach.what) }
            } } }
        } }
        @if breaches.len() > ROWS_MAX {
            p { "and " (breaches.len() - ROWS_MAX) " more" }
        }
    }
}

fn balances(outcome: &Outcome) -> Markup {
    html! {
        h3 { "Balances of the journal" }
        div.scroll { table {
            thead { tr { th { "account" } th.n { "balance" } } }
            tbody { @for ((account, currency), balance) in outcome.state.books.journal.balances() { tr {
                td { code { (account) } } td.n { (currency) " " (money(balance)) }
            } } }
        } }
    }
}

fn parties(outcome: &Outcome, summary: &Summary) -> Markup {
    let rows = summary.parties.iter().zip(&outcome.tallies);
    html! {
        div.scroll { table {
            thead { tr {
                th { "party" } th.n { "jobs" } th.n { "started" } th.n { "finished" } th.n { "told to leave" }
                th.n { "GPU-hours used" } th.n { "borrowed" } th.n { "wait, median" } th.n { "99 %" }
            } }
            tbody { @for (party, tally) in rows {
                @let mut waits = tally.wait_seconds.clone();
                @let (median, late) = waits_of(&mut waits);
                tr {
                    td { (party.party) }
                    td.n { (grouped(u128::from(party.submitted))) }
                    td.n { (grouped(u128::from(party.started))) }
                    td.n { (grouped(u128::from(party.finished))) }
                    td.n { (grouped(u128::from(party.evicted))) }
                    td.n { (grouped(party.gpu_seconds_used / 3600)) }
                    td.n { (grouped(party.gpu_seconds_borrowed / 3600)) }
                    td.n { (length(u64::from(median))) }
                    td.n { (length(u64::from(late))) }
                }
            } }
        } }
    }
}

/// Median and 99th percentile, by nearest rank.
fn waits_of(waits: &mut [u32]) -> (u32, u32) {
    waits.sort_unstable();
    let rank = |percent: usize| (waits.len() * percent).div_ceil(100).saturating_sub(1);
    let at = |percent| waits.get(rank(percent)).copied().unwrap_or(0);
    (at(50), at(99))
}

fn milestones(outcome: &Outcome) -> Markup {
    let zone = &outcome.state.site.time_zone;
    html! {
        ul.events { @for milestone in outcome.milestones.iter().take(ROWS_MAX) {
            li { time { (local(milestone.at, zone)) } span { (milestone.what) } }
        } }
        p { (grouped(u128::from(outcome.failures))) " nodes failed and were repaired, one by one, besides." }
    }
}

fn checks(outcome: &Outcome) -> Markup {
    let said = |invariant: Invariant| match invariant {
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
    };
    html! {
        p { "Checked all the way through; a broken one would have stopped the run." }
        ul.checks { @for (invariant, times) in outcome.state.checks.iter() {
            li { strong { (invariant) } span { (said(invariant)) } span.n { (grouped(u128::from(times))) "×" } }
        } }
    }
}

fn footnotes() -> Markup {
    html! {
        footer {
            h2 { "How to read it" }
            ul {
                li { strong { "GPU-hours" } " count each GPU of the site in exactly one state at every second; the states add up to what is installed, exactly." }
                li { strong { "Borrowed" } ": the landlord's job on a node of a tenant's holding that the tenant leaves idle. It leaves when the tenant asks." }
                li { strong { "A reclaim" } " runs from the instant at which a tenant's job could have its nodes until all of them are vacated, scrubbed and checked." }
                li { strong { "Power" } " counts a node under a job or in turnover with its contracted power, an idle or switched-off one with its idle power, times the site's PUE." }
                li { strong { "Energy" } " on invoices uses measured power for nodes in use and idle power for idle ones; what the landlord borrows is not the tenant's." }
                li { strong { "Money" } " is exact to the minor unit; each line says how to derive it again. The same figures are in " code { "invoices/" } ", " code { "journal.hledger" } ", " code { "usage.parquet" } " and " code { "jobs.csv" } " beside this page." }
            }
        }
    }
}
