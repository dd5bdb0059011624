//! What happened, numbered, in a list and on the axes of time.

use leasehold_units::{Interval, Zone};
use maud::{Markup, html};

use super::chart::{SIDE, Scale, percent, tenth};
use super::words::{grouped, local};
use crate::engine::{Milestone, Outcome};
use crate::random::precise;

/// Most events that are listed.
pub const EVENTS_MAX: usize = 200;

/// Numbers nearer than this to a mark share it.
const MARK_GAP: f64 = SIDE * 0.14;

/// Room that the name of an event needs beside its number.
const NAME_ROOM: f64 = SIDE * 0.15;

/// Events that stand at one mark: where it is, and the first and last of their numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// In units from the left.
    pub at: f64,
    /// Number of the first event.
    pub first: usize,
    /// Number of the last event.
    pub last: usize,
}

/// Marks at least a gap apart; every event that is listed stands at exactly one.
pub fn marked(milestones: &[Milestone], interval: Interval) -> Vec<Mark> {
    let scale = Scale::of_time(interval, 1.0);
    let mut marks: Vec<Mark> = Vec::new();
    for (number, milestone) in (1..).zip(milestones.iter().take(EVENTS_MAX)) {
        let at = scale.x(precise(milestone.at.since(interval.from).get()));
        match marks.last_mut().filter(|mark| at - mark.at < MARK_GAP) {
            Some(mark) => mark.last = number,
            None => marks.push(Mark { at, first: number, last: number }),
        }
    }
    marks
}

/// The numbers over a chart, each with the name of an event where that has room.
pub fn marks(milestones: &[Milestone], interval: Interval) -> Markup {
    let marks = marked(milestones, interval);
    html! {
        @for (index, mark) in marks.iter().enumerate() {
            @let place = format!("left:{}", percent(mark.at));
            @let numbers = numbers(mark);
            a.badge href={ "#event-" (mark.first) } style=(place) title=(titles(milestones, mark)) {
                (numbers)
            }
            @if marks.get(index + 1).map_or(SIDE, |next| next.at) - mark.at >= NAME_ROOM {
                // Its number may be as wide as `14–19`.
                span.name style={ (place) ";--signs:" (numbers.chars().count()) } { (named(milestones, mark)) }
            }
        }
    }
}

fn numbers(mark: &Mark) -> String {
    let Mark { first, last, .. } = mark;
    if last > first { format!("{first}–{last}") } else { first.to_string() }
}

/// Of the events at a mark the first that is no step of an entitlement: steps show in the line.
fn named(milestones: &[Milestone], mark: &Mark) -> &'static str {
    let mut names = milestones[mark.first - 1..mark.last].iter().map(|one| one.name);
    names.find(|name| *name != "granted").unwrap_or("granted")
}

fn titles(milestones: &[Milestone], mark: &Mark) -> String {
    let named: Vec<&str> =
        milestones[mark.first - 1..mark.last].iter().map(|one| one.what.as_str()).collect();
    named.join("\n")
}

/// A fine line down the chart under each number.
pub fn hairlines(milestones: &[Milestone], interval: Interval) -> Markup {
    html! {
        @for mark in marked(milestones, interval).iter().filter(|mark| mark.at > 0.0) {
            line.hairline x1=(tenth(mark.at)) x2=(tenth(mark.at)) y1="0" y2="1000" {}
        }
    }
}

/// The list.
pub fn section(outcome: &Outcome) -> Markup {
    let zone = &outcome.state.site.time_zone;
    let besides = outcome.milestones.len().saturating_sub(EVENTS_MAX);
    html! {
        ol.events { @for (number, one) in (1..).zip(outcome.milestones.iter().take(EVENTS_MAX)) {
            (event(number, one, zone))
        } }
        @if besides > 0 { p.soft { "and " (grouped(besides as u128)) " more." } }
        @match outcome.failures {
            0 => p.soft { "No node failed by itself." },
            1 => p.soft { "Besides, one node failed by itself and was repaired." },
            failures => p.soft { "Besides, nodes failed by themselves " (grouped(u128::from(failures))) " times and were repaired." },
        }
    }
}

fn event(number: usize, one: &Milestone, zone: &Zone) -> Markup {
    html! {
        li id={ "event-" (number) } {
            span.badge { (number) }
            time { (local(one.at, zone)) }
            span { (one.what) }
        }
    }
}

#[cfg(test)]
mod tests {
    use leasehold_units::{Instant, Seconds};

    use super::*;

    #[test]
    fn events_that_are_near_each_other_share_a_mark() {
        let from = Instant::from_unix(0);
        let interval = Interval::new(from, from.after(Seconds::new(1_000)));
        let at = |second| Milestone {
            at: from.after(Seconds::new(second)),
            name: "granted",
            what: String::new(),
        };
        let milestones = [0, 10, 139, 140, 500, 1_000].map(at);
        let marks = marked(&milestones, interval);
        let told: Vec<(usize, usize)> = marks.iter().map(|mark| (mark.first, mark.last)).collect();
        assert_eq!(told, [(1, 3), (4, 4), (5, 5), (6, 6)]);
        let page = super::marks(&milestones, interval).into_string();
        assert_eq!(page.matches("href=").count(), 4);
        // The first has no room beside it, and neither has the one at the right edge.
        assert_eq!(page.matches("granted").count(), 2);
    }
}
