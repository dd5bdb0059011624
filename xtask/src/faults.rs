//! `faults`: the fault tests of a crate, with many rounds instead of a few.

use std::path::Path;

use crate::cargo;

/// The parts that have fault tests: name, crate, test, and how the names of those tests begin.
const PARTS: &[(&str, &str, &str, &str)] = &[
    ("storage", "leasehold-storage", "conformance", "faults::"),
    ("serve", "leasehold", "live", "faults::"),
];

/// Runs the fault tests of `part`, one after the other; whether all held.
pub fn run(root: &Path, part: &str, rounds: u32) -> bool {
    let Some((_, package, test, prefix)) = PARTS.iter().find(|(name, ..)| *name == part) else {
        let known = PARTS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
        eprintln!("error: {part:?} has no fault tests; there are: {known}");
        return false;
    };
    let mut command = cargo(root);
    command.args(["test", "--quiet", "--package", package, "--test", test]);
    command.args(["--", prefix, "--test-threads=1"]);
    command.env("LEASEHOLD_ROUNDS", rounds.to_string()).env("LEASEHOLD_POSTGRES", "required");
    command.status().is_ok_and(|status| status.success())
}
