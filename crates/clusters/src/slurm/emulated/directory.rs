//! The directory of one cluster: what lies where in it, and whether a directory can be one.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::EmulatedError;

/// Marks a directory as one of ours; holds the options that it runs with.
const MARK: &str = "emulated-slurm";
/// Variables of everybody's environment, `NAME=VALUE` a line.
const ENVIRONMENT: &str = "etc/environment";
/// As long as the path of a Unix socket may be, less the longest name of one in the directory.
const PATH_BYTES: usize = 108 - "/database/mariadb.sock".len() - 1;
/// The users that munged and mariadbd run as.
pub(super) const USERS: [&str; 2] = ["munge", "mysql"];

/// Where everything of one cluster lies.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The directory at `path`, which need not be there yet.
    pub(super) fn at(path: &Path) -> Result<Self, EmulatedError> {
        let absolute = std::path::absolute(path);
        // Links are followed, since daemons are found by the path in their environment.
        let root = absolute.and_then(|path| fs::canonicalize(&path).or(Ok(path)));
        let root = root.map_err(|error| EmulatedError::File { path: path.into(), error })?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn slurm_conf(&self) -> PathBuf {
        self.root.join("etc/slurm.conf")
    }

    pub(super) fn munge_socket(&self) -> PathBuf {
        self.root.join("munge/munge.sock")
    }

    pub(super) fn munge_key(&self) -> PathBuf {
        self.root.join("munge/munge.key")
    }

    pub(super) fn database_socket(&self) -> PathBuf {
        self.root.join("database/mariadb.sock")
    }

    pub(super) fn database_files(&self) -> PathBuf {
        self.root.join("database/files")
    }

    /// For mariadbd alone: it removes those of others where it starts.
    pub(super) fn temporary_files(&self) -> PathBuf {
        self.root.join("database/temporary")
    }

    /// The environment variable that every daemon of this cluster bears, as `NAME=VALUE`.
    pub(super) fn mark(&self) -> String {
        format!("{}={}", super::daemons::MARK, self.root.display())
    }

    /// Makes the directory and what belongs in it, or says why it cannot be one.
    pub(super) fn prepare(&self) -> Result<(), EmulatedError> {
        self.check_name()?;
        let is_ours = self.root.join(MARK).exists();
        let is_used = fs::read_dir(&self.root).is_ok_and(|mut entries| entries.next().is_some());
        if is_used && !is_ours {
            return Err(EmulatedError::Foreign { directory: self.root.clone() });
        }
        self.check_way()?;
        self.make("")?;
        for name in [
            "etc",
            "run",
            "log",
            "state",
            "spool",
            "gpus",
            "munge",
            "database",
            "database/temporary",
        ] {
            self.make(name)?;
        }
        if !is_ours {
            self.write(MARK, "")?;
        }
        self.give("munge", USERS[0])?;
        self.give("database", USERS[1])?;
        self.give("database/temporary", USERS[1])
    }

    /// The options of the last start, as they were noted.
    pub(super) fn noted(&self) -> Option<String> {
        fs::read_to_string(self.root.join(MARK)).ok()
    }

    /// Notes the options of this start.
    pub(super) fn note(&self, options: &str) -> Result<(), EmulatedError> {
        self.write(MARK, options)
    }

    /// An error if there is no emulated cluster here.
    pub(super) fn present(&self) -> Result<(), EmulatedError> {
        if self.root.join(MARK).exists() {
            return Ok(());
        }
        Err(EmulatedError::Absent { directory: self.root.clone() })
    }

    /// Keeps the variables that daemons, and whoever speaks to them, have in their environment.
    pub(super) fn note_environment(
        &self,
        variables: &[(String, String)],
    ) -> Result<(), EmulatedError> {
        let lines = variables.iter().map(|(name, value)| format!("{name}={value}\n"));
        self.write(ENVIRONMENT, &lines.collect::<String>())
    }

    /// The variables that were kept; none before the first start.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.root.join(ENVIRONMENT)).unwrap_or_default();
        let variables = text.lines().filter_map(|line| line.split_once('='));
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Nobody else starts or stops this cluster until the file is closed.
    pub(super) fn lock(&self) -> Result<File, EmulatedError> {
        let path = self.root.join("run/lock");
        let failed = |error| EmulatedError::File { path: path.clone(), error };
        let file = File::create(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(EmulatedError::Busy { directory: self.root.clone() })
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Writes a file that everybody may read.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), EmulatedError> {
        self.write_as(name, text.as_bytes(), 0o644)
    }

    /// Writes a file with these rights.
    pub(super) fn write_as(
        &self,
        name: &str,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), EmulatedError> {
        let path = self.root.join(name);
        let done = fs::write(&path, bytes)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)));
        done.map_err(|error| EmulatedError::File { path, error })
    }

    /// Gives a file or folder to a user and its group.
    pub(super) fn give(&self, name: &str, user: &'static str) -> Result<(), EmulatedError> {
        let path = self.root.join(name);
        let done = chown(&path, Some(id("-u", user)?), Some(id("-g", user)?));
        done.map_err(|error| EmulatedError::File { path, error })
    }

    fn make(&self, name: &str) -> Result<(), EmulatedError> {
        let path = if name.is_empty() { self.root.clone() } else { self.root.join(name) };
        let done = fs::create_dir_all(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o755)));
        done.map_err(|error| EmulatedError::File { path, error })
    }

    /// Slurm's files have no quotes, and sockets have short names.
    fn check_name(&self) -> Result<(), EmulatedError> {
        let unusable = |why| EmulatedError::Unusable {
            directory: self.root.clone(),
            why,
            suggestion: suggestion(),
        };
        let text = self.root.to_str().ok_or_else(|| unusable("its name is not text"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        if !text.chars().all(plain) {
            return Err(unusable("its name has other characters than letters, digits and /._+-"));
        }
        if text.len() > PATH_BYTES {
            return Err(unusable("its name is too long for a socket below it"));
        }
        Ok(())
    }

    /// munged and mariadbd must be able to get here as the users that they run as.
    fn check_way(&self) -> Result<(), EmulatedError> {
        for user in USERS {
            let (own, group) = (id("-u", user)?, id("-g", user)?);
            // Itself is opened; what is not there yet is made so that everybody may enter.
            let closed = self.root.ancestors().skip(1).find(|step| {
                let enters = |meta: fs::Metadata| match (meta.uid() == own, meta.gid() == group) {
                    (true, _) => meta.mode() & 0o100 != 0,
                    (false, true) => meta.mode() & 0o010 != 0,
                    (false, false) => meta.mode() & 0o001 != 0,
                };
                fs::metadata(step).is_ok_and(|meta| !enters(meta))
            });
            if let Some(closed) = closed {
                return Err(EmulatedError::Closed {
                    directory: self.root.clone(),
                    closed: closed.into(),
                    user,
                    suggestion: suggestion(),
                });
            }
        }
        Ok(())
    }

    /// Removes the directory, which must be one of ours.
    pub(super) fn remove(&self) -> Result<(), EmulatedError> {
        self.present()?;
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(EmulatedError::File { path: self.root.clone(), error })
            }
            _ => Ok(()),
        }
    }
}

/// A directory that everybody may enter.
fn suggestion() -> PathBuf {
    std::env::temp_dir().join("slurm")
}

fn id(which: &str, user: &'static str) -> Result<u32, EmulatedError> {
    let failed =
        |told: String| EmulatedError::Command { command: format!("id {which} {user}"), told };
    let done = Command::new("id").args([which, user]).output();
    let done = done.map_err(|error| failed(error.to_string()))?;
    let number = String::from_utf8_lossy(&done.stdout).trim().parse();
    number.map_err(|_| failed(String::from_utf8_lossy(&done.stderr).trim().to_owned()))
}
