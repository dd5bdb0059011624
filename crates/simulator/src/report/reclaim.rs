//! How long reclaims took, against the bound.

use maud::{Markup, html};

use super::chart::{Frame, WIDTH, round_step, tenth};
use super::words::{grouped, length};
use crate::engine::Outcome;
use crate::random::precise;

/// Bars in the histogram.
const BARS: u64 = 60;

/// The histogram, or a sentence where nothing was reclaimed.
pub fn section(outcome: &Outcome) -> Markup {
    let histogram = &outcome.reclaims;
    if histogram.count() == 0 {
        return html! { p { "No tenant asked for nodes that had to be cleared first." } };
    }
    let bounds = outcome.state.contracts.leases.iter();
    let bound = bounds.filter_map(|entry| entry.reclaim_bound()).map(|b| b.get()).min();
    let span = histogram.max().max(bound.unwrap_or(0)).max(1) * 21 / 20 + 1;
    let width = span.div_ceil(BARS);
    let bars: Vec<u64> = histogram
        .counts()
        .chunks(usize::try_from(width).expect("a reclaim ends in this age"))
        .map(|chunk| chunk.iter().sum())
        .collect();
    let tallest = precise(bars.iter().copied().max().unwrap_or(1));
    let epoch = leasehold_units::Instant::from_unix(0);
    let interval = leasehold_units::Interval::new(epoch, epoch);
    let frame = Frame { interval, height: 220.0, most: tallest * 1.1 };
    let at = |seconds: u64| Frame::across(precise(seconds) / precise(span));
    let base = frame.y(0.0);
    html! {
        figure {
            figcaption {
                "Seconds from request to clean nodes"
                span.unit { (grouped(u128::from(histogram.count()))) " reclaims, bars of " (width) " s" }
            }
            svg.chart viewBox={ "0 0 " (WIDTH) " " (frame.height) } role="img"
                aria-label="histogram of reclaim times" {
                (frame.grid(round_step(tallest), &|count| format!("{count:.0}")))
                @for (index, count) in (0u64..).zip(&bars) {
                    @let (left, right) = (at(index * width), at((index + 1) * width));
                    @let top = frame.y(precise(*count));
                    @let late = bound.is_some_and(|bound| index * width > bound);
                    rect class=(if late { "bar late" } else { "bar" }) x=(tenth(left + 0.8))
                        y=(tenth(top)) width=(tenth((right - left - 1.6).max(0.5)))
                        height=(tenth(base - top)) {
                        title { (index * width) " to " ((index + 1) * width - 1) " s: " (grouped(u128::from(*count))) }
                    }
                }
                @if let Some(bound) = bound {
                    @let x = at(bound);
                    line.bound x1=(tenth(x)) x2=(tenth(x)) y1="14" y2=(tenth(base)) {}
                    text.label x=(tenth(x - 6.0)) y="26" text-anchor="end" { "bound " (length(bound)) }
                }
                @for seconds in (0..=span).step_by(usize::try_from(tick(span)).expect("small")) {
                    text.tick x=(tenth(at(seconds))) y=(tenth(base + 17.0)) text-anchor="middle" {
                        (seconds) @if seconds == 0 { " s" }
                    }
                }
            }
        }
    }
}

fn tick(span: u64) -> u64 {
    [10, 30, 60, 120, 300, 600, 1800, 3600].into_iter().find(|t| span / t <= 12).unwrap_or(7200)
}
