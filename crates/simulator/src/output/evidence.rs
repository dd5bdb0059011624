//! `evidence/LEASE/`: what a tenant needs to derive its bills again, and nothing of anybody else.
//!
//! `terms-1.toml` and so on are the versions as signed, `record.jsonl` is what happened to the lease,
//! `usage-2026-05.csv` is what it was given in a month, `documents/` is what was issued.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use leasehold_control::{EvidenceChunk, State};
use leasehold_ledger::{LeaseIndex, Sealed};
use leasehold_units::Month;

/// The evidence of all leases being written.
pub struct EvidenceFiles {
    folder: PathBuf,
    /// The month that is being written, by lease.
    open: BTreeMap<LeaseIndex, (Month, BufWriter<File>)>,
}

impl EvidenceFiles {
    pub fn create(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, open: BTreeMap::new() })
    }

    pub fn write(&mut self, chunks: &[EvidenceChunk], state: &State) -> io::Result<()> {
        for chunk in chunks {
            let known = self.open.get(&chunk.lease).is_some_and(|(month, _)| *month == chunk.month);
            if !known {
                let file = self.open_month(chunk, state)?;
                let earlier = self.open.insert(chunk.lease, (chunk.month, file));
                earlier.map_or(Ok(()), |(_, mut file)| file.flush())?;
            }
            let (_, file) = self.open.get_mut(&chunk.lease).expect("it was just opened");
            file.write_all(chunk.text.as_bytes())?;
        }
        Ok(())
    }

    fn open_month(&self, chunk: &EvidenceChunk, state: &State) -> io::Result<BufWriter<File>> {
        let lease = &state.contracts.leases[usize::from(chunk.lease.0)];
        let folder = self.folder.join(lease.terms().id.as_str());
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("usage-{}.csv", chunk.month));
        // Months come in order, each once: a file that is there already would be overwritten.
        Ok(BufWriter::new(File::create_new(path)?))
    }

    pub fn close(self) -> io::Result<()> {
        self.open.into_values().try_for_each(|(_, mut file)| file.flush())
    }
}

/// Writes what stands at the end of a run: terms, record and documents of every lease.
pub fn write_leases(folder: &Path, state: &State, documents: &[Sealed]) -> io::Result<()> {
    for (entry, account) in state.contracts.leases.iter().zip(&state.books.bases) {
        let lease = &entry.terms().id;
        let folder = folder.join(lease.as_str());
        fs::create_dir_all(folder.join("documents"))?;
        for terms in &entry.lease.versions {
            let name = format!("terms-{}.toml", terms.version);
            fs::write(folder.join(name), terms.text.as_bytes())?;
        }
        fs::write(folder.join("record.jsonl"), account.facts().to_lines())?;
        for document in documents.iter().filter(|document| document.invoice.lease == *lease) {
            let name = format!("documents/{}.json", document.invoice.number);
            fs::write(folder.join(name), document.to_json())?;
        }
    }
    Ok(())
}
