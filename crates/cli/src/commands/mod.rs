//! One module a command: what it reads, which floor it asks, what it prints.

mod access;
mod admin;
mod adversary;
mod backlog;
mod calendar;
mod check;
mod db;
mod export;
mod focus;
mod invoice;
mod jobs;
mod leases;
mod nodes;
mod replay;
mod revenue;
mod schedule;
mod serve;
mod simulate;
mod slurm;
mod statement;

use crate::arguments::{Arguments, Command, Invoice};
use crate::failure::Failure;
use crate::output;
use crate::pages;

/// Does what was asked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let common = &arguments.common;
    match &arguments.command {
        Command::Completions(asked) => output::stdout(&pages::completions(asked.shell)),
        Command::Man(asked) => {
            let count = pages::man(&asked.directory)?;
            let pages = output::counted(count, "page");
            output::narrate(common, &format!("wrote {pages} into {}", asked.directory.display()));
            Ok(())
        }
        Command::Reference => output::stdout(pages::reference().as_bytes()),
        Command::Simulate(asked) => simulate::run(asked, common),
        Command::Replay(asked) => replay::run(asked, common),
        Command::Check(asked) => check::run(asked, common),
        Command::Schedule(asked) => schedule::run(asked, common),
        Command::Backlog(asked) => backlog::run(asked, common),
        Command::Calendar(asked) => calendar::run(asked, common),
        Command::Invoice(Invoice::Verify(asked)) => invoice::verify(asked, common),
        Command::Invoice(Invoice::Show(asked)) => invoice::show(asked, common),
        Command::Invoice(asked) => invoice::live(asked, common),
        Command::Login(asked) => access::login(asked, common),
        Command::Context(asked) => access::context(asked, common),
        Command::Whoami => access::whoami(common),
        Command::Lease(asked) => leases::run(asked, common),
        Command::Job(asked) => jobs::run(asked, common),
        Command::Node(asked) => nodes::node(asked, common),
        Command::Power(asked) => nodes::power_of(asked, common),
        Command::Usage(asked) => nodes::usage(asked, common),
        Command::Audit(asked) => admin::audit(asked, common),
        Command::Access(asked) => admin::reads(asked, common),
        Command::Token(asked) => admin::token(asked, common),
        Command::Party(asked) => admin::party(asked, common),
        Command::Events(asked) => admin::events(asked, common),
        Command::Db(asked) => db::run(asked, common),
        Command::Revenue(asked) => revenue::run(asked, common),
        Command::Statement(asked) => statement::run(asked, common),
        Command::Export(asked) => export::run(asked, common),
        Command::Slurm(asked) => slurm::run(asked, common),
        Command::Serve(asked) => serve::run(asked, common),
        Command::Agent(asked) => serve::agent(asked),
        Command::AgentRun(asked) => serve::agent_run(asked),
        Command::AgentLaunch(asked) => serve::agent_launch(asked),
    }
}
