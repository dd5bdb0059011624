//! Arguments of `invoice`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use leasehold_units::Day;

use super::{By, OneCommand, Page, Watch, day};

/// What to do with an invoice.
#[derive(Debug, Subcommand)]
pub enum Invoice {
    /// Check that an invoice is what was issued, and that every amount follows
    ///
    /// The seal is checked against the landlord's public key, every amount against its formula and
    /// inputs, and the total against the lines. With evidence every amount is derived again from the
    /// terms as signed, what happened to the lease and what it was given: the folder holds
    /// terms-1.toml and so on, record.jsonl, usage-2026-05.csv and so on, and in documents/ what was
    /// issued before. Nothing is asked of the landlord.
    Verify(Verify),
    /// Render an invoice for reading and printing, as text, a page or a PDF
    ///
    /// The JSON is the document; this is a rendering of it and needs no key. Every line is shown
    /// with how it follows and what it rests on. An invoice whose amounts do not follow from their
    /// formulas is refused. The page is self-contained, and the PDF has the JSON attached.
    Show(Show),
    /// List documents, latest first
    List(InvoiceList),
    /// Get a document from the server: the sealed JSON, the same bytes each time
    Get(InvoiceGet),
    /// Say when the next documents are due; they are issued on their day by themselves
    Issue,
    /// Record that a document was paid, in parts or whole
    Pay(Pay),
    /// Dispute a part of a document
    Dispute(Disputed),
    /// End a dispute: for the landlord the amount is owed again, for the tenant it is credited
    Resolve(Resolve),
    /// Correct a document: all of it is given back and issued again with other amounts
    Credit(Credit),
}

/// Arguments of `invoice show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The invoice: its file, or the number of one on the server
    #[arg(value_name = "FILE")]
    pub invoice: PathBuf,
    /// What it is rendered as
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = RenderingFormat::Text)]
    pub format: RenderingFormat,
    /// Where to write it, `-` for stdout; text goes to stdout without it
    #[arg(long, value_name = "FILE", required_if_eq_any = [("format", "html"), ("format", "pdf")])]
    pub out: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// The landlord's public key, in PEM: the seal is checked, and the rendering says so
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// What a PDF is printed on
    #[arg(long, value_enum, value_name = "PAPER", default_value_t = PaperName::A4)]
    pub paper: PaperName,
}

/// What an invoice is rendered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RenderingFormat {
    /// Plain text
    Text,
    /// A page for the screen and the printer
    Html,
    /// A PDF
    Pdf,
}

/// What a PDF is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PaperName {
    /// 210 mm by 297 mm
    A4,
    /// 8.5 in by 11 in
    Letter,
}

/// Arguments of `invoice verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The invoice
    #[arg(value_name = "FILE")]
    pub invoice: PathBuf,
    /// The landlord's public key, in PEM
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The evidence of its lease
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
}

/// Arguments of `invoice list`.
#[derive(Debug, Args)]
pub struct InvoiceList {
    /// Only those to this tenant
    #[arg(long, value_name = "PARTY")]
    pub tenant: Option<String>,
    /// How many.
    #[command(flatten)]
    pub page: Page,
    /// Whether to go on.
    #[command(flatten)]
    pub watch: Watch,
}

/// Arguments of `invoice get`.
#[derive(Debug, Args)]
pub struct InvoiceGet {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: String,
    /// Where to write it; stdout if nothing is said
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `invoice pay`.
#[derive(Debug, Args)]
pub struct Pay {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: String,
    /// How much, in its currency: 625000000.00
    #[arg(long, value_name = "AMOUNT")]
    pub amount: String,
    /// The bank's name for the payment; the same again changes nothing
    #[arg(long, value_name = "NAME")]
    pub id: String,
    /// The day on which the money was there
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub day: Day,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `invoice dispute`.
#[derive(Debug, Args)]
pub struct Disputed {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: String,
    /// How much, in its currency
    #[arg(long, value_name = "AMOUNT")]
    pub amount: String,
    /// Its name among your disputes; the same again changes nothing
    #[arg(long, value_name = "NAME")]
    pub id: String,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `invoice resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// The document's number
    #[arg(value_name = "NUMBER")]
    pub number: String,
    /// The name of the dispute
    #[arg(value_name = "DISPUTE")]
    pub dispute: String,
    /// Who was right
    #[arg(long, value_enum, value_name = "SIDE")]
    pub favour: By,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

/// Arguments of `invoice credit`.
#[derive(Debug, Args)]
pub struct Credit {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: String,
    /// Why, for both parties to read
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// A wrong line, counted from 1, with its right amount; the other lines stay
    #[arg(long, value_name = "LINE=AMOUNT", value_parser = line)]
    pub line: Vec<(usize, String)>,
    /// How it is asked for.
    #[command(flatten)]
    pub command: OneCommand,
}

fn line(text: &str) -> Result<(usize, String), String> {
    let parts = text.split_once('=').and_then(|(line, amount)| {
        let line: usize = line.parse().ok().filter(|line| *line > 0)?;
        Some((line, amount.to_owned()))
    });
    parts.ok_or_else(|| "expected the line's place, from 1, and its amount: 2=1000.00".into())
}
