//! What jobs write, and how they end.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http::StatusCode;

use super::{is_over, job};
use crate::arguments::{Common, JobLogs, JobWait, StreamName};
use crate::failure::Failure;
use crate::live::events::{Knocks, knocks};
use crate::live::{Ask, Client, duration};
use crate::output;

/// A job that is waited for is looked at at least so often.
const LOOK: Duration = Duration::from_secs(1);

/// What a job that runs has written is asked for so often: nobody is told of it.
const READ: Duration = Duration::from_millis(200);

/// What of a job was read so far.
struct Reading {
    number: u64,
    streams: Vec<(StreamName, u64)>,
    start: Option<u32>,
}

/// Prints what a job wrote, and with `--follow` what it writes.
pub fn logs(client: &Client, asked: &JobLogs, common: &Common) -> Result<(), Failure> {
    let both = vec![StreamName::Stdout, StreamName::Stderr];
    let streams = asked.stream.map_or(both, |stream| vec![stream]);
    let mut reading = Reading::of(asked.number, streams, asked.start);
    if asked.follow {
        return follow(client, &mut reading).map(|_| ());
    }
    let seen = client.json(&job(asked.number))?;
    let written = reading.read(client)?;
    if !written && seen["started"].is_null() {
        output::narrate(common, &format!("job {} has not started", asked.number));
    }
    Ok(())
}

/// Waits until jobs are over. The first that failed is what it fails with.
pub fn wait(client: &Client, asked: &JobWait, common: &Common) -> Result<(), Failure> {
    let (news, began) = (knocks(client), Instant::now());
    let longest = asked.timeout.map(|seconds| Duration::from_secs(seconds.into()));
    let mut failed = None;
    for number in &asked.numbers {
        let ended = loop {
            let seen = client.json(&job(*number))?;
            if is_over(&seen) {
                break seen;
            }
            let left = longest.map(|longest| longest.saturating_sub(began.elapsed()));
            if left == Some(Duration::ZERO) {
                let spelled = duration::spelled(longest.unwrap_or_default().as_secs());
                let message = format!("job {number} is not over after {spelled}; it goes on");
                return Err(Failure::impossible(message)
                    .with_hint("wait again, or see `leasehold job show`"));
            }
            news.wait(LOOK.min(left.unwrap_or(LOOK)));
        };
        match success(&ended, 1) {
            Err(failure) if failed.is_none() => failed = Some(failure),
            _ => output::narrate(common, &told(&ended)),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Prints what a job writes until it is over, and ends as it does.
pub fn to_the_end(client: &Client, number: u64) -> Result<(), Failure> {
    let mut reading = Reading::of(number, vec![StreamName::Stdout, StreamName::Stderr], None);
    let ended = follow(client, &mut reading)?;
    let code = ended["exit"]["code"].as_i64().and_then(|code| u8::try_from(code).ok());
    let signal =
        ended["exit"]["signal"].as_i64().and_then(|signal| u8::try_from(signal + 128).ok());
    success(&ended, code.or(signal).filter(|status| *status != 0).unwrap_or(1))
}

fn follow(client: &Client, reading: &mut Reading) -> Result<Value, Failure> {
    let (news, mut evictions) = (knocks(client), Value::Null);
    loop {
        // Looked at before it is read: what an ended job wrote is all there.
        let seen = client.json(&job(reading.number))?;
        if !evictions.is_null() && seen["evictions"] != evictions && !is_over(&seen) {
            // It starts again, and writes from the beginning.
            reading.again();
        }
        evictions = seen["evictions"].clone();
        let written = reading.read(client)?;
        if is_over(&seen) && !written {
            return Ok(seen);
        }
        if !written {
            pause(&news, &seen);
        }
    }
}

fn pause(news: &Knocks, seen: &Value) {
    news.wait(if seen["state"] == "waiting" { LOOK } else { READ });
}

impl Reading {
    fn of(number: u64, streams: Vec<StreamName>, start: Option<u32>) -> Self {
        let streams = streams.into_iter().map(|stream| (stream, 0)).collect();
        Self { number, streams, start }
    }

    fn again(&mut self) {
        self.streams.iter_mut().for_each(|(_, offset)| *offset = 0);
    }

    /// Prints what is new; whether there was anything.
    fn read(&mut self, client: &Client) -> Result<bool, Failure> {
        let mut any = false;
        for (stream, offset) in &mut self.streams {
            let name = match stream {
                StreamName::Stdout => "stdout",
                StreamName::Stderr => "stderr",
            };
            loop {
                let ask = Ask::get(format!("/jobs/{}/log", self.number))
                    .with("stream", Some(name))
                    .with("offset", Some(*offset))
                    .with("start", self.start);
                let bytes = match client.try_bytes(&ask)? {
                    Ok(bytes) => bytes,
                    // It has not started: nothing is written yet.
                    Err(problem) if problem.status == StatusCode::NOT_FOUND => Vec::new(),
                    Err(problem) => return Err(client.refused(&problem)),
                };
                if bytes.is_empty() {
                    break;
                }
                any = true;
                *offset += bytes.len() as u64;
                put(*stream, &bytes)?;
            }
        }
        Ok(any)
    }
}

/// What a job wrote, byte for byte, where it wrote it.
fn put(stream: StreamName, bytes: &[u8]) -> Result<(), Failure> {
    match stream {
        StreamName::Stdout => output::stdout(bytes),
        StreamName::Stderr => {
            let mut err = std::io::stderr().lock();
            // Nobody is left to tell if stderr is closed.
            let _ = err.write_all(bytes).and_then(|()| err.flush());
            Ok(())
        }
    }
}

fn told(job: &Value) -> String {
    let state = job["state"].as_str().unwrap_or_default();
    match job["exit"]["what"].as_str() {
        Some(what) => format!("job {} {state}: {what}", job["number"]),
        None => format!("job {} {state}", job["number"]),
    }
}

fn success(job: &Value, status: u8) -> Result<(), Failure> {
    if job["state"] == "completed" {
        return Ok(());
    }
    Err(Failure::Job { message: told(job), status })
}
