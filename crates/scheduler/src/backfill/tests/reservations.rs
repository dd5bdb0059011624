//! [`Reservations`] under bursts against the rule word for word, on an array of seconds.

use proptest::prelude::*;

use crate::backfill::Reservations;

const SIZE: u32 = 96;

/// Long enough for 220 jobs one after another.
const SECONDS: usize = 22_000;

#[derive(Debug, Clone, Copy)]
struct Job {
    arrival: i64,
    size: u32,
    request: i64,
    run: i64,
}

/// Most arrive at once, more than a compression would go through one by one.
fn burst() -> impl Strategy<Value = Vec<Job>> {
    let arrival = prop_oneof![4 => Just(0i64), 1 => 0i64..300];
    let size = prop_oneof![2 => 1u32..8, 2 => 8u32..32, 1 => 32..=SIZE];
    let request = prop_oneof![2 => 1i64..9, 1 => 9i64..100];
    let job = (arrival, size, request, 1i64..=4);
    proptest::collection::vec(job, 120..220).prop_map(|drawn| {
        let jobs = drawn.into_iter().map(|(arrival, size, request, quarters)| {
            let run = (request * quarters / 4).max(1);
            Job { arrival, size, request, run }
        });
        let mut jobs: Vec<_> = jobs.collect();
        jobs.sort_by_key(|job| job.arrival);
        jobs
    })
}

/// What is free in each second, and the reserved start of each job that has arrived.
struct Model {
    free: Vec<i64>,
    starts: Vec<i64>,
}

impl Model {
    fn take(&mut self, from: i64, until: i64, size: i64) {
        for second in from..until {
            self.free[usize::try_from(second).expect("time begins at 0")] -= size;
        }
    }

    /// Reserves the earliest start from `now` on for `job`, and returns it.
    fn reserve(&mut self, now: i64, job: Job) -> i64 {
        let mut start = now;
        let mut second = now;
        while second < start + job.request {
            if self.free[usize::try_from(second).expect("time begins at 0")] < job.size.into() {
                start = second + 1;
            }
            second += 1;
        }
        self.take(start, start + job.request, job.size.into());
        start
    }

    /// Takes each of `waiting` out and puts it back.
    fn compress(&mut self, now: i64, jobs: &[Job], waiting: &[usize]) {
        for &index in waiting {
            let (job, start) = (jobs[index], self.starts[index]);
            self.take(start, start + job.request, -i64::from(job.size));
            self.starts[index] = self.reserve(now, job);
        }
    }
}

fn check(jobs: &[Job]) -> Result<(), TestCaseError> {
    let mut model = Model { free: vec![SIZE.into(); SECONDS], starts: Vec::new() };
    let mut subject = Reservations::new(0, SIZE);
    let (mut waiting, mut running): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut now = 0;
    while model.starts.len() < jobs.len() || !waiting.is_empty() {
        let mut early = false;
        for &index in &running {
            let (job, start) = (jobs[index], model.starts[index]);
            if start + job.run == now {
                subject.complete(now, start + job.request, job.size);
                model.take(now, start + job.request, -i64::from(job.size));
                early |= job.run < job.request;
            }
        }
        running.retain(|index| model.starts[*index] + jobs[*index].run > now);
        subject.compress(now);
        if early {
            model.compress(now, jobs, &waiting);
        }
        while let Some(&job) = jobs.get(model.starts.len()).filter(|job| job.arrival == now) {
            let handle = u32::try_from(model.starts.len()).expect("there are few");
            let start = model.reserve(now, job);
            prop_assert_eq!(subject.arrive(now, job.size, job.request, handle), Some(start));
            waiting.push(model.starts.len());
            model.starts.push(start);
        }
        let promised: Vec<_> = subject.iter().map(|kept| kept.start).collect();
        let expected: Vec<_> = waiting.iter().map(|index| model.starts[*index]).collect();
        prop_assert_eq!(promised, expected, "at {}", now);
        while subject.start(now).is_some() {}
        running.extend(waiting.extract_if(.., |index| model.starts[*index] == now));
        now += 1;
    }
    prop_assert_eq!(subject.next_start(), None);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_burst_is_promised_what_the_rule_says(jobs in burst()) {
        check(&jobs)?;
    }
}
