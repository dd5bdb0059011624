//! The moves of an adversary, as deeds.

use leasehold_control::{
    Agreed, Ask, Cause, CurtailmentAsk, Election, Input, Job, JobState, LANDLORD, OutageAsk, Party,
    State, User,
};
use leasehold_lease::{Side, Terms};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_units::{Instant, Interval, OutageId, PartyId, Seconds, Shape, Watts};

use super::Adversary;
use super::plant::parse;
use crate::engine::{Act, Deed};
use crate::workload::WorkloadJob;

impl Adversary {
    /// An instant `least` to `most` seconds after `now`.
    pub(super) fn after(&mut self, now: Instant, least: u64, most: u64) -> Instant {
        now.after(Seconds::new(least + self.random.below(most - least + 1)))
    }

    fn soon(&mut self, now: Instant) -> Instant {
        self.after(now, 1, 20)
    }

    /// An instant `least` to `most` seconds after `now`, before the calm.
    fn before_calm(&mut self, now: Instant, least: u64, most: u64) -> Instant {
        let end = self.plant.calm.before(Seconds::new(1));
        self.after(now, least, most).min(end).max(now)
    }

    /// A tenant asks for all that it is granted, as one gang.
    pub(super) fn whole_holding(&mut self, now: Instant, state: &State) -> Vec<Deed> {
        let tenants = u64::try_from(state.parties.len() - 1).expect("few parties");
        let party = 1 + Party::try_from(self.random.below(tenants)).expect("few parties");
        let leases = state.contracts.leases.iter().filter(|entry| entry.party == party);
        // A gang stands in one pool; most sites here have one.
        let gpus = leases.map(|entry| entry.granted_gpus).max().unwrap_or(0);
        let at = self.soon(now);
        let run = 1 + self.random.below(3_000);
        self.submit(state, party, at, gpus, run).into_iter().collect()
    }

    /// A tenant asks for many small gangs in one second.
    pub(super) fn crumbs(&mut self, now: Instant, state: &State) -> Vec<Deed> {
        let tenants = u64::try_from(state.parties.len() - 1).expect("few parties");
        let party = 1 + Party::try_from(self.random.below(tenants)).expect("few parties");
        let at = self.soon(now);
        let count = 1 + self.random.below(40);
        let mut deeds = Vec::new();
        for _ in 0..count {
            let gpus = 1 + self.random.below(12);
            let run = 1 + self.random.below(6_000);
            deeds.extend(self.submit(state, party, at, gpus, run));
        }
        deeds
    }

    fn submit(
        &mut self,
        state: &State,
        party: Party,
        at: Instant,
        gpus: u64,
        run: u64,
    ) -> Option<Deed> {
        // What it holds: a pool may be late.
        let reach = state.parties[usize::from(party)].reach.iter();
        let holdings = reach.filter(|(_, user)| *user == User::Holder);
        let held = holdings.map(|(id, _)| state.fleet.partition(*id));
        let held = held.map(|part| u64::from(part.members) * u64::from(part.role.gpus_per_node));
        let held = held.sum();
        let party = state.parties[usize::from(party)].id.clone();
        self.job((party, held), at, gpus, run, 60)
    }

    /// Jobs of the landlord's that declare all the time that they may, and take it.
    pub(super) fn borrowers(&mut self, now: Instant) -> Vec<Deed> {
        let at = self.soon(now);
        let count = 1 + self.random.below(30);
        let mut deeds = Vec::new();
        for _ in 0..count {
            let gpus = 1 + self.random.below(40);
            let run = 1 + self.random.below(20_000);
            let vacate = [self.plant.longest_vacate(), 1_800, 30][self.pick(3)];
            let party = self.plant.landlord();
            deeds.extend(self.job((party, self.plant.gpus()), at, gpus, run, vacate));
        }
        deeds
    }

    /// Parties withdraw jobs, whatever these are doing; every other time one that nodes are kept for
    /// or that leaves already, if there is one. Now and then twice.
    pub(super) fn cancel(&mut self, now: Instant, state: &State) -> Vec<Deed> {
        let between =
            |job: &Job| matches!(job.state, JobState::Claiming { .. } | JobState::Leaving { .. });
        let count = 1 + self.random.below(4);
        let mut deeds = Vec::new();
        for _ in 0..count {
            let all: Vec<&Job> = state.jobs.iter().map(|(_, job)| job).collect();
            let best: Vec<&Job> = all.iter().copied().filter(|job| between(job)).collect();
            let from = if best.is_empty() || self.random.below(2) == 0 { all } else { best };
            let Some(job) = from.get(self.pick(from.len() as u64)) else { continue };
            let number = job.spec.number;
            let at = self.soon(now);
            deeds.push(Deed { at, act: Act::Cancel { number } });
            if self.random.below(8) == 0 {
                deeds.push(Deed { at: self.soon(at), act: Act::Cancel { number } });
            }
        }
        deeds
    }

    fn pick(&mut self, count: u64) -> usize {
        usize::try_from(self.random.below(count)).expect("a small count")
    }

    fn job(
        &mut self,
        (party, capacity): (PartyId, u64),
        submit: Instant,
        gpus: u64,
        run: u64,
        vacate: u32,
    ) -> Option<Deed> {
        // An eighth of what the party could do in the calm half: all of it can be finished then.
        let calm = self.plant.interval.until.since(self.plant.calm).get();
        let left = self.work_left.entry(party.clone()).or_insert(capacity * calm / 8);
        let work = gpus * run;
        if gpus == 0 || submit >= self.plant.calm || work > *left {
            return None;
        }
        *left -= work;
        self.jobs += 1;
        let small = |count: u64| u32::try_from(count).expect("a small count");
        let job = WorkloadJob {
            number: self.jobs,
            submit,
            gpus: small(gpus),
            run_seconds: small(run),
            request_seconds: small(run + self.random.below(run)),
            vacate_seconds: vacate,
            // Longer than declared: until it is killed.
            vacate_actual_seconds: u32::MAX,
            checkpoint_seconds: [60, 600, 100_000][self.pick(3)],
            skus: u32::MAX,
        };
        let priority = [0, 0, 0, 10][self.pick(4)];
        let within = [Shape::Node, Shape::Node, Shape::Rack, Shape::Array][self.pick(4)];
        Some(Deed { at: submit, act: Act::Submit { party, job, priority, within } })
    }

    /// Nodes fail and come back.
    pub(super) fn fail(&mut self, now: Instant, first: u32, length: u32) -> Vec<Deed> {
        let nodes = || NodeRanges::from_range(first, first + length);
        let at = self.before_calm(now, 1, 20);
        let back = self.before_calm(at, 1, 9_000);
        vec![
            Deed { at, act: Act::Input(Input::NodesDown(nodes())) },
            Deed { at: back, act: Act::Input(Input::NodesUp(nodes())) },
        ]
    }

    /// The envelope falls, mostly at once.
    pub(super) fn envelope(&mut self, now: Instant) -> Vec<Deed> {
        let at = self.before_calm(now, 1, 10);
        let ahead = [0, 0, 60, 4_000][self.pick(4)];
        let from = at.after(Seconds::new(ahead));
        let until = self.before_calm(from, 60, 12_000);
        if until <= from {
            return Vec::new();
        }
        let watts = self.plant.watts * (20 + self.random.below(80)) / 100;
        let ask = match self.random.below(3) {
            0 => Ask::Reduction { by: Watts::new(watts / 2), protected: Watts::new(watts / 2) },
            _ => Ask::Limit(Watts::new(watts)),
        };
        let ask = CurtailmentAsk { ask, cause: Cause::Emergency, from, until };
        vec![Deed { at, act: Act::Input(Input::Curtail(ask)) }]
    }

    /// The next turnover of a node never ends, best of all one that a reclaim waits for.
    pub(super) fn stick_turnover(&mut self, now: Instant, state: &State) -> Vec<Deed> {
        let any = self.random.below(u64::from(self.plant.nodes()));
        let any = u32::try_from(any).expect("few nodes");
        let node = self.node_under_reclaim(state).unwrap_or(any);
        vec![Deed { at: self.before_calm(now, 1, 20), act: Act::StickTurnover(node) }]
    }

    /// Nodes are to be out for a while, by agreement or not; now and then it is called off.
    pub(super) fn outage(&mut self, now: Instant) -> Vec<Deed> {
        let (first, rack) = self.plant.rack(self.random.bits());
        let length = [1, rack, rack][self.pick(3)];
        let at = self.before_calm(now, 1, 10);
        let from = self.before_calm(at, 0, 9_000);
        let until = self.before_calm(from, 60, 20_000);
        if until <= from {
            return Vec::new();
        }
        self.named += 1;
        let id = OutageId::new(&format!("works-{}", self.named)).expect("a name");
        let ask = OutageAsk {
            id: id.clone(),
            what: "works".into(),
            nodes: NodeRanges::from_range(first, first + length),
            interval: Interval::new(from, until),
            agreed: [Agreed::Nobody, Agreed::All][self.pick(2)].clone(),
        };
        let mut deeds = vec![Deed { at, act: Act::Input(Input::PlanOutage(Box::new(ask))) }];
        if self.random.below(4) == 0 {
            let at = self.before_calm(at, 1, 9_000);
            deeds.push(Deed { at, act: Act::Input(Input::CancelOutage { id }) });
        }
        deeds
    }

    /// A quote is given, and signed, withdrawn or left to run out.
    pub(super) fn quote(&mut self, now: Instant) -> Vec<Deed> {
        let at = self.soon(now);
        let place = self.random.below(self.plant.leases.len() as u64);
        let terms = self.plant.leases[usize::try_from(place).expect("few leases")].clone();
        self.named += 1;
        let name = format!("quote-{}", self.named);
        let terms = self.other_amount(&terms, now, Some(&name));
        let expires = self.after(at, 60, 40_000);
        let lease = terms.id.clone();
        let then = self.before_calm(at, 1, 40_000);
        let next = match self.random.below(3) {
            0 => Input::Release { lease },
            1 => Input::Sign(Box::new(terms.clone())),
            _ => Input::Hold { terms: Box::new(terms.clone()), expires },
        };
        let hold = Input::Hold { terms: Box::new(terms), expires };
        vec![Deed { at, act: Act::Input(hold) }, Deed { at: then, act: Act::Input(next) }]
    }

    /// A notice, an amendment, a signature or an election, each once.
    pub(super) fn contract(&mut self, now: Instant) -> Vec<Deed> {
        let kind = self.pick(4);
        if std::mem::replace(&mut self.contracts[kind], true) {
            return Vec::new();
        }
        let at = self.soon(now);
        let place = self.random.below(self.plant.leases.len() as u64);
        let terms = self.plant.leases[usize::try_from(place).expect("few leases")].clone();
        let input = match kind {
            0 => {
                let by = [Side::Landlord, Side::Tenant][self.pick(2)];
                let day = terms.time_zone.day_of(at);
                Input::GiveNotice { lease: terms.id, by, day }
            }
            3 => {
                let day = terms.time_zone.day_of(at);
                Input::Elect { lease: terms.id, choice: Election::Terminate, day }
            }
            1 => Input::Amend(Box::new(self.other_amount(&terms, now, None))),
            _ => Input::Sign(Box::new(self.other_amount(&terms, now, Some("late")))),
        };
        vec![Deed { at, act: Act::Input(input) }]
    }

    /// The same terms for another amount from tomorrow on: as their next version, or as a lease of another
    /// name. What the site cannot carry is refused.
    fn other_amount(&mut self, terms: &Terms, now: Instant, name: Option<&str>) -> Terms {
        let today = terms.time_zone.day_of(now);
        let tomorrow = today.tomorrow().expect("a run is short");
        let size = u64::from(self.plant.nodes_per(terms.capacity.shape));
        let most = u64::from(self.plant.nodes()) / size;
        let nodes = size * (1 + self.random.below(most));
        let mut lines: Vec<String> = Vec::new();
        for line in terms.text.lines() {
            let key = line.split(" = ").next().unwrap_or_default();
            lines.push(match (key, name) {
                ("amount", _) => format!("amount = \"{nodes} node\""),
                ("id" | "tenant", Some(name)) => format!("{key} = \"{name}\""),
                ("start", Some(_)) => format!("start = {tomorrow}"),
                // What would have been due before it is signed is not promised.
                ("due", Some(_)) => format!("due = {tomorrow}"),
                ("signed", None) => format!("{line}\nversion = 2\neffective = {tomorrow}"),
                _ => line.to_owned(),
            });
        }
        parse("lease.toml", &(lines.join("\n") + "\n"), Terms::parse)
    }
}

const _: () = assert!(LANDLORD == 0, "tenants are numbered from 1");
