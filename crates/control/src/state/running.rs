//! Jobs on nodes: starting, leaving, and keeping nodes for a start.

use leasehold_scheduler::backfill::Queued;
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::Instant;
use serde::{Deserialize, Serialize};

use super::{State, lane_of};
use crate::fleet::{Claim, JobSlot, LANDLORD, Node, Party, User};
use crate::invariants::Invariant;
use crate::job::{Allocation, Job, JobState};
use crate::queue::Account;

/// A node that jobs share, or that a job fills in part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedNode {
    /// The jobs on it with their GPUs there and their expected ends.
    pub residents: Vec<(JobSlot, u8, Instant)>,
}

impl SharedNode {
    /// When all of it is expected back.
    pub(super) fn expected_end(&self) -> Option<Instant> {
        self.residents.iter().map(|(_, _, end)| *end).max()
    }
}

impl State {
    /// Puts a job into its party's queue, at its place in the order of arrival.
    pub(super) fn enqueue(&mut self, slot: JobSlot) {
        let job = self.jobs.get_mut(slot);
        job.state = JobState::Queued;
        let (key, request) = (lane_of(job), i64::from(job.request_left()));
        let queued = Queued { seq: job.place, size: job.spec.gpus, request, handle: slot };
        let party = job.spec.party;
        self.stir(party);
        self.parties[usize::from(party)].queue.insert(key, queued);
    }

    /// Takes a waiting job out of its party's queue.
    pub(super) fn dequeue(&mut self, slot: JobSlot) {
        let job = self.jobs.get(slot);
        self.parties[usize::from(job.spec.party)].queue.remove(lane_of(job), job.place);
    }

    /// Forgets a job that is over.
    pub(super) fn finish(&mut self, slot: JobSlot) {
        if let Some(until) = self.jobs.remove(slot).backs_off_until {
            self.backing_off.remove(&(until, slot));
        }
    }

    /// Forgets a waiting job that its party withdrew. What waited behind it may have its turn now.
    pub(super) fn cancel(&mut self, slot: JobSlot) {
        let job = self.jobs.get(slot);
        let (party, place) = (job.spec.party, job.place);
        match job.state {
            JobState::Queued => self.dequeue(slot),
            JobState::Parked => {
                self.parties[usize::from(party)].queue.parked.remove(&place);
            }
            _ => panic!("job {} has nodes", job.spec.number),
        }
        self.stir(party);
        self.give_up_turn(slot);
        self.finish(slot);
    }

    /// Lets a job that was told to leave wait before it borrows again. Call it before the job is
    /// queued: where a job may run decides where it waits.
    pub(super) fn back_off(&mut self, slot: JobSlot) {
        let job = self.jobs.get_mut(slot);
        let until = self.now.after(job.back_off());
        if let Some(before) = job.backs_off_until.replace(until) {
            self.backing_off.remove(&(before, slot));
        }
        self.backing_off.insert((until, slot));
    }

    /// Lets a job borrow again.
    pub(super) fn end_back_off(&mut self, slot: JobSlot) {
        let waits = self.jobs.get(slot).state == JobState::Queued;
        if waits {
            self.dequeue(slot);
        }
        let job = self.jobs.get_mut(slot);
        let until = job.backs_off_until.take().expect("it backs off");
        let party = job.spec.party;
        self.backing_off.remove(&(until, slot));
        self.stir(party);
        if waits {
            self.enqueue(slot);
        }
    }

    /// One of a party's accounts, to change.
    pub(super) fn account_mut(&mut self, party: Party, account: u16) -> &mut Account {
        let accounts = &mut self.parties[usize::from(party)].accounts;
        let place = usize::from(account);
        if place >= accounts.len() {
            accounts.resize(place + 1, Account::new(self.now));
        }
        &mut accounts[place]
    }

    /// Charges a job's account with its GPUs from now on, or no longer.
    pub(super) fn charge(&mut self, slot: JobSlot, starts: bool) {
        let spec = self.jobs.get(slot).spec;
        let now = self.now;
        self.account_mut(spec.party, spec.account).run(spec.gpus, starts, now);
    }

    /// Keeps the nodes of `at` for a queued job.
    pub(super) fn claim(&mut self, slot: JobSlot, at: Allocation) {
        self.dequeue(slot);
        self.place(slot);
        let now = self.now;
        let party = self.jobs.get(slot).spec.party;
        let claim = if at.guest { Claim::Guest(slot) } else { Claim::Holder(slot) };
        let nodes = at.nodes();
        let runs = nodes.ranges().iter().map(|&(first, end)| self.fleet.nodes_in(first..end));
        let waits = |run: &[Node]| run.iter().filter(|node| !node.ready_for(party)).count();
        let pending = u32::try_from(runs.map(waits).sum::<usize>()).expect("a gang is small");
        self.fleet.change(&nodes, now, |node| node.claim = claim);
        let job = self.jobs.get_mut(slot);
        job.asked.get_or_insert(now);
        self.promise(slot, &at);
        let job = self.jobs.get_mut(slot);
        let end = job.expected_end(now);
        job.expected_end = end;
        job.state = JobState::Claiming { at: at.clone(), pending, since: now, vacated: now };
        self.book_release(&at, end, nodes.count(), true);
        if pending == 0 && self.places() {
            self.ready_claims.push(slot);
        }
    }

    /// Gives back the nodes that were kept for a job, and queues it again.
    pub(super) fn drop_claim(&mut self, slot: JobSlot) {
        let at = self.take_claim(slot);
        let now = self.now;
        let nodes = at.nodes();
        self.fleet.change(&nodes, now, |node| node.claim = Claim::Free);
        self.substitutes.hear_of(&nodes);
        if self.jobs.get(slot).asked.is_some() {
            self.bereft.insert(slot);
        }
        self.enqueue(slot);
    }

    /// Notes that a waiting job is given nodes.
    pub(super) fn place(&mut self, slot: JobSlot) {
        self.take_turn(slot);
        let party = self.jobs.get(slot).spec.party;
        self.parties[usize::from(party)].placed = Some(self.now);
    }

    /// Stops the clock of a job that lost what was kept for it: its turn is over.
    pub(super) fn give_up_turn(&mut self, slot: JobSlot) {
        self.take_turn(slot);
        self.stop_clock(slot);
    }

    /// A job that lost what was kept for it waits no longer: what it waited for may be lent again.
    fn take_turn(&mut self, slot: JobSlot) {
        if self.bereft.remove(&slot) {
            self.stir(LANDLORD);
        }
    }

    /// Ends the keeping of nodes without touching them.
    pub(super) fn take_claim(&mut self, slot: JobSlot) -> Allocation {
        let job = self.jobs.get(slot);
        let JobState::Claiming { at, .. } = &job.state else {
            panic!("job {} keeps no nodes", job.spec.number)
        };
        let (at, end) = (at.clone(), job.expected_end);
        self.book_release(&at, end, at.nodes().count(), false);
        self.ready_claims.retain(|ready| *ready != slot);
        at
    }

    /// Starts a job that is queued or whose nodes are ready.
    pub(super) fn start(&mut self, slot: JobSlot, at: Allocation) {
        let party = self.jobs.get(slot).spec.party;
        match self.jobs.get(slot).state {
            JobState::Claiming { .. } => {
                self.take_claim(slot);
            }
            _ => {
                self.dequeue(slot);
                self.place(slot);
            }
        }
        self.check_isolation(party, &at);
        self.run(slot, &at, self.now, Some(party));
    }

    /// Puts a job on nodes on which it runs since `since`, and which are to be scrubbed after `soiled_by`, unless they see to that
    /// themselves.
    pub(super) fn run(
        &mut self,
        slot: JobSlot,
        at: &Allocation,
        since: Instant,
        soiled_by: Option<Party>,
    ) {
        self.charge(slot, true);
        let user = if at.guest { User::Guest } else { User::Holder };
        let gpus_per_node = self.fleet.partition(at.partition).role.gpus_per_node;
        self.fleet.change(&at.whole, since, |node| occupy(node, user, soiled_by, gpus_per_node));
        let job = self.jobs.get_mut(slot);
        let end = job.expected_end(since);
        job.expected_end = end;
        job.started.get_or_insert(since);
        job.starts += 1;
        job.state = JobState::Running { at: at.clone(), since };
        for (node, gpus) in at.parts() {
            let one = NodeRanges::from_range(node, node + 1);
            self.fleet.change(&one, since, |node| occupy(node, user, soiled_by, node.used + gpus));
            self.share(at, node, |shared| shared.residents.push((slot, gpus, end)));
        }
        self.book_release(at, end, at.whole.count(), true);
        if at.guest {
            self.fleet.partition_mut(at.partition).guests.push(slot);
        }
    }

    /// Takes a job off its nodes; the useful part of its run is kept.
    pub(super) fn leave(&mut self, slot: JobSlot) {
        self.leave_at(slot, self.now);
    }

    /// Takes a job off its nodes, which it left at `at`: now, or earlier where that is told of late.
    pub(super) fn leave_at(&mut self, slot: JobSlot, at: Instant) {
        let left = at;
        let job = self.jobs.get_mut(slot);
        let kept = job.kept_at(left);
        let end = job.expected_end;
        let (JobState::Running { at, .. } | JobState::Leaving { at, .. }) = &job.state else {
            panic!("job {} is on no node", job.spec.number)
        };
        let at = at.clone();
        job.kept_seconds = kept.min(job.spec.request_seconds);
        self.charge(slot, false);
        self.book_release(&at, end, at.whole.count(), false);
        self.fleet.change(&at.whole, left, |node| vacate(node, node.used));
        self.substitutes.hear_of(&at.whole);
        for (node, gpus) in at.parts() {
            self.share(&at, node, |shared| shared.residents.retain(|(job, ..)| *job != slot));
            let one = NodeRanges::from_range(node, node + 1);
            self.fleet.change(&one, left, |node| vacate(node, gpus));
            self.substitutes.hear_of(&one);
        }
        if at.guest {
            let guests = &mut self.fleet.partition_mut(at.partition).guests;
            let place = guests.iter().position(|guest| *guest == slot);
            guests.swap_remove(place.expect("a borrower is among the guests"));
            self.note_vacated(&at.nodes(), left);
        }
    }

    /// Notes for the jobs for which `nodes` are kept when the last borrower left them.
    fn note_vacated(&mut self, nodes: &NodeRanges, left: Instant) {
        let runs = nodes.ranges().iter().map(|&(first, end)| self.fleet.nodes_in(first..end));
        for node in runs.flatten() {
            if let Claim::Holder(claimant) = node.claim
                && let JobState::Claiming { vacated, .. } = &mut self.jobs.get_mut(claimant).state
            {
                *vacated = left.max(*vacated);
            }
        }
    }

    /// Counts a node of kept nodes as ready.
    pub(super) fn claimed_node_ready(&mut self, slot: JobSlot) {
        let job = self.jobs.get_mut(slot);
        let JobState::Claiming { pending, .. } = &mut job.state else {
            panic!("job {} keeps no nodes", job.spec.number)
        };
        *pending -= 1;
        if *pending == 0 {
            self.ready_claims.push(slot);
        }
    }

    /// Changes who shares `node` and books when it is expected back.
    pub(super) fn share(&mut self, at: &Allocation, node: u32, edit: impl FnOnce(&mut SharedNode)) {
        let shared = self.shared.entry(node).or_default();
        let before = shared.expected_end();
        edit(shared);
        let after = shared.expected_end();
        if after.is_none() {
            self.shared.remove(&node);
        }
        if before != after {
            for (end, add) in [(before, false), (after, true)] {
                if let Some(end) = end {
                    self.book_release(at, end, 1, add);
                }
            }
        }
    }

    pub(super) fn book_release(&mut self, at: &Allocation, end: Instant, nodes: u32, add: bool) {
        if nodes == 0 {
            return;
        }
        let partition = self.fleet.partition_mut(at.partition);
        let (end, size) = (end.unix(), nodes);
        let trees =
            [(!at.guest, &mut partition.holder_releases), (true, &mut partition.all_releases)];
        for (counts, tree) in trees {
            match (counts, add) {
                (false, _) => {}
                (true, true) => tree.insert(end, size),
                (true, false) => tree.remove(end, size),
            }
        }
    }

    /// Invariant 4: a party starts only where nobody else is, and after a turnover.
    fn check_isolation(&mut self, party: Party, at: &Allocation) {
        let user = if at.guest { User::Guest } else { User::Holder };
        let there = |node: &Node| node.partition == at.partition;
        let alone = |node: &Node| there(node) && node.ready_for(party);
        let shares = |node: &Node| there(node) && node.user == user && node.soil == Some(party);
        let bad_whole = at.whole.ranges().iter().find_map(|&(first, end)| {
            let mut run = (first..end).zip(self.fleet.nodes_in(first..end));
            run.find(|(_, node)| !alone(node))
        });
        let part = at.part.map(|(number, _)| (number, self.fleet.node(number)));
        let bad_part = part.filter(|(_, node)| !alone(node) && !shares(node));
        let now = self.now;
        let detail = bad_whole.or(bad_part).map(|(number, node)| (number, *node));
        self.require(Invariant::Isolation, detail.is_none(), || {
            let (number, node) = detail.expect("a node was found");
            let id = &now;
            format!("party {party} started on node {number} at {id} while it was {node:?}")
        });
    }
}

/// Whether a job of `job` stands on any node of `nodes`.
pub fn touches(job: &Job, nodes: &NodeRanges) -> bool {
    job.allocation().is_some_and(|at| {
        let overlaps = |&(first, end): &(u32, u32)| {
            nodes.ranges().iter().any(|&(from, until)| first < until && from < end)
        };
        at.whole.ranges().iter().any(overlaps) || at.parts().any(|(node, _)| nodes.contains(node))
    })
}

/// Puts jobs of `user` on a node, who are `soil` to whoever comes next.
const fn occupy(node: &mut Node, user: User, soil: Option<Party>, used: u8) {
    node.claim = Claim::Free;
    node.user = user;
    node.used = used;
    node.soil = soil;
}

const fn vacate(node: &mut Node, gpus: u8) {
    node.used -= gpus;
    if node.used == 0 {
        node.user = User::Nobody;
    }
}

const _: () = assert!(LANDLORD == 0, "the landlord is the first party");
