//! What the command line says of itself: the Markdown reference, man pages, completions.

use clap::{Command, CommandFactory as _};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::files;

/// Columns of the reference, whatever the terminal it is printed on.
const WIDTH: usize = 96;

/// The whole reference in Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Command line\n\nThis page is printed from the program itself by `cargo xtask docs`; \
         do not edit it.\n",
    );
    let mut root = command();
    section(&mut root, "leasehold", &mut page);
    page
}

/// The command tree, laid out for a page of fixed width.
fn command() -> Command {
    let mut command = Arguments::command().term_width(WIDTH).disable_help_subcommand(true);
    command.build();
    command
}

fn section(command: &mut Command, name: &str, page: &mut String) {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    page.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()));
    for inner in command.get_subcommands_mut().filter(|inner| !inner.is_hide_set()) {
        let name = format!("{name} {}", inner.get_name());
        section(inner, &name, page);
    }
}

/// The completion script for `shell`.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "leasehold", &mut script);
    script
}

/// Writes one man page a command into `directory`; returns how many.
pub fn man(directory: &std::path::Path) -> Result<usize, Failure> {
    files::make_directory(directory)?;
    let root = command();
    let mut pages = vec![&root];
    let mut count = 0;
    while let Some(page) = pages.pop() {
        pages.extend(page.get_subcommands().filter(|inner| !inner.is_hide_set()));
        let man = clap_mangen::Man::new(page.clone());
        let path = directory.join(man.get_filename());
        files::replace(&path, |out| man.render(out))?;
        count += 1;
    }
    Ok(count)
}
