//! What happens when: a heap of happenings in order of time, then of kind, then of their making.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use leasehold_control::JobSlot;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::Instant;

/// Something that the emulated cluster or the world outside does. At one instant, in this order:
/// all completions, then faults, then what the scenario calls for, then arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// A gang comes to its own end.
    End {
        /// Which.
        job: JobSlot,
        /// Which of its starts.
        start: u32,
    },
    /// A gang that was told to leave is gone.
    Vacated {
        /// Which.
        job: JobSlot,
        /// Which of its starts.
        start: u32,
    },
    /// A turnover is done; its place in the list of turnovers.
    TurnoverDone(u32),
    /// A failed node is back.
    Repaired(u32),
    /// A node, to be drawn, fails.
    Fault,
    /// An event of the scenario, by its place in the file.
    Scenario(u32),
    /// Something that may be refused, by its place in the order in which it was made up.
    Deed(u32),
    /// A tenant pays a document, by its place in the list of promises.
    Payment(u32),
    /// The next job of a workload, by its place in the file.
    Arrival(u32),
}

/// The happenings ahead.
#[derive(Debug, Default)]
pub struct Calendar {
    heap: BinaryHeap<Reverse<(Instant, Happening, u32)>>,
    made: u32,
    turnovers: Vec<NodeRanges>,
    free_turnovers: Vec<u32>,
}

impl Calendar {
    /// Adds a happening.
    pub fn add(&mut self, at: Instant, what: Happening) {
        self.heap.push(Reverse((at, what, self.made)));
        self.made = self.made.wrapping_add(1);
    }

    /// Adds the end of a turnover.
    pub fn add_turnover(&mut self, at: Instant, nodes: &NodeRanges) {
        let place = match self.free_turnovers.pop() {
            Some(place) => {
                self.turnovers[place as usize] = nodes.clone();
                place
            }
            None => {
                self.turnovers.push(nodes.clone());
                u32::try_from(self.turnovers.len() - 1).expect("few turnovers at once")
            }
        };
        self.add(at, Happening::TurnoverDone(place));
    }

    /// The nodes of a turnover that is done.
    pub fn take_turnover(&mut self, place: u32) -> NodeRanges {
        self.free_turnovers.push(place);
        std::mem::take(&mut self.turnovers[place as usize])
    }

    /// When the next happening is.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next happening, if it is at `now`.
    pub fn pop(&mut self, now: Instant) -> Option<Happening> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, what, _))| what)
    }
}
