//! Traces in comma-separated columns.

use std::io::Read;

use csv::StringRecord;
use leasehold_units::Instant;

use super::{BadLineCount, Jobs, TraceError, TraceJob};

/// How a format names what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Its name in scenario files.
    name: &'static str,
    /// How its header begins.
    header: &'static str,
    number: Option<&'static str>,
    submit: &'static str,
    gpus: &'static str,
    run: Run,
    request: Option<&'static str>,
    sorted: bool,
}

/// Where the run time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// A column of seconds.
    Length(&'static str),
    /// The difference of two columns.
    Between(&'static str, &'static str),
}

const LAYOUTS: [Layout; 5] = [
    Layout {
        name: "philly",
        header: "timestamp,duration,num_gpus",
        number: None,
        submit: "timestamp",
        gpus: "num_gpus",
        run: Run::Length("duration"),
        request: None,
        sorted: false,
    },
    Layout {
        name: "philly-arrivals",
        header: "#job id,arrival time (sec)",
        number: Some("#job id"),
        submit: "arrival time (sec)",
        gpus: "size",
        run: Run::Length("duration (sec)"),
        request: None,
        sorted: true,
    },
    Layout {
        name: "chronus",
        header: "job_id,user,num_gpu,submit_time",
        number: Some("job_id"),
        submit: "submit_time",
        gpus: "num_gpu",
        run: Run::Length("duration"),
        request: None,
        sorted: false,
    },
    Layout {
        name: "openb",
        header: "name,cpu_milli,memory_mib,num_gpu",
        number: None,
        submit: "creation_time",
        gpus: "num_gpu",
        run: Run::Between("scheduled_time", "deletion_time"),
        request: None,
        sorted: true,
    },
    Layout {
        name: "csv",
        header: "",
        number: Some("job_id"),
        submit: "submit",
        gpus: "gpus",
        run: Run::Length("run"),
        request: Some("request"),
        sorted: true,
    },
];

impl Layout {
    /// All names, for messages.
    pub fn names() -> String {
        LAYOUTS.map(|layout| layout.name).join(", ")
    }

    /// The layout of that name.
    pub fn named(name: &str) -> Option<Self> {
        LAYOUTS.into_iter().find(|layout| layout.name == name)
    }

    /// The layout that a header line belongs to.
    pub fn of_header(header: &str) -> Option<Self> {
        let plain = |layout: &Self| {
            let columns: Vec<&str> = header.split(',').map(str::trim).collect();
            ["submit", "gpus", "run"].iter().all(|column| columns.contains(column))
                && layout.name == "csv"
        };
        let begins = |layout: &Self| !layout.header.is_empty() && header.starts_with(layout.header);
        LAYOUTS.into_iter().find(|layout| begins(layout) || plain(layout))
    }
}

/// The jobs of a trace in columns.
pub struct CsvJobs<R> {
    reader: csv::Reader<R>,
    record: StringRecord,
    places: Places,
    bad: BadLineCount,
    bad_lines_max: u64,
    why: Option<String>,
    rows: u64,
    latest: u64,
    done: bool,
}

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
struct Places {
    layout: Layout,
    number: Option<usize>,
    submit: usize,
    gpus: usize,
    run: (usize, Option<usize>),
    request: Option<usize>,
}

impl Places {
    fn find(header: &StringRecord, layout: Layout) -> Result<Self, TraceError> {
        let place = |name: &str| header.iter().position(|column| column == name);
        let needed = |column: &'static str| {
            place(column).ok_or(TraceError::MissingColumn { column, format: layout.name })
        };
        let run = match layout.run {
            Run::Length(column) => (needed(column)?, None),
            Run::Between(from, until) => (needed(from)?, Some(needed(until)?)),
        };
        Ok(Self {
            layout,
            number: layout.number.and_then(place),
            submit: needed(layout.submit)?,
            gpus: needed(layout.gpus)?,
            run,
            request: layout.request.and_then(place),
        })
    }

    /// The job of a row; nothing where it has no GPU or no run time; else what is wrong with it.
    fn job(&self, row: &StringRecord, number: u64) -> Result<Option<TraceJob>, String> {
        let cell = |place: usize| row.get(place).unwrap_or_default();
        let name = |place: usize| format!("column {} is {:?}", place + 1, cell(place));
        let seconds = |place: usize| seconds(cell(place)).ok_or_else(|| name(place));
        let submit = match self.layout.name {
            "philly" => timestamp(cell(self.submit)).ok_or_else(|| name(self.submit))?,
            _ => seconds(self.submit)?,
        };
        let gpus: u32 = cell(self.gpus).parse().map_err(|_| name(self.gpus))?;
        let (from, until) = self.run;
        let run_seconds = match until {
            None => seconds(from)?,
            Some(_) if cell(from).is_empty() => return Ok(None),
            Some(until) => seconds(until)?.saturating_sub(seconds(from)?),
        };
        let requested = self.request.filter(|place| !cell(*place).is_empty());
        let requested_seconds = requested.map(seconds).transpose()?;
        let given = self.number.map(|place| cell(place).parse().map_err(|_| name(place)));
        let number = given.transpose()?.unwrap_or(number);
        let job = TraceJob { number, submit_seconds: submit, gpus, run_seconds, requested_seconds };
        Ok((gpus > 0 && run_seconds > 0).then_some(job))
    }
}

impl<R: Read + Send + 'static> CsvJobs<R> {
    /// The jobs of `source`, whose first line is its header.
    pub fn open(
        source: R,
        layout: Layout,
        bad_lines_max: u64,
        bad: &BadLineCount,
    ) -> Result<Jobs, TraceError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let header = reader.headers().map_err(std::io::Error::other)?.clone();
        let places = Places::find(&header, layout)?;
        let jobs = Self {
            reader,
            record: StringRecord::new(),
            places,
            bad: bad.clone(),
            bad_lines_max,
            why: None,
            rows: 0,
            latest: 0,
            done: false,
        };
        if layout.sorted {
            return Ok(Box::new(jobs));
        }
        let mut sorted = jobs.collect::<Result<Vec<TraceJob>, TraceError>>()?;
        sorted.sort_by_key(|job| (job.submit_seconds, job.number));
        Ok(Box::new(sorted.into_iter().map(Ok)))
    }

    fn next_job(&mut self) -> Result<Option<TraceJob>, TraceError> {
        loop {
            let line = self.reader.position().line();
            let read = self.reader.read_record(&mut self.record);
            let parsed = match read {
                Ok(false) => return Ok(None),
                Ok(true) => {
                    self.rows += 1;
                    self.places.job(&self.record, self.rows)
                }
                Err(error) if error.is_io_error() => {
                    return Err(TraceError::Read(std::io::Error::other(error)));
                }
                Err(error) => Err(error.to_string()),
            };
            match parsed {
                Ok(None) => {}
                Ok(Some(job)) if self.places.layout.sorted && job.submit_seconds < self.latest => {
                    return Err(TraceError::OutOfOrder { line });
                }
                Ok(Some(job)) => {
                    self.latest = job.submit_seconds;
                    return Ok(Some(job));
                }
                Err(why) => self.note_bad(line, why)?,
            }
        }
    }

    fn note_bad(&mut self, line: u64, why: String) -> Result<(), TraceError> {
        let mut bad = self.bad.borrow();
        bad.note(line);
        let why = self.why.get_or_insert(why).clone();
        if bad.count <= self.bad_lines_max {
            return Ok(());
        }
        let (bad, bad_lines_max) = (bad.clone(), self.bad_lines_max);
        Err(TraceError::BadLines { bad, bad_lines_max, why })
    }
}

impl<R: Read + Send + 'static> Iterator for CsvJobs<R> {
    type Item = Result<TraceJob, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_job().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Whole seconds of a decimal; parts of a second are dropped.
fn seconds(text: &str) -> Option<u64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok()
}

/// Seconds of a `2017-10-09 07:01:55`, which is read as UTC.
fn timestamp(text: &str) -> Option<u64> {
    let rfc = format!("{}Z", text.replacen(' ', "T", 1));
    u64::try_from(Instant::from_rfc3339(&rfc)?.unix()).ok()
}
