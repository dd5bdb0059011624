//! The frame of a chart: shapes that stretch with the page, and words laid over them that do not.
//!
//! Shapes are drawn in a field of 1000 by 1000 units that the browser stretches to the room there
//! is. Words stand over it as text of their own, so that they stay readable on a phone.

use leasehold_units::{Day, Instant, Interval, Month, Zone};
use maud::{Markup, html};

use super::words::{MONTHS, clock};
use crate::random::precise;

/// Both sides of a field, in its own units.
pub const SIDE: f64 = 1000.0;

/// Most labels along the bottom, where there is room.
const LABELS_MAX: usize = 8;

/// Where values land in a field: time or another measure across, amounts up.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// What lies at the left edge.
    pub first: f64,
    /// What lies at the right edge.
    pub last: f64,
    /// The value at the top edge; the bottom is 0.
    pub most: f64,
}

/// A word beside or over a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Where, in units of the field, from the left or from the top.
    pub at: f64,
    /// What.
    pub text: String,
    /// Left out where there is little room.
    pub spare: bool,
}

/// A field with all that stands around it.
pub struct Plot {
    /// What a reader who does not see it is told.
    pub name: String,
    /// What the script shows under the pointer, if anything.
    pub data: Option<&'static str>,
    /// How tall: the name of a style.
    pub size: &'static str,
    /// Up the left side, as units from the top.
    pub up: Vec<Label>,
    /// Along the bottom.
    pub along: Vec<Label>,
    /// In a strip over the field.
    pub above: Markup,
    /// Shapes in the field.
    pub shapes: Markup,
    /// Words over the field.
    pub words: Markup,
}

impl Scale {
    /// A scale of time.
    pub fn of_time(interval: Interval, most: f64) -> Self {
        Self { first: 0.0, last: precise(interval.length().get().max(1)), most }
    }

    /// Across, in units.
    pub fn x(&self, value: f64) -> f64 {
        ((value - self.first) / (self.last - self.first)).clamp(0.0, 1.0) * SIDE
    }

    /// Down, in units.
    pub fn y(&self, value: f64) -> f64 {
        (1.0 - (value / self.most).clamp(0.0, 1.0)) * SIDE
    }

    /// Labels up the side at each round step that stays below the top.
    pub fn up(&self, label: &dyn Fn(f64) -> String) -> Vec<Label> {
        let step = round_step(self.most);
        let mut labels = Vec::new();
        let mut value = 0.0;
        while value <= self.most {
            labels.push(Label { at: self.y(value), text: label(value), spare: false });
            value += step;
        }
        labels
    }
}

impl Plot {
    /// The whole of it.
    pub fn draw(&self) -> Markup {
        html! {
            // The labels have the room that the longest of them needs.
            @let longest = self.up.iter().map(|label| label.text.chars().count()).max().unwrap_or(0);
            div class={ "plot " (self.size) } style={ "--longest:" (longest) } {
                div.above { (self.above) }
                div.up aria-hidden="true" { @for label in &self.up {
                    span style={ "top:" (percent(label.at)) } { (label.text) }
                } }
                div.field data-chart=[self.data] {
                    svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label=(self.name) {
                        @for label in &self.up {
                            line.grid x1="0" x2="1000" y1=(tenth(label.at)) y2=(tenth(label.at)) {}
                        }
                        (self.shapes)
                    }
                    (self.words)
                    @if self.data.is_some() { i.pointer {} }
                }
                div.along aria-hidden="true" { @for label in &self.along {
                    span.spare[label.spare] style={ "left:" (percent(label.at)) } { (label.text) }
                } }
            }
        }
    }
}

/// Labels of `interval` along the bottom: hours, days, or months, whichever are few.
pub fn calendar(interval: Interval, zone: &Zone) -> Vec<Label> {
    let (first, last) = (zone.day_of(interval.from), zone.day_of(interval.until));
    let marks = match interval.length().get() / 86_400 {
        0..=3 => hours(interval, zone),
        days @ 4..=60 => day_marks(first, last, days, zone),
        _ => month_marks(first, last, zone),
    };
    let at = |instant: Instant| precise(instant.since(interval.from).get());
    let scale = Scale::of_time(interval, 1.0);
    along(marks.into_iter().map(|(instant, text)| (scale.x(at(instant)), text)).collect())
}

/// Labels at their places along the bottom. A word that begins in the last tenth would run over
/// the edge; on a phone that is the last fifth, and only three have room.
pub fn along(mut places: Vec<(f64, String)>) -> Vec<Label> {
    places.retain(|(at, _)| *at <= SIDE * 0.9);
    let every = places.len().div_ceil(3).max(1);
    let spare = |index: usize, at: f64| !index.is_multiple_of(every) || at > SIDE * 0.78;
    let label = |(index, (at, text))| Label { at, text, spare: spare(index, at) };
    places.into_iter().enumerate().map(label).collect()
}

/// Every how many months one is named, so that there are at most [`LABELS_MAX`].
pub fn month_step(months: usize) -> usize {
    let wanted = months.div_ceil(LABELS_MAX);
    [1, 2, 3, 4, 6, 12].into_iter().find(|step| *step >= wanted).unwrap_or(wanted.div_ceil(12) * 12)
}

fn hours(interval: Interval, zone: &Zone) -> Vec<(Instant, String)> {
    let step = if interval.length().get() <= 86_400 { 3 * 3600 } else { 6 * 3600 };
    let marks =
        (0..).map(|count: u64| interval.from.after(leasehold_units::Seconds::new(count * step)));
    let inside = marks.take_while(|at| *at < interval.until);
    inside
        .map(|at| {
            let day = zone.day_of(at);
            let text = if zone.start_of(day) == at { day_name(day) } else { clock(at, zone) };
            (at, text)
        })
        .collect()
}

fn day_marks(first: Day, last: Day, days: u64, zone: &Zone) -> Vec<(Instant, String)> {
    let step = usize::try_from(days).expect("few days").div_ceil(LABELS_MAX);
    let named = first.series(jiff::ToSpan::days(1)).take_while(|day| *day < last).step_by(step);
    named.map(|day| (zone.start_of(day), day_name(day))).collect()
}

fn month_marks(first: Day, last: Day, zone: &Zone) -> Vec<(Instant, String)> {
    let mut months: Vec<Day> = Vec::new();
    let mut month = Month::of(first);
    while month.first_day() < last {
        if month.first_day() >= first {
            months.push(month.first_day());
        }
        month = month.next();
    }
    let step = month_step(months.len());
    let named = months.into_iter().step_by(step);
    named.map(|day| (zone.start_of(day), month_name(Month::of(day)))).collect()
}

fn day_name(day: Day) -> String {
    format!("{} {}", day.day(), month_word(day.month()))
}

/// `May 2026`.
pub fn month_name(month: Month) -> String {
    format!("{} {}", month_word(month.month), month.year)
}

fn month_word(month: i8) -> &'static str {
    MONTHS[usize::from(month.unsigned_abs()) - 1]
}

/// A place with one digit after the point: small pages, and the same everywhere.
pub fn tenth(value: f64) -> String {
    format!("{value:.1}")
}

/// A place in a field as a style has it.
pub fn percent(units: f64) -> String {
    format!("{:.2}%", units / SIDE * 100.0)
}

/// A round step that divides `most` into about five.
pub fn round_step(most: f64) -> f64 {
    let mut scale = 1.0;
    while most / scale > 50.0 {
        scale *= 10.0;
    }
    let wanted = most / scale / 5.0;
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| *step >= wanted);
    scale * step.unwrap_or(10.0)
}

/// Which of labels in order from left to right are shown, so that none begins within `gap` of the
/// one before it.
pub fn spaced(places: &[f64], gap: f64) -> Vec<bool> {
    let mut last = f64::NEG_INFINITY;
    let mut shown = Vec::with_capacity(places.len());
    for place in places {
        let free = *place - last >= gap;
        if free {
            last = *place;
        }
        shown.push(free);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(from: &str, until: &str) -> String {
        let zone = Zone::named("America/Chicago").expect("a zone");
        let start = |day: &str| zone.start_of(day.parse().expect("a day"));
        let labels = calendar(Interval::new(start(from), start(until)), &zone);
        let label = |label: &Label| {
            let spare = if label.spare { " (spare)" } else { "" };
            format!("{} {}{spare}", tenth(label.at), label.text)
        };
        labels.iter().map(label).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn labels_are_few_and_stand_where_their_time_begins() {
        // Clocks go forward in this night: the second day begins after 24 of 47 hours.
        assert_eq!(
            told("2026-03-07", "2026-03-09"),
            "0.0 7 Mar; 127.7 06:00 (spare); 255.3 12:00 (spare); 383.0 18:00; 510.6 8 Mar (spare); \
             638.3 07:00 (spare); 766.0 13:00; 893.6 19:00 (spare)"
        );
        assert_eq!(
            told("2026-05-01", "2026-08-01"),
            "0.0 May 2026; 337.0 Jun 2026; 663.0 Jul 2026"
        );
        for (from, until) in [("2026-05-01", "2026-06-25"), ("2026-01-01", "2031-06-01")] {
            let labels = told(from, until);
            assert!(labels.split("; ").count() <= LABELS_MAX, "{labels}");
        }
    }

    #[test]
    fn steps_up_the_side_are_round_and_few() {
        for (most, step) in [(1.0, 1.0), (7.0, 2.0), (48.0, 10.0), (242_228.0, 50_000.0)] {
            assert!((round_step(most) - step).abs() < 1e-9, "{most}");
        }
    }

    #[test]
    fn labels_that_would_touch_are_left_out() {
        assert_eq!(spaced(&[0.0, 10.0, 25.0, 40.0], 20.0), [true, false, true, false]);
    }
}
