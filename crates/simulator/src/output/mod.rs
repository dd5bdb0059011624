//! The files that a run leaves behind.
//!
//! Everything is written into a folder beside the one asked for, and that folder takes its place
//! in one step at the end: a run that is interrupted leaves nothing that looks whole.

mod evidence;
mod jobs;
mod summary;
mod usage;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use leasehold_control::{EvidenceChunk, State};
use leasehold_ledger::{Sealed, SigningKey, UsageInterval, to_csv};
use leasehold_units::Instant;

pub use summary::{PartySummary, Summary};

use crate::engine::{JobRecord, Keeper, Outcome};
use crate::report::{Heading, render};
use evidence::EvidenceFiles;
use jobs::JobsFile;
use usage::UsageFile;

/// Hears how far a run is.
pub type OnProgress<'a> = &'a mut dyn FnMut(Instant, u64);

/// A folder that is being filled.
pub struct Folder {
    target: PathBuf,
    partial: PathBuf,
}

/// Why a folder cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something already.
    #[error("{0} exists already; choose another folder or allow it to be replaced with --force")]
    Exists(PathBuf),
    /// Replacing would delete what no run wrote.
    #[error(
        "{0} is not a folder that a run left behind (it has no summary.json); it is not replaced"
    )]
    NotOurs(PathBuf),
    /// The file system refuses.
    #[error("cannot write {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whether a folder from an earlier run may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It may not.
    Never,
    /// It may.
    EarlierRun,
}

impl Folder {
    /// Starts to fill `target`.
    ///
    /// # Errors
    /// If it exists and may not be replaced, or nothing can be written beside it.
    pub fn create(target: &Path, replace: Replace) -> Result<Self, FolderError> {
        if target.exists() {
            let ours = target.join("summary.json").is_file();
            let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
            match replace {
                Replace::Never => return Err(FolderError::Exists(target.into())),
                Replace::EarlierRun if !ours && !empty => {
                    return Err(FolderError::NotOurs(target.into()));
                }
                Replace::EarlierRun => {}
            }
        }
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".partial");
        let partial = target.with_file_name(name);
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(|source| at(&partial, source))?;
        }
        fs::create_dir_all(partial.join("invoices")).map_err(|source| at(&partial, source))?;
        Ok(Self { target: target.into(), partial })
    }

    /// Where a file of the folder is while it is being filled.
    pub fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, name: &str, contents: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        fs::write(&path, contents).map_err(|source| at(&path, source))
    }

    /// Puts the filled folder where it was asked for.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn finish(self) -> Result<(), FolderError> {
        if self.target.exists() {
            let mut name = self.target.file_name().unwrap_or_default().to_os_string();
            name.push(".replaced");
            let old = self.target.with_file_name(name);
            fs::rename(&self.target, &old).map_err(|source| at(&self.target, source))?;
            fs::rename(&self.partial, &self.target).map_err(|source| at(&self.target, source))?;
            return fs::remove_dir_all(&old).map_err(|source| at(&old, source));
        }
        fs::rename(&self.partial, &self.target).map_err(|source| at(&self.target, source))
    }
}

impl Drop for Folder {
    /// What was not finished goes; where it cannot, its name says that it is not whole.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.partial);
    }
}

/// Writes what stands at the end of a run: invoices sealed with `key`, evidence, journal, report and
/// summary.
///
/// # Errors
/// If the file system refuses.
pub fn write_documents(
    folder: &Folder,
    outcome: &Outcome,
    summary: &Summary,
    heading: &Heading,
    key: &SigningKey,
) -> Result<(), FolderError> {
    let issued = outcome.state.books.invoices.iter();
    let documents: Vec<Sealed> = issued.map(|invoice| key.seal(invoice)).collect();
    for document in &documents {
        let name = format!("invoices/{}.json", document.invoice.number);
        folder.write(&name, &document.to_json())?;
    }
    let path = folder.path("evidence");
    evidence::write_leases(&path, &outcome.state, &documents)
        .map_err(|source| at(&path, source))?;
    let landlord = &outcome.state.site.landlord;
    folder.write(&format!("{landlord}.public.pem"), &key.public().to_pem())?;
    let journal = outcome.state.books.journal();
    folder.write("journal.hledger", &journal.to_hledger())?;
    folder.write("journal.csv", &to_csv(journal.transactions()))?;
    folder.write("report.html", &render(outcome, summary, heading))?;
    folder.write("summary.json", &pretty(summary))
}

fn pretty(document: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(document);
    text.expect("a document of strings and numbers can be written") + "\n"
}

fn at(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io { path: path.into(), source }
}

/// Writes `jobs.csv`, `usage.parquet` and the evidence while the run goes on.
pub struct Files<'a> {
    jobs: JobsFile,
    usage: UsageFile,
    evidence: EvidenceFiles,
    on_progress: OnProgress<'a>,
}

impl<'a> Files<'a> {
    /// Opens the files in `folder`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(folder: &Folder, on_progress: OnProgress<'a>) -> Result<Self, FolderError> {
        let (jobs, usage) = (folder.path("jobs.csv"), folder.path("usage.parquet"));
        let evidence = folder.path("evidence");
        Ok(Self {
            evidence: EvidenceFiles::create(evidence.clone())
                .map_err(|source| at(&evidence, source))?,
            jobs: JobsFile::create(&jobs).map_err(|source| at(&jobs, source))?,
            usage: UsageFile::create(&usage).map_err(|source| at(&usage, source))?,
            on_progress,
        })
    }

    /// Completes the files.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn close(self) -> io::Result<()> {
        self.jobs.close()?;
        self.evidence.close()?;
        self.usage.close()
    }
}

impl Keeper for Files<'_> {
    fn usage(&mut self, rows: &[UsageInterval], state: &State) -> io::Result<()> {
        self.usage.write(rows, state)
    }

    fn jobs(&mut self, records: &[JobRecord], state: &State) -> io::Result<()> {
        self.jobs.write(records, state)
    }

    fn evidence(&mut self, chunks: &[EvidenceChunk], state: &State) -> io::Result<()> {
        self.evidence.write(chunks, state)
    }

    fn progress(&mut self, now: Instant, events: u64) {
        (self.on_progress)(now, events);
    }
}
