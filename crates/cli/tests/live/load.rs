//! Clients that submit jobs of two parties while something goes wrong, and what they were told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;
use crate::server::{Place, wait_until};

/// How long the jobs of each client run; clients are of the two parties in turn.
const SECONDS: [&str; 4] = ["0.1", "0.1", "0.5", "0.5"];

/// A party that submits jobs, and its token.
pub struct Party {
    pub name: &'static str,
    pub token: String,
}

/// Clients that submit jobs, and what they were told.
pub struct Load {
    parties: [Party; 2],
    /// The numbers of jobs by their names, for each of the parties.
    acknowledged: [BTreeMap<String, u64>; 2],
    /// The numbers that the last round was told.
    last: [Vec<u64>; 2],
}

/// Ends the load, also where the test fails meanwhile.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a job does: says that it runs, and whether another one does. Some run long enough to be met by what goes
/// wrong.
fn command(runs: &Path, name: &str, seconds: &str) -> String {
    let runs = runs.display();
    let script = format!(
        "exec 9>>{runs}/lock.{name}; flock -n 9 || echo {name} >>{runs}/twice; \
         echo run >>{runs}/ran.{name}; sleep {seconds}"
    );
    // More than half a node, so that each has its nodes alone: of one that jobs share, what is told late counts from
    // the last change of the node on.
    let gpus = 5 + name.len() % 4;
    serde_json::json!({
        "name": name, "gpus": gpus, "time_limit_seconds": 600, "command": ["/bin/sh", "-c", script],
    })
    .to_string()
}

impl Load {
    pub fn of(parties: [Party; 2]) -> Self {
        Self { parties, acknowledged: Default::default(), last: Default::default() }
    }

    /// How many jobs there are.
    pub fn count(&self) -> usize {
        self.acknowledged.iter().map(BTreeMap::len).sum()
    }

    /// Whose they are, and the numbers of all that were acknowledged.
    pub fn jobs(&self) -> impl Iterator<Item = (&Party, u64)> {
        let parties = self.parties.iter().zip(&self.acknowledged);
        parties.flat_map(|(party, told)| told.values().map(move |number| (party, *number)))
    }

    /// Submits while `fault` happens, and hands back once everybody who asked was answered.
    pub fn run(
        &mut self,
        place: &Place,
        ports: &[u16],
        round: u64,
        fault: impl FnOnce(&AtomicUsize),
    ) {
        let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
        let runs = place.folder.join("runs");
        let submit = |client: usize, token: &str| {
            let mut told = Vec::new();
            let mut to = Client::new(ports, token);
            while !is_over.load(Ordering::Relaxed) {
                let name = format!("{round}-{client}-{}", told.len());
                let job = command(&runs, &name, SECONDS[client]);
                let answer = to.ask("POST /api/v1/jobs", &name, &job);
                told.push((name, answer["number"].as_u64().expect("a number is told")));
                answered.fetch_add(1, Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(60));
            }
            told
        };
        self.last = Default::default();
        std::thread::scope(|scope| {
            let start = |client: usize| {
                let (submit, token) = (&submit, &self.parties[client % 2].token);
                scope.spawn(move || submit(client, token))
            };
            let clients: Vec<_> = (0..SECONDS.len()).map(start).collect();
            let over = Over(&is_over);
            fault(&answered);
            drop(over);
            for (client, thread) in clients.into_iter().enumerate() {
                let told = thread.join().expect("a client ends");
                self.last[client % 2].extend(told.iter().map(|(_, number)| *number));
                self.acknowledged[client % 2].extend(told);
            }
        });
    }

    /// Waits until no job is left, then looks at what those of the last round did.
    pub fn check(&self, place: &Place, ports: &[u16]) {
        assert!(!place.folder.join("runs/twice").exists(), "jobs ran twice at once");
        for (index, party) in self.parties.iter().enumerate() {
            let mut client = Client::new(ports, &party.token);
            wait_until("all jobs are over", || {
                let live = client.ask("GET /api/v1/jobs?state=live", "read", "");
                live["jobs"].as_array().is_some_and(Vec::is_empty)
            });
            let told = &self.acknowledged[index];
            for (name, number) in told.iter().filter(|(_, told)| self.last[index].contains(told)) {
                check_job(place, name, &ask_for(&mut client, *number));
            }
        }
    }

    /// Looks at every job that was acknowledged: each is there once, and did once what it had to do.
    pub fn check_all(&self, place: &Place, ports: &[u16]) {
        for (party, told) in self.parties.iter().zip(&self.acknowledged) {
            let mut numbers: Vec<u64> = told.values().copied().collect();
            numbers.sort_unstable();
            let all: Vec<u64> = (1..=numbers.len() as u64).collect();
            assert_eq!(numbers, all, "commands of {} were lost or carried out twice", party.name);
            let mut client = Client::new(ports, &party.token);
            for (name, number) in told {
                check_job(place, name, &ask_for(&mut client, *number));
            }
        }
    }
}

fn ask_for(client: &mut Client, number: u64) -> Value {
    client.ask(&format!("GET /api/v1/jobs/{number}"), "read", "")
}

fn check_job(place: &Place, name: &str, job: &Value) {
    assert_eq!(job["name"], name, "{job}");
    assert_eq!(job["exit"]["code"], 0, "{job}");
    let ran = std::fs::read_to_string(place.folder.join(format!("runs/ran.{name}")));
    assert_eq!(ran.unwrap_or_default(), "run\n", "{name}: {job}");
}
