//! What must be there before an emulated cluster can start.

use std::path::{Path, PathBuf};

use super::EmulatedError;

/// Debian's packages, and by which program each is known.
const PACKAGES: &[(&str, &[&str])] = &[
    ("slurm-wlm", &["slurmctld", "slurmd", "sbatch", "scontrol"]),
    ("slurmdbd", &["slurmdbd"]),
    ("munge", &["munged", "munge"]),
    ("mariadb-server", &["mariadbd", "mariadb-install-db", "mariadb-admin"]),
];
const PLUGIN_PACKAGE: &str = "slurm-wlm-mysql-plugin";
const PLUGIN: &str = "slurm-wlm/accounting_storage_mysql.so";
/// Daemons lie where only root's path leads.
const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Root, and every package.
pub(super) fn check() -> Result<(), EmulatedError> {
    let packages = missing();
    if !packages.is_empty() {
        return Err(EmulatedError::Missing { packages });
    }
    if !rustix::process::geteuid().is_root() {
        return Err(EmulatedError::NotRoot);
    }
    Ok(())
}

/// The path of the daemons and of who speaks to them.
pub(super) fn search_path() -> String {
    match std::env::var("PATH") {
        Ok(own) if !own.is_empty() => format!("{own}:{SYSTEM_PATH}"),
        _ => SYSTEM_PATH.into(),
    }
}

fn missing() -> Vec<&'static str> {
    let path = search_path();
    let has =
        |program: &&str| path.split(':').any(|folder| Path::new(folder).join(program).exists());
    let lacking = PACKAGES.iter().filter(|(_, programs)| !programs.iter().all(&has));
    let mut packages: Vec<_> = lacking.map(|(package, _)| *package).collect();
    if !libraries().iter().any(|folder| folder.join(PLUGIN).exists()) {
        packages.push(PLUGIN_PACKAGE);
    }
    packages
}

/// Where a plugin may lie: in a folder of each architecture.
fn libraries() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/usr/lib") else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}
