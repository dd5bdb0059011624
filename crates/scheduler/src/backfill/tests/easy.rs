//! [`EasyPass`] against the textbook, on plain lists.

use proptest::prelude::*;

use crate::backfill::{EasyPass, QueueTree, Queued, Releases};

const NOW: i64 = 100;

/// A waiting job: size and request.
type Job = (u32, i64);

#[derive(Debug, Clone)]
struct Scene {
    free: u32,
    running: Vec<(i64, u32)>,
    waiting: Vec<Job>,
}

fn scene() -> impl Strategy<Value = Scene> {
    let running = proptest::collection::vec((NOW + 1..NOW + 12, 1u32..6), 0..10);
    let waiting = proptest::collection::vec((1u32..12, 1i64..12), 0..20);
    (0u32..12, running, waiting).prop_map(|(free, running, waiting)| Scene {
        free,
        running,
        waiting,
    })
}

/// One pass as the textbooks write it: the shadow and the extra are found once.
fn textbook(scene: &Scene) -> Vec<usize> {
    let Scene { mut free, mut running, waiting } = scene.clone();
    let mut started = Vec::new();
    let mut at = 0;
    while at < waiting.len() && waiting[at].0 <= free {
        free -= waiting[at].0;
        running.push((NOW + waiting[at].1, waiting[at].0));
        started.push(at);
        at += 1;
    }
    let Some(&(need, _)) = waiting.get(at) else { return started };
    running.sort_unstable();
    let free_at = |end: i64| {
        free + running.iter().filter(|(other, _)| *other <= end).map(|(_, size)| size).sum::<u32>()
    };
    let shadow = running.iter().map(|(end, _)| *end).find(|end| free_at(*end) >= need);
    let mut extra = shadow.map_or(0, |shadow| free_at(shadow) - need);
    for (index, &(size, request)) in waiting.iter().enumerate().skip(at + 1) {
        let in_time = shadow.is_none_or(|shadow| NOW + request <= shadow);
        if size <= free && (in_time || size <= extra) {
            free -= size;
            if !in_time {
                extra -= size;
            }
            started.push(index);
        }
    }
    started
}

struct Machine {
    free: u32,
    queue: QueueTree,
    releases: Releases,
    started: Vec<usize>,
}

impl Machine {
    fn new(scene: &Scene) -> Self {
        let mut releases = Releases::new();
        scene.running.iter().for_each(|&(end, size)| releases.insert(end, size));
        let mut queue = QueueTree::new();
        for (handle, &(size, request)) in (0u32..).zip(&scene.waiting) {
            queue.push(size, request, handle);
        }
        Self { free: scene.free, queue, releases, started: Vec::new() }
    }

    fn start(&mut self, job: Queued, now: i64) {
        self.queue.remove(job.seq);
        self.releases.insert(now + job.request, job.size);
        self.free -= job.size;
        self.started.push(job.handle as usize);
    }
}

fn one_pass(scene: &Scene) -> Vec<usize> {
    let mut machine = Machine::new(scene);
    let mut pass = EasyPass::new(NOW);
    while let Some(job) = pass.next(&machine.queue, &machine.releases, machine.free) {
        machine.start(job, NOW);
    }
    machine.started
}

fn a_new_pass_for_each_start(scene: &Scene) -> Vec<usize> {
    let mut machine = Machine::new(scene);
    while let Some(job) = EasyPass::new(NOW).next(&machine.queue, &machine.releases, machine.free) {
        machine.start(job, NOW);
    }
    machine.started
}

/// Jobs come one by one at later and later instants, and nothing is released: one pass that goes
/// on, or a new one for each arrival.
fn with_arrivals(scene: &Scene, later: &[(i64, Job)], goes_on: bool) -> Vec<usize> {
    let mut machine = Machine::new(scene);
    let (mut pass, mut now) = (EasyPass::new(NOW), NOW);
    for &(gap, (size, request)) in [(0, (99, 1))].iter().chain(later) {
        now += gap;
        let handle = u32::try_from(machine.started.len() + machine.queue.len()).expect("few");
        machine.queue.push(size, request, handle);
        if goes_on {
            pass.continue_at(now);
        } else {
            pass = EasyPass::new(now);
        }
        while let Some(job) = pass.next(&machine.queue, &machine.releases, machine.free) {
            machine.start(job, now);
        }
    }
    machine.started
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_pass_starts_what_the_textbook_starts(scene in scene()) {
        prop_assert_eq!(one_pass(&scene), textbook(&scene));
    }

    #[test]
    fn a_pass_may_be_begun_again_after_any_start(scene in scene()) {
        prop_assert_eq!(a_new_pass_for_each_start(&scene), textbook(&scene));
    }

    #[test]
    fn a_pass_may_go_on_with_later_arrivals(
        scene in scene(),
        later in proptest::collection::vec((0i64..3, (1u32..12, 1i64..12)), 0..8),
    ) {
        prop_assert_eq!(
            with_arrivals(&scene, &later, true),
            with_arrivals(&scene, &later, false)
        );
    }
}
