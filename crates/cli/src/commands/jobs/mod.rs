//! `job`: jobs on a server.

mod follow;
mod submit;

use serde_json::Value;

use crate::arguments::{Common, Job, JobCancel, WhichJobs};
use crate::failure::Failure;
use crate::live::columns::{Column, gpu_hours, number, text};
use crate::live::print::{self, List};
use crate::live::{self, Ask, Client};

const COLUMNS: [Column; 19] = [
    number("job", "number"),
    text("name", "name"),
    text("user", "user"),
    text("state", "state"),
    number("GPUs", "gpus"),
    text("submitted", "submitted"),
    text("started", "started"),
    text("ended", "ended"),
    text("exit", "exit.what"),
    text("reason", "reason"),
    text("account", "account").wide(),
    number("time limit s", "time_limit_seconds").wide(),
    number("evictions", "evictions").wide(),
    text("borrows", "borrows").wide(),
    gpu_hours("GPU-hours", "used_gpu_seconds").wide(),
    gpu_hours("borrowed", "borrowed_gpu_seconds").wide(),
    number("joules", "measured_joules").wide(),
    text("nodes", "nodes").wide(),
    text("command", "command").wide(),
];

/// Does what was asked of jobs.
pub fn run(asked: &Job, common: &Common) -> Result<(), Failure> {
    // What is wrong with a script is told before a server is looked for.
    if let Job::Submit(asked) = asked {
        return submit::run(asked, common);
    }
    let client = live::client(common)?;
    match asked {
        Job::Submit(_) => unreachable!("done above"),
        Job::List(asked) => {
            let which = match asked.state {
                WhichJobs::Live => "live",
                WhichJobs::Ended => "ended",
                WhichJobs::All => "all",
            };
            let ask =
                Ask::get("/jobs").with("state", Some(which)).with("limit", Some(asked.page.limit));
            print::list(
                &client,
                &ask,
                &List { member: "jobs", columns: &COLUMNS },
                asked.watch,
                common,
            )
        }
        Job::Show(asked) => print::show(
            &client,
            &job(asked.number),
            &COLUMNS,
            |_| String::new(),
            asked.watch,
            common,
        ),
        Job::Cancel(asked) => cancel(&client, asked, common),
        Job::Logs(asked) => follow::logs(&client, asked, common),
        Job::Wait(asked) => follow::wait(&client, asked, common),
    }
}

/// Cancels each, also when another is refused.
fn cancel(client: &Client, asked: &JobCancel, common: &Common) -> Result<(), Failure> {
    let mut refused = None;
    for number in &asked.numbers {
        let ask = Ask::delete(format!("/jobs/{number}"));
        let said = |answer: &Value| format!("job {} is told to end", answer["number"]);
        let done = print::command(client, ask, asked.command, said, common);
        let earlier: Option<Failure> = done.err().and_then(|failure| refused.replace(failure));
        if let Some(earlier) = earlier {
            earlier.report();
        }
    }
    refused.map_or(Ok(()), Err)
}

fn job(number: u64) -> Ask {
    Ask::get(format!("/jobs/{number}"))
}

/// Whether a job is over.
fn is_over(job: &Value) -> bool {
    matches!(job["state"].as_str(), Some("completed" | "failed" | "cancelled"))
}
