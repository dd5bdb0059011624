//! The project's own rules, each checked by a machine and each with its reason in its message.

mod floors;
mod length;
mod pages;
mod purity;
mod source;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::path::Path;

use source::Tree;

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// Path in the workspace.
    file: String,
    /// Line, from 1; nothing where the whole file is meant.
    line: Option<usize>,
    /// What is wrong and why it matters.
    message: String,
}

impl Breach {
    fn at(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: Some(line), message: message.into() }
    }

    fn of(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, message: message.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A rule over the whole tree.
type Rule = fn(&Tree) -> Vec<Breach>;

const RULES: &[Rule] = &[
    floors::lower_only,
    floors::fixtures_in_tests_only,
    floors::known_pure_crates,
    purity::banned_in_pure_crates,
    purity::no_unwrap,
    length::files,
    length::functions,
    words::unfinished,
    words::foreign,
    words::opening,
    pages::present,
];

/// Checks the tree under `root`; prints what is broken.
pub fn run(root: &Path) -> bool {
    let tree = match source::read(root) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("error: {error}");
            return false;
        }
    };
    let mut breaches: Vec<Breach> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    breaches.sort();
    for breach in &breaches {
        eprintln!("{breach}");
    }
    eprintln!("tidy: {} files, {} breaches", tree.files.len(), breaches.len());
    breaches.is_empty()
}
