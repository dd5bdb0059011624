//! The report page of a run over the day on which clocks go forward, with most things that can
//! happen: it is whole, safe to open, and says the right times.

use std::collections::BTreeSet;

use leasehold_simulator::engine::Outcome;
use leasehold_simulator::output::Summary;
use leasehold_simulator::report::{Heading, render};

use super::play;
use super::setting::{Job, Plan, interval, setting};

/// What a name would be if names allowed it, and what a page may make of it.
const HOSTILE: &str = "<b>&\"'</script>";
const HARMLESS: &str = "&lt;b&gt;&amp;&quot;'&lt;/script&gt;";

/// Elements that have no end tag.
const VOID: [&str; 4] = ["meta", "br", "wbr", "!DOCTYPE"];

fn eventful() -> Outcome {
    let job = |submit, gpus| Job { submit, gpus, run: 15_000, vacate: 120, checkpoint: 600 };
    let plan = Plan {
        landlord: (0..30).map(|index| job(index * 4_000, 24)).collect(),
        tenant: (0..30).map(|index| job(index * 5_000 + 900, 16)).collect(),
        // 7:00 and 9:00 of the day on which clocks skip from 2:00 to 3:00.
        faults: vec![(86_400 + 6 * 3_600, 3, 7_200)],
        curtailment: Some((40_000, 30, 3_600)),
        notice: Some(30),
        ..Plan::default()
    };
    play(setting(&plan)).0
}

fn page(outcome: &Outcome) -> String {
    let day = |text: &str| text.parse().expect("a day");
    let (from, until) = (day("2026-03-07"), day("2026-03-09"));
    let summary = Summary::of(outcome, (from, until), 7, 0.0);
    render(outcome, &summary, &Heading { from, until, interval: interval(), seed: 7 })
}

/// Tags of the page in order, without what stands between them. The content of `style` and
/// `script` is not markup and left out.
fn tags(page: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(begin) = rest.find('<') {
        let end = begin + rest[begin..].find('>').expect("a tag is closed");
        let tag = &rest[begin + 1..end];
        tags.push(tag);
        rest = &rest[end + 1..];
        for raw in ["style", "script"] {
            if name(tag) == raw {
                rest = &rest[rest.find(&format!("</{raw}>")).expect("it ends")..];
            }
        }
    }
    tags
}

fn name(tag: &str) -> &str {
    tag.split_whitespace().next().expect("a tag has a name")
}

/// Values of the attribute `key` in the page.
fn values<'a>(page: &'a str, key: &str) -> Vec<&'a str> {
    let begin = format!(" {key}=\"");
    let value = |tag: &'a str| Some(tag.split_once(&begin)?.1.split_once('"')?.0);
    tags(page).into_iter().filter_map(value).collect()
}

#[test]
fn every_tag_is_closed_in_order() {
    let page = page(&eventful());
    let mut open = Vec::new();
    for tag in tags(&page) {
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "closed out of order"),
            None if VOID.contains(&name(tag)) => {}
            None => open.push(name(tag)),
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "left open");
}

#[test]
fn every_id_is_one_elements_and_every_link_leads_to_one() {
    let page = page(&eventful());
    let ids = values(&page, "id");
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "an id is there twice: {ids:?}");
    let links = values(&page, "href");
    assert!(links.len() > 10, "sections and events are linked");
    for link in links {
        let id = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads out of the page"));
        assert!(distinct.contains(id), "{link} leads nowhere");
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = page(&eventful());
    for outside in ["http:", "https:", "url(", "@import", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    for key in ["src", "srcset", "xlink:href", "action", "data"] {
        assert_eq!(values(&page, key), Vec::<&str>::new(), "{key}");
    }
    assert!(
        !tags(&page).iter().any(|tag| ["link", "iframe", "img", "object"].contains(&name(tag)))
    );
}

#[test]
fn what_others_wrote_is_text_and_never_markup() {
    let mut outcome = eventful();
    outcome.milestones[0].what = HOSTILE.into();
    let books = &mut outcome.state.books;
    assert!(
        !books.breaches.is_empty() && !books.invoices.is_empty(),
        "there is something to spoil"
    );
    books.breaches[0].what = HOSTILE.into();
    let line = &mut books.invoices[0].lines[0];
    line.description = HOSTILE.into();
    line.derivation.formula = HOSTILE.into();
    let page = page(&outcome);
    assert!(!page.contains("<b>&"));
    // In the list of events and over the chart, the breach, the line and its formula.
    assert_eq!(page.matches(HARMLESS).count(), 5);
}

#[test]
fn times_are_those_that_clocks_show_on_the_day_that_they_change() {
    let page = page(&eventful());
    let event = |what: &str| {
        let (before, _) = page.split_once(&format!("<span>{what}</span>")).expect("it is listed");
        let (_, time) = before.rsplit_once("<time>").expect("with its time");
        time.split_once("</time>").expect("with its time").0.to_owned()
    };
    assert_eq!(event("1 node failed"), "2026-03-08 07:00");
    assert_eq!(event("1 node repaired"), "2026-03-08 09:00");
}

#[test]
fn a_run_in_which_nothing_happens_has_a_page_too() {
    let (outcome, _) = play(setting(&Plan::default()));
    let page = page(&outcome);
    assert!(page.contains("No tenant asked for nodes that had to be cleared first."));
    assert!(page.contains("No promise was broken."));
    assert!(!page.contains("NaN") && !page.contains("inf%"));
}
