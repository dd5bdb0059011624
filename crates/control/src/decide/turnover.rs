//! When a turnover begins, and when it is given up.

use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Seconds};

use super::{ahead, clear_nodes};
use crate::event::{Event, StopReason};
use crate::state::State;

/// Starts the turnover of all nodes that wait for one, by how long it takes.
pub fn begin(state: &State, now: Instant, out: &mut Vec<Event>) -> bool {
    if state.fleet.scrubbing_due().is_empty() {
        return false;
    }
    let mut nodes: Vec<u32> = state.fleet.scrubbing_needed().collect();
    nodes.sort_unstable();
    nodes.dedup();
    let seconds = |node: u32| state.fleet.pools[state.fleet.pool_of(node)].turnover_seconds;
    let Some(first) = nodes.first().map(|node| seconds(*node)) else { return false };
    nodes.retain(|node| seconds(*node) == first);
    let until = now.after(Seconds::new(u64::from(first)));
    out.push(Event::TurnoverBegan { nodes: NodeRanges::from_nodes(nodes), until });
    true
}

/// Reports the nodes whose turnover is not over in the time that it may take. They count as failed
/// from then on: what they were kept for loses them, and others stand in.
pub fn give_up(state: &State, now: Instant, out: &mut Vec<Event>) -> bool {
    let Some((nodes, since)) = state.scrubs.overdue(now) else { return false };
    clear_nodes(state, &nodes, StopReason::NodeFailed, out);
    out.push(Event::TurnoverOverdue { nodes: nodes.clone(), since });
    out.push(Event::NodesFailed { nodes });
    // What failed may be what the next change hands over.
    ahead::prepare_again(state, now, out);
    true
}
