//! The one binary, `leasehold`: reads the command line, calls the floors below, prints.
//!
//! Data goes to stdout and narration to stderr. Nothing is decided here.

mod arguments;
mod books;
mod commands;
mod dataset;
mod evidence;
mod failure;
mod files;
mod input;
mod keys;
mod live;
mod output;
mod pages;
mod progress;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit status: 0 done, 1 refused or failed, 2 (from the argument parser) wrong usage; `job submit --wait` exits
/// as its job does.
fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match commands::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.exit_status())
        }
    }
}
