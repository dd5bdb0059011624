//! `lease evidence`: the folder that `invoice verify --evidence` takes.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::arguments::{Common, LeaseEvidence};
use crate::failure::Failure;
use crate::files::{self, FileError};
use crate::live::client::segment;
use crate::live::{Ask, Client};
use crate::output::{self, counted};

/// What the server says that there is.
#[derive(Debug, Deserialize)]
struct Listed {
    files: Vec<String>,
    documents: Vec<String>,
    landlord: String,
    public_key: String,
}

/// A file that only whole evidence has.
const RECORD: &str = "record.jsonl";

/// Writes the evidence of a lease: all of it or nothing.
pub fn get(client: &Client, asked: &LeaseEvidence, common: &Common) -> Result<(), Failure> {
    must_be_free(&asked.out, asked.force)?;
    let of_lease = format!("/leases/{}/evidence", segment(&asked.lease));
    let listed = client.json(&Ask::get(of_lease.as_str()))?;
    let listed: Listed = serde_json::from_value(listed).map_err(|error| {
        Failure::impossible(format!("the server lists evidence in another way: {error}"))
    })?;
    let partial = beside(&asked.out);
    let written = write(client, &of_lease, &listed, &partial);
    let moved = written.and_then(|key| put_in_place(&partial, &asked.out).map(|()| key));
    if moved.is_err() {
        // The reason for the failure is worth more than that of a failed clean-up.
        let _ = fs::remove_dir_all(&partial);
    }
    let key = asked.out.join(moved?);
    let documents = counted(listed.documents.len(), "document");
    output::narrate(common, &format!("wrote {} and {documents}", asked.out.display()));
    output::narrate(
        common,
        &format!(
            "check one with `leasehold invoice verify {}/documents/NUMBER.json --key {} --evidence {}`",
            asked.out.display(),
            key.display(),
            asked.out.display()
        ),
    );
    Ok(())
}

/// Writes all of it into `folder`; gives the name of the key's file.
fn write(
    client: &Client,
    of_lease: &str,
    listed: &Listed,
    folder: &Path,
) -> Result<String, Failure> {
    files::make_directory(&folder.join("documents"))?;
    // Documents first: files that are read later prove them all.
    for number in &listed.documents {
        let bytes = client.bytes(&Ask::get(format!("/invoices/{}", segment(number))))?;
        put(&folder.join("documents"), &format!("{number}.json"), &bytes)?;
    }
    for name in &listed.files {
        let bytes = client.bytes(&Ask::get(format!("{of_lease}/{}", segment(name))))?;
        put(folder, name, &bytes)?;
    }
    let key = format!("{}.public.pem", listed.landlord);
    put(folder, &key, listed.public_key.as_bytes())?;
    Ok(key)
}

/// Writes a file. A server that one cannot trust shall not choose where.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.starts_with('.') || !name.bytes().all(known) {
        let message = format!("the server names a file {name:?}, which is no name of evidence");
        return Err(Failure::impossible(message));
    }
    Ok(files::replace(&folder.join(name), |file| file.write_all(bytes))?)
}

/// Refuses to write over what is there, unless it is evidence and that was asked for.
fn must_be_free(out: &Path, force: bool) -> Result<(), Failure> {
    if out.exists() && !out.is_dir() {
        return Err(FileError::NotADirectory(out.into()).into());
    }
    if !out.exists() || (force && out.join(RECORD).is_file()) {
        return Ok(());
    }
    let failure = Failure::impossible(format!("{} exists already", out.display()));
    Err(failure.with_hint("choose another name; `--force` replaces a folder of evidence"))
}

fn put_in_place(partial: &Path, out: &Path) -> Result<(), Failure> {
    let unwritable = |error| FileError::Unwritable { path: out.into(), error };
    if out.exists() {
        fs::remove_dir_all(out).map_err(unwritable)?;
    }
    Ok(fs::rename(partial, out).map_err(unwritable)?)
}

/// A name in the same directory, so that the folder appears as a whole.
fn beside(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
