//! One command is CI: every check that a change must pass, cheapest first.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{cargo, docs, tidy};

/// How a step ended.
enum Outcome {
    Passed,
    Failed,
    /// The toolchain lacks what the step needs; the text says what and how to get it.
    NotChecked(&'static str),
}

/// A named check of the workspace.
type Step = (&'static str, fn(&Path) -> Outcome);

/// Tests come last: the runner's own closing lines are then the last thing on the screen but for
/// the verdict.
const STEPS: &[Step] = &[
    ("format", format),
    ("tidy", |root| passed(tidy::run(root))),
    ("clippy", clippy),
    ("docs", |root| passed(docs::check(root))),
    ("doc tests", doc_tests),
    ("tests", tests),
];

/// Runs every step, the later ones too when one fails, and says which failed.
pub fn run(root: &Path) -> bool {
    let mut failed = Vec::new();
    let mut gaps = Vec::new();
    for (name, step) in STEPS {
        eprintln!("==> {name}");
        match step(root) {
            Outcome::Passed => {}
            Outcome::Failed => failed.push(*name),
            Outcome::NotChecked(why) => gaps.push((*name, why)),
        }
    }
    for (name, why) in gaps {
        eprintln!("ci: {name} was NOT checked: {why}");
    }
    if failed.is_empty() {
        eprintln!("ci: passed");
    } else {
        eprintln!("ci: FAILED: {}", failed.join(", "));
    }
    failed.is_empty()
}

fn format(root: &Path) -> Outcome {
    if !answers(cargo(root).args(["fmt", "--version"])) {
        return Outcome::NotChecked("rustfmt is missing; `rustup component add rustfmt`");
    }
    status(cargo(root).args(["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Outcome {
    if !answers(cargo(root).args(["clippy", "--version"])) {
        return Outcome::NotChecked("clippy is missing; `rustup component add clippy`");
    }
    let scope = ["clippy", "--quiet", "--workspace", "--all-targets", "--all-features"];
    status(cargo(root).args(scope).args(["--", "--deny", "warnings"]))
}

/// The quicker runner leaves doc tests out, so they have a step of their own; the plain runner
/// includes them.
fn doc_tests(root: &Path) -> Outcome {
    if !has_nextest(root) {
        return Outcome::Passed;
    }
    status(cargo(root).args(["test", "--quiet", "--workspace", "--doc"]))
}

fn tests(root: &Path) -> Outcome {
    if has_nextest(root) {
        status(cargo(root).args(["nextest", "run", "--workspace", "--no-fail-fast"]))
    } else {
        status(cargo(root).args(["test", "--workspace", "--no-fail-fast"]))
    }
}

fn has_nextest(root: &Path) -> bool {
    answers(cargo(root).args(["nextest", "--version"]))
}

fn answers(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn status(command: &mut Command) -> Outcome {
    passed(command.status().is_ok_and(|status| status.success()))
}

fn passed(passed: bool) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed }
}
