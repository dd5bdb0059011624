//! Servers with a token for each, in a file that only its owner reads.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files::FileError;

/// All contexts.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one that commands use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// A server and a token for it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// The token.
    pub token: String,
    /// Certificates that the server's is signed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether the token may go to another machine without TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure_http: bool,
}

impl std::fmt::Debug for Context {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Contexts {
    /// What is kept; nothing if nothing was kept yet.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn load() -> Result<Self, Failure> {
        let Some(path) = path() else { return Ok(Self::default()) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(FileError::Unreadable { path, error }.into()),
        };
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            // The whole message would show the line, and with it perhaps a token.
            let message = format!("{}: {}", path.display(), error.message());
            Failure::impossible(message).with_hint("remove the file and `leasehold login` again")
        })
    }

    /// Keeps it, for its owner alone: the old file or the new one is there, never half of one.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self) -> Result<PathBuf, Failure> {
        let path = path().ok_or_else(|| {
            Failure::impossible("there is no place to keep contexts in")
                .with_hint("set HOME or XDG_CONFIG_HOME")
        })?;
        let text = toml::to_string(self).expect("plain structs with text keys");
        let folder = path.parent().expect("it is in a folder");
        let written = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        let written = written.and_then(|()| {
            let beside = path.with_extension(format!("toml.{}.tmp", std::process::id()));
            private(&beside, &text)?;
            fs::rename(&beside, &path)
        });
        written.map_err(|error| FileError::Unwritable { path: path.clone(), error })?;
        Ok(path)
    }

    /// The context `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(&self, name: &str) -> Result<&Context, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            let hint = if known.is_empty() {
                "`leasehold login` makes one".to_owned()
            } else {
                format!("there is {}", known.join(", "))
            };
            Failure::impossible(format!("there is no context {name}")).with_hint(hint)
        })
    }
}

/// Writes a new file at `path` that only its owner reads.
///
/// # Errors
/// Where there is one already, or it cannot be written.
pub fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The file: in the folder that the user's settings are in.
fn path() -> Option<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let folder = folder.or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("leasehold/contexts.toml"))
}
