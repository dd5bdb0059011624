//! `simulate --adversary`: a small site under the worst that a seed can think of.

use leasehold_simulator::adversary::{Plant, Play, Verdict, judge, shortest};
use serde::Serialize;

use crate::arguments::Common;
use crate::failure::Failure;
use crate::output::{self, Align, Printable, Rows, grouped};

/// What a run against the adversary proved. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Proof {
    seed: u64,
    nodes: u32,
    leases: usize,
    events: u64,
    jobs_finished: u64,
    node_failures: u64,
    reclaims: u64,
    missed_with_cause: u64,
    breaches: u64,
}

/// Plays and says what came of it; a fault is told with its shortest story.
pub fn run(seed: u64, common: &Common) -> Result<(), Failure> {
    let plant = Plant::draw(seed);
    output::narrate(common, &format!("seed {seed}"));
    let (verdict, deeds) = judge(&plant, Play::Seed(seed));
    match verdict {
        Ok(verdict) => output::print(&Proof::of(seed, &plant, &verdict), common),
        Err(fault) => {
            let story = shortest(&plant, deeds, fault);
            let hint = "this is a fault of the program; the lines above are the shortest story";
            Err(Failure::impossible(story.to_string()).with_hint(hint))
        }
    }
}

impl Proof {
    fn of(seed: u64, plant: &Plant, verdict: &Verdict) -> Self {
        Self {
            seed,
            nodes: plant.nodes(),
            leases: plant.leases.len(),
            events: verdict.events,
            jobs_finished: verdict.jobs,
            node_failures: verdict.failures,
            reclaims: verdict.reclaims,
            missed_with_cause: verdict.missed,
            breaches: verdict.breaches,
        }
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::new(&[("what", Align::Left), ("count", Align::Right)]);
        let counts = [
            ("nodes of the site", u64::from(self.nodes)),
            ("leases", self.leases as u64),
            ("events", self.events),
            ("jobs finished", self.jobs_finished),
            ("nodes that failed", self.node_failures),
            ("reclaims", self.reclaims),
            ("of them late, with a cause beyond the reserve", self.missed_with_cause),
            ("promises recorded as not kept", self.breaches),
        ];
        for (what, count) in counts {
            rows.push(vec![what.into(), grouped(count)]);
        }
        rows
    }
}

impl Printable for Proof {
    fn table(&self) -> String {
        let held = "Every invariant held, and nothing that fits was left waiting.";
        format!("{}\n{held}\n", self.rows().to_table())
    }

    fn csv(&self) -> String {
        self.rows().to_csv()
    }
}
