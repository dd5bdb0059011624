//! `invoice show`: an invoice for reading and printing.

use std::path::Path;

use leasehold_renderings::{Paper, SealCheck, Sheet, page, pdf, text};

use super::{live, sealed, unsealed};
use crate::arguments::{Common, PaperName, RenderingFormat, Show};
use crate::failure::Failure;
use crate::{files, keys, output};

/// Renders an invoice.
pub fn run(asked: &Show, common: &Common) -> Result<(), Failure> {
    let out = asked.out.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = out {
        files::must_be_free(path, asked.force)?;
    }
    let bytes = rendered(&sheet(asked, common)?, asked);
    let Some(path) = out else { return output::stdout(&bytes) };
    files::replace(path, |file| file.write_all(&bytes))?;
    output::narrate(common, &format!("wrote {}", path.display()));
    Ok(())
}

fn sheet(asked: &Show, common: &Common) -> Result<Sheet, Failure> {
    let name = &asked.invoice;
    let text = live::on_server(asked, common).unwrap_or_else(|| Ok(files::read(name)?))?;
    match &asked.key {
        Some(key) => Ok(Sheet::of(&sealed(name, &text, &keys::public(key)?)?, SealCheck::Fits)),
        None => Ok(Sheet::of(&unsealed(name, &text)?, SealCheck::NotChecked)),
    }
}

fn rendered(sheet: &Sheet, asked: &Show) -> Vec<u8> {
    let paper = match asked.paper {
        PaperName::A4 => Paper::A4,
        PaperName::Letter => Paper::Letter,
    };
    match asked.format {
        RenderingFormat::Text => text(sheet).into_bytes(),
        RenderingFormat::Html => page(sheet).into_bytes(),
        RenderingFormat::Pdf => pdf(sheet, paper),
    }
}
