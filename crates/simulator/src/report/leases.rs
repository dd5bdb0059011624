//! What each lease grants and costs, as steps and as bars of months.

use leasehold_control::LeaseEntry;
use leasehold_units::Money;
use maud::{Markup, html};

use super::words::{grouped, megawatts, money};
use crate::engine::Outcome;
use crate::random::precise;

/// All leases.
pub fn section(outcome: &Outcome) -> Markup {
    html! {
        @for entry in &outcome.state.contracts.leases { (lease(entry)) }
    }
}

fn lease(entry: &LeaseEntry) -> Markup {
    let terms = entry.terms();
    let currency = terms.fee.fixed.currency();
    let total = entry.lease.fixed_between(entry.lease.first_day(), entry.lease.last_day());
    html! {
        article.lease {
            h3 { (terms.id) span.unit { (terms.landlord) " to " (terms.tenant) } }
            p {
                "Service from " (entry.lease.first_day()) " through " (entry.lease.last_day()) ". "
                @match entry.lease.notice {
                    Some(notice) => { "Notice by the " (notice.by) " on " (notice.given) ". " }
                    None => {}
                }
                "Fixed fees to the last day: " strong { (currency) " " (money(total)) } "."
            }
            div.scroll { table {
                thead { tr {
                    th { "from" } th { "until" } th.n { "GPUs" } th.n { "nodes" } th.n { "MW" } th.n { "fee" }
                } }
                tbody { @for step in &entry.plan.steps { tr {
                    td { (step.from) } td { (step.until) }
                    td.n { (grouped(u128::from(step.gpus.get()))) }
                    td.n { (grouped(u128::from(step.nodes.get()))) }
                    td.n { (megawatts(step.watts.get())) }
                    td.n { (step.fee.times(leasehold_units::Ratio::whole(100)).round_half_even()) " %" }
                } } }
            } }
            (fees(entry))
        }
    }
}

/// One bar a month.
fn fees(entry: &LeaseEntry) -> Markup {
    let currency = entry.terms().fee.fixed.currency();
    let mut months: Vec<(String, Money)> = Vec::new();
    for period in entry.lease.fee_periods() {
        let month = leasehold_units::Month::of(period.start).to_string();
        match months.last_mut().filter(|(last, _)| *last == month) {
            Some((_, sum)) => *sum = sum.plus(period.amount),
            None => months.push((month, period.amount)),
        }
    }
    let most = months.iter().map(|(_, fee)| fee.minor()).max().unwrap_or(1).max(1);
    let height = |fee: &Money| {
        let mille = u64::try_from(fee.minor().max(0) * 1000 / most).expect("at most 1000");
        precise(mille) / 1000.0 * 72.0
    };
    let count = months.len().max(1);
    let wide = 1000.0 / precise(count as u64);
    html! {
        figure.fees {
            figcaption { "Fixed fee by month" span.unit { (currency) } }
            svg.chart viewBox="0 0 1000 100" role="img" aria-label="fixed fee by month" {
                @for (index, (month, fee)) in (0u64..).zip(&months) {
                    @let tall = height(fee);
                    rect.fee x=(format!("{:.1}", precise(index) * wide + 1.0)) y=(format!("{:.1}", 78.0 - tall))
                        width=(format!("{:.1}", (wide - 2.0).clamp(1.0, 120.0))) height=(format!("{tall:.1}")) {
                        title { (month) ": " (money(*fee)) }
                    }
                }
                @if let (Some(first), Some(last)) = (months.first(), months.last()) {
                    text.tick x="1" y="95" { (first.0) }
                    @if count > 1 { text.tick x="999" y="95" text-anchor="end" { (last.0) } }
                }
            }
        }
    }
}
