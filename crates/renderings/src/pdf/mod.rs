//! The sheet as a PDF: set in three of the fonts that every reader has, so that none is shipped, on
//! as many pages as it takes, with the document itself attached.

mod file;
mod flow;
mod fonts;
mod layout;

use crate::sheet::Sheet;

/// What it is to be printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// ISO 216, 210 mm by 297 mm.
    A4,
    /// 8.5 in by 11 in.
    Letter,
}

impl Paper {
    /// Width and height in points.
    const fn size(self) -> (f32, f32) {
        match self {
            Self::A4 => (595.28, 841.89),
            Self::Letter => (612.0, 792.0),
        }
    }
}

/// The bytes of the PDF, the same for the same sheet and paper.
pub fn pdf(sheet: &Sheet, paper: Paper) -> Vec<u8> {
    file::write(sheet, paper, &layout::pages(sheet, paper))
}
