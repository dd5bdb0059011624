//! The published logs and the starts that independent simulators agree on. The data is not part of
//! the project; where it is not at hand these tests say so and check nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use crate::replay::{Policy, Started, mean_wait_seconds, replay};
use crate::trace::swf::SwfReader;

/// Where `name` lies, if the reference traces are at hand.
fn reference(name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = workspace.join("../shared/traces").join(name);
    if !path.exists() {
        let note = "reference traces not found: NOTHING WAS CHECKED of";
        // Straight to the stream: the test harness would swallow a printed line.
        writeln!(std::io::stderr(), "{note} {name}").expect("stderr takes a line");
        return None;
    }
    Some(path)
}

fn run(log: &Path, nodes: u32, policy: Policy) -> Vec<Started> {
    let log = BufReader::new(File::open(log).expect("the log can be opened"));
    replay(SwfReader::new(log, 0), nodes, policy).expect("the log is good")
}

fn check_kth_sp2(starts: &str, policy: Policy) {
    let Some(log) = reference("kth-sp2/KTH-SP2-filtered.swf") else { return };
    let Some(starts) = reference(starts) else { return };
    let starts = fs::read_to_string(starts).expect("the starts can be read");
    let expected: BTreeMap<u64, i64> = starts
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').expect("two columns"))
        .map(|(job, start)| (job.parse().expect("a job"), start.parse().expect("a second")))
        .collect();
    assert_eq!(expected.len(), 28_481);
    let replayed: BTreeMap<u64, i64> =
        run(&log, 100, policy).iter().map(|job| (job.job_id, job.start)).collect();
    let wrong: Vec<_> = expected.iter().filter(|(job, at)| replayed.get(job) != Some(at)).collect();
    assert!(wrong.is_empty(), "{} starts differ, first {:?}", wrong.len(), wrong[0]);
    assert_eq!(replayed.len(), expected.len());
}

#[test]
fn fcfs_meets_all_28481_reference_starts() {
    check_kth_sp2("kth-sp2/starts-fcfs.csv", Policy::Fcfs);
}

#[test]
fn easy_meets_all_28481_reference_starts() {
    check_kth_sp2("kth-sp2/starts-easy.csv", Policy::Easy);
}

#[test]
fn easy_meets_the_mean_wait_of_nasa_ipsc() {
    let Some(log) = reference("nasa-ipsc/NASA-iPSC-clean.swf") else { return };
    let mean = mean_wait_seconds(&run(&log, 128, Policy::Easy));
    assert_eq!(format!("{mean:.4}"), "4.0666");
}
