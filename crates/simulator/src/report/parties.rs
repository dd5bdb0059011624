//! What became of each party's jobs.

use maud::{Markup, html};

use super::table::{cell, numbers, table, words};
use super::words::{grouped, length};
use crate::engine::{Outcome, PartyTally};
use crate::output::{PartySummary, Summary};

/// A row a party.
pub fn section(outcome: &Outcome, summary: &Summary) -> Markup {
    let columns = [
        words("party"),
        numbers("submitted"),
        numbers("started"),
        numbers("finished"),
        numbers("told to leave"),
        numbers("GPU-hours used"),
        numbers("borrowed"),
        numbers("half waited at most"),
        numbers("99 % at most"),
    ];
    let rows = summary.parties.iter().zip(&outcome.tallies).map(|(party, tally)| row(party, tally));
    html! {
        (table(&columns, rows.collect(), None))
        @if outcome.refused > 0 {
            p.soft { (grouped(u128::from(outcome.refused))) @if outcome.refused == 1 { " job was" } @else { " jobs were" } " refused: larger than anything their party could ever have, or too slow to leave." }
        }
    }
}

fn row(party: &PartySummary, tally: &PartyTally) -> Vec<Markup> {
    let mut waits = tally.wait_seconds.clone();
    waits.sort_unstable();
    let wait = |percent| {
        if waits.is_empty() { "–".into() } else { length(nearest_rank(&waits, percent)) }
    };
    vec![
        cell(party.party.as_str()),
        cell(grouped(u128::from(party.submitted))),
        cell(grouped(u128::from(party.started))),
        cell(grouped(u128::from(party.finished))),
        cell(grouped(u128::from(party.evicted))),
        cell(grouped(party.gpu_seconds_used / 3600)),
        cell(grouped(party.gpu_seconds_borrowed / 3600)),
        cell(wait(50)),
        cell(wait(99)),
    ]
}

/// The least of `sorted` that at least `percent` percent of them do not exceed; 0 of none.
pub fn nearest_rank(sorted: &[u32], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().map_or(0, u64::from)
}
