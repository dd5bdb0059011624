//! Keys as the commands keep and read them. A private key is made on first use, is readable by its
//! owner alone, and is never printed.

use std::path::Path;

use leasehold_ledger::{PublicKey, SigningKey};

use crate::arguments::Common;
use crate::failure::Failure;
use crate::files;
use crate::output;

/// The private key in the file at `path`; where there is none, a new one is put there. Servers that begin
/// together come to the same key.
pub fn load_or_make(path: &Path, common: &Common) -> Result<SigningKey, Failure> {
    if !path.exists() {
        make(path, common)?;
    }
    let text = files::read(path)?;
    let key = SigningKey::from_pem(&text);
    key.map_err(|error| Failure::impossible(format!("{}: {error}", path.display())))
}

/// Puts a new key at `path`, unless another was faster.
fn make(path: &Path, common: &Common) -> Result<(), Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        Failure::impossible(format!("the system gives no random numbers to make a key: {error}"))
    })?;
    if files::put_first(path, &SigningKey::from_seed(&seed).to_secret_pem())? {
        let made = format!("made the key {}: keep it secret and safe", path.display());
        output::narrate(common, &made);
    }
    Ok(())
}

/// The public key in the file at `path`.
pub fn public(path: &Path) -> Result<PublicKey, Failure> {
    let text = files::read(path)?;
    let key = PublicKey::from_pem(&text);
    key.map_err(|error| Failure::impossible(format!("{}: {error}", path.display())))
}
