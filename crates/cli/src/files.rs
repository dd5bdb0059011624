//! Files as the commands read and write them: whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A directory where a file was expected.
    #[error("{} is a directory, not a file", .0.display())]
    Directory(PathBuf),
    /// The system refused to read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused to write.
    #[error("cannot write {}: {error}", path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Something is there already, and nobody said that it may go.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Output was to go into a directory, and a file is there.
    #[error("{} is a file, not a directory", .0.display())]
    NotADirectory(PathBuf),
}

impl FileError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing(_) => Some("check the spelling; paths are relative to where you are"),
            Self::Directory(_) => Some("name the files in it, for example with `DIR/*.toml`"),
            Self::Exists(_) => Some("choose another name, or say `--force` to replace it"),
            Self::NotADirectory(_) => Some("choose another name for the output directory"),
            Self::Unreadable { .. } | Self::Unwritable { .. } => None,
        }
    }
}

/// Refuses a path that is no file, in words that say why.
pub fn must_be_file(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        Err(FileError::Directory(path.into()))
    } else if path.exists() {
        Ok(())
    } else {
        Err(FileError::Missing(path.into()))
    }
}

/// The text of the file at `path`.
pub fn read(path: &Path) -> Result<String, FileError> {
    must_be_file(path)?;
    std::fs::read_to_string(path)
        .map_err(|error| FileError::Unreadable { path: path.into(), error })
}

/// Refuses to write over something that exists, unless that was asked for.
pub fn must_be_free(path: &Path, force: bool) -> Result<(), FileError> {
    if path.is_dir() {
        Err(FileError::Directory(path.into()))
    } else if path.exists() && !force {
        Err(FileError::Exists(path.into()))
    } else {
        Ok(())
    }
}

/// Makes the directory and those above it, where they are missing.
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    if path.exists() && !path.is_dir() {
        return Err(FileError::NotADirectory(path.into()));
    }
    std::fs::create_dir_all(path)
        .map_err(|error| FileError::Unwritable { path: path.into(), error })
}

/// Writes the file at `path` under another name and renames it when it is whole: an interrupted
/// run leaves the old file or the new one, never half of one.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let unwritable = |error| FileError::Unwritable { path: path.into(), error };
    let temporary = beside(path);
    let written = write_whole(&temporary, write).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The reason for the failure is worth more than that of a failed clean-up.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(unwritable)
}

/// Writes the file at `path`, readable by its owner alone, unless there is one by the time it is whole:
/// of several that do this at once one is first. Whether this one was.
pub fn put_first(path: &Path, text: &str) -> Result<bool, FileError> {
    let temporary = beside(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let put = options.open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A rename would replace what another has put there.
        std::fs::hard_link(&temporary, path)
    });
    let _ = std::fs::remove_file(&temporary);
    match put {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => Ok(false),
        Err(error) => Err(FileError::Unwritable { path: path.into(), error }),
    }
}

fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, std::fs::File::create(path)?);
    write(&mut out)?;
    out.flush()?;
    // A rename may reach the disk before the content does; then a crash would leave an empty file
    // under the final name.
    out.get_ref().sync_all()
}

/// A name in the same directory, so that the rename cannot cross a file system.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("leasehold-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        folder
    }

    #[test]
    fn who_puts_a_file_first_is_not_overwritten() {
        let folder = folder("put-first");
        let path = folder.join("secret.key");
        assert!(put_first(&path, "one").expect("the temporary folder can be written"));
        assert!(!put_first(&path, "two").expect("the temporary folder can be written"));
        assert_eq!(read(&path).expect("it was put there"), "one");
        let left = std::fs::read_dir(&folder).expect("the folder is there").count();
        assert_eq!(left, 1, "nothing else is left behind");
        std::fs::remove_dir_all(folder).expect("the folder is ours");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = folder("failed-write");
        let path = folder.join("starts.csv");
        std::fs::write(&path, "old").expect("the temporary folder can be written");
        let failed = replace(&path, |out| {
            out.write_all(b"half of the new")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(matches!(failed, Err(FileError::Unwritable { .. })));
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "old");
        assert_eq!(std::fs::read_dir(&folder).expect("it is there").count(), 1);
        std::fs::remove_dir_all(folder).expect("it is there");
    }

    #[test]
    fn a_whole_write_replaces() {
        let folder = folder("whole-write");
        let path = folder.join("starts.csv");
        for text in ["old", "new"] {
            replace(&path, |out| out.write_all(text.as_bytes())).expect("it can be written");
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
        }
        assert_eq!(std::fs::read_dir(&folder).expect("it is there").count(), 1);
        std::fs::remove_dir_all(folder).expect("it is there");
    }
}
