//! Files that are whole or absent, and never somebody else's: no symbolic link is followed below the agent's directory.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Opens a directory itself, not what a link points at.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(
        rustix::fs::CWD,
        path,
        OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// Opens a directory below `parent`.
pub(crate) fn open_directory_in(parent: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    Ok(openat(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a file of `directory` for reading.
pub(crate) fn open_in(directory: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(openat(directory, name, flags, Mode::empty())?))
}

/// Makes a file that must not be there yet.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(rustix::fs::CWD, path, flags, Mode::from_raw_mode(mode))?))
}

/// A directory as it was found at its path.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// Device and number. Whoever holds a file in it open keeps another one from getting the same.
    identity: (u64, u64),
}

impl Place {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let found = std::fs::symlink_metadata(path)?;
        Ok(Self { path: path.into(), identity: (found.dev(), found.ino()) })
    }

    /// Whether somebody removed it, took it away, or put another one there. A disk that fails does not say so.
    pub(crate) fn is_gone(&self) -> bool {
        match std::fs::symlink_metadata(&self.path) {
            Ok(found) => (found.dev(), found.ino()) != self.identity,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// Makes a directory for the agent alone, unless it is there.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces `directory/name` by `value`, whole or not at all, and durably.
pub(crate) fn write_whole<T: Serialize>(directory: &Path, name: &str, value: &T) -> io::Result<()> {
    // Two writers never share a name: the agent writes orders and the intent, the holder of the lock all else.
    let fresh = directory.join(format!("{name}.tmp"));
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.sync_data()?;
    std::fs::rename(&fresh, directory.join(name))?;
    File::open(directory)?.sync_all()
}

/// Reads what [`write_whole`] wrote; `None` where there is nothing.
pub(crate) fn read_whole<T: DeserializeOwned>(
    directory: &Path,
    name: &str,
) -> io::Result<Option<T>> {
    let mut text = Vec::new();
    match open_directory(directory).and_then(|directory| open_in(directory, name)) {
        Ok(mut file) => file.read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(serde_json::from_slice(&text)?))
}

/// A lock that ends with its holder, however that ends.
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock of a directory, or `None` where somebody has it.
pub(crate) fn try_lock(directory: &Path) -> io::Result<Option<Lock>> {
    let file = lock_file(directory)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the lock of a directory.
pub(crate) fn wait_lock(directory: &Path) -> io::Result<Lock> {
    let file = lock_file(directory)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn lock_file(directory: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = open_directory(directory)?;
    Ok(File::from(openat(directory, "lock", flags, Mode::RUSR | Mode::WUSR)?))
}
