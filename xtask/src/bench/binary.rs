//! The binary that is measured, as its users have it.

use std::path::PathBuf;
use std::process::Command;

/// Builds it.
pub fn build() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--package", "leasehold"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the binary cannot be built");
}

/// Where it is: beside this program.
pub fn path() -> PathBuf {
    std::env::current_exe().expect("this program is somewhere").with_file_name("leasehold")
}
