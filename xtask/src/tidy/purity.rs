//! What code on the pure floors must not say, and what no code may say.

use super::source::{Leaf, leaves, without_tests};
use super::{Breach, floors, source::Tree};

/// Words that no pure crate says, each with its reason.
const BANNED_WORDS: &[(&[&str], &str)] = &[
    (
        &["f32", "f64"],
        "a float: sums would depend on their order and cents would get lost. Use \
      an integer quantity or `Ratio`",
    ),
    (
        &["async", "await"],
        "asynchronous code: a decision that can be suspended sees two states. \
      Take what is needed as an argument",
    ),
    (
        &["SystemTime"],
        "a clock: the same events would give another state tomorrow. Take `now` as \
      an argument",
    ),
    (
        &["HashMap", "HashSet"],
        "a map in random order: what leaks from it differs from run to run. \
      Use `BTreeMap`, `BTreeSet` or a `Vec` by index",
    ),
    (
        &["rand"],
        "chance: replaying the events would not give the same state. Draw outside and \
      hand the draw in",
    ),
    (
        &["println", "eprintln", "print", "eprint", "dbg"],
        "printing: a library hands values back \
      and the binary prints them",
    ),
];

/// Modules of `std` that no pure crate names: all of them reach outside.
const BANNED_STD: &[&str] = &["fs", "net", "env", "thread", "process", "io", "os"];

/// Types whose `now` reads a clock.
const CLOCKS: &[&str] = &["Timestamp", "Zoned", "Instant"];

/// Pure crates stay pure; their tests may read files.
pub fn banned_in_pure_crates(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let pure = tree
        .rust()
        .filter(|(file, _)| !file.is_test() && file.crate_name().is_some_and(floors::is_pure));
    for (file, tokens) in pure {
        let found = leaves(&without_tests(tokens));
        for (line, what) in impurities(&found) {
            breaches.push(Breach::at(&file.path, line, format!("{what} (pure floor)")));
        }
    }
    breaches
}

fn impurities(found: &[Leaf]) -> Vec<(usize, String)> {
    let mut impure = Vec::new();
    for (index, leaf) in found.iter().enumerate() {
        if leaf.is_literal {
            if is_float(&leaf.text) {
                impure.push((leaf.line, format!("`{}` is a float", leaf.text)));
            }
        } else if let Some(what) = banned_word(found, index) {
            impure.push((leaf.line, what));
        }
        impure.extend(banned_std(found, index));
    }
    impure
}

fn banned_word(found: &[Leaf], index: usize) -> Option<String> {
    let word = found[index].text.as_str();
    if word == "now" && index >= 3 && CLOCKS.contains(&found[index - 3].text.as_str()) {
        return Some(format!(
            "`{}::now` reads a clock: take `now` as an argument",
            found[index - 3].text
        ));
    }
    let (_, why) = BANNED_WORDS.iter().find(|(words, _)| words.contains(&word))?;
    let is_macro = found.get(index + 1).is_some_and(|next| next.text == "!");
    // `print` and `rand` are also fine names for a method or a field; only the macro and the crate
    // are meant.
    let is_path = found.get(index + 1).is_some_and(|next| next.text == ":");
    let meant = match word {
        "print" | "eprint" | "println" | "eprintln" | "dbg" => is_macro,
        "rand" => is_path,
        _ => true,
    };
    meant.then(|| format!("`{word}` is {why}"))
}

/// `std::fs` and `std::{fs, …}` at `index`.
fn banned_std(found: &[Leaf], index: usize) -> Vec<(usize, String)> {
    let text = |offset: usize| found.get(index + offset).map_or("", |leaf| leaf.text.as_str());
    if text(0) != "std" || text(1) != ":" || text(2) != ":" {
        return Vec::new();
    }
    let report = |leaf: &Leaf| {
        let message = format!(
            "`std::{}` reaches outside: a pure floor only computes, so that \
            replaying its events gives the same state",
            leaf.text
        );
        (leaf.line, message)
    };
    let banned = |leaf: &&Leaf| BANNED_STD.contains(&leaf.text.as_str());
    if text(3) != "{" {
        return found.get(index + 3).filter(banned).map(report).into_iter().collect();
    }
    let mut depth = 0_usize;
    let group = found[index + 3..].iter().take_while(|leaf| {
        depth += usize::from(leaf.text == "{");
        depth -= usize::from(leaf.text == "}");
        depth > 0
    });
    group.filter(banned).map(report).collect()
}

fn is_float(literal: &str) -> bool {
    let number = literal.starts_with(|c: char| c.is_ascii_digit());
    let hexadecimal = literal.starts_with("0x");
    number
        && !hexadecimal
        && (literal.contains('.') || literal.ends_with("f64") || literal.ends_with("f32"))
}

/// Outside tests, whatever cannot fail says why it cannot.
pub fn no_unwrap(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (file, tokens) in tree.rust().filter(|(file, _)| !file.is_test()) {
        let found = leaves(&without_tests(tokens));
        for four in found.windows(4) {
            let words = four.iter().map(|leaf| leaf.text.as_str()).collect::<Vec<_>>();
            if words == [".", "unwrap", "(", ")"] {
                breaches.push(Breach::at(
                    &file.path,
                    four[1].line,
                    "`unwrap` gives no reason: \
                    whoever reads the crash learns nothing. Use `expect(\"why it holds\")` or hand \
                    the error on",
                ));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impure(code: &str) -> Vec<usize> {
        let tokens = code.parse().expect("test code is Rust");
        impurities(&leaves(&without_tests(&tokens))).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn finds_what_reaches_outside() {
        assert_eq!(impure("use std::fs;"), [1]);
        assert_eq!(impure("use std::{fmt,\n net::{IpAddr}, env};"), [2, 2]);
        assert_eq!(impure("fn f() {\n let at = jiff::Timestamp::now(); }"), [2]);
        assert_eq!(impure("fn f() -> f64 { 1.5 }"), [1, 1]);
        assert_eq!(impure("fn f() { println!(\"x\"); }"), [1]);
        assert_eq!(impure("fn f() { rand::random() }"), [1]);
        assert_eq!(impure("use std::collections::{BTreeMap, HashMap};"), [1]);
    }

    #[test]
    fn lets_words_and_tests_be() {
        assert_eq!(impure("// std::fs and f64\nconst A: &str = \"f64 std::fs\";"), [0; 0]);
        assert_eq!(
            impure("#[cfg(test)]\nmod tests { use std::fs; fn f() -> f64 { 1.0 } }"),
            [0; 0]
        );
        assert_eq!(impure("fn f(at: Instant) -> u32 { at.print(); x.0 + 0x1f64 }"), [0; 0]);
    }
}
