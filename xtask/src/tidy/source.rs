//! The tree as the rules see it: text files, and Rust files cut into tokens.
//!
//! Rules look at tokens and not at text, so that a banned word in a comment or a string is none.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Every text file of the project.
pub struct Tree {
    /// In the order of their paths.
    pub files: Vec<File>,
}

/// One text file.
pub struct File {
    /// Path in the workspace, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its tokens, where it is Rust.
    pub tokens: Option<TokenStream>,
}

/// Why the tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or folder could not be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A Rust file is not Rust.
    #[error("{path} is not Rust: {error}")]
    NotRust {
        /// Which.
        path: String,
        /// What the lexer said.
        error: proc_macro2::LexError,
    },
}

/// Folders that hold no source: build output, version control, results.
const SKIPPED: &[&str] = &["target", ".git", "out"];
/// What is text, by the end of its name.
const TEXT: &[&str] = &["rs", "toml", "md", "sh", "html", "css", "js", "csv", "hledger"];

impl Tree {
    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = (&File, &TokenStream)> {
        self.files.iter().filter_map(|file| Some((file, file.tokens.as_ref()?)))
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    /// The file at `path` with this text, cut into tokens if it is Rust.
    pub fn new(path: String, text: String) -> Result<Self, ReadError> {
        let rust = path.ends_with(".rs").then(|| TokenStream::from_str(&text)).transpose();
        match rust {
            Ok(tokens) => Ok(Self { path, text, tokens }),
            Err(error) => Err(ReadError::NotRust { path, error }),
        }
    }

    /// The crate under `crates/` that it belongs to.
    pub fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether it is compiled for tests only: its folder or its name says so.
    pub fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testing.rs"))
            || self.path.ends_with("_tests.rs")
    }
}

/// Reads the tree under `root`.
pub fn read(root: &Path) -> Result<Tree, ReadError> {
    let mut files = Vec::new();
    walk(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Tree { files })
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<(), ReadError> {
    let unreadable = |error| ReadError::Unreadable { path: folder.into(), error };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_ref()) {
                walk(root, &path, files)?;
            }
        } else if is_text(&path) {
            files.push(read_file(root, &path)?);
        }
    }
    Ok(())
}

/// Scripts have no ending; they are what lies without one.
fn is_text(path: &Path) -> bool {
    match path.extension().and_then(|end| end.to_str()) {
        Some(end) => TEXT.contains(&end),
        None => !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')),
    }
}

fn read_file(root: &Path, path: &Path) -> Result<File, ReadError> {
    let bytes =
        std::fs::read(path).map_err(|error| ReadError::Unreadable { path: path.into(), error })?;
    let inside = path.strip_prefix(root).expect("the walk started at the root");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    File::new(inside.to_string_lossy().replace('\\', "/"), text)
}

/// The tokens without items that are compiled for tests only.
pub fn without_tests(stream: &TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = stream.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        if is_hash && tokens.peek().is_some_and(is_cfg_test) {
            skip_item(&mut tokens);
        } else if let TokenTree::Group(group) = &token {
            let inner = without_tests(&group.stream());
            let mut fresh = proc_macro2::Group::new(group.delimiter(), inner);
            fresh.set_span(group.span());
            kept.push(TokenTree::Group(fresh));
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

fn is_cfg_test(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let words: Vec<String> = group.stream().into_iter().map(|word| word.to_string()).collect();
    words.first().is_some_and(|word| word == "cfg")
        && words.get(1).is_some_and(|word| word == "(test)")
}

/// Up to the body or the semicolon that ends an item.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

/// A word or a mark of the code, with its line; groups are opened.
pub struct Leaf {
    /// As written.
    pub text: String,
    /// From 1.
    pub line: usize,
    /// Whether it is a literal.
    pub is_literal: bool,
}

/// All tokens of `stream` in reading order, groups opened between their brackets.
pub fn leaves(stream: &TokenStream) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect_leaves(stream, &mut found);
    found
}

fn collect_leaves(stream: &TokenStream, found: &mut Vec<Leaf>) {
    for token in stream.clone() {
        let line = token.span().start().line;
        let mut leaf = |text: String, is_literal| found.push(Leaf { text, line, is_literal });
        match token {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                leaf(open.into(), false);
                collect_leaves(&group.stream(), found);
                found.push(Leaf { text: close.into(), line, is_literal: false });
            }
            TokenTree::Literal(literal) => leaf(literal.to_string(), true),
            other => leaf(other.to_string(), false),
        }
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}
