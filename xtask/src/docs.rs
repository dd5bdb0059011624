//! docs/cli.md, which is what the command line says of itself, written down.

use std::path::Path;

use crate::cargo;

const PAGE: &str = "docs/cli.md";

/// Rewrites the page.
pub fn write(root: &Path) -> bool {
    let Some(fresh) = reference(root) else { return false };
    let written = std::fs::create_dir_all(root.join("docs"))
        .and_then(|()| std::fs::write(root.join(PAGE), fresh));
    match written {
        Ok(()) => eprintln!("wrote {PAGE}"),
        Err(ref error) => eprintln!("error: cannot write {PAGE}: {error}"),
    }
    written.is_ok()
}

/// Whether the page says what `--help` says.
pub fn check(root: &Path) -> bool {
    let Some(fresh) = reference(root) else { return false };
    let same = std::fs::read_to_string(root.join(PAGE)).is_ok_and(|kept| kept == fresh);
    if !same {
        eprintln!(
            "{PAGE}: differs from what `leasehold --help` says. A page that users look options up \
             in must not promise another program. Run `cargo xtask docs`"
        );
    }
    same
}

/// Asks the binary itself, so that there is no second description to keep in step.
fn reference(root: &Path) -> Option<String> {
    let mut command = cargo(root);
    command.args(["run", "--quiet", "--package", "leasehold", "--", "reference"]);
    let output = command.stderr(std::process::Stdio::inherit()).output().ok()?;
    if !output.status.success() {
        eprintln!("error: `leasehold reference` failed");
        return None;
    }
    String::from_utf8(output.stdout).ok()
}
