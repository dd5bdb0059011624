//! Versions of Slurm.

use std::fmt;

use super::command::{Program, Slurm};
use super::error::{SlurmError, Unreadable};

/// A release: year and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Year, two digits.
    pub major: u16,
    /// Month.
    pub minor: u16,
}

impl Version {
    /// The oldest that is understood.
    pub const OLDEST: Self = Self { major: 22, minor: 5 };
    /// The newest whose answers are known.
    pub const NEWEST: Self = Self { major: 25, minor: 11 };

    /// Reads what `scontrol --version` prints, such as `slurm 23.11.4` or `slurm-wlm 22.05.8`. The word before the number is
    /// not judged where the number is Slurm's: distributions change it, and other programs that speak Slurm's words have names of
    /// their own.
    ///
    /// # Errors
    /// If there is no number, or one older than [`Version::OLDEST`], which other programs have too that count for themselves.
    pub fn parse(text: &str) -> Result<Self, SlurmError> {
        let line = text.lines().next().unwrap_or_default();
        let found = line.split_ascii_whitespace().find_map(Self::of_word);
        let said = || line.chars().take(80).collect();
        let found = found.ok_or_else(|| Unreadable {
            command: "scontrol --version".into(),
            line: 1,
            field: "version",
            found: said(),
            expected: "a name and a version such as `slurm 24.11.5`",
        })?;
        if found >= Self::OLDEST {
            Ok(found)
        } else if line.starts_with("slurm") {
            Err(SlurmError::TooOld { found })
        } else {
            Err(SlurmError::NotSlurm { said: said() })
        }
    }

    /// Asks for the version of the commands.
    ///
    /// # Errors
    /// If they are not there or too old.
    pub fn ask(slurm: &dyn Slurm) -> Result<Self, SlurmError> {
        Self::parse(&slurm.run(Program::Scontrol, &["--version".into()], None)?)
    }

    /// `22.05` of `22.05.8`, `24.11.0-0rc1` or `22.05`.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let mut parts = word.split(['.', '-']);
        let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { major, minor })
    }

    /// What to say of a version that is newer than what is known.
    pub fn warning(self) -> Option<String> {
        let newest = Self::NEWEST;
        (self > newest).then(|| {
            format!(
                "Slurm {self} is newer than {newest}, the last one that is known: what cannot be read is refused"
            )
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_of_all_packagers() {
        let read = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(read("slurm 23.11.4\n"), Ok("23.11".into()));
        assert_eq!(read("slurm-wlm 22.05.8"), Ok("22.05".into()));
        assert_eq!(read("spur 24.05.0-rc1"), Ok("24.05".into()));
        let code = |text| Version::parse(text).map_err(|error| error.code());
        assert_eq!(code("slurm 21.08.5"), Err("slurm_too_old"));
        assert_eq!(code("spur 0.8.0 (4cc3da8)"), Err("not_slurm"));
        assert_eq!(code("scontrol"), Err("slurm_unreadable"));
        assert_eq!(code(""), Err("slurm_unreadable"));
    }

    #[test]
    fn warns_of_what_is_newer() {
        assert_eq!(Version::NEWEST.warning(), None);
        let warning = Version { major: 26, minor: 5 }.warning();
        assert!(warning.is_some_and(|text| text.starts_with("Slurm 26.05 is newer than 25.11")));
    }
}
