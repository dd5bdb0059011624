//! Options of a job inside its script: lines that begin with `#LEASEHOLD`, before its first command.

use clap::Parser as _;

use crate::arguments::{JobOptions, ScriptLine};

const MARK: &str = "#LEASEHOLD";

/// The options that a script has, later lines before earlier ones.
///
/// # Errors
/// Each line that is wrong, with its number.
pub fn options(text: &str) -> Result<JobOptions, Vec<(usize, String)>> {
    let (mut options, mut wrong) = (JobOptions::default(), Vec::new());
    let head = text.lines().enumerate().take_while(|(_, line)| is_head(line));
    for (index, line) in head.filter(|(_, line)| line.starts_with(MARK)) {
        match read(&line[MARK.len()..]) {
            Ok(more) => options = more.over(options),
            Err(what) => wrong.push((index + 1, what)),
        }
    }
    if wrong.is_empty() { Ok(options) } else { Err(wrong) }
}

/// A comment or nothing.
fn is_head(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn read(text: &str) -> Result<JobOptions, String> {
    if !text.is_empty() && !text.starts_with([' ', '\t']) {
        return Err(format!("expected a blank after {MARK}"));
    }
    let words = shlex::split(text).ok_or("a quote is not closed")?;
    ScriptLine::try_parse_from(words).map(|line| line.options).map_err(|error| {
        let said = error.to_string();
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let told =
            lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let told: Vec<&str> = told.collect();
        told.join("; ").trim_start_matches("error: ").to_owned()
    })
}

impl JobOptions {
    /// These, and where they say nothing those of `under`.
    #[must_use]
    pub fn over(self, under: Self) -> Self {
        let list =
            |over: Vec<String>, under: Vec<String>| if over.is_empty() { under } else { over };
        Self {
            gpus: self.gpus.or(under.gpus),
            time: self.time.or(under.time),
            name: self.name.or(under.name),
            vacate: self.vacate.or(under.vacate),
            checkpoint: self.checkpoint.or(under.checkpoint),
            sku: list(self.sku, under.sku),
            within: self.within.or(under.within),
            priority: self.priority.or(under.priority),
            account: self.account.or(under.account),
            // Later ones count where a variable is named twice.
            env: under.env.into_iter().chain(self.env).collect(),
            directory: self.directory.or(under.directory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_before_the_first_command_count() {
        let script = "#!/bin/sh\n#LEASEHOLD --gpus 8 --time 1h\n# a word\n\n#LEASEHOLD --name 'two words'\necho\n#LEASEHOLD --gpus 1\n";
        let options = options(script).expect("right");
        assert_eq!((options.gpus, options.time), (Some(8), Some(3_600)));
        assert_eq!(options.name.as_deref(), Some("two words"));
    }

    #[test]
    fn every_wrong_line_is_told_with_its_number() {
        let script = "#!/bin/sh\n#LEASEHOLD --gpu 8\n#LEASEHOLD --time soon\n#LEASEHOLD: x\n#LEASEHOLD --name 'a\n";
        let wrong = options(script).expect_err("wrong");
        let told: String = wrong.iter().map(|(line, what)| format!("{line}: {what}\n")).collect();
        insta::assert_snapshot!(told, @r#"
        2: unexpected argument '--gpu' found; tip: a similar argument exists: '--gpus'
        3: invalid value 'soon' for '--time <DURATION>': expected a length of time such as 90s, 10m, 1h30m, 2d or HH:MM:SS
        4: expected a blank after #LEASEHOLD
        5: a quote is not closed
        "#);
    }

    #[test]
    fn the_command_line_counts_before_the_script() {
        let script = options("#LEASEHOLD --gpus 8 --env A=1 --sku x\n").expect("right");
        let line = JobOptions { gpus: Some(2), env: vec!["A=2".into()], ..JobOptions::default() };
        let both = line.over(script);
        assert_eq!(
            (both.gpus, both.env.as_slice()),
            (Some(2), &["A=1".to_owned(), "A=2".to_owned()][..])
        );
        assert_eq!(both.sku, ["x"]);
    }
}
