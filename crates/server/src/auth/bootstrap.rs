//! The first operator's token: written to a file that only the server's user can read, and
//! nowhere else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use leasehold_units::{Instant, PartyId};

use super::principal::{Role, Scope, Scopes};
use super::secret::RandomError;
use super::tokens::{TokenBook, TokenEvent, TokenRequest};

/// The file in the data directory that the first operator's token is written to.
pub const OPERATOR_TOKEN_FILE: &str = "operator.token";

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The file cannot be written.
    #[error("cannot write the first operator's token to {path}: {source}; make the data directory writable for the server alone", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes a token for the operator if `book` has none that is good at `now`, and writes it to
/// [`OPERATOR_TOKEN_FILE`] in `data_dir`, mode 0600. The file is whole and on the disk before this
/// returns; store the event then. A crash in between leaves a file with a token that does not
/// count, and the next start writes another in its place.
///
/// # Errors
/// If there are no random bytes or the file cannot be written.
pub fn bootstrap(
    data_dir: &Path,
    book: &TokenBook,
    now: Instant,
) -> Result<Option<TokenEvent>, BootstrapError> {
    if book.has_operator(now) {
        return Ok(None);
    }
    make(data_dir.join(OPERATOR_TOKEN_FILE), "first operator", Role::Operator, None, now).map(Some)
}

/// The file in the data directory that a party's first token is written to, where the server makes one.
pub fn party_token_file(party: &PartyId) -> String {
    format!("party-{party}.token")
}

/// The same for an admin of `party`, in [`party_token_file`]: for a demonstration, in which one person is
/// everybody.
///
/// # Errors
/// As [`bootstrap`].
pub fn bootstrap_party(
    data_dir: &Path,
    party: &PartyId,
    book: &TokenBook,
    now: Instant,
) -> Result<Option<TokenEvent>, BootstrapError> {
    if book.has_admin(party, now) {
        return Ok(None);
    }
    let path = data_dir.join(party_token_file(party));
    make(path, "first admin", Role::PartyAdmin, Some(party.clone()), now).map(Some)
}

fn make(
    path: PathBuf,
    name: &str,
    role: Role,
    party: Option<PartyId>,
    now: Instant,
) -> Result<TokenEvent, BootstrapError> {
    let scopes = Scopes::from([Scope::Read, Scope::Write]);
    let request = TokenRequest { name: name.into(), role, party, scopes, expires: None };
    let token = request.draw("server", now)?;
    write_private(&path, token.secret.expose())
        .map_err(|source| BootstrapError::Write { path, source })?;
    Ok(token.event)
}

/// Writes `text` and a line end to `path` through a file beside it, so that what is there is whole.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("token.partial");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A new file, and no link that somebody put there, is what the mode goes with.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const NOW: Instant = Instant::from_unix(1_782_000_000);

    #[test]
    fn the_first_start_writes_a_token_that_only_its_user_reads() {
        let dir = TempDir::new();
        let mut book = TokenBook::default();
        let event = bootstrap(dir.path(), &book, NOW).expect("writes").expect("a token");
        book.apply(&event);
        let path = dir.path().join(OPERATOR_TOKEN_FILE);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("a text");
        let who = book.lookup(text.trim_end(), NOW).expect("let in");
        assert_eq!(who.role(), Role::Operator);
        assert!(bootstrap(dir.path(), &book, NOW).expect("nothing to do").is_none());
        assert_eq!(fs::read_to_string(&path).expect("a text"), text);
    }

    #[test]
    fn a_link_in_its_place_is_replaced_and_not_followed() {
        let dir = TempDir::new();
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").expect("writes");
        for name in [OPERATOR_TOKEN_FILE, "operator.token.partial"] {
            symlink(&elsewhere, dir.path().join(name)).expect("links");
        }
        bootstrap(dir.path(), &TokenBook::default(), NOW).expect("writes").expect("a token");
        assert_eq!(fs::read_to_string(&elsewhere).expect("a text"), "untouched");
        assert!(!dir.path().join(OPERATOR_TOKEN_FILE).is_symlink());
    }

    #[test]
    fn a_missing_folder_is_an_error_with_its_path() {
        let dir = TempDir::new();
        let missing = dir.path().join("missing");
        let error = bootstrap(&missing, &TokenBook::default(), NOW).expect_err("no folder");
        assert!(error.to_string().contains("operator.token"), "{error}");
    }
}
