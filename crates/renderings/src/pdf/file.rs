//! The file: pages, fonts, and the document attached.

use pdf_writer::types::AssociationKind;
use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::Paper;
use super::flow::{Mark, Page};
use super::fonts::{Font, encoded};
use crate::sheet::Sheet;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
const ATTACHED: Ref = Ref::new(4);
const ATTACHED_NAME: Ref = Ref::new(5);
const FIRST_FONT: i32 = 6;
const FIRST_PAGE: i32 = 10;

/// The bytes of a PDF with these pages, and `sheet`'s document attached.
pub fn write(sheet: &Sheet, paper: Paper, pages: &[Page]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    catalog(&mut pdf, sheet);
    pdf.document_info(INFO).title(TextStr(&sheet.name())).creator(TextStr("Leasehold"));
    attach(&mut pdf, sheet);
    for (font, id) in fonts() {
        let mut written = pdf.type1_font(id);
        written.base_font(Name(font.base())).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let ids: Vec<(Ref, Ref)> = (FIRST_PAGE..)
        .step_by(2)
        .map(|id| (Ref::new(id), Ref::new(id + 1)))
        .take(pages.len())
        .collect();
    let count = i32::try_from(pages.len()).expect("a document has fewer than two billion pages");
    pdf.pages(PAGES).kids(ids.iter().map(|(page, _)| *page)).count(count);
    for ((page, content), marks) in ids.into_iter().zip(pages) {
        write_page(&mut pdf, page, content, paper);
        pdf.stream(content, &drawn(marks));
    }
    pdf.finish()
}

fn catalog(pdf: &mut Pdf, sheet: &Sheet) {
    let mut catalog = pdf.catalog(CATALOG);
    catalog.pages(PAGES).lang(TextStr("en"));
    catalog.viewer_preferences().display_doc_title(true);
    let mut names = catalog.names();
    names.embedded_files().names().insert(Str(sheet.file.as_bytes()), ATTACHED_NAME);
}

fn attach(pdf: &mut Pdf, sheet: &Sheet) {
    let bytes = sheet.json.as_bytes();
    let mut file = pdf.embedded_file(ATTACHED, bytes);
    file.subtype(Name(b"application#2Fjson"));
    if let Ok(size) = i32::try_from(bytes.len()) {
        file.params().size(size);
    }
    file.finish();
    let mut spec = pdf.file_spec(ATTACHED_NAME);
    spec.path(Str(sheet.file.as_bytes())).unic_file(TextStr(&sheet.file));
    spec.description(TextStr("The document that this is a rendering of"));
    spec.association_kind(AssociationKind::Source).embedded_file_with_unicode(ATTACHED);
}

fn fonts() -> impl Iterator<Item = (Font, Ref)> {
    Font::ALL.into_iter().zip((FIRST_FONT..).map(Ref::new))
}

fn write_page(pdf: &mut Pdf, page: Ref, content: Ref, paper: Paper) {
    let (width, height) = paper.size();
    let mut page = pdf.page(page);
    page.media_box(Rect::new(0.0, 0.0, width, height)).parent(PAGES).contents(content);
    let mut resources = page.resources();
    let mut named = resources.fonts();
    for (font, id) in fonts() {
        named.pair(Name(font.resource()), id);
    }
}

fn drawn(marks: &[Mark]) -> Vec<u8> {
    let mut content = Content::new();
    for mark in marks {
        match mark {
            Mark::Text { x, y, look, text } => {
                content.begin_text().set_fill_gray(look.gray);
                content.set_font(Name(look.font.resource()), look.size);
                content.next_line(*x, *y).show(Str(&encoded(text)));
                content.end_text();
            }
            Mark::Rule { from, until, y, width, gray } => {
                content.set_stroke_gray(*gray).set_line_width(*width);
                content.move_to(*from, *y).line_to(*until, *y).stroke();
            }
        }
    }
    content.finish().as_slice().to_vec()
}
