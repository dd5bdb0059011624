//! Each rule on a small tree: what it must find, and what it must let be.

use super::source::{File, Tree};
use super::{Rule, floors, length, pages, purity, words};

/// `path:line` of every breach of `rule` in a tree of these files.
fn found(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let file = |(path, text): &(&str, &str)| File::new((*path).into(), (*text).into());
    let files = files.iter().map(file).collect::<Result<_, _>>().expect("test code is Rust");
    let place = |breach: super::Breach| match breach.line {
        Some(line) => format!("{}:{line}", breach.file),
        None => breach.file,
    };
    rule(&Tree { files }).into_iter().map(place).collect()
}

fn manifest(section: &str, dependency: &str) -> String {
    format!("[package]\nname = \"x\"\n[{section}]\n{dependency} = \"1\"\n")
}

#[test]
fn a_crate_depends_on_lower_floors_only() {
    let check = |own: &str, section: &str, dependency: &str| {
        let path = format!("crates/{own}/Cargo.toml");
        found(floors::lower_only, &[(&path, &manifest(section, dependency))])
    };
    assert!(check("lease", "dependencies", "leasehold-units").is_empty());
    assert!(check("cli", "dependencies", "leasehold-simulator").is_empty());
    assert!(check("lease", "dependencies", "serde").is_empty());
    assert_eq!(check("lease", "dependencies", "leasehold-ledger").len(), 1);
    assert_eq!(check("lease", "dependencies", "leasehold-site").len(), 1);
    assert_eq!(check("units", "dev-dependencies", "leasehold-lease").len(), 1);
    assert_eq!(check("lease", "dependencies", "leasehold-unheard").len(), 1);
    assert_eq!(check("unheard", "dependencies", "leasehold-units").len(), 1);
}

#[test]
fn fixtures_are_for_tests() {
    let check = |section: &str| {
        let manifest = manifest(section, "leasehold-fixtures");
        found(floors::fixtures_in_tests_only, &[("crates/cli/Cargo.toml", &manifest)])
    };
    assert!(check("dev-dependencies").is_empty());
    assert_eq!(check("dependencies").len(), 1);
}

#[test]
fn pure_crates_use_what_is_known_to_be_pure() {
    let check = |own: &str, section: &str, dependency: &str| {
        let path = format!("crates/{own}/Cargo.toml");
        found(floors::known_pure_crates, &[(&path, &manifest(section, dependency))])
    };
    assert!(check("ledger", "dependencies", "thiserror").is_empty());
    assert!(check("ledger", "dev-dependencies", "proptest").is_empty());
    assert!(check("simulator", "dependencies", "rand").is_empty());
    assert_eq!(check("ledger", "dependencies", "rand").len(), 1);
}

#[test]
fn impurities_count_on_pure_floors_and_outside_tests() {
    let code = "//! x\nuse std::fs;\n";
    let check = |path: &str| found(purity::banned_in_pure_crates, &[(path, code)]);
    assert_eq!(check("crates/control/src/lib.rs"), ["crates/control/src/lib.rs:2"]);
    assert!(check("crates/simulator/src/lib.rs").is_empty());
    assert!(check("crates/control/src/tests.rs").is_empty());
    assert!(check("crates/control/tests/whole.rs").is_empty());
}

#[test]
fn unwrap_gives_no_reason() {
    let code = "//! x\nfn f() {\n  a.unwrap();\n  b.unwrap_or(1);\n  c.expect(\"d\");\n}\n\
                #[cfg(test)]\nmod tests { fn f() { a.unwrap(); } }\n";
    assert_eq!(
        found(purity::no_unwrap, &[("crates/cli/src/a.rs", code)]),
        ["crates/cli/src/a.rs:3"]
    );
}

#[test]
fn files_and_functions_have_an_end() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "  f();\n".repeat(lines - 2));
    assert!(found(length::functions, &[("a.rs", &function(70))]).is_empty());
    assert_eq!(found(length::functions, &[("a.rs", &function(71))]), ["a.rs:1"]);
    assert!(found(length::files, &[("a.rs", &"\n".repeat(800))]).is_empty());
    assert_eq!(found(length::files, &[("a.rs", &"\n".repeat(801))]), ["a.rs"]);
}

#[test]
fn nothing_is_left_undone() {
    let mark = concat!("// FIX", "ME later");
    assert_eq!(found(words::unfinished, &[("a.md", mark)]), ["a.md:1"]);
    let undone = "fn f() {\n  todo!()\n}\n#[ignore]\nfn g() {\n  std::thread::sleep(x);\n}";
    assert_eq!(found(words::unfinished, &[("a.rs", undone)]), ["a.rs:2", "a.rs:4", "a.rs:6"]);
    assert!(found(words::unfinished, &[("a.rs", "fn todo() { ignore(sleep) }")]).is_empty());
}

#[test]
fn the_project_stands_by_itself() {
    let path = concat!("see\n/ho", "me/somebody/notes");
    assert_eq!(found(words::foreign, &[("a.md", path)]), ["a.md:2"]);
    assert_eq!(found(words::foreign, &[("a.md", concat!("as in Iss", "ue #7"))]), ["a.md:1"]);
    assert!(found(words::foreign, &[("a.md", "an issue date, issued 2026")]).is_empty());
}

#[test]
fn a_file_says_what_lives_in_it() {
    assert_eq!(found(words::opening, &[("a.rs", "fn f() {}"), ("b.rs", "//! B.\n")]), ["a.rs"]);
}

#[test]
fn pages_are_there_and_the_map_is_short() {
    let pages = ["README.md", "CHANGELOG.md", "GLOSSARY.md", "LICENSE", "docs/cli.md"];
    let mut tree: Vec<(&str, &str)> = pages.iter().map(|page| (*page, "x\n")).collect();
    assert_eq!(found(pages::present, &tree), ["ARCHITECTURE.md"]);
    let (short, long) = ("x\n".repeat(249), "x\n".repeat(250));
    tree.push(("ARCHITECTURE.md", &short));
    assert!(found(pages::present, &tree).is_empty());
    tree.pop();
    tree.push(("ARCHITECTURE.md", &long));
    assert_eq!(found(pages::present, &tree), ["ARCHITECTURE.md"]);
}
