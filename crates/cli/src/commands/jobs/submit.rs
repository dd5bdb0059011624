//! `job submit`: a command or a script becomes a job.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use super::follow;
use crate::arguments::{Common, JobOptions, ShapeName, Submit};
use crate::failure::Failure;
use crate::live::{self, Ask, print, script};
use crate::{files, output};

/// Longest run of a job that says nothing, in seconds.
const TIME: u32 = 3_600;

/// Submits, and waits if that was asked for.
pub fn run(asked: &Submit, common: &Common) -> Result<(), Failure> {
    let body = body(asked)?;
    let client = live::client(common)?;
    let ask = Ask::post("/jobs", body).dry_run(asked.how.dry_run);
    let taken = client.json(&ask)?;
    let said = |answer: &Value| {
        let name = answer["name"].as_str().unwrap_or_default();
        format!("job {} is submitted: {name}", answer["number"])
    };
    if !asked.wait {
        return print::said(&taken, asked.how, said, common);
    }
    let number = taken["number"].as_u64().unwrap_or_default();
    let leave = format!("Ctrl-C leaves it running, `leasehold job cancel {number}` ends it");
    output::narrate(common, &format!("{}; {leave}", said(&taken)));
    follow::to_the_end(&client, number)
}

fn body(asked: &Submit) -> Result<Value, Failure> {
    let script = asked.script.as_deref().map(read).transpose()?;
    let options = match (&script, asked.script.as_deref()) {
        (Some(text), Some(path)) => asked.options.clone().over(options_of(text, path)?),
        _ => asked.options.clone(),
    };
    if script.is_none() && asked.command.is_empty() {
        return Err(Failure::impossible("nothing is said of what to run")
            .with_hint("`leasehold job submit -- COMMAND` or `leasehold job submit SCRIPT`"));
    }
    let mut body = described(&options)?;
    let name = options.name.clone().or_else(|| Some(program(asked)?.chars().take(200).collect()));
    body["name"] = json!(name);
    match script {
        Some(text) => {
            body["script"] = json!(text);
            body["arguments"] = json!(asked.command);
        }
        None => body["command"] = json!(asked.command),
    }
    Ok(body)
}

/// What is run, without the folder that it is in.
fn program(asked: &Submit) -> Option<String> {
    let path = match &asked.script {
        Some(path) if path == Path::new("-") => return None,
        Some(path) => path.as_path(),
        None => Path::new(asked.command.first()?),
    };
    Some(path.file_name()?.to_string_lossy().into_owned())
}

fn described(options: &JobOptions) -> Result<Value, Failure> {
    let within = match options.within.unwrap_or(ShapeName::Node) {
        ShapeName::Node => "node",
        ShapeName::Rack => "rack",
        ShapeName::Array => "array",
    };
    let mut body = json!({
        "gpus": options.gpus.unwrap_or(1),
        "time_limit_seconds": options.time.unwrap_or(TIME),
        "skus": options.sku,
        "within": within,
        "priority": options.priority.unwrap_or(0),
        "environment": environment(&options.env)?,
    });
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body[name] = value;
        }
    };
    say("vacate_seconds", options.vacate.map(Into::into));
    say("checkpoint_seconds", options.checkpoint.map(Into::into));
    say("account", options.account.clone().map(Into::into));
    say("directory", options.directory.clone().map(Into::into));
    Ok(body)
}

/// Variables, with the value that they have here where none is said.
fn environment(asked: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |asked: &String| match asked.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => match std::env::var(asked) {
            Ok(value) => Ok((asked.clone(), value)),
            Err(_) => {
                Err(Failure::impossible(format!("--env {asked}: it is not set here, or no text"))
                    .with_hint("set it, or give its value: --env NAME=VALUE"))
            }
        },
    };
    asked.iter().map(pair).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| Failure::impossible(format!("cannot read the script: {error}")))?;
        return Ok(text);
    }
    if !path.exists() {
        let message = format!("there is no script {}", path.display());
        let hint =
            format!("a command stands behind --: `leasehold job submit -- {}`", path.display());
        return Err(Failure::impossible(message).with_hint(hint));
    }
    Ok(files::read(path)?)
}

fn options_of(text: &str, path: &Path) -> Result<JobOptions, Failure> {
    script::options(text).map_err(|wrong| {
        let place = path.display();
        let problems =
            wrong.iter().map(|(line, what)| format!("{place}:{line}: {what}\n")).collect();
        let count = output::counted(wrong.len(), "#LEASEHOLD line");
        Failure::Refused {
            problems,
            summary: format!(
                "{count} of {place} cannot be read; `leasehold job submit --help` lists the options"
            ),
        }
    })
}
