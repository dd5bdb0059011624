//! Keys as the commands keep and read them. A private key is made on first use, is readable by its
//! owner alone, and is never printed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use leasehold_ledger::{PublicKey, SigningKey};

use crate::arguments::Common;
use crate::failure::Failure;
use crate::files::{self, FileError};
use crate::output;

/// The private key in the file at `path`; where there is none, a new one is put there.
pub fn load_or_make(path: &Path, common: &Common) -> Result<SigningKey, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let key = SigningKey::from_pem(&text);
            key.map_err(|error| Failure::impossible(format!("{}: {error}", path.display())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, common),
        Err(error) => Err(FileError::Unreadable { path: path.into(), error }.into()),
    }
}

fn make(path: &Path, common: &Common) -> Result<SigningKey, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        Failure::impossible(format!("the system gives no random numbers to make a key: {error}"))
    })?;
    let key = SigningKey::from_seed(&seed);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(key.to_secret_pem().as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| FileError::Unwritable { path: path.into(), error })?;
    output::narrate(common, &format!("made the key {}: keep it secret and safe", path.display()));
    Ok(key)
}

/// The public key in the file at `path`.
pub fn public(path: &Path) -> Result<PublicKey, Failure> {
    let text = files::read(path)?;
    let key = PublicKey::from_pem(&text);
    key.map_err(|error| Failure::impossible(format!("{}: {error}", path.display())))
}
