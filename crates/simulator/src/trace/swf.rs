//! Reads logs in the standard workload format (SWF), line by line.
//!
//! A line is eighteen numbers: 1 job, 2 submission, 3 wait, 4 run time, 5 processors allocated,
//! 6 CPU time, 7 memory, 8 processors requested, 9 time requested, 10 to 18 memory, status, owners
//! and predecessor; -1 is "unknown" and a line that starts with `;` is a remark. The file is never
//! in memory as a whole, and no line of it for longer than it takes to read the next.

use std::fmt;
use std::io::{self, BufRead, Read as _};

/// A job of the log that has processors and a run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwfJob {
    /// The number that the log gives it.
    pub id: u64,
    /// Seconds from the log's zero to its submission.
    pub submit: i64,
    /// Processors requested if that is positive, else allocated.
    pub processors: u32,
    /// Seconds requested if that is positive, else the run time.
    pub requested: i64,
    /// Seconds that it runs, at most `requested`: a longer run is cut there.
    pub run: i64,
    /// The line of the log, from 1.
    pub line: u64,
}

/// Lines that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BadLines {
    /// How many.
    pub count: u64,
    /// The numbers of the first few of them, from 1.
    pub first: Vec<u64>,
}

/// A log that cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum SwfError {
    /// The source failed.
    #[error("cannot read the log after line {line}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// What failed.
        source: io::Error,
    },
    /// More lines than allowed are malformed or truncated.
    #[error("malformed or truncated: {bad}; at most {bad_lines_max} allowed")]
    BadLines {
        /// Those up to here.
        bad: BadLines,
        /// How many were allowed.
        bad_lines_max: u64,
    },
}

/// The jobs of an SWF log, in its order.
///
/// After an error it yields nothing more.
#[derive(Debug)]
pub struct SwfReader<R> {
    source: R,
    buffer: Vec<u8>,
    line: u64,
    bad: BadLines,
    bad_lines_max: u64,
    left_out: u64,
    done: bool,
}

/// Numbers on a line.
const FIELDS: usize = 18;

/// Bytes of a line at most; a longer one is no line of a log.
const LINE_BYTES_MAX: u64 = 4096;

/// The times are at most this many seconds, 34,865 years, so that sums of them stay exact.
const SECONDS_MAX: i64 = 1 << 40;

/// Bad lines that are remembered by number.
const FIRST_BAD_LINES: usize = 5;

impl BadLines {
    pub(super) fn note(&mut self, line: u64) {
        self.count += 1;
        if self.first.len() < FIRST_BAD_LINES {
            self.first.push(line);
        }
    }
}

/// `7 lines (3, 4, 9, 12, 20, …)`.
impl fmt::Display for BadLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { "line" } else { "lines" };
        write!(f, "{} {noun}", self.count)?;
        for (index, line) in self.first.iter().enumerate() {
            write!(f, "{}{line}", if index == 0 { " (" } else { ", " })?;
        }
        match self.first.len() {
            0 => Ok(()),
            listed if listed as u64 == self.count => f.write_str(")"),
            _ => f.write_str(", …)"),
        }
    }
}

impl<R: BufRead> SwfReader<R> {
    /// The jobs of `source`. Reading stops with an error at the first bad line past
    /// `bad_lines_max` of them.
    pub fn new(source: R, bad_lines_max: u64) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            line: 0,
            bad: BadLines::default(),
            bad_lines_max,
            left_out: 0,
            done: false,
        }
    }

    /// The bad lines up to here.
    pub const fn bad_lines(&self) -> &BadLines {
        &self.bad
    }

    /// How many jobs up to here were left out because they have no processors or no run time.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Brings the next line into the buffer, without its end. Whether there is one.
    fn read_line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let bytes = (&mut self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.buffer)?;
        if bytes == 0 {
            return Ok(false);
        }
        self.line += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        } else if bytes as u64 == LINE_BYTES_MAX {
            self.source.skip_until(b'\n')?;
        }
        Ok(true)
    }

    fn next_job(&mut self) -> Result<Option<SwfJob>, SwfError> {
        loop {
            let read = self.read_line();
            if !read.map_err(|source| SwfError::Read { line: self.line, source })? {
                return Ok(None);
            }
            match parse(&self.buffer, self.line) {
                Line::Job(job) => return Ok(Some(job)),
                Line::Remark => {}
                Line::LeftOut => self.left_out += 1,
                Line::Bad => {
                    self.bad.note(self.line);
                    if self.bad.count > self.bad_lines_max {
                        let (bad, bad_lines_max) = (self.bad.clone(), self.bad_lines_max);
                        return Err(SwfError::BadLines { bad, bad_lines_max });
                    }
                }
            }
        }
    }
}

impl<R: BufRead> Iterator for SwfReader<R> {
    type Item = Result<SwfJob, SwfError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let job = self.next_job().transpose();
        self.done = !matches!(job, Some(Ok(_)));
        job
    }
}

/// What a line says.
enum Line {
    Job(SwfJob),
    Remark,
    LeftOut,
    Bad,
}

fn parse(bytes: &[u8], line: u64) -> Line {
    match bytes.iter().find(|byte| !is_blank(**byte)) {
        None | Some(b';') => Line::Remark,
        Some(_) => fields(bytes).and_then(|fields| job(&fields, line)).unwrap_or(Line::Bad),
    }
}

/// None where a number is not one that the format allows at its place.
fn job(fields: &[i64; FIELDS], line: u64) -> Option<Line> {
    let [id, submit, _, run, allocated, _, _, asked, requested, ..] = *fields;
    let positive = |first: i64, second: i64| if first > 0 { first } else { second };
    let processors = positive(asked, allocated);
    let requested = positive(requested, run);
    let id = u64::try_from(id).ok()?;
    if submit < 0 || [submit, run, requested].iter().any(|seconds| *seconds > SECONDS_MAX) {
        return None;
    }
    if processors <= 0 || run <= 0 {
        return Some(Line::LeftOut);
    }
    let processors = u32::try_from(processors).ok()?;
    Some(Line::Job(SwfJob { id, submit, processors, requested, run: run.min(requested), line }))
}

/// The numbers of a line; none unless there are eighteen, and nothing else.
fn fields(bytes: &[u8]) -> Option<[i64; FIELDS]> {
    let mut fields = [0; FIELDS];
    let mut rest = bytes;
    for (index, field) in fields.iter_mut().enumerate() {
        (*field, rest) = number(skip_blanks(rest), is_measured(index))?;
    }
    skip_blanks(rest).is_empty().then_some(fields)
}

/// Whether the field is a measurement of which nothing here depends, and may have decimals: wait,
/// CPU time, the memories and what describes the job's owner.
const fn is_measured(index: usize) -> bool {
    !matches!(index, 0 | 1 | 3 | 4 | 7 | 8)
}

/// The number in front, and what follows it. Decimals, where allowed, are left away.
fn number(bytes: &[u8], decimals: bool) -> Option<(i64, &[u8])> {
    let (negative, digits) = match bytes.split_first()? {
        (b'-', digits) => (true, digits),
        _ => (false, bytes),
    };
    let (mut value, mut rest) = whole(digits)?;
    if let ([b'.', decimal @ ..], true) = (rest, decimals) {
        (_, rest) = whole(decimal)?;
    }
    if rest.first().is_some_and(|byte| !is_blank(*byte)) {
        return None;
    }
    if negative {
        value = -value;
    }
    Some((value, rest))
}

/// The digits in front, of which there must be one and which must not be too many.
fn whole(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value: i64 = 0;
    let mut length = 0;
    while let Some(digit) = bytes.get(length).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
        length += 1;
    }
    (length > 0).then(|| (value, &bytes[length..]))
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| is_blank(**byte)).count();
    &bytes[blanks..]
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const GOOD: &str = "\
; Version: 2.2
  1   10 5 100  4 -1 -1  8 300 -1 1 1 1 -1 -1 -1 -1 -1

2\t20 5 100  4 3.25 -1 -1  -1 -1 1 1 1 -1 -1 -1 -1 -1\r
3 20 5 400  0 -1 -1  8 300 -1 1 1 1 -1 -1 -1 -1 -1
4 20 5  -1  8 -1 -1  8 300 -1 1 1 1 -1 -1 -1 -1 -1
5 20 5 400 -1 -1 -1  0 300 -1 1 1 1 -1 -1 -1 -1 -1
6 20 5   0  8 -1 -1  8 300 -1 1 1 1 -1 -1 -1 -1 -1
7 30 5   1  1 -1 -1  1   1 -1 1 1 1 -1 -1 -1 -1 -1";

    fn read(text: &str, bad_lines_max: u64) -> (Vec<SwfJob>, SwfReader<&[u8]>) {
        let mut reader = SwfReader::new(text.as_bytes(), bad_lines_max);
        let jobs = reader.by_ref().map(|job| job.expect("the lines are good")).collect();
        (jobs, reader)
    }

    fn job(id: u64, submit: i64, shape: (u32, i64, i64), line: u64) -> SwfJob {
        let (processors, requested, run) = shape;
        SwfJob { id, submit, processors, requested, run, line }
    }

    #[test]
    fn requests_count_before_what_was_allocated_and_cut_the_run() {
        let (jobs, reader) = read(GOOD, 0);
        let expected = [
            job(1, 10, (8, 300, 100), 2),
            job(2, 20, (4, 100, 100), 4),
            job(3, 20, (8, 300, 300), 5),
            job(7, 30, (1, 1, 1), 9),
        ];
        assert_eq!(jobs, expected);
        assert_eq!(reader.left_out(), 3);
        assert_eq!(reader.bad_lines(), &BadLines::default());
    }

    /// The reader sees the same whatever the size of the pieces in which the source arrives.
    #[test]
    fn pieces_do_not_matter() {
        let whole = read(GOOD, 0).0;
        for capacity in 1..80 {
            let pieces = BufReader::with_capacity(capacity, GOOD.as_bytes());
            let jobs: Vec<_> =
                SwfReader::new(pieces, 0).map(|job| job.expect("the lines are good")).collect();
            assert_eq!(jobs, whole);
        }
    }

    #[test]
    fn bad_lines_are_counted_and_the_first_remembered() {
        let tail = " 5 100 4 -1 -1 8 300 -1 1 1 1 -1 -1 -1 -1 -1";
        let bad = [
            format!("x 10{tail}"),
            format!("1.5 10{tail}"),
            format!("1 -10{tail}"),
            format!("1 10{tail} 7"),
            format!("1 99999999999999999999{tail}"),
            format!("1 2000000000000{tail}"),
            "1 10 5 100 4 -1 -1 8 300 -1 1 1 1 -1 -1 -1 -1 -".to_owned(),
            "1 10 5 100 4 -1 -1 8 300".to_owned(),
            "1 10 5 100 4 -1 -1 8589934592 300 -1 1 1 1 -1 -1 -1 -1 -1".to_owned(),
            "9".repeat(20_000),
        ];
        let text = format!("{}\n1 10{tail}\n", bad.join("\n"));
        let (jobs, reader) = read(&text, 10);
        assert_eq!(jobs, [job(1, 10, (8, 300, 100), 11)]);
        assert_eq!(reader.bad_lines().to_string(), "10 lines (1, 2, 3, 4, 5, …)");
    }

    #[test]
    fn one_bad_line_too_many_ends_the_reading() {
        let text = format!("{GOOD}\ntruncated\n{GOOD}\n8 3\n{GOOD}");
        let mut reader = SwfReader::new(text.as_bytes(), 1);
        let error = reader.find_map(Result::err).expect("two lines are bad");
        assert_eq!(
            error.to_string(),
            "malformed or truncated: 2 lines (10, 20); at most 1 allowed"
        );
        assert!(reader.next().is_none());
    }
}
