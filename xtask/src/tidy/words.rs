//! Words that are nowhere in the project: unfinished marks and the world of its makers.

use super::source::{File, leaves};
use super::{Breach, source::Tree};

/// Marks in any text of something left undone. Split, so that this list does not find itself.
const MARKS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X:"),
    concat!("To be wr", "itten"),
    concat!("HA", "CK:"),
];

/// Folders of the machines that the project was made on.
const MACHINE: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/tm", "p/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Nothing is left undone behind a mark, and no test is switched off or waits.
pub fn unfinished(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in &tree.files {
        for (line, mark) in words(file, MARKS) {
            breaches.push(Breach::at(
                &file.path,
                line,
                format!(
                    "`{mark}` marks something \
                unfinished: marks outlive their authors. Finish it, or say in the docs what is \
                not there"
                ),
            ));
        }
    }
    for (file, tokens) in tree.rust() {
        for pair in leaves(tokens).windows(2) {
            let next = pair[1].text.as_str();
            if let Some(why) = switched_off(&pair[0].text, next) {
                breaches.push(Breach::at(&file.path, pair[0].line, why));
            }
        }
    }
    breaches
}

fn switched_off(word: &str, next: &str) -> Option<&'static str> {
    match (word, next) {
        ("todo" | "unimplemented", "!") => Some(
            "an unfinished branch: it crashes whoever reaches \
            it. Finish it or refuse with an error",
        ),
        ("[", "ignore") => {
            Some("an ignored test promises what nobody checks. Mend it or delete it")
        }
        ("sleep", "(") => Some(
            "sleeping: a test that waits is slow on a good day and wrong on a \
            bad one. Wait for the event itself",
        ),
        _ => None,
    }
}

/// The project stands by itself, on any machine.
pub fn foreign(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in &tree.files {
        for (line, path) in words(file, MACHINE) {
            breaches.push(Breach::at(
                &file.path,
                line,
                format!(
                    "`{path}` is a folder of one \
                machine: the project must run on every other. Use a path relative to the file or \
                a temporary folder that the system names"
                ),
            ));
        }
        for (line, _) in numbered_issues(file) {
            breaches.push(Breach::at(
                &file.path,
                line,
                "a numbered issue: its text is not in the \
                project. Say here what it said",
            ));
        }
    }
    breaches
}

/// Every Rust file says first what lives in it.
pub fn opening(tree: &Tree) -> Vec<Breach> {
    let lacking = tree.rust().filter(|(file, _)| !file.text.starts_with("//!"));
    lacking
        .map(|(file, _)| {
            Breach::of(
                &file.path,
                "does not begin with `//!`: the first line says \
            what lives here, so that a reader knows whether to go on",
            )
        })
        .collect()
}

fn words<'a>(file: &'a File, words: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
    file.text.lines().enumerate().flat_map(move |(index, line)| {
        words.iter().filter(move |word| line.contains(**word)).map(move |word| (index + 1, *word))
    })
}

fn numbered_issues(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().filter_map(|(index, line)| {
        let lower = line.to_lowercase();
        let after = lower.split_once("issue ").map(|(_, after)| after.trim_start_matches('#'))?;
        after.starts_with(|c: char| c.is_ascii_digit()).then_some((index + 1, line))
    })
}
