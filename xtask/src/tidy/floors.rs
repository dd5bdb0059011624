//! Which crate may depend on which.

use std::collections::BTreeMap;

use super::{Breach, source::Tree};

/// Crates by floor. A crate depends only on lower floors, so that there is one direction and no
/// way back: terms, entitlement, holdings, jobs, usage, charges, invoices.
const FLOORS: &[(&str, u32)] = &[
    ("units", 0),
    ("diagnostics", 0),
    ("site", 1),
    ("lease", 1),
    ("allocator", 2),
    ("scheduler", 2),
    ("ledger", 2),
    ("fixtures", 2),
    ("control", 3),
    ("planner", 3),
    ("storage", 4),
    ("clusters", 4),
    ("simulator", 4),
    ("renderings", 4),
    ("server", 5),
    ("cli", 6),
];

/// The one dependency inside a floor: readers of files answer in quantities, and quantities know
/// nothing of files.
const INSIDE_A_FLOOR: (&str, &str) = ("diagnostics", "units");

/// The highest floor that may not touch the outside world.
const HIGHEST_PURE: u32 = 3;

/// Crates from elsewhere that pure floors may use: they compute and do nothing else.
const KNOWN_PURE: &[&str] = &[
    "annotate-snippets",
    "ed25519-dalek",
    "fixedbitset",
    "iso_currency",
    "itoa",
    "jiff",
    "serde",
    "serde_json",
    "sha2",
    "smallvec",
    "strsim",
    "thiserror",
    "toml",
];

/// Whether `name` is on a floor that must stay pure.
pub fn is_pure(name: &str) -> bool {
    floor(name).is_some_and(|floor| floor <= HIGHEST_PURE)
}

fn floor(name: &str) -> Option<u32> {
    FLOORS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, floor)| *floor)
}

/// Every crate has a floor and depends on lower ones only, in tests too.
pub fn lower_only(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (name, manifest) in manifests(tree) {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(own) = floor(&name) else {
            breaches.push(Breach::of(
                &path,
                "has no floor: without one nothing keeps it from \
                growing loops. Give it one in xtask/src/tidy/floors.rs and in ARCHITECTURE.md",
            ));
            continue;
        };
        let dependencies = ["dependencies", "dev-dependencies", "build-dependencies"]
            .into_iter()
            .flat_map(|section| keys(&manifest, section));
        for dependency in
            dependencies.filter_map(|key| Some(key.strip_prefix("leasehold-")?.to_owned()))
        {
            let allowed = (name.as_str(), dependency.as_str()) == INSIDE_A_FLOOR;
            if !allowed && floor(&dependency).is_none_or(|other| other >= own) {
                breaches.push(Breach::of(
                    &path,
                    format!(
                        "is on floor {own} and depends on \
                    {dependency}, which is not on a lower one: decisions would run both ways. \
                    Move what is shared down, or hand it over as an argument"
                    ),
                ));
            }
        }
    }
    breaches
}

/// What tests play on is never shipped.
pub fn fixtures_in_tests_only(tree: &Tree) -> Vec<Breach> {
    let ships = |manifest: &toml::Table| {
        keys(manifest, "dependencies").iter().any(|key| key == "leasehold-fixtures")
    };
    let shipping = manifests(tree).into_iter().filter(|(_, manifest)| ships(manifest));
    let told = "ships leasehold-fixtures: name it under dev-dependencies, and move what a user needs \
                to the crate that it belongs to";
    shipping.map(|(name, _)| Breach::of(&format!("crates/{name}/Cargo.toml"), told)).collect()
}

/// Pure crates use known pure crates from elsewhere; tests may use any.
pub fn known_pure_crates(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (name, manifest) in manifests(tree).into_iter().filter(|(name, _)| is_pure(name)) {
        let foreign = keys(&manifest, "dependencies").into_iter();
        for dependency in foreign.filter(|key| !key.starts_with("leasehold-")) {
            if !KNOWN_PURE.contains(&dependency.as_str()) {
                breaches.push(Breach::of(
                    &format!("crates/{name}/Cargo.toml"),
                    format!(
                        "uses \
                    {dependency}, which is not known to be pure: a floor up to {HIGHEST_PURE} has \
                    no clock, chance, thread or I/O, or replaying its events would not give the \
                    same state. If it only computes, list it in xtask/src/tidy/floors.rs"
                    ),
                ));
            }
        }
    }
    breaches
}

fn manifests(tree: &Tree) -> BTreeMap<String, toml::Table> {
    let own = tree
        .files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml"));
    own.filter_map(|file| Some((file.crate_name()?.to_owned(), file.text.parse().ok()?))).collect()
}

fn keys(manifest: &toml::Table, section: &str) -> Vec<String> {
    let table = manifest.get(section).and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}
