//! [`QueueTree`] against a sorted list.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::backfill::{Limits, QueueTree, Queued};

#[derive(Debug, Clone)]
enum Step {
    Push {
        size: u32,
        request: i64,
    },
    /// Remove the waiting job at this fraction of the queue.
    Remove(u16),
    /// Put a job that left back, at this fraction of those.
    Reinsert(u16),
    Search {
        after: u16,
        limits: Limits,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let limits = (0u32..9, 0i64..9, 0u32..9).prop_map(|(free, window, extra)| Limits {
        free,
        window,
        extra,
    });
    prop_oneof![
        4 => (1u32..9, 1i64..9).prop_map(|(size, request)| Step::Push { size, request }),
        3 => any::<u16>().prop_map(Step::Remove),
        2 => any::<u16>().prop_map(Step::Reinsert),
        3 => (any::<u16>(), limits).prop_map(|(after, limits)| Step::Search { after, limits }),
    ]
}

fn pick(jobs: &BTreeMap<u64, Queued>, fraction: u16) -> Option<Queued> {
    let index = usize::from(fraction) * jobs.len() / (usize::from(u16::MAX) + 1);
    jobs.values().nth(index).copied()
}

#[derive(Default)]
struct Both {
    tree: QueueTree,
    waiting: BTreeMap<u64, Queued>,
    left: BTreeMap<u64, Queued>,
}

impl Both {
    fn take(&mut self, step: Step) {
        match step {
            Step::Push { size, request } => {
                let handle = size * 1000;
                let seq = self.tree.push(size, request, handle);
                assert!(self.waiting.keys().chain(self.left.keys()).all(|old| *old < seq));
                self.waiting.insert(seq, Queued { seq, size, request, handle });
            }
            Step::Remove(fraction) => {
                let Some(job) = pick(&self.waiting, fraction) else { return };
                assert_eq!(self.tree.remove(job.seq), Some(job));
                assert_eq!(self.tree.remove(job.seq), None);
                self.waiting.remove(&job.seq);
                self.left.insert(job.seq, job);
            }
            Step::Reinsert(fraction) => {
                let Some(mut job) = pick(&self.left, fraction) else { return };
                self.left.remove(&job.seq);
                job.request += 1;
                self.tree.reinsert(job);
                self.waiting.insert(job.seq, job);
            }
            Step::Search { after, limits } => self.search(u64::from(after) % 300, limits),
        }
        self.compare();
    }

    fn search(&self, after: u64, limits: Limits) {
        let fits = |job: &&Queued| {
            job.size <= limits.free && (job.request <= limits.window || job.size <= limits.extra)
        };
        let expected = self.waiting.range(after + 1..).map(|(_, job)| job).find(fits);
        assert_eq!(self.tree.next_fit(Some(after), limits), expected.copied());
        let expected = self.waiting.values().find(fits);
        assert_eq!(self.tree.next_fit(None, limits), expected.copied());
    }

    fn compare(&self) {
        assert_eq!(self.tree.len(), self.waiting.len());
        assert_eq!(self.tree.first(), self.waiting.values().next().copied());
        assert!(self.tree.iter().eq(self.waiting.values().copied()));
        for job in self.left.keys() {
            assert_eq!(self.tree.get(*job), None);
        }
        for (seq, job) in &self.waiting {
            assert_eq!(self.tree.get(*seq), Some(*job));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_queue_is_a_sorted_list(steps in proptest::collection::vec(step(), 1..300)) {
        let mut both = Both::default();
        for step in steps {
            both.take(step);
        }
    }
}

/// Everything that runs is evicted at once, in any order, between two jobs that wait.
#[test]
fn evicted_jobs_come_back_to_their_old_places() {
    let mut queue = QueueTree::new();
    let jobs: Vec<Queued> = (0..5000u32)
        .map(|handle| Queued { seq: queue.push(1, 60, handle), size: 1, request: 60, handle })
        .collect();
    for job in &jobs[1..4999] {
        queue.remove(job.seq);
    }
    for handle in 5000..9000 {
        queue.push(2, 60, handle);
    }
    for index in 0..4998 {
        // 1733 is prime to 4998, so that every index comes up once.
        queue.reinsert(jobs[1 + index * 1733 % 4998]);
    }
    assert_eq!(queue.len(), 9000);
    assert!(queue.iter().map(|job| job.handle).eq(0..9000));
}

#[test]
#[should_panic(expected = "is taken")]
fn a_place_holds_one_job() {
    let mut queue = QueueTree::new();
    queue.push(1, 1, 0);
    let job = queue.first().expect("one was pushed");
    queue.reinsert(job);
}
