//! Reads typed fields out of TOML text and reports every problem with its place and rule.
//!
//! Opens no file: whoever does hands the text over as a [`Source`].

mod quantity;
mod read;
mod render;

use std::ops::Range;

pub use quantity::{decimal, percent, seconds, watts, with_unit};
pub use read::{Document, Field, Table, did_you_mean};
pub use render::render;

/// A file's text and the name it is reported under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Something wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable name of the rule that is broken, such as `unknown-key`.
    pub rule: &'static str,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub expected: String,
    /// What to do about it, such as the nearest known key.
    pub help: Option<String>,
}

impl Source {
    /// A source.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

impl Problem {
    /// A problem without advice.
    pub fn new(
        rule: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self { rule, span, message: message.into(), expected: expected.into(), help: None }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
