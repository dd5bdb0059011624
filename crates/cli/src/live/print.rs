//! What is printed of an answer, once or again when something changes.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::Value;

use super::columns::{self, Column, Width};
use super::{Ask, Client, events};
use crate::arguments::{Common, Format, OneCommand, Watch};
use crate::failure::Failure;
use crate::output;

/// A list is asked for again at least so often.
const AGAIN: Duration = Duration::from_secs(2);

/// A list of an answer: the member that it is, and its columns.
pub struct List<'a> {
    /// The member.
    pub member: &'static str,
    /// Its columns.
    pub columns: &'a [Column],
}

/// Prints the list that the server answers with.
///
/// # Errors
/// Where it refuses.
pub fn list(
    client: &Client,
    ask: &Ask,
    list: &List<'_>,
    watch: Watch,
    common: &Common,
) -> Result<(), Failure> {
    again(client, watch, || {
        let answer = client.json(ask)?;
        let rows = answer[list.member].as_array().map_or(&[][..], Vec::as_slice);
        let goes_on = |next| answer.get(next).is_some_and(|next| !next.is_null());
        let more = goes_on("next") || goes_on("next_live");
        if more && !watch.watch && matches!(common.output, Format::Table | Format::Wide) {
            output::narrate(common, "there is more; --limit shows more of it");
        }
        Ok(match common.output {
            Format::Table => columns::table(list.columns, rows, Width::Narrow),
            Format::Wide => columns::table(list.columns, rows, Width::Wide),
            Format::Csv => columns::csv(list.columns, rows),
            Format::Json | Format::Yaml => structured(&answer, common),
        })
    })
}

/// Prints the one thing that the server answers with. `after` is told below it, for reading.
///
/// # Errors
/// Where it refuses.
pub fn show(
    client: &Client,
    ask: &Ask,
    columns: &[Column],
    after: impl Fn(&Value) -> String,
    watch: Watch,
    common: &Common,
) -> Result<(), Failure> {
    again(client, watch, || {
        let answer = client.json(ask)?;
        Ok(match common.output {
            Format::Table | Format::Wide => columns::card(columns, &answer) + &after(&answer),
            Format::Csv => columns::csv(columns, std::slice::from_ref(&answer)),
            Format::Json | Format::Yaml => structured(&answer, common),
        })
    })
}

/// Asks for a command and prints what it came to: for reading as `sentence` says it.
///
/// # Errors
/// Where it is refused.
pub fn command(
    client: &Client,
    ask: Ask,
    how: OneCommand,
    sentence: impl Fn(&Value) -> String,
    common: &Common,
) -> Result<(), Failure> {
    let answer = client.json(&ask.dry_run(how.dry_run))?;
    said(&answer, how, sentence, common)
}

/// Prints the answer to a command.
///
/// # Errors
/// Where stdout takes nothing.
pub fn said(
    answer: &Value,
    how: OneCommand,
    sentence: impl Fn(&Value) -> String,
    common: &Common,
) -> Result<(), Failure> {
    let text = match common.output {
        Format::Table | Format::Wide if how.dry_run => trial(answer, sentence),
        Format::Table | Format::Wide => sentence(answer) + "\n",
        Format::Csv => {
            let members = answer.as_object().into_iter().flatten();
            let (names, values): (Vec<&str>, Vec<String>) = members
                .map(|(name, value)| {
                    (name.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                })
                .unzip();
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(names).expect("writing to memory does not fail");
            writer.write_record(values).expect("writing to memory does not fail");
            String::from_utf8(writer.into_inner().expect("in memory")).expect("made of text")
        }
        Format::Json | Format::Yaml => structured(answer, common),
    };
    output::stdout(text.as_bytes())
}

/// What would follow of a command, for reading.
fn trial(answer: &Value, sentence: impl Fn(&Value) -> String) -> String {
    let mut text =
        format!("nothing was done; this would be: {}\n", sentence(&answer["would_answer"]));
    let effects = answer["effects"].as_array().map_or(&[][..], Vec::as_slice);
    for effect in effects {
        let (what, count) = (effect["what"].as_str().unwrap_or_default(), &effect["count"]);
        text.push_str(&format!("  {what}: {}\n", output::grouped(count)));
    }
    if effects.is_empty() {
        text.push_str("  nothing else would change at once\n");
    }
    text
}

/// `answer` for programs.
pub fn structured(answer: &Value, common: &Common) -> String {
    if common.output == Format::Yaml { output::yaml(answer) } else { output::json(answer) }
}

/// Prints what `draw` gives, and with `watch` again each time that something happens.
fn again(
    client: &Client,
    watch: Watch,
    draw: impl Fn() -> Result<String, Failure>,
) -> Result<(), Failure> {
    if !watch.watch {
        return output::stdout(draw()?.as_bytes());
    }
    let (news, mut last) = (events::knocks(client), None);
    loop {
        let text = draw()?;
        if last.as_ref() != Some(&text) {
            let mut out = std::io::stdout().lock();
            let before = match (out.is_terminal(), &last) {
                (true, _) => "\x1b[H\x1b[2J",
                (false, Some(_)) => "\n",
                (false, None) => "",
            };
            if out
                .write_all(format!("{before}{text}").as_bytes())
                .and_then(|()| out.flush())
                .is_err()
            {
                // Whoever was shown it has gone.
                return Ok(());
            }
            last = Some(text);
        }
        news.wait(AGAIN);
    }
}
