//! An adversary: a small site whose parties, hardware and grid all do their worst, by seed.
//!
//! Tenants ask for whole holdings at once or in crumbs; borrowers stay until they are killed; nodes
//! and whole racks fail, best of all under a reclaim; the envelope falls without notice; notices,
//! amendments, new leases and elections come in between; jobs are withdrawn, best of all under a
//! reclaim; a pool may be late. After a while it stops, everything is mended, and
//! what still waits although it fits is held against the program.

mod moves;
mod plant;
mod shrink;
mod verdict;

use std::collections::BTreeMap;

use leasehold_control::{Claim, Condition, JobState, State};
use leasehold_units::{Instant, PartyId};

pub use plant::Plant;
pub use shrink::{Story, shortest};
pub use verdict::{Fault, Play, Verdict, judge};

use crate::engine::{Act, Deed, Watcher};
use crate::random::Random;

/// The adversary of one seed.
#[derive(Debug)]
pub struct Adversary {
    plant: Plant,
    random: Random,
    /// When it looks next.
    next: Instant,
    /// Jobs so far.
    jobs: u64,
    /// Whether it has changed contracts already: notice, amendment, signature, election.
    contracts: [bool; 4],
    /// Outages and quotes so far.
    named: u32,
    /// GPU-seconds of work that each party may still submit.
    work_left: BTreeMap<PartyId, u64>,
}

/// What it does when it looks.
#[derive(Debug, Clone, Copy)]
enum Move {
    WholeHolding,
    Crumbs,
    Borrowers,
    FailNode,
    FailRack,
    FailUnderReclaim,
    Envelope,
    Contract,
    StickTurnover,
    Outage,
    Quote,
    Cancel,
    Nothing,
}

/// How often each move is made, in parts of their sum.
const MOVES: [(Move, u64); 13] = [
    (Move::WholeHolding, 10),
    (Move::Crumbs, 12),
    (Move::Borrowers, 20),
    (Move::FailNode, 8),
    (Move::FailRack, 2),
    (Move::FailUnderReclaim, 10),
    (Move::Envelope, 5),
    (Move::Contract, 3),
    (Move::StickTurnover, 6),
    (Move::Outage, 5),
    (Move::Quote, 2),
    (Move::Cancel, 10),
    (Move::Nothing, 10),
];

impl Adversary {
    /// The adversary of `seed` on `plant`.
    pub fn new(plant: Plant, seed: u64) -> Self {
        let next = plant.interval.from;
        let random = Random::new(seed, 1 << 33);
        Self {
            plant,
            random,
            next,
            jobs: 0,
            contracts: [false; 4],
            named: 0,
            work_left: BTreeMap::new(),
        }
    }

    fn draw_move(&mut self) -> Move {
        let sum: u64 = MOVES.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random.below(sum);
        let drawn = MOVES.iter().find(|(_, weight)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        drawn.map_or(Move::Nothing, |(drawn, _)| *drawn)
    }

    fn make(&mut self, drawn: Move, now: Instant, state: &State) -> Vec<Deed> {
        match drawn {
            Move::WholeHolding => self.whole_holding(now, state),
            Move::Crumbs => self.crumbs(now, state),
            Move::Borrowers => self.borrowers(now),
            Move::FailNode => {
                let node = self.random.below(u64::from(self.plant.nodes()));
                self.fail(now, u32::try_from(node).expect("few nodes"), 1)
            }
            Move::FailRack => {
                let (first, length) = self.plant.rack(self.random.bits());
                self.fail(now, first, length)
            }
            Move::FailUnderReclaim => match self.node_under_reclaim(state) {
                Some(node) => self.fail(now, node, 1),
                None => Vec::new(),
            },
            Move::Envelope => self.envelope(now),
            Move::Contract => self.contract(now),
            Move::StickTurnover => self.stick_turnover(now, state),
            Move::Outage => self.outage(now),
            Move::Quote => self.quote(now),
            Move::Cancel => self.cancel(now, state),
            Move::Nothing => Vec::new(),
        }
    }

    /// A node that is kept for a tenant's job, or that is being scrubbed or stands in.
    fn node_under_reclaim(&mut self, state: &State) -> Option<u32> {
        let claims = state.jobs.iter().filter(|(_, job)| {
            matches!(job.state, JobState::Claiming { .. }) && job.spec.party != 0
        });
        let kept = claims.filter_map(|(_, job)| job.allocation()).flat_map(|at| at.whole.iter());
        let substitutes = state.substitutes.iter().map(|(_, substitute)| substitute.node);
        let nodes = (0..).zip(state.fleet.nodes());
        let scrubbed = nodes.filter(|(_, node)| {
            node.condition == Condition::Turnover && matches!(node.claim, Claim::Holder(_))
        });
        let all: Vec<u32> =
            kept.chain(substitutes).chain(scrubbed.map(|(number, _)| number)).collect();
        let place = self.random.below(all.len() as u64);
        all.get(usize::try_from(place).expect("few nodes")).copied()
    }
}

impl Watcher for Adversary {
    fn watch(&mut self, now: Instant, state: &State) -> Vec<Deed> {
        if now < self.next || now >= self.plant.calm {
            return Vec::new();
        }
        let drawn = self.draw_move();
        let mut deeds = self.make(drawn, now, state);
        // Mostly in quick succession, sometimes with time to settle in between.
        let most = if self.random.below(4) == 0 { 3_000 } else { 200 };
        self.next = self.after(now, 1, most);
        deeds.push(Deed { at: self.next, act: Act::Look });
        deeds
    }
}
