//! The pages that readers are promised.

use super::{Breach, source::Tree};

const ARCHITECTURE_LINES: usize = 250;
const PAGES: &[&str] =
    &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "GLOSSARY.md", "LICENSE", "docs/cli.md"];

/// The pages exist, and the map fits in a head.
pub fn present(tree: &Tree) -> Vec<Breach> {
    let missing = PAGES.iter().filter(|page| tree.file(page).is_none());
    let mut breaches: Vec<Breach> = missing
        .map(|page| Breach::of(page, "is missing: readers are sent there from elsewhere"))
        .collect();
    let lines = tree.file("ARCHITECTURE.md").map_or(0, |file| file.text.lines().count());
    if lines >= ARCHITECTURE_LINES {
        breaches.push(Breach::of(
            "ARCHITECTURE.md",
            format!(
                "is {lines} lines long, fewer than \
            {ARCHITECTURE_LINES} wanted: a map as large as the land helps nobody. Move detail to \
            the module it describes"
            ),
        ));
    }
    breaches
}
