//! What Leasehold has in its log of each run, and what it says of those that it has otherwise than Slurm.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_storage::OpenMode;
use leasehold_units::Instant;
use serde_json::Value;

use crate::record::Run;
use crate::stage::Stage;

/// Records that are read at once.
const PAGE: u32 = 1_000;

/// A run by its job and its start.
pub type Key = (String, u64);

/// A run from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    pub until: u64,
    pub nodes: BTreeSet<String>,
    pub gpus: u64,
}

/// All runs in the log of a server that is stopped.
pub fn runs(stage: &Stage) -> BTreeMap<Key, Booked> {
    let place = stage.folder.join("data/leasehold.db");
    let mut store = leasehold_storage::open(place.to_str().unwrap(), OpenMode::Read).unwrap();
    let mut fold = Fold::default();
    let mut from = 1;
    loop {
        let records = store.read(from, PAGE).unwrap();
        let Some(last) = records.last() else { return fold.booked };
        from = last.seq + 1;
        for record in &records {
            let body: Value = serde_json::from_str(&record.body).unwrap();
            fold.take(record.at, &body);
        }
    }
}

#[derive(Default)]
struct Fold {
    /// What was described and not yet submitted.
    described: Option<String>,
    /// Slurm's name of the job in each slot.
    names: BTreeMap<u64, String>,
    /// What runs in each slot.
    running: BTreeMap<u64, (u64, BTreeSet<String>, u64)>,
    booked: BTreeMap<Key, Booked>,
}

impl Fold {
    fn take(&mut self, at: Instant, body: &Value) {
        if let Some(described) = body["fact"].get("job_described") {
            self.described = described["description"]["name"].as_str().map(str::to_owned);
        }
        let event = &body["event"];
        let slot = |of: &Value| of["job"].as_u64().unwrap();
        if let Some(submitted) = event.get("job_submitted") {
            self.names.insert(slot(submitted), self.described.take().unwrap());
        }
        if let Some(found) = event.get("job_found") {
            let (nodes, gpus) = place(&found["at"]);
            self.running.insert(slot(found), (found["since"].as_u64().unwrap(), nodes, gpus));
        }
        if let Some(gone) = event.get("job_gone") {
            self.end(slot(gone), gone["at"].as_u64().unwrap());
        }
        if let Some(stopped) = event.get("job_stopped") {
            self.end(slot(stopped), u64::try_from(at.unix()).unwrap());
        }
    }

    fn end(&mut self, slot: u64, until: u64) {
        let (since, nodes, gpus) = self.running.remove(&slot).unwrap();
        let key = (self.names[&slot].clone(), since);
        let twice = self.booked.insert(key.clone(), Booked { until, nodes, gpus });
        assert_eq!(twice, None, "{key:?} is booked twice");
    }
}

/// Nodes and GPUs of an allocation.
fn place(at: &Value) -> (BTreeSet<String>, u64) {
    let number = |value: &Value| value.as_u64().unwrap();
    let (mut nodes, mut gpus) = (BTreeSet::new(), 0);
    for range in at["whole"].as_array().unwrap() {
        for node in number(&range[0])..number(&range[1]) {
            nodes.insert(name(node));
            gpus += 8;
        }
    }
    let also = at.get("also").and_then(Value::as_array).into_iter().flatten();
    for part in at.get("part").into_iter().filter(|part| part.is_array()).chain(also) {
        nodes.insert(name(number(&part[0])));
        gpus += number(&part[1]);
    }
    (nodes, gpus)
}

/// The site has racks of three nodes.
fn name(node: u64) -> String {
    format!("a-01-{:02}-{}", node / 3 + 1, node % 3 + 1)
}

/// What Leasehold says that it has otherwise: GPU-seconds on record and booked, by run.
pub fn otherwise(cluster: &Value) -> BTreeMap<Key, (u64, u64)> {
    let runs = cluster["booked_otherwise"].as_array().unwrap().iter();
    runs.map(|run| {
        let since = Instant::from_rfc3339(run["since"].as_str().unwrap()).unwrap().unix();
        let of = |member: &str| run[member].as_u64().unwrap();
        let key = (run["job"].as_str().unwrap().to_owned(), u64::try_from(since).unwrap());
        (key, (of("recorded_gpu_seconds"), of("booked_gpu_seconds")))
    })
    .collect()
}

/// Every run on record is booked, on its nodes and to the second, or what differs is said; and nothing else is booked.
pub fn assert_equal(
    runs: &[Run],
    mut booked: BTreeMap<Key, Booked>,
    said: &BTreeMap<Key, (u64, u64)>,
) {
    let mut wrong = Vec::new();
    for run in runs.iter().filter(|run| run.gpus > 0) {
        let found = match run.start {
            Some(start) => booked.remove(&(run.job.clone(), start)),
            // slurmdbd lost its start, which was seen: then it is booked to its end.
            None => {
                let seen = |(key, found): (&Key, &Booked)| {
                    key.0 == run.job && found.until == run.end && found.nodes == run.nodes
                };
                let key = booked.iter().find(|one| seen(*one)).map(|(key, _)| key.clone());
                key.map(|key| booked.remove(&key).unwrap());
                continue;
            }
        };
        let start = run.start.unwrap();
        let of = found.as_ref().map_or(0, |found| (found.until - start) * found.gpus);
        if found.as_ref().is_some_and(|found| found.nodes != run.nodes) {
            wrong.push(format!("{run:?} is booked elsewhere: {found:?}"));
        }
        if of != run.gpu_seconds()
            && said.get(&(run.job.clone(), start)) != Some(&(run.gpu_seconds(), of))
        {
            wrong.push(format!("{run:?} is booked as {found:?}, and nothing is said"));
        }
    }
    booked.retain(|(_, since), found| found.until > *since);
    wrong.extend(booked.iter().map(|found| format!("{found:?} is not on record")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
